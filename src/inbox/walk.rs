//! The rescan: everything that lies in an inbox, found without trusting a name.
//!
//! Each folder is opened beneath its parent and listed through that handle, so a walk never leaves its
//! root, whatever is swapped for a link meanwhile. One folder that cannot be read is a sighting like
//! any other; its neighbours go on.

use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;

use rustix::fs::{AtFlags, FileType};

use super::error::{Error, Refusal, reason_of};
use super::root::{RECEIPTS, RELEASED, Root, Stat, entries, folder_flags, resolve};
use crate::model::{RawName, Reason};

/// The most entries of one pass. An inbox that is never cleared holds ten recorders' files of ten years;
/// more than this is a flood, and the pass says that it did not see everything.
const MAX_ENTRIES: u64 = 4_000_000;

/// The most folders in one another; docks use five. Bounds the recursion and the handles it holds. A folder
/// beyond it is refused like a name that is too long.
const MAX_DEPTH: usize = 64;

/// The longest path that the kernel resolves in one call (`PATH_MAX` without its zero byte).
const MAX_PATH_BYTES: usize = 4095;

/// One thing in an inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Relative to the inbox.
    pub path: RawName,
    /// What it is.
    pub found: Found,
}

/// What a rescan found at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A regular file.
    File(Stat),
    /// Something that is not taken: a link, a pipe, another mount, a folder that cannot be read.
    Refused(Reason),
}

/// How a pass ended. After anything but [`Walked::Whole`], what was not seen may well be there (P12).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Walked {
    /// Everything was seen.
    Whole,
    /// Some folder could not be read, and was reported as refused.
    Partly,
    /// There is more than one pass takes.
    TooMany,
    /// The caller had enough.
    Stopped,
}

/// Walks a whole inbox. `see` is called for each file and each refusal, in no order.
///
/// # Errors
/// [`Error::Open`] where the inbox itself cannot be listed.
pub fn walk(root: &Root, see: &mut dyn FnMut(Seen) -> ControlFlow<()>) -> Result<Walked, Error> {
    walk_beneath(root, &RawName::new(""), see)
}

/// Walks one folder of an inbox with all that lies beneath it; an empty name is the whole inbox.
///
/// # Errors
/// [`Error::Open`] where the inbox itself cannot be listed. A folder that is gone is no error.
pub fn walk_beneath(
    root: &Root,
    folder: &RawName,
    see: &mut dyn FnMut(Seen) -> ControlFlow<()>,
) -> Result<Walked, Error> {
    descend(root, folder, &mut |step| match step {
        Step::Folder(_) => ControlFlow::Continue(()),
        Step::Seen(seen) => see(seen),
    })
}

/// What a walk comes across.
pub(super) enum Step {
    /// A folder, before it is listed: a watch that is set now misses nothing.
    Folder(RawName),
    /// A file or a refusal.
    Seen(Seen),
}

pub(super) type Visit<'a> = dyn FnMut(Step) -> ControlFlow<()> + 'a;

pub(super) fn descend(root: &Root, folder: &RawName, visit: &mut Visit<'_>) -> Result<Walked, Error> {
    let whole = folder.as_bytes().is_empty();
    if !whole && is_ours(folder) {
        return Ok(Walked::Whole);
    }
    let mut pass = Pass { device: root.device(), entries: 0, ended: Walked::Whole, visit };
    match root.open_folder(folder) {
        Ok(opened) => {
            let depth = folder.as_bytes().split(|byte| *byte == b'/').count();
            let _ =
                pass.folder(&Folder { opened, path: folder.clone(), depth: if whole { 0 } else { depth } });
        }
        Err(refusal) if whole => return Err(not_listed(root, refusal)),
        Err(refusal) => {
            let _ = pass.refuse(folder.clone(), refusal.reason);
        }
    }
    Ok(pass.ended)
}

fn not_listed(root: &Root, refusal: Refusal) -> Error {
    let cause = refusal.cause.unwrap_or_else(|| io::ErrorKind::Other.into());
    Error::Open { path: root.given().to_owned(), cause }
}

