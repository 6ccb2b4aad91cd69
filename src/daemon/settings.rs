//! The settings of an archive: one TOML file, read whole or not at all.
//!
//! Knows the words of `sealdock.toml` and their defaults, and deliberately nothing of disks: whether a
//! folder is there, or lies inside another, is asked when the daemon starts. Unknown and contradictory keys
//! are refused with their line and a remedy; nothing falls back silently for where evidence goes.
//! Called by `daemon`, at start and on SIGHUP, and by `init`.

mod backup;
mod classes;
mod profile;
mod units;
mod written;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

pub use backup::{BackupContent, BackupSettings};
pub use profile::{Escrow, InboxDefaults, NoProfile, Profile};
pub use units::{ByteSize, NotASize, NotASpan, parse_span};
use written::{Problem, Written};

use crate::model::{DockName, Level, Protection};

/// The name of the file in the home.
pub const FILE: &str = "sealdock.toml";

/// Settings larger than this are no settings: far above what a thousand inboxes need.
const MAX_BYTES: u64 = 1 << 20;

/// The file that `init` writes.
const TEMPLATE: &str = include_str!("../../config/sealdock.toml");

/// Everything the file says, defaults filled in and every path absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The policy data in force.
    pub profile: Profile,
    /// What this node is.
    pub node: NodeSettings,
    /// The inboxes, in the order of the file; their docks and paths differ.
    pub inboxes: Vec<InboxSettings>,
    /// Where sealed files are kept.
    pub vault: VaultSettings,
    /// What bounds the work.
    pub limits: Limits,
    /// The journal.
    pub log: LogSettings,
    /// The backup that is made by itself; nothing where none is.
    pub backup: Option<BackupSettings>,
}

/// `[node]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NodeSettings {
    /// The highest secrecy level that it may hold; what is above is cut off from everybody.
    pub max_secrecy: Level,
}

/// One inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxSettings {
    /// Who fills it.
    pub dock: DockName,
    /// The folder.
    pub path: PathBuf,
    /// A file is taken when it has not changed for this long.
    pub quiet: Duration,
    /// Whether sources leave after their receipt, as written; see [`Settings::releases`].
    pub release: Release,
    /// A larger file is left where it is.
    pub max_file: ByteSize,
    /// Protections that every file arrives with.
    pub default_classes: Vec<Protection>,
    /// Where receipts go instead of `.receipts` in the inbox.
    pub receipts: Option<PathBuf>,
}

/// Whether sources leave their inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(try_from = "String")]
pub enum Release {
    /// They stay.
    #[default]
    Never,
    /// They are set aside after the receipt and removed after this long.
    After(Duration),
}

impl TryFrom<String> for Release {
    type Error = NotASpan;

    fn try_from(text: String) -> Result<Self, NotASpan> {
        if text == "never" { Ok(Self::Never) } else { parse_span(&text).map(Self::After) }
    }
}

/// `[vault]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaultSettings {
    /// The places that hold every sealed file; at least one, all different.
    pub copies: Vec<PathBuf>,
    /// How many of them must take a file for it to count as sealed; 1 to all.
    pub least_copies: usize,
    /// Whether sealed files are read back before their receipt.
    pub readback: ReadBackRule,
    /// Every copy is read again within this time.
    pub scrub: Duration,
    /// At most so many bytes a second are read for that.
    pub scrub_rate: ByteSize,
}

/// Whether sealed files are read back before their receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadBackRule {
    /// From the disk, past the page cache.
    #[default]
    Disk,
    /// Not at all: nothing may be erased on such a receipt.
    Off,
}

/// `[limits]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Files sealed at once over all inboxes, 1 to 16.
    pub files_at_once: u16,
    /// Files of one inbox in flight, at least 1.
    pub inbox_files: u16,
    /// Bytes of one inbox in flight; a larger file goes alone.
    pub inbox_bytes: ByteSize,
    /// Bytes a second of one inbox.
    pub inbox_rate: Rate,
    /// Intake pauses below this; see [`Limits::floor_on`].
    pub space_floor: ByteSize,
    /// Time between two walks of an inbox.
    #[serde(deserialize_with = "units::span")]
    pub rescan: Duration,
    /// The same where the file system tells no events.
    #[serde(deserialize_with = "units::span")]
    pub poll: Duration,
    /// Files in the sandboxed parser at once, 1 to 16.
    pub probes_at_once: u16,
    /// Memory of one parser.
    pub probe_memory: ByteSize,
    /// Time that one file may take in the parser.
    #[serde(deserialize_with = "units::span")]
    pub probe_deadline: Duration,
    /// Bytes that the parser may read of one file.
    pub probe_read: ByteSize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            files_at_once: 3,
            inbox_files: 2,
            inbox_bytes: ByteSize::gibibytes(64),
            inbox_rate: Rate::Unlimited,
            space_floor: ByteSize::gibibytes(1),
            rescan: Duration::from_secs(60),
            poll: Duration::from_secs(10),
            probes_at_once: 1,
            probe_memory: ByteSize::mebibytes(512),
            probe_deadline: Duration::from_secs(30),
            probe_read: ByteSize::mebibytes(256),
        }
    }
}

