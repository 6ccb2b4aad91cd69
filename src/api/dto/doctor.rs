//! What would go wrong, and the remedy.

use serde::{Deserialize, Serialize};

/// What would go wrong, and the remedy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// Errors first. Empty when nothing was noticed.
    pub findings: Vec<Finding>,
}

/// Something that `doctor` noticed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How bad it is.
    pub grade: Grade,
    /// What.
    pub code: Symptom,
    /// The thing it is about, for instance a path.
    pub about: String,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// Something does not work.
    Error,
    /// Something works, but not as it should in the long run.
    Warning,
}

macro_rules! symptoms {
    ($($(#[$doc:meta])* $variant:ident = $code:literal,)*) => {
        /// What `doctor` can notice, as stable codes; texts and remedies are in the message catalogs.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum Symptom {
            $($(#[$doc])* #[serde(rename = $code)] $variant,)*
        }

        impl Symptom {
            /// Every one, for tests of the message catalogs.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable code.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }
        }
    };
}

symptoms! {
    /// The archive does not open; `about` says why.
    DoesNotOpen = "does_not_open",
    /// The settings cannot be used.
    BadSettings = "bad_settings",
    /// No daemon is up: nothing is taken in.
    NoDaemon = "no_daemon",
    /// No inbox is set.
    NoInbox = "no_inbox",
    /// An inbox is not there.
    InboxMissing = "inbox_missing",
    /// An inbox's file system tells no events.
    InboxPolled = "inbox_polled",
    /// Receipts cannot be written into an inbox.
    InboxUnwritable = "inbox_unwritable",
    /// The home lies in memory.
    HomeInMemory = "home_in_memory",
    /// Only one place holds each item.
    OneCopy = "one_copy",
    /// A place of the vault takes nothing.
    PlaceAway = "place_away",
    /// A place of the vault may lack items that were sealed without it.
    PlaceOwing = "place_owing",
    /// Damage stands that was not repaired.
    Damaged = "damaged",
    /// Copies were not read again in their time.
    ScrubLate = "scrub_late",
    /// Two places lie on one disk.
    CopiesOnOneDisk = "copies_on_one_disk",
    /// Sources stay in an inbox for ever.
    ReleaseOff = "release_off",
    /// Receipts are given without read-back.
    ReadbackOff = "readback_off",
    /// Intake pauses, or soon will.
    LowSpace = "low_space",
    /// The passphrase lies beside the keys.
    PassphraseBesideKeys = "passphrase_beside_keys",
    /// No custodian keys are here.
    SealOnly = "seal_only",
    /// No custodian has opened some key files yet.
    Unproven = "unproven",
    /// The parser of media is not where it should be.
    NoProber = "no_prober",
    /// The parser of media cannot be walled in as it should be.
    WeakWalls = "weak_walls",
    /// The settings were changed after the daemon read them.
    SettingsNotRead = "settings_not_read",
    /// Others than the owner can read secrets.
    OpenSecrets = "open_secrets",
    /// No backup is made by itself.
    NoBackup = "no_backup",
    /// The newest backup could not be made.
    BackupFails = "backup_fails",
    /// The backup lies on the disk that it should save.
    BackupOnSameDisk = "backup_on_same_disk",
    /// The archive came back from a backup, and nobody has confirmed that.
    RestoreUnconfirmed = "restore_unconfirmed",
}
