//! What a desk makes of looks, attempts and passes.

use super::*;
use crate::model::Moment;

fn look(size: u64, seconds: u64) -> Look {
    Look {
        size,
        modified: Moment::UNIX_EPOCH,
        changed: Moment::UNIX_EPOCH,
        inode: 7,
        seen: Duration::from_secs(seconds),
    }
}

fn policy() -> SettlePolicy<'static> {
    SettlePolicy { quiet: Duration::from_secs(10), ignore: None }
}

fn settle(desk: &mut Desk, path: &RawName) {
    assert_eq!(desk.see(path, look(5, 0), Hint::None), Seen::New);
    desk.take_up(path.clone(), look(5, 0), Hint::None);
    desk.judge(path, Duration::ZERO, &policy());
    for seconds in [11, 22] {
        desk.see(path, look(5, seconds), Hint::None);
        desk.judge(path, Duration::from_secs(seconds), &policy());
    }
}

#[test]
fn a_quiet_file_is_taken_once_and_rests() {
    let mut desk = Desk::default();
    let path = RawName::new("clip.mp4");
    settle(&mut desk, &path);
    assert_eq!(desk.next_size(), Some(5));
    let (taken, _) = desk.take_if(|_| true).expect("settled");
    assert_eq!(taken, path);
    assert!(desk.take_if(|_| true).is_none(), "in hand already");
    desk.end(&path, Ending::Rests(State::Sealed), Duration::from_secs(23));
    assert_eq!(desk.see(&path, look(5, 30), Hint::None), Seen::Familiar);
    assert_eq!(desk.see(&path, look(6, 31), Hint::None), Seen::New, "changed bytes are new");
    assert_eq!(desk.counts()[&State::Sealed], 1);
}

#[test]
fn a_failed_attempt_waits_longer_each_time_and_a_change_ends_the_backoff() {
    let mut desk = Desk::default();
    let path = RawName::new("clip.mp4");
    settle(&mut desk, &path);
    let now = Duration::from_secs(30);
    desk.take_if(|_| true).expect("settled");
    desk.end(&path, Ending::Again(Reason::NoSpace), now);
    let first = desk.next_due().expect("waits");
    assert!(first > now);
    desk.see(&path, look(5, 60), Hint::None);
    desk.judge(&path, first, &policy());
    desk.take_if(|_| true).expect("tried again");
    desk.end(&path, Ending::Again(Reason::NoSpace), first);
    assert!(desk.next_due().expect("waits") - first > first - now);
    assert_eq!(desk.listing()[0].attempts, 2);
    desk.see(&path, look(9, 61), Hint::None);
    assert_eq!(desk.listing()[0].attempts, 0);
}

#[test]
fn a_close_heard_after_the_first_look_ends_the_patience_with_a_writer() {
    let mut desk = Desk::default();
    let path = RawName::new("clip.mp4.md5");
    assert_eq!(desk.see(&path, look(5, 0), Hint::Writing), Seen::New);
    desk.take_up(path.clone(), look(5, 0), Hint::Writing);
    desk.judge(&path, Duration::ZERO, &policy());
    assert_eq!(desk.next_due(), Some(Duration::from_secs(30)));
    let now = Duration::from_secs(1);
    desk.see(&path, look(5, 1), Hint::CloseWrite);
    desk.judge(&path, now, &policy());
    assert_eq!(desk.next_due(), Some(Duration::from_secs(11)));
    desk.see(&path, look(5, 11), Hint::None);
    desk.judge(&path, Duration::from_secs(11), &policy());
    desk.take_if(|_| true).expect("settled");
    desk.end(&path, Ending::Again(Reason::NoSpace), Duration::from_secs(11));
    let backoff = desk.next_due();
    desk.see(&path, look(5, 11), Hint::CloseWrite);
    assert_eq!(desk.next_due(), backoff, "an event is no reason to try a failed file at once");
}

