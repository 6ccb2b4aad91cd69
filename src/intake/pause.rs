//! Pausing: below the floor of space, or when the vault cannot be written, nothing is taken; it goes on by
//! itself.

use std::sync::Mutex;
use std::time::Duration;

use super::Intake;
use crate::model::{Reason, State};

/// How intake as a whole stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intakes {
    /// Files are taken.
    Running,
    /// None is, for this reason.
    Paused(Reason),
}

/// How long a failed write stops all intake before the next file tries again: short enough to go on soon
/// after a disk is mended, long enough not to fill the journal.
const REST: Duration = Duration::from_secs(2);

#[derive(Debug, Default)]
pub(super) struct Pause(Mutex<Option<(Reason, Duration)>>);

impl Pause {
    fn set(&self, held: Option<(Reason, Duration)>) {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = held;
    }

    fn get(&self) -> Option<(Reason, Duration)> {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Intake {
    /// How intake stands now.
    #[must_use]
    pub fn standing(&self) -> Intakes {
        if !self.has_room_for(0) {
            return Intakes::Paused(Reason::NoSpace);
        }
        match self.0.pause.get() {
            Some((reason, _)) => Intakes::Paused(reason),
            None => Intakes::Running,
        }
    }

    /// Whether a file may be taken in hand now.
    pub(super) fn may_take(&self) -> bool {
        let now = self.parts().clock.since_boot();
        let rested = self.0.pause.get().is_none_or(|(_, until)| until <= now);
        rested && self.has_room_for(0)
    }

    /// Whether the vault has room for so many bytes above the floor.
    pub(super) fn has_room_for(&self, size: u64) -> bool {
        let Ok(space) = self.parts().evidence.vault().space() else { return false };
        let floor = self.parts().bounds.space_floor.min(space.total / 20);
        // Sealing adds a tag to each segment and about 2 kB around; a sixty-fourth is far more.
        let needed = size.saturating_add(size / 64).saturating_add(64 * 1024);
        space.free >= floor.saturating_add(needed)
    }

    /// Learns from the end of an attempt: trouble with the archive pauses it, any success ends the pause.
    pub(super) fn learn(&self, state: State, reasons: &[Reason]) {
        let trouble = reasons.iter().copied().find(|reason| super::fate::pauses(*reason));
        match (state, trouble) {
            (State::Waiting, Some(reason)) => {
                let until = self.parts().clock.since_boot() + REST;
                self.0.pause.set(Some((reason, until)));
            }
            (State::Sealed | State::Known | State::Quarantined, _) => self.0.pause.set(None),
            _ => {}
        }
    }
}
