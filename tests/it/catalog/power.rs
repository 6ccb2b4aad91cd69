//! Steps that fail, and power that goes.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use sealdock::catalog::{Catalog, Error, Retry};
use sealdock::model::Kind;
use sealdock::sys::{Disk, Step, Steps};

use super::house::{House, deposit_id, item_id, made, sealed, source};

/// Which steps fail.
#[derive(Debug, Clone, Copy)]
enum Manner {
    /// One step, once.
    Once,
    /// It and all after it: what a power cut looks like from inside.
    FromThenOn,
}

/// Counts steps and fails the Nth.
struct Failing {
    seen: AtomicUsize,
    at: AtomicUsize,
    manner: Manner,
}

impl Failing {
    fn new(manner: Manner) -> Arc<Self> {
        Arc::new(Self { seen: 0.into(), at: usize::MAX.into(), manner })
    }

    /// From now on, counts anew.
    fn fail_at(&self, step: usize) {
        self.seen.store(0, Ordering::SeqCst);
        self.at.store(step, Ordering::SeqCst);
    }

    fn reached(&self) -> bool {
        self.seen.load(Ordering::SeqCst) > self.at.load(Ordering::SeqCst)
    }
}

impl Steps for Failing {
    fn before(&self, _: Step<'_>) -> io::Result<()> {
        let seen = self.seen.fetch_add(1, Ordering::SeqCst);
        let at = self.at.load(Ordering::SeqCst);
        let fails = match self.manner {
            Manner::Once => seen == at,
            Manner::FromThenOn => seen >= at,
        };
        if fails { Err(io::Error::other("cut")) } else { Ok(()) }
    }
}

/// Records three items one after the other and says which were acknowledged.
fn record_three(catalog: &Catalog) -> Vec<u16> {
    (1..=3).filter(|n| catalog.record(vec![sealed(*n, &format!("{n}.mp4"), Kind::Video)]).is_ok()).collect()
}

/// What must hold after any crash: nothing acknowledged is missing, the ledger is whole, a replay gives the
/// same view, and what was not acknowledged can be done again without being doubled.
fn all_is_well(house: &House, acknowledged: &[u16]) {
    let catalog = house.open().expect("opened");
    for n in acknowledged {
        assert!(catalog.item(item_id(*n)).expect("asked").is_some(), "item {n} was acknowledged");
    }
    for n in 1..=3 {
        let path = format!("{n}.mp4");
        let deposit = catalog.deposit_of_source(&source(n, path.as_bytes())).expect("asked");
        if deposit.is_none() {
            catalog.record(vec![sealed(n, &path, Kind::Video)]).expect("done again");
        }
        assert!(catalog.deposit(deposit_id(n)).expect("asked").is_some());
    }
    assert_eq!(catalog.counts().expect("counted").items, 3);
    catalog.verify_ledger(&mut |_| {}).expect("whole");
    drop(catalog);
    let live = house.dump();
    drop(Catalog::rebuild(&house.opening()).expect("rebuilt"));
    assert_eq!(house.dump(), live);
}

#[test]
fn a_step_that_fails_once_or_for_good_loses_nothing_that_was_acknowledged() {
    for manner in [Manner::Once, Manner::FromThenOn] {
        for step in 0.. {
            let house = House::new();
            let steps = Failing::new(manner);
            let opening = house.opening_on(Disk::watched(Arc::clone(&steps) as _));
            let catalog = Catalog::create(&opening, made()).expect("created");
            steps.fail_at(step);
            let acknowledged = record_three(&catalog);
            drop(catalog);
            let reached = steps.reached();
            all_is_well(&house, &acknowledged);
            if !reached {
                assert!(step >= 9, "write, sync and commit, three times");
                assert_eq!(acknowledged, [1, 2, 3]);
                break;
            }
        }
    }
}

