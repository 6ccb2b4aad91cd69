//! One inbox, held open by its folder. Every name is resolved by the kernel beneath that folder.

use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{CWD, Mode as Bits, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::error::{Error, Refusal};
use super::mode::{self, Mode};
use crate::model::{DockName, Moment, RawName, Reason, Source, Wide};
use crate::rules::settle::Look;

/// How often an opening is tried that was raced by renames; `openat2(2)` asks for such a bound.
const TRIES: u32 = 16;

/// The folder that receipts go to; excluded from scans.
pub(super) const RECEIPTS: &str = ".receipts";
/// The folder that released sources wait in; excluded from scans.
pub(super) const RELEASED: &str = ".sealdock-released";

/// An inbox, or the folder of what a person named, held open.
///
/// It pins its mount for as long as it lives, so a disk cannot be taken out cleanly: open one for each
/// pass, and drop it.
#[derive(Debug)]
pub struct Root {
    dock: DockName,
    given: PathBuf,
    path: PathBuf,
    folder: File,
    identity: Identity,
    names: Names,
}

/// Which folder or file it is, on this boot.
pub(super) type Identity = (u64, u64);

/// How paths are written in sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Names {
    Relative,
    Absolute,
}

/// What a person named.
#[derive(Debug)]
pub enum Typed {
    /// A folder, with all that lies beneath it.
    Folder(Root),
    /// One file.
    File {
        /// The folder it lies in.
        root: Root,
        /// Its name there.
        name: RawName,
    },
}

/// What one look at a regular file showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// `st_dev`.
    pub device: u64,
    /// `st_ino`.
    pub inode: u64,
    /// Bytes.
    pub size: u64,
    /// `st_mtim`.
    pub modified: Moment,
    /// `st_ctim`.
    pub changed: Moment,
    /// How many names point to it.
    pub links: u64,
}

impl Stat {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: moment(metadata.mtime(), metadata.mtime_nsec()),
            changed: moment(metadata.ctime(), metadata.ctime_nsec()),
            links: metadata.nlink(),
        }
    }

    pub(super) fn found(stat: &rustix::fs::Stat) -> Self {
        Self {
            device: stat.st_dev,
            inode: stat.st_ino,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            modified: moment(stat.st_mtime, i64::try_from(stat.st_mtime_nsec).unwrap_or(0)),
            changed: moment(stat.st_ctime, i64::try_from(stat.st_ctime_nsec).unwrap_or(0)),
            links: stat.st_nlink,
        }
    }

    /// The same as a look of the settle rule, taken at `seen` (since boot).
    #[must_use]
    pub fn look(&self, seen: Duration) -> Look {
        Look { size: self.size, modified: self.modified, changed: self.changed, inode: self.inode, seen }
    }
}

fn moment(seconds: i64, nanoseconds: i64) -> Moment {
    Moment::from_unix(seconds, u32::try_from(nanoseconds).unwrap_or(0))
}

/// A source, open for reading only.
#[derive(Debug)]
pub struct OpenSource {
    /// The file.
    pub file: File,
    /// As it was when it was opened.
    pub source: Source,
    /// How many names point to it. More than one is a finding, and it is never released.
    pub links: u64,
}

/// Names in one folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listing {
    /// All there are.
    Whole(Vec<RawName>),
    /// There are more than were asked for.
    TooMany,
}

impl Root {
    /// Opens the inbox of a dock. Links on the way to it are followed: who writes the settings may.
    ///
    /// # Errors
    /// [`Error::Missing`] where it is not there (P12: that says nothing about its files),
    /// [`Error::NotAFolder`], [`Error::Open`], or [`Error::Unsupported`] on an old kernel.
    pub fn open(dock: DockName, path: &Path) -> Result<Self, Error> {
        Self::open_named(dock, path, Names::Relative)
    }

    /// Opens what a person typed for `deposit`: the folder, or the folder that the file lies in. The
    /// path itself is resolved as typed; what lies beneath is treated like any inbox. Sources then
    /// carry absolute paths.
    ///
    /// # Errors
    /// As [`Root::open`].
    pub fn typed(dock: DockName, path: &Path) -> Result<Typed, Error> {
        let full = path.canonicalize().map_err(|cause| cannot_open(path, cause))?;
        if full.is_dir() {
            return Self::open_named(dock, &full, Names::Absolute).map(Typed::Folder);
        }
        let (Some(parent), Some(name)) = (full.parent(), full.file_name()) else {
            return Err(Error::Missing { path: path.to_owned() });
        };
        let root = Self::open_named(dock, parent, Names::Absolute)?;
        Ok(Typed::File { root, name: RawName::from(Path::new(name)) })
    }

