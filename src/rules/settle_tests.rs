use proptest::prelude::*;

use super::*;
use crate::model::Wide;

const PLAIN: &str = "20190912/091530.mp4";

fn look(size: u64, at_s: u64) -> Look {
    Look {
        size,
        modified: Moment::from_unix(1_600_000_000, 0),
        changed: Moment::from_unix(1_600_000_000, 0),
        inode: 7,
        seen: Duration::from_secs(at_s),
    }
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn quiet(count: u64) -> SettlePolicy<'static> {
    SettlePolicy { quiet: seconds(count), ignore: None }
}

fn judged(sighting: &Sighting, policy: &SettlePolicy<'_>) -> Settling {
    judge(&sighting.facts(&RawName::new(PLAIN)), policy)
}

fn waits_until(count: u64) -> Settling {
    Settling::Wait { until: seconds(count), because: Reason::NotQuiet }
}

#[test]
fn a_file_settles_after_its_quiet_time_and_one_more_look() {
    let sighting = Sighting::begin(look(5, 100), Hint::None);
    assert_eq!(judged(&sighting, &quiet(10)), waits_until(110));
    let sighting = sighting.look(look(5, 110));
    let Settling::Settled(settled) = judged(&sighting, &quiet(10)) else {
        panic!("two looks, ten seconds apart, showed the same");
    };
    assert_eq!(settled.look(), &look(5, 110));
}

#[test]
fn growth_begins_the_rest_again() {
    let sighting = Sighting::begin(look(5, 100), Hint::None).look(look(6, 109)).look(look(6, 110));
    assert_eq!(judged(&sighting, &quiet(10)), waits_until(119));
}

#[test]
fn looks_that_differ_never_settle_even_without_a_quiet_time() {
    let path = RawName::new(PLAIN);
    let (first, last) = (look(5, 100), look(6, 101));
    let facts = SettleFacts {
        path: &path,
        first: &first,
        last: &last,
        unchanged_since: seconds(100),
        hint: Hint::None,
    };
    assert_eq!(judge(&facts, &quiet(0)), waits_until(101));
}

#[test]
fn one_look_is_enough_for_a_file_that_a_person_named() {
    let sighting = Sighting::begin(look(5, 100), Hint::None);
    assert!(matches!(judged(&sighting, &quiet(0)), Settling::Settled(_)));
}

#[test]
fn a_file_that_is_still_held_is_given_more_time() {
    let sighting = Sighting::begin(look(5, 100), Hint::Writing).look(look(5, 120));
    assert_eq!(judged(&sighting, &quiet(10)), waits_until(130));
    let closed = sighting.hear(Hint::CloseWrite, seconds(112));
    assert_eq!(judged(&closed, &quiet(10)), waits_until(122));
    assert!(matches!(judged(&closed.look(look(5, 122)), &quiet(10)), Settling::Settled(_)));
}

#[test]
fn events_that_come_late_shorten_nothing() {
    let sighting = Sighting::begin(look(5, 100), Hint::None)
        .hear(Hint::CloseWrite, seconds(110))
        .hear(Hint::CloseWrite, seconds(105))
        .look(look(5, 115));
    assert_eq!(judged(&sighting, &quiet(10)), waits_until(120));
}

#[test]
fn a_change_after_the_close_means_that_somebody_writes_on() {
    let closed = Sighting::begin(look(5, 100), Hint::CloseWrite).look(look(5, 103));
    let reopened = closed.look(look(6, 105)).look(look(6, 116));
    assert_eq!(judged(&reopened, &quiet(10)), waits_until(135));
}

#[test]
fn the_end_of_a_write_that_is_seen_after_its_close_is_no_second_write() {
    let sighting = Sighting::begin(look(0, 100), Hint::Writing)
        .hear(Hint::CloseWrite, seconds(104))
        .look(look(9, 105));
    assert_eq!(judged(&sighting, &quiet(10)), waits_until(115));
}

