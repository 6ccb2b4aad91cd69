//! Inboxes from outside: whatever lies in them, nothing outside is touched and the neighbours go on.

mod mounts;
mod opening;
mod release;
mod shelf;
mod walking;
mod watching;

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use sealdock::inbox::{Error, Found, Places, Root, Walked, check_overlap, walk};
use sealdock::model::{DockName, RawName};
use tempfile::TempDir;

/// An inbox, and a place beside it that nobody may touch.
struct Yard {
    _folder: TempDir,
    inbox: PathBuf,
    outside: PathBuf,
}

impl Yard {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (inbox, outside) = (folder.path().join("inbox"), folder.path().join("outside"));
        fs::create_dir(&inbox).expect("made");
        fs::create_dir(&outside).expect("made");
        fs::write(outside.join("secret.mp4"), b"secret").expect("written");
        Self { _folder: folder, inbox, outside }
    }

    fn root(&self) -> Root {
        Root::open(dock("d1"), &self.inbox).expect("the inbox is there")
    }

    fn write(&self, path: &str, bytes: &[u8]) -> PathBuf {
        let full = self.inbox.join(path);
        fs::create_dir_all(full.parent().expect("it lies in the inbox")).expect("made");
        fs::write(&full, bytes).expect("written");
        full
    }
}

fn dock(name: &str) -> DockName {
    name.parse().expect("a plain name")
}

fn raw(name: &str) -> RawName {
    RawName::new(name)
}

/// Everything a walk finds.
fn all(root: &Root) -> (BTreeMap<RawName, Found>, Walked) {
    let mut seen = BTreeMap::new();
    let walked = walk(root, &mut |one| {
        seen.insert(one.path, one.found);
        ControlFlow::Continue(())
    });
    (seen, walked.expect("the inbox can be listed"))
}

fn overlap(inboxes: &[(&str, &Path)], home: &Path, receipts: &[PathBuf]) -> Result<(), Error> {
    let inboxes: Vec<_> = inboxes.iter().map(|(name, path)| (dock(name), path.to_path_buf())).collect();
    check_overlap(&Places { inboxes: &inboxes, home, receipts, vault: &[] })
}

#[test]
fn places_that_lie_apart_are_taken() {
    let yard = Yard::new();
    let home = yard.outside.join("home");
    let shelf = [yard.inbox.join(".receipts"), yard.outside.join("receipts")];
    let missing = yard.outside.join("not/there/yet");
    overlap(&[("a", &yard.inbox), ("b", &missing)], &home, &shelf).expect("they lie apart");
    // A name that begins like another is not in it.
    let longer = yard.inbox.with_file_name("inbox2");
    overlap(&[("a", &yard.inbox), ("b", &longer)], &home, &[]).expect("they lie apart");
}

#[test]
fn places_that_lie_in_one_another_are_refused() {
    let yard = Yard::new();
    let (inbox, home) = (yard.inbox.as_path(), yard.outside.join("home"));
    let inner = inbox.join("inner");
    let by_link = yard.outside.join("link");
    symlink(inbox, &by_link).expect("linked");
    let refused = |outcome: Result<(), Error>| {
        assert!(matches!(outcome, Err(Error::Overlap { .. })), "{outcome:?}");
    };
    refused(overlap(&[("a", inbox), ("b", &inner)], &home, &[]));
    refused(overlap(&[("a", &inner), ("b", inbox)], &home, &[]));
    refused(overlap(&[("a", inbox), ("b", &by_link)], &home, &[]));
    refused(overlap(&[("a", inbox)], &by_link.join("home"), &[]));
    refused(overlap(&[("a", &yard.outside)], &home, &[]));
    refused(overlap(&[("a", inbox)], &home, &[inner]));
    refused(overlap(&[("a", inbox)], &home, &[inbox.join(".receipts/deeper")]));
    let outcome = overlap(&[("a", inbox), ("a", &yard.outside)], &home, &[]);
    assert!(matches!(outcome, Err(Error::SameDock { .. })), "{outcome:?}");
}
