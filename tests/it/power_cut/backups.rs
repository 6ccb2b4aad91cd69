//! A backup and a restore that are cut short: the backup before stays whole, a home is an archive or none, and a
//! second try finishes.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use sealdock::api::Answer;
use sealdock::audit::Verdict;
use sealdock::audit::backup::{self, Extent, InBackup, State, Wanted, check};
use sealdock::daemon::lock::HomeLock;
use sealdock::daemon::{Archive, OpenedBy, Restoring, Surroundings, restore};
use sealdock::model::Epoch;
use sealdock::sys::Disk;

use super::house::{Cut, House, Manner, in_memory, runtime, watched, world};
use super::mounts::Mount;
use super::powerless::{Plug, has_perl};

fn back_up(house: &House, folder: &Path, world: &Surroundings) -> Option<Result<u32, backup::Error>> {
    let wanted = Wanted { folder: folder.to_owned(), extent: Extent::Items };
    house.open(world, async |archive| {
        let made = archive.rooms.backups.make(&wanted, &mut |_| ControlFlow::Continue(()));
        made.map(|made| made.number.0)
    })
}

/// The newest state and how many items it has; nothing where there is no state.
fn whole(folder: &Path, when: &str) -> Option<(u32, u64)> {
    let state = match State::find(folder, None) {
        Ok(state) => state,
        Err(backup::Error::NotABackup { .. }) => return None,
        Err(error) => panic!("{when}: {error}"),
    };
    let checked = check(&state, &mut |_| ControlFlow::Continue(())).expect("nobody stops it");
    assert_eq!(checked.result, Verdict::Pass, "{when}: {:?}", checked.faults);
    match checked.items {
        InBackup::Yes { originals, derivatives } => Some((checked.number.0, originals + derivatives)),
        InBackup::No => panic!("{when}: the items are not in it"),
    }
}

/// Copies a folder file by file; there are no links in it.
fn copy(from: &Path, to: &Path) {
    for entry in walkdir::WalkDir::new(from) {
        let entry = entry.expect("listed");
        let place = to.join(entry.path().strip_prefix(from).expect("beneath"));
        if entry.file_type().is_dir() {
            std::fs::create_dir_all(&place).expect("made");
        } else {
            std::fs::copy(entry.path(), &place).expect("copied");
        }
    }
}

