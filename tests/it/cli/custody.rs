//! Keys: unlocking, locking, drilling, and a home without custodian keys.

use std::path::PathBuf;

use super::{Served, text};
use crate::support::{TestArchive, wait_until};

fn taken_away(archive: &TestArchive, file: &str) -> PathBuf {
    let safe = archive.beside("safe");
    std::fs::create_dir_all(&safe).expect("made");
    let to = safe.join(file);
    std::fs::rename(archive.home().join("keys").join(file), &to).expect("moved");
    to
}

#[test]
fn a_seal_only_home_takes_in_and_gives_nothing() {
    for (served, file) in
        [(Served::Here, "unlock"), (Served::Here, "custody.json"), (Served::ByDaemon, "custody.json")]
    {
        let archive = TestArchive::new();
        let before = archive.deposit(&archive.write("before.bin", b"before")).remove(0);
        let before = text(&before, "item");
        taken_away(&archive, file);
        let _daemon = served.serve(&archive);

        let line = archive.deposit(&archive.write("clip.bin", b"bytes")).remove(0);
        assert_eq!(text(&line, "state"), "sealed", "{file}");
        archive.run(&["receipt", "check", text(&line, "receipt")]).ends(0);
        for item in [before, text(&line, "item")] {
            let to = archive.beside("got");
            let said =
                archive.run(&["get", item, "-o", to.to_str().expect("UTF-8"), "--purpose", "case 7"]);
            let said = said.ends(5);
            assert_eq!(said.err.lines().count(), 3, "{}", said.err);
            assert!(!to.exists(), "nothing is left behind");
        }
        let verify = |more: &[&str]| {
            let line = [&["verify", "--json"], more].concat();
            archive.run(&line)
        };
        assert_eq!(verify(&["--sealed"]).ends(0).json()["result"], "pass");
        assert_eq!(verify(&["--sealed", "--all"]).ends(0).json()["items"], 2);
        assert_eq!(verify(&[]).ends(4).json()["result"], "not_checked");
        assert_eq!(verify(&["--open"]).ends(4).json()["result"], "not_checked");
        let status = archive.run(&["status", "--json"]).ends(0).json();
        assert_eq!(text(&status, "custody"), "seal_only");
        assert_eq!(status["unproven"], 1, "what no custodian has opened is a backlog: {status}");
        archive.run(&["find"]).ends(0);
        archive.run(&["show", before]).ends(0);
        archive.run(&["ledger", "verify"]).ends(0);
        // A refusal is an act.
        let ledger = std::fs::read_to_string(archive.home().join("ledger/00000000000000000000.jsonl"));
        assert_eq!(ledger.expect("read").matches("\"kind\":\"refused\",\"salt\"").count(), 2);
    }
}

#[test]
fn keys_that_are_brought_back_open_again_and_the_backlog_is_worked_off() {
    let archive = TestArchive::new();
    let away = taken_away(&archive, "custody.json");
    let line = archive.deposit(&archive.write("clip.bin", b"bytes")).remove(0);
    std::fs::rename(away, archive.home().join("keys/custody.json")).expect("moved");
    let _daemon = archive.daemon();
    wait_until("the backlog is worked off", || {
        archive.run(&["status", "--json"]).ends(0).json()["unproven"] == 0
    });
    assert_eq!(archive.get(text(&line, "item")), b"bytes");
}

