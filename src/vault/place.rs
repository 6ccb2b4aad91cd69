//! Places, and the way of a file into them: temporary, synced, renamed without replacing, folder synced.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::{Doing as _, Error};
use crate::model::{Generation, ItemId};
use crate::seal::Role;
use crate::sys::{Disk, DurableFile};

/// The vault's places, all holding the same files.
#[derive(Debug, Clone)]
pub struct Vault {
    places: Vec<Place>,
    disk: Disk,
}

/// One folder that holds every sealed file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place(PathBuf);

/// Room in a place, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// What an ordinary user may still write.
    pub free: u64,
    /// The whole file system.
    pub total: u64,
}

/// A file on its way into every place.
#[derive(Debug)]
pub struct Temporary {
    files: Vec<DurableFile>,
    homes: Vec<PathBuf>,
}

/// Sealed files are write-once, for their owner to read.
const SEALED_MODE: u32 = 0o400;
/// Folders are for the daemon's user alone.
const FOLDER_MODE: u32 = 0o700;

impl Place {
    /// The folder of a role; a new one is only made by [`Vault::create`].
    fn shelf(&self, role: Role) -> PathBuf {
        self.0.join(match role {
            Role::Original => "items",
            Role::Derivative => "derived",
        })
    }

    fn folder(&self, role: Role, item: ItemId) -> PathBuf {
        self.shelf(role).join(item.shard())
    }

    /// Where the sealed file of an item lies.
    #[must_use]
    pub fn sealed(&self, role: Role, item: ItemId) -> PathBuf {
        self.folder(role, item).join(format!("{item}.seal"))
    }

    /// Where a generation of its key file lies.
    #[must_use]
    pub fn keys(&self, role: Role, item: ItemId, generation: Generation) -> PathBuf {
        self.folder(role, item).join(format!("{item}.{generation}.keys"))
    }

    /// Opens the sealed file of an item here.
    ///
    /// # Errors
    /// [`Error::Missing`] where it is not there.
    pub fn open_sealed(&self, role: Role, item: ItemId) -> Result<File, Error> {
        open(&self.sealed(role, item))
    }

    /// Where unfinished files lie.
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

    pub(super) fn unfinished(&self) -> PathBuf {
        // One process per home (the lock), so one folder serves; more nodes will get a name each.
        self.0.join("tmp").join("node")
    }

    pub(super) fn shelves(&self) -> [(Role, PathBuf); 2] {
        [Role::Original, Role::Derivative].map(|role| (role, self.shelf(role)))
    }

    /// The folder itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Room here.
    ///
    /// # Errors
    /// Where the file system cannot be asked.
    pub fn space(&self) -> Result<Space, Error> {
        let stat = rustix::fs::statvfs(&self.0).map_err(std::io::Error::from).doing("measure", &self.0)?;
        Ok(Space {
            free: stat.f_bavail.saturating_mul(stat.f_frsize),
            total: stat.f_blocks.saturating_mul(stat.f_frsize),
        })
    }
}

impl Vault {
    /// Makes the folders of a new vault and leaves the format text in each place (P11).
    ///
    /// # Errors
    /// Where a step fails, or a place already holds a vault.
    pub fn create(places: &[PathBuf], disk: &Disk, format: &str) -> Result<(), Error> {
        for place in places {
            for folder in ["items", "derived", "tmp/node"] {
                let folder = place.join(folder);
                disk.make_folder(&folder, FOLDER_MODE).doing("make", &folder)?;
            }
            let text = place.join("FORMAT.md");
            disk.write_new(&text, format.as_bytes(), 0o444).doing("write", &text)?;
        }
        Ok(())
    }

    /// Opens places that were made before.
    ///
    /// # Errors
    /// [`Error::NotAPlace`] where one is missing: an unmounted disk is not an empty vault (P12).
    pub fn open(places: &[PathBuf], disk: &Disk) -> Result<Self, Error> {
        for place in places {
            if !place.join("FORMAT.md").is_file() {
                return Err(Error::NotAPlace { path: place.clone() });
            }
        }
        Ok(Self { places: places.iter().cloned().map(Place).collect(), disk: disk.clone() })
    }

    /// The places, the first being read from first.
    #[must_use]
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// How many places hold each item.
    #[must_use]
    pub fn copies(&self) -> u32 {
        u32::try_from(self.places.len()).unwrap_or(u32::MAX)
    }

    /// The disk under the vault.
    #[must_use]
    pub fn disk(&self) -> &Disk {
        &self.disk
    }

    /// Begins a sealed file in every place.
    ///
    /// # Errors
    /// Where a temporary cannot be made.
    pub fn begin_sealed(&self, role: Role, item: ItemId) -> Result<Temporary, Error> {
        self.begin(&format!("{item}.seal"), |place| place.sealed(role, item))
    }

