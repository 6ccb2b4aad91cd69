//! Receipts on their shelf.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sealdock::inbox::{Error, ReceiptShelf, Retry};
use sealdock::sys::{Disk, Step, Steps};

use super::Yard;

/// Every step from this one on fails, as after a power cut.
pub(super) struct CutAt(AtomicUsize);

impl CutAt {
    pub(super) fn disk(step: usize) -> Disk {
        Disk::watched(Arc::new(Self(AtomicUsize::new(step))))
    }
}

impl Steps for CutAt {
    fn before(&self, _: Step<'_>) -> io::Result<()> {
        let left =
            self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| Some(left.saturating_sub(1)));
        if left == Ok(0) { Err(io::Error::other("cut")) } else { Ok(()) }
    }
}

#[test]
fn receipts_are_written_once_and_may_be_written_again() {
    let yard = Yard::new();
    let shelf = ReceiptShelf::open_in(&yard.root(), &Disk::default()).expect("opened");
    shelf.put("1.json", b"{}").expect("put");
    shelf.put("1.json", b"{}").expect("the same again");
    let error = shelf.put("1.json", b"{} ").expect_err("other bytes");
    assert!(matches!(error, Error::Occupied { .. }));
    assert_eq!(error.retry(), Retry::Never);
    assert_eq!(fs::read(shelf.place("1.json")).expect("there"), b"{}");
    let names = fs::read_dir(yard.inbox.join(".receipts")).expect("listed").count();
    assert_eq!(names, 1, "no temporary stays");
}

#[test]
fn docks_can_read_their_receipts() {
    let yard = Yard::new();
    let shelf = ReceiptShelf::open_in(&yard.root(), &Disk::default()).expect("opened");
    shelf.put("1.json", b"{}").expect("put");
    let bits = |path| fs::metadata(path).expect("there").permissions().mode() & 0o7777;
    assert_eq!(bits(yard.inbox.join(".receipts")), 0o755);
    assert_eq!(bits(shelf.place("1.json")), 0o644);
}

#[test]
fn a_shelf_that_is_a_link_is_refused() {
    let yard = Yard::new();
    symlink(&yard.outside, yard.inbox.join(".receipts")).expect("linked");
    let error = ReceiptShelf::open_in(&yard.root(), &Disk::default()).expect_err("a link");
    assert!(matches!(error, Error::Shelf { .. }));
    fs::remove_file(yard.inbox.join(".receipts")).expect("removed");
    fs::write(yard.inbox.join(".receipts"), b"").expect("written");
    ReceiptShelf::open_in(&yard.root(), &Disk::default()).expect_err("a file");
    assert_eq!(fs::read_dir(&yard.outside).expect("listed").count(), 1, "nothing came outside");
}

#[test]
fn what_a_dock_put_in_the_way_is_neither_followed_nor_replaced() {
    let yard = Yard::new();
    let shelf = ReceiptShelf::open_in(&yard.root(), &Disk::default()).expect("opened");
    let target = yard.outside.join("target");
    symlink(&target, shelf.place("link.json")).expect("linked");
    symlink(&target, shelf.place(".temporary.json.new")).expect("linked");
    fs::create_dir(shelf.place("folder.json")).expect("made");
    for name in ["link.json", "folder.json"] {
        let error = shelf.put(name, b"{}").expect_err("occupied");
        assert!(matches!(error, Error::Occupied { .. }), "{name}: {error}");
    }
    shelf.put("temporary.json", b"{}").expect("the link under the temporary name is taken away");
    assert!(!target.exists(), "no link was followed");
}

#[test]
fn a_cut_at_any_step_leaves_a_whole_receipt_or_none() {
    for step in 0.. {
        let yard = Yard::new();
        let disk = CutAt::disk(step);
        let outcome =
            ReceiptShelf::open_in(&yard.root(), &disk).and_then(|shelf| shelf.put("1.json", b"{}"));
        let place = yard.inbox.join(".receipts/1.json");
        assert!(!place.exists() || fs::read(&place).expect("read") == b"{}");
        let shelf = ReceiptShelf::open_in(&yard.root(), &Disk::default()).expect("opened");
        shelf.put("1.json", b"{}").expect("a rerun finishes");
        assert_eq!(fs::read_dir(yard.inbox.join(".receipts")).expect("listed").count(), 1);
        if outcome.is_ok() {
            assert!(step >= 7, "folder, its parent, create, write, sync, rename, folder");
            return;
        }
    }
}

#[test]
fn the_home_has_a_shelf_too() {
    let yard = Yard::new();
    let shelf = ReceiptShelf::open_at(&yard.outside, &Disk::default()).expect("opened");
    shelf.put("1.json", b"{}").expect("put");
    assert_eq!(fs::read(yard.outside.join("1.json")).expect("there"), b"{}");
    ReceiptShelf::open_at(&yard.outside.join("gone"), &Disk::default()).expect_err("missing");
}

/// Makes every folder a moment before it would be made.
#[derive(Debug)]
struct Forestall;

impl Steps for Forestall {
    fn before(&self, step: Step<'_>) -> io::Result<()> {
        if let Step::MakeFolder(path) = step { fs::create_dir(path) } else { Ok(()) }
    }
}

#[test]
fn two_who_make_the_shelf_at_once_both_use_it() {
    let yard = Yard::new();
    let disk = Disk::watched(Arc::new(Forestall));
    let shelf = ReceiptShelf::open_in(&yard.root(), &disk).expect("made by somebody else meanwhile");
    shelf.put("1.json", b"{}").expect("put");
}

/// Every write fails, as on a full disk.
#[derive(Debug)]
struct Full;

impl Steps for Full {
    fn before(&self, step: Step<'_>) -> io::Result<()> {
        if let Step::Write(_) = step { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

#[test]
fn a_receipt_that_cannot_be_written_leaves_nothing_on_the_shelf() {
    let yard = Yard::new();
    let shelf = ReceiptShelf::open_in(&yard.root(), &Disk::watched(Arc::new(Full))).expect("opened");
    shelf.put("1.json", b"{}").expect_err("full");
    assert_eq!(fs::read_dir(yard.inbox.join(".receipts")).expect("listed").count(), 0);
}
