//! Opening one file.

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::time::Duration;

use notify::event::AccessKind;
use notify::{EventKind, RecursiveMode, Watcher as _};
use rustix::fs::{CWD, Mode, mkfifoat};
use sealdock::inbox::{Error, Listing, Retry, Root, Typed, claims_about, has_namesakes};
use sealdock::model::{RawName, Reason};
use sealdock::rules::companions::Tie;
use sealdock::rules::naming::Patterns;
use sealdock::rules::settle::{Hint, SettlePolicy, Settled, Settling, Sighting, judge};

use super::{Yard, dock, raw};

#[test]
fn nothing_outside_can_be_opened_by_any_path() {
    let yard = Yard::new();
    yard.write("sub/clip.mp4", b"x");
    symlink(&yard.outside, yard.inbox.join("folder")).expect("linked");
    symlink("sub/clip.mp4", yard.inbox.join("within.mp4")).expect("linked");
    symlink("/proc/self/root/etc", yard.inbox.join("magic")).expect("linked");
    mkfifoat(CWD, yard.inbox.join("pipe"), Mode::RWXU).expect("made");
    let root = yard.root();
    for (path, reason) in [
        ("folder/secret.mp4", Reason::Symlink),
        ("within.mp4", Reason::Symlink),
        ("magic/passwd", Reason::Symlink),
        ("../outside/secret.mp4", Reason::OtherMount),
        ("sub/../../outside/secret.mp4", Reason::OtherMount),
        ("/etc/passwd", Reason::OtherMount),
        ("pipe", Reason::NotRegular),
        ("sub", Reason::NotRegular),
        ("gone.mp4", Reason::Vanished),
        ("sub/clip.mp4/x", Reason::Vanished),
        ("", Reason::Vanished),
        (&"x".repeat(256), Reason::NameTooLong),
        (&"x/".repeat(2500), Reason::NameTooLong),
    ] {
        let refusal = root.open_file(&raw(path)).expect_err(path);
        assert_eq!(refusal.reason, reason, "{path}");
        assert_eq!(root.stat(&raw(path)).expect_err(path).reason, reason, "{path}");
    }
    assert!(root.open_file(&raw("sub/clip.mp4")).is_ok());
}

/// Opening a pipe for reading would let through whoever waits to write to it.
#[test]
fn a_pipe_is_recognised_without_being_opened() {
    let yard = Yard::new();
    mkfifoat(CWD, yard.inbox.join("pipe"), Mode::RWXU).expect("made");
    yard.write("clip.mp4", b"x");
    let (told, opened) = std::sync::mpsc::channel();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let event = event.expect("events come");
        if matches!(event.kind, EventKind::Access(AccessKind::Open(_)))
            && !event.paths[0].ends_with("inbox")
        {
            let _ = told.send(event.paths[0].clone());
        }
    })
    .expect("a watcher");
    watcher.watch(&yard.inbox, RecursiveMode::NonRecursive).expect("watched");
    let root = yard.root();
    assert_eq!(root.open_file(&raw("pipe")).expect_err("it is no file").reason, Reason::NotRegular);
    root.open_file(&raw("clip.mp4")).expect("it is a file");
    let first = opened.recv_timeout(Duration::from_secs(20)).expect("the clip was opened");
    assert!(first.ends_with("clip.mp4"), "{} was opened", first.display());
}

fn settled(root: &Root, path: &RawName) -> Settled {
    let look = root.stat(path).expect("it is there").look(Duration::from_secs(1));
    let policy = SettlePolicy { quiet: Duration::ZERO, ignore: None };
    let sighting = Sighting::begin(look, Hint::None);
    match judge(&sighting.facts(path), &policy) {
        Settling::Settled(settled) => settled,
        other => panic!("{other:?}"),
    }
}

