//! Put, open, check and catalogue again one item: the only room that joins seal, keys and vault.
//!
//! Deliberately knows nothing of inboxes or of who is asking; of the catalog it knows what a row says. Promises: what [`Unplaced`] names
//! is durable, was read back and gave its fingerprint again (P2); sealing needs no key that opens (P5);
//! damaged bytes are named and never served (P3). Called by `intake`, `reading` and `audit`.

mod chair;
mod check;
mod copies;
mod heeding;
mod open;
mod pipeline;
mod readback;
mod recatalogue;
mod rekey;
mod seal;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::catalog::{ItemRow, Origin};
use crate::keys::{Custody, Keyring};
use crate::model::{Generation, ItemId, KeysMade, ReadBack, Sha256};
use crate::seal::{Role, SegmentSize};
use crate::sys::{Clock, Entropy};
use crate::vault::Vault;

pub use chair::{Chair, Occupied};
pub use check::{Again, Depth, Looked, Looking};
pub use copies::{Copy, CopyState, Mended};
pub use heeding::Heeding;
pub use open::{Hurt, OpenItem};
pub use recatalogue::Found;
pub use seal::{ClaimDigest, Sealing, Taken, Unplaced, digest_again};

/// Everything needed to put and open items.
#[derive(Clone)]
pub struct Evidence {
    vault: Vault,
    keyring: Arc<Keyring>,
    entropy: Arc<dyn Entropy>,
    clock: Arc<dyn Clock>,
    segment: SegmentSize,
    readback: Wanted,
    classes: Arc<Classes>,
}

/// Classes change one at a time, and not while something is done that goes by them.
#[derive(Default)]
struct Classes {
    turn: RwLock<()>,
    changes: AtomicU64,
}

/// Whether items are read back before they get their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// From the disk.
    ReadBack,
    /// Not at all; receipts say so and allow no erasing.
    Nothing,
}

/// What the catalog says about the files of an item: the only ones that are believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The item.
    pub item: ItemId,
    /// Original or derivative.
    pub role: Role,
    /// Plaintext length in bytes.
    pub size: u64,
    /// Plaintext fingerprint.
    pub sha256: Sha256,
    /// Fingerprint of the sealed file.
    pub sealed_sha256: Sha256,
    /// The living generation of the key file.
    pub generation: Generation,
    /// Fingerprint of that key file.
    pub keys_sha256: Sha256,
    /// How many places hold it, as far as the ledger says; 0 where it does not.
    pub copies: u32,
}

impl Record {
    /// As it is once this is the living key file.
    #[must_use]
    pub fn with_keys(&self, made: &KeysMade) -> Self {
        Self { generation: made.generation, keys_sha256: made.keys_sha256, ..self.clone() }
    }
}

impl From<&ItemRow> for Record {
    fn from(row: &ItemRow) -> Self {
        let (role, copies) = match &row.origin {
            Origin::Original(original) => (Role::Original, original.copies),
            Origin::Derivative { .. } => (Role::Derivative, 0),
        };
        Self {
            item: row.item,
            role,
            size: row.size,
            sha256: row.sha256,
            sealed_sha256: row.sealed_sha256,
            generation: row.generation,
            keys_sha256: row.keys_sha256,
            copies,
        }
    }
}

/// The parts that an [`Evidence`] is made of.
pub struct Parts {
    /// Where files live.
    pub vault: Vault,
    /// What seals them.
    pub keyring: Arc<Keyring>,
    /// For item keys, ids and salts.
    pub entropy: Arc<dyn Entropy>,
    /// For item ids.
    pub clock: Arc<dyn Clock>,
    /// Whether to read back.
    pub readback: Wanted,
}

