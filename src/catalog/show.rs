//! Everything known about one original. Nothing in it depends on when it is asked, so that a rebuild
//! shows the same.

use rusqlite::{Connection, Row, params};
use serde::Serialize;

use super::columns::{Json, Unsigned, Word};
use super::deposits::{OF_ITEM, arrival};
use super::find::raw;
use super::items::CLAIMS;
use super::rows::DepositRow;
use super::{Catalog, Error, ask};
use crate::model::{
    ClockClaim, ClockSource, ClockTrust, DepositId, DerivedFacts, DigestClaim, DockName, Domain,
    Generation, ItemId, Kind, LedgerIndex, MediaFacts, Moment, NameHints, Protection, RawName, ReadBack,
    Reason, Recovered, Sha256, Source, State,
};

/// Entries shown of one item: the first ones.
const MAX_ENTRIES: i64 = 10_000;

/// What `show` prints.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ShownItem {
    /// Which.
    pub item: ItemId,
    /// What sort of thing it is.
    pub kind: Kind,
    /// Its name as text.
    pub name: String,
    /// Its name in base64, where it is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name_raw: Option<String>,
    /// Plaintext length in bytes.
    pub size: u64,
    /// Plaintext fingerprint.
    pub sha256: Sha256,
    /// Sealed length in bytes.
    pub sealed_size: u64,
    /// Fingerprint of the sealed file.
    pub sealed_sha256: Sha256,
    /// When its bytes had arrived.
    pub arrived_at: Moment,
    /// `sealed` or `quarantined`.
    pub state: State,
    /// Why, and what else should be noticed.
    pub reasons: Vec<Reason>,
    /// How many places hold it.
    pub copies: u32,
    /// How it was read back before its receipt.
    pub readback: ReadBack,
    /// Set where it was catalogued from its own facts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recovered: Option<Recovered>,
    /// Protections it arrived with.
    pub protections: Vec<Protection>,
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

/// Facts about media, or that they are still to come.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ShownFacts {
    /// What the probe found.
    Known(Box<MediaFacts>),
    /// No probe yet.
    Pending(Pending),
}

/// The same fields, empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pending {
    probe: PendingProbe,
    container: Option<()>,
    duration_s: Option<()>,
    streams: [(); 0],
    truncated: Option<()>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct PendingProbe {
    result: &'static str,
}

impl Pending {
    fn new() -> Self {
        let probe = PendingProbe { result: "pending" };
        Self { probe, container: None, duration_s: None, streams: [], truncated: None }
    }
}

/// One arrival.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name_hints: Option<NameHints>,
    /// Its place in the ledger.
    pub ledger_index: LedgerIndex,
}

/// One clock's claim, and with which arrival it came; none for the container's, which is in the bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShownClock {
    /// Whose clock, what it says, how far it is believed.
    #[serde(flatten)]
    pub claim: ClockClaim,
    /// The arrival it came with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deposit: Option<DepositId>,
}

/// A key file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShownKeys {
    /// Which generation.
    pub generation: Generation,
    /// SHA-256 of the file.
    pub sha256: Sha256,
    /// Its key domains, in layer order.
    pub domains: Vec<Domain>,
}

/// What was made from an original.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
}

/// The other side of a tie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShownTie {
    /// Which.
    pub item: ItemId,
    /// Its name as text.
    pub name: String,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShownEntry {
    /// Its place in the ledger.
    pub index: LedgerIndex,
    /// When it was made.
    pub at: Moment,
    /// The word for what was done.
    pub kind: String,
}

impl Catalog {
    /// Everything known about an original; nothing for a derivative, which its original shows.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn show(&self, item: ItemId) -> Result<Option<ShownItem>, Error> {
        let reader = self.reader()?;
        // One moment for all questions.
        let moment = reader.unchecked_transaction().map_err(Error::database("answer a question"))?;
        let Some(mut shown) = first(ask(&moment, ITEM, params![item], item_row)?) else { return Ok(None) };
        if let Some(Json(facts)) = first(ask(&moment, MEDIA, params![item], |row| row.get(0))?) {
            shown.facts = ShownFacts::Known(Box::new(facts));
        }
        let deposits = ask(&moment, OF_ITEM, params![item], arrival)?;
        shown.clocks = clocks(&deposits, &shown.facts);
        shown.deposits = deposits.into_iter().map(shown_deposit).collect();
        shown.claims = ask(&moment, CLAIMS, params![item], |row| Ok(row.get::<_, Json<_>>(0)?.0))?;
        shown.derivatives = ask(&moment, DERIVATIVES, params![item], derivative_row)?;
        shown.sidecars = ties(&moment, SIDECARS, item)?;
        shown.sidecar_of = ties(&moment, SIDECAR_OF, item)?;
        shown.entries = ask(&moment, ENTRIES, params![item, MAX_ENTRIES], |row| {
            Ok(ShownEntry { index: row.get(0)?, at: row.get(1)?, kind: row.get(2)? })
        })?;
        Ok(Some(shown))
    }
}

