//! What one inbox holds, as far as it has been seen: every file has a state, a reason and a next look.
//!
//! A table in memory and no IO. It may be lost at any time: the next rescan and the catalog rebuild it.
//! Files that need nothing more rest as two marks each, so that an inbox of a hundred thousand known
//! files costs a few megabytes; files in motion are held whole, and at most [`MOST_OPEN`] of them.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::model::{RawName, Reason, State};
use crate::rules::backoff::backoff;
use crate::rules::settle::{Hint, Look, SettlePolicy, Settled, Settling, Sighting, judge};

/// Files of one inbox that may be in motion at once. More wait in the inbox for a later rescan, which
/// loses nothing; a flood of names cannot fill the memory (P4).
pub(super) const MOST_OPEN: usize = 10_000;

/// The longest wait of a file that the archive could not take: whoever mends a disk sees it work within a minute.
/// Not shorter, because each such failure pauses all intake for a moment, and one odd file must not keep the
/// others from their turns (P4).
const LONGEST_HELD: Duration = Duration::from_secs(60);

/// Files that are left alone and listed by name; the others are counted.
const MOST_LISTED: usize = 100;

/// Passes that did not see everything, after which what was not seen in any of them leaves the desk. It
/// may still be there, behind a folder that cannot be read, and then the catalog knows it; without an end
/// such a folder would make the desk grow for ever.
const MOST_PARTIAL: u64 = 8;

/// The files of one inbox.
#[derive(Debug, Default)]
pub(super) struct Desk {
    open: HashMap<RawName, Open>,
    ready: VecDeque<RawName>,
    resting: HashMap<Mark, Resting>,
    listed: HashMap<RawName, (Listed, u64)>,
    pass: u64,
}

/// A path, or how a file looked, shortened; SHA-256 makes chance equality impossible in practice.
type Mark = [u8; 16];

#[derive(Debug, Clone, Copy)]
struct Resting {
    shown: Mark,
    state: State,
    pass: u64,
}

#[derive(Debug)]
struct Open {
    sighting: Sighting,
    stage: Stage,
    attempts: u32,
    pass: u64,
}

#[derive(Debug, Clone, Copy)]
enum Stage {
    /// Looked at again at `until`.
    Waiting { until: Duration, because: Reason },
    /// Judged complete, in the queue.
    Ready(Settled),
    /// Being sealed.
    InHand,
}

/// A file that is not sealed, for people to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Relative to the inbox.
    pub path: RawName,
    /// How it stands.
    pub state: State,
    /// Why.
    pub reason: Reason,
    /// Attempts that failed so far.
    pub attempts: u32,
}

/// What became of a file that was in hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// It rests: sealed, known, quarantined.
    Rests(State),
    /// It rests until it changes.
    LeftAlone(State, Reason),
    /// It is tried again after a while.
    Again(Reason),
    /// The archive could not take it, which may say nothing about the file: it is tried again soon.
    Held(Reason),
    /// It changed: the quiet time begins again, and this was no failure.
    Changed,
    /// A shutdown stopped the attempt, which says nothing about the file.
    Stopped,
}

/// A file that the desk knows nothing of yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// New, or changed: ask the catalog whether this very source is a deposit already.
    New,
    /// Nothing to do.
    Familiar,
    /// No room to remember it now; the next rescan finds it again.
    Later,
}

impl Open {
    fn fail(&mut self, because: Reason, now: Duration, longest: Duration) {
        self.attempts = self.attempts.saturating_add(1);
        self.stage = Stage::Waiting { until: now + backoff(self.attempts).min(longest), because };
    }
}

impl Desk {
    /// Begins a full pass; what is not seen in it is forgotten at its end.
    pub(super) fn begin_pass(&mut self) {
        self.pass += 1;
    }

    /// Ends a full pass: files that left the inbox leave the desk. Nothing else follows from absence
    /// (P12).
    pub(super) fn end_pass(&mut self) {
        self.keep_since(self.pass);
    }

    /// Ends a pass that did not see everything: only what was long unseen leaves the desk.
    pub(super) fn end_partial_pass(&mut self) {
        self.keep_since(self.pass.saturating_sub(MOST_PARTIAL));
    }

    fn keep_since(&mut self, pass: u64) {
        self.resting.retain(|_, resting| resting.pass >= pass);
        self.open.retain(|_, open| open.pass >= pass || matches!(open.stage, Stage::InHand));
        self.listed.retain(|_, (_, seen)| *seen >= pass);
    }

