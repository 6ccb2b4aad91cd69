//! Whether a file in an inbox is complete.
//!
//! Nobody tells when a dock has finished, so completeness is judged from what can be seen: names that
//! docks use while they write, and size, times and inode that stay the same for a quiet time. Events
//! are hints; they can make the rule wait longer, never shorter.
//!
//! Nothing here asks the wall clock. The times of a file are compared with each other for being the
//! same and with nothing else, so that a recorder whose clock is years off settles like any other.

use std::time::Duration;

use super::naming::Patterns;
use crate::model::{Moment, RawName, Reason, Source};

/// How many quiet times a file must rest that was seen to be created and not to be closed: whoever
/// writes it probably still holds it, and a stalled upload pauses for longer than a quiet one. A close
/// may also go unseen (a hard link gives none), so the wait has an end.
pub const PATIENCE: u32 = 3;

/// What one look at a file showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Bytes.
    pub size: u64,
    /// `st_mtim`.
    pub modified: Moment,
    /// `st_ctim`.
    pub changed: Moment,
    /// `st_ino`.
    pub inode: u64,
    /// When the look was taken, since boot.
    pub seen: Duration,
}

impl Look {
    /// Whether both looks showed the same file in the same state, whenever they were taken.
    #[must_use]
    pub fn shows_the_same_as(&self, other: &Self) -> bool {
        (self.size, self.modified, self.changed, self.inode)
            == (other.size, other.modified, other.changed, other.inode)
    }
}

/// What events told of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hint {
    /// Nothing: it was found by a rescan.
    None,
    /// It was created before our eyes and not yet closed, or written again after it had been closed.
    Writing,
    /// Whoever wrote it closed it.
    CloseWrite,
    /// It came by a rename, which is how careful docks finish.
    RenamedIn,
    /// The checksum or marker that its dock writes last lies beside it.
    DoneMarker,
}

/// What has been seen of one file so far: an unbroken row of looks that showed the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sighting {
    first: Look,
    last: Look,
    unchanged_since: Duration,
    hint: Hint,
    hinted: Duration,
}

impl Sighting {
    /// The first look at a file, and what was heard of it before.
    #[must_use]
    pub fn begin(look: Look, hint: Hint) -> Self {
        Self { first: look, last: look, unchanged_since: look.seen, hint, hinted: look.seen }
    }

    /// One more look. A look that differs begins a new row; and where the file had been looked at
    /// after its close and differs now, somebody writes on.
    #[must_use]
    pub fn look(self, look: Look) -> Self {
        if look.shows_the_same_as(&self.last) {
            return Self { last: look, ..self };
        }
        let written_on = self.hint != Hint::None && self.last.seen > self.hinted;
        Self {
            first: look,
            last: look,
            unchanged_since: self.unchanged_since.max(look.seen),
            hint: if written_on { Hint::Writing } else { self.hint },
            hinted: self.hinted,
        }
    }

    /// An event was heard at `at` (since boot): something was done to the file just then.
    #[must_use]
    pub fn hear(self, hint: Hint, at: Duration) -> Self {
        let unchanged_since = match hint {
            Hint::None => return self,
            Hint::DoneMarker => self.unchanged_since,
            Hint::Writing | Hint::CloseWrite | Hint::RenamedIn => self.unchanged_since.max(at),
        };
        Self { hint, hinted: at, unchanged_since, ..self }
    }

    /// The newest look.
    #[must_use]
    pub fn last(&self) -> &Look {
        &self.last
    }

    /// The facts to judge.
    #[must_use]
    pub fn facts<'a>(&'a self, path: &'a RawName) -> SettleFacts<'a> {
        SettleFacts {
            path,
            first: &self.first,
            last: &self.last,
            unchanged_since: self.unchanged_since,
            hint: self.hint,
        }
    }
}

/// Everything the rule looks at.
#[derive(Debug, Clone, Copy)]
pub struct SettleFacts<'a> {
    /// Relative to the inbox.
    pub path: &'a RawName,
    /// An earlier look.
    pub first: &'a Look,
    /// The newest look; may be the same one.
    pub last: &'a Look,
    /// Since when nothing was seen or heard to change, since boot.
    pub unchanged_since: Duration,
    /// What events told.
    pub hint: Hint,
}

/// What an inbox asks of its files.
#[derive(Debug, Clone, Copy)]
pub struct SettlePolicy<'a> {
    /// How long a file must rest; zero takes it after one look, as `deposit` does.
    pub quiet: Duration,
    /// Names to leave alone; `None` for a file that a person named.
    pub ignore: Option<&'a Patterns>,
}

/// A look at a file that was judged complete. Only [`judge`] makes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    look: Look,
}

impl Settled {
    /// The look that was judged.
    #[must_use]
    pub fn look(&self) -> &Look {
        &self.look
    }

    /// Whether a source is still what was judged: asked when it is opened, and again after its last
    /// byte was read (P2).
    #[must_use]
    pub fn is_still(&self, source: &Source) -> bool {
        let look = &self.look;
        (look.size, look.modified, look.changed, look.inode)
            == (source.size, source.modified, source.changed, source.inode.0)
    }
}

/// The verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settling {
    /// Complete, as far as can be seen.
    Settled(Settled),
    /// Not yet.
    Wait {
        /// When to look again, since boot. Past where only a fresh look is wanting: look at once.
        until: Duration,
        /// Why.
        because: Reason,
    },
    /// Not this name: it is looked at again when it gets another.
    Leave {
        /// Why.
        because: Reason,
    },
}

/// Judges whether a file is complete.
///
/// It is where its name is not to be left alone, two looks show the same size, times and inode, the
/// file rested for the quiet time between them, and the newest look was taken after that rest. The verdict
/// does not depend on when it is asked for.
#[must_use]
pub fn judge(facts: &SettleFacts<'_>, policy: &SettlePolicy<'_>) -> Settling {
    if let Some(because) = policy.ignore.and_then(|patterns| patterns.ignored(facts.path)) {
        return Settling::Leave { because };
    }
    let rest = rest_wanted(facts.hint, policy.quiet);
    if !facts.first.shows_the_same_as(facts.last) {
        return Settling::Wait { until: facts.last.seen.saturating_add(rest), because: Reason::NotQuiet };
    }
    let rested = facts.unchanged_since.max(facts.first.seen).saturating_add(rest);
    if facts.last.seen < rested {
        return Settling::Wait { until: rested, because: Reason::NotQuiet };
    }
    Settling::Settled(Settled { look: *facts.last })
}

fn rest_wanted(hint: Hint, quiet: Duration) -> Duration {
    match hint {
        Hint::Writing => quiet.saturating_mul(PATIENCE),
        Hint::None | Hint::CloseWrite | Hint::RenamedIn | Hint::DoneMarker => quiet,
    }
}

#[cfg(test)]
#[path = "settle_tests.rs"]
mod tests;
