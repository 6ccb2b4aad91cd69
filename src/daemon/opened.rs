//! What passes between commands and the daemon room.

use std::any::Any;
use std::path::PathBuf;

use axum::Router;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::model::{ArchiveId, Epoch, KeyId};

/// An archive that is open in this process.
pub struct Opened {
    /// The API, around its rooms.
    pub router: Router,
    /// What must live as long as the router answers, the home's lock among it. Dropped, all is closed.
    pub kept: Box<dyn Any + Send>,
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Opened")
    }
}

/// An archive to be made.
pub struct Making {
    /// Where; nothing may be there yet.
    pub home: PathBuf,
    /// A profile's name.
    pub profile: String,
    /// How its custodian keys are locked.
    pub passphrase: NewPassphrase,
    /// Where the escrow shares go; never into the home.
    pub shares: PathBuf,
}

/// How the custodian keys of a new archive are locked.
pub enum NewPassphrase {
    /// By what a person chose.
    Chosen(Zeroizing<String>),
    /// By random words that lie beside the keys, so that the node unlocks itself.
    Unattended,
}

/// An archive that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// Its id, for its whole life.
    pub archive: ArchiveId,
    /// Where it is.
    pub home: PathBuf,
    /// The profile it was made with.
    pub profile: String,
    /// The root key that certifies all others.
    pub root: KeyId,
    /// The public half of the root key, to be kept on paper.
    pub root_public: PathBuf,
    /// The escrow shares, one file each.
    pub shares: Vec<PathBuf>,
    /// So many shares open an item.
    pub shares_needed: u8,
}

/// What a catalog is made anew from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RebuildFrom {
    /// The ledger files; the vault where there are none.
    Ledger,
    /// The sealed files alone, under a new epoch.
    Vault,
}

/// A catalog that was made anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rebuilt {
    /// `ledger` or `vault`.
    pub from: String,
    /// Originals it holds.
    pub items: u64,
    /// Entries of the ledger.
    pub ledger_size: u64,
    /// The epoch in force.
    pub epoch: Epoch,
}
