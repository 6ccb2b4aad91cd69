//! Making a backup: the ledger up to a signed head, then the items it speaks of, then a state with its manifest.

use std::io::{BufWriter, Write as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;

use sha2::{Digest as _, Sha256 as Hasher};

use super::copying::{Copied, Copier, Way};
use super::error::{Doing as _, Error};
use super::folder::{Folder, State, files_of, keys_name, sealed_name};
use super::manifest::{
    ItemsListed, Listed, MANIFEST, Manifest, Missing, SIGNATURE, Sheet, Stamp, StateNumber,
};
use super::walk::{Living, Stored, replay};
use super::{Backups, Extent, Parts};
use crate::audit::Progress;
use crate::catalog::LedgerNow;
use crate::evidence::{Damage, Record};
use crate::inbox::lies_apart;
use crate::keys::NODE_SECRETS_FILE;
use crate::ledger::{Contents, Trust, sheet_name, verify_consistency};
use crate::model::{LedgerIndex, Moment, Sha256};
use crate::sys::DurableFile;

/// States that stay: enough to go back a week where one is made each day.
const KEPT: usize = 8;

/// The list of a state's items.
pub(super) const SUMS: &str = "SHA256SUMS";

/// A backup to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Where.
    pub folder: PathBuf,
    /// What goes into it.
    pub extent: Extent,
}

/// A backup that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// Where.
    pub folder: PathBuf,
    /// Which state of it.
    pub number: StateNumber,
    /// When.
    pub made: Moment,
    /// Entries under the head that it was taken at.
    pub entries: u64,
    /// The items; nothing where they are not in it.
    pub items: Option<ItemsListed>,
    /// Files written anew.
    pub copied_files: u64,
    /// Bytes written.
    pub copied_bytes: u64,
}

/// Hears of progress, and may break off.
pub type Tell<'a> = dyn FnMut(Progress) -> ControlFlow<()> + Send + 'a;

impl Backups {
    /// Makes a backup. What an older one left in the folder is gone on from; a run that is cut short leaves the
    /// states before it as they were.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::Busy`] where another one is being made.
    pub fn make(&self, wanted: &Wanted, tell: &mut Tell<'_>) -> Result<Made, Error> {
        let parts = &self.0.parts;
        let Ok(_turn) = self.0.turn.try_lock() else { return Err(Error::Busy) };
        refuse_overlap(parts, &wanted.folder)?;
        let folder = Folder::make(&wanted.folder, parts.keyring.archive(), &parts.disk)?;
        let copier = Copier::new(&parts.disk, &self.0.stop);
        sweep(&folder, &copier)?;
        let before = folder.clone().state(None)?;
        let now = parts.catalog.ledger_now()?;
        let mut run = Run { parts, folder: &folder, copier, now, before, tell };
        run.refuse_other_history()?;
        let ledger = run.ledger()?;
        let made = run.state(wanted.extent, ledger)?;
        // The new state is durable: what cannot be tidied up now is tidied up by the next run.
        if let Err(error) = run.prune() {
            tracing::warn!(error = %crate::model::chain(&error), "old states of the backup stay for now");
        }
        Ok(made)
    }

    /// Stops a backup that is being made, at its next chunk.
    pub fn stop(&self) {
        self.0.stop.store(true, std::sync::atomic::Ordering::Relaxed);
    }
}

fn refuse_overlap(parts: &Parts, folder: &Path) -> Result<(), Error> {
    match (parts.apart)().into_iter().find(|other| !lies_apart(folder, other)) {
        Some(other) => Err(Error::Overlap { backup: folder.to_owned(), other }),
        None => Ok(()),
    }
}

/// Takes away what a run that was cut short left unfinished.
fn sweep(folder: &Folder, copier: &Copier<'_>) -> Result<(), Error> {
    for (place, folders) in [(folder.unfinished(), false), (folder.states(), true)] {
        for entry in std::fs::read_dir(&place).doing("list", &place)? {
            let path = entry.doing("list", &place)?.path();
            let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
            match folders {
                true if hidden => copier.remove_folder(&path)?,
                true => {}
                false => copier.disk.remove(&path).doing("remove", &path)?,
            }
        }
    }
    Ok(())
}

