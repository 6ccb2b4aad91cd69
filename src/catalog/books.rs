//! The ledger files on the disk: which there are, and appending to the newest.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::Error;
use crate::ledger::{sheet_first, sheet_name};
use crate::model::LedgerIndex;
use crate::sys::{Disk, DurableFile};

/// A file that has grown beyond this is closed and the next begun. Every start reads the newest file from
/// its beginning: this much takes well under a second.
const FULL: u64 = 8 * 1024 * 1024;

/// The first indexes of the ledger files in a folder, in order. Other names are left alone.
pub(super) fn list(folder: &Path) -> Result<Vec<LedgerIndex>, Error> {
    let failed = || Error::io("list", folder);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed())? {
        let name = entry.map_err(failed())?.file_name();
        files.extend(name.to_str().and_then(sheet_first));
    }
    files.sort_unstable();
    Ok(files)
}

/// Removes a first file in which nothing was ever acknowledged: what a crash leaves of a ledger that was
/// just being begun.
pub(super) fn remove_unborn(folder: &Path, disk: &Disk) -> Result<(), Error> {
    let path = folder.join(sheet_name(LedgerIndex(0)));
    disk.remove(&path).map_err(Error::io("remove", &path))?;
    disk.sync_folder(folder).map_err(Error::io("sync", folder))
}

/// The newest ledger file, open for appending.
pub(super) struct Books {
    folder: PathBuf,
    disk: Disk,
    first: LedgerIndex,
    file: DurableFile,
    length: u64,
}

/// Why nothing was appended.
pub(super) enum Unwritten {
    /// The file is as it was.
    Undone(Error),
    /// What stands at its end is unknown: nothing more may be appended.
    InDoubt(Error),
}

impl Books {
    /// Begins a ledger in an empty folder.
    pub(super) fn begin(folder: &Path, disk: &Disk) -> Result<Self, Error> {
        let file = new_file(folder, disk, LedgerIndex(0))?;
        Ok(Self { folder: folder.to_owned(), disk: disk.clone(), first: LedgerIndex(0), file, length: 0 })
    }

    /// Opens the newest file and cuts off what an interrupted write left behind its last head.
    pub(super) fn open(
        folder: &Path,
        disk: &Disk,
        (first, length): (LedgerIndex, u64),
    ) -> Result<Self, Error> {
        let path = folder.join(sheet_name(first));
        let mut file = disk.open_end(&path).map_err(Error::io("open", &path))?;
        let found = file.file().metadata().map_err(Error::io("look at", &path))?.len();
        if found != length {
            cut(&mut file, length)?;
        }
        Ok(Self { folder: folder.to_owned(), disk: disk.clone(), first, file, length })
    }

    /// Begins the next file where this one is full. Where that fails halfway, the next call finds the new
    /// file, empty, and takes it: nothing is appended to a file that another one follows.
    pub(super) fn make_room(&mut self, next: LedgerIndex) -> Result<(), Error> {
        if self.length < FULL {
            return Ok(());
        }
        self.file = new_file(&self.folder, &self.disk, next)?;
        self.first = next;
        self.length = 0;
        Ok(())
    }

    /// Appends whole lines and makes them durable (P6).
    ///
    /// A failed `fsync` may have dropped the new bytes from memory without writing them. All of them lie
    /// behind the last good length, so cutting there forgets them for good, and later bytes are written
    /// anew. Where the cut fails too, the end of the file is in doubt.
    pub(super) fn append(&mut self, lines: &[u8]) -> Result<(), Unwritten> {
        let written = self.file.write_all(lines).and_then(|()| self.file.sync());
        match written {
            Ok(()) => {
                self.length += u64::try_from(lines.len()).expect("fits");
                Ok(())
            }
            Err(source) => {
                let cause = Error::io("append to", self.file.path())(source);
                Err(match cut(&mut self.file, self.length) {
                    Ok(()) => Unwritten::Undone(cause),
                    Err(_) => Unwritten::InDoubt(cause),
                })
            }
        }
    }

    /// The file's first index and its length in bytes.
    pub(super) fn end(&self) -> (LedgerIndex, u64) {
        (self.first, self.length)
    }
}

fn cut(file: &mut DurableFile, length: u64) -> Result<(), Error> {
    let path = file.path().to_owned();
    file.cut(length).and_then(|()| file.sync()).map_err(Error::io("cut", path))
}

/// A new file, or the empty one that an interrupted call left.
fn new_file(folder: &Path, disk: &Disk, first: LedgerIndex) -> Result<DurableFile, Error> {
    let path = folder.join(sheet_name(first));
    let file = match disk.create_new(&path, 0o600) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => empty_file(disk, &path)?,
        made => made.map_err(Error::io("create", &path))?,
    };
    disk.sync_folder(folder).map_err(Error::io("sync", folder))?;
    Ok(file)
}

fn empty_file(disk: &Disk, path: &Path) -> Result<DurableFile, Error> {
    let file = disk.open_end(path).map_err(Error::io("open", path))?;
    let length = file.file().metadata().map_err(Error::io("look at", path))?.len();
    if length > 0 {
        return Err(Error::AlreadyThere { path: path.to_owned() });
    }
    Ok(file)
}
