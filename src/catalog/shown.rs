//! What `show` prints: these shapes travel to whoever asks.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::rows::FoundRow;
use crate::model::{
    Class, ClockClaim, DepositId, DigestClaim, DockName, Domain, Generation, ItemId, LedgerIndex,
    MediaFacts, Moment, NameHints, ProbeOutcome, RawName, ReadBack, Reason, Recovered, Sha256, Source,
    State, StreamFacts, Truncated,
};

/// What `show` prints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShownItem {
    /// What `find` says of it.
    #[serde(flatten)]
    pub line: FoundRow,
    /// Sealed length in bytes.
    pub sealed_size: u64,
    /// Fingerprint of the sealed file.
    pub sealed_sha256: Sha256,
    /// How many places hold it.
    pub copies: u32,
    /// How it was read back before its receipt.
    pub readback: ReadBack,
    /// Set where it was catalogued from its own facts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovered: Option<Recovered>,
    /// Its class: `level`, `term_years` where it has a level, `protections`.
    #[serde(flatten)]
    pub class: Class,
    /// Facts about its media.
    pub facts: ShownFacts,
    /// Its arrivals, the first in front.
    pub deposits: Vec<ShownDeposit>,
    /// Every clock's claim, unmerged.
    pub clocks: Vec<ShownClock>,
    /// Claims that were checked after the deposit.
    pub claims: Vec<DigestClaim>,
    /// The living generation of its key file.
    pub keys: Vec<ShownKeys>,
    /// What was made from it.
    pub derivatives: Vec<ShownDerivative>,
    /// Sidecars that belong to it.
    pub sidecars: Vec<ShownTie>,
    /// Clips it belongs to.
    pub sidecar_of: Vec<ShownTie>,
    /// Its history.
    pub entries: Vec<ShownEntry>,
}

/// Media facts, or that they are still to come: then all the rest is empty.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShownFacts {
    /// How the probe went.
    pub probe: ShownProbe,
    /// FFmpeg's name of the container.
    pub container: Option<String>,
    /// Seconds.
    pub duration_s: Option<f64>,
    /// In the order of the container.
    pub streams: Option<Vec<StreamFacts>>,
    /// Whether the end is missing.
    pub truncated: Option<Truncated>,
    /// What led to that answer, as codes.
    #[serde(default)]
    pub truncated_because: Vec<String>,
    /// When the container says it was made.
    #[serde(default)]
    pub created: Option<String>,
    /// ISO 6709, as written there.
    #[serde(default)]
    pub place: Option<String>,
    /// Tags of the container.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// The walls the probe ran behind.
    #[serde(default)]
    pub walls: Vec<String>,
}

/// How the probe went, or that it has not run yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ShownProbe {
    /// Still to come.
    Pending(Pending),
    /// Done.
    Done(ProbeOutcome),
}

/// The word for a probe that has not run yet: `{"result": "pending"}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum Pending {
    /// Still to come.
    Pending,
}

impl ShownFacts {
    /// What is said before the probe has run.
    #[must_use]
    pub fn pending() -> Self {
        Self {
            probe: ShownProbe::Pending(Pending::Pending),
            container: None,
            duration_s: None,
            streams: None,
            truncated: None,
            truncated_because: Vec::new(),
            created: None,
            place: None,
            tags: BTreeMap::new(),
            walls: Vec::new(),
        }
    }
}

impl From<MediaFacts> for ShownFacts {
    fn from(facts: MediaFacts) -> Self {
        Self {
            probe: ShownProbe::Done(facts.probe),
            container: facts.container,
            duration_s: facts.duration_s,
            streams: Some(facts.streams),
            truncated: Some(facts.truncated),
            truncated_because: facts.truncated_because,
            created: facts.created,
            place: facts.place,
            tags: facts.tags,
            walls: facts.walls,
        }
    }
}

/// One arrival.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownDeposit {
    /// Which.
    pub deposit: DepositId,
    /// From which dock.
    pub dock: DockName,
    /// Where the bytes lay, relative to the inbox.
    pub path: RawName,
    /// When this node had read the last byte.
    pub arrived_at: Moment,
    /// `sealed`, `quarantined` or `known`.
    pub state: State,
    /// What should be noticed.
    pub reasons: Vec<Reason>,
    /// The file as it lay there.
    pub source: Source,
    /// What checksums beside it claimed.
    pub claims: Vec<DigestClaim>,
    /// What its name said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_hints: Option<NameHints>,
    /// Its place in the ledger.
    pub ledger_index: LedgerIndex,
}

/// One clock's claim, and with which arrival it came; none for the container's, which is in the bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownClock {
    /// Whose clock, what it says, how far it is believed.
    #[serde(flatten)]
    pub claim: ClockClaim,
    /// The arrival it came with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deposit: Option<DepositId>,
}

/// A key file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownKeys {
    /// Which generation.
    pub generation: Generation,
    /// SHA-256 of the file.
    pub sha256: Sha256,
    /// Its key domains, in layer order.
    pub domains: Vec<Domain>,
}

/// What was made from an original.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownDerivative {
    /// Its own id.
    pub item: ItemId,
    /// What it is, for instance `poster`.
    pub role: String,
    /// MIME type of its bytes.
    pub media_type: String,
    /// Plaintext length in bytes.
    pub size: u64,
    /// Plaintext fingerprint.
    pub sha256: Sha256,
    /// Fingerprint of its sealed file.
    pub sealed_sha256: Sha256,
    /// With what it was made.
    pub tool: String,
    /// What for.
    pub reason: String,
    /// When.
    pub made: Moment,
    /// Where its sealed file lies; filled in by those who know the vault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// The other side of a tie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownTie {
    /// Which.
    pub item: ItemId,
    /// Its name as text.
    pub name: String,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownEntry {
    /// Its place in the ledger.
    pub index: LedgerIndex,
    /// When it was made.
    pub at: Moment,
    /// The word for what was done.
    pub kind: String,
}