/// One backup being made.
struct Run<'a, 't> {
    parts: &'a Parts,
    folder: &'a Folder,
    copier: Copier<'a>,
    now: LedgerNow,
    before: Option<State>,
    tell: &'a mut Tell<'t>,
}

impl Run<'_, '_> {
    /// The ledger must be what the last backup saw, and perhaps more.
    fn refuse_other_history(&self) -> Result<(), Error> {
        let Some(before) = &self.before else { return Ok(()) };
        let other = || Error::OtherHistory { path: self.folder.path().to_owned() };
        let (old, new) = (before.manifest().signed_head()?, self.now.head.head());
        if old.head().size > new.size {
            return Err(other());
        }
        let proof = self.parts.catalog.prove_consistency(old.head().size, new.size)?;
        verify_consistency(old.head().tree(), new.tree(), &proof).map_err(|_| other())
    }

    fn ledger(&self) -> Result<Vec<Sheet>, Error> {
        let known: &[Sheet] = self.before.as_ref().map_or(&[], |before| &before.manifest().ledger);
        let mut sheets = Vec::with_capacity(self.now.files.len());
        for (first, bytes) in &self.now.files {
            let old = known.iter().find(|sheet| sheet.first == *first);
            if let Some(same) = old.filter(|sheet| sheet.bytes == *bytes) {
                sheets.push(same.clone());
                continue;
            }
            let (from, to) = (self.now.folder.join(sheet_name(*first)), self.folder.sheet(*first));
            let promised = old.map_or(0, |sheet| sheet.bytes);
            let sha256 = self.copier.grow((&from, &to), (*bytes, promised))?;
            sheets.push(Sheet { bytes: *bytes, first: *first, sha256 });
        }
        self.copier.sync_folder(&self.folder.ledger())?;
        Ok(sheets)
    }

    /// Fills the folder of a state, the manifest last, and gives it its number.
    fn state(&mut self, extent: Extent, ledger: Vec<Sheet>) -> Result<Made, Error> {
        let number = StateNumber(self.before.as_ref().map_or(0, |before| before.manifest().number.0) + 1);
        let states = self.folder.states();
        let unfinished = states.join(format!(".{number}.new"));
        self.copier.folder(&unfinished)?;
        let made = self.parts.clock.now();
        let mut files = self.documents(&unfinished)?;
        files.extend(self.keys(&unfinished, made)?);
        let (sums, items) = self.items(extent, &unfinished)?;
        files.extend(sums);
        files.sort_by(|one, other| one.path.cmp(&other.path));
        let keyring = &self.parts.keyring;
        let stamp = Stamp {
            archive: keyring.archive(),
            root: keyring.root(),
            signer: keyring.signer(),
            number,
            made,
            profile: self.parts.profile.clone(),
            epoch: self.now.epoch,
            head: self.now.head.note().to_owned(),
        };
        let mut manifest = Manifest::new(stamp, ledger, items);
        manifest.files = files;
        let bytes = manifest.to_bytes();
        let signature = self.parts.keyring.sign(&bytes);
        self.copier.put(&unfinished.join(SIGNATURE), &signature, 0o600)?;
        self.copier.put(&unfinished.join(MANIFEST), &bytes, 0o600)?;
        self.copier.sync_folder(&unfinished.join("keys"))?;
        self.copier.sync_folder(&unfinished)?;
        let home = states.join(number.to_string());
        self.copier.disk.rename_new(&unfinished, &home).doing("rename into", &home)?;
        self.copier.sync_folder(&states)?;
        Ok(Made {
            folder: self.folder.path().to_owned(),
            number,
            made,
            entries: self.now.head.head().size,
            items: manifest.items,
            copied_files: self.copier.copied().files,
            copied_bytes: self.copier.copied().bytes,
        })
    }

    fn put(&self, state: &Path, name: &str, bytes: &[u8]) -> Result<Listed, Error> {
        self.copier.put(&state.join(name), bytes, 0o600)?;
        let sha256 = Sha256(Hasher::digest(bytes).into());
        Ok(Listed { bytes: bytes.len() as u64, path: name.to_owned(), sha256 })
    }

