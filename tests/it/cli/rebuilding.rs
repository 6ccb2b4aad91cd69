//! `rebuild`: the catalog from the ledger, and the items from the vault alone.

use sealdock::sys::FileSystem;

use super::text;
use crate::support::TestArchive;

/// An archive with a bit of everything.
fn lived_in() -> TestArchive {
    let archive = TestArchive::new();
    let film = std::fs::read("fixtures/media/valid/moov-front.mp4").expect("a fixture");
    archive.write("in/现场.mp4", &film);
    archive.write("in/true.bin", b"hello");
    archive.write("in/true.bin.md5", b"5d41402abc4b2a76b9719d911017c592");
    archive.write("in/false.bin", b"hello, world");
    archive.write("in/false.bin.md5", b"5d41402abc4b2a76b9719d911017c592  false.bin\n");
    archive.write("in/empty.wav", b"");
    archive.write("in/copy/true.bin", b"hello");
    archive.deposit(&archive.beside("in"));
    archive.get(text(&archive.items()[0], "item"));
    archive.run(&["verify"]).ends(0);
    archive
}

fn printed(archive: &TestArchive) -> Vec<String> {
    let mut all = vec![archive.run(&["find", "--json"]).ends(0).out];
    for item in archive.items() {
        all.push(archive.run(&["show", "--json", text(&item, "item")]).ends(0).out);
    }
    all
}

fn without(archive: &TestArchive, folder: &str) {
    std::fs::remove_dir_all(archive.home().join(folder)).expect("removed");
}

#[test]
fn a_rebuilt_catalog_prints_the_same() {
    let archive = lived_in();
    let before = printed(&archive);
    for step in 0..3 {
        match step {
            0 => {}
            1 => without(&archive, "catalog"),
            _ => {
                std::fs::write(archive.home().join("catalog/catalog.db"), b"no database").expect("written");
            }
        }
        let rebuilt = archive.run(&["rebuild", "--json"]).ends(0).json();
        assert_eq!((text(&rebuilt, "from"), &rebuilt["items"]), ("ledger", &6.into()), "{rebuilt}");
        assert_eq!(printed(&archive), before, "step {step}");
    }
    without(&archive, "catalog");
    assert_eq!(printed(&archive), before, "a catalog that is gone is made anew without being asked");
    archive.run(&["verify"]).ends(0);
    archive.run(&["ledger", "verify"]).ends(0);
    let again = archive.deposit(&archive.beside("in"));
    assert!(again.iter().all(|line| line["state"] == "known"), "seen again unchanged: {again:#?}");
}

#[test]
fn items_come_back_from_the_vault_alone() {
    for command in [&["rebuild", "--from-vault", "--json"][..], &["rebuild", "--json"]] {
        let archive = lived_in();
        let before = archive.items();
        let film = before.iter().find(|item| item["kind"] == "video").expect("the film").clone();
        let shown = archive.show(text(&film, "item"));
        for folder in ["ledger", "catalog"] {
            without(&archive, folder);
        }
        std::fs::create_dir(archive.home().join("ledger")).expect("made");
        archive.run(&["find"]).ends(3);
        let rebuilt = archive.run(command).ends(0).json();
        assert_eq!((text(&rebuilt, "from"), &rebuilt["epoch"]), ("vault", &2.into()), "{rebuilt}");
        assert_eq!(archive.items(), before, "find prints the same");
        let after = archive.show(text(&film, "item"));
        assert_eq!(text(&after, "recovered"), "vault", "{after}");
        for member in ["sha256", "sealed_sha256", "name", "arrived_at", "clocks", "keys", "deposits"] {
            if member == "deposits" {
                assert_eq!(after[member][0]["source"], shown[member][0]["source"]);
            } else if member == "clocks" {
                let kept = after[member].as_array().expect("a list");
                assert!(kept.iter().all(|clock| shown[member].as_array().expect("a list").contains(clock)));
            } else {
                assert_eq!(after[member], shown[member], "{member}");
            }
        }
        assert_eq!(after["derivatives"][0]["item"], shown["derivatives"][0]["item"]);
        archive.run(&["verify", "--open"]).ends(0);
        archive.run(&["ledger", "verify"]).ends(0);
        archive.get(text(&film, "item"));
        let again = archive.deposit(&archive.beside("in"));
        let sealed: Vec<_> = again.iter().filter(|line| line["state"] != "known").collect();
        assert!(sealed.is_empty(), "nothing is sealed twice: {sealed:#?}");
        // Receipts of the lost epoch still hold.
        for receipt in std::fs::read_dir(archive.home().join("receipts")).expect("listed") {
            let path = receipt.expect("listed").path();
            if path.extension().is_some_and(|extension| extension == "json") {
                archive.run(&["receipt", "check", path.to_str().expect("UTF-8")]).ends(0);
            }
        }
    }
}

#[test]
fn from_vault_touches_no_ledger_that_is_there() {
    let archive = TestArchive::new();
    archive.deposit(&archive.write("clip.bin", b"bytes"));
    let before = printed(&archive);
    archive.run(&["rebuild", "--from-vault"]).ends(1);
    assert_eq!(printed(&archive), before);
}

