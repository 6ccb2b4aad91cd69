//! The whole ledger, read from its first byte and compared with the view.

use std::fs::File;
use std::io::{BufReader, Read as _};

use rusqlite::Connection;
use serde::Serialize;

use super::nodes::{Stored, is_kept};
use super::{Catalog, Error, books};
use crate::ledger::{Entry, Node, Replay, Step, sheet_name};
use crate::model::{Epoch, LedgerIndex};

/// Entries between two calls of the listener.
const BETWEEN_NEWS: u64 = 1_000;

/// How far a check is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// Entries checked.
    pub done: u64,
    /// Entries to check.
    pub of: u64,
}

/// What a check that found nothing wrong went over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LedgerReport {
    /// Entries, each in its canonical form and place.
    pub entries: u64,
    /// Heads, each signed and over exactly the entries before it.
    pub heads: u64,
    /// Ledger files.
    pub files: u64,
    /// Bytes read from them.
    pub bytes_read: u64,
    /// The epoch of the last head.
    pub epoch: Epoch,
    /// The root of the tree under the last head.
    pub root: crate::ledger::Hash,
    /// The last head: the whole note.
    pub head: String,
}

impl Catalog {
    /// Reads every ledger file: each line, each place, each head and its signature, and that the view's
    /// tree is the same. What is recorded meanwhile is left for the next time.
    ///
    /// # Errors
    /// The first thing that is wrong, named by file and line; [`Error::is_integrity`].
    pub fn verify_ledger(&self, news: &mut dyn FnMut(Progress)) -> Result<LedgerReport, Error> {
        let reach = self.reach();
        let size = reach.head.head().size;
        let reader = self.reader()?;
        let place = &self.0.place;
        let mut replay = Replay::new(&place.trust);
        let mut check = Check { view: &reader, size, heads: 0, news };
        let (mut files, mut bytes_read) = (0, 0);
        for first in books::list(&place.ledger)?.into_iter().filter(|first| *first <= reach.end.0) {
            let path = place.ledger.join(sheet_name(first));
            let file = File::open(&path).map_err(Error::io("open", &path))?;
            let length = file.metadata().map_err(Error::io("look at", &path))?.len();
            // What is behind the reach is being written just now.
            let length = if first == reach.end.0 { length.min(reach.end.1) } else { length };
            let mut reader = BufReader::new(file.take(length));
            replay.read_file(first, &mut reader, &mut |step| check.take(step))?;
            files += 1;
            bytes_read += length;
        }
        let heads = check.heads;
        let end = replay.finish(size)?;
        let epoch = end.epoch.unwrap_or(reach.epoch);
        Ok(LedgerReport {
            entries: size,
            heads,
            files,
            bytes_read,
            epoch,
            root: reach.head.head().root,
            head: reach.head.note().to_owned(),
        })
    }
}

struct Check<'a> {
    view: &'a Connection,
    size: u64,
    heads: u64,
    news: &'a mut dyn FnMut(Progress),
}

impl Check<'_> {
    fn take(&mut self, step: Step<'_>) -> Result<(), Error> {
        match step {
            Step::Entry { entry, nodes } => self.compare(entry, nodes),
            Step::Head(_) => {
                self.heads += 1;
                Ok(())
            }
        }
    }

    fn compare(&mut self, entry: &Entry, nodes: &[Node]) -> Result<(), Error> {
        let index = entry.index();
        let stored = Stored::new(self.view);
        for node in nodes.iter().filter(|node| node.level == 0 || is_kept(node)) {
            let hash = stored.exactly(node.level, node.index).map_err(Error::database("read the tree"))?;
            if hash != Some(node.hash) {
                return Err(Error::Differs { index });
            }
        }
        let LedgerIndex(done) = index.next();
        if done.is_multiple_of(BETWEEN_NEWS) || done == self.size {
            (self.news)(Progress { done, of: self.size });
        }
        Ok(())
    }
}