#[test]
fn any_change_of_an_open_source_is_noticed() {
    type Change = fn(&Yard);
    let changes: [(&str, Change, Reason); 5] = [
        ("append", |yard| append(yard, b"more"), Reason::Changed),
        ("same bytes, same length", |yard| drop(yard.write("a.mp4", b"once")), Reason::Changed),
        ("second name", |yard| link(yard, "b.mp4"), Reason::Changed),
        ("replaced", |yard| replace(yard, b"once"), Reason::Changed),
        ("removed", |yard| fs::remove_file(yard.inbox.join("a.mp4")).expect("gone"), Reason::Changed),
    ];
    for (what, change, reason) in changes {
        let yard = Yard::new();
        yard.write("a.mp4", b"once");
        let (root, path) = (yard.root(), raw("a.mp4"));
        let settled = settled(&root, &path);
        let open = root.open_file(&path).expect("opened");
        root.check_unchanged(&path, &open).expect("nothing happened yet");
        assert!(settled.is_still(&open.source));
        wait_for_the_clock_of_files(&yard);
        change(&yard);
        let refusal = root.check_unchanged(&path, &open).expect_err(what);
        assert!(refusal.reason == reason || refusal.reason == Reason::Vanished, "{what}");
        if let Ok(again) = root.open_file(&path) {
            assert!(!settled.is_still(&again.source), "{what}");
        }
    }
}

fn append(yard: &Yard, bytes: &[u8]) {
    let mut file = OpenOptions::new().append(true).open(yard.inbox.join("a.mp4")).expect("opened");
    file.write_all(bytes).expect("written");
}

fn link(yard: &Yard, name: &str) {
    fs::hard_link(yard.inbox.join("a.mp4"), yard.inbox.join(name)).expect("linked");
}

fn replace(yard: &Yard, bytes: &[u8]) {
    fs::write(yard.inbox.join("new"), bytes).expect("written");
    fs::rename(yard.inbox.join("new"), yard.inbox.join("a.mp4")).expect("renamed");
}

/// File times advance with the kernel's tick, a few milliseconds apart: waits until a new file gets a later
/// time than the clip has.
fn wait_for_the_clock_of_files(yard: &Yard) {
    let changed = |name: &str| yard.root().stat(&raw(name)).expect("there").changed;
    let before = changed("a.mp4");
    for _ in 0..1_000_000 {
        yard.write("tick", b"");
        if changed("tick") > before {
            return;
        }
    }
    panic!("the clock of files stands still");
}

#[test]
fn sources_say_what_was_seen() {
    let yard = Yard::new();
    yard.write("d/a.mp4", b"four");
    let open = yard.root().open_file(&raw("d/a.mp4")).expect("opened");
    assert_eq!(open.source.path, raw("d/a.mp4"));
    assert_eq!((open.source.size, open.links), (4, 1));
    assert_eq!(open.source.dock, dock("d1"));
}

#[test]
fn small_files_are_read_up_to_a_bound() {
    let yard = Yard::new();
    yard.write("a.md5", b"12345");
    let root = yard.root();
    assert_eq!(root.read_small(&raw("a.md5"), 5).expect("it fits"), b"12345");
    let refusal = root.read_small(&raw("a.md5"), 4).expect_err("too much");
    assert_eq!((refusal.reason, refusal.retry()), (Reason::TooLarge, Retry::Never));
}

#[test]
fn a_root_that_is_not_there_is_said_so() {
    let yard = Yard::new();
    let file = yard.write("file", b"");
    let missing = Root::open(dock("d1"), &yard.inbox.join("gone")).expect_err("missing");
    assert!(matches!(missing, Error::Missing { .. }));
    assert_eq!(missing.retry(), Retry::Later);
    let error = Root::open(dock("d1"), &file).expect_err("a file");
    assert!(matches!(error, Error::NotAFolder { .. }));
}

#[test]
fn a_root_that_is_replaced_is_not_there_any_more() {
    let yard = Yard::new();
    let root = yard.root();
    assert!(root.still_there());
    fs::rename(&yard.inbox, yard.outside.join("away")).expect("moved");
    assert!(!root.still_there());
    fs::create_dir(&yard.inbox).expect("made");
    assert!(!root.still_there(), "another folder under the same name is another inbox");
}