const ITEM: &str =
    "SELECT item, kind, name, size, sha256, sealed_size, sealed_sha256, arrived, state, reasons,
    copies, readback, recovered, protections, generation, keys_sha256, domains FROM items WHERE item = ?1";

const MEDIA: &str = "SELECT facts FROM media WHERE item = ?1";

const DERIVATIVES: &str = "SELECT item, derived, size, sha256, sealed_sha256 FROM derivatives
    WHERE parent = ?1 ORDER BY item";

const SIDECARS: &str = "SELECT items.item, name FROM ties JOIN items ON items.item = sidecar
    WHERE clip = ?1 ORDER BY items.item";

const SIDECAR_OF: &str = "SELECT items.item, name FROM ties JOIN items ON items.item = clip
    WHERE sidecar = ?1 ORDER BY items.item";

/// Damage is a finding about the disk, not a chapter of the item's history.
const ENTRIES: &str = "SELECT idx, at, kind FROM entries WHERE item = ?1 AND kind <> 'damage_found'
    ORDER BY idx LIMIT ?2";

fn first<T>(rows: Vec<T>) -> Option<T> {
    rows.into_iter().next()
}

fn item_row(row: &Row<'_>) -> rusqlite::Result<ShownItem> {
    let name: RawName = row.get(2)?;
    let keys =
        ShownKeys { generation: row.get(14)?, sha256: row.get(15)?, domains: row.get::<_, Json<_>>(16)?.0 };
    Ok(ShownItem {
        item: row.get(0)?,
        kind: row.get::<_, Word<_>>(1)?.0,
        name_raw: raw(&name),
        name: name.to_text(),
        size: row.get::<_, Unsigned>(3)?.0,
        sha256: row.get(4)?,
        sealed_size: row.get::<_, Unsigned>(5)?.0,
        sealed_sha256: row.get(6)?,
        arrived_at: row.get(7)?,
        state: row.get::<_, Word<_>>(8)?.0,
        reasons: row.get::<_, Json<_>>(9)?.0,
        copies: row.get(10)?,
        readback: row.get::<_, Word<_>>(11)?.0,
        recovered: row.get::<_, Option<Word<_>>>(12)?.map(|Word(how)| how),
        protections: row.get::<_, Json<_>>(13)?.0,
        facts: ShownFacts::Pending(Pending::new()),
        deposits: Vec::new(),
        clocks: Vec::new(),
        claims: Vec::new(),
        keys: vec![keys],
        derivatives: Vec::new(),
        sidecars: Vec::new(),
        sidecar_of: Vec::new(),
        entries: Vec::new(),
    })
}

fn derivative_row(row: &Row<'_>) -> rusqlite::Result<ShownDerivative> {
    let Json(DerivedFacts { role, tool, reason, media_type, made, .. }) = row.get(1)?;
    Ok(ShownDerivative {
        item: row.get(0)?,
        role,
        media_type,
        size: row.get::<_, Unsigned>(2)?.0,
        sha256: row.get(3)?,
        sealed_sha256: row.get(4)?,
        tool,
        reason,
        made,
    })
}

fn ties(db: &Connection, sql: &str, item: ItemId) -> Result<Vec<ShownTie>, Error> {
    ask(db, sql, params![item], |row| {
        Ok(ShownTie { item: row.get(0)?, name: row.get::<_, RawName>(1)?.to_text() })
    })
}

fn shown_deposit(row: DepositRow) -> ShownDeposit {
    let state = row.state();
    let facts = row.facts;
    ShownDeposit {
        deposit: facts.deposit,
        dock: facts.source.dock.clone(),
        path: facts.source.path.clone(),
        arrived_at: facts.arrived,
        state,
        reasons: facts.reasons,
        source: facts.source,
        claims: facts.claims,
        name_hints: facts.name_hints,
        ledger_index: row.index,
    }
}

fn clocks(deposits: &[DepositRow], facts: &ShownFacts) -> Vec<ShownClock> {
    let mut clocks = Vec::new();
    for row in deposits {
        let deposit = Some(row.deposit());
        clocks.extend(row.facts.clocks.iter().cloned().map(|claim| ShownClock { claim, deposit }));
    }
    if let ShownFacts::Known(facts) = facts
        && let Some(says) = facts.created.clone()
    {
        let claim = ClockClaim { from: ClockSource::Container, says, trust: ClockTrust::Unknown };
        clocks.push(ShownClock { claim, deposit: None });
    }
    clocks
}