    fn open_named(dock: DockName, given: &Path, names: Names) -> Result<Self, Error> {
        let path = given.canonicalize().map_err(|cause| cannot_open(given, cause))?;
        // Only a place to start from: a file can be named whose folder may not be listed.
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::openat(CWD, &path, flags, Bits::empty())
            .map_err(|errno| cannot_open(given, errno.into()))?;
        let folder = File::from(folder);
        let metadata = folder.metadata().map_err(|cause| cannot_open(given, cause))?;
        let identity = identity_of(&metadata);
        let root = Self { dock, given: given.to_owned(), path, folder, identity, names };
        root.prove_support()?;
        Ok(root)
    }

    fn prove_support(&self) -> Result<(), Error> {
        let unsupported = |cause| Error::Unsupported { path: self.given.clone(), cause };
        let again = resolve(&self.folder, &RawName::new("."), OFlags::PATH | OFlags::CLOEXEC)
            .map_err(|errno| unsupported(errno.into()))?;
        std::fs::symlink_metadata(proc_path(&again)).map(drop).map_err(unsupported)
    }

    /// Whose inbox it is.
    #[must_use]
    pub fn dock(&self) -> &DockName {
        &self.dock
    }

    /// Where it lies, without links.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How it has to be watched.
    #[must_use]
    pub fn mode(&self) -> Mode {
        mode::of(&self.folder)
    }

    /// `st_dev` of its file system.
    #[must_use]
    pub fn device(&self) -> u64 {
        self.identity.0
    }

    /// Whether the path still leads to the folder that was opened. Where it does not (a mount came,
    /// went or changed), nothing seen since counts as gone (P12).
    #[must_use]
    pub fn still_there(&self) -> bool {
        std::fs::metadata(&self.given).is_ok_and(|now| identity_of(&now) == self.identity)
    }

    /// Looks at a regular file without opening it for reading.
    ///
    /// # Errors
    /// A refusal, where it is not a regular file that lies beneath this root.
    pub fn stat(&self, path: &RawName) -> Result<Stat, Refusal> {
        let looked = self.resolve(path, OFlags::PATH | OFlags::CLOEXEC)?;
        regular(path, &looked)
    }

    /// Opens a regular file for reading. It is looked at first, since opening would already disturb a
    /// pipe or a device.
    ///
    /// # Errors
    /// A refusal, where it is not a regular file that lies beneath this root, or cannot be read.
    // P1, P4
    pub fn open_file(&self, path: &RawName) -> Result<OpenSource, Refusal> {
        let before = self.stat(path)?;
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = self.resolve(path, flags)?;
        let stat = regular(path, &file)?;
        if (stat.device, stat.inode) != (before.device, before.inode) {
            return Err(Refusal::new(path, Reason::Changed));
        }
        Ok(OpenSource { file, source: self.source(path, &stat), links: stat.links })
    }

    /// Whether the name of an open source still leads to it, unchanged: asked after its last byte was
    /// read (P2).
    ///
    /// # Errors
    /// A refusal: changed, vanished, or whatever keeps us from looking.
    pub fn check_unchanged(&self, path: &RawName, open: &OpenSource) -> Result<(), Refusal> {
        let now = self.source(path, &self.stat(path)?);
        if now == open.source { Ok(()) } else { Err(Refusal::new(path, Reason::Changed)) }
    }

    /// Reads a small file, such as a checksum, whole.
    ///
    /// # Errors
    /// A refusal; [`Reason::TooLarge`] where it holds more than `max` bytes.
    pub fn read_small(&self, path: &RawName, max: usize) -> Result<Vec<u8>, Refusal> {
        let open = self.open_file(path)?;
        let mut bytes = Vec::new();
        let limit = u64::try_from(max).unwrap_or(u64::MAX).saturating_add(1);
        open.file.take(limit).read_to_end(&mut bytes).map_err(|cause| Refusal::of_io(path, cause))?;
        if bytes.len() > max {
            return Err(Refusal::new(path, Reason::TooLarge));
        }
        Ok(bytes)
    }