    /// Begins a key file in every place.
    ///
    /// # Errors
    /// Where a temporary cannot be made.
    pub fn begin_keys(&self, role: Role, item: ItemId, generation: Generation) -> Result<Temporary, Error> {
        self.begin(&format!("{item}.{generation}.keys"), |place| place.keys(role, item, generation))
    }

    fn begin(&self, name: &str, home: impl Fn(&Place) -> PathBuf) -> Result<Temporary, Error> {
        let mut temporary = Temporary { files: Vec::new(), homes: Vec::new() };
        for place in &self.places {
            let path = place.unfinished().join(name);
            let made = self.disk.create_new(&path, SEALED_MODE).doing("create", &path);
            match made {
                Ok(file) => temporary.files.push(file),
                Err(error) => {
                    self.abandon(&temporary);
                    return Err(error);
                }
            }
            temporary.homes.push(home(place));
        }
        Ok(temporary)
    }

    /// Gives the files of an item their names, durably: the key file first, so that presence of the sealed
    /// file means that everything is there.
    ///
    /// # Errors
    /// Where a step fails or a name is taken. Names that were given are taken back: the next attempt is another
    /// item. Where the disk refuses that too, the next start matches or sweeps what was renamed.
    pub fn settle(&self, keys: &Temporary, sealed: &Temporary) -> Result<(), Error> {
        let named = self.name(keys, sealed);
        if named.is_err() {
            // P7: the names were never durable as a whole and nobody was told of them.
            self.take_back(sealed);
            self.take_back(keys);
        }
        named
    }

    /// The first place comes last, and only when all others are durable: what a crash leaves is looked for
    /// there, and an item that is found there has all its copies.
    // P2
    fn name(&self, keys: &Temporary, sealed: &Temporary) -> Result<(), Error> {
        for at in (0..self.places.len()).rev() {
            let folder = sealed.homes[at].parent().unwrap_or(&sealed.homes[at]);
            self.disk.make_folder(folder, FOLDER_MODE).doing("make", folder)?;
            for Temporary { files, homes } in [keys, sealed] {
                self.disk.rename_new(files[at].path(), &homes[at]).doing("rename into", &homes[at])?;
            }
            self.disk.sync_folder(folder).doing("sync", folder)?;
        }
        Ok(())
    }

    /// Renames to the temporary name what was renamed from there, and nothing else that has the name.
    fn take_back(&self, temporary: &Temporary) {
        for (file, home) in temporary.files.iter().zip(&temporary.homes) {
            if file.path().exists() {
                continue;
            }
            let _ = self.disk.rename_new(home, file.path());
            let _ = self.disk.sync_folder(home.parent().unwrap_or(home));
        }
    }

    /// Removes temporaries; what cannot be removed now is swept at the next start.
    pub fn abandon(&self, temporary: &Temporary) {
        for file in &temporary.files {
            let _ = self.disk.remove(file.path());
        }
    }

    /// Opens the sealed file of an item in its first place.
    ///
    /// # Errors
    /// [`Error::Missing`] where it is not there.
    pub fn open_sealed(&self, role: Role, item: ItemId) -> Result<File, Error> {
        self.places[0].open_sealed(role, item)
    }

    /// Reads a key file whole from the first place.
    ///
    /// # Errors
    /// As [`Place::read_keys`].
    pub fn read_keys(&self, role: Role, item: ItemId, generation: Generation) -> Result<Vec<u8>, Error> {
        self.places[0].read_keys(role, item, generation)
    }

    /// The least room in any place.
    ///
    /// # Errors
    /// Where a place cannot be asked.
    pub fn space(&self) -> Result<Space, Error> {
        let spaces = self.places.iter().map(Place::space).collect::<Result<Vec<_>, _>>()?;
        let least = spaces.into_iter().min_by_key(|space| space.free);
        Ok(least.unwrap_or(Space { free: 0, total: 0 }))
    }
}

fn open(path: &Path) -> Result<File, Error> {
    match File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(Error::Missing { path: path.to_owned() })
        }
        outcome => outcome.doing("open", path),
    }
}

impl Temporary {
    /// Writes the same bytes to every place.
    ///
    /// # Errors
    /// As `write(2)`.
    pub fn write_all(&mut self, bytes: &[u8]) -> Result<(), Error> {
        use std::io::Write as _;
        for file in &mut self.files {
            file.write_all(bytes).doing("write", file.path())?;
        }
        Ok(())
    }

    /// Forces every copy to its disk. After an error the file must be abandoned (never synced again).
    ///
    /// # Errors
    /// As `fsync(2)`.
    pub fn sync(&self) -> Result<(), Error> {
        for file in &self.files {
            file.sync().doing("sync", file.path())?;
        }
        Ok(())
    }

    /// Where the unfinished copies lie.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(DurableFile::path)
    }
}
