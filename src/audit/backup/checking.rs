//! Checking a backup alone, without the home it was made of. FORMAT.md, section 4.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::copying::{digest, open_regular};
use super::error::{Doing as _, Error};
use super::folder::{State, files_of};
use super::making::{SUMS, Tell};
use super::walk::{Living, Stored, replay};
use crate::audit::{Progress, Verdict};
use crate::ledger::{Entry, SignedHead, sheet_name};
use crate::model::{Act, ArchiveId, Epoch, KeyId, LedgerIndex, Moment, Sha256};
use crate::seal::{self, Role};

/// Faults that are told one by one; a backup with more is beyond lists.
const MOST_FAULTS: usize = 10_000;

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The answer.
    pub result: Verdict,
    /// Whose backup it is.
    pub archive: ArchiveId,
    /// The root that everything was checked against: compare it with the paper.
    pub root: KeyId,
    /// Which state.
    pub number: super::StateNumber,
    /// When it was made.
    pub made: Moment,
    /// The head that it was taken at: entries under it, and the root of their tree.
    pub head: SignedHead,
    /// The ledger's epoch.
    pub epoch: Epoch,
    /// The items.
    pub items: InBackup,
    /// Bytes read.
    pub bytes_read: u64,
    /// Everything that is wrong or could not be looked at.
    pub faults: Vec<Fault>,
}

/// The items of a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InBackup {
    /// They are not in it.
    No,
    /// They are, and were looked at.
    Yes {
        /// Originals.
        originals: u64,
        /// Derivatives.
        derivatives: u64,
    },
}

/// One thing that is wrong, or could not be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The file, relative to the backup.
    pub path: String,
    /// What, as a stable code: `missing`, `altered`, `unreadable`, `not_listed`, `damaged_ledger`, `other_root`.
    pub code: &'static str,
}

/// A key file has at most five layers of about 1.2 kB; a longer file is none.
const KEYS_LIMIT: u64 = 64 * 1024;

/// A line of `SHA256SUMS` has two hundred bytes at most.
const LINE_LIMIT: u64 = 512;

/// Could not be read: nothing is known to be wrong.
const UNREADABLE: &str = "unreadable";

/// Checks a state whole: its files, its ledger, and the items where they are in it.
///
/// # Errors
/// [`Error::Stopped`] where whoever listens breaks off; what is wrong is no error but a fault.
pub fn check(state: &State, tell: &mut Tell<'_>) -> Result<Checked, Error> {
    let mut work = Work {
        state,
        tell,
        bytes_read: 0,
        faults: Vec::new(),
        living: Living::default(),
        originals: 0,
        derivatives: 0,
    };
    work.files();
    work.ledger()?;
    let manifest = state.manifest();
    let items = match manifest.items {
        None => InBackup::No,
        Some(_) => InBackup::Yes { originals: work.originals, derivatives: work.derivatives },
    };
    let result = match (work.faults.is_empty(), work.faults.iter().all(|fault| fault.code == UNREADABLE)) {
        (true, _) => Verdict::Pass,
        (false, true) => Verdict::NotChecked,
        (false, false) => Verdict::Fail,
    };
    Ok(Checked {
        result,
        archive: manifest.archive,
        root: manifest.root,
        number: manifest.number,
        made: manifest.made,
        head: manifest.signed_head()?,
        epoch: manifest.epoch,
        items,
        bytes_read: work.bytes_read,
        faults: work.faults,
    })
}

struct Work<'a, 't> {
    state: &'a State,
    tell: &'a mut Tell<'t>,
    bytes_read: u64,
    faults: Vec<Fault>,
    living: Living,
    originals: u64,
    derivatives: u64,
}

impl Work<'_, '_> {
    fn note(&mut self, path: impl Into<String>, code: &'static str) {
        if self.faults.len() < MOST_FAULTS {
            self.faults.push(Fault { path: path.into(), code });
        }
    }

    /// Compares a file, or the beginning of one, with what it should be.
    fn compare(&mut self, name: String, (path, limit): (&Path, u64), wanted: (Sha256, u64)) {
        match digest(path, limit) {
            Ok(found) => {
                self.bytes_read += found.1;
                if found != wanted {
                    self.note(name, "altered");
                }
            }
            Err(error) => self.note(name, code_of(&error)),
        }
    }

    fn files(&mut self) {
        let manifest = self.state.manifest();
        for file in &manifest.files {
            let name = format!("states/{}/{}", manifest.number, file.path);
            if !is_plain(&file.path) {
                self.note(name, "altered");
                continue;
            }
            let path = self.state.file(&file.path);
            // One more: a longer file is another one.
            self.compare(name, (&path, file.bytes.saturating_add(1)), (file.sha256, file.bytes));
        }
        for sheet in &manifest.ledger {
            let path = self.state.folder().sheet(sheet.first);
            let name = format!("ledger/{}", sheet_name(sheet.first));
            self.compare(name, (&path, sheet.bytes), (sheet.sha256, sheet.bytes));
        }
    }

