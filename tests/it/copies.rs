//! Two places: what one of them loses the other has, and the two become alike again.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{Said, TestArchive, wait_until};

/// An archive with a second place that was begun with its mark alone, and an inbox.
struct Pair {
    archive: TestArchive,
    second: PathBuf,
    inbox: PathBuf,
}

impl Pair {
    fn new(vault: &str) -> Self {
        let archive = TestArchive::new();
        let second = archive.beside("second");
        std::fs::create_dir(&second).expect("made");
        std::fs::copy(archive.home().join("vault/FORMAT.md"), second.join("FORMAT.md")).expect("begun");
        archive.set(&format!("[vault]\ncopies = [\"vault\", {second:?}]\n{vault}"));
        let inbox = archive.add_inbox("dock-1");
        Self { archive, second, inbox }
    }

    /// Drops a file and waits for its receipt.
    fn drop_in(&self, name: &str, bytes: &[u8]) -> Value {
        std::fs::write(self.inbox.join(name), bytes).expect("written");
        let mut found = None;
        wait_until("there is a receipt", || {
            let receipts = TestArchive::receipts(&self.inbox.join(".receipts"));
            found = receipts.into_iter().find(|receipt| receipt["path"] == name);
            found.is_some()
        });
        found.expect("there is one")
    }

    fn status(&self) -> Value {
        self.archive.run(&["status", "--json"]).ends(0).json()
    }

    /// How the second place stands.
    fn second_is(&self, state: &str) -> bool {
        self.status()["space"][1]["state"] == state
    }

    fn unmount(&self) {
        std::fs::rename(&self.second, self.archive.beside("unmounted")).expect("renamed");
    }

    fn mount(&self) {
        std::fs::rename(self.archive.beside("unmounted"), &self.second).expect("renamed");
    }

    /// The sealed file of an item in a place, or its key file.
    fn file(&self, place: usize, item: &Value, ending: &str) -> PathBuf {
        let item = item.as_str().expect("an id");
        let home = [self.archive.home().join("vault"), self.second.clone()][place].join("items");
        home.join(&item[item.len() - 2..]).join(format!("{item}.{ending}"))
    }

    fn are_alike(&self, item: &Value) -> bool {
        ["seal", "1.keys"].iter().all(|ending| {
            let [one, two] = [0, 1].map(|place| std::fs::read(self.file(place, item, ending)));
            matches!((one, two), (Ok(one), Ok(two)) if one == two)
        })
    }

    /// Kinds of the ledger's entries, in their order.
    fn kinds(&self) -> Vec<String> {
        let mut paths: Vec<_> = std::fs::read_dir(self.archive.home().join("ledger"))
            .expect("a ledger")
            .map(|entry| entry.expect("listed").path())
            .collect();
        paths.sort();
        let text: String = paths.iter().map(|path| std::fs::read_to_string(path).expect("text")).collect();
        let kind = |line: &str| {
            let line: Value = serde_json::from_str(line).expect("JSON");
            line["entry"]["kind"].as_str().map(str::to_owned)
        };
        text.lines().filter_map(kind).collect()
    }

    fn verify(&self, arguments: &[&str]) -> Said {
        self.archive.run(&[&["verify", "--json", "--all"], arguments].concat())
    }
}

fn flip(path: &Path, at: usize) {
    use std::os::unix::fs::PermissionsExt as _;
    let mut bytes = std::fs::read(path).expect("there");
    let length = bytes.len();
    bytes[at % length] ^= 1;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("ours");
    std::fs::write(path, bytes).expect("written");
}

#[test]
fn a_place_that_is_lost_costs_copies_and_stops_nothing() {
    let pair = Pair::new("");
    let before = pair.archive.deposit(&pair.archive.write("before.bin", b"before")).remove(0);
    assert_eq!(before["copies"], 2, "a new place takes files at once");
    let daemon = pair.archive.daemon();
    wait_until("nothing is owed", || pair.second_is("whole"));

    pair.unmount();
    wait_until("it is missed", || pair.second_is("away"));
    let receipt = pair.drop_in("meanwhile.bin", b"meanwhile");
    assert_eq!(receipt["copies"], 1, "the receipt says how many there are");
    assert_eq!(pair.status()["intake"]["state"], "running");
    assert_eq!(pair.status()["space"][1]["why"], "missing");
    let doctor = pair.archive.run(&["doctor", "--json"]).ends(1).json();
    assert!(doctor.to_string().contains("place_away"), "{doctor}");
    pair.verify(&[]).ends(0);
    let verified = pair.verify(&["--copies"]).ends(4).json();
    assert_eq!(verified["places"][1]["away"], 2, "{verified}");
    assert!(!pair.second.exists(), "nothing is written where no place is");

    pair.mount();
    wait_until("it has everything again", || pair.second_is("whole"));
    for item in [&before["item"], &receipt["item"]] {
        assert!(pair.are_alike(item));
    }
    let verified = pair.verify(&["--copies"]).ends(0).json();
    assert_eq!((&verified["places"][1]["whole"], &verified["places"][1]["owed"]), (&2.into(), &0.into()));
    assert_eq!(pair.archive.show(receipt["item"].as_str().expect("an id"))["copies"], 2);
    let kinds = pair.kinds();
    let at = |kind: &str| kinds.iter().position(|found| found == kind).unwrap_or_else(|| panic!("{kind}"));
    assert!(at("place_lost") < at("place_back") && at("place_back") < at("copies_made"), "{kinds:?}");
    assert!(!kinds.iter().any(|kind| kind == "damage_found"), "what was never there was not lost");
    assert_eq!(daemon.stop(), Some(0));
    assert!(pair.second_is("whole"), "after a clean end it is remembered");
}

