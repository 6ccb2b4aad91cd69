//! Questions about arrivals.

use rusqlite::{Row, params};
use serde::Deserialize;

use super::columns::{Json, Word};
use super::rows::{Arrival, DepositRow, Release, state_after};
use super::work::at_most;
use super::{Catalog, Error};
use crate::model::{DepositId, DockName, ItemId, LedgerIndex, RawName, Reason, Source, State};

const DEPOSIT: &str =
    "SELECT idx, item, arrival, facts, readback, copies, release, remove_after FROM deposits";

/// Arrivals at one path that are compared with a source: the newest. An older one is taken again and
/// found to be known by its bytes.
const SAME_PATH: i64 = 64;

impl Catalog {
    /// One arrival.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn deposit(&self, deposit: DepositId) -> Result<Option<DepositRow>, Error> {
        let found = self.ask(&format!("{DEPOSIT} WHERE deposit = ?1"), params![deposit], arrival)?;
        Ok(found.into_iter().next())
    }

    /// The arrival of exactly this file: the same dock, path, inode, size and times. The device is not
    /// compared, it changes when a disk is mounted again.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn deposit_of_source(&self, source: &Source) -> Result<Option<DepositRow>, Error> {
        let found = self.ask(
            &format!("{DEPOSIT} WHERE dock = ?1 AND path = ?2 ORDER BY idx DESC LIMIT ?3"),
            params![source.dock, source.path, SAME_PATH],
            arrival,
        )?;
        Ok(found.into_iter().find(|row| is_same_file(&row.facts.source, source)))
    }

    /// How the arrival of exactly this file stands: what a scan asks about each of a hundred thousand files, so
    /// no more of the row is read than that takes.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn state_of_source(&self, source: &Source) -> Result<Option<SourceState>, Error> {
        let found = self.ask(
            "SELECT arrival, facts, EXISTS (SELECT 1 FROM damage WHERE damage.item = deposits.item)
             FROM deposits WHERE dock = ?1 AND path = ?2 ORDER BY idx DESC LIMIT ?3",
            params![source.dock, source.path, SAME_PATH],
            |row| Ok((row.get::<_, Word<Arrival>>(0)?.0, row.get::<_, Json<Glance>>(1)?.0, row.get(2)?)),
        )?;
        let found = found.into_iter().find(|(_, glance, _)| is_same_file(&glance.source, source));
        Ok(found.map(|(arrival, glance, damaged)| SourceState {
            state: state_after(arrival, &glance.reasons),
            damaged,
        }))
    }

    /// Arrivals behind an entry, in the order of the ledger.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn deposits_after(
        &self,
        after: Option<LedgerIndex>,
        limit: usize,
    ) -> Result<Vec<DepositRow>, Error> {
        self.ask(
            &format!("{DEPOSIT} WHERE idx > coalesce(?1, -1) ORDER BY idx LIMIT ?2"),
            params![after, at_most(limit)],
            arrival,
        )
    }

    /// Arrivals whose sources were set aside and not yet removed or kept, in the order of the ledger.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn set_aside_after(
        &self,
        after: Option<LedgerIndex>,
        limit: usize,
    ) -> Result<Vec<DepositRow>, Error> {
        self.ask(
            &format!(
                "{DEPOSIT} WHERE release = 'set_aside' AND idx > coalesce(?1, -1) ORDER BY idx LIMIT ?2"
            ),
            params![after, at_most(limit)],
            arrival,
        )
    }
}

/// How the arrival of a file stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceState {
    /// `sealed`, `quarantined` or `known`.
    pub state: State,
    /// Whether damage of its item stands.
    pub damaged: bool,
}

/// The part of an arrival's facts that tells which file it was and how it stands.
#[derive(Deserialize)]
struct Glance {
    source: Source,
    #[serde(default)]
    reasons: Vec<Reason>,
}

fn is_same_file(one: &Source, other: &Source) -> bool {
    let Source { dock, path, device: _, inode, size, modified, changed } = one;
    *dock == other.dock
        && *path == other.path
        && *inode == other.inode
        && *size == other.size
        && *modified == other.modified
        && *changed == other.changed
}

pub(super) fn arrival(row: &Row<'_>) -> rusqlite::Result<DepositRow> {
    Ok(DepositRow {
        index: row.get(0)?,
        item: row.get(1)?,
        arrival: row.get::<_, Word<_>>(2)?.0,
        facts: row.get::<_, Json<_>>(3)?.0,
        readback: row.get::<_, Word<_>>(4)?.0,
        copies: row.get(5)?,
        release: match row.get::<_, Option<String>>(6)?.as_deref() {
            None => Release::InPlace,
            Some("set_aside") => Release::SetAside { remove_after: row.get(7)? },
            Some("removed") => Release::Removed,
            Some(_) => Release::Kept,
        },
    })
}

/// The arrivals of one item, the first in front.
pub(super) const OF_ITEM: &str =
    "SELECT idx, item, arrival, facts, readback, copies, release, remove_after FROM deposits
     WHERE item = ?1 ORDER BY idx";

impl Catalog {
    /// The arrival that brought an item.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn first_deposit_of(&self, item: ItemId) -> Result<Option<DepositRow>, Error> {
        Ok(self.ask(&format!("{OF_ITEM} LIMIT 1"), params![item], arrival)?.into_iter().next())
    }

    /// The newest arrivals at one path of a dock.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn deposits_at(&self, dock: &DockName, path: &RawName) -> Result<Vec<DepositRow>, Error> {
        self.ask(
            &format!("{DEPOSIT} WHERE dock = ?1 AND path = ?2 ORDER BY idx DESC LIMIT ?3"),
            params![dock, path, SAME_PATH],
            arrival,
        )
    }
}
