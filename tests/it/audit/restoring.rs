//! Archives that come back: by the passphrase and by the shares, closed until somebody else confirms.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::{Office, check, copy, files, plain};
use crate::support::{SEALDOCK, Said, TestArchive, not_tested, wait_until};

/// Everything that scripts are told of the items.
fn printed(archive: &TestArchive) -> Vec<Value> {
    let mut items = archive.items();
    items.sort_by_key(|item| item["item"].to_string());
    items
}

#[test]
fn an_archive_comes_back_by_the_passphrase_or_by_the_shares() {
    for by_shares in [false, true] {
        let office = Office::lived_in();
        let (before, wanted) = (printed(&office.archive), read_all(&office.archive));
        office.back_up(&["--items"]);
        office.lose_the_home();
        let (one, three, backup) = (office.share(1), office.share(3), office.backup());
        let report = if by_shares {
            let line = ["restore", "--json", plain(&backup), "--share", &one, "--share", &three];
            office.archive.run(&line).ends(0).json()
        } else {
            office.restore(&[]).ends(0).json()
        };
        for (member, value) in
            [("result", "pass".into()), ("epoch", 2.into()), ("lost", Value::Array(vec![]))]
        {
            assert_eq!(report[member], value, "{report}");
        }
        assert_eq!(
            (&report["items"]["items"], &report["items_missing"]),
            (&4.into(), &0.into()),
            "{report}"
        );
        assert!(
            office.archive.home().join("restored.json").is_file()
                && !office.archive.home().join("restoring.json").exists()
        );
        office.archive.run(&["ledger", "verify"]).ends(0);
        office.archive.run(&["verify", "--sealed"]).ends(0);
        assert_eq!(printed(&office.archive), before);
        office.confirm();
        assert_eq!(read_all(&office.archive), wanted);
        office.archive.run(&["verify", "--all", "--open"]).ends(0);
        let ledger = ledger_of(&office.archive);
        let begun = ledger.iter().find(|entry| entry["kind"] == "epoch_begun").expect("an entry");
        let act = &begun["content"]["act"]["data"];
        assert_eq!((&act["because"], &act["after"]["size"]), (&"restored".into(), &report["ledger_size"]));
        assert_eq!(act["after"]["root"], report["ledger_root"]);
        assert!(ledger.iter().any(|entry| entry["kind"] == "restore_confirmed"));
    }
}

fn read_all(archive: &TestArchive) -> Vec<Vec<u8>> {
    printed(archive).iter().map(|item| archive.get(item["item"].as_str().expect("an id"))).collect()
}

fn ledger_of(archive: &TestArchive) -> Vec<Value> {
    let mut entries = Vec::new();
    for path in files(&archive.home().join("ledger")) {
        let text = std::fs::read_to_string(path).expect("text");
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        entries.extend(lines.filter_map(|line| line.get("entry").cloned()));
    }
    entries
}

#[test]
fn nothing_is_served_before_somebody_else_confirms() {
    let office = Office::lived_in();
    office.back_up(&["--items"]);
    office.lose_the_home();
    office.restore(&[]).ends(0);
    std::fs::copy(office.passphrase(), office.archive.home().join("keys/unlock")).expect("copied");
    let item = office.archive.items()[0]["item"].as_str().expect("an id").to_owned();
    let daemon = office.archive.daemon();
    let get = || office.archive.run(&["get", &item, "-o", "/dev/null", "--purpose", "x"]);
    let said = get().ends(5);
    assert!(said.err.contains("restore confirm"), "{}", said.err);
    let status = office.archive.run(&["status", "--json"]).ends(0).json();
    assert!(status["restore"]["uid"].is_u64(), "{status}");
    assert!(office.archive.run(&["doctor", "--json"]).out.contains("restore_unconfirmed"));
    // Intake goes on meanwhile, with receipts of the new epoch.
    std::fs::write(office.inbox.join("new.bin"), b"new").expect("written");
    let shelf = office.inbox.join(".receipts");
    wait_until("its receipt lies there", || !TestArchive::receipts(&shelf).is_empty());
    assert_eq!(TestArchive::receipts(&shelf)[0]["epoch"], 2);
    office.archive.run(&["restore", "confirm"]).ends(5);
    let (one, two) = (office.share(1), office.share(2));
    office.archive.run(&["restore", "confirm", "--share", &one]).ends(1);
    get().ends(5);
    let confirmed =
        office.archive.run(&["restore", "confirm", "--json", "--share", &one, "--share", &two]).ends(0);
    assert_eq!(confirmed.json()["by"], "shares");
    get().ends(0);
    office.archive.run(&["restore", "confirm"]).ends(1);
    assert_eq!(daemon.stop(), Some(0));
    let refused = ledger_of(&office.archive).iter().filter(|entry| entry["kind"] == "refused").count();
    assert_eq!(refused, 4, "two readings, and two confirmations that were none");
}