#[test]
fn names_that_docks_use_while_they_write_are_left() {
    let patterns = Patterns::shipped().expect("the shipped profile is sound");
    let policy = SettlePolicy { quiet: seconds(0), ignore: Some(&patterns) };
    let sighting = Sighting::begin(look(5, 100), Hint::None);
    let judge_named = |name: &str| judge(&sighting.facts(&RawName::new(name)), &policy);
    assert_eq!(judge_named("a.mp4.part"), Settling::Leave { because: Reason::InProgressName });
    assert_eq!(judge_named("Thumbs.db"), Settling::Leave { because: Reason::IgnoredName });
    assert!(matches!(judge_named("a.mp4"), Settling::Settled(_)));
}

#[test]
fn what_was_judged_is_recognised_again() {
    let Settling::Settled(settled) = judged(&Sighting::begin(look(5, 100), Hint::None), &quiet(0)) else {
        panic!("a quiet time of zero takes it at once");
    };
    let source = Source {
        dock: crate::model::DockName::local(),
        path: RawName::new(PLAIN),
        device: Wide(1),
        inode: Wide(7),
        size: 5,
        modified: look(5, 0).modified,
        changed: look(5, 0).changed,
    };
    assert!(settled.is_still(&source));
    assert!(!settled.is_still(&Source { inode: Wide(8), ..source.clone() }));
    assert!(!settled.is_still(&Source { size: 6, ..source.clone() }));
    assert!(!settled.is_still(&Source { changed: Moment::UNIX_EPOCH, ..source }));
}

/// What a hostile or clumsy dock may do between two looks.
#[derive(Debug, Clone, Copy)]
enum Deed {
    Append,
    Touch,
    Replace,
    Nothing,
    Event(Hint),
}

fn deeds() -> impl Strategy<Value = Deed> {
    prop_oneof![
        1 => Just(Deed::Append),
        1 => Just(Deed::Touch),
        1 => Just(Deed::Replace),
        4 => Just(Deed::Nothing),
        1 => hints().prop_map(Deed::Event),
    ]
}

fn hints() -> impl Strategy<Value = Hint> {
    prop_oneof![
        Just(Hint::None),
        Just(Hint::Writing),
        Just(Hint::CloseWrite),
        Just(Hint::RenamedIn),
        Just(Hint::DoneMarker),
    ]
}

fn moments() -> impl Strategy<Value = Moment> {
    (any::<i64>(), any::<u32>()).prop_map(|(seconds, nanos)| Moment::from_unix(seconds, nanos))
}

fn done_to(file: Look, deed: Deed, number: u32) -> Look {
    let stamp = Moment::from_unix(1_700_000_000, number);
    match deed {
        Deed::Append => Look { size: file.size + 1, modified: stamp, changed: stamp, ..file },
        Deed::Touch => Look { changed: stamp, ..file },
        Deed::Replace => Look { inode: file.inode + 1, ..file },
        Deed::Nothing | Deed::Event(_) => file,
    }
}