#[test]
fn the_passphrase_opens_custody_in_the_daemon_until_it_is_locked() {
    let archive = TestArchive::new();
    let item = archive.deposit(&archive.write("clip.bin", b"bytes")).remove(0);
    let item = text(&item, "item").to_owned();
    let passphrase = taken_away(&archive, "unlock");
    let passphrase = passphrase.to_str().expect("UTF-8");
    let wrong = archive.write("wrong", b"not the passphrase\n");
    let wrong = wrong.to_str().expect("UTF-8");

    let without = archive.run(&["keys", "unlock", "--passphrase-file", passphrase]).ends(1);
    assert!(without.err.contains("sealdock run"), "{}", without.err);
    let here = |file: &str| {
        archive.run(&["get", &item, "-o", "/dev/null", "--purpose", "x", "--passphrase-file", file])
    };
    here(passphrase).ends(0);
    let said = here(wrong).ends(1);
    assert_eq!(said.err.lines().count(), 3, "{}", said.err);
    archive.run(&["verify", "--open", "--passphrase-file", passphrase]).ends(0);

    let _daemon = archive.daemon();
    let get = || archive.run(&["get", &item, "-o", "/dev/null", "--purpose", "x"]);
    get().ends(5);
    let silent = archive.run(&["keys", "unlock"]).ends(1);
    assert!(
        silent.err.contains("--passphrase-file"),
        "nothing is asked without a terminal: {}",
        silent.err
    );
    archive.run(&["keys", "unlock", "--passphrase-file", wrong]).ends(1);
    get().ends(5);
    let now = archive.run(&["keys", "unlock", "--passphrase-file", passphrase, "--json"]).ends(0).json();
    assert_eq!(now["custody"], "open");
    get().ends(0);
    assert_eq!(archive.run(&["keys", "lock", "--json"]).ends(0).json()["custody"], "seal_only");
    get().ends(5);
    archive.run(&["keys", "lock"]).ends(0);
    let list = archive.run(&["keys", "list", "--json"]).ends(0).json();
    assert_eq!(list["custody"], "seal_only");
    for key in list["keys"].as_array().expect("a list") {
        let (role, private) = (text(key, "role"), text(key, "private"));
        let wanted = match role {
            "node" | "head" | "facts" => "held",
            "escrow" => "absent",
            _ => "encrypted",
        };
        assert_eq!(private, wanted, "{role}");
    }
}

#[test]
fn custody_ends_when_the_keys_leave_a_running_daemon() {
    let archive = TestArchive::new();
    let item = archive.deposit(&archive.write("clip.bin", b"bytes")).remove(0);
    let _daemon = archive.daemon();
    archive.get(text(&item, "item"));
    taken_away(&archive, "custody.json");
    archive.run(&["get", text(&item, "item"), "-o", "/dev/null", "--purpose", "x"]).ends(5);
}

#[test]
fn shares_open_a_real_item_and_only_enough_of_the_right_ones() {
    for served in Served::BOTH {
        let archive = TestArchive::new();
        let item = archive.deposit(&archive.write("clip.bin", b"bytes")).remove(0);
        let item = text(&item, "item").to_owned();
        // The drill needs no custodian.
        taken_away(&archive, "custody.json");
        let _daemon = served.serve(&archive);
        let share = |number: u32| {
            let path = archive.beside(&format!("home.shares/share-{number}.txt"));
            path.to_str().expect("UTF-8").to_owned()
        };
        let drill = |shares: &[&str]| {
            let line = [&["keys", "drill", &item], shares].concat();
            archive.run(&line)
        };
        for (one, other) in [(1, 2), (1, 3), (3, 2)] {
            drill(&[&share(one), &share(other)]).ends(0);
        }
        drill(&[&share(1), &share(2), &share(3)]).ends(0);
        let (one, two) = (share(1), share(2));
        let line = [&["keys", "drill", "--json", &item][..], &[&one, &two]].concat();
        let drilled = archive.run(&line).ends(0).json();
        assert_eq!((&drilled["result"], &drilled["shares"]), (&"pass".into(), &2.into()));
        for too_few in [&[share(1).as_str()][..], &[&share(2), &share(2)]] {
            let said = drill(too_few).ends(1);
            assert!(said.err.contains("share"), "{}", said.err);
        }
        let text = std::fs::read_to_string(share(1)).expect("a share").trim().to_owned();
        drill(&[&text, &share(2)]).ends(0);
        let mut wrong = text.into_bytes();
        let at = wrong.len() - 9;
        wrong[at] = if wrong[at] == b'A' || wrong[at] == b'a' { b'b' } else { b'a' };
        let wrong = archive.write("wrong.txt", &wrong);
        drill(&[wrong.to_str().expect("UTF-8"), &share(2)]).ends(1);
        drill(&["/no/such/share", &share(2)]).ends(1);
    }
}

#[test]
fn shares_of_another_archive_are_refused() {
    let (archive, other) = (TestArchive::new(), TestArchive::new());
    let item = archive.deposit(&archive.write("clip.bin", b"bytes")).remove(0);
    let shares: Vec<String> = (1..=2)
        .map(|number| {
            other.beside(&format!("home.shares/share-{number}.txt")).to_string_lossy().into_owned()
        })
        .collect();
    let said = archive.run(&["keys", "drill", text(&item, "item"), &shares[0], &shares[1]]).ends(1);
    assert_eq!(said.err.lines().count(), 3, "{}", said.err);
}
