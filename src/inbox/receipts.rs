//! The shelf that receipts are put on: `.receipts/` in an inbox, or a folder of the home.
//!
//! Whoever fills the inbox may write to the shelf too, so it is opened without following links, a receipt
//! replaces nothing, and what is found there is believed in nothing (P4).

use std::fs::{File, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode as Bits, OFlags, RenameFlags};
use rustix::io::Errno;

use super::error::Error;
use super::root::{RECEIPTS, Root, folder_flags, resolve};
use crate::model::RawName;
use crate::sys::{Disk, Step};

/// Receipts are for everybody who fills the inbox.
const FOLDER_BITS: u32 = 0o755;
const FILE_BITS: u32 = 0o644;

/// A folder of receipts, held open.
#[derive(Debug)]
pub struct ReceiptShelf {
    folder: File,
    path: PathBuf,
    disk: Disk,
}

impl ReceiptShelf {
    /// Opens `.receipts/` of an inbox, and makes it where it is missing.
    ///
    /// # Errors
    /// [`Error::Shelf`] where it cannot be made, or is a link, another mount or no folder.
    pub fn open_in(root: &Root, disk: &Disk) -> Result<Self, Error> {
        let path = root.path().join(RECEIPTS);
        let failed = |cause| Error::Shelf { path: path.clone(), cause };
        let parent = root
            .open_folder(&RawName::new(""))
            .map_err(|refusal| failed(refusal.cause.unwrap_or_else(|| io::ErrorKind::Other.into())))?;
        let folder = own_folder(&parent, RECEIPTS, FOLDER_BITS, &OnDisk { disk, path: &path });
        Ok(Self { folder: folder.map_err(failed)?, path: path.clone(), disk: disk.clone() })
    }

    /// Opens a folder of receipts that exists, such as `receipts/` of the home.
    ///
    /// # Errors
    /// [`Error::Shelf`] where it is not there, a link or no folder.
    pub fn open_at(path: &Path, disk: &Disk) -> Result<Self, Error> {
        let folder = rustix::fs::openat(CWD, path, folder_flags() | OFlags::NOFOLLOW, Bits::empty())
            .map_err(|errno| Error::Shelf { path: path.to_owned(), cause: errno.into() })?;
        Ok(Self { folder: File::from(folder), path: path.to_owned(), disk: disk.clone() })
    }

