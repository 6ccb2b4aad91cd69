//! Reading ledger files again, line by line: every line is checked before it is handed on.

use std::io::BufRead;

use crate::model::{Act, ArchiveId, Epoch, EpochBegun, LedgerIndex};

use super::sheet::Sheet;
use super::{Entry, Error, Hash, Line, Node, SignedHead, Tree, origin, sheet_name};

/// Whom and what a replay believes.
#[derive(Debug, Clone)]
pub struct Trust {
    /// The archive whose ledger it is.
    pub archive: ArchiveId,
    /// The public head keys of the archive, retired ones included.
    pub heads: Vec<[u8; 32]>,
    /// Whether every entry must bring its content.
    pub contents: Contents,
}

/// Whether contents may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contents {
    /// Every entry has its content. What an archive asks of its own ledger: version 1 knows no act that
    /// drops one.
    Whole,
    /// Contents may have been dropped. What a stranger asks of a published tree.
    MayBeDropped,
}

/// What a replay found; each was checked, an entry against its place, a head against all entries before it.
#[derive(Debug, Clone, Copy)]
pub enum Step<'a> {
    /// The next entry. Until a head follows it may be part of a torn tail, and its effects must be undone.
    Entry {
        /// The entry.
        entry: &'a Entry,
        /// The hashes that became complete with it; the first is its leaf.
        nodes: &'a [Node],
    },
    /// A head over everything so far: what came before it is settled.
    Head(&'a SignedHead),
}

/// Where a replay begins that does not begin at the first entry: after a head, at the start of a file.
#[derive(Debug, Clone)]
pub struct Resume {
    /// The tree under that head.
    pub tree: Tree,
    /// The epoch of that head.
    pub epoch: Epoch,
}

/// How the ledger ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// The tree under the last head.
    pub tree: Tree,
    /// The epoch; nothing in a ledger without a head.
    pub epoch: Option<Epoch>,
    /// The last head that was read; nothing where none was.
    pub head: Option<SignedHead>,
    /// What an interrupted write left behind it.
    pub torn: Option<Torn>,
}

/// What stands after the last head: it was never acknowledged, and is cut off before anything is appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Torn {
    /// The index in the file's name.
    pub first: LedgerIndex,
    /// The length to cut the file to, in bytes.
    pub keep: u64,
    /// How many bytes go; 0 for a new file that nothing was written to.
    pub bytes: u64,
    /// How many whole entries are among them.
    pub entries: u64,
}

/// A check of one ledger, file after file, in one pass and in bounded memory.
#[derive(Debug)]
pub struct Replay<'t> {
    trust: &'t Trust,
    tree: Tree,
    epoch: Option<Epoch>,
    covered: Tree,
    covered_epoch: Option<Epoch>,
    head: Option<SignedHead>,
    torn: Option<Torn>,
}

impl<'t> Replay<'t> {
    /// From the first entry.
    #[must_use]
    pub fn new(trust: &'t Trust) -> Self {
        Self::at(trust, Tree::new(), None)
    }

    /// From the start of a later file.
    #[must_use]
    pub fn resume(trust: &'t Trust, from: Resume) -> Self {
        Self::at(trust, from.tree, Some(from.epoch))
    }

    fn at(trust: &'t Trust, tree: Tree, epoch: Option<Epoch>) -> Self {
        let (covered, covered_epoch) = (tree.clone(), epoch);
        Self { trust, tree, epoch, covered, covered_epoch, head: None, torn: None }
    }

