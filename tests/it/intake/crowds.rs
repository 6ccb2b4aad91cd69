//! Many files, many changes, and neighbours who must not notice.

use std::fs;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Yard, sighting};
use crate::support::{TestArchive, wait_until};

#[test]
fn a_crowd_of_files_is_taken_and_a_neighbour_comes_in_between() {
    const CROWD: usize = 3000;
    let yard = Yard::new();
    let neighbour = yard.archive.add_inbox("neighbour");
    for number in 0..CROWD {
        yard.put(format!("{}/{number}.log", number % 7), format!("line {number}").as_bytes());
    }
    let daemon = yard.archive.daemon();
    // Counted, not read: reading thousands over and over would slow what is measured.
    let shelf = yard.inbox.join(".receipts");
    let is_receipt = |entry: &std::io::Result<fs::DirEntry>| {
        entry.as_ref().is_ok_and(|entry| entry.file_name().as_encoded_bytes().ends_with(b".json"))
    };
    let receipts = || fs::read_dir(&shelf).map_or(0, |names| names.filter(is_receipt).count());
    wait_until("the crowd is on its way", || receipts() > 10);
    fs::write(neighbour.join("clip.mp4"), b"the neighbour's").expect("written");
    let theirs = || TestArchive::receipts(&neighbour.join(".receipts")).len();
    wait_until("the neighbour has a receipt", || theirs() == 1);
    let still = CROWD.saturating_sub(receipts());
    assert!(still > CROWD / 4, "the crowd was nearly through: only {still} files were left");
    // By and by, since a busy machine takes its time for all.
    for part in (0..=CROWD).step_by(CROWD / 10) {
        wait_until(&format!("{part} have receipts"), || receipts() >= part);
    }
    assert_eq!(yard.receipts().len(), CROWD);
    yard.wait_for("sealed", CROWD as u64);
    assert_eq!(daemon.stop(), Some(0));
    assert_eq!(yard.archive.items().len(), CROWD + 1);
}

#[test]
fn a_file_that_grows_for_ever_waits_and_its_neighbours_do_not() {
    let yard = Yard::new();
    let daemon = yard.archive.daemon();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let grower = scope.spawn(|| {
            let mut file = fs::File::create(yard.inbox.join("growing.mp4")).expect("created");
            while !over.load(Ordering::Relaxed) {
                file.write_all(&[7; 1000]).expect("written");
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
        });
        yard.put("good.mp4", b"good");
        let receipts = yard.wait_for_receipts(1);
        let seen = sighting(&yard.status(), "growing.mp4");
        over.store(true, Ordering::Relaxed);
        grower.join().expect("grew");
        assert!(receipts.contains_key("good.mp4"));
        assert_eq!(seen.expect("listed")["state"], "waiting");
    });
    let receipts = yard.wait_for_receipts(2);
    let length = fs::metadata(yard.inbox.join("growing.mp4")).expect("there").len();
    assert_eq!(receipts["growing.mp4"]["size"], length);
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn a_storm_of_renames_loses_nothing_and_troubles_no_neighbour() {
    let yard = Yard::new();
    let neighbour = yard.archive.add_inbox("neighbour");
    let daemon = yard.archive.daemon();
    yard.put("tree/a/b/c/d/0.mp4", b"in the storm");
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let storm = scope.spawn(|| {
            let (one, two) = (yard.inbox.join("tree"), yard.inbox.join("eert"));
            while !over.load(Ordering::Relaxed) {
                fs::rename(&one, &two).expect("moved");
                fs::rename(yard.inbox.join("eert/a/b/c/d/0.mp4"), yard.inbox.join("eert/1.mp4"))
                    .expect("on");
                fs::rename(yard.inbox.join("eert/1.mp4"), yard.inbox.join("eert/a/b/c/d/0.mp4"))
                    .expect("back");
                fs::rename(&two, &one).expect("moved back");
            }
        });
        fs::write(neighbour.join("clip.mp4"), b"the neighbour's").expect("written");
        let theirs = || TestArchive::receipts(&neighbour.join(".receipts")).len();
        wait_until("the neighbour has a receipt", || theirs() == 1);
        over.store(true, Ordering::Relaxed);
        storm.join().expect("stormed");
    });
    wait_until("the file has a receipt", || {
        yard.receipts().iter().any(|receipt| receipt["path"] == "tree/a/b/c/d/0.mp4")
    });
    assert_eq!(daemon.stop(), Some(0));
    assert_eq!(yard.archive.items().len(), 2);
}
