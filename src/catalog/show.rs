//! Everything known about one original. Nothing in it depends on when it is asked, so that a rebuild
//! shows the same.

use rusqlite::{Connection, Row, params};

use super::columns::{Json, Unsigned, Word};
use super::deposits::{OF_ITEM, arrival};
use super::find::raw;
use super::items::CLAIMS;
use super::rows::{DepositRow, FoundRow};
use super::shown::{
    ShownClock, ShownDeposit, ShownDerivative, ShownEntry, ShownFacts, ShownItem, ShownKeys, ShownTie,
};
use super::{Catalog, Error, Sight, ask};
use crate::model::{Class, ClockClaim, ClockSource, ClockTrust, DerivedFacts, ItemId, MediaFacts, RawName};

/// Entries shown of one item: the first ones.
const MAX_ENTRIES: i64 = 10_000;

impl Catalog {
    /// Everything known about an original that somebody may know of; nothing for a derivative, which its original
    /// shows.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn show(&self, item: ItemId, sight: &Sight) -> Result<Option<ShownItem>, Error> {
        let reader = self.reader()?;
        // One moment for all questions.
        let moment = reader.unchecked_transaction().map_err(Error::database("answer a question"))?;
        let Some(mut shown) =
            first(ask(&moment, &format!("{ITEM} AND {}", sight.condition()), params![item], item_row)?)
        else {
            return Ok(None);
        };
        if let Some(Json(facts)) =
            first(ask(&moment, MEDIA, params![item], |row| row.get::<_, Json<MediaFacts>>(0))?)
        {
            shown.facts = facts.into();
        }
        let deposits = ask(&moment, OF_ITEM, params![item], arrival)?;
        shown.clocks = clocks(&deposits, &shown.facts);
        shown.deposits = deposits.into_iter().map(shown_deposit).collect();
        shown.claims = ask(&moment, CLAIMS, params![item], |row| Ok(row.get::<_, Json<_>>(0)?.0))?;
        shown.derivatives = ask(&moment, DERIVATIVES, params![item], derivative_row)?;
        shown.sidecars = ties(&moment, (SIDECARS, sight), item)?;
        shown.sidecar_of = ties(&moment, (SIDECAR_OF, sight), item)?;
        shown.entries = ask(&moment, ENTRIES, params![item, MAX_ENTRIES], |row| {
            Ok(ShownEntry { index: row.get(0)?, at: row.get(1)?, kind: row.get(2)? })
        })?;
        Ok(Some(shown))
    }
}

const ITEM: &str =
    "SELECT item, kind, name, size, sha256, sealed_size, sealed_sha256, arrived, state, reasons,
    copies, readback, recovered, protections, generation, keys_sha256, domains, level, term_years FROM items WHERE item = ?1";

const MEDIA: &str = "SELECT facts FROM media WHERE item = ?1";

const DERIVATIVES: &str = "SELECT item, derived, size, sha256, sealed_sha256 FROM derivatives
    WHERE parent = ?1 ORDER BY item";

const SIDECARS: &str = "SELECT items.item, name FROM ties JOIN items ON items.item = sidecar
    WHERE clip = ?1";

const SIDECAR_OF: &str = "SELECT items.item, name FROM ties JOIN items ON items.item = clip
    WHERE sidecar = ?1";

/// Damage and its repair are about the disk, not a chapter of the item's history.
const ENTRIES: &str =
    "SELECT idx, at, kind FROM entries WHERE item = ?1 AND kind NOT IN ('damage_found', 'damage_repaired')
    ORDER BY idx LIMIT ?2";

fn first<T>(rows: Vec<T>) -> Option<T> {
    rows.into_iter().next()
}

fn item_row(row: &Row<'_>) -> rusqlite::Result<ShownItem> {
    let name: RawName = row.get(2)?;
    let keys =
        ShownKeys { generation: row.get(14)?, sha256: row.get(15)?, domains: row.get::<_, Json<_>>(16)?.0 };
    let line = FoundRow {
        item: row.get(0)?,
        kind: row.get::<_, Word<_>>(1)?.0,
        name_raw: raw(&name),
        name: name.to_text(),
        size: row.get::<_, Unsigned>(3)?.0,
        sha256: row.get(4)?,
        arrived_at: row.get(7)?,
        state: row.get::<_, Word<_>>(8)?.0,
        reasons: row.get::<_, Json<_>>(9)?.0,
    };
    Ok(ShownItem {
        line,
        sealed_size: row.get::<_, Unsigned>(5)?.0,
        sealed_sha256: row.get(6)?,
        copies: row.get(10)?,
        readback: row.get::<_, Word<_>>(11)?.0,
        recovered: row.get::<_, Option<Word<_>>>(12)?.map(|Word(how)| how),
        class: Class::new(row.get::<_, Word<_>>(17)?.0, row.get(18)?, row.get::<_, Json<_>>(13)?.0),
        facts: ShownFacts::pending(),
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
        path: None,
    })
}

fn ties(db: &Connection, (sql, sight): (&str, &Sight), item: ItemId) -> Result<Vec<ShownTie>, Error> {
    let sql = format!("{sql} AND {} ORDER BY items.item", sight.condition());
    ask(db, &sql, params![item], |row| {
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
    if let Some(says) = facts.created.clone() {
        let claim = ClockClaim { from: ClockSource::Container, says, trust: ClockTrust::Unknown };
        clocks.push(ShownClock { claim, deposit: None });
    }
    clocks
}
