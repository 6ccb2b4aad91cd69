//! What can go wrong with keys.

use std::io;
use std::path::{Path, PathBuf};

use crate::model::{ArchiveId, Domain, ItemId, KeyId};

use super::Role;

/// A failure of this room. No variant ever holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk refused.
    #[error("cannot {doing} {path}", path = path.display())]
    Io {
        /// The verb, for instance `read`.
        doing: &'static str,
        /// To what.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Keys are never overwritten.
    #[error("{folder} is not empty: keys are never overwritten, so choose another home", folder = folder.display())]
    Exists {
        /// The folder that was to be filled.
        folder: PathBuf,
    },
    /// A making of keys was interrupted; what it left was never used.
    #[error("{folder} is left over from a making of keys that was interrupted: remove it and begin again", folder = folder.display())]
    Unfinished {
        /// The folder with the leftovers.
        folder: PathBuf,
    },
    /// No certificate for a key that taking evidence in needs.
    #[error("{folder} has no certificate for the {role} key", folder = folder.display())]
    Missing {
        /// Where it was looked for.
        folder: PathBuf,
        /// The key's role.
        role: Role,
    },
    /// A file of this room does not say what its signature, its form or its neighbours say.
    #[error("{path} is damaged: {what}", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// How it was noticed.
        what: &'static str,
    },
    /// A secret that others than its owner may read.
    #[error("{path} may be read by others (mode {mode:04o}): set it to 0600", path = path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A passphrase that cannot be used.
    #[error("a passphrase has 1 to {limit} bytes of text")]
    BadPassphrase {
        /// The longest that is taken.
        limit: usize,
    },
    /// The passphrase does not open the custody file.
    #[error("the passphrase does not open the custodian keys")]
    WrongPassphrase,
    /// There are no private keys to unlock here.
    #[error("this node holds no custodian keys: it takes evidence in and opens none")]
    SealOnly,
    /// A cost outside the bounds.
    #[error(
        "the stretching cost asks for {memory_kib} KiB, {passes} passes and {lanes} lanes, beyond the bounds"
    )]
    BadCost {
        /// Memory in KiB.
        memory_kib: u32,
        /// Passes.
        passes: u32,
        /// Lanes.
        lanes: u32,
    },
    /// Argon2 could not get its memory.
    #[error("the passphrase could not be stretched: {0}")]
    Stretch(argon2::Error),
    /// The process that stretches passphrases did not answer.
    #[error("{program} did not stretch the passphrase: {what}", program = program.display())]
    StretchChild {
        /// What was run.
        program: PathBuf,
        /// What happened instead.
        what: &'static str,
    },
    /// An escrow rule that cannot be kept.
    #[error("{needed} of {shares} shares is no rule: between 2 and the number of shares, 16 at most")]
    BadEscrowRule {
        /// How many are needed.
        needed: u8,
        /// How many there are.
        shares: u8,
    },
    /// A text that is no share, or not the one it was.
    #[error("share {place} is not whole: {what}")]
    BadShare {
        /// Which of those given, from 1.
        place: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// Fewer different shares than the rule needs.
    #[error("{have} of the {needed} shares that are needed")]
    MissingShares {
        /// How many different ones were given.
        have: u8,
        /// How many are needed.
        needed: u8,
    },
    /// Each share is whole, and together they do not give the certified key.
    #[error("the shares do not give the escrow key: at least one was made up")]
    SharesDisagree,
    /// Something that belongs to another archive.
    #[error("this belongs to archive {found}, not to {wanted}")]
    WrongArchive {
        /// This archive.
        wanted: ArchiveId,
        /// The other.
        found: ArchiveId,
    },
    /// A key that the root did not certify for this use.
    #[error("key {id} is not certified as a {role} key of this archive")]
    NotCertified {
        /// The key.
        id: KeyId,
        /// What it was used as.
        role: Role,
    },
    /// A key file whose signature is not of the node key it names.
    #[error("the key file of item {item} was altered: its signature does not verify")]
    AlteredKeyFile {
        /// The item it names.
        item: ItemId,
    },
    /// A set of domains that cannot be sealed for.
    #[error("a key file has one layer for each of its domains, and at least one: {what}")]
    BadDomains {
        /// What is wrong with the set.
        what: &'static str,
    },
    /// The custody file does not hold a key that a layer needs.
    #[error("the private {domain} key {id} is not among the custodian keys of this node", domain = domain.name())]
    NoPrivateKey {
        /// Its domain.
        domain: Domain,
        /// The key.
        id: KeyId,
    },
    /// A layer that its own private key does not open: it was made for another item, place or key.
    #[error("a layer of the key file of item {item} does not open with key {id}")]
    DoesNotOpen {
        /// The item the file names.
        item: ItemId,
        /// The key that was tried.
        id: KeyId,
    },
}

/// Whether trying again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// The cause may pass.
    Later,
    /// It will fail again.
    Never,
}

impl Error {
    /// Whether trying again can help.
    #[must_use]
    pub fn retry(&self) -> Retry {
        match self {
            Self::Io { .. } | Self::Stretch(_) | Self::StretchChild { .. } => Retry::Later,
            _ => Retry::Never,
        }
    }

    /// Whether bytes are not what they were: never retried away, always an entry.
    #[must_use]
    pub fn is_integrity(&self) -> bool {
        matches!(
            self,
            Self::Damaged { .. }
                | Self::WrongArchive { .. }
                | Self::NotCertified { .. }
                | Self::AlteredKeyFile { .. }
                | Self::DoesNotOpen { .. }
        )
    }

    pub(super) fn damaged(path: &Path, what: &'static str) -> Self {
        Self::Damaged { path: path.to_owned(), what }
    }
}

/// Names the file and the verb in an IO error.
pub(super) fn io_at(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::Io { doing, path: path.to_owned(), source }
}
