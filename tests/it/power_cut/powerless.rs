//! The power goes under a real ext4: what was not forced to the disk is gone, whatever the page cache knew.

use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sealdock::model::{Reason, State};
use sealdock::sys::{Disk, Step, Steps};

use super::house::{House, Way, in_memory, world};
use super::killed::{all_came_through, drop_clip, receipts_are_true};
use super::mounts::Mount;
use crate::support::TestArchive;

/// Cuts the power of a file system before the Nth step.
pub(super) struct Plug {
    pub(super) at: PathBuf,
    pub(super) left: AtomicUsize,
}

impl Plug {
    /// Whether the power was cut.
    pub(super) fn is_pulled(&self) -> bool {
        self.left.load(Ordering::SeqCst) > usize::MAX / 2
    }
}

impl Steps for Plug {
    fn before(&self, _: Step<'_>) -> io::Result<()> {
        if self.left.fetch_sub(1, Ordering::SeqCst) == 0 {
            assert!(Mount::cut_power(&self.at), "the power is cut");
        }
        Ok(())
    }
}

#[test]
fn without_power_at_any_step_of_a_deposit_nothing_is_lost_or_doubled() {
    if !has_perl() {
        println!("not tested: there is no perl to cut the power with");
        return;
    }
    // Every step takes a second or so of mounting and checking; the steps in between are tried in memory.
    for step in (0..).step_by(9) {
        let house = House::new();
        let Some(mut disk) = house.move_to_disk(64) else { return };
        let plug = Arc::new(Plug { at: house.home(), left: step.into() });
        house.deposit(&world(Disk::watched(Arc::clone(&plug) as _)));
        let was_cut = plug.is_pulled();
        let when = format!("without power at step {step}");
        disk.power_on();
        house.is_sound(&when);
        house.finishes(Way::Hand, &when);
        if !was_cut {
            assert!(step > 60, "only {step} steps");
            return;
        }
    }
}

pub(super) fn has_perl() -> bool {
    std::process::Command::new("perl")
        .args(["-e", "1"])
        .output()
        .is_ok_and(|output| output.status.success())
}

#[test]
fn receipts_outlive_a_power_cut_of_the_whole_machine() {
    const CUTS: usize = 6;
    let outside = in_memory();
    let at = outside.path().join("disk");
    let Some(mut disk) = Mount::ext4(&at, 96) else { return };
    let archive = TestArchive::in_folder(tempfile::tempdir_in(&at).expect("a temporary folder"));
    // The inbox lies on a disk of its own: what a dock writes is the dock's to make durable.
    let inbox = outside.path().join("dock-1");
    std::fs::create_dir(&inbox).expect("made");
    archive.set(&format!("[[inbox]]\ndock = \"dock-1\"\npath = {inbox:?}\nquiet = \"500ms\""));
    disk.sync();
    for cut in 0..CUTS {
        drop_clip(&inbox, cut);
        let daemon = archive.command(&["run"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut daemon = daemon.expect("the binary runs");
        // Not for luck: any instant is a good one.
        std::thread::sleep(Duration::from_millis(300 + 271 * u64::try_from(cut).expect("small")));
        if !Mount::cut_power(&at) {
            println!("not tested: there is no perl to cut the power with");
            daemon.kill().expect("it is ours");
            daemon.wait().expect("it ends");
            return;
        }
        daemon.kill().expect("it is ours");
        daemon.wait().expect("it ends");
        disk.power_on();
        // P2: whatever was receipted before the cut is there after it.
        receipts_are_true(&archive, &inbox.join(".receipts"));
    }
    all_came_through(&archive, &inbox, CUTS);
}

/// Spoils a block of a sealed file on the disk, when it was forced there and before it is read back.
struct Spoiling {
    image: PathBuf,
    left: AtomicUsize,
}

impl Steps for Spoiling {
    fn before(&self, step: Step<'_>) -> io::Result<()> {
        let spend = |left: usize| left.checked_sub(1);
        if let Step::ReadBack(sealed) = step
            && self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, spend).is_ok()
        {
            spoil(&self.image, sealed)?;
        }
        Ok(())
    }
}

const BLOCK: usize = 1024;

/// Finds the file's first block in the image and flips a bit of it there, behind the back of the page cache.
fn spoil(image: &Path, sealed: &Path) -> io::Result<()> {
    let mut wanted = [0; BLOCK];
    std::fs::File::open(sealed)?.read_exact_at(&mut wanted, 0)?;
    let disk = std::fs::OpenOptions::new().read(true).write(true).open(image)?;
    let mut block = [0; BLOCK];
    let mut found = 0;
    for at in (0..disk.metadata()?.len()).step_by(BLOCK) {
        disk.read_exact_at(&mut block, at)?;
        if block == wanted {
            block[BLOCK - 1] ^= 1;
            disk.write_all_at(&block, at)?;
            found += 1;
        }
    }
    assert_eq!(found, 1, "one copy of the block is on the disk");
    let mut cached = [0; BLOCK];
    std::fs::File::open(sealed)?.read_exact_at(&mut cached, 0)?;
    assert!(cached == wanted, "the page cache still tells the old story");
    Ok(())
}

#[test]
fn a_block_that_went_bad_on_the_disk_earns_no_receipt() {
    let house = House::new();
    let Some(disk) = house.move_to_disk(64) else { return };
    let spoiling = Arc::new(Spoiling { image: disk.image().to_owned(), left: 3.into() });
    let outcomes = house.deposit(&world(Disk::watched(spoiling))).expect("deposited");
    assert_eq!(outcomes.len(), 3);
    for outcome in &outcomes {
        assert_eq!((outcome.state, &outcome.reasons[..]), (State::Waiting, &[Reason::ReadbackFailed][..]));
        assert!(outcome.taken.is_none());
    }
    house.holds_nothing();
    house.finishes(Way::Hand, "after a bad block");
}