    /// One look at a file.
    pub(super) fn see(&mut self, path: &RawName, look: Look, hint: Hint) -> Seen {
        if let Some(open) = self.open.get_mut(path) {
            open.pass = self.pass;
            if !matches!(open.stage, Stage::InHand) {
                let before = *open.sighting.last();
                open.sighting = open.sighting.look(look);
                if hint != Hint::None {
                    open.sighting = open.sighting.hear(hint, look.seen);
                }
                let is_changed = !look.shows_the_same_as(&before);
                if is_changed {
                    // What made the last attempt fail may be what changed.
                    open.attempts = 0;
                }
                // Judged anew now: a close that follows the first look shortens the wait. No event shortens
                // the wait after an attempt that failed.
                if (is_changed || hint != Hint::None)
                    && open.attempts == 0
                    && let Stage::Waiting { until, .. } = &mut open.stage
                {
                    *until = look.seen.min(*until);
                }
            }
            return Seen::Familiar;
        }
        let resting = self.resting.get_mut(&name(path)).filter(|resting| resting.shown == shown(&look));
        if let Some(resting) = resting {
            resting.pass = self.pass;
            if let Some((_, seen)) = self.listed.get_mut(path) {
                *seen = self.pass;
            }
            return Seen::Familiar;
        }
        if self.open.len() >= MOST_OPEN { Seen::Later } else { Seen::New }
    }

    /// Takes up a file that [`Desk::see`] called new.
    pub(super) fn take_up(&mut self, path: RawName, look: Look, hint: Hint) {
        let stage = Stage::Waiting { until: look.seen, because: Reason::NotQuiet };
        let sighting = Sighting::begin(look, hint);
        self.open.insert(path, Open { sighting, stage, attempts: 0, pass: self.pass });
    }

    /// Puts a file to rest without an attempt: it is a deposit already, or nothing to take.
    pub(super) fn rest(&mut self, path: &RawName, look: &Look, (state, reason): (State, Option<Reason>)) {
        self.open.remove(path);
        self.listed.remove(path);
        self.resting.insert(name(path), Resting { shown: shown(look), state, pass: self.pass });
        if let Some(reason) = reason {
            self.list(Listed { path: path.clone(), state, reason, attempts: 0 });
        }
    }

    /// Counts and lists something that cannot even be looked at (a link, a pipe).
    pub(super) fn refuse(&mut self, path: &RawName, reason: Reason) {
        let shown = short(&[reason.code().as_bytes()]);
        self.resting.insert(name(path), Resting { shown, state: State::Refused, pass: self.pass });
        let path = path.clone();
        self.list(Listed { path, state: State::Refused, reason, attempts: 0 });
    }

    fn list(&mut self, listed: Listed) {
        if self.listed.len() < MOST_LISTED || self.listed.contains_key(&listed.path) {
            self.listed.insert(listed.path.clone(), (listed, self.pass));
        }
    }

    /// Paths whose time for another look has come.
    #[must_use]
    pub(super) fn due(&self, now: Duration) -> Vec<RawName> {
        let is_due = |open: &Open| matches!(open.stage, Stage::Waiting { until, .. } if until <= now);
        self.open.iter().filter(|(_, open)| is_due(open)).map(|(path, _)| path.clone()).collect()
    }

    /// When the next look is due; `None` where nothing waits.
    #[must_use]
    pub(super) fn next_due(&self) -> Option<Duration> {
        self.open
            .values()
            .filter_map(|open| match open.stage {
                Stage::Waiting { until, .. } => Some(until),
                Stage::Ready(_) | Stage::InHand => None,
            })
            .min()
    }

    /// Judges a file after a look; where it is complete it joins the queue.
    pub(super) fn judge(&mut self, path: &RawName, now: Duration, policy: &SettlePolicy<'_>) {
        let Some(open) = self.open.get_mut(path) else { return };
        if !matches!(open.stage, Stage::Waiting { until, .. } if until <= now) {
            return;
        }
        match judge(&open.sighting.facts(path), policy) {
            Settling::Settled(settled) => {
                open.stage = Stage::Ready(settled);
                self.ready.push_back(path.clone());
                self.bound_queue();
            }
            Settling::Wait { until, because } => open.stage = Stage::Waiting { until, because },
            Settling::Leave { because } => {
                let look = *open.sighting.last();
                self.rest(path, &look, (State::Ignored, Some(because)));
            }
        }
    }

