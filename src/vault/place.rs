//! One place: a folder that holds every sealed file, and the names in it.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::{Doing as _, Error};
use crate::model::{Generation, ItemId, PlaceName};
use crate::seal::Role;
use crate::sys::Disk;

/// One folder that holds every sealed file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    name: PlaceName,
    folder: PathBuf,
}

/// Room in a place, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// What an ordinary user may still write.
    pub free: u64,
    /// The whole file system.
    pub total: u64,
}

/// Folders are for the daemon's user alone.
pub(super) const FOLDER_MODE: u32 = 0o700;

/// The format text marks a place: a folder without it may be a disk that is not mounted (P12).
const MARK: &str = "FORMAT.md";

/// Lies in a place that was begun with its mark alone, until it has everything.
const NEW: &str = "FILLING";

impl Place {
    pub(super) fn new(folder: &Path, home: &Path) -> Self {
        Self { name: PlaceName::of(folder, home), folder: folder.to_owned() }
    }

    /// Makes the folders of a new place and leaves the format text in it (P11).
    pub(super) fn create(folder: &Path, disk: &Disk, format: &str) -> Result<(), Error> {
        make_folders(folder, disk)?;
        let mark = folder.join(MARK);
        disk.write_new(&mark, format.as_bytes(), 0o444).doing("write", &mark)
    }

    /// Whether the place is there at all.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.folder.join(MARK).is_file()
    }

    /// What entries and messages call it.
    #[must_use]
    pub fn name(&self) -> &PlaceName {
        &self.name
    }

    /// The folder itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.folder
    }

    fn shelf(&self, role: Role) -> PathBuf {
        self.folder.join(match role {
            Role::Original => "items",
            Role::Derivative => "derived",
        })
    }

    fn shard(&self, role: Role, item: ItemId) -> PathBuf {
        self.shelf(role).join(item.shard())
    }

    /// Where the sealed file of an item lies.
    #[must_use]
    pub fn sealed(&self, role: Role, item: ItemId) -> PathBuf {
        self.shard(role, item).join(format!("{item}.seal"))
    }

    /// Where a generation of its key file lies.
    #[must_use]
    pub fn keys(&self, role: Role, item: ItemId, generation: Generation) -> PathBuf {
        self.shard(role, item).join(format!("{item}.{generation}.keys"))
    }

    /// Opens the sealed file of an item here.
    ///
    /// # Errors
    /// [`Error::Missing`] where it is not there.
    pub fn open_sealed(&self, role: Role, item: ItemId) -> Result<File, Error> {
        open(&self.sealed(role, item))
    }

    /// Reads a key file whole, up to a bound far above any real one.
    ///
    /// # Errors
    /// [`Error::Missing`] where it is not there.
    pub fn read_keys(&self, role: Role, item: ItemId, generation: Generation) -> Result<Vec<u8>, Error> {
        use std::io::Read as _;
        /// A key file has at most five layers of about 1.2 kB.
        const BOUND: u64 = 64 * 1024;
        let path = self.keys(role, item, generation);
        let mut bytes = Vec::new();
        open(&path)?.take(BOUND).read_to_end(&mut bytes).doing("read", &path)?;
        Ok(bytes)
    }

    /// Where unfinished files lie.
    pub(super) fn unfinished(&self) -> PathBuf {
        unfinished(&self.folder)
    }

    pub(super) fn shelves(&self) -> [(Role, PathBuf); 2] {
        [Role::Original, Role::Derivative].map(|role| (role, self.shelf(role)))
    }

    /// The folders of a place that was only begun, by its mark.
    pub(super) fn furnish(&self, disk: &Disk) -> Result<(), Error> {
        let new = self.folder.join(NEW);
        if !self.folder.join("items").exists() && !new.exists() {
            disk.write_new(&new, b"This place is being filled.\n", 0o444).doing("write", &new)?;
        }
        make_folders(&self.folder, disk)
    }

    /// Whether it was begun with nothing in it, and has not been filled yet.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.folder.join(NEW).exists()
    }

    pub(super) fn is_filled(&self, disk: &Disk) {
        // What stays is taken away the next time.
        let _ = disk.remove(&self.folder.join(NEW));
    }

    /// Room here.
    ///
    /// # Errors
    /// Where the file system cannot be asked.
    pub fn space(&self) -> Result<Space, Error> {
        let stat = rustix::fs::statvfs(&self.folder)
            .map_err(std::io::Error::from)
            .doing("measure", &self.folder)?;
        Ok(Space {
            free: stat.f_bavail.saturating_mul(stat.f_frsize),
            total: stat.f_blocks.saturating_mul(stat.f_frsize),
        })
    }
}

fn unfinished(folder: &Path) -> PathBuf {
    // One process per home (the lock), so one folder serves; more nodes will get a name each.
    folder.join("tmp").join("node")
}

fn make_folders(folder: &Path, disk: &Disk) -> Result<(), Error> {
    for inner in [folder.join("items"), folder.join("derived"), unfinished(folder)] {
        disk.make_folder(&inner, FOLDER_MODE).doing("make", &inner)?;
    }
    Ok(())
}

fn open(path: &Path) -> Result<File, Error> {
    match File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(Error::Missing { path: path.to_owned() })
        }
        outcome => outcome.doing("open", path),
    }
}
