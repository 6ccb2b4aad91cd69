//! How things stand.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{BackupStatus, CustodyState, RestoreStatus};
use crate::model::{ArchiveId, DockName, Epoch, Moment, RawName, Reason, State};

/// How things stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The archive.
    pub archive: ArchiveId,
    /// Whether files are taken.
    pub intake: IntakeStatus,
    /// Every inbox.
    pub inboxes: Vec<InboxStatus>,
    /// Whether items can be opened now.
    pub custody: CustodyState,
    /// Items whose key file no custodian has yet opened.
    pub unproven: u64,
    /// Damage that was found and not repaired yet.
    #[serde(default)]
    pub damaged: u64,
    /// Items by state.
    pub items: BTreeMap<State, u64>,
    /// The ledger.
    pub ledger: LedgerStatus,
    /// Every place of the vault.
    pub space: Vec<SpaceStatus>,
    /// The backup that is made by itself; nothing where none is.
    #[serde(default)]
    pub backup: Option<BackupStatus>,
    /// Set while the archive came back from a backup and nobody has confirmed that.
    #[serde(default)]
    pub restore: Option<RestoreStatus>,
}

/// Whether files are taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntakeStatus {
    /// The state.
    pub state: IntakeState,
    /// A code, for instance `no_space` or `no_daemon`; nothing while it runs.
    pub why: Option<String>,
}

/// Whether files are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntakeState {
    /// They are.
    Running,
    /// Not now; it resumes by itself.
    Paused,
    /// Not before somebody acts.
    Stopped,
}

/// One inbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboxStatus {
    /// Who fills it.
    pub dock: DockName,
    /// The folder.
    pub path: RawName,
    /// `events`, `poll` or `missing`.
    pub mode: String,
    /// Why it is polled or missing.
    pub why: Option<String>,
    /// When it was last walked as a whole.
    pub last_full_scan: Option<Moment>,
    /// Files by state.
    pub states: BTreeMap<State, u64>,
    /// Files that wait, are refused or ignored, by reason.
    pub reasons: BTreeMap<Reason, u64>,
    /// Files that wait or are refused, one by one; the first hundred.
    #[serde(default)]
    pub sightings: Vec<SightingStatus>,
}

/// A file that has no receipt yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SightingStatus {
    /// Relative to the inbox.
    pub path: RawName,
    /// How it stands.
    pub state: State,
    /// Why.
    pub reasons: Vec<Reason>,
    /// Attempts that failed so far.
    pub attempts: u32,
}

/// The ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerStatus {
    /// Entries.
    pub size: u64,
    /// When the newest head was signed.
    pub head_time: Option<Moment>,
    /// The epoch in force.
    pub epoch: Epoch,
}

/// One place of the vault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceStatus {
    /// The folder.
    pub place: RawName,
    /// Whether it takes files, and has all.
    pub state: PlaceState,
    /// Why it takes none, as a code: `missing`, `full`, `read_only`, `failing`.
    pub why: Option<String>,
    /// Bytes that can be written; 0 where it is not there.
    pub free_bytes: u64,
    /// Bytes of the disk.
    pub total_bytes: u64,
    /// Below this, intake pauses, or goes on without it.
    pub floor_bytes: u64,
    /// The round in which its copies are read again.
    pub scrub: ScrubStatus,
}

/// Whether a place takes files, and has all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlaceState {
    /// It takes files and lacks none.
    Whole,
    /// It takes files, and may lack some that are being copied.
    Owing,
    /// It takes none for now.
    Away,
}

/// How far the copies of a place were read again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScrubStatus {
    /// When this round began; nothing before the first.
    pub began: Option<Moment>,
    /// Bytes read in it.
    pub bytes_read: u64,
}
