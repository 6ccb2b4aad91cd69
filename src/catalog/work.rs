//! Working tables: what intake keeps in mind between two looks at the world. They may be lost at any
//! time; nothing the archive promises stands in them alone.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::apply::bump;
use super::columns::integer;
use super::{Catalog, Error};
use crate::model::{DepositId, DockName, Generation, ItemId, LedgerIndex, Moment};

/// Queues. Their rows come with entries; after a rebuild they are there again.
impl Catalog {
    /// Deposits whose receipts are to be written, from `after` on, in the order of the ledger. Whoever
    /// writes them passes over receipts that exist.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn receipts_due(
        &self,
        after: Option<LedgerIndex>,
        limit: usize,
    ) -> Result<Vec<(LedgerIndex, DepositId)>, Error> {
        self.ask(
            "SELECT idx, deposit FROM outbox WHERE idx > ?1 ORDER BY idx LIMIT ?2",
            params![behind(after), at_most(limit)],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
    }

    /// A receipt was written. Returns at once; where this is lost the receipt is found written again.
    ///
    /// # Errors
    /// [`Error::Stopped`].
    pub fn receipt_delivered(&self, deposit: DepositId) -> Result<(), Error> {
        self.sometime(move |db| {
            let gone = change(db, "DELETE FROM outbox WHERE deposit = ?1", params![deposit])?;
            bump(db, "outbox", -gone)
        })
    }

    /// Originals without media facts, from `after` on, in the order of the ledger. `media_probed` takes
    /// them off.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn unprobed(
        &self,
        after: Option<LedgerIndex>,
        limit: usize,
    ) -> Result<Vec<(LedgerIndex, ItemId)>, Error> {
        self.ask(
            "SELECT idx, item FROM unprobed WHERE idx > ?1 ORDER BY idx LIMIT ?2",
            params![behind(after), at_most(limit)],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
    }

    /// Whether media facts of an original are still to come.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn is_unprobed(&self, item: ItemId) -> Result<bool, Error> {
        let found = self.ask("SELECT 1 FROM unprobed WHERE item = ?1", params![item], |_| Ok(()))?;
        Ok(!found.is_empty())
    }

    /// Sealed things whose key file no custodian has opened yet, after `after`, by id.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn unproven(
        &self,
        after: Option<ItemId>,
        limit: usize,
    ) -> Result<Vec<(ItemId, Generation)>, Error> {
        self.ask(
            "SELECT item, generation FROM unproven WHERE item > coalesce(?1, 0) ORDER BY item LIMIT ?2",
            params![after, at_most(limit)],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
    }

    /// A custodian opened this generation of a key file. Returns at once.
    ///
    /// # Errors
    /// [`Error::Stopped`].
    pub fn mark_proven(&self, item: ItemId, generation: Generation) -> Result<(), Error> {
        self.sometime(move |db| {
            let gone = change(
                db,
                "DELETE FROM unproven WHERE item = ?1 AND generation = ?2",
                params![item, generation],
            )?;
            bump(db, "unproven", -gone)
        })
    }
}

/// When inboxes were last walked.
impl Catalog {
    /// A whole scan of a dock's inbox ended. Returns at once.
    ///
    /// # Errors
    /// [`Error::Stopped`].
    pub fn note_scan(&self, dock: DockName, at: Moment) -> Result<(), Error> {
        self.sometime(move |db| {
            change(db, "INSERT OR REPLACE INTO scans (dock, at) VALUES (?1, ?2)", params![dock, at])
                .map(drop)
        })
    }

    /// When the last whole scan of a dock's inbox ended.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn last_scan(&self, dock: &DockName) -> Result<Option<Moment>, Error> {
        let found = self.ask("SELECT at FROM scans WHERE dock = ?1", params![dock], |row| row.get(0))?;
        Ok(found.into_iter().next())
    }
}

const CLEAN: &str = "ended_cleanly";

/// Begins a run: returns whether the last one was closed, and takes the mark away.
pub(super) fn begin_run(db: &Connection) -> Result<bool, Error> {
    let clean = db
        .query_row("SELECT 1 FROM marks WHERE name = ?1", [CLEAN], |_| Ok(()))
        .optional()
        .map_err(Error::database("read its marks"))?;
    change(db, "DELETE FROM marks WHERE name = ?1", params![CLEAN])?;
    Ok(clean.is_some())
}

/// The last word of a run.
pub(super) fn end_cleanly(db: &Connection) -> Result<(), Error> {
    change(db, "INSERT OR REPLACE INTO marks (name, value) VALUES (?1, 'yes')", params![CLEAN]).map(drop)
}

/// How many rows it changed.
pub(super) fn change(db: &Connection, sql: &str, values: impl rusqlite::Params) -> Result<i64, Error> {
    db.prepare_cached(sql)
        .and_then(|mut change| change.execute(values))
        .map(|rows| i64::try_from(rows).unwrap_or(i64::MAX))
        .map_err(Error::database("keep its working tables"))
}

fn behind(after: Option<LedgerIndex>) -> i64 {
    after.map_or(-1, |index| integer(index.0))
}

pub(super) fn at_most(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
