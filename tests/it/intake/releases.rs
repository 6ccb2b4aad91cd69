//! Sources that leave their inbox after the receipt, and those that never do.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use super::Yard;
use crate::support::wait_until;

/// An inbox whose sources may leave after a moment.
fn yard(release: &str) -> Yard {
    Yard::with(&format!("release = {release:?}"))
}

fn two_copies(yard: &Yard) {
    // A second place begins as a copy of the first.
    let (from, to) = (yard.archive.home().join("vault"), yard.archive.beside("second"));
    let copied = std::process::Command::new("cp").arg("-a").arg(&from).arg(&to).status();
    assert!(copied.is_ok_and(|status| status.success()));
    yard.archive.set(&format!("[vault]\ncopies = [\"vault\", {to:?}]"));
}

fn released_of(yard: &Yard, item: &str) -> usize {
    yard.archive.show(item)["entries"].to_string().matches("source_released").count()
}

fn aside(yard: &Yard) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(yard.inbox.join(".sealdock-released")) else { return Vec::new() };
    entries.map(|entry| entry.expect("listed").path()).collect()
}

#[test]
fn a_source_is_set_aside_after_its_receipt_and_removed_later() {
    let yard = yard("8s");
    two_copies(&yard);
    let daemon = yard.archive.daemon();
    let clip = yard.put("clip.mp4", b"clip");
    let (one, two) = (yard.put("one.mp4", b"two names"), yard.inbox.join("two.mp4"));
    fs::hard_link(&one, &two).expect("linked");
    let receipts = yard.wait_for_receipts(3);
    assert_eq!(receipts["clip.mp4"]["copies"], 2);
    wait_until("the source is aside", || !clip.exists());
    wait_until("and waits there", || aside(&yard).len() == 1);
    assert_eq!(fs::read(&aside(&yard)[0]).expect("aside"), b"clip");
    wait_until("it is removed", || aside(&yard).is_empty());
    assert!(one.exists() && two.exists(), "what has two names is never released");
    assert_eq!(daemon.stop(), Some(0));
    assert_eq!(released_of(&yard, yard.item("clip.mp4")["item"].as_str().expect("an id")), 2);
}

#[test]
fn what_is_tampered_with_aside_comes_back() {
    let yard = yard("6s");
    two_copies(&yard);
    let daemon = yard.archive.daemon();
    let clip = yard.put("clip.mp4", b"clip");
    wait_until("the source is aside", || aside(&yard).len() == 1);
    // Same size and times, other bytes: only hashing tells.
    let path = aside(&yard).remove(0);
    let times = fs::metadata(&path).expect("there").modified().expect("times");
    fs::write(&path, b"CLIP").expect("written");
    fs::File::options().write(true).open(&path).and_then(|file| file.set_modified(times)).expect("set");
    wait_until("it is back", || clip.exists());
    assert_eq!(fs::read(&clip).expect("back"), b"CLIP");
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn a_disk_that_is_away_releases_nothing() {
    let yard = yard("1s");
    let other = yard.archive.add_inbox("other");
    yard.archive.set("release = \"1s\"");
    two_copies(&yard);
    let daemon = yard.archive.daemon();
    yard.put("clip.mp4", b"clip");
    wait_until("the source is aside", || aside(&yard).len() == 1);
    // As an empty mount point looks.
    let away = yard.archive.beside("away");
    fs::rename(&yard.inbox, &away).expect("away");
    fs::create_dir(&yard.inbox).expect("the mount point");
    let shelf = away.join(".sealdock-released");
    let clip = yard.item("clip.mp4")["item"].as_str().expect("an id").to_owned();
    let released = || released_of(&yard, &clip);
    // What came later is looked at after it; once that is removed, so was this.
    fs::write(other.join("witness.mp4"), b"witness").expect("written");
    wait_until("the other inbox has released", || {
        let entries = yard.archive.items().into_iter().find(|item| item["name"] == "witness.mp4");
        let id = entries.map(|item| item["item"].as_str().expect("an id").to_owned());
        id.is_some_and(|id| released_of(&yard, &id) == 2)
    });
    assert_eq!(released(), 1, "absence is no removal");
    fs::remove_dir_all(&yard.inbox).expect("the mount point");
    fs::rename(&away, &yard.inbox).expect("back");
    wait_until("it is removed now", || aside(&yard).is_empty());
    wait_until("and entered", || released() == 2);
    assert!(!shelf.exists());
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn a_source_stays_while_a_place_of_the_vault_is_away() {
    let yard = yard("3s");
    two_copies(&yard);
    let daemon = yard.archive.daemon();
    yard.put("clip.mp4", b"clip");
    wait_until("the source is aside", || aside(&yard).len() == 1);
    let (second, away) = (yard.archive.beside("second"), yard.archive.beside("second.away"));
    fs::rename(&second, &away).expect("unplugged");
    let until = tokio::time::Instant::now() + Duration::from_secs(6);
    while tokio::time::Instant::now() < until {
        assert_eq!(aside(&yard).len(), 1, "it is one of two copies that are at hand");
        std::thread::sleep(Duration::from_millis(100));
    }
    let late = yard.put("late.mp4", b"late");
    yard.wait_for_receipts(2);
    fs::rename(&away, &second).expect("plugged in");
    wait_until("the other is removed now, and what came late is made up and goes too", || {
        !late.exists() && aside(&yard).is_empty()
    });
    assert_eq!(daemon.stop(), Some(0));
    assert_eq!(released_of(&yard, yard.item("clip.mp4")["item"].as_str().expect("an id")), 2);
}

#[test]
fn with_one_place_sources_stay() {
    let yard = yard("1s");
    let daemon = yard.archive.daemon();
    let clip = yard.put("clip.mp4", b"clip");
    let receipts = yard.wait_for_receipts(1);
    assert_eq!(receipts["clip.mp4"]["copies"], 1);
    assert_eq!(daemon.stop(), Some(0));
    assert!(clip.exists() && aside(&yard).is_empty());
}

#[test]
fn a_release_without_reading_back_is_refused_by_the_settings() {
    let yard = yard("30d");
    yard.archive.set("[vault]\nreadback = \"off\"");
    let said = yard.archive.run(&["run"]);
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(said.err.contains("readback"), "{}", said.err);
}

#[test]
fn the_source_of_an_item_that_is_gone_stays_whatever_its_receipt_says() {
    let yard = yard("8s");
    two_copies(&yard);
    let daemon = yard.archive.daemon();
    yard.put("lost.mp4", b"all that is left");
    wait_until("the source is aside", || aside(&yard).len() == 1);
    assert_eq!(daemon.stop(), Some(0));
    let item = yard.item("lost.mp4")["item"].as_str().expect("an id").to_owned();
    for place in ["home/vault", "second"] {
        let folder = yard.archive.beside(place).join("items").join(&item[item.len() - 2..]);
        fs::remove_file(folder.join(format!("{item}.seal"))).expect("removed");
    }
    yard.archive.run(&["verify", "--sealed"]).ends(3);
    let daemon = yard.archive.daemon();
    yard.put("next.mp4", b"released later than the first would be");
    yard.wait_for_receipts(2);
    let next = yard.item("next.mp4")["item"].as_str().expect("an id").to_owned();
    wait_until("the next one came and went", || released_of(&yard, &next) == 2);
    assert_eq!(aside(&yard).len(), 1, "the first still waits");
    assert_eq!(fs::read(&aside(&yard)[0]).expect("aside"), b"all that is left");
    assert_eq!(daemon.stop(), Some(0));
}
