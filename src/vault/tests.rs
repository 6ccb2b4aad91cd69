//! The places of a vault: what lies in them, what falls out, what comes back.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;

use super::*;
use crate::model::{Generation, ItemId, Moment};
use crate::seal::Role;
use crate::sys::{Disk, Step, Steps};

const ONE: Generation = Generation(1);

fn id(byte: u8) -> ItemId {
    ItemId::new(Moment::UNIX_EPOCH, [byte; 10])
}

/// A vault with so many places, of which `least` must take a file.
fn vault(home: &Path, places: usize, (least, disk): (usize, &Disk)) -> Vault {
    let folders: Vec<PathBuf> = (0..places).map(|at| home.join(format!("place-{at}"))).collect();
    if !folders[0].exists() {
        Vault::create(&folders, &Disk::default(), "the format").expect("made");
    }
    Vault::open(&Places { home, folders: &folders, least }, disk).expect("opened")
}

fn put(vault: &Vault, item: ItemId) -> Result<u32, Error> {
    let mut sealed = vault.begin_sealed(Role::Original, item)?;
    sealed.write_all(b"sealed")?;
    sealed.sync()?;
    let mut keys = vault.begin_keys((Role::Original, item, ONE), &sealed)?;
    keys.write_all(b"keys")?;
    keys.sync()?;
    sealed.beside(keys)?.settle()
}

/// Which places have both files of an item whole; none may have half of it.
fn has(vault: &Vault, item: ItemId) -> Vec<bool> {
    let whole = |place: &Place| {
        let sealed = std::fs::read(place.sealed(Role::Original, item)).ok();
        let keys = std::fs::read(place.keys(Role::Original, item, ONE)).ok();
        if sealed.is_some() {
            assert_eq!(sealed.as_deref(), Some(&b"sealed"[..]));
            assert_eq!(keys.as_deref(), Some(&b"keys"[..]), "a sealed file means that all is there");
        }
        sealed.is_some()
    };
    vault.places().map(whole).collect()
}

fn standings(vault: &Vault) -> Vec<Standing> {
    vault.standings().map(|(_, standing)| standing).collect()
}

fn no_floor(_: u64) -> u64 {
    0
}

#[test]
fn files_are_found_and_leftovers_told_apart() {
    let home = tempfile::tempdir().expect("a temporary folder");
    let vault = vault(home.path(), 1, (1, &Disk::default()));
    let (whole, half) = (id(1), id(2));
    assert_eq!(put(&vault, whole).expect("put"), 1);
    let place = vault.places().next().expect("a place");
    let lone = place.keys(Role::Original, half, ONE);
    std::fs::create_dir_all(lone.parent().expect("in a folder")).expect("made");
    std::fs::write(&lone, b"keys").expect("written");
    let _left = vault.begin_sealed(Role::Original, half).expect("begun");

    let swept = vault.look_through().expect("looked");
    assert_eq!(swept.items().collect::<Vec<_>>(), [((Role::Original, whole), vec![ONE])]);
    assert!(swept.holds(Role::Original, whole) && !swept.holds(Role::Original, half));
    assert_eq!(swept.lone_keys, [lone]);
    assert_eq!(vault.sweep_unfinished().expect("swept"), 1);
    assert_eq!(place.read_keys(Role::Original, whole, ONE).expect("read"), b"keys");
}

#[test]
fn a_missing_place_is_not_an_empty_vault() {
    let home = tempfile::tempdir().expect("a temporary folder");
    let folders = [home.path().join("there"), home.path().join("gone")];
    Vault::create(&folders[..1], &Disk::default(), "the format").expect("made");
    let open = |folders: &[PathBuf], least| {
        Vault::open(&Places { home: home.path(), folders, least }, &Disk::default())
    };
    for (folders, least) in [(&folders[1..], 1), (&folders[..], 2)] {
        let error = open(folders, least).expect_err("missing");
        assert!(matches!(error, Error::NotAPlace { path } if path.ends_with("gone")));
    }
    let vault = open(&folders, 1).expect("one is enough");
    assert_eq!(standings(&vault), [Standing::Owing, Standing::Away(Fault::Missing)]);
    assert_eq!(put(&vault, id(1)).expect("put"), 1);
    assert!(!folders[1].exists(), "nothing is written where no place is");
}

#[test]
fn nothing_in_the_vault_is_replaced() {
    let home = tempfile::tempdir().expect("a temporary folder");
    let vault = vault(home.path(), 1, (1, &Disk::default()));
    assert_eq!(put(&vault, id(7)).expect("put"), 1);
    let place = vault.places().next().expect("a place");
    let path = place.sealed(Role::Original, id(7));
    let before = std::fs::metadata(&path).expect("there").modified().expect("a time");
    put(&vault, id(7)).expect_err("the name is taken");
    assert_eq!(std::fs::metadata(&path).expect("there").modified().expect("a time"), before);
    assert_eq!(has(&vault, id(7)), [true]);
}

