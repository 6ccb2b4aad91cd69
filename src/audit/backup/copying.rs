//! Copies that are whole or not there: written beside, compared with their digest, forced to the disk, named.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use sha2::{Digest as _, Sha256 as Hasher};

use super::error::{Doing as _, Error};
use super::folder::FOLDER_MODE;
use crate::evidence::digest_again;
use crate::model::Sha256;
use crate::sys::{self, Disk, Links, Step};

/// Read and written at once; a stop is heeded in between.
const CHUNK: usize = 1024 * 1024;

/// Copies onto one disk, until it is told to stop.
pub(super) struct Copier<'a> {
    pub(super) disk: &'a Disk,
    pub(super) stop: &'a AtomicBool,
    copied: Cell<Tally>,
}

/// What was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) files: u64,
    pub(super) bytes: u64,
}

/// Where a copy goes: first beside, then to its name.
pub(super) struct Way<'a> {
    pub(super) beside: &'a Path,
    pub(super) to: &'a Path,
    pub(super) mode: u32,
}

/// What became of a copy.
pub(super) enum Copied {
    /// It is there, on the disk.
    Whole,
    /// The source has other bytes than it should.
    OtherBytes,
}

impl<'a> Copier<'a> {
    pub(super) fn new(disk: &'a Disk, stop: &'a AtomicBool) -> Self {
        Self { disk, stop, copied: Cell::default() }
    }

    pub(super) fn copied(&self) -> Tally {
        self.copied.get()
    }

    pub(super) fn heed(&self) -> Result<(), Error> {
        if self.stop.load(Ordering::Relaxed) { Err(Error::Stopped) } else { Ok(()) }
    }

    fn note(&self, bytes: u64) {
        let Tally { files, bytes: before } = self.copied.get();
        self.copied.set(Tally { files: files + 1, bytes: before + bytes });
    }

    /// Copies a file whose digest is known; with another digest nothing gets the name. The name is not durable
    /// before its folder is synced.
    pub(super) fn copy(
        &self,
        source: (&mut dyn Read, &Path),
        way: &Way<'_>,
        wanted: Sha256,
    ) -> Result<Copied, Error> {
        let written = self.write_beside(source, way, wanted);
        match written {
            Ok(Copied::Whole) => {
                // Over what a damaged copy left: the digest was compared.
                self.disk.rename_over(way.beside, way.to).doing("rename into", way.to)?;
            }
            // What went wrong is the thing to tell; what is left is swept by the next run.
            Ok(Copied::OtherBytes) | Err(_) => drop(self.disk.remove(way.beside)),
        }
        written
    }

    fn write_beside(
        &self,
        (source, from): (&mut dyn Read, &Path),
        way: &Way<'_>,
        wanted: Sha256,
    ) -> Result<Copied, Error> {
        self.disk.remove(way.beside).doing("remove", way.beside)?;
        let mut file = self.disk.create_new(way.beside, way.mode).doing("create", way.beside)?;
        let mut hasher = Hasher::new();
        let mut length = 0;
        let mut chunk = vec![0; CHUNK];
        loop {
            self.heed()?;
            let read = read_some(source, &mut chunk).doing("read", from)?;
            if read == 0 {
                break;
            }
            hasher.update(&chunk[..read]);
            file.write_all(&chunk[..read]).doing("write", way.beside)?;
            length += read as u64;
        }
        if Sha256(hasher.finalize().into()) != wanted {
            return Ok(Copied::OtherBytes);
        }
        file.sync().doing("sync", way.beside)?;
        self.note(length);
        Ok(Copied::Whole)
    }