#[test]
fn a_cut_during_a_start_is_made_good_by_the_next() {
    for step in 0.. {
        let (house, catalog) = House::furnished();
        record_three(&catalog);
        drop(catalog);
        std::fs::remove_file(house.database()).expect("removed");
        let torn = [std::fs::read(house.newest_file()).expect("read"), b"{\"entry\":{".to_vec()].concat();
        std::fs::write(house.newest_file(), torn).expect("written");
        let steps = Failing::new(Manner::FromThenOn);
        steps.fail_at(step);
        let opened = Catalog::open(&house.opening_on(Disk::watched(Arc::clone(&steps) as _)));
        let whole = opened.is_ok();
        drop(opened);
        all_is_well(&house, &[1, 2, 3]);
        if whole {
            assert!(step >= 5, "create, folder, commit, cut, sync");
            return;
        }
    }
}

/// Fails steps of one sort.
struct Refusing {
    which: fn(Step<'_>) -> bool,
    left: AtomicUsize,
}

impl Refusing {
    fn new(which: fn(Step<'_>) -> bool) -> Arc<Self> {
        Arc::new(Self { which, left: 0.into() })
    }

    fn next(&self, count: usize) {
        self.left.store(count, Ordering::SeqCst);
    }
}

impl Steps for Refusing {
    fn before(&self, step: Step<'_>) -> io::Result<()> {
        let spend = |left: usize| left.checked_sub(1);
        if (self.which)(step) && self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, spend).is_ok() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }
}

fn house_with(steps: &Arc<Refusing>) -> (House, Catalog) {
    let house = House::new();
    let opening = house.opening_on(Disk::watched(Arc::clone(steps) as _));
    let catalog = Catalog::create(&opening, made()).expect("created");
    (house, catalog)
}

#[test]
fn a_full_disk_refuses_a_deed_and_later_takes_it() {
    let steps = Refusing::new(|step| matches!(step, Step::Write(_)));
    let (house, catalog) = house_with(&steps);
    steps.next(1);
    let error = catalog.record(vec![sealed(1, "1.mp4", Kind::Video)]).expect_err("full");
    assert!(matches!(error.plain(), Error::Io { .. }), "{error:?}");
    assert_eq!((error.retry(), error.is_recorded()), (Retry::Later, false));
    assert!(catalog.item(item_id(1)).expect("asked").is_none(), "nothing was recorded");
    assert_eq!(record_three(&catalog), [1, 2, 3]);
    drop(catalog);
    all_is_well(&house, &[1, 2, 3]);
}

#[test]
fn a_ledger_whose_end_is_in_doubt_stops_the_catalog_until_it_is_opened_again() {
    let steps = Refusing::new(|step| matches!(step, Step::Sync(_) | Step::Cut(_)));
    let (house, catalog) = house_with(&steps);
    steps.next(2);
    assert!(catalog.record(vec![sealed(1, "1.mp4", Kind::Video)]).is_err());
    let error = catalog.record(vec![sealed(2, "2.mp4", Kind::Video)]).expect_err("stopped");
    assert!(matches!(error.plain(), Error::Stopped { .. }), "{error:?}");
    assert_eq!(catalog.counts().expect("still answers").items, 0);
    drop(catalog);
    all_is_well(&house, &[]);
}

#[test]
fn a_commit_that_fails_is_made_good_from_the_ledger() {
    let steps = Refusing::new(|step| matches!(step, Step::Commit(_)));
    let (house, catalog) = house_with(&steps);
    steps.next(1);
    let recorded = catalog.record(vec![sealed(1, "1.mp4", Kind::Video)]).expect("made good");
    assert_eq!(recorded.head.head().size, 2);
    assert!(catalog.item(item_id(1)).expect("asked").is_some());

    steps.next(2);
    let error = catalog.record(vec![sealed(2, "2.mp4", Kind::Video)]).expect_err("not applied");
    assert!(error.is_recorded(), "{error:?}");
    assert!(catalog.item(item_id(2)).expect("asked").is_none());
    catalog.record(vec![sealed(3, "3.mp4", Kind::Video)]).expect("catches up first");
    assert!(catalog.item(item_id(2)).expect("asked").is_some());
    drop(catalog);
    all_is_well(&house, &[1, 2, 3]);
}

/// Counts how often each thing was forced to the disk.
#[derive(Default)]
struct Counting(Mutex<(usize, usize)>);

impl Steps for Counting {
    fn before(&self, step: Step<'_>) -> io::Result<()> {
        let mut counts = self.0.lock().expect("nobody panics");
        match step {
            Step::Sync(_) => counts.0 += 1,
            Step::Commit(_) => counts.1 += 1,
            _ => {}
        }
        Ok(())
    }
}

#[test]
fn deeds_that_come_together_are_made_durable_together() {
    let house = House::new();
    let steps = Arc::new(Counting::default());
    let opening = house.opening_on(Disk::watched(Arc::clone(&steps) as _));
    let catalog = Catalog::create(&opening, made()).expect("created");
    let before = *steps.0.lock().expect("nobody panics");
    const EACH: u16 = 50;
    let heads: Vec<u64> = std::thread::scope(|scope| {
        let dock = |first: u16| {
            let catalog = catalog.clone();
            scope.spawn(move || {
                let record = |n| catalog.record(vec![sealed(n, &format!("{n}.mp4"), Kind::Video)]);
                let sizes = (first..first + EACH).map(|n| record(n).expect("recorded").head.head().size);
                sizes.collect::<Vec<_>>()
            })
        };
        let docks: Vec<_> = (0..8).map(|dock_number| dock(dock_number * EACH)).collect();
        docks.into_iter().flat_map(|dock| dock.join().expect("no panic")).collect()
    });
    let after = *steps.0.lock().expect("nobody panics");
    let distinct: std::collections::BTreeSet<u64> = heads.iter().copied().collect();
    assert_eq!(heads.len(), 400);
    assert!(distinct.len() < heads.len(), "some shared a head");
    assert_eq!(after.0 - before.0, distinct.len(), "one sync for each head");
    assert_eq!(after.1 - before.1, distinct.len(), "one commit for each head");
    assert_eq!(catalog.ledger_size(), 401);
    catalog.verify_ledger(&mut |_| {}).expect("whole");
}

#[test]
fn one_bad_deed_does_not_spoil_its_neighbours() {
    let (_house, catalog) = House::furnished();
    catalog.record(vec![sealed(0, "0.mp4", Kind::Video)]).expect("recorded");
    std::thread::scope(|scope| {
        for n in 1..40 {
            let catalog = &catalog;
            scope.spawn(move || {
                let of = if n % 2 == 0 { 0 } else { n };
                let outcome = catalog.record(vec![sealed(of, &format!("{n}.mp4"), Kind::Video)]);
                match outcome {
                    Ok(_) => assert_eq!(n % 2, 1),
                    Err(error) => assert!(matches!(error.plain(), Error::Twice { .. }), "{error:?}"),
                }
            });
        }
    });
    assert_eq!(catalog.counts().expect("counted").items, 21);
    assert_eq!(catalog.ledger_size(), 22);
}

#[test]
fn a_closed_catalog_says_so() {
    let (house, catalog) = House::furnished();
    let handle = catalog.clone();
    catalog.all_in_order();
    catalog.close();
    let error = handle.record(vec![sealed(1, "1.mp4", Kind::Video)]).expect_err("closed");
    assert!(matches!(error, Error::Stopped { .. }));
    assert_eq!(handle.counts().expect("still answers").items, 0);
    drop((catalog, handle));
    let catalog = house.open().expect("opened");
    assert!(catalog.ended_cleanly());
}

#[test]
fn a_ledger_that_was_cut_while_it_was_begun_can_be_begun_again() {
    for step in 0.. {
        let house = House::new();
        let steps = Failing::new(Manner::FromThenOn);
        steps.fail_at(step);
        let created = Catalog::create(&house.opening_on(Disk::watched(Arc::clone(&steps) as _)), made());
        let whole = created.is_ok();
        drop(created);
        match house.open() {
            Ok(catalog) => assert_eq!(catalog.ledger_size(), 1),
            Err(error) => {
                assert!(matches!(error, Error::NoLedger { .. }), "{error:?}");
                drop(Catalog::create(&house.opening(), made()).expect("created"));
            }
        }
        all_is_well(&house, &[]);
        if whole {
            return;
        }
    }
}

#[test]
fn nobody_else_may_read_what_the_catalog_writes() {
    use std::os::unix::fs::PermissionsExt as _;
    let (house, _catalog) = House::furnished();
    let database = house.database();
    let log = house.path("catalog/catalog.db-wal");
    for file in [database, log, house.newest_file(), house.path("keys/epoch")] {
        let mode = file.metadata().expect("there").permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}", file.display());
    }
}
