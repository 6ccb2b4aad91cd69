//! What is known of bytes when they arrive, before anybody has looked at them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::reason::codes;
use super::{
    ArchiveId, ClaimAlgorithm, DepositId, DockName, Domain, Fingerprints, ItemId, Moment, Protection,
    RawName, Reason, Wide,
};

codes! {
    /// What sort of thing an original is, judged by its name; facts from a probe stand apart.
    Kind {
        /// 录像.
        Video = "video",
        /// 录音.
        Audio = "audio",
        /// 照片.
        Image = "image",
        /// A written record.
        Document = "document",
        /// A companion of a clip: checksum, track, subtitles, index.
        Sidecar = "sidecar",
        /// A device log.
        Log = "log",
        /// Anything else, vendor-encrypted originals included.
        Opaque = "opaque",
    }
}

/// A file as it lay in its inbox. Equal sources are one deposit: a file seen again unchanged is not
/// taken again, even after a rebuild.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Who put it there.
    pub dock: DockName,
    /// Relative to the inbox; absolute for `deposit`.
    pub path: RawName,
    /// `st_dev`; recorded, but not compared: it changes when a disk is mounted again.
    pub device: Wide,
    /// `st_ino`.
    pub inode: Wide,
    /// Bytes.
    pub size: u64,
    /// `st_mtim`.
    pub modified: Moment,
    /// `st_ctim`.
    pub changed: Moment,
}

/// Whose clock is speaking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockSource {
    /// The recorder, in the file's name.
    Name,
    /// The recorder, inside the container.
    Container,
    /// The file system, when the file was last written.
    File,
    /// This node, when the bytes arrived.
    Arrival,
}

/// How far a clock is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockTrust {
    /// Nobody vouches for it.
    Unknown,
    /// The clock of this node, as the system keeps it.
    Node,
}

/// One clock's claim. Claims are kept apart and never merged; recorder time sets no date.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClockClaim {
    /// Whose clock.
    pub from: ClockSource,
    /// The time as it was written, in ISO 8601; without a zone where the source names none.
    pub says: String,
    /// How far it is believed.
    pub trust: ClockTrust,
}

/// A checksum that a dock wrote beside a file: a claim to check, never our fingerprint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DigestClaim {
    /// In which algorithm.
    pub algorithm: ClaimAlgorithm,
    /// Lower-case hex.
    pub value: String,
    /// The sidecar that said so, relative to the inbox.
    pub from: RawName,
    /// What checking it gave.
    pub outcome: Outcome,
}

/// The three answers to a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The bytes are what the claim says.
    Verified,
    /// They are not.
    Mismatch,
    /// Nobody could look.
    Unverified,
}

/// What a name pattern read out of a name: hints, resolved against registers later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NameHints {
    /// The pattern that matched.
    pub pattern: String,
    /// Its named groups, as written.
    pub fields: BTreeMap<String, String>,
}

/// Everything known of a deposit when its bytes were taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DepositFacts {
    /// This arrival.
    pub deposit: DepositId,
    /// Where the bytes lay.
    pub source: Source,
    /// When this node had read the last byte.
    pub arrived: Moment,
    /// What sort of thing it is.
    pub kind: Kind,
    /// All clock claims, unmerged.
    pub clocks: Vec<ClockClaim>,
    /// What the name said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_hints: Option<NameHints>,
    /// What checksums beside it claimed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<DigestClaim>,
    /// Why it waits for a person, or what should be noticed; empty for most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Reason>,
}

/// Where a derivative came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DerivedFacts {
    /// The item it was made from.
    pub parent: ItemId,
    /// The fingerprint of what it was made from.
    pub parent_sha256: super::Sha256,
    /// What it is, for instance `poster`.
    pub role: String,
    /// With what it was made.
    pub tool: String,
    /// What for.
    pub reason: String,
    /// MIME type of the bytes.
    pub media_type: String,
    /// When.
    pub made: Moment,
}

/// How a sealed file came to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provenance {
    /// An original.
    Deposited(DepositFacts),
    /// Made from an original.
    Derived(DerivedFacts),
}

/// The content of a sealed file's facts section: what a catalog node may know without any power to
/// watch footage, and what brings an item back when the catalog is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedFacts {
    /// The archive that sealed it.
    pub archive: ArchiveId,
    /// The item.
    pub item: ItemId,
    /// Plaintext length in bytes.
    pub size: u64,
    /// Plaintext fingerprints.
    pub fingerprints: Fingerprints,
    /// Protections it arrived with.
    pub protections: Vec<Protection>,
    /// Key domains of the first generation.
    pub domains: Vec<Domain>,
    /// How it came to be.
    pub provenance: Provenance,
}
