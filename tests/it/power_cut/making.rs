//! An archive that was being made when the power went.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sealdock::daemon::make;
use sealdock::sys::{Disk, Step, Steps};

use super::house::{Cut, Manner, in_memory, making, runtime, watched, world};

/// Looks before each step whether there is an archive already.
struct Looking {
    settings: PathBuf,
    before: AtomicUsize,
    after: AtomicUsize,
}

impl Steps for Looking {
    fn before(&self, _: Step<'_>) -> io::Result<()> {
        let count = if self.settings.exists() { &self.after } else { &self.before };
        count.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

/// How many steps a making has before the archive is there.
fn steps_of_a_making() -> usize {
    let folder = in_memory();
    let making = making(folder.path());
    let settings = making.home.join("sealdock.toml");
    let looking = Arc::new(Looking { settings, before: 0.into(), after: 0.into() });
    make(&making, &world(Disk::watched(Arc::clone(&looking) as _))).expect("made");
    assert_eq!(looking.after.load(Ordering::SeqCst), 1, "the last step but the sync of its folder");
    looking.before.load(Ordering::SeqCst)
}

#[test]
fn a_making_that_was_cut_is_no_archive_and_can_be_begun_again() {
    let steps = steps_of_a_making();
    assert!(steps > 100, "only {steps} steps");
    // Every passphrase that is stretched costs a quarter of a second, so not every step is tried to its end.
    for step in (0..steps).step_by(13) {
        let folder = in_memory();
        let making = making(folder.path());
        let cut = Cut::new(Manner::FromThenOn);
        cut.at(step);
        let when = format!("at step {step}: {}", cut.what());
        assert!(make(&making, &watched(&cut)).is_err(), "{when}");
        assert!(!making.home.join("sealdock.toml").exists(), "{when}: no archive");
        for left in [&making.home, &making.shares] {
            if left.exists() {
                std::fs::remove_dir_all(left).expect("removed");
            }
        }
        make(&making, &world(Disk::default())).unwrap_or_else(|error| panic!("{when}: {error}"));
        let lock = runtime().block_on(sealdock::daemon::lock::HomeLock::alone(&making.home)).expect("free");
        let opened = sealdock::daemon::Archive::open(&lock, &world(Disk::default()));
        assert!(opened.is_ok(), "{when}: it opens");
    }
}
