//! What can go wrong here.

use std::io;
use std::path::PathBuf;

use crate::ledger;
use crate::model::LedgerIndex;

/// Why the catalog cannot do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// SQLite and durable appends cannot be trusted there.
    #[error(
        "{} lies on {kind}: keep the archive's home on a local disk; only inboxes and copies may be remote",
        path.display()
    )]
    ForeignFileSystem {
        /// The folder.
        path: PathBuf,
        /// What it lies on, for people.
        kind: &'static str,
    },
    /// A newer program made the catalog.
    #[error(
        "the catalog has schema {found} and this program knows {known}: use the newer sealdock, or run `sealdock rebuild`"
    )]
    FromTheFuture {
        /// What the file says.
        found: i64,
        /// The newest this program knows.
        known: i64,
    },
    /// There is nothing to open.
    #[error("there is no ledger in {}: if it was lost, run `sealdock rebuild --from-vault`", path.display())]
    NoLedger {
        /// The ledger folder.
        path: PathBuf,
    },
    /// A ledger is never overwritten.
    #[error("there is a ledger in {} already", path.display())]
    AlreadyThere {
        /// The ledger folder.
        path: PathBuf,
    },
    /// The ledger is another one than the catalog was made from.
    #[error("the ledger and the catalog differ at entry {index}")]
    Differs {
        /// The first entry that is not the same.
        index: LedgerIndex,
    },
    /// A file of the ledger is not there, or not as long as it was.
    #[error("the ledger file {} {what}", path.display())]
    BrokenFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A line, a head or the order of entries is wrong, or a proof was asked for that cannot be.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    /// The epoch written beside the keys is not the ledger's.
    #[error("the ledger is of epoch {ledger} and {} says {keys}", path.display())]
    WrongEpoch {
        /// What the heads say.
        ledger: String,
        /// What the file says.
        keys: String,
        /// The file.
        path: PathBuf,
    },
    /// An entry of the ledger that this program cannot apply.
    #[error("entry {index} cannot be applied")]
    Unappliable {
        /// Which.
        index: LedgerIndex,
        /// Why.
        #[source]
        source: Box<Error>,
    },
    /// A deed that contradicts what is known; it was not recorded.
    #[error("{what} {id} is known already")]
    Twice {
        /// `item` or `deposit`.
        what: &'static str,
        /// Its id.
        id: String,
    },
    /// A deed about something nobody knows; it was not recorded.
    #[error("there is no {what} {id}")]
    Unknown {
        /// `item` or `deposit`.
        what: &'static str,
        /// Its id.
        id: String,
    },
    /// A disk step failed. Nothing was recorded.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// To what.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// SQLite refused. Nothing was recorded.
    #[error("the catalog cannot {doing}")]
    Database {
        /// What was being done.
        doing: &'static str,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// The database file is not what SQLite wrote.
    #[error("the catalog's database is damaged: run `sealdock rebuild`, the ledger holds everything")]
    Corrupt(#[source] rusqlite::Error),
    /// No reader came free in time.
    #[error("no connection to the catalog came free")]
    Readers(#[source] r2d2::Error),
    /// The schema could not be brought up to date.
    #[error("cannot bring the catalog's schema up to date")]
    Migration(#[source] rusqlite_migration::Error),
    /// The entries stand in the ledger, durable and signed, but the view could not be committed. It
    /// catches up by itself before the next deed, at the latest at the next start. What the entries tell
    /// of must stay.
    #[error("the deed is in the ledger, but the catalog could not be brought up to date")]
    Unapplied(#[source] Box<Error>),
    /// What went wrong for everything that was to be recorded together; see [`Error::plain`].
    #[error(transparent)]
    Shared(std::sync::Arc<Error>),
    /// The end of the ledger file is in doubt: nothing more is recorded until it is opened again.
    #[error("the catalog has stopped: {because}; restart sealdock")]
    Stopped {
        /// What happened.
        because: String,
    },
    /// More than one call may carry.
    #[error("{count} deeds at once are more than {limit}")]
    TooMany {
        /// How many came.
        count: usize,
        /// How many one call takes.
        limit: usize,
    },
}

/// Whether trying again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// The cause may go away by itself.
    Later,
    /// It needs a person, or other input.
    Never,
}

impl Error {
    /// The error itself, where several calls met the same one.
    #[must_use]
    pub fn plain(&self) -> &Self {
        match self {
            Self::Shared(error) => error.plain(),
            other => other,
        }
    }

    /// Whether the deed stands in the ledger in spite of the error: see [`Error::Unapplied`].
    #[must_use]
    pub fn is_recorded(&self) -> bool {
        matches!(self.plain(), Self::Unapplied(_))
    }

    /// A stable word for what is wrong.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self.plain() {
            Self::ForeignFileSystem { .. } => "foreign_file_system",
            Self::FromTheFuture { .. } => "catalog_from_the_future",
            Self::NoLedger { .. } => "no_ledger",
            Self::AlreadyThere { .. } => "ledger_already_there",
            Self::Differs { .. } => "ledger_differs",
            Self::BrokenFile { .. } => "ledger_file_broken",
            Self::Ledger(error) => error.code(),
            Self::WrongEpoch { .. } => "wrong_epoch",
            Self::Unappliable { .. } => "entry_unappliable",
            Self::Twice { .. } => "known_already",
            Self::Unknown { .. } => "unknown",
            Self::Io { .. } => "disk_error",
            Self::Database { .. } | Self::Readers(_) | Self::Migration(_) => "catalog_error",
            Self::Corrupt(_) => "catalog_damaged",
            Self::Unapplied(_) => "catalog_behind",
            Self::Stopped { .. } => "catalog_stopped",
            Self::TooMany { .. } => "too_many_deeds",
            Self::Shared(error) => error.code(),
        }
    }

    /// Whether the ledger or the catalog is not what it was: an alarm, exit code 3.
    #[must_use]
    pub fn is_integrity(&self) -> bool {
        match self.plain() {
            Self::Differs { .. }
            | Self::BrokenFile { .. }
            | Self::WrongEpoch { .. }
            | Self::Unappliable { .. }
            | Self::Corrupt(_) => true,
            Self::Ledger(error) => error.is_integrity(),

            Self::Unapplied(source) => source.is_integrity(),
            _ => false,
        }
    }

    /// Whether the same call may succeed later.
    #[must_use]
    pub fn retry(&self) -> Retry {
        match self.plain() {
            Self::Io { .. } | Self::Readers(_) | Self::Database { .. } => Retry::Later,
            _ => Retry::Never,
        }
    }

    pub(super) fn io(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { doing, path, source }
    }

    pub(super) fn database(doing: &'static str) -> impl FnOnce(rusqlite::Error) -> Self {
        move |source| {
            if is_corrupt(&source) { Self::Corrupt(source) } else { Self::Database { doing, source } }
        }
    }
}

fn is_corrupt(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    match error {
        rusqlite::Error::FromSqlConversionFailure(..) | rusqlite::Error::InvalidColumnType(..) => true,
        other => matches!(other.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase)),
    }
}