#[test]
fn another_user_may_confirm() {
    if !rustix::process::geteuid().is_root() {
        return not_tested("only root can be two users");
    }
    let office = Office::lived_in();
    office.back_up(&["--items"]);
    office.lose_the_home();
    let folder = office.archive.beside(".");
    let nobody = 65_534;
    let owned = Command::new("chown").args(["-R", "65534"]).arg(&folder).status();
    assert!(owned.is_ok_and(|status| status.success()));
    let as_nobody = |line: &[&str]| {
        let mut command = office.archive.command(line);
        command.uid(nobody).gid(nobody);
        match command.output() {
            Ok(output) => Some(Said::of(&output)),
            Err(_) => None,
        }
    };
    let (backup, passphrase) = (office.backup(), office.passphrase());
    let line = ["restore", plain(&backup), "--passphrase-file", plain(&passphrase)];
    let Some(said) = as_nobody(&line) else {
        return not_tested("another user cannot run the binary where it lies");
    };
    said.ends(0);
    as_nobody(&["restore", "confirm"]).expect("runs").ends(5);
    let confirmed = office.archive.run(&["restore", "confirm", "--json"]).ends(0).json();
    assert_eq!(confirmed["by"], "another_user");
}

#[test]
fn what_does_not_open_writes_nothing() {
    let (office, other) = (Office::lived_in(), Office::new());
    office.back_up(&["--items"]);
    office.lose_the_home();
    let backup = office.backup();
    let wrong = office.archive.write("wrong", b"not the passphrase\n");
    let (one, foreign) = (office.share(1), other.share(2));
    let restore = |more: &[&str]| office.archive.run(&[&["restore", plain(&backup)], more].concat());
    for (more, says) in [
        (&["--passphrase-file", plain(&wrong)][..], "does not fit"),
        (&["--share", &one], "More shares"),
        (&["--share", &one, "--share", &foreign], "does not belong here"),
        (&["--share", "sealdock-share-1-nonsense", "--share", &one], "does not belong here"),
        (&[], "nobody is here to type it"),
    ] {
        let said = restore(more).ends(1);
        assert!(said.err.contains(says), "{more:?}: {}", said.err);
        assert!(!office.archive.home().exists(), "{more:?}");
    }
    let said = office
        .archive
        .run(&["restore", plain(&office.archive.beside("home.shares")), "--share", &one])
        .ends(1);
    assert!(said.err.contains("not a backup"), "{}", said.err);
    office.archive.run(&["restore"]).ends(2);
    std::fs::create_dir(office.archive.home()).expect("made");
    office.archive.write("home/something", b"mine");
    let said = office.restore(&[]).ends(1);
    assert!(said.err.contains("is not empty"), "{}", said.err);
    assert_eq!(files(&office.archive.home()).len(), 1, "nothing was touched");
    std::fs::remove_dir_all(office.archive.home()).expect("removed");
    let inside = backup.join("home");
    let mut command = Command::new(SEALDOCK);
    command.arg("--home").arg(&inside).args(["restore", plain(&backup), "--share", &one]);
    let said = Said::of(&command.output().expect("runs")).ends(1);
    assert!(said.err.contains("lie apart"), "{}", said.err);
    office.restore(&[]).ends(0);
    let said = office.restore(&[]).ends(1);
    assert!(said.err.contains("an archive already"), "{}", said.err);
}

