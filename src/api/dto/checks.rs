//! Verifying: items, the ledger, receipts.

use serde::{Deserialize, Serialize};

use crate::audit::PlaceReport;
use crate::model::{DepositId, Epoch, ItemId, LedgerIndex, PlaceName, Sha256, State};

/// What to verify.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerifyRequest {
    /// These; everything where none is named.
    #[serde(default)]
    pub items: Vec<ItemId>,
    /// How deep.
    #[serde(default)]
    pub mode: VerifyMode,
    /// How many copies must be whole.
    #[serde(default)]
    pub copies: VerifyCopies,
}

/// How many copies of each item must be whole for a pass. All that are there are read in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerifyCopies {
    /// One.
    #[default]
    Any,
    /// One in every place of the vault; less is `not_checked`.
    Every,
}

/// How deep a verification looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerifyMode {
    /// What the keys at hand allow; less than all is `not_checked`.
    #[default]
    Possible,
    /// Sealed bytes only; needs no key.
    Sealed,
    /// Every item opened.
    Open,
}

/// The three answers (P10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Looked at whole, and as written.
    Pass,
    /// Something is not as written.
    Fail,
    /// Not looked at whole.
    NotChecked,
}

/// The outcome of a verification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// The answer.
    pub result: Answer,
    /// How many originals were looked at.
    pub items: u64,
    /// How many derivatives.
    #[serde(default)]
    pub derivatives: u64,
    /// How many bytes were read for that.
    pub bytes_read: u64,
    /// How the copies in each place are.
    #[serde(default)]
    pub places: Vec<PlaceReport>,
    /// What is wrong or could not be looked at.
    pub failures: Vec<Failure>,
}

/// One thing that is not as written, or could not be looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Whose file; nothing where it belongs to no item.
    pub item: Option<ItemId>,
    /// In which place of the vault; nothing where it is in none.
    #[serde(default)]
    pub place: Option<PlaceName>,
    /// What is wrong, as a stable code.
    pub code: String,
    /// What a person should do.
    pub what_next: String,
}

/// The ledger was read whole and is as written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerVerified {
    /// Always pass; anything else is a problem.
    pub result: Answer,
    /// Entries.
    pub size: u64,
    /// Of the newest head, in hex.
    pub root: String,
    /// The epoch in force.
    pub epoch: Epoch,
    /// Heads whose signatures were checked.
    pub heads: u64,
    /// Bytes read.
    pub bytes_read: u64,
}

/// Proof that an entry is in the tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// The entry.
    pub index: LedgerIndex,
    /// Its leaf hash, in hex.
    pub leaf: String,
    /// The tree's size.
    pub size: u64,
    /// The path from leaf to root, in hex (RFC 9162, section 2.1.3).
    pub proof: Vec<String>,
    /// The signed head, a C2SP checkpoint.
    pub head: String,
}

/// A receipt to check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptRequest {
    /// The bytes of the receipt file, in base64.
    pub receipt: String,
    /// The bytes of the signature file, in base64.
    pub signature: String,
}

/// A receipt that is what this archive signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptChecked {
    /// Always pass; anything else is a problem.
    pub result: Answer,
    /// The arrival it answers.
    pub deposit: DepositId,
    /// The item that holds the bytes.
    pub item: ItemId,
    /// How the file stood.
    pub state: State,
    /// Of the bytes.
    pub sha256: Sha256,
    /// How many places held it.
    pub copies: u32,
    /// Whether the dock may erase on it (P2).
    pub may_erase: bool,
}
