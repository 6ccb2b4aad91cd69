//! What a question to the catalog is answered with.

use serde::{Deserialize, Serialize};

use crate::model::{
    Class, DepositFacts, DepositId, DockName, Domain, Generation, ItemId, Kind, LedgerIndex, Moment,
    RawName, ReadBack, Reason, Recovered, Sha256, State,
};

/// One sealed thing: what is needed to open, check or list it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemRow {
    /// Which.
    pub item: ItemId,
    /// Plaintext length in bytes.
    pub size: u64,
    /// Plaintext fingerprint.
    pub sha256: Sha256,
    /// Sealed length in bytes.
    pub sealed_size: u64,
    /// Fingerprint of the sealed file.
    pub sealed_sha256: Sha256,
    /// Key domains, in layer order.
    pub domains: Vec<Domain>,
    /// The living generation of its key file.
    pub generation: Generation,
    /// SHA-256 of that key file.
    pub keys_sha256: Sha256,
    /// Set where it was catalogued from its own facts.
    pub recovered: Option<Recovered>,
    /// What it is.
    pub origin: Origin,
}

/// Where a sealed thing came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A dock deposited it.
    Original(Original),
    /// It was made from an original.
    Derivative {
        /// From which.
        parent: ItemId,
        /// What it is, for instance `poster`.
        role: String,
        /// MIME type of its bytes.
        media_type: String,
    },
}

/// What only an original has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Original {
    /// The dock of its first deposit.
    pub dock: DockName,
    /// Its name in its first deposit, without folders.
    pub name: RawName,
    /// What sort of thing it is.
    pub kind: Kind,
    /// When its bytes had arrived.
    pub arrived: Moment,
    /// `sealed` or `quarantined`.
    pub state: State,
    /// Why, and what else should be noticed.
    pub reasons: Vec<Reason>,
    /// Its class.
    pub class: Class,
    /// How many places hold it.
    pub copies: u32,
    /// How it was read back before its receipt.
    pub readback: ReadBack,
}

/// One line of `find`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundRow {
    /// Which.
    pub item: ItemId,
    /// What sort of thing it is.
    pub kind: Kind,
    /// Its name as text.
    pub name: String,
    /// Its name in base64, where it is not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_raw: Option<String>,
    /// Plaintext length in bytes.
    pub size: u64,
    /// Plaintext fingerprint.
    pub sha256: Sha256,
    /// When its bytes had arrived.
    pub arrived_at: Moment,
    /// `sealed` or `quarantined`.
    pub state: State,
    /// Why, and what else should be noticed.
    pub reasons: Vec<Reason>,
}

/// One arrival.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DepositRow {
    /// Its place in the ledger.
    pub index: LedgerIndex,
    /// The item that has its bytes.
    pub item: ItemId,
    /// Whether it brought new bytes.
    pub arrival: Arrival,
    /// Everything known of it.
    pub facts: DepositFacts,
    /// How the item's sealed file was read back before the receipt.
    pub readback: ReadBack,
    /// How many places held the item.
    pub copies: u32,
    /// How far its source has left the inbox.
    pub release: Release,
}

impl DepositRow {
    /// Which deposit.
    #[must_use]
    pub fn deposit(&self) -> DepositId {
        self.facts.deposit
    }

    /// How `deposit` and the receipt call its outcome: `sealed`, `quarantined` or `known`.
    #[must_use]
    pub fn state(&self) -> State {
        state_after(self.arrival, &self.facts.reasons)
    }
}

/// How an arrival with these reasons stands.
#[must_use]
pub(super) fn state_after(arrival: Arrival, reasons: &[Reason]) -> State {
    match arrival {
        Arrival::Known => State::Known,
        Arrival::Sealed => state_of(reasons),
    }
}

/// Whether an item with these reasons waits for a person.
#[must_use]
pub(super) fn state_of(reasons: &[Reason]) -> State {
    if reasons.iter().any(|reason| reason.quarantines()) { State::Quarantined } else { State::Sealed }
}

/// Whether a deposit brought new bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrival {
    /// It became an item.
    Sealed,
    /// The dock had brought them before.
    Known,
}

/// How far a source has left its inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// Untouched.
    InPlace,
    /// Renamed aside; may be removed then.
    SetAside {
        /// `None` where no entry said when.
        remove_after: Option<Moment>,
    },
    /// Removed.
    Removed,
    /// Set aside, found to be something else, and left alone.
    Kept,
}

/// Running sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// Originals.
    pub items: u64,
    /// Plaintext bytes of originals.
    pub bytes: u64,
    /// Sealed bytes of originals and derivatives.
    pub sealed_bytes: u64,
    /// Originals that wait for a person.
    pub quarantined: u64,
    /// Derivatives.
    pub derivatives: u64,
    /// Arrivals.
    pub deposits: u64,
    /// Things of which damage was found.
    pub damaged: u64,
    /// Items and derivatives whose key file no custodian has opened yet.
    pub unproven: u64,
    /// Receipts to be written.
    pub outbox: u64,
    /// Originals without media facts.
    pub unprobed: u64,
}