#[test]
fn an_interrupted_restore_is_gone_on_with_from_the_same_state_alone() {
    let office = Office::lived_in();
    office.back_up(&["--items"]);
    office.back_up(&["--items"]);
    office.lose_the_home();
    office.restore(&[]).ends(0);
    // As if it had been cut short just before the settings.
    let home = office.archive.home();
    std::fs::remove_file(home.join("sealdock.toml")).expect("removed");
    let archive = office.archive.run(&["status"]).ends(1);
    assert!(archive.err.contains("no archive"), "{}", archive.err);
    let mark = |number: u32| {
        let id = check(&office.backup(), &["--json"]).ends(0).json()["archive"].clone();
        let text = format!("{{\"archive\":{id},\"document\":\"sealdock restore 1\",\"number\":{number}}}");
        std::fs::write(home.join("restoring.json"), text).expect("written");
    };
    mark(1);
    office.restore(&[]).ends(1);
    mark(2);
    let report = office.restore(&[]).ends(0).json();
    assert_eq!(report["epoch"], 2, "nobody was told of the epoch that was begun before: {report}");
    office.archive.run(&["ledger", "verify"]).ends(0);
    office.archive.run(&["verify", "--sealed"]).ends(0);
}

#[test]
fn places_on_disks_of_their_own_are_found_and_never_filled() {
    let office = Office::lived_in();
    let second = office.archive.beside("second");
    copy(&office.archive.home().join("vault"), &second);
    office.archive.set(&format!("[vault]\ncopies = [\"vault\", {second:?}]"));
    office.back_up(&[]);
    let wanted = read_all(&office.archive);
    office.lose_the_home();
    // Not mounted.
    let away = office.archive.beside("away");
    std::fs::rename(&second, &away).expect("renamed");
    let said = office.restore(&[]).ends(1);
    assert!(said.err.contains("--settings"), "{}", said.err);
    assert!(!office.archive.home().exists() && !second.exists());
    // Named elsewhere in other settings: its items are all there.
    let settings =
        std::fs::read_to_string(office.backup().join("states/00000001/sealdock.toml")).expect("text");
    let moved =
        settings.replace(&format!("copies = [\"vault\", {second:?}]"), &format!("copies = [{away:?}]"));
    assert_ne!(moved, settings);
    let moved = office.archive.write("moved.toml", moved.as_bytes());
    let report = office.restore(&["--settings", plain(&moved)]).ends(0).json();
    assert_eq!(report["items_missing"], 0, "{report}");
    office.confirm();
    assert_eq!(read_all(&office.archive), wanted);
}

#[test]
fn books_alone_bring_back_no_evidence_and_say_so_and_sources_are_taken_in_anew() {
    let office = Office::new();
    let daemon = office.archive.daemon();
    for name in ["one.bin", "two.bin"] {
        std::fs::write(office.inbox.join(name), name).expect("written");
    }
    let shelf = office.inbox.join(".receipts");
    wait_until("both are receipted", || TestArchive::receipts(&shelf).len() == 2);
    office.back_up(&[]);
    assert_eq!(daemon.stop(), Some(0));
    office.lose_the_home();
    std::fs::remove_file(office.inbox.join("two.bin")).expect("the dock erased it");
    let report = office.restore(&[]).ends(3).json();
    assert_eq!((&report["items_missing"], &report["items"]), (&2.into(), &Value::Null), "{report}");
    office.confirm();
    let daemon = office.archive.daemon();
    wait_until("what lies there still is sealed anew", || TestArchive::receipts(&shelf).len() == 3);
    assert_eq!(daemon.stop(), Some(0));
    let found = office.archive.items().into_iter().filter(|item| item["name"] == "one.bin");
    let read: Vec<bool> = found
        .map(|item| {
            let id = item["item"].as_str().expect("an id");
            office.archive.run(&["get", id, "-o", "/dev/null", "--purpose", "x"]).code == 0
        })
        .collect();
    assert_eq!(read.iter().filter(|read| **read).count(), 1, "{read:?}");
}

#[test]
fn a_second_restore_begins_no_epoch_twice() {
    let office = Office::lived_in();
    office.back_up(&["--items"]);
    office.lose_the_home();
    office.restore(&[]).ends(0);
    let daemon = office.archive.daemon();
    std::fs::write(office.inbox.join("new.bin"), b"new").expect("written");
    let shelf = office.inbox.join(".receipts");
    wait_until("its receipt lies there", || !TestArchive::receipts(&shelf).is_empty());
    assert_eq!(daemon.stop(), Some(0));
    std::fs::remove_dir_all(office.archive.home()).expect("removed");
    let report = office.restore(&[]).ends(0).json();
    assert_eq!(report["epoch"], 3, "a receipt of epoch 2 lies in the inbox: {report}");
    assert_eq!(report["lost"][0]["source"], "in_inbox", "{report}");
}

