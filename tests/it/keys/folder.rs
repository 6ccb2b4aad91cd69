//! What lies in the folder, and what happens when it is not what it was.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sealdock::keys::{CUSTODY_FILE, Custody, Error, KeyState, Keyring, PrivateHalf, Role, UNLOCK_FILE};
use sealdock::model::Domain;
use sealdock::sys::{Disk, Step, Steps};

use super::{Archive, Cheap, make_at, passphrase};

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("listed").map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("there").permissions().mode() & 0o7777
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).expect("our names are text")
}

/// Replaces a file's bytes, read-only or not, and keeps its mode.
fn replace(path: &Path, bytes: &[u8]) {
    let kept = mode(path);
    std::fs::remove_file(path).expect("removed");
    std::fs::write(path, bytes).expect("written");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(kept)).expect("set");
}

#[test]
fn secrets_are_their_owners_alone_and_nothing_can_be_written_to() {
    let archive = Archive::new();
    assert_eq!(mode(&archive.folder()), 0o700);
    let mut secrets = 0;
    for path in files(&archive.folder()) {
        let is_secret = name(&path).ends_with(".secret") || name(&path).starts_with(CUSTODY_FILE);
        secrets += usize::from(is_secret);
        assert_eq!(mode(&path), if is_secret { 0o600 } else { 0o444 }, "{}", path.display());
    }
    assert_eq!(secrets, 3 + 2, "node, head, facts; custody and its signature");
    assert_eq!(files(archive.home.path()), [archive.folder()], "nothing stays beside it");
}

#[test]
fn a_folder_that_holds_anything_is_left_alone() {
    let home = tempfile::tempdir().expect("a temporary folder");
    let folder = home.path().join("keys");
    std::fs::create_dir(&folder).expect("made");
    make_at(&folder, &Disk::default()).expect("an empty folder is filled");
    let before = files(&folder);
    assert!(matches!(make_at(&folder, &Disk::default()), Err(Error::Exists { .. })));
    assert_eq!(files(&folder), before);

    let unfinished = home.path().join(".other.new");
    std::fs::create_dir(&unfinished).expect("made");
    let error = make_at(&home.path().join("other"), &Disk::default()).expect_err("refused");
    assert!(matches!(error, Error::Unfinished { folder } if folder == unfinished));
}

struct FailFrom(AtomicUsize);

impl Steps for FailFrom {
    fn before(&self, _: Step<'_>) -> io::Result<()> {
        let left =
            self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| Some(left.saturating_sub(1)));
        if left == Ok(0) { Err(io::Error::other("cut")) } else { Ok(()) }
    }
}

#[test]
fn a_cut_at_any_step_leaves_the_whole_folder_or_none() {
    for steps in 0.. {
        let home = tempfile::tempdir().expect("a temporary folder");
        let folder = home.path().join("keys");
        let made = make_at(&folder, &Disk::watched(Arc::new(FailFrom(steps.into()))));
        if folder.exists() {
            let keyring = Keyring::open(&folder).expect("whole");
            Custody::unlock(&keyring, &passphrase(), &Cheap).expect("whole");
        }
        match made {
            Ok(_) => return assert!(steps > 100, "every file is created, written, synced and renamed"),
            Err(error) => assert!(matches!(error, Error::Io { .. }), "{error}"),
        }
    }
}

#[test]
fn one_flipped_bit_in_any_file_is_found_and_no_file_is_needed_in_vain() {
    let archive = Archive::new();
    let works = || {
        let keyring = Keyring::open(&archive.folder())?;
        Custody::unlock(&keyring, &passphrase(), &Cheap)
    };
    for path in files(&archive.folder()) {
        if name(&path).ends_with(".pem") {
            // For people and openssl; nothing here trusts it.
            continue;
        }
        let whole = std::fs::read(&path).expect("read");
        for place in (0..whole.len()).step_by(1 + whole.len() / 7) {
            let mut bad = whole.clone();
            bad[place] ^= 1;
            replace(&path, &bad);
            let error = works().err().unwrap_or_else(|| panic!("{} byte {place}", path.display()));
            assert!(error.is_integrity(), "{error}");
        }
        replace(&path, &whole[..whole.len() - 1]);
        assert!(works().is_err(), "{} cut", path.display());
        std::fs::remove_file(&path).expect("removed");
        assert!(works().is_err(), "{} gone", path.display());
        std::fs::write(&path, &whole).expect("written");
        let kept = if name(&path).ends_with(".secret") { 0o600 } else { 0o444 };
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(kept)).expect("set");
    }
    works().expect("all is as it was");
}

#[test]
fn a_secret_that_others_may_read_is_refused() {
    let archive = Archive::new();
    let paths = files(&archive.folder());
    for path in paths.iter().filter(|path| name(path).ends_with(".secret")) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o640)).expect("set");
        assert!(matches!(Keyring::open(&archive.folder()), Err(Error::Exposed { mode: 0o640, .. })));
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("set");
    }
    Keyring::open(&archive.folder()).expect("as before");
}

