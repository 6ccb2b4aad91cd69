//! Tests of this room from outside.

mod by_the_text;
mod fixture;
mod folder;
mod key_files;
mod shares;

use std::path::Path;

use sealdock::keys::{
    Cost, Error, EscrowRule, Keyring, Making, Passphrase, SealRequest, Share, Stretch, StretchHere,
    Stretched,
};
use sealdock::model::{Domain, Generation, ItemId, Moment};
use sealdock::seal::{ItemKey, KeyFile};
use sealdock::sys::{Disk, Entropy, OsEntropy};

/// Argon2 at a cost that tests can pay, whatever the file asks for.
struct Cheap;

impl Stretch for Cheap {
    fn stretch(&self, passphrase: &Passphrase, salt: &[u8; 32], _: Cost) -> Result<Stretched, Error> {
        StretchHere.stretch(passphrase, salt, Cost { memory_kib: 64, passes: 1, lanes: 1 })
    }
}

fn passphrase() -> Passphrase {
    Passphrase::new("三把钥匙 and a lock").expect("taken")
}

fn now() -> Moment {
    "2026-03-02T01:02:03Z".parse().expect("a moment")
}

fn make_at(folder: &Path, disk: &Disk) -> Result<(Keyring, Vec<Share>), Error> {
    Keyring::make(&Making {
        folder,
        disk,
        entropy: &OsEntropy,
        now: now(),
        passphrase: &passphrase(),
        stretch: &Cheap,
        escrow: EscrowRule::DEFAULT,
    })
}

/// A new archive's keys in a folder that goes away with the test.
struct Archive {
    home: tempfile::TempDir,
    keyring: Keyring,
    shares: Vec<Share>,
}

impl Archive {
    fn new() -> Self {
        let home = tempfile::tempdir().expect("a temporary folder");
        let (keyring, shares) = make_at(&home.path().join("keys"), &Disk::default()).expect("made");
        Self { home, keyring, shares }
    }

    fn folder(&self) -> std::path::PathBuf {
        self.home.path().join("keys")
    }

    /// A key file for an item of its own, and the key in it.
    fn seal(&self, domains: &[Domain]) -> ([u8; 32], KeyFile) {
        let entropy: &dyn Entropy = &OsEntropy;
        let key = entropy.bytes();
        let file = self
            .keyring
            .seal_item_key(&SealRequest {
                key: &ItemKey::from_bytes(key),
                item: ItemId::new(now(), entropy.bytes()),
                domains,
                generation: Generation(1),
                commitment: entropy.bytes(),
                entropy,
            })
            .expect("sealed");
        (key, file)
    }

    /// Signs a changed key file as a thief of the node key could.
    fn resign(&self, mut file: KeyFile) -> KeyFile {
        file.signer = self.keyring.signer();
        file.signature = self.keyring.sign(&file.signed_bytes());
        file
    }
}
