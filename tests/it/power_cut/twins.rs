//! The same bytes twice from one dock, while the first arrival cannot be recorded.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sealdock::catalog::{Filter, Sight};
use sealdock::daemon::Archive;
use sealdock::intake::{Error, HandDeposit, Named, Outcome};
use sealdock::model::{RawName, State};
use sealdock::sys::{Disk, Step, Steps};

use super::house::{House, dock, world};

/// Fails some steps for as long as it is told to.
struct Failing {
    now: AtomicBool,
    which: fn(Step<'_>) -> bool,
}

impl Steps for Failing {
    fn before(&self, step: Step<'_>) -> io::Result<()> {
        let fails = self.now.load(Ordering::SeqCst) && (self.which)(step);
        if fails { Err(io::Error::from(io::ErrorKind::StorageFull)) } else { Ok(()) }
    }
}

fn writes_the_ledger(step: Step<'_>) -> bool {
    matches!(step, Step::Write(path) if path.extension().is_some_and(|ending| ending == "jsonl"))
}

fn commits(step: Step<'_>) -> bool {
    matches!(step, Step::Commit(_))
}

async fn deposit(archive: &Archive, path: &Path) -> Outcome {
    let (ended, outcome) = try_deposit(archive, path).await;
    ended.expect("the archive as a whole goes on");
    outcome.expect("one outcome")
}

async fn try_deposit(archive: &Archive, path: &Path) -> (Result<(), Error>, Option<Outcome>) {
    let named = Named { shown: RawName::from(path), absolute: path.to_owned() };
    let wanted = HandDeposit { paths: vec![named], dock: dock("local") };
    let (tell, mut told) = tokio::sync::mpsc::channel(1);
    tokio::join!(archive.rooms.intake.deposit(wanted, tell), told.recv())
}

/// The first of two files with the same bytes fails at some steps; then all is well, and the files are deposited in
/// some order.
fn comes_to_one_item(which: fn(Step<'_>) -> bool, order: [usize; 2]) {
    let house = House::new();
    let paths: [PathBuf; 2] = ["one.bin", "two.bin"].map(|name| house.inbox().with_file_name(name));
    for path in &paths {
        std::fs::write(path, b"the same bytes").expect("written");
    }
    let failing = Arc::new(Failing { now: false.into(), which });
    house
        .open(&world(Disk::watched(Arc::clone(&failing) as _)), async |archive| {
            failing.now.store(true, Ordering::SeqCst);
            assert_eq!(deposit(archive, &paths[0]).await.state, State::Waiting);
            failing.now.store(false, Ordering::SeqCst);
            for place in order {
                let outcome = deposit(archive, &paths[place]).await;
                assert!(outcome.taken.is_some(), "{outcome:?}");
            }
            let catalog = &archive.rooms.catalog;
            let mut items = 0;
            let listed = catalog.find((&Filter::default(), &Sight::WHOLE), &mut |_| {
                items += 1;
                std::ops::ControlFlow::Continue(())
            });
            listed.expect("listed");
            let counts = catalog.counts().expect("counted");
            assert_eq!((items, counts.items, counts.deposits), (1, 1, 2), "{counts:?}");
        })
        .expect("opens");
}

#[test]
fn bytes_that_wait_to_be_recorded_are_no_second_item_when_they_come_again() {
    comes_to_one_item(writes_the_ledger, [1, 0]);
    comes_to_one_item(writes_the_ledger, [0, 1]);
}

#[test]
fn bytes_that_only_the_ledger_knows_are_no_second_item_when_they_come_again() {
    comes_to_one_item(commits, [1, 0]);
    comes_to_one_item(commits, [0, 1]);
}

/// Fails the commits that follow a poster, for as long as it is told to.
struct AfterPoster {
    now: AtomicBool,
    seen: AtomicBool,
}

impl Steps for AfterPoster {
    fn before(&self, step: Step<'_>) -> io::Result<()> {
        if matches!(step, Step::Rename(_, to) if to.components().any(|part| part.as_os_str() == "derived"))
        {
            self.seen.store(true, Ordering::SeqCst);
        }
        let fails = commits(step) && self.now.load(Ordering::SeqCst) && self.seen.load(Ordering::SeqCst);
        if fails { Err(io::Error::from(io::ErrorKind::StorageFull)) } else { Ok(()) }
    }
}

#[test]
fn a_poster_that_only_the_ledger_knows_is_not_made_again() {
    let house = House::new();
    let clip = house.inbox().join("moov-front.mp4");
    let failing = Arc::new(AfterPoster { now: true.into(), seen: false.into() });
    house
        .open(&world(Disk::watched(Arc::clone(&failing) as _)), async |archive| {
            assert!(try_deposit(archive, &clip).await.0.is_err(), "the facts could not be entered");
            failing.now.store(false, Ordering::SeqCst);
            assert!(try_deposit(archive, &clip).await.0.is_ok());
            assert_eq!(archive.rooms.catalog.counts().expect("counted").derivatives, 1);
        })
        .expect("opens");
    assert!(failing.seen.load(Ordering::SeqCst), "there is a poster");
    assert_eq!(house.vault_files("derived", "seal").len(), 1);
}