#[test]
fn receipts_are_believed_only_when_they_are_ours() {
    let (office, other) = (Office::new(), Office::new());
    office.back_up(&["--items"]);
    let deposit = |office: &Office| {
        office.archive.deposit(&office.archive.write("in/x.bin", b"x"));
        let shelf = office.archive.home().join("receipts");
        let found = files(&shelf).into_iter().find(|path| plain(path).ends_with(".json"));
        found.expect("a receipt")
    };
    let (ours, theirs) = (deposit(&office), deposit(&other));
    let kept = office.archive.beside("kept");
    std::fs::create_dir(&kept).expect("made");
    let keep = |receipt: &Path, name: &str, change: fn(&mut Vec<u8>)| {
        let mut bytes = std::fs::read(receipt).expect("read");
        change(&mut bytes);
        std::fs::write(kept.join(format!("{name}.json")), bytes).expect("written");
        let mut signature = receipt.as_os_str().to_owned();
        signature.push(".sig");
        std::fs::copy(signature, kept.join(format!("{name}.json.sig"))).expect("copied");
    };
    keep(&ours, "ours", |_| {});
    keep(&ours, "the-same-again", |_| {});
    keep(&ours, "altered", |bytes| bytes[60] ^= 1);
    keep(&theirs, "theirs", |_| {});
    std::fs::write(kept.join("noise.json"), b"{}").expect("written");
    office.lose_the_home();
    let report = office.restore(&["--receipts", plain(&kept)]).ends(3).json();
    assert_eq!(
        (&report["receipts"], report["lost"].as_array().map(Vec::len)),
        (&2.into(), Some(1)),
        "{report}"
    );
    assert_eq!(report["lost"][0]["source"], "unseen", "a person's deposit: nobody knows where it lies now");
    assert_eq!(report["strange_receipts"].as_array().map(Vec::len), Some(3), "{report}");
    check(&office.backup(), &[]).ends(0);
}

#[test]
fn custody_by_shares_opens_what_the_passphrase_was_lost_for() {
    let office = Office::lived_in();
    office.back_up(&["--items"]);
    office.lose_the_home();
    let (one, two, backup) = (office.share(1), office.share(2), office.backup());
    office.archive.run(&["restore", plain(&backup), "--share", &one, "--share", &two]).ends(0);
    office.archive.run(&["restore", "confirm", "--share", &one, "--share", &two]).ends(0);
    // Not even the encrypted keys are needed.
    std::fs::remove_file(office.archive.home().join("keys/custody.json")).expect("removed");
    let daemon = office.archive.daemon();
    let item = office.archive.items()[0]["item"].as_str().expect("an id").to_owned();
    let get = || office.archive.run(&["get", &item, "-o", "/dev/null", "--purpose", "x"]);
    get().ends(5);
    office.archive.run(&["keys", "unlock", "--share", &one]).ends(1);
    get().ends(5);
    office.archive.run(&["keys", "unlock", "--share", &one, "--share", &two]).ends(0);
    get().ends(0);
    office.archive.run(&["verify", "--open"]).ends(0);
    office.archive.run(&["keys", "lock"]).ends(0);
    get().ends(5);
    assert_eq!(daemon.stop(), Some(0));
}

/// What lives is the key file that the last change of class made, in a backup that is begun then and in one that is
/// gone on with.
#[test]
fn items_whose_class_changed_come_back_with_the_keys_they_have() {
    for backed_up_before in [false, true] {
        let office = Office::lived_in();
        if backed_up_before {
            office.back_up(&["--items"]);
        }
        for item in printed(&office.archive) {
            let item = item["item"].as_str().expect("an id");
            let line =
                ["class", "set", item, "--protections", "commercial,privacy", "--reason", "a clinic"];
            office.archive.run(&line).ends(0);
        }
        let (before, wanted) = (printed(&office.archive), read_all(&office.archive));
        office.back_up(&["--items"]);
        let checked =
            office.archive.run(&["verify", "--backup", plain(&office.backup()), "--json"]).ends(0);
        assert_eq!(checked.json()["result"], "pass");
        office.lose_the_home();
        let report = office.restore(&[]).ends(0).json();
        assert_eq!((&report["result"], &report["items_missing"]), (&"pass".into(), &0.into()), "{report}");
        office.confirm();
        assert_eq!(printed(&office.archive), before);
        assert_eq!(read_all(&office.archive), wanted);
        office.archive.run(&["verify", "--all", "--open"]).ends(0);
    }
}
