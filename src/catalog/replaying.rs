//! Bringing the view up to what the ledger files say: at every start, in a rebuild, and after a commit
//! that SQLite refused.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension as _};

use super::apply::{apply, apply_head, apply_length};
use super::columns::Unsigned;
use super::nodes::Stored;
use super::{Error, ask, books};
use crate::ledger::{self, Entry, Node, Replay, Resume, SignedHead, Step, Tree, Trust, sheet_name};
use crate::model::{Epoch, LedgerIndex};
use crate::sys;

/// Entries in one transaction of a long replay; it is committed at the next head.
const ENTRIES_AT_ONCE: u64 = 2_000;

/// Bytes read at once.
const BUFFER: usize = 64 * 1024;

/// What is needed to replay.
pub(super) struct Sources<'a> {
    pub(super) folder: &'a Path,
    pub(super) database: &'a Path,
    pub(super) disk: &'a sys::Disk,
    pub(super) trust: &'a Trust,
}

/// Where the ledger ends, and the view with it.
pub(super) struct Reached {
    pub(super) tree: Tree,
    pub(super) epoch: Epoch,
    pub(super) head: SignedHead,
    /// The newest file, and how long it is without what an interrupted write left.
    pub(super) end: (LedgerIndex, u64),
}

/// Checks the newest ledger file whole, and every older one by name and length; applies the entries that
/// the view does not have yet.
///
/// # Errors
/// [`Error::NoLedger`]; [`Error::Ledger`], [`Error::Differs`] and [`Error::BrokenFile`] where the ledger is
/// not what it was; [`Error::Unappliable`].
pub(super) fn catch_up(sources: &Sources<'_>, db: &Connection) -> Result<Reached, Error> {
    let reached = go_over(sources, db);
    let undone = if db.is_autocommit() { Ok(()) } else { db.execute_batch("ROLLBACK") };
    let reached = reached?;
    undone.map_err(Error::database("roll back"))?;
    Ok(reached)
}

fn go_over(sources: &Sources<'_>, db: &Connection) -> Result<Reached, Error> {
    let files = books::list(sources.folder)?;
    let size = applied(db)?;
    let from = first_to_read(&files, size);
    let next = files.get(from).copied();
    check_older(sources, db, (&files[..from], next))?;
    let mut replay = begin(sources, db, next)?;
    let mut view = View { db, sources, applied: size, group: Vec::new(), uncommitted: 0 };
    let mut end = None;
    for first in &files[from..] {
        end = Some((*first, view.read(&mut replay, *first)?));
    }
    let ledger::End { tree, epoch, head, torn } = replay.finish(size)?;
    let (Some(epoch), Some(head), Some(mut end)) = (epoch, head, end) else {
        return Err(Error::NoLedger { path: sources.folder.to_owned() });
    };
    if let Some(torn) = torn {
        end.1 = torn.keep;
    }
    view.note_length(end)?;
    view.commit()?;
    Ok(Reached { tree, epoch, head, end })
}

/// Reads every ledger file from its beginning, without a view.
///
/// # Errors
/// As [`catch_up`], and where the ledger holds fewer than `known` entries.
pub(super) fn check_whole(sources: &Sources<'_>, known: u64) -> Result<(), Error> {
    let mut replay = Replay::new(sources.trust);
    for first in books::list(sources.folder)? {
        let path = sources.folder.join(sheet_name(first));
        let file = File::open(&path).map_err(Error::io("open", &path))?;
        let mut reader = BufReader::with_capacity(BUFFER, file);
        replay.read_file(first, &mut reader, &mut |_| Ok::<_, Error>(()))?;
    }
    replay.finish(known)?;
    Ok(())
}

/// How many entries the view has.
pub(super) fn applied(db: &Connection) -> Result<u64, Error> {
    db.query_row("SELECT coalesce(max(idx) + 1, 0) FROM entries", [], |row| row.get(0))
        .map(|Unsigned(size)| size)
        .map_err(Error::database("read how far it is"))
}

/// The place of the first file to read: the last one that begins before the view's end, so that at least
/// one head is read.
fn first_to_read(files: &[LedgerIndex], size: u64) -> usize {
    files.iter().rposition(|first| first.0 < size).unwrap_or(0)
}

/// Whether the ledger holds nothing that anybody was told of: one file without a whole head.
pub(super) fn is_unborn(sources: &Sources<'_>, files: &[LedgerIndex]) -> Result<bool, Error> {
    let [first @ LedgerIndex(0)] = files else { return Ok(false) };
    let path = sources.folder.join(sheet_name(*first));
    let file = File::open(&path).map_err(Error::io("open", &path))?;
    let mut replay = Replay::new(sources.trust);
    replay.read_file(*first, &mut BufReader::with_capacity(BUFFER, file), &mut |_| Ok::<_, Error>(()))?;
    Ok(replay.finish(0)?.head.is_none())
}

/// The files that are not read, and the first one that is.
type Split<'a> = (&'a [LedgerIndex], Option<LedgerIndex>);

