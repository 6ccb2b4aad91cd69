//! The backup that the daemon makes by itself.

use super::{Office, check, plain};
use crate::support::{TestArchive, wait_until};

#[test]
fn it_is_made_again_and_again_and_told_of() {
    let office = Office::new();
    let backup = office.backup();
    office.archive.set(&format!("[backup]\ndir = {backup:?}\nevery = \"1s\"\nitems = true"));
    let daemon = office.archive.daemon();
    std::fs::write(office.inbox.join("clip.bin"), [5; 90_000]).expect("written");
    wait_until("its receipt lies there", || {
        !TestArchive::receipts(&office.inbox.join(".receipts")).is_empty()
    });
    wait_until("a backup holds it", || {
        let said = check(&backup, &["--json"]);
        said.code == 0 && said.json()["items"]["items"] == 1
    });
    let status = || office.archive.run(&["status", "--json"]).ends(0).json()["backup"].clone();
    let told = status();
    assert_eq!((&told["folder"], &told["content"]), (&plain(&backup).into(), &"items".into()));
    let first = told["last"].clone();
    assert!(first.is_string() && told["trouble"].is_null(), "{told}");
    wait_until("another one is made", || status()["last"] != first);
    let doctor = office.archive.run(&["doctor", "--json"]).out;
    assert!(doctor.contains("backup_on_same_disk") && !doctor.contains("no_backup"), "{doctor}");
    assert_eq!(daemon.stop(), Some(0));
    // In a command's own process as well: the folder is asked.
    assert!(status()["last"].is_string());
}

#[test]
fn one_that_fails_is_told_of_and_tried_again_and_takes_nothing_from_intake() {
    let office = Office::new();
    let backup = office.archive.write("backup", b"a file where a folder should be");
    office.archive.set(&format!("[backup]\ndir = {backup:?}\nevery = \"1s\""));
    let daemon = office.archive.daemon();
    let status = || office.archive.run(&["status", "--json"]).ends(0).json();
    wait_until("the trouble is told", || status()["backup"]["trouble"]["attempts"].as_u64() >= Some(1));
    let said = office.archive.run(&["status"]).ends(0).out;
    assert!(said.contains("FAILS"), "{said}");
    let doctor = office.archive.run(&["doctor", "--json"]).ends(1).out;
    assert!(doctor.contains("backup_fails"), "{doctor}");
    assert!(
        office.archive.journal().contains("a backup could not be made"),
        "{}",
        office.archive.journal()
    );
    std::fs::write(office.inbox.join("clip.bin"), b"bytes").expect("written");
    wait_until("its receipt lies there", || {
        !TestArchive::receipts(&office.inbox.join(".receipts")).is_empty()
    });
    assert_eq!(status()["intake"]["state"], "running");
    std::fs::remove_file(&backup).expect("removed");
    wait_until("it comes through by itself", || {
        let told = status()["backup"].clone();
        told["last"].is_string() && told["trouble"].is_null()
    });
    assert_eq!(daemon.stop(), Some(0));
    check(&backup, &[]).ends(0);
}

#[test]
fn settings_that_would_save_into_what_is_saved_are_refused() {
    for dir in ["backup", "../dock/backup", ".."] {
        let office = Office::new();
        office.archive.set(&format!("[backup]\ndir = {dir:?}"));
        let said = office.archive.run(&["status"]).ends(1);
        assert!(said.err.contains("must lie apart"), "{dir}: {}", said.err);
    }
}