#[test]
fn an_empty_ledger_beside_a_catalog_is_damage_until_it_is_rebuilt() {
    let archive = lived_in();
    let before = archive.items();
    without(&archive, "ledger");
    archive.run(&["find"]).ends(3);
    archive.run(&["rebuild", "--from-vault"]).ends(0);
    assert_eq!(archive.items(), before);
    // And once more: each loss begins an epoch of its own.
    without(&archive, "ledger");
    let rebuilt = archive.run(&["rebuild", "--from-vault", "--json"]).ends(0).json();
    assert_eq!(rebuilt["epoch"], 3);
    assert_eq!(archive.items(), before);
}

#[test]
fn damaged_items_do_not_keep_the_others_from_coming_back() {
    let archive = TestArchive::new();
    archive.write("in/one.bin", b"one");
    archive.write("in/two.bin", b"two");
    let lines = archive.deposit(&archive.beside("in"));
    let (bad, good) = (text(&lines[0], "item"), text(&lines[1], "item"));
    std::fs::remove_file(super::key_file(&archive, bad)).expect("removed");
    without(&archive, "ledger");
    let said = archive.run(&["rebuild", "--from-vault", "--json"]);
    assert!(said.code == 0 || said.code == 3, "{}{}", said.out, said.err);
    let ids: Vec<String> = archive.items().iter().map(|item| text(item, "item").to_owned()).collect();
    assert!(ids.iter().any(|id| id == good), "{ids:?}");
    archive.get(good);
}

#[test]
fn rebuild_is_refused_while_a_daemon_serves() {
    let archive = TestArchive::new();
    let _daemon = archive.daemon();
    let said = archive.run(&["rebuild"]).ends(1);
    assert!(said.err.contains("daemon"), "{}", said.err);
}

// P2
#[test]
fn what_comes_back_from_the_vault_allows_no_erasing_and_keeps_its_old_receipts() {
    let archive = TestArchive::new();
    let inbox = archive.add_inbox("dock-1");
    std::fs::write(inbox.join("20190912_091530.wav"), b"sound").expect("written");
    let by_hand = archive.write("in/true.bin", b"hello");
    let daemon = archive.daemon();
    let shelf = inbox.join(".receipts");
    crate::support::wait_until("the receipt lies there", || TestArchive::receipts(&shelf).len() == 1);
    assert_eq!(daemon.stop(), Some(0));
    archive.deposit(&by_hand);
    let home = archive.home().join("receipts");
    let old = (TestArchive::receipts(&shelf), TestArchive::receipts(&home));
    without(&archive, "ledger");
    without(&archive, "catalog");
    archive.run(&["rebuild", "--from-vault"]).ends(0);
    for item in archive.items() {
        let shown = archive.show(text(&item, "item"));
        assert_eq!(shown["readback"], "off", "who knows how it was read back? {shown}");
        assert_eq!(shown["copies"], 1);
    }
    let known = archive.deposit(&by_hand);
    assert_eq!((&known[0]["state"], known[0]["receipt"].is_string()), (&"known".into(), true), "{known:?}");
    let daemon = archive.daemon();
    crate::support::wait_until("the inbox is walked", || {
        archive.run(&["status", "--json"]).ends(0).json()["inboxes"][0]["last_full_scan"].is_string()
    });
    assert_eq!(daemon.stop(), Some(0));
    assert!(!archive.journal().contains("receipts wait"), "{}", archive.journal());
    assert_eq!(
        (TestArchive::receipts(&shelf), TestArchive::receipts(&home)),
        old,
        "a dock is answered once"
    );
}

// P2
#[test]
fn known_bytes_earn_no_more_than_the_item_that_has_them() {
    let archive = TestArchive::new();
    archive.set("[vault]\nreadback = \"off\"");
    archive.deposit(&archive.write("in/first.bin", b"hello"));
    let settings = archive.home().join("sealdock.toml");
    let text_of = std::fs::read_to_string(&settings).expect("settings");
    std::fs::write(&settings, text_of.replace("readback = \"off\"", "readback = \"disk\""))
        .expect("written");
    let may_erase = |path: &std::path::Path| {
        let line = archive.deposit(path).remove(0);
        assert_eq!(line["state"], "known", "{line}");
        let receipt = std::fs::read(text(&line, "receipt")).expect("a receipt");
        let receipt: serde_json::Value = serde_json::from_slice(&receipt).expect("JSON");
        receipt["may_erase"].as_bool().expect("a bool")
    };
    let custody = archive.home().join("keys/custody.json");
    let away = archive.beside("custody.json");
    std::fs::rename(&custody, &away).expect("taken away");
    assert!(
        !may_erase(&archive.write("in/second.bin", b"hello")),
        "nobody has ever opened what was sealed"
    );
    std::fs::rename(&away, &custody).expect("brought back");
    let on_disk = FileSystem::of(&archive.home()).expect("asked") == FileSystem::Local;
    let third = may_erase(&archive.write("in/third.bin", b"hello"));
    assert_eq!(third, on_disk, "now it was opened, from the disk if there is one");
}