#[test]
fn what_another_root_certified_is_refused() {
    let theirs = Archive::new();
    // A domain key; a root beside ours; and both.
    for prefixes in [vec!["domain-general-"], vec!["root-"], vec!["domain-general-", "root-"]] {
        let ours = Archive::new();
        let foreign = |path: &&PathBuf| prefixes.iter().any(|prefix| name(path).starts_with(prefix));
        for path in files(&theirs.folder()).iter().filter(foreign) {
            std::fs::copy(path, ours.folder().join(name(path))).expect("copied");
        }
        let Err(Error::Damaged { what, .. }) = Keyring::open(&ours.folder()) else {
            panic!("{prefixes:?} was taken")
        };
        assert_eq!(what.contains("two roots"), prefixes.contains(&"root-"), "{what}");
    }
}

#[test]
fn openssl_checks_signatures_and_certificates() {
    let archive = Archive::new();
    let message = archive.home.path().join("message");
    let signature = archive.home.path().join("message.sig");
    std::fs::write(&message, b"a receipt").expect("written");

    std::fs::write(&signature, archive.keyring.sign(b"a receipt")).expect("written");
    assert!(openssl_verifies(&archive.folder().join("node.pub.pem"), &message, &signature));
    std::fs::write(&signature, archive.keyring.sign_head(b"a receipt")).expect("written");
    assert!(openssl_verifies(&archive.folder().join("head.pub.pem"), &message, &signature));
    assert!(!openssl_verifies(&archive.folder().join("node.pub.pem"), &message, &signature));

    let root = archive.folder().join("root.pub.pem");
    assert_eq!(std::fs::read_to_string(&root).expect("read"), archive.keyring.root_public_pem());
    let mut certificates = 0;
    for path in files(&archive.folder()).iter().filter(|path| name(path).ends_with(".json")) {
        let beside = path.with_file_name(format!("{}.sig", name(path)));
        assert!(openssl_verifies(&root, path, &beside), "{}", path.display());
        certificates += 1;
    }
    assert_eq!(certificates, 10, "nine certificates and the custody file");
}

fn openssl_verifies(public: &Path, message: &Path, signature: &Path) -> bool {
    let outcome = Command::new("openssl")
        .args(["pkeyutl", "-verify", "-rawin", "-pubin", "-inkey"])
        .arg(public)
        .arg("-in")
        .arg(message)
        .arg("-sigfile")
        .arg(signature)
        .output()
        .expect("openssl is installed");
    outcome.status.success()
}

#[test]
fn without_the_custody_file_the_node_seals_only() {
    let archive = Archive::new();
    assert!(archive.keyring.custody_at_rest());
    std::fs::rename(archive.folder().join(CUSTODY_FILE), archive.home.path().join("safe")).expect("moved");
    let keyring = Keyring::open(&archive.folder()).expect("nothing that intake needs is gone");
    assert!(!keyring.custody_at_rest() && !archive.keyring.custody_at_rest());
    assert!(matches!(Custody::unlock(&keyring, &passphrase(), &Cheap), Err(Error::SealOnly)));
    let (_, file) = archive.seal(&[Domain::General]);
    keyring.verify_key_file(&file).expect("sealed as ever");
    assert!(keyring.list().iter().all(|key| key.private != PrivateHalf::Encrypted));
}

#[test]
fn the_list_says_where_each_private_half_is() {
    let archive = Archive::new();
    std::fs::write(archive.folder().join("epoch"), "1\n").expect("others keep small files here");
    std::fs::write(archive.folder().join(UNLOCK_FILE), "x\n").expect("written");
    let list = Keyring::open(&archive.folder()).expect("opened").list();
    assert_eq!(list.len(), 9);
    for key in list {
        let wanted = match key.role {
            Role::Node | Role::Head | Role::Facts => PrivateHalf::Held,
            Role::Root | Role::Domain(_) => PrivateHalf::Encrypted,
            Role::Escrow => PrivateHalf::Absent,
        };
        assert_eq!(key.private, wanted, "{}", key.role);
        assert_eq!((key.state, key.made), (KeyState::Living, super::now()));
    }
}

#[test]
fn another_passphrase_opens_nothing() {
    let archive = Archive::new();
    for wrong in ["三把钥匙 and a loc", "三把钥匙 and a lock ", "x"] {
        let wrong = sealdock::keys::Passphrase::new(wrong).expect("taken");
        let error = Custody::unlock(&archive.keyring, &wrong, &Cheap).expect_err("locked");
        assert!(matches!(error, Error::WrongPassphrase));
        assert!(!error.is_integrity());
    }
}
