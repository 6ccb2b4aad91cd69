//! Where sealed files live: one or more places on local disks, each of which may fall out and come back.
//!
//! Knows paths, durable steps and cold reads; deliberately knows nothing of keys, entries or what a
//! sealed file means. Promises: a name under `items/` or `derived/` is a complete file that was read
//! back (P2); nothing whole there is ever replaced (P3); only temporaries and superseded key files are removed (P7).
//! Called by `evidence`; rooms above ask how places stand.

mod cold;
mod mending;
mod place;
mod standing;
mod sweep;
mod writing;

use std::io;
use std::path::PathBuf;

pub use cold::ColdFile;
pub use mending::{Mending, Which};
pub use place::{Place, Space};
pub use standing::{Fault, Places, Standing, Vault};
pub use sweep::Swept;
pub use writing::{Temporary, Unnamed};

/// What can go wrong with a place.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A step on the disk failed.
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
    /// A place that should hold the vault is not there; perhaps its disk is not mounted.
    #[error(
        "{} is not a place of this vault, its FORMAT.md is missing: mount its disk; a new place begins with a copy \
         of that file from another place, and is filled by the daemon",
        path.display()
    )]
    NotAPlace {
        /// The folder.
        path: PathBuf,
    },
    /// A place takes nothing more, for a reason that was met before.
    #[error("the place {} of the vault takes nothing now ({})", path.display(), because.code())]
    FellOut {
        /// The folder.
        path: PathBuf,
        /// Why.
        because: Fault,
    },
    /// A sealed file should be here and is not.
    #[error("{} is missing", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
}

impl Error {
    /// Whether the disk is full (or the quota is used up).
    #[must_use]
    pub fn is_full(&self) -> bool {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        match self {
            Self::Disk { source, .. } => {
                matches!(source.kind(), StorageFull | QuotaExceeded | FileTooLarge)
            }
            Self::FellOut { because, .. } => *because == Fault::Full,
            Self::NotAPlace { .. } | Self::Missing { .. } => false,
        }
    }

    /// The file is not there, as opposed to unreadable.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Missing { .. })
    }
}

pub(crate) trait Doing<T> {
    fn doing(self, doing: &'static str, path: &std::path::Path) -> Result<T, Error>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, doing: &'static str, path: &std::path::Path) -> Result<T, Error> {
        self.map_err(|source| Error::Disk { doing, path: path.to_owned(), source })
    }
}

#[cfg(test)]
mod tests;
