//! The way of an item's two files into every place: temporary, synced, renamed without replacing, folder
//! synced. A place that fails on the way is left behind while enough others go on.

use std::path::{Path, PathBuf};

use super::place::FOLDER_MODE;
use super::{Doing as _, Error, Fault, Place, Vault};
use crate::model::{Generation, ItemId};
use crate::seal::Role;
use crate::sys::DurableFile;

/// A file on its way into every place that takes files. Dropping it removes what was written.
#[derive(Debug)]
pub struct Temporary {
    parts: Vec<Part>,
    vault: Vault,
}

#[derive(Debug)]
struct Part {
    at: usize,
    /// How often the place had fallen out when this was begun.
    fell: u64,
    file: DurableFile,
    home: PathBuf,
}

/// The sealed file and the key file of an item, durable side by side in the same places, and not named yet.
/// Dropping it removes them.
#[derive(Debug)]
pub struct Unnamed {
    parts: Vec<Both>,
    vault: Vault,
}

#[derive(Debug)]
struct Both {
    keys: Part,
    sealed: Part,
}

/// Sealed files are write-once, for their owner to read.
const SEALED_MODE: u32 = 0o400;

impl Vault {
    /// Begins a sealed file in every place that takes files.
    ///
    /// # Errors
    /// Where a temporary cannot be made in enough places.
    pub fn begin_sealed(&self, role: Role, item: ItemId) -> Result<Temporary, Error> {
        let at = self.taking();
        self.begin(at, &format!("{item}.seal"), |place| place.sealed(role, item))
    }

    /// Begins a key file in the places that a sealed file goes to.
    ///
    /// # Errors
    /// Where a temporary cannot be made in enough places.
    pub fn begin_keys(
        &self,
        (role, item, generation): (Role, ItemId, Generation),
        beside: &Temporary,
    ) -> Result<Temporary, Error> {
        let at = beside.parts.iter().map(|part| part.at).collect();
        self.begin(at, &format!("{item}.{generation}.keys"), |place| place.keys(role, item, generation))
    }

    fn begin(
        &self,
        places: Vec<usize>,
        name: &str,
        home: impl Fn(&Place) -> PathBuf,
    ) -> Result<Temporary, Error> {
        let mut temporary = Temporary { parts: Vec::new(), vault: self.clone() };
        let mut first = None;
        for at in places {
            let slot = &self.slots[at];
            let Some(fell) = slot.taking() else { continue };
            let path = slot.place.unfinished().join(name);
            match self.disk().create_new(&path, SEALED_MODE).doing("create", &path) {
                Ok(file) => temporary.parts.push(Part { at, fell, file, home: home(&slot.place) }),
                Err(error) => {
                    self.lose(at, Fault::of(&error));
                    first.get_or_insert(error);
                }
            }
        }
        if temporary.parts.len() >= self.least() {
            return Ok(temporary);
        }
        Err(first.unwrap_or_else(|| self.too_few()))
    }

    fn too_few(&self) -> Error {
        let away = self.slots.iter().find(|slot| slot.taking().is_none());
        away.unwrap_or(&self.slots[0]).fell_out()
    }
}

impl Temporary {
    /// Writes the same bytes to every place.
    ///
    /// # Errors
    /// As `write(2)`, where too few places took them.
    pub fn write_all(&mut self, bytes: &[u8]) -> Result<(), Error> {
        use std::io::Write as _;
        self.each(|file| file.write_all(bytes).doing("write", file.path()))
    }

    /// Forces every copy to its disk. After an error the file must be abandoned (never synced again).
    ///
    /// # Errors
    /// As `fsync(2)`, where too few places took it.
    pub fn sync(&mut self) -> Result<(), Error> {
        self.each(|file| file.sync().doing("sync", file.path()))
    }

    fn each(&mut self, mut step: impl FnMut(&mut DurableFile) -> Result<(), Error>) -> Result<(), Error> {
        let mut index = 0;
        while let Some(part) = self.parts.get_mut(index) {
            match step(&mut part.file) {
                Ok(()) => index += 1,
                Err(error) => self.leave_behind(index, error)?,
            }
        }
        Ok(())
    }

    fn leave_behind(&mut self, index: usize, error: Error) -> Result<(), Error> {
        let part = self.parts.remove(index);
        part.discard(&self.vault);
        self.vault.lose(part.at, Fault::of(&error));
        if self.parts.len() < self.vault.least() { Err(error) } else { Ok(()) }
    }

