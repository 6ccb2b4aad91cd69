//! The copies of one item: how each of them is, and a good one in the place of a bad one.

use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};

use sha2::{Digest as _, Sha256 as Hasher};

use super::open::key_bytes;
use super::{Damage, Error, Evidence, Heeding, Record, digest_again};
use crate::catalog::DamageRow;
use crate::model::{Generation, PlaceName, Sha256};
use crate::vault::{ColdFile, Mending, Place, Standing, Which};

/// One copy, as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    /// Where.
    pub place: PlaceName,
    /// How it is.
    pub state: CopyState,
}

/// How a copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyState {
    /// Every byte is as it was written; so many were read.
    Whole {
        /// Bytes.
        read: u64,
    },
    /// It is not as it was written.
    Damaged(Damage),
    /// It was not made yet: the place owes it.
    Owed,
    /// The place is not there.
    Away,
}

/// What became of an item in a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mended {
    /// It was there already, as it should be.
    Whole,
    /// It was copied.
    From(PlaceName),
}

impl Evidence {
    /// What a look at a copy means: that it is whole, or damaged, or that the place is not there, or does not have it
    /// yet.
    pub(super) fn copy_state(
        &self,
        (record, place): (&Record, &Place),
        looked: Result<u64, Error>,
    ) -> Result<CopyState, Error> {
        let error = match looked {
            Ok(read) => return Ok(CopyState::Whole { read }),
            Err(error) => error,
        };
        match error.damage() {
            _ if !place.is_there() => Ok(CopyState::Away),
            Some(damage) if self.is_damage_in(place, record, damage) => Ok(CopyState::Damaged(damage)),
            Some(_) => Ok(CopyState::Owed),
            None => Err(error),
        }
    }

    /// Whether damage that was met in a place is damage indeed: a file that was not copied there yet is none.
    #[must_use]
    pub fn is_damage_in(&self, place: &Place, record: &Record, damage: Damage) -> bool {
        let missing = matches!(damage, Damage::SealedMissing | Damage::KeysMissing);
        place.is_there() && !(missing && self.owes(place, record))
    }

    /// Whether a place may lack an item because it was sealed without it, or because the place is new.
    #[must_use]
    pub fn owes(&self, place: &Place, record: &Record) -> bool {
        let everywhere = usize::try_from(record.copies).unwrap_or(usize::MAX) >= self.vault.places().len();
        self.vault.standing(place.name()) != Some(Standing::Whole) && (place.is_new() || !everywhere)
    }

    /// Whether the damage of an item that stands says that its sealed file is missing from every place.
    #[must_use]
    pub fn is_nowhere(&self, damage: &[DamageRow]) -> bool {
        let missing = damage.iter().filter(|row| row.code == Damage::SealedMissing.code());
        missing.count() >= self.vault.places().len()
    }

    /// Whether both files lie in a place under their names; what is in them is not looked at.
    #[must_use]
    pub fn lies_in(&self, record: &Record, place: &Place) -> bool {
        let Record { role, item, generation, .. } = *record;
        place.sealed(role, item).is_file() && place.keys(role, item, generation).is_file()
    }

    /// Whether a place has both files, byte for byte.
    pub(super) fn is_same(&self, place: &Place, record: &Record) -> Result<bool, Error> {
        key_bytes(place, record)?;
        Ok(sealed_digest(place, record, &AtomicBool::new(false))? == record.sealed_sha256)
    }

    /// Makes the copy of an item in a place good, each of its files from the first other place that has that file
    /// whole. What is good there already stays; what is not is set aside.
    ///
    /// # Errors
    /// [`Error::Damaged`] where no other place has it; [`Error::Vault`] and [`Error::ReadBack`] where this
    /// place does not take it; [`Error::Stopped`].
    pub fn mend(&self, record: &Record, place: &Place, stop: &AtomicBool) -> Result<Mended, Error> {
        let lacks_keys = key_bytes(place, record).is_err();
        let lacks_sealed = match sealed_digest(place, record, stop) {
            Ok(found) => found != record.sealed_sha256,
            Err(Error::Stopped) => return Err(Error::Stopped),
            Err(_) => true,
        };
        if !lacks_keys && !lacks_sealed {
            return Ok(Mended::Whole);
        }
        let copying = Copying { evidence: self, record, to: place, stop };
        let mut from = place.name().clone();
        // The key file first: presence of the sealed file means that everything is there.
        if lacks_keys {
            from = self.first_other(place, |other| copying.keys(other))?;
            let before: Vec<Generation> = record.generation.before().collect();
            self.retire_in(place, record, &before)?;
        }
        if lacks_sealed {
            from = self.first_other(place, |other| copying.sealed(other))?;
        }
        Ok(Mended::From(from))
    }