impl Limits {
    /// The free bytes below which intake pauses on a disk of `total` bytes: the setting, but never more
    /// than a twentieth of the disk.
    #[must_use]
    pub fn floor_on(&self, total: ByteSize) -> ByteSize {
        self.space_floor.min(ByteSize::of(total.bytes() / 20))
    }
}

/// Bytes a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(try_from = "String")]
pub enum Rate {
    /// As fast as the disks are.
    #[default]
    Unlimited,
    /// At most this many.
    PerSecond(ByteSize),
}

impl TryFrom<String> for Rate {
    type Error = NotASize;

    fn try_from(text: String) -> Result<Self, NotASize> {
        if text == "unlimited" { Ok(Self::Unlimited) } else { text.parse().map(Self::PerSecond) }
    }
}

/// `[log]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogSettings {
    /// How an event is written.
    pub format: LogFormat,
    /// What is written.
    pub level: LogLevel,
}

/// How an event of the journal is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// A line for people.
    #[default]
    Text,
    /// A JSON object a line.
    Json,
}

/// The least weighty event that the journal takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// What failed.
    Error,
    /// And what needs attention.
    Warn,
    /// And what was done.
    #[default]
    Info,
    /// And how.
    Debug,
    /// And each step of it.
    Trace,
}

/// Why settings cannot be used. Each names the file, and the line where there is one.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file itself.
    #[error("cannot read the settings in {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Something in it.
    #[error("{path}, line {line}: {problem}", path = path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong and what to write instead.
        problem: String,
    },
}

impl Settings {
    /// Reads `sealdock.toml` in the home.
    ///
    /// # Errors
    /// When the file cannot be read, or anything in it is unknown, contradictory or out of bounds.
    pub fn load(home: &Path) -> Result<Self, Error> {
        let path = home.join(FILE);
        let text = read_bounded(&path).map_err(|source| Error::Read { path, source })?;
        Self::parse(&text, home)
    }

    /// Reads the text of a settings file whose home is `home`.
    ///
    /// # Errors
    /// As [`Settings::load`].
    pub fn parse(text: &str, home: &Path) -> Result<Self, Error> {
        let wrong = |problem: Problem| Error::Wrong {
            path: home.join(FILE),
            line: line_of(text, problem.at.start),
            problem: problem.what,
        };
        let written: Written = toml::from_str(text).map_err(|error| wrong(error.into()))?;
        written.settle(home).map_err(wrong)
    }

    /// The text of a new settings file for this profile. It has no `inbox` key, so that `[[inbox]]` tables
    /// can be added at its end.
    #[must_use]
    pub fn template(profile: &Profile) -> String {
        TEMPLATE.replacen(
            &format!("profile = \"{}\"", Profile::DEFAULT),
            &format!("profile = \"{}\"", profile.name),
            1,
        )
    }

    /// Whether sources of this inbox leave it. With one copy they stay, whatever the inbox says. P1
    #[must_use]
    pub fn releases(&self, inbox: &InboxSettings) -> Release {
        if self.vault.copies.len() < 2 { Release::Never } else { inbox.release }
    }

    /// Whether these settings differ from others in more than their inboxes; a running daemon takes over
    /// no more than those.
    #[must_use]
    pub fn differ_beyond_inboxes(&self, other: &Self) -> bool {
        let Self { profile, node, inboxes: _, vault, limits, log, backup } = self;
        (profile, node, vault, limits, log, backup)
            != (&other.profile, &other.node, &other.vault, &other.limits, &other.log, &other.backup)
    }
}

fn read_bounded(path: &Path) -> io::Result<String> {
    use std::io::Read as _;
    let mut text = String::new();
    let read = std::fs::File::open(path)?.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    if read as u64 > MAX_BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "settings are smaller than 1 MiB"));
    }
    Ok(text)
}

fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests;
