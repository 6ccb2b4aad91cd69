//! Release: a source that has its receipt is renamed aside on its own file system, hashed there again by
//! the caller, and removed only after the configured days.
//!
//! Nothing is removed that was not identified a moment before, and whatever is doubtful stays or goes
//! back to where it was (P1).

use std::fs::File;
use std::io;
use std::path::PathBuf;

use rustix::fs::AtFlags;
use rustix::io::Errno;

use super::error::{Error, Refusal};
use super::receipts::{OnDisk, own_folder, rename_raw, sync_folder};
use super::root::{OpenSource, RELEASED, Root};
use crate::model::{DepositId, RawName, Reason, Source};
use crate::sys::{Disk, Step};

/// Released sources are for nobody but their archive.
const FOLDER_BITS: u32 = 0o700;

/// A source that waits aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aside {
    /// Where it lay, relative to the inbox.
    pub path: RawName,
    /// The deposit it belongs to; its name while it waits.
    pub deposit: DepositId,
    /// What it was. Its `changed` is that of before the rename, which changes it.
    pub source: Source,
}

impl Aside {
    fn name(&self) -> RawName {
        RawName::new(self.deposit.to_string())
    }

    fn waits_at(&self) -> RawName {
        RawName::new(RELEASED).join(&self.name())
    }

    /// Whether the folder in which sources wait is there. Where it is not, a mount is gone, or nothing was ever
    /// set aside.
    #[must_use]
    pub fn shelf_is_there(root: &Root) -> bool {
        root.open_folder(&RawName::new(RELEASED)).is_ok()
    }

    /// Opens whatever waits under a deposit's name, to see what it is.
    ///
    /// # Errors
    /// A refusal, where nothing does.
    pub fn look(root: &Root, deposit: DepositId) -> Result<OpenSource, Refusal> {
        root.open_file(&RawName::new(RELEASED).join(&RawName::new(deposit.to_string())))
    }

    /// Opens the source where it waits, to hash it again.
    ///
    /// # Errors
    /// A refusal, where it is not there or not what was set aside.
    pub fn open(&self, root: &Root) -> Result<OpenSource, Refusal> {
        let open = root.open_file(&self.waits_at())?;
        if same_bytes(&open.source, &self.source) && open.links == 1 {
            Ok(open)
        } else {
            Err(Refusal::new(&self.path, Reason::Changed))
        }
    }
}

/// Renames a source aside. Done already is no error, so that a crash is mended by doing it again.
///
/// # Errors
/// [`Error::Refused`] where the source is not exactly what was sealed, or has a second name; it stays where
/// it is. [`Error::Release`] where the disk refuses.
// P1
pub fn set_aside(root: &Root, aside: &Aside, disk: &Disk) -> Result<(), Error> {
    if aside.open(root).is_ok() {
        return Ok(());
    }
    let open = root.open_file(&aside.path)?;
    // A disk that was mounted again has another device number, and the same files.
    if open.source != (Source { device: open.source.device, ..aside.source.clone() }) {
        return Err(Refusal::new(&aside.path, Reason::Changed).into());
    }
    if open.links != 1 {
        return Err(Refusal::new(&aside.path, Reason::HardLink).into());
    }
    let moves = Moves::open(root, aside, disk)?;
    moves.rename(&moves.home, &moves.away)?;
    if aside.open(root).is_err() {
        // Swapped between the look and the rename: what we moved is not what we sealed.
        moves.back()?;
        return Err(Refusal::new(&aside.path, Reason::Changed).into());
    }
    Ok(())
}

/// Puts a source back where it lay, because its bytes were not those of the receipt. Where something else
/// has its name by now, it gets the deposit's: it must be seen by the next scan under some name.
///
/// # Errors
/// [`Error::Release`] where the disk refuses.
// P1
pub fn put_back(root: &Root, aside: &Aside, disk: &Disk) -> Result<(), Error> {
    Moves::open(root, aside, disk)?.back()
}

/// Removes a source that waited long enough and was hashed again through `hashed`, the handle that
/// [`Aside::open`] gave. One that is gone is no error.
///
/// # Errors
/// [`Error::Refused`] where it changed since it was hashed; [`Error::Release`] where the disk refuses.
// P1
pub fn remove_aside(root: &Root, aside: &Aside, hashed: &OpenSource, disk: &Disk) -> Result<(), Error> {
    let waits_at = aside.waits_at();
    match root.check_unchanged(&waits_at, hashed) {
        Ok(()) => {}
        Err(refusal) if refusal.reason == Reason::Vanished => return Ok(()),
        Err(refusal) => return Err(refusal.into()),
    }
    let moves = Moves::open(root, aside, disk)?;
    moves.step(Step::Remove(&root.path().join(waits_at.to_path())))?;
    match rustix::fs::unlinkat(&moves.away.folder, moves.away.name.as_bytes(), AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => moves.sync(&moves.away),
        Err(errno) => Err(moves.failed(errno.into())),
    }
}

/// Whether two sources are one file with the same bytes; names and `changed` may differ.
fn same_bytes(one: &Source, other: &Source) -> bool {
    (one.inode, one.size, one.modified) == (other.inode, other.size, other.modified)
}

/// A name in an open folder.
struct Spot {
    folder: File,
    name: RawName,
    /// For those who watch the steps.
    path: PathBuf,
}

/// The two places of a source: where it lay, and where it waits.
struct Moves<'a> {
    aside: &'a Aside,
    disk: &'a Disk,
    home: Spot,
    away: Spot,
}

impl<'a> Moves<'a> {
    fn open(root: &Root, aside: &'a Aside, disk: &'a Disk) -> Result<Self, Error> {
        let (path, name) = (root.path().join(aside.path.to_path()), aside.path.file_name());
        let home = Spot { folder: root.open_folder(&aside.path.folder())?, name, path };
        let top = root.open_folder(&RawName::new(""))?;
        let path = root.path().join(RELEASED);
        let folder = own_folder(&top, RELEASED, FOLDER_BITS, &OnDisk { disk, path: &path })
            .map_err(|cause| Error::Release { path: aside.path.clone(), cause })?;
        let away = Spot { folder, name: aside.name(), path: path.join(aside.deposit.to_string()) };
        Ok(Self { aside, disk, home, away })
    }

    fn back(&self) -> Result<(), Error> {
        match self.rename(&self.away, &self.home) {
            Err(Error::Release { cause, .. }) if cause.kind() == io::ErrorKind::AlreadyExists => {
                let path = self.home.path.with_file_name(self.aside.deposit.to_string());
                let folder = self.home.folder.try_clone().map_err(|cause| self.failed(cause))?;
                self.rename(&self.away, &Spot { folder, name: self.aside.name(), path })
            }
            outcome => outcome,
        }
    }

    fn rename(&self, from: &Spot, to: &Spot) -> Result<(), Error> {
        self.step(Step::Rename(&from.path, &to.path))?;
        rename_raw(&from.folder, &from.name, &to.folder, &to.name)
            .map_err(|errno| self.failed(errno.into()))?;
        // The new name first: a crash between the two leaves the file under both names, never under none.
        self.sync(to)?;
        self.sync(from)
    }

    fn sync(&self, spot: &Spot) -> Result<(), Error> {
        self.step(Step::SyncFolder(&spot.path))?;
        sync_folder(&spot.folder).map_err(|cause| self.failed(cause))
    }

    fn step(&self, step: Step<'_>) -> Result<(), Error> {
        self.disk.step(step).map_err(|cause| self.failed(cause))
    }

    fn failed(&self, cause: io::Error) -> Error {
        Error::Release { path: self.aside.path.clone(), cause }
    }
}
