//! Where the hashes of the Merkle tree are kept: leaves with their entries, and of the subtrees above them
//! every fourth level. The levels between are worked out again from at most eight hashes, which keeps the
//! tree at a fifteenth of what all its nodes would take.

use std::cell::RefCell;

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::Error;
use super::columns::integer;
use crate::ledger::{self, Hash, Node, Nodes};

const EVERY: u8 = 4;

/// Whether a hash is stored, leaves aside.
pub(super) fn is_kept(node: &Node) -> bool {
    node.level > 0 && node.level.is_multiple_of(EVERY)
}

/// Stores those that are kept. Leaves stand with their entries.
pub(super) fn keep(db: &Connection, nodes: &[Node]) -> Result<(), Error> {
    for node in nodes.iter().filter(|node| is_kept(node)) {
        db.prepare_cached("INSERT INTO nodes (level, place, hash) VALUES (?1, ?2, ?3)")
            .and_then(|mut put| put.execute(params![node.level, integer(node.index), node.hash.as_bytes()]))
            .map_err(Error::database("keep the tree"))?;
    }
    Ok(())
}

/// The stored tree, for proofs and for going on after a restart.
pub(super) struct Stored<'a> {
    db: &'a Connection,
    failed: RefCell<Option<rusqlite::Error>>,
}

impl<'a> Stored<'a> {
    pub(super) fn new(db: &'a Connection) -> Self {
        Self { db, failed: RefCell::new(None) }
    }

    /// Runs what needs the tree. A hash that could not be read is told from one that is not there.
    pub(super) fn with<T>(
        db: &'a Connection,
        ask: impl FnOnce(&dyn Nodes) -> Result<T, ledger::Error>,
    ) -> Result<T, Error> {
        let stored = Self::new(db);
        let answer = ask(&stored);
        match stored.failed.into_inner() {
            Some(error) => Err(Error::database("read the tree")(error)),
            None => Ok(answer?),
        }
    }

    /// The stored hash itself, for comparing.
    pub(super) fn exactly(&self, level: u8, index: u64) -> rusqlite::Result<Option<Hash>> {
        let found = |row: &Row<'_>| row.get(0).map(Hash);
        if level == 0 {
            let mut ask = self.db.prepare_cached("SELECT leaf FROM entries WHERE idx = ?1")?;
            ask.query_row([integer(index)], found).optional()
        } else {
            let sql = "SELECT hash FROM nodes WHERE level = ?1 AND place = ?2";
            let mut ask = self.db.prepare_cached(sql)?;
            ask.query_row(params![level, integer(index)], found).optional()
        }
    }
}

impl Nodes for Stored<'_> {
    fn node(&self, level: u8, index: u64) -> Option<Hash> {
        if level.is_multiple_of(EVERY) {
            return self.exactly(level, index).unwrap_or_else(|error| {
                self.failed.replace(Some(error));
                None
            });
        }
        let left = self.node(level - 1, index * 2)?;
        let right = self.node(level - 1, index * 2 + 1)?;
        Some(Hash::of_children(&left, &right))
    }
}
