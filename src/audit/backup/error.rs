//! What can go wrong with a backup.

use std::io;
use std::path::{Path, PathBuf};

use crate::model::ArchiveId;

/// A failure of a backup, of its check, or of a restore.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A step on a disk failed.
    #[error("cannot {doing} {}", path.display())]
    Disk {
        /// What was being done.
        doing: &'static str,
        /// To which file or folder.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The folder is no backup, or has no state that is whole.
    #[error("{} is not a backup: {what}", path.display())]
    NotABackup {
        /// The folder.
        path: PathBuf,
        /// What it lacks.
        what: &'static str,
    },
    /// Something else lies where a backup was to be made.
    #[error("{} holds other things than a backup; name an empty folder, or one that is not there yet", path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// The backup of another archive.
    #[error("{} is the backup of archive {found}, not of {wanted}", path.display())]
    OtherArchive {
        /// The folder.
        path: PathBuf,
        /// Whose it is.
        found: ArchiveId,
        /// Whose it should be.
        wanted: ArchiveId,
    },
    /// A backup that this archive did not go on from: its ledger took another way, or is older than its backup.
    #[error("the ledger does not go on from the one in {}", path.display())]
    OtherHistory {
        /// The folder.
        path: PathBuf,
    },
    /// Written by a newer sealdock.
    #[error("{} says {document:?}, which this version does not know", path.display())]
    FromTheFuture {
        /// The manifest.
        path: PathBuf,
        /// The document it says it is.
        document: String,
    },
    /// A file of the backup is not what was written.
    #[error("{} is damaged: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// How it was noticed.
        what: String,
    },
    /// A backup would lie in what it is to save, or the other way round.
    #[error("the backup {} and {} must lie apart", backup.display(), other.display())]
    Overlap {
        /// Where the backup was to be.
        backup: PathBuf,
        /// The home, an inbox, or a place of the vault or of receipts.
        other: PathBuf,
    },
    /// Another backup is being made.
    #[error("another backup is being made")]
    Busy,
    /// A shutdown, or whoever asked went away.
    #[error("stopped before it was whole")]
    Stopped,
    /// The keys in a backup, or what should open them.
    #[error("the keys of the backup cannot be used")]
    Keys(#[from] crate::keys::Error),
    /// The archive's own keys cannot be taken into a backup.
    #[error("the keys of this archive cannot be used")]
    OwnKeys(#[source] crate::keys::Error),
    /// The ledger in the backup.
    #[error("the ledger in the backup is not whole")]
    Ledger(#[from] crate::ledger::Error),
    /// The catalog failed.
    #[error("the catalog failed")]
    Catalog(#[from] crate::catalog::Error),
    /// The vault of a restored home.
    #[error("the vault failed")]
    Vault(#[from] crate::vault::Error),
    /// Damage of the archive itself could not be entered.
    #[error("the archive could not be looked after")]
    Audit(#[from] crate::audit::Error),
    /// An inbox that receipts were looked for in.
    #[error("an inbox failed")]
    Inbox(#[from] crate::inbox::Error),
}

impl Error {
    /// Whether bytes of the backup are not what was written.
    #[must_use]
    pub fn is_integrity(&self) -> bool {
        match self {
            Self::Damaged { .. } => true,
            Self::Ledger(error) => error.is_integrity(),
            Self::Keys(error) => {
                error.is_integrity() || matches!(error, crate::keys::Error::Missing { .. })
            }
            _ => false,
        }
    }

    pub(super) fn damaged(path: &Path, what: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), what: what.into() }
    }
}

pub(super) trait Doing<T> {
    fn doing(self, doing: &'static str, path: &Path) -> Result<T, Error>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, doing: &'static str, path: &Path) -> Result<T, Error> {
        self.map_err(|source| Error::Disk { doing, path: path.to_owned(), source })
    }
}
