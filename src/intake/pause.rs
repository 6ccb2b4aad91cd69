//! Pausing: below the floor of space, or when the vault cannot be written, nothing is taken; it goes on by
//! itself.

use std::io::Read;
use std::sync::{Mutex, PoisonError};
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
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = held;
    }

    fn get(&self) -> Option<(Reason, Duration)> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
    fn has_room_for(&self, size: u64) -> bool {
        let Ok(space) = self.parts().evidence.vault().space() else { return false };
        let floor = self.parts().bounds.space_floor.min(space.total / 20);
        // Sealing adds a tag to each segment and about 2 kB around; a sixty-fourth is far more.
        let needed = size.saturating_add(size / 64).saturating_add(64 * 1024);
        space.free >= floor.saturating_add(needed)
    }

    /// Reserves room for a file, unless the vault has too little beside what is reserved already: files in
    /// hand together cannot take the vault below its floor.
    pub(super) fn reserve(&self, size: u64) -> Option<Reserved<'_>> {
        let mut all = self.0.reserved.0.lock().unwrap_or_else(PoisonError::into_inner);
        self.has_room_for(all.saturating_add(size)).then(|| {
            *all = all.saturating_add(size);
            Reserved { all: &self.0.reserved, left: size }
        })
    }

    /// Trouble with the archive, and not with one file, pauses intake.
    pub(super) fn pause_for(&self, reason: Reason) {
        if super::fate::pauses(reason) {
            let until = self.parts().clock.since_boot() + REST;
            self.0.pause.set(Some((reason, until)));
        }
    }

    /// What was taken ends a pause.
    pub(super) fn learn(&self, state: State) {
        if matches!(state, State::Sealed | State::Known | State::Quarantined) {
            self.0.pause.set(None);
        }
    }
}

/// Bytes that files in hand will still write.
#[derive(Debug, Default)]
pub(super) struct Reservations(Mutex<u64>);

/// Room for one file, less what it has used.
#[derive(Debug)]
pub(super) struct Reserved<'a> {
    all: &'a Reservations,
    left: u64,
}

impl Reserved<'_> {
    fn use_up(&mut self, bytes: u64) {
        let used = bytes.min(self.left);
        self.left -= used;
        *self.all.0.lock().unwrap_or_else(PoisonError::into_inner) -= used;
    }
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        self.use_up(self.left);
    }
}

/// A source whose room shrinks as it is read, since what was read is soon written.
pub(super) struct Metered<'a, R> {
    pub(super) source: R,
    pub(super) room: Reserved<'a>,
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.source.read(buffer)?;
        self.room.use_up(u64::try_from(read).unwrap_or(u64::MAX));
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_given_back_as_it_is_used_and_at_the_end() {
        let all = Reservations(Mutex::new(7 + 10));
        let mut metered = Metered { source: &b"abc"[..], room: Reserved { all: &all, left: 10 } };
        metered.read_exact(&mut [0; 3]).expect("three bytes");
        assert_eq!(*all.0.lock().expect("sound"), 7 + 7);
        drop(metered);
        assert_eq!(*all.0.lock().expect("sound"), 7);
    }
}