#[test]
fn a_new_place_begins_with_its_mark_alone() {
    let home = tempfile::tempdir().expect("a temporary folder");
    let first = vault(home.path(), 1, (1, &Disk::default()));
    put(&first, id(1)).expect("put");
    std::fs::create_dir(home.path().join("place-1")).expect("made");
    std::fs::copy(home.path().join("place-0/FORMAT.md"), home.path().join("place-1/FORMAT.md"))
        .expect("copied");
    let vault = vault(home.path(), 2, (1, &Disk::default()));
    assert_eq!(standings(&vault), [Standing::Owing, Standing::Owing]);
    assert_eq!(put(&vault, id(2)).expect("put"), 2);
}

/// Takes so many steps, in one place or in all of them, and none after them.
struct Failing {
    only: Option<usize>,
    left: AtomicUsize,
}

impl Failing {
    fn disk(only: Option<usize>, left: usize) -> Disk {
        Disk::watched(Arc::new(Self { only, left: left.into() }))
    }
}

impl Steps for Failing {
    fn before(&self, step: Step<'_>) -> io::Result<()> {
        let path = match step {
            Step::Create(path) | Step::Write(path) | Step::Sync(path) | Step::Rename(path, _) => path,
            Step::SyncFolder(path) | Step::Remove(path) | Step::Cut(path) | Step::MakeFolder(path) => path,
            Step::Commit(path) | Step::ReadBack(path) => path,
        };
        let elsewhere = |place| !path.to_string_lossy().contains(&format!("place-{place}"));
        if self.only.is_some_and(elsewhere) {
            return Ok(());
        }
        match self.left.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)) {
            Ok(_) => Ok(()),
            Err(_) => Err(io::Error::other("no further")),
        }
    }
}

#[test]
fn what_lies_anywhere_is_complete_there_wherever_a_crash_comes() {
    for steps in 0.. {
        let home = tempfile::tempdir().expect("a temporary folder");
        drop(vault(home.path(), 2, (2, &Disk::default())));
        let vault = vault(home.path(), 2, (2, &Failing::disk(None, steps)));
        let put = put(&vault, id(7));
        let has = has(&vault, id(7));
        if put.is_ok() {
            assert!(steps > 12, "only {steps} steps");
            assert_eq!(has, [true, true]);
            break;
        }
    }
}

#[test]
fn a_place_that_fails_at_any_step_is_left_behind_and_filled_when_it_is_back() {
    for (place, steps) in (0..2).flat_map(|place| (0..).map(move |steps| (place, steps)).take(40)) {
        let home = tempfile::tempdir().expect("a temporary folder");
        drop(vault(home.path(), 2, (1, &Disk::default())));
        let failing = vault(home.path(), 2, (1, &Failing::disk(Some(place), steps)));
        let copies = put(&failing, id(7)).expect("the other place takes it");
        let has_it = has(&failing, id(7));
        assert!(has_it[1 - place], "place {place} failing after {steps} steps");
        if copies == 2 {
            assert_eq!(has_it, [true, true]);
            assert!(steps > 6, "only {steps} steps");
            continue;
        }
        assert_eq!(copies, 1);
        assert_eq!(standings(&failing)[place], Standing::Away(Fault::Failing));
        assert_eq!(put(&failing, id(8)).expect("goes on"), 1);

        // The next run begins with what is there, and sweeps what was left.
        let well = vault(home.path(), 2, (1, &Disk::default()));
        well.sweep_unfinished().expect("swept");
        assert_eq!(put(&well, id(9)).expect("put"), 2);
    }
}

#[test]
fn with_too_few_places_nothing_is_sealed_and_nothing_set_aside() {
    let home = tempfile::tempdir().expect("a temporary folder");
    drop(vault(home.path(), 2, (2, &Disk::default())));
    for steps in 0..8 {
        let vault = vault(home.path(), 2, (2, &Failing::disk(Some(1), steps)));
        put(&vault, id(7)).expect_err("both must take it");
        assert_eq!(standings(&vault), [Standing::Owing, Standing::Owing]);
        assert!(!has(&vault, id(7))[0], "the first name is taken back");
    }
}

#[test]
fn a_place_falls_out_and_comes_back() {
    let home = tempfile::tempdir().expect("a temporary folder");
    let vault = vault(home.path(), 2, (1, &Disk::default()));
    let (folder, elsewhere) = (home.path().join("place-1"), home.path().join("unmounted"));
    let name = vault.places().nth(1).expect("two places").name().clone();
    assert!(vault.note_whole(&name, 0), "nothing was sealed yet");

    std::fs::rename(&folder, &elsewhere).expect("unmounted");
    vault.look_at_places(&no_floor);
    assert_eq!(standings(&vault)[1], Standing::Away(Fault::Missing));
    assert!(!vault.note_whole(&name, 0), "what is away is not whole");
    assert_eq!(put(&vault, id(1)).expect("goes on"), 1);

    std::fs::rename(&elsewhere, &folder).expect("mounted");
    std::fs::write(folder.join("tmp/node/left"), b"half").expect("written");
    vault.look_at_places(&no_floor);
    assert_eq!(standings(&vault)[1], Standing::Owing);
    assert_eq!(std::fs::read_dir(folder.join("tmp/node")).expect("listed").count(), 0, "it was swept");
    assert!(!vault.note_whole(&name, 0), "an item was sealed without it meanwhile");
    assert!(vault.note_whole(&name, vault.sealed_without(&name)));
    assert_eq!(put(&vault, id(2)).expect("put"), 2);
}

