//! What we know: the ledger files, which are the truth, and the view of them in SQLite.
//!
//! Knows nothing of sealed files, keys or inboxes, and decides nothing: deeds come in as contents, and
//! questions are answered with rows. Promises that an act is durable in the ledger before anybody hears of
//! it (P6), that the view can be thrown away and comes back the same from the ledger alone (P11), and that
//! a ledger that is not what it was is noticed and refused, never gone on with (P10).
//! Called by `evidence`, `intake`, `reading`, `audit` and `api`. Calls block; ask from threads that may wait.

mod apply;
mod books;
mod columns;
mod connect;
mod copies;
mod deposits;
mod error;
mod find;
mod items;
mod nodes;
mod opening;
mod people;
mod place;
mod proofs;
mod replaying;
mod restores;
mod rows;
mod show;
mod shown;
mod sight;
mod text;
mod verify;
mod work;
mod writer;

use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use rusqlite::Connection;

pub use copies::{DamageRow, Round};
pub use deposits::SourceState;
pub use error::{Error, Retry};
pub use find::{Filter, ItemPrefix, NotAPrefix};
pub use opening::Opening;
pub use people::Lowering;
pub use restores::{LedgerNow, Restorer};
pub use rows::{Arrival, Counts, DepositRow, FoundRow, ItemRow, Origin, Original, Release};
pub use shown::{
    Pending, ShownClock, ShownDeposit, ShownDerivative, ShownEntry, ShownFacts, ShownItem, ShownKeys,
    ShownProbe, ShownTie,
};
pub use sight::Sight;
pub use verify::{LedgerReport, Progress};
pub use writer::Recorded;

use crate::ledger::{Content, SignedHead};
use crate::model::Epoch;

/// Deeds that one call may record: bounds the group that is written at once.
pub const MAX_DEEDS: usize = 1024;

/// Who signs heads, and whose heads are believed.
pub trait HeadSigner: Send + Sync {
    /// The public half of the key that signs.
    fn public(&self) -> [u8; 32];

    /// An Ed25519 signature.
    fn sign(&self, message: &[u8]) -> [u8; 64];

    /// The public halves of all head keys of the archive, retired ones included.
    fn accepted(&self) -> Vec<[u8; 32]>;
}

/// The catalog of one archive. Clones are handles of the same one; the last to go waits for the writer.
#[derive(Clone)]
pub struct Catalog(Arc<opening::Inner>);

impl std::fmt::Debug for Catalog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Catalog {{ entries: {} }}", self.ledger_size())
    }
}

impl Catalog {
    /// Records deeds, all or none: when it returns, their entries and a signed head are durable and the view
    /// has them. Calls that come at the same time are made durable together.
    ///
    /// # Errors
    /// [`Error::Twice`], [`Error::Unknown`], [`Error::TooMany`], [`Error::Ledger`] for what cannot be
    /// recorded; [`Error::Io`], [`Error::Database`], [`Error::Stopped`] where nothing was recorded;
    /// [`Error::Unapplied`] where the entries stand but the view does not have them yet
    /// ([`Error::is_recorded`]).
    pub fn record(&self, deeds: Vec<Content>) -> Result<Recorded, Error> {
        if deeds.len() > MAX_DEEDS {
            return Err(Error::TooMany { count: deeds.len(), limit: MAX_DEEDS });
        }
        let (answer, wait) = sync_channel(1);
        self.0.ask(writer::Job::Record { contents: deeds, answer })?;
        wait.recv().map_err(|_| opening::closed())?
    }

    /// Finishes what was asked for and closes the ledger; later calls that write fail.
    pub fn close(&self) {
        self.0.close();
    }

    /// Whether the run before this one was closed and all was in order, so that nothing needs a second look.
    #[must_use]
    pub fn ended_cleanly(&self) -> bool {
        self.0.ended_cleanly
    }

    /// Vault and catalog agree: where nothing else happens, this run ends cleanly.
    pub fn all_in_order(&self) {
        self.0.in_order.store(true, std::sync::atomic::Ordering::Relaxed);
    }

    /// Something may lie in the vault that no entry tells of: this run does not end cleanly, so that the next
    /// one looks.
    pub fn look_again(&self) {
        self.0.in_order.store(false, std::sync::atomic::Ordering::Relaxed);
    }

    /// Whether the end of the ledger file is in doubt, so that nothing more is recorded until the catalog is
    /// closed and opened again.
    #[must_use]
    pub fn has_stopped(&self) -> bool {
        self.0.stopped.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// The newest head over what is in the view.
    #[must_use]
    pub fn head(&self) -> SignedHead {
        self.reach().head
    }

    /// The ledger's epoch.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.reach().epoch
    }

    /// Entries under the newest head.
    #[must_use]
    pub fn ledger_size(&self) -> u64 {
        self.reach().head.head().size
    }

    fn reach(&self) -> writer::Reach {
        self.0.reach.lock().expect("nobody panics while holding it").clone()
    }

    /// Changes working tables with the next commit, and does not wait for it.
    fn sometime(
        &self,
        deed: impl Fn(&Connection) -> Result<(), Error> + Send + 'static,
    ) -> Result<(), Error> {
        self.0.ask(writer::Job::Sometime(Box::new(deed)))
    }

    fn reader(&self) -> Result<r2d2::PooledConnection<r2d2_sqlite::SqliteConnectionManager>, Error> {
        self.0.readers.get().map_err(Error::Readers)
    }

    /// Asks for a bounded number of rows.
    fn ask<T>(
        &self,
        sql: &str,
        values: impl rusqlite::Params,
        row: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, Error> {
        let reader = self.reader()?;
        ask(&reader, sql, values, row)
    }
}

fn ask<T>(
    db: &Connection,
    sql: &str,
    values: impl rusqlite::Params,
    row: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, Error> {
    let answer = || db.prepare_cached(sql)?.query_map(values, row)?.collect::<rusqlite::Result<_>>();
    answer().map_err(Error::database("answer a question"))
}
