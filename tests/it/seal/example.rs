//! The worked example in `FORMAT.md`, and openssl as a judge of it.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use sealdock::seal::FORMAT;
use sha2::Digest as _;

use super::by_hand::ByHand;
use super::vectors;

const BEGIN: &str = "<!-- example: written by tests/it/seal/example.rs -->\n";
const END: &str = "<!-- end of example -->";

/// The file of the example: one short segment.
pub(super) fn file() -> ByHand {
    vectors::of(b"hello, county\n".to_vec())
}

/// A name and its bytes, 32 to a line.
fn field(out: &mut String, name: &str, bytes: &[u8]) {
    for (line, part) in bytes.chunks(32).enumerate() {
        let name = if line == 0 { name } else { "" };
        writeln!(out, "{name:<20} {}", hex::encode(part)).expect("writing to a string");
    }
}

fn example() -> String {
    let (file, whole) = (file(), file().sealed());
    let mut out = String::from("```text\n");
    let mut add = |name, bytes: &[u8]| field(&mut out, name, bytes);
    add("item key", &file.item_key);
    add("facts key", &file.facts_key);
    add("node secret", &file.node);
    add("node public", file.signing_key().verifying_key().as_bytes());
    add("plaintext", &file.clear);
    out.push_str("\n-- derived --\n");
    let mut add = |name, bytes: &[u8]| field(&mut out, name, bytes);
    add("file key", &file.file_key());
    add("nonce prefix", &file.prefix());
    add("nonce of segment 0", &file.nonce(0, 1));
    add("facts section key", &file.facts_section_key(&file.header()));
    out.push_str("\n-- the file --\n");
    let footer = whole.len() - 128;
    let mut add = |name, range: std::ops::Range<usize>| field(&mut out, name, &whole[range]);
    add("magic", 0..8);
    add("version, suite", 8..12);
    add("segment size", 12..16);
    add("role, zeros", 16..24);
    add("archive", 24..40);
    add("item", 40..56);
    add("salt", 56..88);
    add("commitment", 88..120);
    add("segment 0", 120..134);
    add("its tag", 134..150);
    add("facts key id", 150..158);
    add("facts", 158..footer - 16);
    add("their tag", footer - 16..footer);
    add("body length", footer..footer + 8);
    add("facts length", footer + 8..footer + 16);
    add("digest", footer + 16..footer + 48);
    add("signer", footer + 48..footer + 56);
    add("signature", footer + 56..footer + 120);
    add("end magic", footer + 120..footer + 128);
    out.push_str("```\n\nThe facts, in clear:\n\n```json\n");
    out.push_str(std::str::from_utf8(&file.facts).expect("JSON"));
    out.push_str("\n```\n");
    out
}

#[test]
fn the_document_shows_the_example_as_it_is() {
    let (before, rest) = FORMAT.split_once(BEGIN).expect("FORMAT.md has a place for the example");
    let (shown, after) = rest.split_once(END).expect("FORMAT.md says where the example ends");
    if shown != example() && std::env::var_os(super::WRITE).is_some() {
        let text = format!("{before}{BEGIN}{}{END}{after}", example());
        std::fs::write(super::root().join("src/seal/FORMAT.md"), text).expect("writes FORMAT.md");
    } else {
        assert!(shown == example(), "stale example: set {}=1 to write it anew", super::WRITE);
    }
}

fn openssl(arguments: &[&str], folder: &Path) -> Vec<u8> {
    let run = Command::new("openssl").args(arguments).current_dir(folder).output();
    let run = run.unwrap_or_else(|error| panic!("openssl, which scripts/setup installs: {error}"));
    assert!(run.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&run.stderr));
    run.stdout
}

#[test]
fn openssl_derives_the_same_keys() {
    let file = file();
    let folder = tempfile::tempdir().expect("a folder");
    let derive = |secret: &[u8], info: &[u8]| {
        let [secret, salt, info] = [secret, &file.salt, info].map(hex::encode);
        let options = [format!("hexkey:{secret}"), format!("hexsalt:{salt}"), format!("hexinfo:{info}")];
        let [secret, salt, info] = options.each_ref().map(String::as_str);
        let arguments = ["kdf", "-binary", "-keylen", "32", "-kdfopt", "digest:SHA256", "-kdfopt", secret];
        openssl(&[&arguments[..], &["-kdfopt", salt, "-kdfopt", info, "HKDF"]].concat(), folder.path())
    };
    let of_item = |label| derive(&file.item_key, &file.item_info(label));
    assert_eq!(of_item("sealdock seal v1 file key"), file.file_key());
    assert_eq!(of_item("sealdock seal v1 nonce prefix")[..7], file.prefix());
    assert_eq!(of_item("sealdock seal v1 key commitment"), file.commitment());
    assert_eq!(
        derive(&file.facts_key, &ByHand::facts_info(&file.header())),
        file.facts_section_key(&file.header())
    );
}

/// GCM encrypts in counter mode from block 2, so that openssl, which has no GCM on the command line, can
/// still decrypt a segment.
#[test]
fn openssl_reads_content_and_facts() {
    let (file, whole) = (file(), file().sealed());
    let folder = tempfile::tempdir().expect("a folder");
    let decrypt = |key: [u8; 32], nonce: [u8; 12], sealed: &[u8]| {
        std::fs::write(folder.path().join("sealed"), sealed).expect("writes");
        let (key, iv) = (hex::encode(key), format!("{}00000002", hex::encode(nonce)));
        openssl(&["enc", "-d", "-aes-256-ctr", "-K", &key, "-iv", &iv, "-in", "sealed"], folder.path())
    };
    assert_eq!(decrypt(file.file_key(), file.nonce(0, 1), &whole[120..134]), file.clear);
    let facts = &whole[158..whole.len() - 128 - 16];
    assert_eq!(decrypt(file.facts_section_key(&file.header()), [0; 12], facts), file.facts);
}

#[test]
fn openssl_accepts_the_signature() {
    use ed25519_dalek::pkcs8::EncodePublicKey as _;
    let (file, whole) = (file(), file().sealed());
    let folder = tempfile::tempdir().expect("a folder");
    let footer = whole.len() - 128;
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).expect("writes");
    let pem = file.signing_key().verifying_key().to_public_key_pem(Default::default()).expect("a PEM");
    write("node.pem", pem.as_bytes());
    write("message", &[b"sealdock seal v1 footer\0", &whole[footer..footer + 56]].concat());
    write("signature", &whole[footer + 56..footer + 120]);
    let arguments = ["pkeyutl", "-verify", "-pubin", "-inkey", "node.pem", "-rawin", "-in", "message"];
    openssl(&[&arguments[..], &["-sigfile", "signature"]].concat(), folder.path());
    write("before", &whole[..footer]);
    let digest = openssl(&["dgst", "-sha256", "-binary", "before"], folder.path());
    assert_eq!(digest, whole[footer + 16..footer + 48]);
    assert_eq!(digest, sha2::Sha256::digest(&whole[..footer])[..]);
}