#[test]
fn a_full_place_is_left_out_and_the_last_one_never() {
    let home = tempfile::tempdir().expect("a temporary folder");
    let vault = vault(home.path(), 2, (1, &Disk::default()));
    vault.look_at_places(&|_| u64::MAX);
    let full = standings(&vault).iter().filter(|one| **one == Standing::Away(Fault::Full)).count();
    assert_eq!(full, 1, "intake pauses for the last one, it does not lose it");
    vault.look_at_places(&no_floor);
    assert_eq!(standings(&vault), [Standing::Owing, Standing::Owing]);
}

#[test]
fn what_was_begun_before_a_place_fell_out_is_not_named_there_after_it_came_back() {
    let home = tempfile::tempdir().expect("a temporary folder");
    let vault = vault(home.path(), 2, (1, &Disk::default()));
    let mut sealed = vault.begin_sealed(Role::Original, id(1)).expect("begun");
    sealed.write_all(b"sealed").expect("written");
    let mut keys = vault.begin_keys((Role::Original, id(1), ONE), &sealed).expect("begun");
    keys.write_all(b"keys").expect("written");
    let name = vault.places().next().expect("a place").name().clone();
    vault.set_aside(&name, Fault::Failing);
    vault.look_at_places(&no_floor);
    assert_eq!(standings(&vault)[0], Standing::Owing, "back already");
    assert_eq!(sealed.beside(keys).expect("both").settle().expect("settled"), 1);
    assert_eq!(has(&vault, id(1)), [false, true]);
    assert_eq!(standings(&vault)[0], Standing::Owing, "it is not sent away once more");
}

#[test]
fn a_place_that_failed_is_not_said_to_be_missing() {
    let home = tempfile::tempdir().expect("a temporary folder");
    let vault = vault(home.path(), 2, (1, &Disk::default()));
    let names: Vec<_> = vault.places().map(|place| place.name().clone()).collect();
    vault.set_aside(&names[0], Fault::Full);
    let error = vault.slots[0].fell_out();
    assert!(error.is_full() && error.to_string().contains("takes nothing now (full)"), "{error}");
    vault.look_at_places(&no_floor);
    assert!(!vault.slots[0].fell_out().is_full(), "it is back");
}

#[test]
fn a_good_copy_takes_the_place_of_a_bad_one_which_is_kept() {
    let home = tempfile::tempdir().expect("a temporary folder");
    let vault = vault(home.path(), 1, (1, &Disk::default()));
    put(&vault, id(1)).expect("put");
    let place = vault.places().next().expect("a place");
    let path = place.sealed(Role::Original, id(1));
    for round in 1..=2 {
        std::fs::remove_file(&path).expect("removed");
        std::fs::write(&path, b"hurt").expect("written");
        let mut mending =
            vault.begin_mending(place, (Role::Original, id(1), Which::Sealed)).expect("begun");
        mending.write_all(b"sealed").expect("written");
        mending.sync().expect("synced");
        mending.settle().expect("settled");
        assert_eq!(has(&vault, id(1)), [true]);
        let kept = place.path().join(format!("damaged/{}.seal.{round}", id(1)));
        assert_eq!(std::fs::read(kept).expect("kept"), b"hurt");
    }
    drop(vault.begin_mending(place, (Role::Original, id(1), Which::Keys(ONE))).expect("begun"));
    assert_eq!(vault.sweep_unfinished().expect("swept"), 0, "what is dropped is removed");
}

#[test]
fn a_place_that_keeps_failing_is_tried_less_and_less_often() {
    let home = tempfile::tempdir().expect("a temporary folder");
    let vault = vault(home.path(), 2, (1, &Disk::default()));
    let name = vault.places().nth(1).expect("two places").name().clone();
    let mut waited = Vec::new();
    for _ in 0..9 {
        vault.set_aside(&name, Fault::Failing);
        let looks = (1..).find(|_| {
            vault.look_at_places(&no_floor);
            standings(&vault)[1] == Standing::Owing
        });
        waited.push(looks.expect("it comes back"));
    }
    assert_eq!(waited, [1, 2, 4, 8, 16, 32, 64, 64, 64]);
    assert!(vault.note_whole(&name, 0));
    vault.set_aside(&name, Fault::Failing);
    vault.look_at_places(&no_floor);
    assert_eq!(standings(&vault)[1], Standing::Owing, "what was whole begins anew");
}
