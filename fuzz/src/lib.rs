//! What the targets share: an archive whose every secret is known, and JSON in its one canonical form.
//!
//! A signature would stop a fuzzer at the door, and what is behind it would never be tried. So targets sign
//! what was mutated, with these keys: the parsers behind the door must not rely on it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, Ordering};

use ed25519_dalek::{Signer as _, SigningKey};
use sealdock::keys::{
    Cost, EscrowRule, Keyring, Making, Passphrase, Share, Stretch, StretchHere, Stretched,
};
use sealdock::model::Moment;
use sealdock::sys::{Disk, Entropy};

/// Where the archives of targets lie: memory, since each execution writes and reads.
const MEMORY: &str = "/dev/shm";

/// An archive whose every secret is known.
pub struct House {
    /// Its folder of keys.
    pub folder: PathBuf,
    /// Its keys.
    pub keyring: Keyring,
    /// The shares of its escrow key: two of three bring it back.
    pub shares: Vec<Share>,
    /// Its root.
    pub root: SigningKey,
}

impl House {
    /// Makes one, in a folder of this process.
    ///
    /// # Panics
    /// Where the folder cannot be written.
    #[must_use]
    pub fn build() -> Self {
        let folder = Path::new(MEMORY).join(format!("sealdock-fuzz-{}", std::process::id()));
        // Left by a process of the same number.
        let _ = std::fs::remove_dir_all(&folder);
        let (keyring, shares) = Keyring::make(&Making {
            folder: &folder,
            disk: &Disk::default(),
            entropy: &Counted::default(),
            now: Moment::UNIX_EPOCH,
            passphrase: &passphrase(),
            stretch: &Cheap,
            escrow: EscrowRule::DEFAULT,
        })
        .expect("a folder in memory takes keys");
        // The root is drawn second, after the archive's id.
        Self { folder, keyring, shares, root: SigningKey::from_bytes(&[2; 32]) }
    }

    /// Writes a document and the root's signature over it, where the keys read them.
    ///
    /// # Panics
    /// Where the folder cannot be written.
    pub fn sign_and_write(&self, path: &Path, document: &[u8]) {
        let signature = self.root.sign(document).to_bytes();
        let beside = format!("{}.sig", path.display());
        for (path, bytes) in [(path, document), (Path::new(&beside), &signature)] {
            // Certificates are read-only files.
            let _ = std::fs::remove_file(path);
            std::fs::write(path, bytes).expect("a folder in memory takes files");
        }
    }
}

/// What the custodian keys of a [`House`] rest under.
///
/// # Panics
/// Never: the phrase is a good one.
#[must_use]
pub fn passphrase() -> Passphrase {
    Passphrase::new("an example, not a secret").expect("a phrase")
}

/// Stretches as little as Argon2id can, whatever it is asked for: slow by design, it would be all that is
/// tried.
pub struct Cheap;

impl Stretch for Cheap {
    fn stretch(
        &self,
        passphrase: &Passphrase,
        salt: &[u8; 32],
        _: Cost,
    ) -> Result<Stretched, sealdock::keys::Error> {
        StretchHere.stretch(passphrase, salt, Cost { memory_kib: 8, passes: 1, lanes: 1 })
    }
}

/// Bytes of 1, then of 2, and so on: keys that differ, and are known.
#[derive(Default)]
struct Counted(AtomicU8);

impl Entropy for Counted {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0.fetch_add(1, Ordering::Relaxed) + 1);
    }
}

/// A document with edits in it: two bytes for a place, one to change the byte there with.
///
/// # Panics
/// Where the document is empty.
#[must_use]
pub fn edited(document: &[u8], edits: &[u8]) -> Vec<u8> {
    let mut document = document.to_vec();
    for edit in edits.chunks_exact(3) {
        let place = usize::from(u16::from_be_bytes([edit[0], edit[1]])) % document.len();
        document[place] ^= edit[2];
    }
    document
}

/// Whether a text is JSON in its one canonical form (RFC 8785), by another reader than the one under test.
#[must_use]
pub fn is_canonical(text: &[u8]) -> bool {
    let value: Result<serde_json::Value, _> = serde_json::from_slice(text);
    value.is_ok_and(|value| serde_json_canonicalizer::to_vec(&value).is_ok_and(|again| again == text))
}