    /// The first other place that a copy could be taken from.
    fn first_other(
        &self,
        place: &Place,
        take: impl Fn(&Place) -> Result<(), Error>,
    ) -> Result<PlaceName, Error> {
        let mut refused = Error::Damaged(Damage::SealedMissing);
        for other in self.vault.places().filter(|other| *other != place) {
            match take(other) {
                Ok(()) => return Ok(other.name().clone()),
                Err(error) if error.damage().is_some() => refused = error,
                Err(error) => return Err(error),
            }
        }
        Err(refused)
    }
}

/// An item on its way into one place.
struct Copying<'a> {
    evidence: &'a Evidence,
    record: &'a Record,
    to: &'a Place,
    stop: &'a AtomicBool,
}

impl Copying<'_> {
    fn keys(&self, from: &Place) -> Result<(), Error> {
        let bytes = key_bytes(from, self.record)?;
        let mut mending = self.begin(Which::Keys(self.record.generation))?;
        mending.write_all(&bytes)?;
        finish(mending, self.record.keys_sha256, self.stop)
    }

    fn sealed(&self, from: &Place) -> Result<(), Error> {
        let file = from.open_sealed(self.record.role, self.record.item)?;
        let mut mending = self.begin(Which::Sealed)?;
        let copied = copy_sealed(&mut Heeding { from: file, stop: self.stop }, &mut mending, self.record);
        if self.stop.load(Ordering::Relaxed) {
            return Err(Error::Stopped);
        }
        copied?;
        finish(mending, self.record.sealed_sha256, self.stop)
    }

    fn begin(&self, which: Which) -> Result<Mending, Error> {
        Ok(self.evidence.vault.begin_mending(self.to, (self.record.role, self.record.item, which))?)
    }
}

/// Copies and fingerprints in one pass: nothing but the recorded file gets the name.
fn copy_sealed(source: &mut dyn Read, into: &mut Mending, record: &Record) -> Result<(), Error> {
    let unreadable = |_| Error::Damaged(Damage::SealedUnreadable);
    let mut hasher = Hasher::new();
    let mut buffer = vec![0; BUFFER];
    loop {
        let read = source.read(&mut buffer).map_err(unreadable)?;
        if read == 0 {
            break;
        }
        hasher.update(&buffer[..read]);
        into.write_all(&buffer[..read])?;
    }
    if Sha256(hasher.finalize().into()) == record.sealed_sha256 {
        Ok(())
    } else {
        Err(Error::Damaged(Damage::SealedAltered))
    }
}

/// Durable, read back from the disk, named. P2
pub(super) fn finish(mending: Mending, wanted: Sha256, stop: &AtomicBool) -> Result<(), Error> {
    mending.sync()?;
    let found = ColdFile::open(mending.path()).and_then(|from| digest(Heeding { from, stop }));
    if stop.load(Ordering::Relaxed) {
        return Err(Error::Stopped);
    }
    let found = found.map_err(|_| UNREADABLE)?;
    if found != wanted {
        return Err(Error::ReadBack("the copy"));
    }
    Ok(mending.settle()?)
}

const UNREADABLE: Error = Error::ReadBack("the disk refuses to read");

fn sealed_digest(place: &Place, record: &Record, stop: &AtomicBool) -> Result<Sha256, Error> {
    let path = place.sealed(record.role, record.item);
    let found = ColdFile::open(&path).and_then(|from| digest(Heeding { from, stop }));
    if stop.load(Ordering::Relaxed) {
        return Err(Error::Stopped);
    }
    found.map_err(|error| {
        Error::Damaged(match error.kind() {
            std::io::ErrorKind::NotFound => Damage::SealedMissing,
            _ => Damage::SealedUnreadable,
        })
    })
}

/// Read at once: enough to keep a disk busy.
const BUFFER: usize = 256 * 1024;

/// SHA-256 of all that is still to be read.
pub(super) fn digest(mut from: impl Read) -> std::io::Result<Sha256> {
    Ok(digest_again(&mut from, &[])?.sha256)
}
