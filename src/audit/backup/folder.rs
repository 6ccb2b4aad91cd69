//! The folder of a backup, and the states in it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::{Doing as _, Error};
use super::manifest::{Manifest, StateNumber, canonical, parse, read_bounded};
use super::walk::Stored;
use crate::keys::Certificates;
use crate::ledger::{Contents, Trust, sheet_name};
use crate::model::{ArchiveId, Generation, ItemId, LedgerIndex};
use crate::seal::Role;
use crate::sys::Disk;

const MARK: &str = "backup.json";
const MARK_DOCUMENT: &str = "sealdock backup folder 1";
/// Far above what such a document has.
const MARK_LIMIT: u64 = 4096;

pub(super) const FOLDER_MODE: u32 = 0o700;

/// Says whose backup a folder is.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mark {
    archive: ArchiveId,
    document: String,
}

/// A folder that holds the backup of one archive.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    path: PathBuf,
    archive: ArchiveId,
}

impl Folder {
    /// Opens one that is there.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let mark = path.join(MARK);
        if !mark.is_file() {
            return Err(Error::NotABackup { path: path.to_owned(), what: "it holds no backup.json" });
        }
        let Mark { archive, document } = parse(&mark, &read_bounded(&mark, MARK_LIMIT)?)?;
        if document == MARK_DOCUMENT {
            Ok(Self { path: path.to_owned(), archive })
        } else {
            Err(Error::FromTheFuture { path: mark, document })
        }
    }

    /// Opens the folder of an archive's backup, and makes it where nothing is there yet.
    pub(super) fn make(path: &Path, archive: ArchiveId, disk: &Disk) -> Result<Self, Error> {
        let mark = path.join(MARK);
        if !mark.is_file() {
            refuse_others(path)?;
            disk.make_folder(path, FOLDER_MODE).doing("make", path)?;
            let bytes = canonical(&Mark { archive, document: MARK_DOCUMENT.to_owned() });
            disk.write_over(&mark, &bytes, 0o600).doing("write", &mark)?;
        }
        let folder = Self::open(path)?;
        if folder.archive != archive {
            let (path, found) = (path.to_owned(), folder.archive);
            return Err(Error::OtherArchive { path, found, wanted: archive });
        }
        for made in [folder.ledger(), folder.states(), folder.unfinished()] {
            disk.make_folder(&made, FOLDER_MODE).doing("make", &made)?;
        }
        Ok(folder)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn ledger(&self) -> PathBuf {
        self.path.join("ledger")
    }

    pub(super) fn sheet(&self, first: LedgerIndex) -> PathBuf {
        self.ledger().join(sheet_name(first))
    }

    pub(super) fn states(&self) -> PathBuf {
        self.path.join("states")
    }

    pub(super) fn unfinished(&self) -> PathBuf {
        self.path.join("vault/tmp")
    }

    /// The shelves of sealed files.
    pub(super) fn shelves(&self) -> [PathBuf; 2] {
        [Role::Original, Role::Derivative].map(|role| self.path.join("vault").join(shelf_of(role)))
    }

    /// The numbers of the states, in order.
    pub(super) fn numbers(&self) -> Result<Vec<StateNumber>, Error> {
        let states = self.states();
        let entries = match std::fs::read_dir(&states) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.doing("list", &states)?,
        };
        let mut numbers = Vec::new();
        for entry in entries {
            let name = entry.doing("list", &states)?.file_name();
            numbers.extend(name.to_str().and_then(StateNumber::of_name));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// The newest state, or the one with this number; nothing where there is none at all.
    pub(super) fn state(self, wanted: Option<StateNumber>) -> Result<Option<State>, Error> {
        let numbers = self.numbers()?;
        let number = match wanted {
            None => numbers.last().copied(),
            Some(number) if numbers.contains(&number) => Some(number),
            Some(_) => {
                let what = "it holds no state of this number";
                return Err(Error::NotABackup { path: self.path, what });
            }
        };
        number.map(|number| State::open(self, number)).transpose()
    }
}

/// A new backup goes where nothing is: a temporary of ours counts as nothing.
fn refuse_others(path: &Path) -> Result<(), Error> {
    let entries = match std::fs::read_dir(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.doing("list", path)?,
    };
    for entry in entries {
        let name = entry.doing("list", path)?.file_name();
        // The root of a file system has the second.
        if name != format!(".{MARK}.new").as_str() && name != "lost+found" {
            return Err(Error::NotEmpty { path: path.to_owned() });
        }
    }
    Ok(())
}

fn shelf_of(role: Role) -> &'static str {
    match role {
        Role::Original => "items",
        Role::Derivative => "derived",
    }
}

/// Where the sealed file of an item lies, relative to the backup.
pub(super) fn sealed_name(role: Role, item: ItemId) -> String {
    format!("vault/{}/{}/{item}.seal", shelf_of(role), item.shard())
}

/// Where a generation of its key file lies.
pub(super) fn keys_name((role, item): (Role, ItemId), generation: Generation) -> String {
    format!("vault/{}/{}/{item}.{generation}.keys", shelf_of(role), item.shard())
}

/// The two files of an item, with their digests, as `SHA256SUMS` lists them.
pub(super) fn files_of(stored: &Stored) -> [(String, crate::model::Sha256); 2] {
    let at = (stored.role, stored.item);
    [
        (sealed_name(stored.role, stored.item), stored.sealed_sha256),
        (keys_name(at, stored.generation), stored.keys_sha256),
    ]
}

/// A state whose manifest was checked.
#[derive(Debug)]
pub struct State {
    folder: Folder,
    path: PathBuf,
    certificates: Certificates,
    manifest: Manifest,
}

impl State {
    fn open(folder: Folder, number: StateNumber) -> Result<Self, Error> {
        let path = folder.states().join(number.to_string());
        let certificates = Certificates::open(&path.join("keys"))?;
        let manifest = Manifest::read(&path, &certificates)?;
        if manifest.archive != folder.archive || manifest.number != number {
            return Err(Error::damaged(&path, "its manifest is that of another state or archive"));
        }
        Ok(Self { folder, path, certificates, manifest })
    }

    /// The newest state of a backup, or the one with this number; its manifest was checked, and nothing else.
    ///
    /// # Errors
    /// [`Error::NotABackup`], [`Error::FromTheFuture`], [`Error::Damaged`], [`Error::Keys`].
    pub fn find(path: &Path, number: Option<StateNumber>) -> Result<Self, Error> {
        let none = || Error::NotABackup {
            path: path.to_owned(),
            what: "no state in it is whole; the first backup was cut short",
        };
        Folder::open(path)?.state(number)?.ok_or_else(none)
    }

    /// What it is made of.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The keys of the archive, as far as everyone may know them.
    #[must_use]
    pub fn certificates(&self) -> &Certificates {
        &self.certificates
    }

    /// A file of the state.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    pub(super) fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Whom a replay of its ledger believes.
    pub(super) fn trust(&self) -> Trust {
        Trust {
            archive: self.manifest.archive,
            heads: self.certificates.head_publics(),
            contents: Contents::Whole,
        }
    }
}