fn begin<'t>(
    sources: &Sources<'t>,
    db: &Connection,
    first: Option<LedgerIndex>,
) -> Result<Replay<'t>, Error> {
    let Some(first) = first.filter(|first| first.0 > 0) else {
        return Ok(Replay::new(sources.trust));
    };
    let epoch: Option<u32> = db
        .query_row("SELECT epoch FROM ledger_files WHERE first = ?1", [first], |row| row.get(0))
        .optional()
        .map_err(Error::database("read its ledger files"))?;
    let Some(epoch) = epoch else {
        let path = sources.folder.join(sheet_name(first));
        return Err(Error::BrokenFile { path, what: "was never part of the ledger".to_owned() });
    };
    let tree = Stored::with(db, |nodes| Tree::restore(first.0, nodes))?;
    Ok(Replay::resume(sources.trust, Resume { tree, epoch: Epoch(epoch) }))
}

/// Files before the first one that is read must be the ones that were applied, and as long as they were.
fn check_older(sources: &Sources<'_>, db: &Connection, (older, next): Split<'_>) -> Result<(), Error> {
    let Some(next) = next else { return Ok(()) };
    let known: Vec<(LedgerIndex, u64)> =
        ask(db, "SELECT first, bytes FROM ledger_files WHERE first < ?1 ORDER BY first", [next], |row| {
            Ok((row.get(0)?, row.get::<_, Unsigned>(1)?.0))
        })?;
    let broken = |first: LedgerIndex, what: String| {
        Err(Error::BrokenFile { path: sources.folder.join(sheet_name(first)), what })
    };
    let is_known = |first: &LedgerIndex| known.binary_search_by_key(first, |(known, _)| *known).is_ok();
    if let Some(stranger) = older.iter().find(|first| !is_known(first)) {
        return broken(*stranger, "was never part of the ledger".to_owned());
    }
    for (first, bytes) in known {
        if older.binary_search(&first).is_err() {
            return broken(first, "is missing".to_owned());
        }
        let path = sources.folder.join(sheet_name(first));
        let length = path.metadata().map_err(Error::io("look at", &path))?.len();
        if length != bytes {
            return broken(first, format!("has {length} bytes and had {bytes}"));
        }
    }
    Ok(())
}

/// The view while a replay goes over it.
struct View<'a> {
    db: &'a Connection,
    sources: &'a Sources<'a>,
    /// Entries the view has.
    applied: u64,
    /// Entries that no head covers yet. Without one they are a torn tail and are never applied. As long as
    /// the longest group that was written at once.
    group: Vec<(Entry, Vec<Node>)>,
    /// Entries applied in the open transaction.
    uncommitted: u64,
}

impl View<'_> {
    /// Reads one file and returns its length.
    fn read(&mut self, replay: &mut Replay<'_>, first: LedgerIndex) -> Result<u64, Error> {
        let path = self.sources.folder.join(sheet_name(first));
        let file = File::open(&path).map_err(Error::io("open", &path))?;
        let length = file.metadata().map_err(Error::io("look at", &path))?.len();
        if first.0 >= self.applied {
            self.note_length((first, 0))?;
        }
        let mut reader = BufReader::with_capacity(BUFFER, file);
        replay.read_file(first, &mut reader, &mut |step| self.take(step))?;
        self.note_length((first, length))?;
        Ok(length)
    }

    fn take(&mut self, step: Step<'_>) -> Result<(), Error> {
        match step {
            Step::Entry { entry, .. } if entry.index().0 < self.applied => self.compare(entry),
            Step::Entry { entry, nodes } => {
                self.group.push((entry.clone(), nodes.to_vec()));
                Ok(())
            }
            Step::Head(head) if head.head().size > self.applied => self.apply_group(head),
            Step::Head(_) => Ok(()),
        }
    }

    fn compare(&self, entry: &Entry) -> Result<(), Error> {
        let index = entry.index();
        let leaf = Stored::new(self.db).exactly(0, index.0).map_err(Error::database("read the tree"))?;
        // P10: the same length is not the same ledger.
        if leaf == Some(entry.leaf()) { Ok(()) } else { Err(Error::Differs { index }) }
    }

    fn apply_group(&mut self, head: &SignedHead) -> Result<(), Error> {
        self.start_transaction()?;
        self.uncommitted += head.head().size - self.applied;
        for (entry, nodes) in self.group.drain(..) {
            apply(self.db, &entry, &nodes).map_err(|cause| unappliable(&entry, cause))?;
        }
        apply_head(self.db, head)?;
        self.applied = head.head().size;
        if self.uncommitted >= ENTRIES_AT_ONCE { self.commit() } else { Ok(()) }
    }

    fn note_length(&self, (first, bytes): (LedgerIndex, u64)) -> Result<(), Error> {
        self.start_transaction()?;
        apply_length(self.db, first, bytes)
    }

    fn start_transaction(&self) -> Result<(), Error> {
        if self.db.is_autocommit() {
            self.db.execute_batch("BEGIN IMMEDIATE").map_err(Error::database("begin"))?;
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), Error> {
        let database = self.sources.database;
        self.sources.disk.step(sys::Step::Commit(database)).map_err(Error::io("commit", database))?;
        self.uncommitted = 0;
        self.db.execute_batch("COMMIT").map_err(Error::database("commit"))
    }
}

/// What contradicts the view would have been refused when it was recorded.
fn unappliable(entry: &Entry, cause: Error) -> Error {
    match cause {
        Error::Twice { .. } | Error::Unknown { .. } => {
            Error::Unappliable { index: entry.index(), source: Box::new(cause) }
        }
        other => other,
    }
}