#[test]
fn typed_paths_are_resolved_and_what_lies_beneath_is_not() {
    let yard = Yard::new();
    let clip = yard.write("d/a.mp4", b"x");
    let (to_file, to_folder) = (yard.outside.join("file"), yard.outside.join("folder"));
    symlink(&clip, &to_file).expect("linked");
    symlink(&yard.inbox, &to_folder).expect("linked");
    symlink(&clip, yard.inbox.join("beneath.mp4")).expect("linked");
    let Typed::File { root, name } = Root::typed(dock("local"), &to_file).expect("there") else {
        panic!("it leads to a file");
    };
    let open = root.open_file(&name).expect("opened");
    assert_eq!(open.source.path, RawName::from(clip.canonicalize().expect("there").as_path()));
    let Typed::Folder(root) = Root::typed(dock("local"), &to_folder).expect("there") else {
        panic!("it leads to a folder");
    };
    assert!(root.open_file(&raw("d/a.mp4")).is_ok());
    assert_eq!(root.open_file(&raw("beneath.mp4")).expect_err("a link").reason, Reason::Symlink);
    assert!(matches!(Root::typed(dock("local"), &yard.inbox.join("no")), Err(Error::Missing { .. })));
}

#[test]
fn listings_are_bounded() {
    let yard = Yard::new();
    yard.write("d/1", b"");
    yard.write("d/2", b"");
    let root = yard.root();
    assert_eq!(root.list(&raw("d"), 1).expect("listed"), Listing::TooMany);
    let Listing::Whole(names) = root.list(&raw("d"), 2).expect("listed") else { panic!("two fit") };
    assert_eq!(names.len(), 2);
    assert_eq!(root.list(&raw("gone"), 2).expect_err("gone").reason, Reason::Vanished);
}

const MD5: &str = "d41d8cd98f00b204e9800998ecf8427e";

#[test]
fn checksums_beside_a_file_are_found() {
    let yard = Yard::new();
    yard.write("d/a.mp4", b"");
    yard.write("d/a.mp4.md5", MD5.as_bytes());
    yard.write("d/a.SHA256", format!("{}\n", "0".repeat(64)).as_bytes());
    yard.write("d/MD5SUMS", format!("{}  b.mp4\n{} *a.mp4\n", "1".repeat(32), "2".repeat(32)).as_bytes());
    let claims = claims_about(&yard.root(), &raw("d/a.mp4"));
    let told: Vec<_> = claims.iter().map(|claim| (claim.from.to_text(), claim.tie)).collect();
    assert_eq!(
        told,
        [
            ("d/a.mp4.md5".to_owned(), Tie::Name),
            ("d/a.SHA256".to_owned(), Tie::Stem),
            ("d/MD5SUMS".to_owned(), Tie::Name),
        ]
    );
    assert_eq!(claims[2].hex, "2".repeat(32));
}

#[test]
fn hostile_checksums_claim_nothing() {
    let yard = Yard::new();
    let name = OsStr::from_bytes(b"\xc4\xe3.mp4");
    fs::write(yard.inbox.join(name), b"").expect("written");
    symlink("/dev/zero", yard.inbox.join("a.mp4.md5")).expect("linked");
    mkfifoat(CWD, yard.inbox.join("a.mp4.sha256"), Mode::RWXU).expect("made");
    yard.write("a.md5", &vec![b'0'; 2_000_000]);
    fs::create_dir(yard.inbox.join("a.sha1")).expect("made");
    assert_eq!(claims_about(&yard.root(), &raw("a.mp4")), []);
}

#[test]
fn namesakes_are_clips_and_not_sidecars() {
    let yard = Yard::new();
    let patterns = Patterns::shipped().expect("sound");
    let (root, media) = (yard.root(), raw("d/a.mp4"));
    for name in ["d/a.mp4", "d/a.md5", "d/a.gps", "d/b.jpg", "d/a.part"] {
        yard.write(name, b"");
    }
    assert!(!has_namesakes(&root, &media, &patterns));
    yard.write("d/a.jpg", b"");
    assert!(has_namesakes(&root, &media, &patterns));
}