    /// Names of files that left the inbox stay in the queue until they are passed over. While intake is
    /// paused none is, so a dock that brings and takes away files would make it grow without end.
    fn bound_queue(&mut self) {
        if self.ready.len() <= 2 * MOST_OPEN {
            return;
        }
        let (open, mut queued) = (&self.open, HashSet::new());
        let is_ready = |path: &RawName| matches!(open.get(path), Some(Open { stage: Stage::Ready(_), .. }));
        self.ready.retain(|path| is_ready(path) && queued.insert(path.clone()));
    }

    /// Forgets a file that is gone.
    pub(super) fn forget(&mut self, path: &RawName) {
        if self.open.get(path).is_some_and(|open| !matches!(open.stage, Stage::InHand)) {
            self.open.remove(path);
        }
        self.resting.remove(&name(path));
        self.listed.remove(path);
    }

    /// The size of the next file in the queue.
    fn next_size(&mut self) -> Option<u64> {
        while let Some(path) = self.ready.front() {
            if let Some(Open { stage: Stage::Ready(settled), .. }) = self.open.get(path) {
                return Some(settled.look().size);
            }
            self.ready.pop_front();
        }
        None
    }

    /// Takes the next file in hand, if its size is one that may be taken now.
    pub(super) fn take_if(&mut self, allows: impl FnOnce(u64) -> bool) -> Option<(RawName, Settled)> {
        let size = self.next_size()?;
        if !allows(size) {
            return None;
        }
        let path = self.ready.pop_front()?;
        let open = self.open.get_mut(&path)?;
        let Stage::Ready(settled) = open.stage else { return None };
        open.stage = Stage::InHand;
        Some((path, settled))
    }

    /// A file in hand came to an end.
    pub(super) fn end(&mut self, path: &RawName, ending: Ending, now: Duration) {
        let Some(open) = self.open.get_mut(path) else { return };
        let look = *open.sighting.last();
        match ending {
            Ending::Rests(state) => self.rest(path, &look, (state, None)),
            Ending::LeftAlone(state, reason) => self.rest(path, &look, (state, Some(reason))),
            Ending::Again(because) => open.fail(because, now, Duration::MAX),
            Ending::Held(because) => open.fail(because, now, LONGEST_HELD),
            Ending::Changed => {
                // Also where no look shows it, as with a file that holds more bytes than its size says.
                open.sighting = open.sighting.hear(Hint::Writing, now);
                open.stage = Stage::Waiting { until: now, because: Reason::Changed };
            }
            Ending::Stopped => open.stage = Stage::Waiting { until: now, because: Reason::Stopped },
        }
    }

    /// Files by state; what is in motion counts as waiting.
    #[must_use]
    pub(super) fn counts(&self) -> BTreeMap<State, u64> {
        let mut counts: BTreeMap<State, u64> = State::ALL.iter().map(|state| (*state, 0)).collect();
        for resting in self.resting.values() {
            *counts.entry(resting.state).or_default() += 1;
        }
        *counts.entry(State::Waiting).or_default() += self.open.len() as u64;
        counts
    }

    /// What is not sealed, by name: what waits longest-tried first, then what is left alone.
    #[must_use]
    pub(super) fn listing(&self) -> Vec<Listed> {
        let mut waiting: Vec<Listed> = self
            .open
            .iter()
            .map(|(path, open)| Listed {
                path: path.clone(),
                state: State::Waiting,
                reason: match open.stage {
                    Stage::Waiting { because, .. } => because,
                    Stage::Ready(_) | Stage::InHand => Reason::NotQuiet,
                },
                attempts: open.attempts,
            })
            .collect();
        waiting.sort_by(|a, b| b.attempts.cmp(&a.attempts).then_with(|| a.path.cmp(&b.path)));
        waiting.truncate(MOST_LISTED);
        let mut left: Vec<Listed> = self.listed.values().map(|(listed, _)| listed.clone()).collect();
        left.sort_by(|a, b| a.path.cmp(&b.path));
        waiting.extend(left);
        waiting
    }
}

fn name(path: &RawName) -> Mark {
    short(&[path.as_bytes()])
}

fn shown(look: &Look) -> Mark {
    short(&[
        &look.size.to_be_bytes(),
        &look.inode.to_be_bytes(),
        &look.modified.timestamp().as_nanosecond().to_be_bytes(),
        &look.changed.timestamp().as_nanosecond().to_be_bytes(),
    ])
}

fn short(parts: &[&[u8]]) -> Mark {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    let digest: [u8; 32] = hasher.finalize().into();
    let mut mark = [0; 16];
    mark.copy_from_slice(&digest[..16]);
    mark
}

#[cfg(test)]
#[path = "desk_tests.rs"]
mod tests;
