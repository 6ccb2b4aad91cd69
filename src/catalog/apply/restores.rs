//! Whether the archive came back from a backup and nobody has confirmed that yet.

use rusqlite::{Connection, params};

use super::{Error, prepared};
use crate::model::{Actor, EpochBegun};

/// The sum under which the user who restored stands until somebody confirms it.
pub(in crate::catalog) const RESTORED_BY: &str = "restored_by";

/// Nobody in particular: no user can be another one than this.
const NODE: i64 = -1;

pub(super) fn begun(db: &Connection, begun: &EpochBegun, who: &Actor) -> Result<(), Error> {
    if begun.because != EpochBegun::RESTORED {
        return Ok(());
    }
    let uid = match who {
        Actor::Node => NODE,
        Actor::User { uid, .. } => i64::from(*uid),
    };
    prepared(db, "INSERT OR REPLACE INTO counters (name, value) VALUES (?1, ?2)")
        .and_then(|mut put| put.execute(params![RESTORED_BY, uid]))
        .map(drop)
        .map_err(Error::database("note a restore"))
}

pub(super) fn confirmed(db: &Connection) -> Result<(), Error> {
    prepared(db, "DELETE FROM counters WHERE name = ?1")
        .and_then(|mut take| take.execute([RESTORED_BY]))
        .map(drop)
        .map_err(Error::database("note a restore"))
}