    /// Puts the sealed file beside its key file.
    ///
    /// # Errors
    /// Where too few places have both.
    pub fn beside(mut self, mut keys: Self) -> Result<Unnamed, Error> {
        let mut unnamed = Unnamed { parts: Vec::new(), vault: self.vault.clone() };
        for keys in keys.parts.drain(..) {
            match self.parts.iter().position(|sealed| sealed.at == keys.at) {
                Some(index) => unnamed.parts.push(Both { sealed: self.parts.remove(index), keys }),
                None => keys.discard(&self.vault),
            }
        }
        if unnamed.parts.len() < self.vault.least() {
            return Err(self.vault.too_few());
        }
        Ok(unnamed)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        for part in &self.parts {
            part.discard(&self.vault);
        }
    }
}

impl Part {
    /// What cannot be removed now is swept at the next start, or when the place is back.
    fn discard(&self, vault: &Vault) {
        let _ = vault.disk().remove(self.file.path());
    }

    fn rename(&self, vault: &Vault) -> Result<(), Error> {
        vault.disk().rename_new(self.file.path(), &self.home).doing("rename into", &self.home)
    }

    /// Takes back a name that was given, and nothing else that has it.
    fn take_back(&self, vault: &Vault) {
        if !self.file.path().exists() {
            let _ = vault.disk().rename_new(&self.home, self.file.path());
            let _ = vault.disk().sync_folder(self.home.parent().unwrap_or(&self.home));
        }
    }
}

impl Unnamed {
    /// Looks at the sealed file and the key file in each place; a place where they are not as they should be is
    /// left behind.
    ///
    /// # Errors
    /// That of the last place that was left behind, where too few are left.
    pub fn look<E>(
        &mut self,
        mut look: impl FnMut((&Path, &Path)) -> Result<(), E>,
        is_of_the_place: impl Fn(&E) -> bool,
    ) -> Result<(), E> {
        let mut index = 0;
        while let Some(part) = self.parts.get(index) {
            match look((part.sealed.file.path(), part.keys.file.path())) {
                Ok(()) => index += 1,
                Err(error) if !is_of_the_place(&error) => return Err(error),
                Err(error) => {
                    self.leave_behind(index, Fault::Failing);
                    if self.parts.len() < self.vault.least() {
                        return Err(error);
                    }
                }
            }
        }
        Ok(())
    }

    fn leave_behind(&mut self, index: usize, fault: Fault) {
        let part = self.parts.remove(index);
        part.discard(&self.vault);
        self.vault.lose(part.sealed.at, fault);
    }

    /// Gives the files their names, durably, in each place: the key file first, so that presence of the sealed
    /// file means that everything is there. Answers how many places have them.
    ///
    /// # Errors
    /// Where too few places have them, or a name is taken. Names that were given are taken back: the next attempt is
    /// another item. Where the disk refuses that too, the next start matches or sweeps what was renamed.
    pub fn settle(mut self) -> Result<u32, Error> {
        let mut named = 0;
        let mut failed = None;
        while let Some(part) = self.parts.get(named) {
            match part.name(&self.vault) {
                Ok(()) => named += 1,
                Err(error) => {
                    part.take_back(&self.vault);
                    if matches!(error, Error::FellOut { .. }) {
                        // Away already, or back since: this item alone is left out of it.
                        self.parts.remove(named).discard(&self.vault);
                    } else {
                        self.leave_behind(named, Fault::of(&error));
                    }
                    failed = Some(error);
                }
            }
        }
        if named >= self.vault.least() {
            for (at, slot) in self.vault.slots.iter().enumerate() {
                if self.parts.iter().all(|part| part.sealed.at != at) {
                    slot.fall_short();
                }
            }
            self.parts.clear();
            return Ok(u32::try_from(named).unwrap_or(u32::MAX));
        }
        for part in &self.parts {
            // P7: the names were never durable in enough places and nobody was told of them.
            part.take_back(&self.vault);
        }
        Err(failed.unwrap_or_else(|| self.vault.too_few()))
    }
}

impl Drop for Unnamed {
    fn drop(&mut self) {
        for part in &self.parts {
            part.discard(&self.vault);
        }
    }
}

impl Both {
    fn name(&self, vault: &Vault) -> Result<(), Error> {
        // A place that fell out since was swept when it came back.
        if vault.slots[self.sealed.at].taking() != Some(self.sealed.fell) {
            return Err(vault.slots[self.sealed.at].fell_out());
        }
        let folder = self.sealed.home.parent().unwrap_or(&self.sealed.home);
        vault.disk().make_folder(folder, FOLDER_MODE).doing("make", folder)?;
        self.keys.rename(vault)?;
        self.sealed.rename(vault)?;
        vault.disk().sync_folder(folder).doing("sync", folder)
    }

    fn take_back(&self, vault: &Vault) {
        self.sealed.take_back(vault);
        self.keys.take_back(vault);
    }

    fn discard(&self, vault: &Vault) {
        self.sealed.discard(vault);
        self.keys.discard(vault);
    }
}
