//! The real binary, driven as its users drive it: line by line against what scripts may rely on.

mod asking;
mod checking;
mod classes;
mod custody;
mod damage;
mod depositing;
mod making;
mod names;
mod rebuilding;
mod running;

use serde_json::Value;

use crate::support::{Daemon, TestArchive};

/// Who answers a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Served {
    /// The command's own process.
    Here,
    /// A daemon.
    ByDaemon,
}

impl Served {
    const BOTH: [Self; 2] = [Self::Here, Self::ByDaemon];

    /// The daemon where one is wanted; it ends when dropped.
    fn serve(self, archive: &TestArchive) -> Option<Daemon> {
        match self {
            Self::Here => None,
            Self::ByDaemon => Some(archive.daemon()),
        }
    }
}

/// The keys of an object, sorted.
#[track_caller]
fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value.as_object().expect("an object").keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

/// A member that must be text.
#[track_caller]
fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap_or_else(|| panic!("no text {member} in {value}"))
}

/// The sealed file of an item in the first place of the vault.
fn sealed_file(archive: &TestArchive, item: &str) -> std::path::PathBuf {
    archive.home().join("vault/items").join(&item[item.len() - 2..]).join(format!("{item}.seal"))
}

/// The first generation of an item's key file.
fn key_file(archive: &TestArchive, item: &str) -> std::path::PathBuf {
    sealed_file(archive, item).with_extension("1.keys")
}

#[test]
fn a_clip_goes_in_and_comes_back_byte_for_byte() {
    let archive = TestArchive::new();
    let clip = archive.write("clip.bin", &[7; 100_000]);
    let lines = archive.deposit(&clip);
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["state"], "sealed");
    assert!(archive.get(text(&lines[0], "item")) == [7; 100_000]);
}

#[test]
fn a_dropped_file_is_receipted_by_the_daemon() {
    let archive = TestArchive::new();
    let inbox = archive.add_inbox("dock-1");
    let daemon = archive.daemon();
    std::fs::write(inbox.join("20190912_091530.wav"), b"not really sound").expect("written");
    crate::support::wait_until("the receipt lies there", || {
        !TestArchive::receipts(&inbox.join(".receipts")).is_empty()
    });
    assert_eq!(daemon.stop(), Some(0));
    assert_eq!(archive.items().len(), 1);
}
