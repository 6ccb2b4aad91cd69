//! Filling a home from a backup: keys, ledger, vault. FORMAT.md, section 6. Whoever calls this begins the epoch and
//! writes the settings, which is what makes an archive of the home.

use std::io::Read as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use serde::Serialize;
use sha2::{Digest as _, Sha256 as Hasher};

use super::checking::Fault;
use super::copying::{Copied, Copier, Way, open_regular};
use super::error::{Doing as _, Error};
use super::folder::{FOLDER_MODE, State, files_of};
use super::making::Tell;
use super::manifest::{StateNumber, canonical, read_bounded};
use super::walk::{Living, Stored, replay};
use crate::audit::Progress;
use crate::keys::{Custody, NODE_SECRETS_FILE, NodeSecrets};
use crate::ledger::sheet_name;
use crate::model::{ArchiveId, LedgerIndex, Sha256};
use crate::sys::Disk;
use crate::vault::{Places, Vault};

/// Marks a home that is being filled; it may be filled again from the start.
pub const MARK: &str = "restoring.json";

/// The longest file of a state that is read whole: settings, certificates.
const LIMIT: u64 = 16 * 1024 * 1024;

#[derive(Serialize)]
struct Mark {
    archive: ArchiveId,
    document: String,
    number: StateNumber,
}

impl Mark {
    fn of(state: &State) -> Self {
        let manifest = state.manifest();
        let document = "sealdock restore 1".to_owned();
        Self { archive: manifest.archive, document, number: manifest.number }
    }
}

/// Whether a restore of this very state into this home was cut short, so that it may be done again.
#[must_use]
pub fn is_unfinished(home: &Path, state: &State) -> bool {
    std::fs::read(home.join(MARK)).is_ok_and(|bytes| bytes == canonical(&Mark::of(state)))
}

/// What a home is filled from, and how.
pub struct Filling<'a> {
    /// The state.
    pub state: &'a State,
    /// The home.
    pub home: &'a Path,
    /// Opens the node's secrets.
    pub custody: &'a Custody,
    /// The places of the vault that are made in the home. Others lie on disks of their own and are left as they
    /// are.
    pub places: &'a [PathBuf],
    /// The format text of the vault.
    pub format: &'a str,
    /// The disk.
    pub disk: &'a Disk,
}

/// What a home was filled with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filled {
    /// Sealed files that are in every place now.
    pub items: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files of the backup that were not what was written: they are not in the home.
    pub damaged: Vec<Fault>,
}

impl State {
    /// A file of the state, checked against the manifest.
    ///
    /// # Errors
    /// [`Error::Damaged`] where it is missing or not what was written.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, Error> {
        let path = self.file(name);
        let listed = self.manifest().files.iter().find(|file| file.path == name);
        let listed = listed.ok_or_else(|| Error::damaged(&path, "the manifest does not list it"))?;
        let bytes = read_bounded(&path, LIMIT)?;
        if Sha256(Hasher::digest(&bytes).into()) == listed.sha256 {
            Ok(bytes)
        } else {
            Err(Error::damaged(&path, "it is not what the manifest says"))
        }
    }
}