/// Whether a path is one of ours, or lies in it: receipts and released sources are no sightings.
pub(super) fn is_ours(path: &RawName) -> bool {
    let first = path.as_bytes().split(|byte| *byte == b'/').next();
    first.is_some_and(|first| first == RECEIPTS.as_bytes() || first == RELEASED.as_bytes())
}

struct Pass<'a, 'v> {
    device: u64,
    entries: u64,
    ended: Walked,
    visit: &'a mut Visit<'v>,
}

/// A folder on the way, held open while it is walked.
struct Folder {
    opened: File,
    path: RawName,
    /// 0 is the root.
    depth: usize,
}

impl Pass<'_, '_> {
    fn folder(&mut self, folder: &Folder) -> ControlFlow<()> {
        self.visit(Step::Folder(folder.path.clone()))?;
        for entry in entries(&folder.opened) {
            match entry {
                Ok(entry) => self.entry(folder, &entry)?,
                Err(cause) => self.refuse_for(&folder.path, cause)?,
            }
        }
        ControlFlow::Continue(())
    }

    fn entry(&mut self, folder: &Folder, entry: &walkdir::DirEntry) -> ControlFlow<()> {
        self.entries += 1;
        if self.entries > MAX_ENTRIES {
            self.ended = Walked::TooMany;
            return ControlFlow::Break(());
        }
        let name = RawName::from(Path::new(entry.file_name()));
        if folder.depth == 0 && is_ours(&name) {
            return ControlFlow::Continue(());
        }
        let path = folder.path.join(&name);
        if path.as_bytes().len() > MAX_PATH_BYTES {
            return self.refuse(path, Reason::NameTooLong);
        }
        if !entry.file_type().is_dir() {
            return self.file(folder, &name, path);
        }
        if folder.depth >= MAX_DEPTH {
            return self.refuse(path, Reason::NameTooLong);
        }
        match resolve(&folder.opened, &name, folder_flags()) {
            Ok(opened) => self.folder(&Folder { opened, path, depth: folder.depth + 1 }),
            Err(errno) => self.refuse(path, reason_of(errno)),
        }
    }

    fn file(&mut self, folder: &Folder, name: &RawName, path: RawName) -> ControlFlow<()> {
        // In the open folder: the path that the walk has leads through `/proc`, which takes several times as long.
        let found = match rustix::fs::statat(&folder.opened, name.as_bytes(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) => found,
            Err(errno) => return self.refuse(path, reason_of(errno)),
        };
        if let Some(reason) = not_taken(FileType::from_raw_mode(found.st_mode)) {
            return self.refuse(path, reason);
        }
        if found.st_dev != self.device {
            return self.refuse(path, Reason::OtherMount);
        }
        self.visit(Step::Seen(Seen { path, found: Found::File(Stat::found(&found)) }))
    }

    fn refuse_for(&mut self, path: &RawName, cause: io::Error) -> ControlFlow<()> {
        self.refuse(path.clone(), Refusal::of_io(path, cause).reason)
    }

    /// What vanished while we looked was never settled, and is not worth a word.
    fn refuse(&mut self, path: RawName, reason: Reason) -> ControlFlow<()> {
        match reason {
            Reason::Vanished => return ControlFlow::Continue(()),
            Reason::Unreadable | Reason::ReadError | Reason::Busy => self.ended = Walked::Partly,
            _ => {}
        }
        self.visit(Step::Seen(Seen { path, found: Found::Refused(reason) }))
    }

    fn visit(&mut self, step: Step) -> ControlFlow<()> {
        let flow = (self.visit)(step);
        if flow.is_break() {
            self.ended = Walked::Stopped;
        }
        flow
    }
}

fn not_taken(kind: FileType) -> Option<Reason> {
    match kind {
        FileType::RegularFile => None,
        FileType::Symlink => Some(Reason::Symlink),
        _ => Some(Reason::NotRegular),
    }
}
