//! The documents of a backup, as somebody may have left them on a disk that was carried about. The first byte says
//! which document and whether the rest is that document or edits of the true one (two bytes for a place, one to
//! change the byte there with). The manifest is signed anew, as the node itself would: what is behind the
//! signature must not rely on it.
#![no_main]

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use ed25519_dalek::{Signer as _, SigningKey};
use libfuzzer_sys::fuzz_target;
use sealdock::audit::Verdict;
use sealdock::audit::backup::{Checked, Error, Extent, State, Wanted, check};
use sealdock::daemon::lock::HomeLock;
use sealdock::daemon::{Archive, Making, NewPassphrase, Surroundings, make};
use sealdock::intake::{HandDeposit, Named};
use sealdock::keys::{Custody, Keyring, NodeSecrets, Passphrase};
use sealdock::model::{DockName, RawName};
use sealdock::sys::{Disk, OsEntropy, SystemClock};
use sealdock_fuzz::{Cheap, edited};

/// The documents, relative to the backup.
const DOCUMENTS: [&str; 4] = [
    "backup.json",
    "states/00000001/manifest.json",
    "states/00000001/SHA256SUMS",
    "states/00000001/keys/node-secrets.json",
];
const MANIFEST: usize = 1;
const SECRETS: usize = 3;

const PASSPHRASE: &str = "an example, not a secret";

struct Held {
    backup: PathBuf,
    true_ones: [Vec<u8>; 4],
    node: SigningKey,
    keyring: Keyring,
    custody: Custody,
    checked: Checked,
}

static HELD: LazyLock<Held> = LazyLock::new(|| {
    let folder = Path::new("/dev/shm").join(format!("sealdock-fuzz-backup-{}", std::process::id()));
    // Left by a process of the same number.
    let _ = std::fs::remove_dir_all(&folder);
    let (home, backup) = (folder.join("home"), folder.join("backup"));
    back_up(&folder, &home, &backup);
    let keyring = Keyring::open(&home.join("keys")).expect("its own keys");
    let passphrase = Passphrase::new(PASSPHRASE).expect("a phrase");
    let custody = Custody::unlock(&keyring, &passphrase, &Cheap).expect("its own phrase");
    let state = State::find(&backup, None).expect("its own backup");
    let checked = check(&state, &mut |_| ControlFlow::Continue(())).expect("nobody stops it");
    assert_eq!(checked.result, Verdict::Pass, "{:?}", checked.faults);
    let true_ones = DOCUMENTS.map(|name| std::fs::read(backup.join(name)).expect("read"));
    let node = node_key(&home.join("keys"));
    Held { backup, true_ones, node, keyring, custody, checked }
});

fuzz_target!(|input: &[u8]| {
    let Held { true_ones, .. } = &*HELD;
    let Some((first, rest)) = input.split_first() else { return };
    let which = usize::from(first >> 1) % DOCUMENTS.len();
    let true_one = &true_ones[which];
    let document = if first % 2 == 0 { rest.to_vec() } else { edited(true_one, rest) };
    if which == SECRETS {
        open_secrets(&document, true_one);
    } else {
        check_with(which, &document, true_one);
    }
});

fn check_with(which: usize, document: &[u8], true_one: &[u8]) {
    let Held { backup, node, checked, .. } = &*HELD;
    let path = backup.join(DOCUMENTS[which]);
    put(&path, document);
    if which == MANIFEST {
        put(&path.with_extension("json.sig"), &node.sign(document).to_bytes());
    }
    let is_true = document == true_one;
    match looked_at(backup) {
        Ok(found) if found.result == Verdict::Pass => {
            assert_eq!(
                (found.archive, found.root, &found.head),
                (checked.archive, checked.root, &checked.head)
            );
            assert!(is_true || which <= MANIFEST, "{} was changed and passes", DOCUMENTS[which]);
        }
        outcome => assert!(!is_true, "{outcome:?}"),
    }
    put(&path, true_one);
    if which == MANIFEST {
        put(&path.with_extension("json.sig"), &node.sign(true_one).to_bytes());
    }
}

/// All that the secrets are bound to stands outside of `sealed`, which holds them once for each key that opens them:
/// what is sealed to another key may be hurt.
fn open_secrets(document: &[u8], true_one: &[u8]) {
    let Held { keyring, custody, .. } = &*HELD;
    let opened = NodeSecrets::open(keyring, (Path::new(DOCUMENTS[SECRETS]), document), custody);
    if document == true_one {
        assert!(opened.is_ok(), "{:?}", opened.err());
    } else if opened.is_ok() {
        assert_eq!(bound(document), bound(true_one));
    }
}

fn bound(document: &[u8]) -> serde_json::Value {
    let mut value: serde_json::Value = serde_json::from_slice(document).expect("it was parsed");
    value.as_object_mut().expect("an object").remove("sealed");
    value
}

fn looked_at(backup: &Path) -> Result<Checked, Error> {
    check(&State::find(backup, None)?, &mut |_| ControlFlow::Continue(()))
}

fn put(path: &Path, bytes: &[u8]) {
    // What a backup holds is read-only.
    let _ = std::fs::remove_file(path);
    std::fs::write(path, bytes).expect("a folder in memory takes files");
}

/// An archive with one item, and its backup.
fn back_up(folder: &Path, home: &Path, backup: &Path) {
    let world = Surroundings {
        disk: Disk::default(),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(OsEntropy),
        stretch: Arc::new(Cheap),
        probe: PathBuf::from("/nowhere"),
    };
    let making = Making {
        home: home.to_owned(),
        profile: "plain".to_owned(),
        passphrase: NewPassphrase::Chosen(PASSPHRASE.to_owned().into()),
        shares: folder.join("shares"),
    };
    std::fs::create_dir_all(folder).expect("memory takes folders");
    make(&making, &world).expect("an archive");
    let source = folder.join("minutes.txt");
    std::fs::write(&source, b"minutes").expect("written");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let lock = HomeLock::alone(home).await.expect("free");
        let archive = tokio::task::block_in_place(|| Archive::open(&lock, &world)).expect("it opens");
        let named = Named { shown: RawName::from(source.as_path()), absolute: source };
        let (tell, mut told) = tokio::sync::mpsc::channel(16);
        let wanted = HandDeposit { paths: vec![named], dock: DockName::local() };
        archive.rooms.intake.deposit(wanted, tell).await.expect("deposited");
        assert!(told.recv().await.is_some_and(|outcome| outcome.taken.is_some()), "it is an item");
        tokio::task::block_in_place(|| {
            let wanted = Wanted { folder: backup.to_owned(), extent: Extent::Items };
            archive.rooms.backups.make(&wanted, &mut |_| ControlFlow::Continue(())).expect("a backup");
            drop(archive);
        });
    });
}

fn node_key(keys: &Path) -> SigningKey {
    let names = std::fs::read_dir(keys).expect("keys").map(|entry| entry.expect("listed").path());
    let is_node = |path: &PathBuf| {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        name.starts_with("node-") && name.ends_with(".secret")
    };
    let secret = names.into_iter().find(is_node).expect("the node's key");
    let bytes: [u8; 32] = std::fs::read(secret).expect("read").try_into().expect("a seed");
    SigningKey::from_bytes(&bytes)
}
