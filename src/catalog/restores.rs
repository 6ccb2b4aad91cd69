//! What a backup takes of the ledger, and whether the archive came back from one.

use std::path::PathBuf;

use rusqlite::params;

use super::apply::RESTORED_BY;
use super::columns::Unsigned;
use super::{Catalog, Error};
use crate::ledger::SignedHead;
use crate::model::{Epoch, LedgerIndex};

/// The ledger up to a signed head: every byte that counts, and no other.
#[derive(Debug, Clone)]
pub struct LedgerNow {
    /// The newest head.
    pub head: SignedHead,
    /// The epoch of it.
    pub epoch: Epoch,
    /// The folder of the files.
    pub folder: PathBuf,
    /// The files in order, each with the bytes of it that the head covers. Only the last one grows.
    pub files: Vec<(LedgerIndex, u64)>,
}

/// Who brought an archive back from a backup that nobody has confirmed yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restorer {
    /// This local user.
    User(u32),
    /// Nobody in particular.
    Node,
}

impl Catalog {
    /// Where the ledger stands now. It only grows, so what this says stays true.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn ledger_now(&self) -> Result<LedgerNow, Error> {
        let reach = self.reach();
        let (newest, length) = reach.end;
        let mut files = self.ask(
            "SELECT first, bytes FROM ledger_files WHERE first < ?1 ORDER BY first",
            [newest],
            |row| Ok((row.get(0)?, row.get::<_, Unsigned>(1)?.0)),
        )?;
        files.push((newest, length));
        Ok(LedgerNow { head: reach.head, epoch: reach.epoch, folder: self.0.place.ledger.clone(), files })
    }

    /// Who restored this archive, until somebody else confirms it.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn unconfirmed_restore(&self) -> Result<Option<Restorer>, Error> {
        let sql = "SELECT value FROM counters WHERE name = ?1";
        let found = self.ask(sql, params![RESTORED_BY], |row| row.get::<_, i64>(0))?;
        Ok(found.into_iter().next().map(|uid| u32::try_from(uid).map_or(Restorer::Node, Restorer::User)))
    }
}
