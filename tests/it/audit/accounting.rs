//! A home is destroyed while docks write, last night's backup is restored, and every single deposit is accounted for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;

use super::plain;
use crate::support::{Daemon, TestArchive, wait_until};

const DOCKS: usize = 4;

/// What the docks wrote, by inbox and name.
type Written = BTreeMap<(usize, String), Vec<u8>>;

fn clip(dock: usize, number: usize) -> Vec<u8> {
    let seed = dock * 1000 + number;
    (0..3_000 + 997 * (seed % 40)).map(|at| (at.wrapping_mul(31) ^ seed.wrapping_mul(7919)) as u8).collect()
}

fn write(inbox: &Path, (dock, number): (usize, usize), written: &mut Written) {
    let name = format!("{number:04}.bin");
    let mut bytes = clip(dock, number);
    // No two clips of one dock hold the same bytes.
    bytes.extend_from_slice(format!("{dock}/{number}").as_bytes());
    std::fs::write(inbox.join(&name), &bytes).expect("written");
    written.insert((dock, name), bytes);
}

fn receipted(inboxes: &[PathBuf]) -> usize {
    inboxes.iter().map(|inbox| TestArchive::receipts(&inbox.join(".receipts")).len()).sum()
}

/// One dock that writes a clip after another until it is told to stop.
fn dock_at_work((inbox, dock): (&Path, usize), stop: &AtomicBool) -> Written {
    let mut written = Written::new();
    let mut number = 100;
    while !stop.load(Ordering::SeqCst) {
        write(inbox, (dock, number), &mut written);
        number += 1;
        std::thread::sleep(Duration::from_millis(60));
    }
    written
}

/// The nightly backup is made while docks write, the day goes on, and then the machine is gone. Answers what the
/// docks wrote meanwhile.
fn last_day(archive: &TestArchive, inboxes: &[PathBuf], (daemon, backup): (Daemon, &Path)) -> Vec<Written> {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let docks: Vec<_> = (0..)
            .zip(inboxes)
            .map(|(dock, inbox)| {
                let stop = &stop;
                scope.spawn(move || dock_at_work((inbox, dock), stop))
            })
            .collect();
        let made = archive.run(&["backup", "--json", "--items", plain(backup)]).ends(0).json();
        let known = made["items"]["items"].as_u64().expect("a number");
        assert!(known >= 12, "{made}");
        wait_until("much was receipted after the backup", || receipted(inboxes) as u64 >= known + 30);
        daemon.kill();
        std::fs::remove_dir_all(archive.home()).expect("destroyed");
        stop.store(true, Ordering::SeqCst);
        docks.into_iter().map(|dock| dock.join().expect("wrote")).collect()
    })
}

#[test]
fn every_deposit_is_accounted_for_after_a_home_is_destroyed() {
    let archive = TestArchive::new();
    let inboxes: Vec<PathBuf> = (0..DOCKS).map(|dock| archive.add_inbox(&format!("dock-{dock}"))).collect();
    let (passphrase, backup) = (archive.beside("passphrase"), archive.beside("backup"));
    std::fs::copy(archive.home().join("keys/unlock"), &passphrase).expect("copied");
    let daemon = archive.daemon();
    let mut written = Written::new();
    for (dock, inbox) in inboxes.iter().enumerate() {
        (0..5).for_each(|number| write(inbox, (dock, number), &mut written));
    }
    wait_until("the first are receipted", || receipted(&inboxes) >= DOCKS * 3);
    written.extend(last_day(&archive, &inboxes, (daemon, &backup)).into_iter().flatten());
    // Docks that trusted their receipts have erased some of what was receipted after the backup.
    erase_some(&inboxes, &written);

    let said = archive.run(&["restore", "--json", plain(&backup), "--passphrase-file", plain(&passphrase)]);
    let report: Value = said.json();
    assert!(report["lost"].as_array().is_some_and(|lost| lost.len() >= 20), "{report}");
    assert!(report["unseen"].as_array().is_some_and(Vec::is_empty), "{report}");
    assert_eq!(said.code, 3, "evidence is missing, which the exit code says: {}", said.err);

    std::fs::copy(&passphrase, archive.home().join("keys/unlock")).expect("copied");
    let [one, two] = [1, 2].map(|number| archive.beside(&format!("home.shares/share-{number}.txt")));
    archive.run(&["restore", "confirm", "--share", plain(&one), "--share", plain(&two)]).ends(0);
    let daemon = archive.daemon();
    account(&archive, (&inboxes, &written), &report);
    assert_eq!(daemon.stop(), Some(0));
    archive.run(&["verify", "--all", "--open"]).ends(0);
    archive.run(&["ledger", "verify"]).ends(0);
    // And the same backup goes on.
    archive.run(&["backup", "--items", plain(&backup)]).ends(0);
    super::check(&backup, &[]).ends(0);
}

/// Erases every third source that has a receipt.
fn erase_some(inboxes: &[PathBuf], written: &Written) {
    for (dock, inbox) in inboxes.iter().enumerate() {
        for receipt in TestArchive::receipts(&inbox.join(".receipts")).iter().step_by(3) {
            let name = receipt["path"].as_str().expect("a path").to_owned();
            assert!(written.contains_key(&(dock, name.clone())), "{receipt}");
            std::fs::remove_file(inbox.join(name)).expect("erased");
        }
    }
}

/// The deposits that the report names as missing.
fn missing_of(report: &Value) -> Vec<(usize, String)> {
    let lost = report["lost"].as_array().expect("a list").iter();
    lost.filter(|lost| {
        !["in_inbox", "in_archive", "put_back"].contains(&lost["source"].as_str().unwrap_or(""))
    })
    .map(|lost| {
        let dock = lost["dock"].as_str().and_then(|dock| dock.strip_prefix("dock-")).expect("a dock");
        (dock.parse().expect("a number"), lost["path"].as_str().expect("a path").to_owned())
    })
    .collect()
}

/// Each source is retrievable byte for byte, or was named as missing; nothing else, and none twice.
fn account(archive: &TestArchive, (inboxes, written): (&[PathBuf], &Written), report: &Value) {
    let missing = missing_of(report);
    let kept = written.len() - missing.len();
    wait_until("what lies in the inboxes is taken in again", || archive.items().len() == kept);
    let mut found: BTreeMap<(usize, String), String> = BTreeMap::new();
    for item in archive.items() {
        let id = item["item"].as_str().expect("an id");
        let shown = archive.show(id);
        let deposits = shown["deposits"].as_array().expect("a list");
        assert_eq!(deposits.len(), 1, "{shown}");
        let dock =
            deposits[0]["dock"].as_str().and_then(|dock| dock.strip_prefix("dock-")).expect("a dock");
        let at = (dock.parse().expect("a number"), item["name"].as_str().expect("a name").to_owned());
        assert!(found.insert(at.clone(), id.to_owned()).is_none(), "{at:?} is there twice");
    }
    for (at, bytes) in written {
        let (retrieved, named) = (found.get(at), missing.contains(at));
        match (retrieved, named) {
            (Some(id), false) => assert!(archive.get(id) == *bytes, "{at:?} is not what was written"),
            (None, true) => assert!(!inboxes[at.0].join(&at.1).exists(), "{at:?} is named and lies there"),
            _ => panic!("{at:?}: retrievable {}, named as missing {named}", retrieved.is_some()),
        }
    }
    assert!(!missing.is_empty(), "the trial erased sources after the backup");
}