    fn documents(&self, state: &Path) -> Result<Vec<Listed>, Error> {
        let documents = (self.parts.documents)().doing("read the settings for", self.folder.path())?;
        documents.iter().map(|document| self.put(state, document.name, &document.bytes)).collect()
    }

    fn keys(&self, state: &Path, made: Moment) -> Result<Vec<Listed>, Error> {
        let keyring = &self.parts.keyring;
        self.copier.folder(&state.join("keys"))?;
        let mut files = Vec::new();
        for name in keyring.public_files() {
            let path = keyring.folder().join(&name);
            let bytes = std::fs::read(&path).doing("read", &path)?;
            files.push(self.put(state, &format!("keys/{name}"), &bytes)?);
        }
        // P5: sealed to people; no secret lies in clear on a disk that may be carried away.
        let sealed = keyring.seal_node_secrets(made, &*self.parts.entropy).map_err(Error::OwnKeys)?;
        files.push(self.put(state, &format!("keys/{NODE_SECRETS_FILE}"), &sealed)?);
        Ok(files)
    }

    /// Goes over the copied ledger, which proves it whole, and copies what it speaks of.
    fn items(
        &mut self,
        extent: Extent,
        state: &Path,
    ) -> Result<(Option<Listed>, Option<ItemsListed>), Error> {
        let trust = Trust {
            archive: self.parts.keyring.archive(),
            heads: self.parts.keyring.head_publics(),
            contents: Contents::Whole,
        };
        let files = self.now.files.clone();
        let at: (&Path, &[(LedgerIndex, u64)]) = (&self.folder.ledger(), &files);
        let living = match extent {
            Extent::Books => Living::default(),
            Extent::Items => Living::at_the_end(at, &trust)?,
        };
        let mut sums = match extent {
            Extent::Books => None,
            Extent::Items => Some(Sums::begin(&state.join(SUMS), &self.copier)?),
        };
        let counts = self.parts.catalog.counts()?;
        let (mut seen, of) = (0, counts.items + counts.derivatives);
        let end = replay(at, &trust, &mut |entry| {
            self.copier.heed()?;
            let (Some(stored), Some(sums)) = (living.stored(entry), &mut sums) else { return Ok(()) };
            self.item(&stored, sums)?;
            seen += 1;
            let bytes_read = self.copier.copied().bytes;
            match (self.tell)(Progress { items: seen, of: of.max(seen), bytes_read }) {
                ControlFlow::Continue(()) => Ok(()),
                ControlFlow::Break(()) => Err(Error::Stopped),
            }
        })?;
        if end.head.as_ref() != Some(&self.now.head) || end.torn.is_some() {
            return Err(Error::damaged(&self.folder.ledger(), "it does not end with the archive's head"));
        }
        let Some(sums) = sums else { return Ok((None, None)) };
        self.copier.sync_shelves(&self.folder.shelves())?;
        self.copier.sync_folder(&self.folder.path().join("vault"))?;
        self.copier.sync_folder(self.folder.path())?;
        let (listed, items) = sums.end()?;
        Ok((Some(listed), Some(items)))
    }

    fn item(&self, stored: &Stored, sums: &mut Sums) -> Result<(), Error> {
        let copied = self.copy_sealed(stored)?.or(self.copy_keys(stored)?);
        match copied {
            None => sums.list(stored),
            Some(damage) => {
                tracing::error!(item.id = %stored.item, code = %damage, "damaged; it is not in this backup");
                if let Some(row) = self.parts.catalog.item(stored.item)? {
                    self.parts.audit.look_at_copies(&Record::from(&row))?;
                }
                let code = damage.code().to_owned();
                sums.items.missing.push(Missing { code, item: stored.item });
                Ok(())
            }
        }
    }