#[test]
fn a_new_place_is_filled_by_the_daemon() {
    let pair = Pair::new("");
    // Sealed before there was a second place, and while it was being begun.
    std::fs::rename(&pair.second, pair.archive.beside("unmounted")).expect("renamed");
    let items: Vec<Value> = (0..5_u8)
        .map(|n| {
            let name = format!("{n}.bin");
            pair.archive.deposit(&pair.archive.write(&name, &[n; 9])).remove(0)["item"].clone()
        })
        .collect();
    pair.mount();
    let verified = pair.verify(&[]).ends(0).json();
    assert_eq!(verified["places"][1]["owed"], 5, "what was not copied yet is no damage: {verified}");
    pair.verify(&["--copies"]).ends(4);
    let daemon = pair.archive.daemon();
    wait_until("it is filled", || pair.second_is("whole"));
    assert!(items.iter().all(|item| pair.are_alike(item)));
    pair.verify(&["--copies", "--open"]).ends(0);
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn with_fewer_places_than_are_needed_nothing_starts() {
    let pair = Pair::new("least_copies = 2");
    pair.unmount();
    let said = pair.archive.run(&["status"]).ends(1);
    assert!(said.err.contains("second") && said.err.contains("mount"), "{}", said.err);
    pair.mount();
    let daemon = pair.archive.daemon();
    assert_eq!(pair.drop_in("a.bin", b"a")["copies"], 2);
    pair.unmount();
    std::fs::write(pair.inbox.join("b.bin"), b"b").expect("written");
    wait_until("the file waits", || {
        let status = pair.status();
        status["inboxes"][0]["sightings"][0]["path"] == "b.bin" && status["intake"]["state"] == "paused"
    });
    pair.mount();
    assert_eq!(pair.drop_in("b.bin", b"b")["copies"], 2, "it goes on by itself");
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn damage_is_found_and_mended_in_the_background_and_both_are_entries() {
    let pair = Pair::new("scrub = \"2s\"");
    let items: Vec<Value> = (0..4_u8)
        .map(|n| {
            let name = format!("{n}.bin");
            pair.archive.deposit(&pair.archive.write(&name, &[n; 300_000])).remove(0)["item"].clone()
        })
        .collect();
    flip(&pair.file(1, &items[0], "seal"), 150_000);
    flip(&pair.file(0, &items[1], "1.keys"), 500);
    std::fs::remove_file(pair.file(0, &items[2], "seal")).expect("removed");
    let hurt = std::fs::read(pair.file(1, &items[0], "seal")).expect("read");

    let daemon = pair.archive.daemon();
    wait_until("all is mended", || {
        items.iter().all(|item| pair.are_alike(item)) && pair.status()["damaged"] == 0
    });
    pair.verify(&["--copies", "--open"]).ends(0);
    wait_until("each is entered", || {
        let kinds = pair.kinds();
        let count = |kind: &str| kinds.iter().filter(|found| *found == kind).count();
        count("damage_found") == 3 && count("damage_repaired") == 3
    });
    let kept = pair.second.join(format!("damaged/{}.seal.1", items[0].as_str().expect("an id")));
    assert!(std::fs::read(kept).expect("the damaged file is kept") == hurt);
    assert_eq!(daemon.stop(), Some(0));
    pair.archive.run(&["ledger", "verify"]).ends(0);
    pair.archive.run(&["rebuild"]).ends(0);
    assert_eq!(pair.status()["damaged"], 0);
}

#[test]
fn what_one_copy_has_lost_is_read_from_the_other() {
    let pair = Pair::new("");
    let bytes: Vec<u8> = (0..1_000_000_u32).map(|at| (at % 251) as u8).collect();
    let item = pair.archive.deposit(&pair.archive.write("clip.bin", &bytes)).remove(0)["item"].clone();
    let id = item.as_str().expect("an id");
    // In the middle of the first copy, where only reading it through finds it; and another segment of the second.
    flip(&pair.file(0, &item, "seal"), 400_000);
    assert!(pair.archive.get(id) == bytes, "whole, from both together");
    let verified = pair.verify(&["--open"]).ends(3).json();
    assert_eq!(verified["failures"][0]["place"], "vault", "{verified}");
    assert_eq!(verified["places"][1]["whole"], 1);
    assert_eq!(pair.status()["damaged"], 1, "reading and verifying met the same damage");
    std::fs::remove_file(pair.file(0, &item, "1.keys")).expect("removed");
    assert!(pair.archive.get(id) == bytes, "the key file as well");
    flip(&pair.file(1, &item, "seal"), 400_000);
    let to = pair.archive.beside("never");
    let to = to.to_str().expect("UTF-8");
    pair.archive.run(&["get", id, "-o", to, "--purpose", "a test"]).ends(3);
    assert!(!Path::new(to).exists(), "damaged bytes are never served");
}

#[test]
fn a_file_that_was_brought_back_by_hand_is_noticed() {
    let archive = TestArchive::new();
    archive.set("[vault]\nscrub = \"2s\"");
    let item = archive.deposit(&archive.write("clip.bin", b"bytes")).remove(0)["item"].clone();
    let item = item.as_str().expect("an id");
    let path =
        archive.home().join("vault/items").join(&item[item.len() - 2..]).join(format!("{item}.seal"));
    let whole = std::fs::read(&path).expect("there");
    flip(&path, 100);
    archive.run(&["verify", "--all"]).ends(3);
    let status = || archive.run(&["status", "--json"]).ends(0).json();
    assert_eq!(status()["damaged"], 1);
    let daemon = archive.daemon();
    std::fs::write(&path, whole).expect("brought back");
    wait_until("it is noticed", || status()["damaged"] == 0);
    archive.run(&["verify", "--all"]).ends(0);
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn what_a_place_owes_from_one_that_is_away_is_still_owed() {
    let pair = Pair::new("");
    let vault = pair.archive.home().join("vault");
    let gone = pair.archive.beside("gone");
    pair.unmount();
    let item = pair.archive.deposit(&pair.archive.write("clip.bin", b"clip")).remove(0)["item"].clone();
    pair.mount();
    // Only the first place has it, and that one is not there now.
    std::fs::rename(&vault, &gone).expect("unmounted");
    let daemon = pair.archive.daemon();
    let receipt = pair.drop_in("meanwhile.bin", b"meanwhile");
    assert_eq!(receipt["copies"], 1);
    wait_until("the first place is missed", || pair.status()["space"][0]["state"] == "away");
    wait_until("the search came to its end", || pair.archive.journal().contains("no whole copy is there"));
    assert!(!pair.second_is("whole"), "it lacks what lies in the place that is away");
    assert_eq!(pair.verify(&["--copies"]).ends(4).json()["places"][1]["owed"], 1);

    std::fs::rename(&gone, &vault).expect("mounted");
    wait_until("both are whole", || {
        pair.status()["space"][0]["state"] == "whole" && pair.second_is("whole")
    });
    assert!(pair.are_alike(&item) && pair.are_alike(&receipt["item"]));
    assert!(!pair.kinds().iter().any(|kind| kind == "damage_found"), "nothing was ever damaged");
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn a_new_disk_is_not_taken_for_the_one_that_lay_there() {
    let pair = Pair::new("");
    let item = pair.archive.deposit(&pair.archive.write("clip.bin", b"clip")).remove(0)["item"].clone();
    let daemon = pair.archive.daemon();
    wait_until("it is whole", || pair.second_is("whole"));
    assert_eq!(daemon.stop(), Some(0));
    pair.unmount();
    std::fs::create_dir(&pair.second).expect("a new disk");
    std::fs::copy(pair.archive.home().join("vault/FORMAT.md"), pair.second.join("FORMAT.md"))
        .expect("begun");
    assert!(pair.second_is("owing"), "whatever was remembered");
    assert_eq!(
        pair.verify(&[]).ends(0).json()["places"][1]["owed"],
        1,
        "what is not copied yet is no damage"
    );
    let daemon = pair.archive.daemon();
    wait_until("it is filled", || pair.second_is("whole"));
    assert!(pair.are_alike(&item));
    assert!(!pair.kinds().iter().any(|kind| kind == "damage_found"));
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn what_two_copies_have_lost_of_an_item_together_is_whole_again() {
    let pair = Pair::new("");
    let item = pair.archive.deposit(&pair.archive.write("clip.bin", b"clip")).remove(0)["item"].clone();
    // Either place has one of the two files.
    flip(&pair.file(0, &item, "seal"), 300);
    std::fs::remove_file(pair.file(1, &item, "1.keys")).expect("removed");
    pair.verify(&[]).ends(3);
    let daemon = pair.archive.daemon();
    wait_until("both are mended", || pair.are_alike(&item) && pair.status()["damaged"] == 0);
    pair.verify(&["--copies", "--open"]).ends(0);
    assert_eq!(daemon.stop(), Some(0));
}