impl Evidence {
    /// Joins the parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let Parts { vault, keyring, entropy, clock, readback } = parts;
        let classes = Arc::default();
        Self { vault, keyring, entropy, clock, segment: SegmentSize::DEFAULT, readback, classes }
    }

    /// The vault.
    #[must_use]
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    /// The keys.
    #[must_use]
    pub fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// Fresh random bytes, for ids.
    #[must_use]
    pub fn fresh(&self) -> [u8; 10] {
        self.entropy.bytes()
    }

    /// As long as what this answers is held, no class changes: what a row says of an item's keys is so. For steps that
    /// take milliseconds.
    pub fn classes_stay(&self) -> RwLockReadGuard<'_, ()> {
        self.classes.turn.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the turn for changing the class of an item.
    pub fn classes_change(&self) -> RwLockWriteGuard<'_, ()> {
        let turn = self.classes.turn.write().unwrap_or_else(PoisonError::into_inner);
        self.classes.changes.fetch_add(1, Ordering::Relaxed);
        turn
    }

    /// How often that was: whoever hands out bytes for long asks anew whether they may when it is another number.
    #[must_use]
    pub fn class_changes(&self) -> u64 {
        self.classes.changes.load(Ordering::Relaxed)
    }

    /// How items will be read back, as far as it is known before a file is there.
    #[must_use]
    pub fn reads_back(&self) -> bool {
        self.readback == Wanted::ReadBack
    }
}

/// Keys that open, where a custodian has unlocked them.
pub type Custodian<'a> = Option<&'a Custody>;

/// What can go wrong with one item.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The bytes to seal could not be read.
    #[error("cannot read the source")]
    Source(#[source] std::io::Error),
    /// The source turned out longer than its limit.
    #[error("the source is longer than {limit} bytes")]
    TooLarge {
        /// Bytes.
        limit: u64,
    },
    /// A shutdown stopped the attempt.
    #[error("stopped before it was sealed")]
    Stopped,
    /// The vault could not do a step.
    #[error("the vault failed")]
    Vault(#[from] crate::vault::Error),
    /// The sealing rules were broken, which is our own mistake, or a sealed file is damaged.
    #[error("the sealed file is not as it was written")]
    Seal(#[from] crate::seal::Error),
    /// A key file could not be made or opened.
    #[error("the key file cannot be used")]
    Keys(#[from] crate::keys::Error),
    /// What was written is not what is on the disk.
    #[error("reading back gave other bytes: {0}")]
    ReadBack(&'static str),
    /// A file is not the one that the catalog names.
    #[error("damaged: {0}")]
    Damaged(Damage),
    /// Opening needs custodian keys that are not at hand.
    #[error("the custodian keys are not unlocked here")]
    SealOnly,
    /// Handing bytes on failed.
    #[error("cannot hand the bytes on")]
    Sink(#[source] std::io::Error),
}

/// What is wrong with an item's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Damage {
    /// The sealed file is not there.
    SealedMissing,
    /// It is there and cannot be read.
    SealedUnreadable,
    /// It is not the file that was sealed.
    SealedAltered,
    /// The key file is not there.
    KeysMissing,
    /// It is there and cannot be read.
    KeysUnreadable,
    /// It is not the key file that was made.
    KeysAltered,
    /// It opens to other bytes than were sealed.
    ContentAltered,
}

impl Damage {
    /// Every kind, for tests of the message catalogs.
    pub const ALL: [Self; 7] = [
        Self::SealedMissing,
        Self::SealedUnreadable,
        Self::SealedAltered,
        Self::KeysMissing,
        Self::KeysUnreadable,
        Self::KeysAltered,
        Self::ContentAltered,
    ];

    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::SealedMissing => "sealed_missing",
            Self::SealedUnreadable => "sealed_unreadable",
            Self::SealedAltered => "sealed_altered",
            Self::KeysMissing => "keys_missing",
            Self::KeysUnreadable => "keys_unreadable",
            Self::KeysAltered => "keys_altered",
            Self::ContentAltered => "content_altered",
        }
    }
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}

impl Error {
    /// Whether the archive's own bytes are wrong: never retried away.
    #[must_use]
    pub fn damage(&self) -> Option<Damage> {
        match self {
            Self::Damaged(damage) => Some(*damage),
            Self::Seal(_) => Some(Damage::SealedAltered),
            // A key file that is the recorded one, byte for byte, and still does not open was never good.
            Self::Keys(error) if error.is_integrity() => Some(Damage::KeysAltered),
            Self::Vault(error) if error.is_missing() => Some(Damage::SealedMissing),
            _ => None,
        }
    }

    /// Whether the disk is full.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Vault(error) if error.is_full())
    }
}

impl From<ReadBack> for Wanted {
    fn from(done: ReadBack) -> Self {
        match done {
            ReadBack::Off => Self::Nothing,
            ReadBack::Disk | ReadBack::Memory => Self::ReadBack,
        }
    }
}
