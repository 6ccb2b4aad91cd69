//! A good copy takes the place of a damaged or missing one. What lay there is set aside, never removed (P3, P7).

use std::path::{Path, PathBuf};

use super::place::FOLDER_MODE;
use super::{Doing as _, Error, Place, Vault};
use crate::model::{Generation, ItemId};
use crate::seal::Role;
use crate::sys::{Disk, DurableFile};

/// Where damaged files of a place wait for whoever wants to know what happened to them.
const ASIDE: &str = "damaged";

/// Damaged versions of one file that are kept: a disk that damages more is no place for evidence.
const MOST_ASIDE: u32 = 1000;

/// A file of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The sealed file.
    Sealed,
    /// A generation of the key file.
    Keys(Generation),
}

/// A good copy on its way. Dropping it removes what was written.
#[derive(Debug)]
pub struct Mending {
    file: DurableFile,
    home: PathBuf,
    aside: PathBuf,
    disk: Disk,
}

impl Vault {
    /// Begins a copy in a place.
    ///
    /// # Errors
    /// Where a temporary cannot be made there.
    pub fn begin_mending(
        &self,
        place: &Place,
        (role, item, which): (Role, ItemId, Which),
    ) -> Result<Mending, Error> {
        let home = match which {
            Which::Sealed => place.sealed(role, item),
            Which::Keys(generation) => place.keys(role, item, generation),
        };
        let name = home.file_name().unwrap_or_default().to_string_lossy();
        let path = place.unfinished().join(format!("mending-{name}"));
        // What an attempt to mend that was cut short has left.
        self.disk().remove(&path).doing("remove", &path)?;
        let file = self.disk().create_new(&path, 0o400).doing("create", &path)?;
        Ok(Mending { file, home, aside: place.path().join(ASIDE), disk: self.disk().clone() })
    }
}

impl Vault {
    /// Removes a generation of a key file that is not the living one: the only thing that leaves without a register
    /// (P7). Nothing where it is not there.
    ///
    /// # Errors
    /// As `unlink(2)` and `fsync(2)`.
    pub fn remove_keys(
        &self,
        place: &Place,
        (role, item, generation): (Role, ItemId, Generation),
    ) -> Result<(), Error> {
        let path = place.keys(role, item, generation);
        if path.symlink_metadata().is_err() {
            return Ok(());
        }
        self.disk().remove(&path).doing("remove", &path)?;
        let folder = path.parent().unwrap_or(&path);
        self.disk().sync_folder(folder).doing("sync", folder)
    }
}

impl Mending {
    /// Writes bytes of the good copy.
    ///
    /// # Errors
    /// As `write(2)`.
    pub fn write_all(&mut self, bytes: &[u8]) -> Result<(), Error> {
        use std::io::Write as _;
        self.file.write_all(bytes).doing("write", self.file.path())
    }

    /// Forces it to the disk.
    ///
    /// # Errors
    /// As `fsync(2)`.
    pub fn sync(&self) -> Result<(), Error> {
        self.file.sync().doing("sync", self.file.path())
    }

    /// Where it lies until then.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Sets aside what has its name, and names it. A crash between the two leaves the name free, and the damaged
    /// file aside: the copy is then made again.
    ///
    /// # Errors
    /// Where a step fails.
    pub fn settle(self) -> Result<(), Error> {
        let folder = self.home.parent().unwrap_or(&self.home);
        self.disk.make_folder(folder, FOLDER_MODE).doing("make", folder)?;
        if self.home.symlink_metadata().is_ok() {
            self.set_aside()?;
        }
        self.disk.rename_new(self.file.path(), &self.home).doing("rename into", &self.home)?;
        self.disk.sync_folder(folder).doing("sync", folder)
    }

    fn set_aside(&self) -> Result<(), Error> {
        self.disk.make_folder(&self.aside, FOLDER_MODE).doing("make", &self.aside)?;
        let name = self.home.file_name().unwrap_or_default().to_string_lossy();
        let mut number = 1;
        loop {
            let to = self.aside.join(format!("{name}.{number}"));
            match self.disk.rename_new(&self.home, &to) {
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && number < MOST_ASIDE => {
                    number += 1;
                }
                outcome => {
                    outcome.doing("set aside", &self.home)?;
                    return self.disk.sync_folder(&self.aside).doing("sync", &self.aside);
                }
            }
        }
    }
}

impl Drop for Mending {
    fn drop(&mut self) {
        if self.file.path().exists() {
            let _ = self.disk.remove(self.file.path());
        }
    }
}