proptest! {
    /// The heart of it: whatever is done in whatever order, a file that settles was seen unchanged
    /// for at least the quiet time, up to the look that settled it.
    #[test]
    fn nothing_settles_within_the_quiet_time_of_a_change(
        steps in proptest::collection::vec((deeds(), 0_u64..8), 1..60),
        quiet_ms in 1_u64..12,
    ) {
        let policy = SettlePolicy { quiet: Duration::from_millis(quiet_ms), ignore: None };
        let mut file = look(1, 0);
        let mut sighting = Sighting::begin(file, Hint::None);
        let mut changed_at = Duration::ZERO;
        let mut now = Duration::ZERO;
        for (number, (deed, gap_ms)) in (1..).zip(steps) {
            now += Duration::from_millis(gap_ms);
            if let Deed::Event(hint) = deed {
                sighting = sighting.hear(hint, now);
                continue;
            }
            let after = done_to(file, deed, number);
            if !after.shows_the_same_as(&file) {
                changed_at = now;
            }
            file = Look { seen: now, ..after };
            sighting = sighting.look(file);
            if let Settling::Settled(settled) = judged(&sighting, &policy) {
                prop_assert!(now - changed_at >= policy.quiet);
                prop_assert_eq!(settled.look(), &file);
            }
        }
    }

    /// No file waits for ever: one that rests settles at the look its last verdict asked for.
    #[test]
    fn what_rests_settles(
        hint in hints(),
        quiet_ms in 0_u64..100_000,
        heard in proptest::option::of((hints(), 0_u64..50_000)),
    ) {
        let policy = SettlePolicy { quiet: Duration::from_millis(quiet_ms), ignore: None };
        let mut now = seconds(100);
        let mut sighting = Sighting::begin(look(1, 100), hint);
        if let Some((hint, after_ms)) = heard {
            now += Duration::from_millis(after_ms);
            sighting = sighting.hear(hint, now);
        }
        for _ in 0..2 {
            match judged(&sighting, &policy) {
                Settling::Settled(_) => return Ok(()),
                Settling::Wait { until, .. } => now = now.max(until),
                Settling::Leave { .. } => prop_assert!(false, "the name is plain"),
            }
            sighting = sighting.look(Look { seen: now, ..*sighting.last() });
        }
        let settles = matches!(judged(&sighting, &policy), Settling::Settled(_));
        prop_assert!(settles);
    }

    /// The clock of a recorder, however wrong, decides nothing.
    #[test]
    fn the_times_of_a_file_are_never_compared_with_ours(
        modified in moments(),
        changed in moments(),
        size in any::<u64>(),
        inode in any::<u64>(),
        rest_ms in 0_u64..40_000,
    ) {
        let strange = Look { size, modified, changed, inode, seen: seconds(100) };
        let now = seconds(100) + Duration::from_millis(rest_ms);
        let settles = |first: Look| {
            let sighting = Sighting::begin(first, Hint::None).look(Look { seen: now, ..first });
            matches!(judged(&sighting, &quiet(10)), Settling::Settled(_))
        };
        prop_assert_eq!(settles(strange), settles(look(5, 100)));
        prop_assert_eq!(settles(strange), rest_ms >= 10_000);
    }

    /// Any difference between two looks, in any field, keeps a file waiting.
    #[test]
    fn any_difference_keeps_it_waiting(field in 0_usize..4, by in 1_u64..1_000, quiet_s in 0_u64..20) {
        let path = RawName::new(PLAIN);
        let first = look(5, 100);
        let mut last = look(5, 1_000);
        match field {
            0 => last.size += by,
            1 => last.modified = last.modified.plus(Duration::from_nanos(by)),
            2 => last.changed = last.changed.plus(Duration::from_nanos(by)),
            _ => last.inode += by,
        }
        let facts = SettleFacts {
            path: &path,
            first: &first,
            last: &last,
            unchanged_since: seconds(100),
            hint: Hint::RenamedIn,
        };
        let waits = matches!(judge(&facts, &quiet(quiet_s)), Settling::Wait { .. });
        prop_assert!(waits);
    }

    /// A hint never makes the rule take a file that it would not take without.
    #[test]
    fn hints_never_hasten(hint in hints(), rest_ms in 0_u64..40_000, quiet_ms in 1_u64..40_000) {
        let policy = SettlePolicy { quiet: Duration::from_millis(quiet_ms), ignore: None };
        let now = seconds(100) + Duration::from_millis(rest_ms);
        let settles = |hint| {
            let sighting = Sighting::begin(look(5, 100), hint).look(Look { seen: now, ..look(5, 100) });
            matches!(judged(&sighting, &policy), Settling::Settled(_))
        };
        prop_assert!(!settles(hint) || settles(Hint::None));
    }
}