    /// Makes the copy of a growing file as long as `bytes`. What is there already must be the beginning of the
    /// source, at least the `promised` bytes that an older manifest speaks of; behind those, what differs was
    /// left by a run that was cut short, and goes. Answers the digest of those bytes.
    pub(super) fn grow(
        &self,
        (from, to): (&Path, &Path),
        (bytes, promised): (u64, u64),
    ) -> Result<Sha256, Error> {
        self.heed()?;
        let mut source = File::open(from).doing("open", from)?;
        let (sha256, common) = compare((&source, from), to, bytes)?;
        if common < promised {
            return Err(Error::damaged(to, "it is not what the last manifest says, or another ledger"));
        }
        let mut file = match self.disk.create_new(to, 0o600) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let mut file = self.disk.open_end(to).doing("open", to)?;
                if file.file().metadata().doing("look at", to)?.len() > common {
                    file.cut(common).doing("cut", to)?;
                }
                file
            }
            made => made.doing("create", to)?,
        };
        source.seek(SeekFrom::Start(common)).doing("read", from)?;
        io::copy(&mut source.take(bytes - common), &mut file).doing("write", to)?;
        // Also where nothing was added: a run that was killed may have written without forcing it to the disk.
        file.sync().doing("sync", to)?;
        self.note(bytes - common);
        Ok(sha256)
    }

    /// A new file with these bytes, forced to the disk; over what has the name.
    pub(super) fn put(&self, path: &Path, bytes: &[u8], mode: u32) -> Result<(), Error> {
        self.disk.remove(path).doing("remove", path)?;
        let mut file = self.disk.create_new(path, mode).doing("create", path)?;
        file.write_all(bytes).doing("write", path)?;
        file.sync().doing("sync", path)?;
        self.note(bytes.len() as u64);
        Ok(())
    }

    pub(super) fn folder(&self, path: &Path) -> Result<(), Error> {
        self.disk.make_folder(path, FOLDER_MODE).doing("make", path)
    }

    pub(super) fn sync_folder(&self, path: &Path) -> Result<(), Error> {
        self.disk.sync_folder(path).doing("sync", path)
    }

    /// Forces the names in shelves, and in every folder on them, to the disk: those too that an earlier run gave
    /// and did not live to force.
    pub(super) fn sync_shelves(&self, shelves: &[PathBuf]) -> Result<(), Error> {
        for shelf in shelves.iter().filter(|shelf| shelf.is_dir()) {
            for entry in std::fs::read_dir(shelf).doing("list", shelf)? {
                self.sync_folder(&entry.doing("list", shelf)?.path())?;
            }
            self.sync_folder(shelf)?;
        }
        Ok(())
    }

    /// Removes a folder of ours with all that is in it; one that is not there is no error.
    pub(super) fn remove_folder(&self, path: &Path) -> Result<(), Error> {
        self.disk.step(Step::Remove(path)).doing("remove", path)?;
        match std::fs::remove_dir_all(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            outcome => outcome.doing("remove", path),
        }
    }
}

/// Opens a regular file of the backup: no link leads elsewhere, and no pipe is waited for.
pub(super) fn open_regular(path: &Path) -> io::Result<File> {
    sys::open_regular(path, Links::Refuse)
}

/// The digest of the first bytes of a source, and how many of them its copy has already.
fn compare((mut source, from): (&File, &Path), to: &Path, bytes: u64) -> Result<(Sha256, u64), Error> {
    let mut copy = match open_regular(to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        opened => Some(opened.doing("open", to)?),
    };
    let (mut hasher, mut common, mut at) = (Hasher::new(), 0, 0);
    let (mut chunk, mut other) = (vec![0; CHUNK], vec![0; CHUNK]);
    while at < bytes {
        let room = usize::try_from(bytes - at).unwrap_or(CHUNK).min(CHUNK);
        let read = read_some(&mut source, &mut chunk[..room]).doing("read", from)?;
        if read == 0 {
            return Err(Error::damaged(from, "it is shorter than the catalog says"));
        }
        hasher.update(&chunk[..read]);
        if let Some(file) = &mut copy {
            let there = read_full(file, &mut other[..read]).doing("read", to)?;
            let same = chunk.iter().zip(&other[..there]).take_while(|(one, other)| one == other).count();
            common += same as u64;
            if same < read {
                copy = None;
            }
        }
        at += read as u64;
    }
    Ok((Sha256(hasher.finalize().into()), common))
}

fn read_some(source: &mut dyn Read, into: &mut [u8]) -> io::Result<usize> {
    loop {
        match source.read(into) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            outcome => return outcome,
        }
    }
}

/// As many bytes as there are, up to the room.
pub(super) fn read_full(source: &mut dyn Read, into: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < into.len() {
        match read_some(source, &mut into[filled..])? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}

/// The digest and number of the first bytes of a file, at most so many.
pub(super) fn digest(path: &Path, limit: u64) -> io::Result<(Sha256, u64)> {
    let taken = digest_again(&mut open_regular(path)?.take(limit), &[])?;
    Ok((taken.sha256, taken.size))
}
