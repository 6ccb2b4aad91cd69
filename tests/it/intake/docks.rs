//! The ways in which docks write.

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;

use serde_json::Value;

use super::{Yard, md5_of, reasons};
use crate::support::wait_until;

const PAUSE: std::time::Duration = std::time::Duration::from_millis(200);

#[test]
fn each_way_of_a_dock_gives_one_item_and_one_receipt() {
    let yard = Yard::new();
    let daemon = yard.archive.daemon();
    let folder = yard.archive.beside("coming");
    fs::create_dir_all(folder.join("day/deep")).expect("made");
    fs::write(folder.join("day/deep/moved.mp4"), b"moved in with its folder").expect("written");
    fs::rename(&folder, yard.inbox.join("came")).expect("moved in");
    yard.put("20190912/091530.mp4", b"named by day and time");
    yard.put("DCAM_CAM001_000001_20260804_100000.mp4", b"named by DCAM");
    yard.put("CLIP0001.MP4", b"upper case");
    yard.put(OsStr::from_bytes(b"\xcf\xd6\xb3\xa1.mp4"), b"named in GBK");
    let part = yard.put("renamed.mp4.part", b"half");
    // A dock that pauses while it writes, for longer in all than the quiet time.
    let mut slow = fs::File::create(yard.inbox.join("slow.mp4")).expect("created");
    for chunk in 0..5_u8 {
        slow.write_all(&[chunk; 1000]).expect("written");
        fs::OpenOptions::new().append(true).open(&part).and_then(|mut f| f.write_all(b"more")).expect("on");
        std::thread::sleep(PAUSE);
    }
    drop(slow);
    fs::rename(&part, yard.inbox.join("renamed.mp4")).expect("finished");

    let receipts = yard.wait_for_receipts(7);
    for (path, size) in [("came/day/deep/moved.mp4", 24), ("slow.mp4", 5000), ("renamed.mp4", 24)] {
        assert_eq!(receipts[path]["size"], size, "{path}");
    }
    let named = yard.show("DCAM_CAM001_000001_20260804_100000.mp4");
    assert!(named["clocks"].to_string().contains("2026-08-04T10:00:00"), "{named:#}");
    assert!(yard.show("091530.mp4")["clocks"].to_string().contains("2019-09-12T09:15:30"));
    yard.wait_for("sealed", 7);
    assert_eq!(yard.archive.items().len(), 7);
    assert_eq!(daemon.stop(), Some(0));
}

fn claims(shown: &Value) -> Vec<(String, String)> {
    let given = shown["claims"].as_array().expect("claims").clone();
    let in_deposit = shown["deposits"].as_array().expect("deposits").iter();
    let with_it = in_deposit.flat_map(|deposit| deposit["claims"].as_array().cloned().unwrap_or_default());
    let mut all: Vec<_> = given
        .into_iter()
        .chain(with_it)
        .map(|claim| {
            let word = |key: &str| claim[key].as_str().expect("a word").to_owned();
            (word("from"), word("outcome"))
        })
        .collect();
    all.sort();
    all.dedup();
    all
}

