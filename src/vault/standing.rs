//! All places together, and how each of them stands: whole, owing copies, or away.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::place::{Place, Space};
use super::{ColdFile, Doing as _, Error};
use crate::model::PlaceName;
use crate::sys::Disk;

/// The vault's places, all meant to hold the same files.
#[derive(Debug, Clone)]
pub struct Vault {
    pub(super) slots: Arc<[Slot]>,
    least: usize,
    disk: Disk,
}

/// Which folders are places, and how many must take a file for it to count as sealed.
#[derive(Debug, Clone, Copy)]
pub struct Places<'a> {
    /// The home, for their names.
    pub home: &'a Path,
    /// In the order in which they are read from.
    pub folders: &'a [PathBuf],
    /// At least one, at most all.
    pub least: usize,
}

/// A place and how it stands.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) place: Place,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    standing: Standing,
    /// How often it fell out: what was begun there before is not gone on with after.
    fell: u64,
    /// How many items were sealed without it.
    short: u64,
    /// How often it failed since it was whole, and how many looks it must still wait before it is tried again.
    falls: u32,
    waits: u32,
}

/// How a place stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It takes files and lacks none.
    Whole,
    /// It takes files; some that were sealed without it may be missing.
    Owing,
    /// It takes nothing for now.
    Away(Fault),
}

/// Why a place takes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// It is not there; perhaps its disk is not mounted.
    Missing,
    /// It has too little room.
    Full,
    /// It cannot be written to.
    ReadOnly,
    /// It gave an error, or other bytes than were written.
    Failing,
}

impl Fault {
    /// Every one, for tests of the message catalogs.
    pub const ALL: [Self; 4] = [Self::Missing, Self::Full, Self::ReadOnly, Self::Failing];

    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Full => "full",
            Self::ReadOnly => "read_only",
            Self::Failing => "failing",
        }
    }

    /// What an error in a place says about it.
    pub(super) fn of(error: &Error) -> Self {
        match error {
            Error::Missing { .. } | Error::NotAPlace { .. } => Self::Missing,
            Error::Disk { source, .. } if source.kind() == std::io::ErrorKind::NotFound => Self::Missing,
            Error::Disk { source, .. } if source.kind() == std::io::ErrorKind::ReadOnlyFilesystem => {
                Self::ReadOnly
            }
            Error::FellOut { because, .. } => *because,
            _ if error.is_full() => Self::Full,
            Error::Disk { .. } => Self::Failing,
        }
    }
}

/// The wait before a place that fell out is tried again doubles so often at most: to about a minute, where it is
/// looked at each second.
const MOST_DOUBLINGS: u32 = 6;

impl State {
    fn wait_longer(&mut self) {
        self.waits = (1 << self.falls.min(MOST_DOUBLINGS)) - 1;
        self.falls = self.falls.saturating_add(1);
    }
}

