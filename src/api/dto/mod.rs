//! The shapes that travel. Field names are a contract with scripts: they are added to, never changed.

mod backups;
mod checks;
mod classes;
mod deposits;
mod doctor;
mod items;
mod keys;
mod reading;
mod status;

use serde::{Deserialize, Serialize};

pub use backups::{
    BackupChecked, BackupContent, BackupFault, BackupMade, BackupRequest, BackupStatus, ConfirmRequest,
    ItemsIn, RestoreConfirmed, RestoreReport, RestoreStatus, Unseen,
};
pub use checks::{
    Answer, Failure, LedgerVerified, Proof, ReceiptChecked, ReceiptRequest, Verified, VerifyCopies,
    VerifyMode, VerifyRequest,
};
pub use classes::{ClassAnswer, ClassOutcome, ClassRequest, SecondWord};
pub use deposits::{DepositLine, DepositPath, DepositRequest, Taken};
pub use doctor::{Diagnosis, Finding, Grade, Symptom};
pub use items::Filter;
pub use keys::{CustodyNow, CustodyState, DrillRequest, Drilled, KeyShown, Keys, UnlockRequest};
pub use reading::{READING_SHA256, READING_SIZE, ReadingRequest};
pub use status::{
    InboxStatus, IntakeState, IntakeStatus, LedgerStatus, PlaceState, ScrubStatus, SightingStatus,
    SpaceStatus, Status,
};

pub use crate::audit::PlaceReport;
pub use crate::audit::backup::{Lost, Trouble};
pub use crate::catalog::{FoundRow, Pending, ShownDeposit, ShownFacts, ShownItem, ShownProbe};
use crate::model::RawName;

/// The server answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Always true: what is not healthy does not answer.
    pub healthy: bool,
}

/// How far long work is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// Things done.
    pub done: u64,
    /// Things there are, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// Bytes done.
    pub bytes: u64,
    /// Bytes there are, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_bytes: Option<u64>,
}

/// A name as text, and its bytes where they are not UTF-8.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameText {
    /// For people: bytes that are not UTF-8 became U+FFFD.
    pub text: String,
    /// Base64 of the bytes, only where they are not UTF-8.
    pub raw: Option<String>,
}

impl From<&RawName> for NameText {
    fn from(name: &RawName) -> Self {
        use base64::Engine as _;
        let bytes = name.as_bytes();
        let raw = std::str::from_utf8(bytes)
            .is_err()
            .then(|| base64::engine::general_purpose::STANDARD.encode(bytes));
        Self { text: name.to_text(), raw }
    }
}