impl Filling<'_> {
    /// Opens the node's secrets, and nothing is written yet.
    ///
    /// # Errors
    /// [`Error::Keys`] where they do not open, [`Error::Damaged`].
    pub fn open(&self) -> Result<NodeSecrets, Error> {
        let name = format!("keys/{NODE_SECRETS_FILE}");
        let bytes = self.state.read(&name)?;
        Ok(NodeSecrets::open(self.state.certificates(), (&self.state.file(&name), &bytes), self.custody)?)
    }

    /// Makes the home and marks it as one that is being filled.
    ///
    /// # Errors
    /// [`Error::Disk`].
    pub fn mark(&self) -> Result<(), Error> {
        let bytes = canonical(&Mark::of(self.state));
        self.disk.make_folder(self.home, FOLDER_MODE).doing("make", self.home)?;
        let path = self.home.join(MARK);
        self.disk.write_over(&path, &bytes, 0o600).doing("write", &path)
    }

    /// Fills the home. May be done again where it was cut short.
    ///
    /// # Errors
    /// [`Error::Damaged`] and [`Error::Ledger`] where keys or ledger are not what was written; [`Error::Disk`].
    pub fn fill(&self, secrets: &NodeSecrets, tell: &mut Tell<'_>) -> Result<Filled, Error> {
        // A command in the foreground: whoever ends it ends the process.
        let stop = AtomicBool::new(false);
        let copier = Copier::new(self.disk, &stop);
        for folder in ["receipts", "ledger"] {
            copier.folder(&self.home.join(folder))?;
        }
        self.keys(secrets, &copier)?;
        self.ledger(&copier)?;
        self.vault()?;
        self.items(&copier, tell)
    }

    fn keys(&self, secrets: &NodeSecrets, copier: &Copier<'_>) -> Result<(), Error> {
        let folder = self.home.join("keys");
        copier.folder(&folder)?;
        for file in &self.state.manifest().files {
            let Some(name) = file.path.strip_prefix("keys/").filter(|name| !name.contains('/')) else {
                continue;
            };
            if name == NODE_SECRETS_FILE {
                continue;
            }
            let mode = if name.starts_with("custody.json") { 0o600 } else { 0o444 };
            copier.put(&folder.join(name), &self.state.read(&file.path)?, mode)?;
        }
        secrets.write(&folder, self.disk)?;
        copier.sync_folder(&folder)
    }

    fn ledger(&self, copier: &Copier<'_>) -> Result<(), Error> {
        let folder = self.home.join("ledger");
        // An interrupted restore may have gone on in a further file.
        for entry in std::fs::read_dir(&folder).doing("list", &folder)? {
            let path = entry.doing("list", &folder)?.path();
            self.disk.remove(&path).doing("remove", &path)?;
        }
        for sheet in &self.state.manifest().ledger {
            let from = self.state.folder().sheet(sheet.first);
            let name = sheet_name(sheet.first);
            let file = open_regular(&from).doing("open", &from)?;
            let (to, beside) = (folder.join(&name), folder.join(format!(".{name}.new")));
            let way = Way { beside: &beside, to: &to, mode: 0o600 };
            match copier.copy((&mut file.take(sheet.bytes), &from), &way, sheet.sha256)? {
                Copied::Whole => {}
                Copied::OtherBytes => {
                    return Err(Error::damaged(&from, "it is not what the manifest says"));
                }
            }
        }
        copier.sync_folder(&folder)
    }

    fn vault(&self) -> Result<(), Error> {
        let missing: Vec<PathBuf> =
            self.places.iter().filter(|place| !place.join("FORMAT.md").is_file()).cloned().collect();
        Ok(Vault::create(&missing, self.disk, self.format)?)
    }

    /// Goes over the ledger that was copied, and brings what it speaks of into every place.
    fn items(&self, copier: &Copier<'_>, tell: &mut Tell<'_>) -> Result<Filled, Error> {
        let manifest = self.state.manifest();
        let files: Vec<(LedgerIndex, u64)> =
            manifest.ledger.iter().map(|sheet| (sheet.first, sheet.bytes)).collect();
        let mut filled = Filled::default();
        let of = manifest.items.as_ref().map_or(0, |items| items.files / 2);
        let vault = Vault::open(
            &Places { home: self.home, folders: self.places, least: self.places.len() },
            self.disk,
        )?;
        let at = self.home.join("ledger");
        let living = Living::at_the_end((&at, &files), &self.state.trust())?;
        let end = replay((&at, &files), &self.state.trust(), &mut |entry| {
            let Some(stored) = living.stored(entry).filter(|_| manifest.items.is_some()) else {
                return Ok(());
            };
            self.item(&stored, (copier, &vault), &mut filled)?;
            match tell(Progress { items: filled.items, of, bytes_read: filled.bytes }) {
                ControlFlow::Continue(()) => Ok(()),
                ControlFlow::Break(()) => Err(Error::Stopped),
            }
        })?;
        if end.head.as_ref() != Some(&manifest.signed_head()?) {
            return Err(Error::damaged(
                &self.state.folder().ledger(),
                "it does not end with the manifest's head",
            ));
        }
        for place in self.places {
            copier.sync_shelves(&[place.join("items"), place.join("derived")])?;
        }
        Ok(filled)
    }

    fn item(
        &self,
        stored: &Stored,
        (copier, vault): (&Copier<'_>, &Vault),
        filled: &mut Filled,
    ) -> Result<(), Error> {
        let [sealed, keys] = files_of(stored);
        for place in vault.places() {
            let at = (stored.role, stored.item);
            let homes = [
                // The sealed file last: presence of it means that everything is there.
                (&keys, place.keys(at.0, at.1, stored.generation)),
                (&sealed, place.sealed(at.0, at.1)),
            ];
            for ((name, sha256), to) in homes {
                if !self.bring(name, (place.path(), &to, *sha256), copier)? {
                    filled.damaged.push(Fault { path: name.clone(), code: "altered" });
                    return Ok(());
                }
            }
        }
        filled.items += 1;
        filled.bytes += stored.sealed_size;
        Ok(())
    }

    /// Whether the file is in its place now. One that an interrupted restore named there is whole.
    fn bring(
        &self,
        name: &str,
        (place, to, sha256): (&Path, &Path, Sha256),
        copier: &Copier<'_>,
    ) -> Result<bool, Error> {
        if to.is_file() {
            return Ok(true);
        }
        let from = self.state.folder().path().join(name);
        let mut file = match open_regular(&from) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
            opened => opened.doing("open", &from)?,
        };
        let folder = to.parent().unwrap_or(to);
        copier.folder(folder)?;
        // In the place itself: both names must be on one file system.
        let beside = place.join("tmp/node").join(to.file_name().unwrap_or_default());
        let way = Way { beside: &beside, to, mode: 0o400 };
        match copier.copy((&mut file, &from), &way, sha256) {
            Ok(Copied::Whole) => Ok(true),
            Ok(Copied::OtherBytes) => Ok(false),
            Err(Error::Disk { path, .. }) if path == from => Ok(false),
            Err(error) => Err(error),
        }
    }
}