impl Slot {
    fn new(place: Place, standing: Standing) -> Self {
        Self { place, state: Mutex::new(State { standing, fell: 0, short: 0, falls: 0, waits: 0 }) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why nothing was written to it that was begun while it took files.
    pub(super) fn fell_out(&self) -> Error {
        let because = match self.standing() {
            Standing::Away(fault) => fault,
            // It is back by now.
            Standing::Whole | Standing::Owing => Fault::Failing,
        };
        Error::FellOut { path: self.place.path().to_owned(), because }
    }

    pub(super) fn standing(&self) -> Standing {
        self.state().standing
    }

    /// How often it fell out, where it takes files now.
    pub(super) fn taking(&self) -> Option<u64> {
        let state = self.state();
        (!matches!(state.standing, Standing::Away(_))).then_some(state.fell)
    }

    /// An item was sealed without it.
    pub(super) fn fall_short(&self) {
        let mut state = self.state();
        state.short += 1;
        if state.standing == Standing::Whole {
            state.standing = Standing::Owing;
        }
    }

    fn set_away(&self, fault: Fault) {
        let mut state = self.state();
        if !matches!(state.standing, Standing::Away(_)) {
            tracing::error!(place = %self.place.name(), because = fault.code(), "a place of the vault takes nothing more");
            state.fell += 1;
            // A place that takes a trial and fails under work would else come and go with every file.
            state.wait_longer();
        }
        state.standing = Standing::Away(fault);
    }
}

impl Vault {
    /// Makes the folders of a new vault and leaves the format text in each place (P11).
    ///
    /// # Errors
    /// Where a step fails, or a place already holds a vault.
    pub fn create(folders: &[PathBuf], disk: &Disk, format: &str) -> Result<(), Error> {
        folders.iter().try_for_each(|folder| Place::create(folder, disk, format))
    }

    /// Opens places that were made before. Those that are not there are away.
    ///
    /// # Errors
    /// [`Error::NotAPlace`] where fewer are there than are needed: an unmounted disk is not an empty vault (P12).
    pub fn open(places: &Places<'_>, disk: &Disk) -> Result<Self, Error> {
        let Places { home, folders, least } = *places;
        // One place owes nothing to anybody. Of several, nobody knows yet which hold everything.
        let there = if folders.len() == 1 { Standing::Whole } else { Standing::Owing };
        let mut slots = Vec::new();
        let mut missing = None;
        for folder in folders {
            let place = Place::new(folder, home);
            if place.is_there() {
                slots.push(Slot::new(place, there));
            } else {
                missing.get_or_insert_with(|| folder.clone());
                slots.push(Slot::new(place, Standing::Away(Fault::Missing)));
            }
        }
        let vault =
            Self { slots: slots.into(), least: least.clamp(1, folders.len().max(1)), disk: disk.clone() };
        for at in vault.taking() {
            if let Err(error) = vault.slots[at].place.furnish(disk) {
                vault.slots[at].set_away(Fault::of(&error));
                if vault.taking().len() < vault.least {
                    return Err(error);
                }
            }
        }
        match missing {
            Some(path) if vault.taking().len() < vault.least => Err(Error::NotAPlace { path }),
            _ => Ok(vault),
        }
    }

    /// The places, in the order in which they are read from, whether they are there or not.
    pub fn places(&self) -> impl DoubleEndedIterator<Item = &Place> + ExactSizeIterator {
        self.slots.iter().map(|slot| &slot.place)
    }

    /// Every place with how it stands.
    pub fn standings(&self) -> impl Iterator<Item = (&Place, Standing)> {
        self.slots.iter().map(|slot| (&slot.place, slot.standing()))
    }

    /// How the place with this name stands.
    #[must_use]
    pub fn standing(&self, name: &PlaceName) -> Option<Standing> {
        self.slot(name).map(Slot::standing)
    }

    /// The place with this name.
    #[must_use]
    pub fn place(&self, name: &PlaceName) -> Option<&Place> {
        self.slot(name).map(|slot| &slot.place)
    }

    fn slot(&self, name: &PlaceName) -> Option<&Slot> {
        self.slots.iter().find(|slot| slot.place.name() == name)
    }

    /// How many places must take a file.
    #[must_use]
    pub fn least(&self) -> usize {
        self.least
    }

    /// The disk under the vault.
    #[must_use]
    pub fn disk(&self) -> &Disk {
        &self.disk
    }

    /// Which places take files now.
    pub(super) fn taking(&self) -> Vec<usize> {
        (0..self.slots.len()).filter(|at| self.slots[*at].taking().is_some()).collect()
    }

    /// Sets a place aside, unless too few would be left: then whoever wants to write hears the error.
    pub(super) fn lose(&self, at: usize, fault: Fault) -> bool {
        let others = self.taking().into_iter().filter(|other| *other != at).count();
        if others >= self.least {
            self.slots[at].set_away(fault);
        }
        others >= self.least
    }

    /// Sets the place with this name aside, while enough others are left.
    pub fn set_aside(&self, name: &PlaceName, fault: Fault) {
        if let Some(at) = self.slots.iter().position(|slot| slot.place.name() == name) {
            self.lose(at, fault);
        }
    }

    /// How many items were sealed without this place since the vault was opened: to tell [`Vault::note_whole`].
    #[must_use]
    pub fn sealed_without(&self, name: &PlaceName) -> u64 {
        self.slot(name).map_or(0, |slot| slot.state().short)
    }

    /// Somebody saw that a place lacks nothing that was sealed up to then. Answers whether it is whole now:
    /// not where items were sealed without it since, or where it is away.
    pub fn note_whole(&self, name: &PlaceName, sealed_without: u64) -> bool {
        let Some(slot) = self.slot(name) else { return false };
        let mut state = slot.state();
        let still = state.standing == Standing::Owing && state.short == sealed_without;
        if still {
            state.standing = Standing::Whole;
            state.falls = 0;
            slot.place.is_filled(&self.disk);
        }
        state.standing == Standing::Whole
    }

    /// The least room in any place that takes files.
    ///
    /// # Errors
    /// Where a place cannot be asked.
    pub fn space(&self) -> Result<Space, Error> {
        let taking = self.taking().into_iter().map(|at| self.slots[at].place.space());
        let least = taking.collect::<Result<Vec<_>, _>>()?.into_iter().min_by_key(|space| space.free);
        Ok(least.unwrap_or(Space { free: 0, total: 0 }))
    }

    /// Looks at every place: one that is gone, or has less room than `floor` says for a disk of so many bytes, is
    /// set aside while enough others are left; one that was away and can be written to and read again is back, and
    /// owes what was sealed without it.
    pub fn look_at_places(&self, floor: &dyn Fn(u64) -> u64) {
        for (at, slot) in self.slots.iter().enumerate() {
            let fault = trouble(&slot.place, floor);
            match (is_away(slot), fault) {
                (true, Some(fault)) => slot.set_away(fault),
                (true, None) => self.try_again(slot),
                (false, Some(fault)) => drop(self.lose(at, fault)),
                (false, None) => {}
            }
        }
    }

    fn try_again(&self, slot: &Slot) {
        {
            let mut state = slot.state();
            if state.waits > 0 {
                state.waits -= 1;
                return;
            }
        }
        match self.trial(&slot.place) {
            Ok(()) => {
                tracing::info!(place = %slot.place.name(), "a place of the vault is there again");
                slot.state().standing = Standing::Owing;
            }
            Err(error) => {
                slot.set_away(Fault::of(&error));
                slot.state().wait_longer();
            }
        }
    }

    /// What lies unfinished there belongs to attempts that went on without the place. Then a small file goes the
    /// whole way: written, synced, read from the disk, removed.
    fn trial(&self, place: &Place) -> Result<(), Error> {
        use std::io::Read as _;
        const WORDS: &[u8] = b"written to see whether this place can be written to; may be removed";
        place.furnish(&self.disk)?;
        super::sweep::sweep(place, &self.disk)?;
        let path = place.unfinished().join("trial");
        self.disk.write_new(&path, WORDS, 0o400).doing("write", &path)?;
        let mut read = Vec::new();
        let same =
            ColdFile::open(&path).and_then(|mut file| file.read_to_end(&mut read)).doing("read", &path);
        self.disk.remove(&path).doing("remove", &path)?;
        same?;
        if read == WORDS {
            Ok(())
        } else {
            Err(std::io::Error::other("it gave other bytes than were written")).doing("read", &path)
        }
    }
}

fn is_away(slot: &Slot) -> bool {
    matches!(slot.standing(), Standing::Away(_))
}

/// What can be seen to be wrong with a place without writing to it.
fn trouble(place: &Place, floor: &dyn Fn(u64) -> u64) -> Option<Fault> {
    if !place.is_there() {
        return Some(Fault::Missing);
    }
    match place.space() {
        Err(_) => Some(Fault::Failing),
        Ok(space) => (space.free < floor(space.total)).then_some(Fault::Full),
    }
}
