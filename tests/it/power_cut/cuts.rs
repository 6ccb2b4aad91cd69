//! Every step of a deposit and of a round over an inbox, failed once or for good.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use sealdock::daemon::RebuildFrom;
use sealdock::sys::Disk;

use super::house::{Cut, House, Manner, Way, watched, world};

/// Steps of a run, at least: sealing three files and a poster takes that many.
const FEWEST: usize = 60;

/// Tries every step, or every so-manieth, until a run comes through; `hands` steps at a time, since much of it is
/// waiting. A trial says whether its step was reached.
fn at_steps(every: usize, hands: usize, reaches: impl Fn(usize) -> bool + Sync) {
    let next = AtomicUsize::new(0);
    let over = AtomicBool::new(false);
    let work = || {
        while !over.load(Ordering::SeqCst) {
            let step = next.fetch_add(every, Ordering::SeqCst);
            if !reaches(step) {
                over.store(true, Ordering::SeqCst);
                assert!(step >= FEWEST, "only {step} steps");
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..hands {
            scope.spawn(work);
        }
    });
}

fn try_step(way: Way, manner: Manner, step: usize) -> bool {
    let house = House::new();
    let cut = Cut::new(manner);
    cut.at(step);
    let first = match way {
        Way::Hand => house.deposit(&watched(&cut)).is_some(),
        // After a fault the inbox goes on by itself; without power nothing does.
        Way::Inbox => {
            house.take_in(&watched(&cut), || manner == Manner::FromThenOn && cut.is_reached()).is_some()
        }
    };
    let when = format!("{way:?}, {manner:?} at step {step}: {}", cut.what());
    if cut.is_reached() {
        house.is_sound(&when);
    } else {
        assert!(first, "a run without a fault completes");
    }
    house.finishes(way, &when);
    cut.is_reached()
}

#[test]
fn a_cut_at_any_step_of_a_deposit_loses_and_doubles_nothing() {
    at_steps(1, 2, |step| try_step(Way::Hand, Manner::FromThenOn, step));
}

#[test]
fn a_fault_at_any_step_of_a_deposit_loses_and_doubles_nothing() {
    at_steps(3, 2, |step| try_step(Way::Hand, Manner::Once, step));
}

#[test]
fn a_cut_at_any_step_of_a_round_over_an_inbox_loses_and_doubles_nothing() {
    at_steps(3, 4, |step| try_step(Way::Inbox, Manner::FromThenOn, step));
}

#[test]
fn a_fault_at_any_step_of_a_round_over_an_inbox_loses_and_doubles_nothing() {
    at_steps(4, 12, |step| try_step(Way::Inbox, Manner::Once, step));
}

#[test]
fn a_cut_at_any_step_of_a_rebuild_is_made_good_by_another() {
    let whole = House::new();
    whole.deposit(&world(Disk::default())).expect("deposited");
    let before = whole.dump();
    for from in [RebuildFrom::Ledger, RebuildFrom::Vault] {
        for step in 0.. {
            let house = House::like(&whole);
            if from == RebuildFrom::Vault {
                house.lose_the_books();
            }
            let cut = Cut::new(Manner::FromThenOn);
            cut.at(step);
            let rebuilt = house.rebuild(from, &watched(&cut));
            let when = format!("{from:?} at step {step}: {}", cut.what());
            if !rebuilt {
                assert!(house.rebuild(from, &world(Disk::default())), "{when}: a second try finishes");
            }
            let after = house.dump();
            match from {
                RebuildFrom::Ledger => assert_eq!(after, before, "{when}"),
                RebuildFrom::Vault => house.is_back_from_its_vault(&when),
            }
            if !cut.is_reached() {
                assert!(step > 5, "only {step} steps");
                break;
            }
        }
    }
}
