//! Judges that are not ours: openssl for signatures, a page of Python for hashes.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use base64::Engine as _;
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::EncodePublicKey as _;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;

use super::cases::{signed, worked_example};
use super::desk::{head_key, node_key, strange_key};

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// What openssl says to a signature over bytes, under a key.
fn openssl_accepts(key: &SigningKey, bytes: &[u8], signature: &[u8]) -> bool {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    let pem = key.verifying_key().to_public_key_pem(LineEnding::LF).expect("a key");
    std::fs::write(at("key.pem"), pem).expect("written");
    std::fs::write(at("bytes"), bytes).expect("written");
    std::fs::write(at("signature"), signature).expect("written");
    let output = Command::new("openssl")
        .args(["pkeyutl", "-verify", "-rawin", "-pubin", "-inkey"])
        .arg(at("key.pem"))
        .arg("-sigfile")
        .arg(at("signature"))
        .arg("-in")
        .arg(at("bytes"))
        .output()
        .expect("openssl is there: scripts/setup brings it");
    output.status.success()
}

#[test]
fn openssl_verifies_a_receipt_and_refuses_a_changed_one() {
    let (bytes, signature) = signed(&worked_example().receipt(), &node_key());
    assert!(openssl_accepts(&node_key(), &bytes, &signature));
    assert!(!openssl_accepts(&strange_key(), &bytes, &signature));
    let changed = String::from_utf8(bytes).expect("text").replace("123456789", "123456788");
    assert!(!openssl_accepts(&node_key(), changed.as_bytes(), &signature));
}

#[test]
fn openssl_verifies_a_head() {
    let desk = worked_example();
    let note = desk.heads.last().expect("signed").note();
    let (text, line) = note.rsplit_once("\n\n").expect("a gap");
    let encoded = line.trim_end().rsplit(' ').next().expect("a signature");
    let signature = base64::engine::general_purpose::STANDARD.decode(encoded).expect("base64");
    assert!(openssl_accepts(&head_key(), format!("{text}\n").as_bytes(), &signature[4..]));
    assert!(!openssl_accepts(&head_key(), text.as_bytes(), &signature[4..]));
}

/// What Python says; nothing on a machine without it.
fn python(arguments: &[&str]) -> Option<Output> {
    let reader = project("tests/it/ledger/reader.py");
    match Command::new("python3").arg(reader).args(arguments).output() {
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        output => Some(output.expect("python3 starts")),
    }
}

/// What Python prints; an error where it refuses.
fn printed(output: &Output) -> Result<String, String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

#[test]
fn python_finds_the_same_roots() {
    for name in ["worked-example", "two-files", "dropped-content", "epoch-raised", "empty"] {
        let folder = project("fixtures/ledger/valid").join(name);
        let Some(output) = python(&[folder.to_str().expect("UTF-8")]) else { return };
        let expect = std::fs::read(folder.join("expect.json")).expect("readable");
        let expect: serde_json::Value = serde_json::from_slice(&expect).expect("JSON");
        let end = &expect["end"];
        let wanted = format!("{} {}", end["size"], end["root"].as_str().expect("text"));
        assert_eq!(printed(&output), Ok(wanted), "{name}");
    }
}

#[test]
fn python_finds_the_same_damage() {
    for name in ["flipped-content", "flipped-salt", "head-missing", "entries-swapped"] {
        let folder = project("fixtures/ledger/invalid").join(name);
        let Some(output) = python(&[folder.to_str().expect("UTF-8")]) else { return };
        let error = printed(&output).expect_err(name);
        assert!(error.contains("AssertionError"), "{name}: {error}");
    }
}

#[test]
fn python_follows_a_receipts_proof() {
    for (name, accepted) in [("valid/receipt", true), ("invalid/receipt-of-another-leaf", false)] {
        let file = project("fixtures/ledger").join(name).join("receipt.json");
        let Some(output) = python(&["receipt", file.to_str().expect("UTF-8")]) else { return };
        assert_eq!(printed(&output).is_ok(), accepted, "{name}");
    }
}
