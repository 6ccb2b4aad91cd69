//! Backups: made, checked, restored, confirmed.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use zeroize::Zeroize as _;

use super::{Answer, Failure};
use crate::audit::backup::{Extent, Lost, Trouble};
use crate::model::{ArchiveId, Epoch, KeyId, Moment, RawName, Witness};

/// A backup to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupRequest {
    /// The folder, absolute.
    pub folder: PathBuf,
    /// What goes into it.
    #[serde(default)]
    pub content: BackupContent,
}

/// What goes into a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BackupContent {
    /// Ledger, settings, policy and keys.
    #[default]
    Books,
    /// And every sealed file and key file.
    Items,
}

impl From<BackupContent> for Extent {
    fn from(content: BackupContent) -> Self {
        match content {
            BackupContent::Books => Self::Books,
            BackupContent::Items => Self::Items,
        }
    }
}

impl From<Extent> for BackupContent {
    fn from(extent: Extent) -> Self {
        match extent {
            Extent::Books => Self::Books,
            Extent::Items => Self::Items,
        }
    }
}

/// A backup that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupMade {
    /// Pass; fail where items were damaged in the archive already, so that they are not in it.
    pub result: Answer,
    /// The folder.
    pub folder: PathBuf,
    /// Which state of it.
    pub state: u32,
    /// When.
    pub made: Moment,
    /// Entries of the ledger in it.
    pub ledger_size: u64,
    /// The items; nothing where they are not in it.
    pub items: Option<ItemsIn>,
    /// Files written anew.
    pub copied_files: u64,
    /// Bytes written.
    pub copied_bytes: u64,
    /// Items that are damaged in the archive.
    pub failures: Vec<Failure>,
}

/// The items of a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemsIn {
    /// Originals and derivatives.
    pub items: u64,
    /// Their sealed bytes, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}

/// A backup that was checked alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupChecked {
    /// The answer.
    pub result: Answer,
    /// Whose backup it is.
    pub archive: ArchiveId,
    /// The root key; compare it with the paper.
    pub root: KeyId,
    /// Which state.
    pub state: u32,
    /// When it was made.
    pub made: Moment,
    /// The epoch of the ledger.
    pub epoch: Epoch,
    /// Entries of the ledger.
    pub ledger_size: u64,
    /// The root of their tree, in hex.
    pub ledger_root: String,
    /// The items that were looked at; nothing where they are not in it.
    pub items: Option<ItemsIn>,
    /// Bytes read.
    pub bytes_read: u64,
    /// What is wrong or could not be looked at.
    pub faults: Vec<BackupFault>,
}

/// One thing that is wrong with a backup, or could not be looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupFault {
    /// The file, relative to the backup.
    pub path: String,
    /// What, as a stable code.
    pub code: String,
}

/// What became of a restore.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreReport {
    /// Pass where nothing is missing; fail where something is; not checked where a place could not be looked at.
    pub result: Answer,
    /// The archive.
    pub archive: ArchiveId,
    /// Its new home.
    pub home: PathBuf,
    /// The root key; compare it with the paper.
    pub root: KeyId,
    /// The state that it was restored from.
    pub state: u32,
    /// When that was made.
    pub made: Moment,
    /// Entries that the ledger goes on from.
    pub ledger_size: u64,
    /// The root of their tree, in hex.
    pub ledger_root: String,
    /// The epoch that began.
    pub epoch: Epoch,
    /// Items that came back; nothing where they were not in the backup.
    pub items: Option<ItemsIn>,
    /// Catalogued items that no place holds.
    pub items_missing: u64,
    /// Items that lay in a place of the vault and were newer than the backup.
    pub items_recovered: u64,
    /// Files of the backup that were damaged, so that they did not come back.
    pub damaged: Vec<BackupFault>,
    /// Receipts that were compared.
    pub receipts: u64,
    /// Files that are named like receipts and are none of this archive.
    pub strange_receipts: Vec<PathBuf>,
    /// Places that could not be looked at.
    pub unseen: Vec<Unseen>,
    /// Deposits that were receipted after the backup.
    pub lost: Vec<Lost>,
}

/// A place that could not be looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unseen {
    /// Which.
    pub path: PathBuf,
    /// Why.
    pub why: String,
}

/// Who vouches for a restore. Zeroed when dropped, never printed.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfirmRequest {
    /// The shares' text; none where another user confirms.
    #[serde(default)]
    pub shares: Vec<String>,
}

impl Drop for ConfirmRequest {
    fn drop(&mut self) {
        self.shares.zeroize();
    }
}

impl std::fmt::Debug for ConfirmRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ConfirmRequest {{ shares: {} }}", self.shares.len())
    }
}

/// A restore that was confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreConfirmed {
    /// The epoch that it began.
    pub epoch: Epoch,
    /// On whose word.
    pub by: Witness,
}

/// The backup that is made by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupStatus {
    /// Where it goes.
    pub folder: RawName,
    /// How often, in seconds.
    pub every_s: u64,
    /// What goes into it.
    pub content: BackupContent,
    /// When the last one that came through was made.
    pub last: Option<Moment>,
    /// What keeps the newest one from coming through.
    pub trouble: Option<Trouble>,
}

/// A restore that waits for its confirmation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreStatus {
    /// The local user who restored.
    pub uid: Option<u32>,
}
