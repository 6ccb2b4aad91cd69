//! Working tables: what intake keeps in mind between two looks at the world. They may be lost at any
//! time; nothing the archive promises stands in them alone.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::apply::bump;
use super::columns::{Json, Unsigned, Word, integer};
use super::{Catalog, Error};
use crate::model::{DepositId, DockName, Generation, ItemId, LedgerIndex, Moment, RawName, Reason, State};

/// One try at sealing a file, from before its first byte is written to its entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The id that was drawn for the item.
    pub item: ItemId,
    /// Whose inbox.
    pub dock: DockName,
    /// The source, relative to the inbox.
    pub path: RawName,
    /// When it began.
    pub started: Moment,
}

/// How a file in an inbox stood when it was last looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// Whose inbox.
    pub dock: DockName,
    /// Relative to the inbox.
    pub path: RawName,
    /// How it stands.
    pub state: State,
    /// Why.
    pub reasons: Vec<Reason>,
    /// How often sealing it failed.
    pub attempts: u32,
    /// When it is tried again by itself.
    pub next: Option<Moment>,
    /// When it was looked at.
    pub seen: Moment,
}

/// Attempts. An attempt ends by itself with the entry of its item.
impl Catalog {
    /// Notes an attempt, durable when it returns: after a crash its owner finds what it left.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Io`], [`Error::Stopped`].
    pub fn begin_attempt(&self, attempt: Attempt) -> Result<(), Error> {
        self.work(move |db| {
            let Attempt { item, dock, path, started } = &attempt;
            change(
                db,
                "INSERT OR REPLACE INTO attempts (item, dock, path, started) VALUES (?1, ?2, ?3, ?4)",
                params![item, dock, path, started],
            )
            .map(drop)
        })
    }

    /// Forgets an attempt that came to nothing. Returns at once.
    ///
    /// # Errors
    /// [`Error::Stopped`].
    pub fn end_attempt(&self, item: ItemId) -> Result<(), Error> {
        self.sometime(move |db| change(db, "DELETE FROM attempts WHERE item = ?1", params![item]).map(drop))
    }

    /// The attempts that have not ended: at a start, those that a crash stopped.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn unfinished_attempts(&self) -> Result<Vec<Attempt>, Error> {
        self.ask("SELECT item, dock, path, started FROM attempts ORDER BY item", params![], |row| {
            Ok(Attempt { item: row.get(0)?, dock: row.get(1)?, path: row.get(2)?, started: row.get(3)? })
        })
    }
}

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

/// Sightings, for `status` and for backoff.
impl Catalog {
    /// Notes how files stand. Returns at once.
    ///
    /// # Errors
    /// [`Error::Stopped`].
    pub fn note_sightings(&self, sightings: Vec<Sighting>) -> Result<(), Error> {
        self.sometime(move |db| sightings.iter().try_for_each(|sighting| put_sighting(db, sighting)))
    }

    /// Forgets a file that was sealed, or is gone. Returns at once.
    ///
    /// # Errors
    /// [`Error::Stopped`].
    pub fn forget_sighting(&self, dock: DockName, path: RawName) -> Result<(), Error> {
        self.sometime(move |db| {
            change(db, "DELETE FROM sightings WHERE dock = ?1 AND path = ?2", params![dock, path]).map(drop)
        })
    }

    /// The sightings of a dock behind a path, by path.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn sightings(
        &self,
        dock: &DockName,
        after: Option<&RawName>,
        limit: usize,
    ) -> Result<Vec<Sighting>, Error> {
        self.ask(
            "SELECT dock, path, state, reasons, attempts, next, seen FROM sightings
             WHERE dock = ?1 AND path > coalesce(?2, 0) ORDER BY path LIMIT ?3",
            params![dock, after, at_most(limit)],
            |row| {
                Ok(Sighting {
                    dock: row.get(0)?,
                    path: row.get(1)?,
                    state: row.get::<_, Word<_>>(2)?.0,
                    reasons: row.get::<_, Json<_>>(3)?.0,
                    attempts: row.get(4)?,
                    next: row.get(5)?,
                    seen: row.get(6)?,
                })
            },
        )
    }

    /// How many sightings of a dock are in each state.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn sighting_counts(&self, dock: &DockName) -> Result<Vec<(State, u64)>, Error> {
        self.ask(
            "SELECT state, count(*) FROM sightings WHERE dock = ?1 GROUP BY state ORDER BY state",
            params![dock],
            |row| Ok((row.get::<_, Word<_>>(0)?.0, row.get::<_, Unsigned>(1)?.0)),
        )
    }

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

fn put_sighting(db: &Connection, sighting: &Sighting) -> Result<(), Error> {
    let Sighting { dock, path, state, reasons, attempts, next, seen } = sighting;
    change(
        db,
        "INSERT OR REPLACE INTO sightings (dock, path, state, reasons, attempts, next, seen)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![dock, path, Word(state), Json(reasons), attempts, next, seen],
    )
    .map(drop)
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
fn change(db: &Connection, sql: &str, values: impl rusqlite::Params) -> Result<i64, Error> {
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
