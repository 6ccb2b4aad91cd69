//! Errors as answers: `application/problem+json` (RFC 9457) with stable codes.

mod of_rooms;

use std::fmt;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use crate::model::chain;

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $status:literal;)*) => {
        /// What went wrong, as a stable code. Some arise only in commands; they stand here too, so that a
        /// script meets one list.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum Code {
            $($(#[$doc])* #[serde(rename = $code)] $variant,)*
        }

        impl Code {
            /// Every one, for tests of the message catalogs.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable code.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)* }
            }
        }
    };
}

codes! {
    /// The request cannot be understood.
    BadRequest = "bad_request", 400;
    /// Not there, or not for the asker: they look the same (P9).
    NotFound = "not_found", 404;
    /// The route exists, but not with this method.
    MethodNotAllowed = "method_not_allowed", 405;
    /// The bytes asked for lie beyond the end.
    OutsideRange = "outside_range", 416;
    /// The caller may not do this.
    NotAllowed = "not_allowed", 403;
    /// This node holds no custodian keys.
    SealOnly = "seal_only", 403;
    /// Custodian keys are here, but locked.
    CustodyClosed = "custody_closed", 403;
    /// The passphrase opens nothing.
    WrongPassphrase = "wrong_passphrase", 403;
    /// Fewer shares than are needed.
    MissingShares = "missing_shares", 422;
    /// A share that is none, or of another archive.
    BadShare = "bad_share", 422;
    /// A ledger file is not what was written.
    DamagedLedger = "damaged_ledger", 500;
    /// A sealed file is missing or not what was written.
    DamagedItem = "damaged_item", 500;
    /// A key file is missing or not what was written.
    DamagedKeys = "damaged_keys", 500;
    /// A receipt is not what was signed.
    DamagedReceipt = "damaged_receipt", 422;
    /// The ledger is shorter than what is known of it.
    RolledBack = "rolled_back", 500;
    /// The catalog was written by a newer sealdock.
    FromTheFuture = "from_the_future", 503;
    /// The home lies on a file system that cannot keep promises.
    WrongFileSystem = "wrong_file_system", 503;
    /// The home holds no archive.
    NoArchive = "no_archive", 503;
    /// Something is there already that would have to be overwritten.
    AlreadyThere = "already_there", 409;
    /// The settings cannot be used.
    BadSettings = "bad_settings", 503;
    /// A daemon serves this home already.
    AlreadyRunning = "already_running", 409;
    /// Another command holds the home.
    Busy = "busy", 503;
    /// This needs a running daemon.
    NoDaemon = "no_daemon", 503;
    /// The archive is shutting down, or stopped itself after a failed write.
    Stopped = "stopped", 503;
    /// A place of the vault is not there: its disk is not mounted, or it was never made.
    PlaceMissing = "place_missing", 503;
    /// A disk is full.
    NoSpace = "no_space", 507;
    /// A disk answered with an error.
    DiskError = "disk_error", 500;
    /// The answer ended before it was whole.
    Interrupted = "interrupted", 502;
    /// A file that a person named cannot be read.
    UnreadableFile = "unreadable_file", 422;
    /// A file that a person named cannot be written.
    UnwritableFile = "unwritable_file", 422;
    /// A secret is needed, and nobody is there to type it.
    NoTerminal = "no_terminal", 422;
    /// The archive came back from a backup, and nobody has confirmed that yet.
    RestoreUnconfirmed = "restore_unconfirmed", 403;
    /// Whoever did the first half of an act may not do the second.
    NeedsAnother = "needs_another", 403;
    /// Nobody seconds an act of their own.
    OwnAct = "own_act", 403;
    /// It is so already.
    NoChange = "no_change", 409;
    /// Nothing is proposed that a second person could agree to.
    NothingProposed = "nothing_proposed", 409;
    /// No restore waits for a confirmation.
    NothingToConfirm = "nothing_to_confirm", 409;
    /// A folder that should be a backup and is none, or was cut short.
    NotABackup = "not_a_backup", 422;
    /// A backup would lie in what it is to save, or the other way round.
    Overlap = "overlap", 422;
    /// The backup of another archive, or of another course of this one.
    OtherBackup = "other_backup", 409;
    /// A backup that a newer sealdock wrote.
    NewerBackup = "newer_backup", 422;
    /// A backup that is not what was written.
    DamagedBackup = "damaged_backup", 422;
    /// Our own mistake.
    Internal = "internal", 500;
}

impl Code {
    /// Whether bytes were found that are not what was written: never retried away.
    #[must_use]
    pub fn is_integrity(self) -> bool {
        matches!(
            self,
            Self::DamagedLedger
                | Self::DamagedItem
                | Self::DamagedKeys
                | Self::DamagedReceipt
                | Self::DamagedBackup
                | Self::RolledBack
        )
    }

    /// Whether a rule, and no accident, stands in the way.
    #[must_use]
    pub fn is_refusal(self) -> bool {
        matches!(
            self,
            Self::NotAllowed
                | Self::SealOnly
                | Self::CustodyClosed
                | Self::RestoreUnconfirmed
                | Self::NeedsAnother
                | Self::OwnAct
        )
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// An error as it travels. `detail` says what happened to which thing, in English.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{detail}")]
pub struct Problem {
    /// What went wrong.
    pub code: Code,
    /// The HTTP status, repeated as RFC 9457 asks.
    pub status: u16,
    /// What happened, to which thing.
    pub detail: String,
}

impl Problem {
    /// The media type.
    pub const MEDIA_TYPE: &'static str = "application/problem+json";

    /// A problem of this code.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, status: code.status(), detail: detail.into() }
    }

    /// A problem of this code whose detail is an error with its whole chain of causes.
    #[must_use]
    pub fn of(code: Code, error: &dyn std::error::Error) -> Self {
        Self::new(code, chain(error))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).expect("a problem is plain text and numbers");
        (status, [(header::CONTENT_TYPE, Self::MEDIA_TYPE)], body).into_response()
    }
}
