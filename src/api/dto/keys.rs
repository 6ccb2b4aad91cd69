//! Keys and custody. What carries a secret is zeroed when dropped and never printed.

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::Answer;
use crate::model::{ArchiveId, ItemId, KeyId, Moment};

/// Every key of the archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keys {
    /// The archive they belong to.
    pub archive: ArchiveId,
    /// One by one.
    pub keys: Vec<KeyShown>,
    /// Whether items can be opened now.
    pub custody: CustodyState,
}

/// One key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyShown {
    /// Names it in files and certificates.
    pub id: KeyId,
    /// `root`, `node`, `head`, `facts`, `escrow` or `domain:<name>`.
    pub role: String,
    /// When it was made.
    pub made: Moment,
    /// `living` or `retired`.
    pub state: String,
    /// Of its private half: `held`, `encrypted` or `absent`.
    pub private: String,
}

/// A passphrase, or escrow shares, on their way. Zeroed when dropped, never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
pub struct UnlockRequest {
    /// The custodian's; empty where shares open.
    #[serde(default)]
    pub passphrase: String,
    /// The shares' text; none where a passphrase opens.
    #[serde(default)]
    pub shares: Vec<String>,
}

impl std::fmt::Debug for UnlockRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("UnlockRequest")
    }
}

/// Whether items can be opened now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CustodyState {
    /// Custodian keys are usable.
    Open,
    /// They are locked or not here.
    SealOnly,
}

/// The answer to unlocking and locking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustodyNow {
    /// What holds now.
    pub custody: CustodyState,
}

/// Shares that should open an item. Zeroed when dropped, never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrillRequest {
    /// The item.
    pub item: ItemId,
    /// The shares' text.
    pub shares: Vec<String>,
}

impl Drop for DrillRequest {
    fn drop(&mut self) {
        self.shares.zeroize();
    }
}

impl std::fmt::Debug for DrillRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DrillRequest {{ item: {}, shares: {} }}", self.item, self.shares.len())
    }
}

/// The shares opened the item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drilled {
    /// Always pass; anything else is a problem.
    pub result: Answer,
    /// The item.
    pub item: ItemId,
    /// How many shares were given.
    pub shares: usize,
}
