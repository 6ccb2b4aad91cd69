//! Finding and showing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::{
    ClockClaim, DepositId, DigestClaim, DockName, Domain, Generation, ItemId, Kind, LedgerIndex,
    MediaFacts, Moment, NameHints, ProbeOutcome, Protection, RawName, ReadBack, Reason, Recovered, Sha256,
    Source, State, StreamFacts, Truncated,
};

/// What `find` looks for; everything given must fit.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Filter {
    /// Words in names, paths, tags and hints.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// A sort of thing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// Who deposited it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dock: Option<DockName>,
    /// `sealed` or `quarantined`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
    /// Of the bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Sha256>,
    /// Arrived then or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Moment>,
    /// Arrived before then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Moment>,
}

/// One line of `find`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemLine {
    /// The item.
    pub item: ItemId,
    /// What sort of thing.
    pub kind: Kind,
    /// The name it came with.
    pub name: String,
    /// Base64 of the name where it is not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_raw: Option<String>,
    /// Bytes.
    pub size: u64,
    /// Of the bytes.
    pub sha256: Sha256,
    /// When its first deposit arrived.
    pub arrived_at: Moment,
    /// `sealed` or `quarantined`.
    pub state: State,
    /// What waits for a person, or should be noticed.
    pub reasons: Vec<Reason>,
}

/// Everything known about one item. Nothing here depends on when it is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shown {
    /// What `find` says of it.
    #[serde(flatten)]
    pub line: ItemLine,
    /// Bytes of the sealed file.
    pub sealed_size: u64,
    /// Of the sealed file.
    pub sealed_sha256: Sha256,
    /// How many places hold it.
    pub copies: u32,
    /// How it was read back before its receipt.
    pub readback: ReadBack,
    /// Set where it was catalogued from its own facts: after a crash, or because the ledger was gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovered: Option<Recovered>,
    /// What keeps it from eyes.
    pub protections: Vec<Protection>,
    /// What the probe found.
    pub facts: Facts,
    /// Its arrivals, in order.
    pub deposits: Vec<DepositShown>,
    /// All clock claims, unmerged.
    pub clocks: Vec<ClockShown>,
    /// What checksums claimed, however late they came.
    #[serde(default)]
    pub claims: Vec<DigestClaim>,
    /// Its key files; the last is in force.
    pub keys: Vec<KeyFileShown>,
    /// What was made from it.
    pub derivatives: Vec<DerivativeShown>,
    /// Its companions.
    pub sidecars: Vec<TieShown>,
    /// The clips it is a companion of.
    pub sidecar_of: Vec<TieShown>,
    /// What the ledger says of it, in order.
    pub entries: Vec<EntryShown>,
}

/// Media facts, or that they are still to come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// How the probe went.
    pub probe: ProbeShown,
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
pub enum ProbeShown {
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

impl Facts {
    /// What is said before the probe has run.
    #[must_use]
    pub fn pending() -> Self {
        Self {
            probe: ProbeShown::Pending(Pending::Pending),
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

impl From<MediaFacts> for Facts {
    fn from(facts: MediaFacts) -> Self {
        Self {
            probe: ProbeShown::Done(facts.probe),
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

/// One arrival of an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DepositShown {
    /// The arrival.
    pub deposit: DepositId,
    /// From whom.
    pub dock: DockName,
    /// Where it lay.
    pub path: RawName,
    /// When.
    pub arrived_at: Moment,
    /// `sealed`, `quarantined` or `known`.
    pub state: State,
    /// The file as it lay there.
    pub source: Source,
    /// What checksums beside it claimed.
    #[serde(default)]
    pub claims: Vec<DigestClaim>,
    /// Why it waits for a person, or what should be noticed.
    #[serde(default)]
    pub reasons: Vec<Reason>,
    /// What its name said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_hints: Option<NameHints>,
    /// Its entry.
    pub ledger_index: LedgerIndex,
}

/// One clock's claim, and with which arrival it came; none for the container's, which is in the bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockShown {
    /// Whose clock, what it says, how far it is believed.
    #[serde(flatten)]
    pub claim: ClockClaim,
    /// The arrival.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deposit: Option<DepositId>,
}

/// The other side of a tie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TieShown {
    /// Which.
    pub item: ItemId,
    /// Its name as text.
    pub name: String,
}

/// A key file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyFileShown {
    /// The living generation.
    pub generation: Generation,
    /// Of the file.
    pub sha256: Sha256,
    /// Whose keys must all be at hand, in layer order.
    pub domains: Vec<Domain>,
}

/// Something made from an original.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DerivativeShown {
    /// Its own id.
    pub item: ItemId,
    /// What it is, for instance `poster`.
    pub role: String,
    /// MIME type.
    pub media_type: String,
    /// Bytes.
    pub size: u64,
    /// Of the bytes.
    pub sha256: Sha256,
    /// Of its sealed file.
    pub sealed_sha256: Sha256,
    /// With what it was made.
    pub tool: String,
    /// What for.
    pub reason: String,
    /// When.
    pub made: Moment,
    /// Path of the sealed file in the first place of the vault.
    pub path: String,
}

/// One entry of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryShown {
    /// Its place.
    pub index: LedgerIndex,
    /// When.
    pub at: Moment,
    /// What was done.
    pub kind: String,
}