    /// The names in a folder beneath this root (an empty name is the root itself), unless there are
    /// more than `max`.
    ///
    /// # Errors
    /// A refusal, where the folder cannot be listed.
    pub fn list(&self, folder: &RawName, max: usize) -> Result<Listing, Refusal> {
        let opened = self.open_folder(folder)?;
        let mut names = Vec::new();
        for entry in entries(&opened) {
            let entry = entry.map_err(|cause| Refusal::of_io(folder, cause))?;
            if names.len() == max {
                return Ok(Listing::TooMany);
            }
            names.push(RawName::from(Path::new(entry.file_name())));
        }
        Ok(Listing::Whole(names))
    }

    /// The source that a file with this look is.
    #[must_use]
    pub fn source(&self, path: &RawName, stat: &Stat) -> Source {
        Source {
            dock: self.dock.clone(),
            path: self.written(path),
            device: Wide(stat.device),
            inode: Wide(stat.inode),
            size: stat.size,
            modified: stat.modified,
            changed: stat.changed,
        }
    }

    /// A path beneath this root as sources carry it: relative for inboxes, absolute for `deposit`.
    #[must_use]
    pub fn written(&self, path: &RawName) -> RawName {
        match self.names {
            Names::Relative => path.clone(),
            Names::Absolute => RawName::from(self.path.join(path.to_path()).as_path()),
        }
    }

    /// Opens a folder beneath this root; an empty name is the root itself.
    pub(super) fn open_folder(&self, folder: &RawName) -> Result<File, Refusal> {
        let name = if folder.as_bytes().is_empty() { RawName::new(".") } else { folder.clone() };
        resolve(&self.folder, &name, folder_flags()).map_err(|errno| Refusal::of_errno(folder, errno))
    }

    pub(super) fn given(&self) -> &Path {
        &self.given
    }

    fn resolve(&self, path: &RawName, flags: OFlags) -> Result<File, Refusal> {
        resolve(&self.folder, path, flags).map_err(|errno| Refusal::of_errno(path, errno))
    }
}

fn regular(path: &RawName, opened: &File) -> Result<Stat, Refusal> {
    let metadata = opened.metadata().map_err(|cause| Refusal::of_io(path, cause))?;
    if metadata.is_file() { Ok(Stat::of(&metadata)) } else { Err(Refusal::new(path, Reason::NotRegular)) }
}

/// For [`resolve`], which refuses links by itself; `NOFOLLOW` would call them "not a folder".
pub(super) fn folder_flags() -> OFlags {
    OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC
}

/// Resolves a name beneath a folder: no links, no other mounts, no way out. A race with renames is
/// tried again a bounded number of times.
pub(super) fn resolve(folder: &File, name: &RawName, flags: OFlags) -> Result<File, Errno> {
    let beneath = ResolveFlags::BENEATH
        | ResolveFlags::NO_SYMLINKS
        | ResolveFlags::NO_MAGICLINKS
        | ResolveFlags::NO_XDEV;
    let mut outcome = Err(Errno::AGAIN);
    for _ in 0..TRIES {
        outcome = rustix::fs::openat2(folder, name.as_bytes(), flags, Bits::empty(), beneath);
        if !matches!(outcome, Err(Errno::AGAIN | Errno::INTR)) {
            break;
        }
    }
    outcome.map(File::from)
}

/// The entries of an open folder, not of whatever has its name by now: `walkdir` alone can be led out
/// of its root by a folder that is swapped for a link while it walks.
pub(super) fn entries(folder: &File) -> impl Iterator<Item = io::Result<walkdir::DirEntry>> + use<> {
    walkdir::WalkDir::new(proc_path(folder))
        .min_depth(1)
        .max_depth(1)
        .follow_links(false)
        .into_iter()
        .map(|entry| entry.map_err(io_error))
}

pub(super) fn io_error(error: walkdir::Error) -> io::Error {
    error.into_io_error().unwrap_or_else(|| io::Error::other("a loop of links"))
}

fn proc_path(folder: &File) -> PathBuf {
    use std::os::fd::AsRawFd as _;
    PathBuf::from(format!("/proc/self/fd/{}/.", folder.as_raw_fd()))
}

pub(super) fn identity_of(metadata: &Metadata) -> Identity {
    (metadata.dev(), metadata.ino())
}

fn cannot_open(path: &Path, cause: io::Error) -> Error {
    let path = path.to_owned();
    match cause.kind() {
        io::ErrorKind::NotFound => Error::Missing { path },
        io::ErrorKind::NotADirectory => Error::NotAFolder { path },
        _ => Error::Open { path, cause },
    }
}
