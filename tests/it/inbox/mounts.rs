//! Other file systems; only root can mount them, everybody else tests the rest.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sealdock::inbox::{Error, Found, Mode, Root};
use sealdock::model::Reason;

use super::{Yard, all, dock, overlap, raw};

/// A mount that goes away with the test.
struct Mount(PathBuf);

impl Mount {
    fn tmpfs(at: &Path) -> Option<Self> {
        Self::try_new(&["-t", "tmpfs", "tmpfs"], at)
    }

    fn bind(from: &Path, at: &Path) -> Option<Self> {
        Self::try_new(&["--bind".as_ref(), from.as_os_str()], at)
    }

    fn try_new<A: AsRef<std::ffi::OsStr>>(arguments: &[A], at: &Path) -> Option<Self> {
        fs::create_dir_all(at).expect("made");
        let mut mount = Command::new("mount");
        let output = mount.args(arguments).arg(at).output();
        output.is_ok_and(|output| output.status.success()).then(|| Self(at.to_owned()))
    }

    fn unmount(&self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        self.unmount();
    }
}

#[test]
fn other_mounts_are_reported_and_not_entered() {
    let yard = Yard::new();
    yard.write("good.mp4", b"good");
    let Some(_one) = Mount::tmpfs(&yard.inbox.join("disk")) else { return };
    // A bind mount of the same file system has its device number, and leads outside all the same.
    let Some(_two) = Mount::bind(&yard.outside, &yard.inbox.join("bound")) else { return };
    fs::write(yard.inbox.join("disk/clip.mp4"), b"x").expect("written");
    let root = yard.root();
    let (seen, _) = all(&root);
    assert_eq!(seen.len(), 3);
    assert_eq!(seen[&raw("disk")], Found::Refused(Reason::OtherMount));
    assert_eq!(seen[&raw("bound")], Found::Refused(Reason::OtherMount));
    for path in ["disk/clip.mp4", "bound/secret.mp4"] {
        let refusal = root.open_file(&raw(path)).expect_err("another mount");
        assert_eq!(refusal.reason, Reason::OtherMount);
    }
}

#[test]
fn a_mount_that_vanishes_takes_nothing_with_it() {
    let yard = Yard::new();
    let disk = yard.outside.join("disk");
    let Some(mount) = Mount::tmpfs(&disk) else { return };
    fs::create_dir(disk.join("inbox")).expect("made");
    let root = Root::open(dock("d1"), &disk.join("inbox")).expect("there");
    assert_eq!(root.mode(), Mode::Events, "tmpfs tells what happens on it");
    assert!(root.still_there());
    mount.unmount();
    assert!(!root.still_there());
    let error = Root::open(dock("d1"), &disk.join("inbox")).expect_err("gone");
    assert!(matches!(error, Error::Missing { .. }));
}

#[test]
fn a_mount_over_an_inbox_is_another_inbox() {
    let yard = Yard::new();
    let root = yard.root();
    let Some(_mount) = Mount::tmpfs(&yard.inbox) else { return };
    assert!(!root.still_there());
    assert!(yard.root().still_there());
}

#[test]
fn bind_mounts_hide_no_overlap() {
    let yard = Yard::new();
    let (inner, bound) = (yard.inbox.join("inner"), yard.outside.join("bound"));
    fs::create_dir(&inner).expect("made");
    let Some(_mount) = Mount::bind(&yard.inbox, &bound) else { return };
    let home = yard.inbox.with_file_name("home");
    for (one, other) in [(&yard.inbox, &bound), (&bound, &yard.inbox), (&inner, &bound)] {
        let outcome = overlap(&[("a", one), ("b", other)], &home, &[]);
        assert!(matches!(outcome, Err(Error::Overlap { .. })), "{outcome:?}");
    }
    let outcome = overlap(&[("a", &yard.inbox)], &bound.join("inner/home"), &[]);
    assert!(matches!(outcome, Err(Error::Overlap { .. })), "{outcome:?}");
}