#[test]
fn what_the_archive_could_not_take_is_tried_again_within_a_minute() {
    let mut desk = Desk::default();
    let path = RawName::new("clip.mp4");
    settle(&mut desk, &path);
    let mut now = Duration::from_secs(30);
    for attempt in 1..10 {
        desk.take_if(|_| true).expect("settled");
        desk.end(&path, Ending::Held(Reason::WriteError), now);
        let due = desk.next_due().expect("waits");
        assert!(due > now && due <= now + LONGEST_HELD, "attempt {attempt}");
        now = due;
        desk.see(&path, look(5, now.as_secs()), Hint::None);
        desk.judge(&path, now, &policy());
    }
}

#[test]
fn a_flood_of_names_is_left_for_later() {
    let mut desk = Desk::default();
    for number in 0..MOST_OPEN {
        desk.take_up(RawName::new(number.to_string()), look(1, 0), Hint::None);
    }
    assert_eq!(desk.see(&RawName::new("one more"), look(1, 0), Hint::None), Seen::Later);
}

#[test]
fn a_change_is_judged_at_once_however_long_the_backoff() {
    let mut desk = Desk::default();
    let path = RawName::new("clip.mp4");
    settle(&mut desk, &path);
    desk.take_if(|_| true).expect("settled");
    desk.end(&path, Ending::Again(Reason::Unreadable), Duration::from_secs(30));
    desk.see(&path, look(6, 31), Hint::None);
    assert_eq!(desk.next_due(), Some(Duration::from_secs(31)));
}

#[test]
fn a_file_that_changed_in_hand_rests_again_even_if_it_looks_the_same() {
    let mut desk = Desk::default();
    let path = RawName::new("clip.mp4");
    settle(&mut desk, &path);
    desk.take_if(|_| true).expect("settled");
    desk.end(&path, Ending::Changed, Duration::from_secs(30));
    desk.see(&path, look(5, 31), Hint::None);
    desk.judge(&path, Duration::from_secs(31), &policy());
    assert!(desk.take_if(|_| true).is_none());
    assert!(desk.next_due() > Some(Duration::from_secs(40)));
}

#[test]
fn names_that_come_and_go_while_nothing_is_taken_do_not_fill_the_queue() {
    let mut desk = Desk::default();
    let path = RawName::new("clip.mp4");
    for _ in 0..=2 * MOST_OPEN {
        settle(&mut desk, &path);
        desk.forget(&path);
    }
    settle(&mut desk, &path);
    assert!(desk.ready.len() <= 2 * MOST_OPEN, "{}", desk.ready.len());
    assert_eq!(desk.take_if(|_| true).map(|(taken, _)| taken), Some(path));
    assert!(desk.take_if(|_| true).is_none());
}

#[test]
fn a_folder_that_can_never_be_read_does_not_make_the_desk_grow() {
    let mut desk = Desk::default();
    for pass in 0..100 {
        desk.begin_pass();
        desk.rest(&RawName::new("a"), &look(pass, 0), (State::Sealed, None));
        desk.end_partial_pass();
    }
    assert!(desk.counts()[&State::Sealed] <= MOST_PARTIAL + 1);
    assert_eq!(desk.see(&RawName::new("a"), look(99, 1), Hint::None), Seen::Familiar);
}

#[test]
fn what_left_the_inbox_leaves_the_desk() {
    let mut desk = Desk::default();
    desk.rest(&RawName::new("a"), &look(1, 0), (State::Sealed, None));
    desk.begin_pass();
    desk.end_pass();
    assert_eq!(desk.counts()[&State::Sealed], 0);
}

#[test]
fn a_resting_file_counts_once_however_it_grows_and_not_when_it_is_gone() {
    let mut desk = Desk::default();
    let path = RawName::new("clip.mp4.part");
    for size in 1..4 {
        assert_eq!(desk.see(&path, look(size, 0), Hint::None), Seen::New);
        desk.rest(&path, &look(size, 0), (State::Ignored, Some(Reason::InProgressName)));
        assert_eq!(desk.counts()[&State::Ignored], 1);
    }
    desk.forget(&path);
    assert_eq!(desk.counts()[&State::Ignored], 0);
    assert!(desk.listing().is_empty());
}