    /// What keeps the sealed file from being copied, if anything does.
    fn copy_sealed(&self, stored: &Stored) -> Result<Option<Damage>, Error> {
        let to = self.folder.path().join(sealed_name(stored.role, stored.item));
        if std::fs::metadata(&to).is_ok_and(|there| there.len() == stored.sealed_size) {
            return Ok(None);
        }
        let mut damage = Damage::SealedMissing;
        for place in self.parts.evidence.vault().places() {
            let from = place.sealed(stored.role, stored.item);
            let mut file = match std::fs::File::open(&from) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(_) => {
                    damage = Damage::SealedUnreadable;
                    continue;
                }
                Ok(file) => file,
            };
            match self.copy((&mut file, &from), &to, stored.sealed_sha256) {
                Ok(Copied::Whole) => return Ok(None),
                Ok(Copied::OtherBytes) => damage = Damage::SealedAltered,
                Err(Error::Disk { path, .. }) if path == from => damage = Damage::SealedUnreadable,
                Err(error) => return Err(error),
            }
        }
        Ok(Some(damage))
    }

    fn copy_keys(&self, stored: &Stored) -> Result<Option<Damage>, Error> {
        let (role, item, generation) = (stored.role, stored.item, stored.generation);
        let to = self.folder.path().join(keys_name((role, item), generation));
        if to.is_file() {
            return Ok(None);
        }
        let mut damage = Damage::KeysMissing;
        for place in self.parts.evidence.vault().places() {
            let Ok(bytes) = place.read_keys(role, item, generation) else { continue };
            let from = place.keys(role, item, generation);
            match self.copy((&mut bytes.as_slice(), &from), &to, stored.keys_sha256)? {
                Copied::Whole => return Ok(None),
                Copied::OtherBytes => damage = Damage::KeysAltered,
            }
        }
        Ok(Some(damage))
    }

    fn copy(
        &self,
        source: (&mut dyn std::io::Read, &Path),
        to: &Path,
        wanted: Sha256,
    ) -> Result<Copied, Error> {
        let folder = to.parent().unwrap_or(to);
        self.copier.folder(folder)?;
        let beside = self.folder.unfinished().join(to.file_name().unwrap_or_default());
        self.copier.copy(source, &Way { beside: &beside, to, mode: 0o400 }, wanted)
    }

    /// Removes the oldest states beyond those that stay.
    fn prune(&self) -> Result<(), Error> {
        let numbers = self.folder.numbers()?;
        let states = self.folder.states();
        for number in numbers.iter().take(numbers.len().saturating_sub(KEPT)) {
            // Renamed first: a state is there whole or not at all.
            let (name, gone) = (states.join(number.to_string()), states.join(format!(".{number}.old")));
            self.copier.disk.rename_new(&name, &gone).doing("rename", &name)?;
            self.copier.remove_folder(&gone)?;
        }
        self.copier.sync_folder(&states)
    }
}

/// The list of items, while it is written.
struct Sums {
    file: BufWriter<DurableFile>,
    path: PathBuf,
    hasher: Hasher,
    length: u64,
    items: ItemsListed,
}

impl Sums {
    fn begin(path: &Path, copier: &Copier<'_>) -> Result<Self, Error> {
        let file = copier.disk.create_new(path, 0o600).doing("create", path)?;
        Ok(Self {
            file: BufWriter::new(file),
            path: path.to_owned(),
            hasher: Hasher::new(),
            length: 0,
            items: ItemsListed::default(),
        })
    }

    fn list(&mut self, stored: &Stored) -> Result<(), Error> {
        for (name, sha256) in files_of(stored) {
            let line = format!("{sha256}  {name}\n");
            self.file.write_all(line.as_bytes()).doing("write", &self.path)?;
            self.hasher.update(line.as_bytes());
            self.length += line.len() as u64;
            self.items.files += 1;
        }
        self.items.bytes += stored.sealed_size;
        Ok(())
    }

    fn end(self) -> Result<(Listed, ItemsListed), Error> {
        let Self { file, path, hasher, length, items } = self;
        let file = file.into_inner().map_err(std::io::IntoInnerError::into_error).doing("write", &path)?;
        file.sync().doing("sync", &path)?;
        let sha256 = Sha256(hasher.finalize().into());
        Ok((Listed { bytes: length, path: SUMS.to_owned(), sha256 }, items))
    }
}

impl Backups {
    /// When the newest state in a folder was made; nothing where there is none that is whole.
    #[must_use]
    pub fn newest_in(folder: &Path) -> Option<Moment> {
        State::find(folder, None).ok().map(|state| state.manifest().made)
    }

    pub(super) fn standing_now(&self) -> std::sync::MutexGuard<'_, super::Standing> {
        self.0.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