    /// Where a receipt with this name lies.
    #[must_use]
    pub fn place(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Puts a receipt on the shelf, durably. One that is there already with the same bytes is no error, so
    /// that a crash is mended by doing it again.
    ///
    /// # Errors
    /// [`Error::Occupied`] where something else has the name, which is left as it is; [`Error::Shelf`].
    // P2
    pub fn put(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let path = self.place(name);
        let failed = |cause| Error::Shelf { path: path.clone(), cause };
        if self.holds(name, bytes).map_err(failed)? == Held::Same {
            return self.sync().map_err(failed);
        }
        let beside = format!(".{name}.new");
        let placed = self.write_and_name(&beside, bytes, name);
        if placed.is_err() {
            // What failed is the error to tell; a leftover is taken away by the next try.
            let _ = self.unlink(&beside);
        }
        match placed {
            Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => Err(Error::Occupied { path }),
            outcome => outcome.map_err(failed),
        }
    }

    /// Writes beside, then gives the name without replacing. A crash leaves all of it, or a temporary name.
    fn write_and_name(&self, beside: &str, bytes: &[u8], name: &str) -> io::Result<()> {
        self.write_beside(beside, bytes)?;
        self.disk.step(Step::Rename(&self.place(beside), &self.place(name)))?;
        rename_new(&self.folder, beside, &self.folder, name)?;
        self.sync()
    }

    fn holds(&self, name: &str, bytes: &[u8]) -> io::Result<Held> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = match resolve(&self.folder, &RawName::new(name), flags) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Ok(Held::Nothing),
            Err(Errno::LOOP | Errno::XDEV | Errno::NXIO) => return Ok(Held::Other),
            Err(errno) => return Err(errno.into()),
        };
        if !file.metadata()?.is_file() {
            return Ok(Held::Other);
        }
        let mut found = Vec::new();
        let limit = u64::try_from(bytes.len()).unwrap_or(u64::MAX).saturating_add(1);
        file.take(limit).read_to_end(&mut found)?;
        Ok(if found == bytes { Held::Same } else { Held::Other })
    }

    fn write_beside(&self, beside: &str, bytes: &[u8]) -> io::Result<()> {
        self.unlink(beside)?;
        let path = self.place(beside);
        self.disk.step(Step::Create(&path))?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let bits = Bits::from_raw_mode(FILE_BITS);
        let mut file = File::from(rustix::fs::openat(&self.folder, beside, flags, bits)?);
        open_to(&file, FILE_BITS);
        self.disk.step(Step::Write(&path))?;
        file.write_all(bytes)?;
        self.disk.step(Step::Sync(&path))?;
        file.sync_all()
    }

    fn unlink(&self, name: &str) -> io::Result<()> {
        match rustix::fs::unlinkat(&self.folder, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    fn sync(&self) -> io::Result<()> {
        synced(self.disk.sync_open_folder(&self.folder, &self.path))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Held {
    Nothing,
    Same,
    Other,
}

/// A place, and the disk to announce steps to.
pub(super) struct OnDisk<'a> {
    pub(super) disk: &'a Disk,
    pub(super) path: &'a Path,
}

/// Opens a folder of ours in an inbox without following links, and makes it durably where it is missing.
pub(super) fn own_folder(parent: &File, name: &str, bits: u32, at: &OnDisk<'_>) -> io::Result<File> {
    let raw = RawName::new(name);
    match resolve(parent, &raw, folder_flags()) {
        Err(Errno::NOENT) => {}
        outcome => return Ok(outcome?),
    }
    at.disk.step(Step::MakeFolder(at.path))?;
    match rustix::fs::mkdirat(parent, name, Bits::from_raw_mode(bits)) {
        // Somebody made it meanwhile: another attempt of ours, or a dock, whose link is refused by what follows.
        Ok(()) | Err(Errno::EXIST) => {}
        Err(errno) => return Err(errno.into()),
    }
    let folder = resolve(parent, &raw, folder_flags())?;
    open_to(&folder, bits);
    at.disk.step(Step::SyncFolder(at.path))?;
    sync_folder(parent)?;
    Ok(folder)
}

/// Sets permission bits past the umask: docks must be able to read receipts. FAT has none to set, and
/// there everybody may read anyway.
fn open_to(file: &File, bits: u32) {
    let _ = file.set_permissions(Permissions::from_mode(bits));
}

/// Makes names durable.
pub(super) fn sync_folder(folder: &File) -> io::Result<()> {
    synced(folder.sync_all())
}

/// Some network file systems cannot be asked to make names durable; theirs are when they say so.
fn synced(outcome: io::Result<()>) -> io::Result<()> {
    match outcome {
        Err(error) if matches!(Errno::from_io_error(&error), Some(Errno::INVAL | Errno::NOTSUP)) => Ok(()),
        outcome => outcome,
    }
}

/// Renames without replacing, also where the file system cannot do it in one step.
pub(super) fn rename_new(from: &File, name: &str, to: &File, new: &str) -> Result<(), Errno> {
    rename_raw(from, &RawName::new(name), to, &RawName::new(new))
}

/// The same, for names that are not ours.
pub(super) fn rename_raw(from: &File, name: &RawName, to: &File, new: &RawName) -> Result<(), Errno> {
    let (name, new) = (name.as_bytes(), new.as_bytes());
    match rustix::fs::renameat_with(from, name, to, new, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS) => {
            rustix::fs::linkat(from, name, to, new, AtFlags::empty())?;
            rustix::fs::unlinkat(from, name, AtFlags::empty())
        }
        outcome => outcome,
    }
}
