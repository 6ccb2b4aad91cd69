//! Inboxes under the running daemon, filled by docks that are careless, broken or hostile.

mod crowds;
mod docks;
mod oddities;
mod releases;
mod trouble;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use md5::{Digest as _, Md5};
use serde_json::Value;

use crate::support::{TestArchive, wait_until};

/// An archive with one inbox, `dock`.
struct Yard {
    archive: TestArchive,
    inbox: PathBuf,
}

impl Yard {
    fn new() -> Self {
        Self::with("")
    }

    /// With more keys for the table of the inbox.
    fn with(keys: &str) -> Self {
        let archive = TestArchive::new();
        let inbox = archive.add_inbox("dock");
        archive.set(keys);
        Self { archive, inbox }
    }

    /// Writes a file into the inbox, with its folders.
    fn put(&self, name: impl AsRef<Path>, bytes: &[u8]) -> PathBuf {
        let path = self.inbox.join(name);
        std::fs::create_dir_all(path.parent().expect("in a folder")).expect("made");
        std::fs::write(&path, bytes).expect("written");
        path
    }

    fn status(&self) -> Value {
        status_of(&self.archive, "dock")
    }

    /// Waits until so many files of the inbox are in a state.
    #[track_caller]
    fn wait_for(&self, state: &str, files: u64) {
        wait_for(&self.archive, ("dock", state), files);
    }

    fn receipts(&self) -> Vec<Value> {
        TestArchive::receipts(&self.inbox.join(".receipts"))
    }

    /// Waits for so many receipts in the inbox; answers them by the path they speak of.
    #[track_caller]
    fn wait_for_receipts(&self, count: usize) -> BTreeMap<String, Value> {
        wait_until(&format!("there are {count} receipts"), || self.receipts().len() >= count);
        let receipts = self.receipts();
        assert_eq!(receipts.len(), count, "{receipts:#?}");
        let path = |receipt: &Value| receipt["path"].as_str().unwrap_or_default().to_owned();
        receipts.into_iter().map(|receipt| (path(&receipt), receipt)).collect()
    }

    /// The one item with this name.
    #[track_caller]
    fn item(&self, name: &str) -> Value {
        let mut found: Vec<_> =
            self.archive.items().into_iter().filter(|item| item["name"] == name).collect();
        assert_eq!(found.len(), 1, "{name}: {found:#?}");
        found.remove(0)
    }

    fn show(&self, name: &str) -> Value {
        self.archive.show(self.item(name)["item"].as_str().expect("an id"))
    }
}

/// How one inbox stands.
fn status_of(archive: &TestArchive, dock: &str) -> Value {
    let status = archive.run(&["status", "--json"]).ends(0).json();
    let inboxes = status["inboxes"].as_array().expect("inboxes").clone();
    let found = inboxes.into_iter().find(|inbox| inbox["dock"] == dock);
    found.unwrap_or_else(|| panic!("no inbox {dock} in {status:#}"))
}

#[track_caller]
fn wait_for(archive: &TestArchive, (dock, state): (&str, &str), files: u64) {
    wait_until(&format!("{files} files of {dock} are {state}"), || {
        status_of(archive, dock)["states"][state] == files
    });
}

/// The sighting of a path, if the status lists it.
fn sighting(status: &Value, path: &str) -> Option<Value> {
    status["sightings"].as_array()?.iter().find(|seen| seen["path"] == path).cloned()
}

fn reasons(value: &Value) -> Vec<String> {
    let codes = value["reasons"].as_array().expect("reasons");
    codes.iter().map(|code| code.as_str().expect("a code").to_owned()).collect()
}

fn md5_of(bytes: &[u8]) -> String {
    hex::encode(Md5::digest(bytes))
}