#[test]
fn checksums_are_compared_whenever_they_come() {
    let yard = Yard::new();
    let daemon = yard.archive.daemon();
    yard.put("true.mp4.md5", md5_of(b"true").as_bytes());
    yard.put("false.mp4.md5", md5_of(b"other").as_bytes());
    yard.wait_for("sealed", 2);
    for name in ["true.mp4", "false.mp4", "late.mp4", "wrong.mp4", "listed.mp4", "two.mp4", "two.jpg"] {
        yard.put(name, name.split('.').next().expect("a stem").as_bytes());
    }
    yard.wait_for_receipts(9);
    // Two files hold the same bytes: they are one item.
    yard.put("late.md5", format!("{} *late.mp4\r\n", md5_of(b"late")).as_bytes());
    yard.put("wrong.mp4.md5", md5_of(b"other").to_uppercase().as_bytes());
    yard.put("MD5SUMS", format!("{}  listed.mp4\n", md5_of(b"other")).as_bytes());
    yard.put("two.md5", md5_of(b"two").as_bytes());
    yard.wait_for_receipts(13);

    let wanted = |name: &str, from: &str, outcome: &str| {
        let wanted = vec![(from.to_owned(), outcome.to_owned())];
        wait_until(&format!("{name} is {outcome}"), || claims(&yard.show(name)) == wanted);
        let mismatch = reasons(&yard.item(name)).contains(&"checksum_mismatch".to_owned());
        assert_eq!(mismatch, outcome == "mismatch", "{name}");
        assert_eq!(yard.item(name)["state"], if mismatch { "quarantined" } else { "sealed" }, "{name}");
    };
    wanted("true.mp4", "true.mp4.md5", "verified");
    wanted("false.mp4", "false.mp4.md5", "mismatch");
    wanted("late.mp4", "late.md5", "verified");
    wanted("wrong.mp4", "wrong.mp4.md5", "mismatch");
    wanted("listed.mp4", "MD5SUMS", "mismatch");
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn a_checksum_that_comes_with_its_clip_is_noted_once() {
    let yard = Yard::new();
    let daemon = yard.archive.daemon();
    for number in 0..20 {
        let bytes = format!("clip {number}");
        yard.put(format!("{number}.mp4"), bytes.as_bytes());
        yard.put(format!("{number}.md5"), md5_of(bytes.as_bytes()).as_bytes());
    }
    yard.wait_for_receipts(40);
    assert_eq!(daemon.stop(), Some(0));
    for number in 0..20 {
        let shown = yard.show(&format!("{number}.mp4"));
        let late = shown["claims"].as_array().expect("claims").len();
        let early = shown["deposits"][0]["claims"].as_array().map_or(0, Vec::len);
        assert_eq!(claims(&shown), [(format!("{number}.md5"), "verified".to_owned())], "{shown:#}");
        assert_eq!(late.max(early), 1, "{shown:#}");
    }
}

#[test]
fn a_bare_checksum_of_several_files_accuses_none_it_does_not_fit() {
    let yard = Yard::new();
    let daemon = yard.archive.daemon();
    yard.put("a.mp4", b"the clip");
    yard.put("a.jpg", b"its still");
    yard.wait_for_receipts(2);
    yard.put("a.md5", md5_of(b"the clip").as_bytes());
    yard.wait_for_receipts(3);
    let outcome = |name: &str| claims(&yard.show(name)).first().map(|(_, outcome)| outcome.clone());
    wait_until("both are compared", || outcome("a.mp4").is_some() && outcome("a.jpg").is_some());
    assert_eq!(outcome("a.mp4").as_deref(), Some("verified"));
    assert_eq!(outcome("a.jpg").as_deref(), Some("unverified"));
    assert_eq!(yard.item("a.jpg")["state"], "sealed");
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn the_same_bytes_are_one_item_of_a_dock_with_a_receipt_for_each_arrival() {
    let yard = Yard::new();
    let other = yard.archive.add_inbox("other");
    let daemon = yard.archive.daemon();
    yard.put("one.mp4", b"the same");
    yard.put("two.mp4", b"the same");
    fs::write(other.join("three.mp4"), b"the same").expect("written");
    let receipts = yard.wait_for_receipts(2);
    assert_eq!(receipts["one.mp4"]["item"], receipts["two.mp4"]["item"]);
    assert_ne!(receipts["one.mp4"]["deposit"], receipts["two.mp4"]["deposit"]);
    let elsewhere = || crate::support::TestArchive::receipts(&other.join(".receipts"));
    wait_until("the other dock has its receipt", || elsewhere().len() == 1);
    assert_ne!(elsewhere()[0]["item"], receipts["one.mp4"]["item"]);
    assert_eq!(yard.archive.items().len(), 2);
    assert_eq!(daemon.stop(), Some(0));
}