/// Tries every so-manieth step with two hands, until a trial says that its step was not reached.
fn at_steps((every, fewest): (usize, usize), reaches: impl Fn(usize) -> bool + Sync) {
    let (next, over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let work = || {
        while !over.load(Ordering::SeqCst) {
            let step = next.fetch_add(every, Ordering::SeqCst);
            if !reaches(step) {
                over.store(true, Ordering::SeqCst);
                assert!(step >= fewest, "only {step} steps");
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(work);
        }
    });
}

fn try_backup((before, old): (&House, Option<&Path>), manner: Manner, step: usize) -> bool {
    let (house, place) = (House::like(before), in_memory());
    let folder = place.path().join("backup");
    if let Some(old) = old {
        copy(old, &folder);
    }
    let newest = whole(&folder, "before");
    let cut = Cut::new(manner);
    let outcome = house.open(&watched(&cut), async |archive| {
        // The steps of the backup alone are counted.
        cut.at(step);
        let wanted = Wanted { folder: folder.clone(), extent: Extent::Items };
        let made = archive.rooms.backups.make(&wanted, &mut |_| ControlFlow::Continue(()));
        let reached = cut.is_reached();
        cut.at(usize::MAX);
        (made.is_ok(), reached)
    });
    let (made, reached) = outcome.expect("it opens");
    let when = format!("{manner:?} at step {step}: {}", cut.what());
    let found = whole(&folder, &when);
    let next = (newest.map_or(1, |(number, _)| number + 1), 4);
    if made {
        assert_eq!(found, Some(next), "{when}");
    } else {
        assert!(found == newest || found == Some(next), "{when}: {found:?}");
    }
    let again = back_up(&house, &folder, &world(Disk::default())).expect("it opens");
    assert!(again.is_ok(), "{when}: a second try finishes: {again:?}");
    let (number, items) = whole(&folder, &when).expect("a state");
    assert!(number >= next.0 && items == 4, "{when}");
    let left = std::fs::read_dir(folder.join("vault/tmp")).expect("listed").count();
    assert_eq!(left, 0, "{when}: nothing unfinished stays");
    reached
}

fn lived_in() -> House {
    let house = House::new();
    house.deposit(&world(Disk::default())).expect("deposited");
    house
}

#[test]
fn a_cut_at_any_step_of_the_first_backup_leaves_none_or_a_whole_one() {
    let house = lived_in();
    at_steps((3, 100), |step| try_backup((&house, None), Manner::FromThenOn, step));
}

#[test]
fn a_cut_or_fault_at_any_step_of_a_later_backup_leaves_the_one_before_whole() {
    let (house, place) = (House::new(), in_memory());
    let folder = place.path().join("backup");
    back_up(&house, &folder, &world(Disk::default())).expect("it opens").expect("made");
    house.deposit(&world(Disk::default())).expect("deposited");
    for manner in [Manner::FromThenOn, Manner::Once] {
        at_steps((4, 100), |step| try_backup((&house, Some(&folder)), manner, step));
    }
}

fn restoring(backup: &Path, home: &Path) -> Restoring {
    Restoring {
        backup: backup.to_owned(),
        state: None,
        home: home.to_owned(),
        opened_by: OpenedBy::Passphrase("a passphrase that nobody needs".to_owned().into()),
        settings: None,
        receipts: Vec::new(),
    }
}

fn restore_into(backup: &Path, home: &Path, world: &Surroundings) -> Result<(), String> {
    let report = restore(&restoring(backup, home), world, &mut |_| ControlFlow::Continue(()))
        .map_err(|problem| problem.to_string())?;
    assert_eq!((report.result, report.epoch), (Answer::Pass, Epoch(2)), "{report:?}");
    Ok(())
}

#[test]
fn a_cut_at_any_step_of_a_restore_leaves_no_archive_or_a_whole_one() {
    let (house, place) = (lived_in(), in_memory());
    let folder = place.path().join("backup");
    back_up(&house, &folder, &world(Disk::default())).expect("it opens").expect("made");
    // Stretching the passphrase takes most of a trial.
    at_steps((13, 120), |step| {
        let trial = in_memory();
        let home = trial.path().join("home");
        std::fs::create_dir(trial.path().join("dock")).expect("the inbox of the settings");
        let cut = Cut::new(Manner::FromThenOn);
        cut.at(step);
        let restored = restore_into(&folder, &home, &watched(&cut));
        let when = format!("at step {step}: {}", cut.what());
        let is_archive = home.join("sealdock.toml").exists();
        assert!(is_archive || restored.is_err(), "{when}");
        if !is_archive {
            restore_into(&folder, &home, &world(Disk::default()))
                .unwrap_or_else(|error| panic!("{when}: a second try finishes: {error}"));
        }
        let again = restore_into(&folder, &home, &world(Disk::default()));
        assert!(again.is_err(), "{when}: an archive is left alone");
        let lock = runtime().block_on(HomeLock::alone(&home)).expect("free");
        let archive =
            Archive::open(&lock, &world(Disk::default())).unwrap_or_else(|error| panic!("{when}: {error}"));
        let catalog = &archive.rooms.catalog;
        assert_eq!(catalog.epoch(), Epoch(2), "{when}");
        assert!(catalog.unconfirmed_restore().expect("asked").is_some(), "{when}");
        catalog.verify_ledger(&mut |_| ()).unwrap_or_else(|error| panic!("{when}: {error}"));
        let counts = catalog.counts().expect("counted");
        assert_eq!((counts.items, counts.derivatives, counts.damaged), (3, 1, 0), "{when}");
        cut.is_reached()
    });
}

#[test]
fn a_backup_whose_disk_loses_power_leaves_the_one_before_whole() {
    if !has_perl() {
        println!("not tested: there is no perl to cut the power with");
        return;
    }
    for step in (0..).step_by(17) {
        let (house, place) = (House::new(), in_memory());
        let folder = place.path().join("backup");
        let Some(mut disk) = Mount::ext4(&folder, 32) else { return };
        back_up(&house, &folder, &world(Disk::default())).expect("it opens").expect("made");
        house.deposit(&world(Disk::default())).expect("deposited");
        let before = whole(&folder, "before");
        let plug = Arc::new(Plug { at: folder.clone(), left: usize::MAX.into() });
        let wanted = Wanted { folder: folder.clone(), extent: Extent::Items };
        let made = house.open(&world(Disk::watched(Arc::clone(&plug) as _)), async |archive| {
            // The steps of the backup alone are counted.
            plug.left.store(step, Ordering::SeqCst);
            archive.rooms.backups.make(&wanted, &mut |_| ControlFlow::Continue(())).is_ok()
        });
        let (made, was_cut) = (made.expect("it opens"), plug.is_pulled());
        let when = format!("without power at step {step}");
        disk.power_on();
        let found = whole(&folder, &when);
        assert!(found == Some((2, 4)) || (!made && found == before), "{when}: {found:?}");
        back_up(&house, &folder, &world(Disk::default()))
            .expect("it opens")
            .expect("a second try finishes");
        assert_eq!(whole(&folder, &when).map(|(_, items)| items), Some(4), "{when}");
        if !was_cut {
            assert!(step > 100, "only {step} steps");
            return;
        }
    }
}

#[test]
fn a_full_disk_is_said_to_be_full_and_the_backup_before_stays_whole() {
    let (house, place) = (House::new(), in_memory());
    let folder = place.path().join("backup");
    let Some(_disk) = Mount::tmpfs(&folder, "1m") else { return };
    back_up(&house, &folder, &world(Disk::default())).expect("it opens").expect("made");
    house.deposit(&world(Disk::default())).expect("deposited");
    let filler = folder.join("filler");
    // Whatever is left but the space of a few files.
    while std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(&filler)
        .and_then(|mut file| std::io::Write::write_all(&mut file, &[0; 4096]))
        .is_ok()
    {}
    let error = back_up(&house, &folder, &world(Disk::default())).expect("it opens").expect_err("no room");
    assert_eq!(sealdock::api::Problem::from(error).code, sealdock::api::Code::NoSpace);
    assert_eq!(whole(&folder, "full"), Some((1, 0)));
    std::fs::remove_file(&filler).expect("removed");
    back_up(&house, &folder, &world(Disk::default())).expect("it opens").expect("there is room again");
    assert_eq!(whole(&folder, "after"), Some((2, 4)));
}
