//! What goes into a backup, what never does, and where none is made.

use super::{Office, check, files, plain};
use crate::support::TestArchive;

#[test]
fn no_secret_and_no_passphrase_lies_in_it() {
    let office = Office::lived_in();
    office.back_up(&["--items"]);
    let keys = office.archive.home().join("keys");
    let mut secrets: Vec<Vec<u8>> = Vec::new();
    for path in files(&keys) {
        if path.extension().is_some_and(|ending| ending == "secret") {
            let secret = std::fs::read(&path).expect("read");
            secrets.push(hex::encode(&secret).into_bytes());
            secrets.push(secret);
        }
    }
    let passphrase = std::fs::read_to_string(keys.join("unlock")).expect("read");
    secrets.push(passphrase.trim().as_bytes().to_vec());
    assert_eq!(secrets.len(), 7, "node, head and facts, and the passphrase");
    for path in files(&office.backup()) {
        let bytes = std::fs::read(&path).expect("read");
        for secret in &secrets {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_slice());
            assert!(!found, "{} holds a secret in clear", path.display());
        }
        assert!(!plain(&path).ends_with("unlock"), "{}", path.display());
    }
}

#[test]
fn files_and_folders_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let office = Office::lived_in();
    office.back_up(&["--items"]);
    for entry in walkdir::WalkDir::new(office.backup()) {
        let entry = entry.expect("listed");
        let mode = entry.metadata().expect("looked at").permissions().mode() & 0o777;
        assert_eq!(mode & 0o077, 0, "{} has mode {mode:o}", entry.path().display());
    }
}

#[test]
fn sha256sum_finds_every_item_whole() {
    let office = Office::lived_in();
    let made = office.back_up(&["--items"]);
    assert_eq!(made["items"]["items"], 4, "three originals and a poster: {made}");
    let sums = std::process::Command::new("sha256sum")
        .args(["-c", "--strict", "states/00000001/SHA256SUMS"])
        .current_dir(office.backup())
        .output()
        .expect("sha256sum runs");
    let said = String::from_utf8_lossy(&sums.stdout);
    assert!(sums.status.success() && said.lines().count() == 8, "{said}");
}

#[test]
fn what_is_there_is_not_copied_again_and_the_daemon_makes_one_too() {
    let office = Office::lived_in();
    let first = office.back_up(&["--items"]);
    let daemon = office.archive.daemon();
    let second = office.back_up(&["--items"]);
    assert_eq!((&first["state"], &second["state"]), (&1.into(), &2.into()));
    let bytes = |made: &serde_json::Value| made["copied_bytes"].as_u64().expect("a number");
    assert!(bytes(&first) > 1_500_000 && bytes(&second) < 500_000, "{first} {second}");
    office.archive.deposit(&office.archive.write("in/more.bin", &[9; 700_000]));
    let third = office.back_up(&["--items"]);
    assert!((700_000..1_400_000).contains(&bytes(&third)), "{third}");
    assert_eq!(third["items"]["items"], 5, "{third}");
    assert_eq!(daemon.stop(), Some(0));
    check(&office.backup(), &[]).ends(0);
}

#[test]
fn books_alone_say_that_they_are_alone() {
    let office = Office::lived_in();
    let made = office.back_up(&[]);
    assert!(made["items"].is_null(), "{made}");
    assert!(!office.backup().join("vault/items").exists());
    let said = check(&office.backup(), &[]).ends(0);
    assert!(said.out.contains("Items are NOT in it"), "{}", said.out);
    assert!(check(&office.backup(), &["--json"]).ends(0).json()["items"].is_null());
    // Items can be added to the same folder later.
    office.back_up(&["--items"]);
    assert_eq!(check(&office.backup(), &["--json"]).ends(0).json()["items"]["items"], 4);
    assert!(check(&office.backup(), &["--json", "--state", "1"]).ends(0).json()["items"].is_null());
}

#[test]
fn a_backup_and_what_it_saves_lie_apart() {
    let office = Office::lived_in();
    let archive = &office.archive;
    std::os::unix::fs::symlink(archive.home(), archive.beside("link")).expect("linked");
    for inside in ["home/backup", "home/vault/x", "dock/backup", "link/x", "."] {
        let place = archive.beside(inside);
        let said = archive.run(&["backup", plain(&place)]).ends(1);
        assert!(said.err.contains("must lie apart"), "{inside}: {}", said.err);
    }
    assert!(!archive.home().join("backup").exists() && !office.inbox.join("backup").exists());
    archive.write("other/thing", b"mine");
    let said = archive.run(&["backup", plain(&archive.beside("other"))]).ends(1);
    assert!(said.err.contains("holds other things"), "{}", said.err);
    assert_eq!(files(&archive.beside("other")).len(), 1, "nothing was touched");
    archive.run(&["backup", plain(&archive.write("file", b""))]).ends(1);
}

#[test]
fn a_backup_of_another_archive_or_another_course_is_left_alone() {
    let (office, other) = (Office::lived_in(), TestArchive::new());
    office.back_up(&["--items"]);
    let before = check(&office.backup(), &["--json"]).ends(0).json();
    let said = other.run(&["backup", plain(&office.backup())]).ends(1);
    assert!(said.err.contains("of archive"), "{}", said.err);
    // A ledger that was begun anew is another course of the same archive.
    std::fs::remove_dir_all(office.archive.home().join("ledger")).expect("removed");
    office.archive.run(&["rebuild", "--from-vault"]).ends(0);
    let said = office.archive.run(&["backup", plain(&office.backup())]).ends(1);
    assert!(said.err.contains("does not go on from"), "{}", said.err);
    let after = check(&office.backup(), &["--json"]).ends(0).json();
    assert_eq!(before, after);
}

#[test]
fn a_damaged_item_is_named_and_the_rest_is_saved() {
    let office = Office::lived_in();
    let items = office.archive.items();
    let item = items[0]["item"].as_str().expect("an id").to_owned();
    let sealed = office.archive.home().join("vault/items").join(&item[item.len() - 2..]);
    let sealed = sealed.join(format!("{item}.seal"));
    std::fs::remove_file(&sealed).expect("removed");
    let said = office.archive.run(&["backup", "--json", "--items", plain(&office.backup())]).ends(3);
    let made = said.json();
    assert_eq!(made["failures"][0]["item"], item.as_str());
    assert_eq!(
        (&made["failures"][0]["code"], &made["items"]["items"]),
        (&"sealed_missing".into(), &3.into())
    );
    let checked = check(&office.backup(), &["--json"]).ends(3).json();
    assert_eq!(checked["faults"][0]["code"], "not_listed");
    assert_eq!(checked["faults"].as_array().map(Vec::len), Some(1), "{checked}");
}

#[test]
fn the_last_eight_states_stay() {
    let office = Office::new();
    for number in 1..=10 {
        assert_eq!(office.back_up(&[])["state"], number);
    }
    let states = std::fs::read_dir(office.backup().join("states")).expect("listed").count();
    assert_eq!(states, 8);
    check(&office.backup(), &["--state", "3"]).ends(0);
    check(&office.backup(), &["--state", "2"]).ends(1);
    check(&office.backup(), &[]).ends(0);
}
