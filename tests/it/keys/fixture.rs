//! The keys of an archive that was made once and must open for ever: `fixtures/keys/`.
//!
//! `SEALDOCK_WRITE_FIXTURES=1` writes it anew, from randomness that is none.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use sealdock::keys::{
    Custody, EscrowKey, EscrowRule, FORMAT, Keyring, Making, Passphrase, SealRequest, Share, StretchHere,
};
use sealdock::model::{Domain, Generation, ItemId};
use sealdock::seal::{ItemKey, KeyFile};
use sealdock::sys::{Disk, Entropy};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::now;

/// What the folder holds besides the keys: `expected.json`.
#[derive(Serialize, Deserialize)]
struct Expected {
    passphrase: String,
    shares: Vec<String>,
    item_key: String,
}

/// SHA-256 of 0, 1, 2 …: the same bytes on every run.
#[derive(Default)]
struct Counted(AtomicU64);

impl Entropy for Counted {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let count = self.0.fetch_add(1, Ordering::SeqCst);
            chunk.copy_from_slice(&Sha256::digest(count.to_be_bytes())[..chunk.len()]);
        }
    }
}

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/keys")
}

/// Makes the keys in `home/archive`, and returns what belongs beside them.
fn make(home: &Path) -> (Expected, KeyFile) {
    let entropy = Counted::default();
    let phrase = "an example, not a secret";
    let (keyring, shares) = Keyring::make(&Making {
        folder: &home.join("archive"),
        disk: &Disk::default(),
        entropy: &entropy,
        now: now(),
        passphrase: &Passphrase::new(phrase).expect("taken"),
        stretch: &StretchHere,
        escrow: EscrowRule::DEFAULT,
    })
    .expect("made");
    let key = [0x5a; 32];
    let file = keyring
        .seal_item_key(&SealRequest {
            key: &ItemKey::from_bytes(key),
            item: ItemId::new(now(), [0x17; 10]),
            domains: &[Domain::Commercial, Domain::Personal],
            generation: Generation(1),
            commitment: [0xc0; 32],
            entropy: &entropy,
        })
        .expect("sealed");
    let shares = shares.iter().map(|share| share.text().to_owned()).collect();
    (Expected { passphrase: phrase.to_owned(), shares, item_key: hex::encode(key) }, file)
}

fn read_folder(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(folder).expect("listed").map(|entry| entry.expect("an entry"));
    entries
        .map(|entry| {
            let name = entry.file_name().into_string().expect("our names are text");
            (name, std::fs::read(entry.path()).expect("read"))
        })
        .collect()
}

/// A copy with the modes that git does not keep.
fn copied(home: &Path) -> PathBuf {
    let folder = home.join("keys");
    let disk = Disk::default();
    disk.make_folder(&folder, 0o700).expect("made");
    for (name, bytes) in read_folder(&fixture().join("archive")) {
        disk.write_new(&folder.join(name), &bytes, 0o600).expect("written");
    }
    folder
}

#[test]
fn the_fixture_opens_with_its_passphrase_and_with_its_shares() {
    let home = tempfile::tempdir().expect("a temporary folder");
    let keyring = Keyring::open(&copied(home.path())).expect("opened");
    let expected = std::fs::read(fixture().join("expected.json")).expect("read");
    let expected: Expected = serde_json::from_slice(&expected).expect("as it was written");
    let file =
        KeyFile::parse(&std::fs::read(fixture().join("item.keys")).expect("read")).expect("a key file");

    let passphrase = Passphrase::new(&expected.passphrase).expect("taken");
    let custody = Custody::unlock(&keyring, &passphrase, &StretchHere).expect("unlocked");
    let opened = custody.open(&keyring, &file).expect("opened");
    assert_eq!(hex::encode(opened.expose()), expected.item_key);

    let shares: Vec<Share> = expected.shares.iter().skip(1).map(|text| Share::new(text)).collect();
    let escrow = EscrowKey::combine(&keyring, &shares).expect("combined");
    let opened = escrow.open(&keyring, &file).expect("opened");
    assert_eq!(hex::encode(opened.expose()), expected.item_key);
}

#[test]
fn the_fixture_is_what_this_code_writes() {
    let home = tempfile::tempdir().expect("a temporary folder");
    let (expected, file) = make(home.path());
    let mut expected = serde_json::to_vec_pretty(&expected).expect("text");
    expected.push(b'\n');
    if std::env::var_os("SEALDOCK_WRITE_FIXTURES").is_some() {
        let _ = std::fs::remove_dir_all(fixture());
        std::fs::create_dir_all(fixture().join("archive")).expect("made");
        for (name, bytes) in read_folder(&home.path().join("archive")) {
            std::fs::write(fixture().join("archive").join(name), bytes).expect("written");
        }
        std::fs::write(fixture().join("expected.json"), &expected).expect("written");
        std::fs::write(fixture().join("item.keys"), file.to_bytes()).expect("written");
    }
    assert_eq!(read_folder(&home.path().join("archive")), read_folder(&fixture().join("archive")));
    assert_eq!(std::fs::read(fixture().join("expected.json")).expect("read"), expected);
    assert_eq!(std::fs::read(fixture().join("item.keys")).expect("read"), file.to_bytes());
}

#[test]
fn the_example_in_the_format_text_is_the_fixture() {
    let archive = read_folder(&fixture().join("archive"));
    let node = archive.keys().find(|name| name.starts_with("node-") && name.ends_with(".json"));
    let node = node.expect("a node certificate");
    let certificate = String::from_utf8(archive[node].clone()).expect("text");
    let signature = hex::encode(&archive[&format!("{node}.sig")]);
    let expected = std::fs::read(fixture().join("expected.json")).expect("read");
    let expected: Expected = serde_json::from_slice(&expected).expect("as it was written");
    for text in [node, &certificate, &signature, &expected.shares[0]] {
        assert!(FORMAT.contains(text.as_str()), "FORMAT.md lacks {text}");
    }
}
