//! Sources that may go.

use std::fs;
use std::io::Read as _;
use std::path::PathBuf;

use sealdock::inbox::{Aside, Error, Root, put_back, remove_aside, set_aside};
use sealdock::model::{DepositId, Moment, Reason};
use sealdock::sys::Disk;

use super::shelf::CutAt;
use super::{Yard, all, raw};

fn sealed(root: &Root) -> Aside {
    let path = raw("d/a.mp4");
    let source = root.open_file(&path).expect("there").source;
    Aside { path, deposit: DepositId::new(Moment::UNIX_EPOCH, [7; 10]), source }
}

fn waits_at(yard: &Yard, aside: &Aside) -> PathBuf {
    yard.inbox.join(".sealdock-released").join(aside.deposit.to_string())
}

fn reason(error: Error) -> Reason {
    match error {
        Error::Refused(refusal) => refusal.reason,
        other => panic!("{other}"),
    }
}

#[test]
fn a_source_waits_aside_and_then_goes() {
    let yard = Yard::new();
    let (clip, root, disk) = (yard.write("d/a.mp4", b"clip"), yard.root(), Disk::default());
    let aside = sealed(&root);
    set_aside(&root, &aside, &disk).expect("set aside");
    set_aside(&root, &aside, &disk).expect("done already is no error");
    assert!(!clip.exists());
    assert!(all(&root).0.is_empty(), "it is no sighting");
    let mut open = aside.open(&root).expect("it waits");
    let mut bytes = Vec::new();
    open.file.read_to_end(&mut bytes).expect("read");
    assert_eq!(bytes, b"clip");
    remove_aside(&root, &aside, &open, &disk).expect("removed");
    assert!(!waits_at(&yard, &aside).exists());
    remove_aside(&root, &aside, &open, &disk).expect("gone is no error");
}

#[test]
fn what_is_not_exactly_what_was_sealed_stays() {
    let yard = Yard::new();
    let (clip, root, disk) = (yard.write("d/a.mp4", b"clip"), yard.root(), Disk::default());
    let aside = sealed(&root);
    fs::write(&clip, b"other").expect("written");
    assert_eq!(reason(set_aside(&root, &aside, &disk).expect_err("changed")), Reason::Changed);
    let aside = sealed(&root);
    fs::hard_link(&clip, yard.outside.join("second")).expect("linked");
    // The second name changes `changed` too, so the source is taken anew to see the link refused.
    assert_eq!(reason(set_aside(&root, &aside, &disk).expect_err("changed")), Reason::Changed);
    let aside = sealed(&root);
    assert_eq!(reason(set_aside(&root, &aside, &disk).expect_err("two names")), Reason::HardLink);
    assert_eq!(fs::read(&clip).expect("it stays"), b"other");
}

#[test]
fn what_changed_while_it_waited_is_not_removed() {
    let yard = Yard::new();
    yard.write("d/a.mp4", b"clip");
    let (root, disk) = (yard.root(), Disk::default());
    let aside = sealed(&root);
    set_aside(&root, &aside, &disk).expect("set aside");
    let hashed = aside.open(&root).expect("it waits");
    fs::write(waits_at(&yard, &aside), b"something else").expect("written");
    assert_eq!(reason(remove_aside(&root, &aside, &hashed, &disk).expect_err("changed")), Reason::Changed);
    assert_eq!(aside.open(&root).expect_err("changed").reason, Reason::Changed);
    put_back(&root, &aside, &disk).expect("put back");
    assert_eq!(fs::read(yard.inbox.join("d/a.mp4")).expect("back"), b"something else");
}

#[test]
fn putting_back_replaces_nothing_and_hides_nothing() {
    let yard = Yard::new();
    yard.write("d/a.mp4", b"clip");
    let (root, disk) = (yard.root(), Disk::default());
    let aside = sealed(&root);
    set_aside(&root, &aside, &disk).expect("set aside");
    yard.write("d/a.mp4", b"new clip");
    put_back(&root, &aside, &disk).expect("put back");
    assert_eq!(fs::read(yard.inbox.join("d/a.mp4")).expect("there"), b"new clip");
    assert_eq!(all(&root).0.len(), 2, "both are seen by the next scan");
}

#[test]
fn a_cut_at_any_step_loses_nothing() {
    for step in 0.. {
        let yard = Yard::new();
        let (clip, root) = (yard.write("d/a.mp4", b"clip"), yard.root());
        let aside = sealed(&root);
        let outcome = set_aside(&root, &aside, &CutAt::disk(step));
        assert!(clip.exists() != waits_at(&yard, &aside).exists(), "it is in one of two places");
        set_aside(&root, &aside, &Disk::default()).expect("a rerun finishes");
        assert_eq!(fs::read(waits_at(&yard, &aside)).expect("it waits"), b"clip");
        if outcome.is_ok() {
            assert!(step >= 5, "folder, its parent, rename, two folders");
            return;
        }
    }
}