    /// Reads one file to its end. Files are given in the order of their names, and all of them.
    ///
    /// # Errors
    /// [`Error::Damaged`] with file, line and cause; [`Error::Unreadable`]; whatever `on_step` returns. After
    /// an error the replay is over.
    pub fn read_file<E: From<Error>>(
        &mut self,
        first: LedgerIndex,
        reader: &mut dyn BufRead,
        on_step: &mut dyn FnMut(Step<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut sheet = Sheet::new(reader);
        let outcome = self.read_sheet(first, &mut sheet, on_step);
        outcome.map_err(|trouble| match trouble {
            Trouble::Found(error) => E::from(sheet.locate(&sheet_name(first), error)),
            Trouble::Caller(error) => error,
        })
    }

    fn read_sheet<E>(
        &mut self,
        first: LedgerIndex,
        sheet: &mut Sheet<'_>,
        on_step: &mut dyn FnMut(Step<'_>) -> Result<(), E>,
    ) -> Result<(), Trouble<E>> {
        self.begin(first)?;
        let mut keep = 0;
        while let Some(line) = sheet.next_line()? {
            match Line::parse(line)? {
                Line::Entry(entry) => self.take_entry(&entry, on_step)?,
                Line::Head { head, after } => {
                    self.follows(after)?;
                    self.take_head(head, on_step)?;
                    keep = sheet.offset();
                }
            }
        }
        self.end(first, keep, sheet.length()?);
        Ok(())
    }

    fn begin(&self, first: LedgerIndex) -> Result<(), Error> {
        if let Some(torn) = &self.torn {
            return Err(Error::OpenEnd { file: sheet_name(torn.first) });
        }
        if first.0 != self.tree.size() {
            return Err(Error::WrongFile { wanted: self.tree.size(), named: first.0 });
        }
        Ok(())
    }

    fn take_entry<E>(
        &mut self,
        entry: &Entry,
        on_step: &mut dyn FnMut(Step<'_>) -> Result<(), E>,
    ) -> Result<(), Trouble<E>> {
        if entry.index().0 != self.tree.size() {
            let (wanted, found) = (self.tree.size(), entry.index().0);
            return Err(Error::WrongIndex { wanted, found }.into());
        }
        self.epoch = Some(self.epoch_after(entry)?);
        let nodes = self.tree.append(entry.leaf());
        on_step(Step::Entry { entry, nodes: &nodes }).map_err(Trouble::Caller)
    }

    /// The epoch once this entry is in: the first begins with the archive, a later one by its own entry.
    fn epoch_after(&self, entry: &Entry) -> Result<Epoch, Error> {
        let missing = || Error::ContentMissing(entry.kind().to_owned());
        let act = match (entry.content(), self.trust.contents) {
            (Some(content), _) => Some(&content.act),
            (None, Contents::Whole) => return Err(missing()),
            (None, Contents::MayBeDropped) => None,
        };
        match (act, self.epoch) {
            (Some(Act::ArchiveMade(made)), None) => self.ours(made.archive).map(|()| Epoch(1)),
            (Some(Act::ArchiveMade(_)), Some(_)) => Err(Error::MadeTwice),
            (Some(Act::EpochBegun(begun)), current) => {
                self.ours(begun.archive)?;
                self.goes_on_from(begun)?;
                // A ledger that was begun anew comes after one that is gone: at least epoch 2.
                let (current, found) = (current.unwrap_or(Epoch(1)), begun.epoch);
                if found > current { Ok(found) } else { Err(Error::WrongEpoch { current, found }) }
            }
            (None, _) if ["archive_made", "epoch_begun"].contains(&entry.kind()) => Err(missing()),
            (_, None) => Err(Error::WrongBeginning(entry.kind().to_owned())),
            (_, Some(current)) => Ok(current),
        }
    }

    /// Exactly the beginning after a restore names the head that stands right before it.
    fn goes_on_from(&self, begun: &EpochBegun) -> Result<(), Error> {
        let follows = match (begun.because == EpochBegun::RESTORED, &begun.after) {
            (false, None) => true,
            (true, Some(old)) => {
                old.size > 0
                    && old.size == self.tree.size()
                    && old.size == self.covered.size()
                    && Hash(old.root.0) == self.tree.root()
            }
            (true, None) | (false, Some(_)) => false,
        };
        if follows { Ok(()) } else { Err(Error::WrongOldHead) }
    }

    fn ours(&self, archive: ArchiveId) -> Result<(), Error> {
        if archive == self.trust.archive { Ok(()) } else { Err(Error::WrongArchive) }
    }

    fn follows(&self, after: u64) -> Result<(), Error> {
        let last = self.covered.size();
        if after == last { Ok(()) } else { Err(Error::HeadMissing { after, last }) }
    }

    fn take_head<E>(
        &mut self,
        head: SignedHead,
        on_step: &mut dyn FnMut(Step<'_>) -> Result<(), E>,
    ) -> Result<(), Trouble<E>> {
        self.check_head(&head)?;
        self.covered = self.tree.clone();
        self.covered_epoch = self.epoch;
        on_step(Step::Head(&head)).map_err(Trouble::Caller)?;
        self.head = Some(head);
        Ok(())
    }

    fn check_head(&self, signed: &SignedHead) -> Result<(), Error> {
        let head = signed.head();
        let wanted = origin(self.trust.archive, self.epoch.unwrap_or_default());
        if head.origin != wanted {
            return Err(Error::WrongOrigin { wanted, found: head.origin.clone() });
        }
        let size = head.size;
        if size != self.tree.size() {
            return Err(Error::WrongHeadSize { said: size, counted: self.tree.size() });
        }
        if size == self.covered.size() {
            return Err(Error::IdleHead { size });
        }
        if head.root != self.tree.root() {
            return Err(Error::WrongRoot { size });
        }
        signed.verify(&self.trust.heads)
    }

    fn end(&mut self, first: LedgerIndex, keep: u64, length: u64) {
        let entries = self.tree.size() - self.covered.size();
        if keep == 0 || keep != length {
            self.torn = Some(Torn { first, keep, bytes: length - keep, entries });
        }
    }

    /// After the last file. `acknowledged` is how many entries are known from elsewhere to have been
    /// acknowledged, for instance by the catalog: a ledger that ends before them was rolled back. 0 where
    /// nothing is known.
    ///
    /// # Errors
    /// [`Error::RolledBack`].
    pub fn finish(self, acknowledged: u64) -> Result<End, Error> {
        let size = self.covered.size();
        if size < acknowledged {
            return Err(Error::RolledBack { size, acknowledged });
        }
        Ok(End { tree: self.covered, epoch: self.covered_epoch, head: self.head, torn: self.torn })
    }
}

/// Whose error ends the reading of a file.
enum Trouble<E> {
    Found(Error),
    Caller(E),
}

impl<E> From<Error> for Trouble<E> {
    fn from(error: Error) -> Self {
        Self::Found(error)
    }
}

#[cfg(test)]
mod tests;
