//! Taking in.

use serde::{Deserialize, Serialize};

use crate::model::{DepositId, DockName, ItemId, LedgerIndex, RawName, Reason, Sha256, State};

/// Files and folders to take in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DepositRequest {
    /// On whose behalf.
    pub dock: DockName,
    /// What.
    pub paths: Vec<DepositPath>,
}

/// One path of a deposit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DepositPath {
    /// As it was typed; the answer speaks of it, and of what lies beneath it, in these words.
    pub shown: RawName,
    /// The same from the root; links in it are followed, links beneath it are not.
    pub absolute: RawName,
}

/// What became of one file of a deposit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DepositLine {
    /// The path as typed, continued for what lies beneath a folder.
    pub path: String,
    /// Base64 of the path where it is not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_raw: Option<String>,
    /// How it stands.
    pub state: State,
    /// Why.
    pub reasons: Vec<Reason>,
    /// The receipt's words, where there is a receipt.
    #[serde(flatten)]
    pub taken: Option<Taken>,
}

/// What a receipt says, for a file that is sealed, known or quarantined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// The item that holds the bytes.
    pub item: ItemId,
    /// This arrival.
    pub deposit: DepositId,
    /// Bytes.
    pub size: u64,
    /// Of the bytes.
    pub sha256: Sha256,
    /// Of the sealed file.
    pub sealed_sha256: Sha256,
    /// How many places hold it.
    pub copies: u32,
    /// Its entry.
    pub ledger_index: LedgerIndex,
    /// Path of the receipt.
    pub receipt: String,
}