    /// Replays the ledger, and looks at each item as its entry comes by.
    fn ledger(&mut self) -> Result<(), Error> {
        let manifest = self.state.manifest();
        let files: Vec<(LedgerIndex, u64)> =
            manifest.ledger.iter().map(|sheet| (sheet.first, sheet.bytes)).collect();
        let folder = self.state.folder().ledger();
        let mut sums = match &manifest.items {
            None => None,
            // A list that does not open is among the files of the state, and was noted with them.
            Some(_) => List::open(&self.state.file(SUMS)).ok(),
        };
        let trust = self.state.trust();
        let head = manifest.signed_head()?;
        // A ledger that cannot be read is told below.
        self.living = Living::at_the_end((&folder, &files), &trust).unwrap_or_default();
        let end = replay((&folder, &files), &trust, &mut |entry| self.entry(entry, sums.as_mut()));
        match end {
            Ok(end) if end.head.as_ref() == Some(&head) && end.torn.is_none() => {
                if let Some(mut sums) = sums
                    && sums.next()?.is_some()
                {
                    self.note(SUMS, "altered");
                }
            }
            Ok(_) => self.note("ledger", "damaged_ledger"),
            Err(Error::Ledger(error)) if error.is_integrity() => self.note("ledger", "damaged_ledger"),
            Err(Error::Ledger(_)) => self.note("ledger", UNREADABLE),
            Err(Error::Disk { path, source, .. }) => {
                let code = code_of(&source);
                self.note(path.display().to_string(), code);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn entry(&mut self, entry: &Entry, sums: Option<&mut List>) -> Result<(), Error> {
        let root = match entry.content().map(|content| &content.act) {
            Some(Act::ArchiveMade(made)) => Some(made.root),
            Some(Act::EpochBegun(begun)) => Some(begun.root),
            _ => None,
        };
        if root.is_some_and(|root| root != self.state.manifest().root) {
            self.note("ledger", "other_root");
        }
        let (Some(stored), Some(sums)) = (self.living.stored(entry), sums) else { return Ok(()) };
        self.item(&stored, sums)?;
        match stored.role {
            Role::Original => self.originals += 1,
            Role::Derivative => self.derivatives += 1,
        }
        let items = self.originals + self.derivatives;
        match (self.tell)(Progress { items, of: items, bytes_read: self.bytes_read }) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::Stopped),
        }
    }

    fn item(&mut self, stored: &Stored, sums: &mut List) -> Result<(), Error> {
        let [sealed, keys] = files_of(stored);
        let mut is_listed = true;
        for (name, sha256) in [&sealed, &keys] {
            is_listed = is_listed && sums.has(&format!("{sha256}  {name}\n"))?;
        }
        if !is_listed {
            self.note(sealed.0, "not_listed");
            return Ok(());
        }
        let path = self.state.folder().path().join(&sealed.0);
        match self.look_at(&path) {
            Ok(found) if found == stored.sealed_sha256 => {}
            Ok(_) => self.note(sealed.0, "altered"),
            Err(code) => self.note(sealed.0, code),
        }
        let path = self.state.folder().path().join(&keys.0);
        match digest(&path, KEYS_LIMIT) {
            Ok((found, length)) => {
                self.bytes_read += length;
                if found != keys.1 {
                    self.note(keys.0, "altered");
                }
            }
            Err(error) => self.note(keys.0, code_of(&error)),
        }
        Ok(())
    }

    /// Reads a sealed file whole; its digest where it is one.
    fn look_at(&mut self, path: &Path) -> Result<Sha256, &'static str> {
        let mut file = open_regular(path).map_err(|error| code_of(&error))?;
        let length = file.metadata().map_err(|error| code_of(&error))?.len();
        let certificates = self.state.certificates();
        let checked = seal::check(&mut file, length, &|signer, message, signature| {
            certificates.verify(signer, message, signature)
        });
        match checked {
            Ok(checked) => {
                self.bytes_read += checked.bytes_read();
                Ok(checked.sealed_sha256())
            }
            Err(seal::Error::Read { .. }) => Err(UNREADABLE),
            Err(_) => {
                self.bytes_read += length;
                Err("altered")
            }
        }
    }
}

fn code_of(error: &io::Error) -> &'static str {
    if error.kind() == io::ErrorKind::NotFound { "missing" } else { UNREADABLE }
}

/// Whether a path stays beneath the folder that it is relative to.
fn is_plain(path: &str) -> bool {
    !path.is_empty() && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// `SHA256SUMS`, read along with the ledger. A line that is left out belongs to an item that was damaged when the
/// backup was made.
struct List {
    file: BufReader<File>,
    path: PathBuf,
    ahead: Option<Vec<u8>>,
}

impl List {
    fn open(path: &Path) -> Result<Self, Error> {
        let file = open_regular(path).doing("open", path)?;
        Ok(Self { file: BufReader::new(file), path: path.to_owned(), ahead: None })
    }

    /// The next line with its end; nothing at the end of the list. A longer line than any of ours is cut, and fits
    /// nothing.
    fn next(&mut self) -> Result<Option<&[u8]>, Error> {
        if self.ahead.is_none() {
            let mut line = Vec::new();
            let mut bounded = (&mut self.file).take(LINE_LIMIT);
            bounded.read_until(b'\n', &mut line).doing("read", &self.path)?;
            self.ahead = Some(line).filter(|line| !line.is_empty());
        }
        Ok(self.ahead.as_deref())
    }

    /// Whether this line comes next; it is then taken.
    fn has(&mut self, line: &str) -> Result<bool, Error> {
        let is_next = self.next()? == Some(line.as_bytes());
        if is_next {
            self.ahead = None;
        }
        Ok(is_next)
    }
}
