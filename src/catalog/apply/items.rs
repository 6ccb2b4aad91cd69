//! Items, arrivals, derivatives and media facts.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::order::free_place;
use super::ties::{base, tie_arrival};
use super::words::{self, Words};
use super::{Error, bump, prepared};
use crate::catalog::columns::{Json, Word, integer};
use crate::catalog::rows::{Arrival, state_of};
use crate::ledger::Content;
use crate::model::{
    Class, ClassSet, DepositFacts, DerivativeSealed, DockName, Generation, ItemId, ItemSealed, KeysMade,
    Kind, KnownDeposit, LedgerIndex, LoweringProposed, MediaProbed, Protection, ReadBack, Reason,
    SourceReleased, State,
};

/// New bytes became an item.
pub(super) fn sealed(db: &Connection, index: LedgerIndex, sealed: &ItemSealed) -> Result<(), Error> {
    refuse_twice(db, sealed.item)?;
    let place = free_place(db, sealed.deposit.arrived)?;
    put_item(db, place, sealed)?;
    let ItemSealed { item, deposit, readback, copies, .. } = sealed;
    put_arrival(
        db,
        index,
        &Arrived {
            item: *item,
            arrival: Arrival::Sealed,
            facts: deposit,
            readback: *readback,
            copies: *copies,
        },
    )?;
    if words::may_be_indexed(&sealed.protections) {
        let mut words = Words::of(deposit.kind, &deposit.source.dock, state_of(&deposit.reasons));
        words.add_arrival(deposit);
        words.put(db, place)?;
    }
    queue_new(db, sealed.item, sealed.generation)?;
    let queued = run(db, "queue a probe", "INSERT INTO unprobed (idx, item) VALUES (?1, ?2)")
        .with(params![index, sealed.item])?;
    bump(db, "unprobed", queued)?;
    bump(db, "items", 1)?;
    bump(db, "bytes", integer(sealed.size))?;
    bump(db, "sealed_bytes", integer(sealed.sealed_size))?;
    bump(db, "quarantined", i64::from(state_of(&deposit.reasons) == State::Quarantined))
}

fn put_item(db: &Connection, place: i64, sealed: &ItemSealed) -> Result<(), Error> {
    let facts = &sealed.deposit;
    let class = Class::new(sealed.level, None, sealed.protections.clone());
    run(
        db,
        "note an item",
        "INSERT INTO items (place, item, dock, name, kind, size, sha256, sealed_size, sealed_sha256, arrived,
             state, reasons, protections, domains, generation, keys_sha256, copies, readback, recovered,
             level, term_years, class)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19,
             ?20, ?21, ?22)",
    )
    .with(params![
        place,
        sealed.item,
        facts.source.dock,
        facts.source.path.file_name(),
        Word(facts.kind),
        integer(sealed.size),
        sealed.sha256,
        integer(sealed.sealed_size),
        sealed.sealed_sha256,
        facts.arrived,
        Word(state_of(&facts.reasons)),
        Json(&facts.reasons),
        Json(class.protections()),
        Json(&sealed.domains),
        sealed.generation,
        sealed.keys_sha256,
        sealed.copies,
        Word(sealed.readback),
        sealed.recovered.map(Word),
        Word(class.level()),
        class.term_years(),
        class.number(),
    ])
    .map(drop)
}

/// The same bytes from the same dock again.
pub(super) fn known(db: &Connection, index: LedgerIndex, known: &KnownDeposit) -> Result<(), Error> {
    let original = original(db, known.item)?;
    let KnownDeposit { item, deposit, readback, copies } = known;
    put_arrival(
        db,
        index,
        &Arrived {
            item: *item,
            arrival: Arrival::Known,
            facts: deposit,
            readback: *readback,
            copies: *copies,
        },
    )?;
    original.index_words(db)
}

struct Arrived<'a> {
    item: ItemId,
    arrival: Arrival,
    facts: &'a DepositFacts,
    readback: ReadBack,
    copies: u32,
}

fn put_arrival(db: &Connection, index: LedgerIndex, arrived: &Arrived<'_>) -> Result<(), Error> {
    let facts = arrived.facts;
    let deposit = facts.deposit;
    if exists(db, "SELECT 1 FROM deposits WHERE deposit = ?1", deposit)? {
        return Err(Error::Twice { what: "deposit", id: deposit.to_string() });
    }
    tie_arrival(db, arrived.item, facts)?;
    run(
        db,
        "note a deposit",
        "INSERT INTO deposits (idx, deposit, item, arrival, dock, path, base, kind, facts, readback, copies)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )
    .with(params![
        index,
        deposit,
        arrived.item,
        Word(arrived.arrival),
        facts.source.dock,
        facts.source.path,
        base(&facts.source.path),
        Word(facts.kind),
        Json(facts),
        Word(arrived.readback),
        arrived.copies,
    ])?;
    let due = run(db, "queue a receipt", "INSERT INTO outbox (idx, deposit) VALUES (?1, ?2)")
        .with(params![index, deposit])?;
    bump(db, "outbox", due)?;
    bump(db, "deposits", 1)
}

/// No custodian has opened the key file of a new thing yet.
fn queue_new(db: &Connection, item: ItemId, generation: Generation) -> Result<(), Error> {
    let unproven = run(db, "queue a proof", "INSERT INTO unproven (item, generation) VALUES (?1, ?2)")
        .with(params![item, generation])?;
    bump(db, "unproven", unproven)
}

/// A derivative was sealed. Its parent may be missing: what a vault still holds is catalogued.
pub(super) fn derived(db: &Connection, sealed: &DerivativeSealed) -> Result<(), Error> {
    refuse_twice(db, sealed.item)?;
    run(
        db,
        "note a derivative",
        "INSERT INTO derivatives (item, parent, role, derived, size, sha256, sealed_size, sealed_sha256,
             domains, generation, keys_sha256, recovered)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    )
    .with(params![
        sealed.item,
        sealed.derived.parent,
        sealed.derived.role,
        Json(&sealed.derived),
        integer(sealed.size),
        sealed.sha256,
        integer(sealed.sealed_size),
        sealed.sealed_sha256,
        Json(&sealed.domains),
        sealed.generation,
        sealed.keys_sha256,
        sealed.recovered.map(Word),
    ])?;
    queue_new(db, sealed.item, sealed.generation)?;
    bump(db, "derivatives", 1)?;
    bump(db, "sealed_bytes", integer(sealed.sealed_size))
}

/// Facts about media; the newest stand.
pub(super) fn probed(db: &Connection, probed: &MediaProbed) -> Result<(), Error> {
    let original = original(db, probed.item)?;
    run(db, "note media facts", "INSERT OR REPLACE INTO media (item, facts) VALUES (?1, ?2)")
        .with(params![probed.item, Json(&probed.facts)])?;
    let done = run(db, "end a probe", "DELETE FROM unprobed WHERE item = ?1").with([probed.item])?;
    bump(db, "unprobed", -done)?;
    if probed.facts.tags.is_empty() && probed.facts.place.is_none() {
        return Ok(());
    }
    original.index_words(db)
}

/// Something about an item that a person should know.
pub(super) fn add_reason(db: &Connection, item: ItemId, reason: Reason) -> Result<(), Error> {
    let mut original = original(db, item)?;
    if original.reasons.contains(&reason) {
        return Ok(());
    }
    original.reasons.push(reason);
    let Original { reasons, state: before, .. } = &original;
    let now = state_of(reasons);
    run(db, "note a reason", "UPDATE items SET reasons = ?2, state = ?3 WHERE item = ?1").with(params![
        item,
        Json(reasons),
        Word(now)
    ])?;
    if now == *before {
        return Ok(());
    }
    bump(db, "quarantined", 1)?;
    original.state = now;
    original.index_words(db)
}

/// An item has another class and other key files.
pub(super) fn class_set(db: &Connection, set: &ClassSet) -> Result<(), Error> {
    let class = &set.to;
    run(
        db,
        "note a class",
        "UPDATE items SET protections = ?2, level = ?3, term_years = ?4, class = ?5 WHERE item = ?1",
    )
    .with(params![
        set.item,
        Json(class.protections()),
        Word(class.level()),
        class.term_years(),
        class.number()
    ])?;
    for made in &set.keys {
        rekeyed(db, made)?;
    }
    run(db, "end a proposal", "DELETE FROM lowerings WHERE item = ?1").with([set.item])?;
    let original = original(db, set.item)?;
    if words::may_be_indexed(&original.protections) {
        original.index_words(db)
    } else {
        words::forget(db, original.place)
    }
}

/// A key file has another generation; no custodian has opened it yet.
fn rekeyed(db: &Connection, made: &KeysMade) -> Result<(), Error> {
    let KeysMade { item, domains, generation, keys_sha256 } = made;
    let mut changed = 0;
    for sql in [
        "UPDATE items SET domains = ?2, generation = ?3, keys_sha256 = ?4 WHERE item = ?1",
        "UPDATE derivatives SET domains = ?2, generation = ?3, keys_sha256 = ?4 WHERE item = ?1",
    ] {
        changed +=
            run(db, "note a key file", sql).with(params![item, Json(domains), generation, keys_sha256])?;
    }
    if changed == 0 {
        return Err(Error::Unknown { what: "item", id: item.to_string() });
    }
    let forgotten = run(db, "queue a proof", "DELETE FROM unproven WHERE item = ?1").with([item])?;
    bump(db, "unproven", -forgotten)?;
    queue_new(db, *item, *generation)
}

/// Somebody proposes a lower class; a newer proposal takes the place of an older one.
pub(super) fn lowering_proposed(
    db: &Connection,
    index: LedgerIndex,
    (proposal, content): (&LoweringProposed, &Content),
) -> Result<(), Error> {
    let why = content.why.as_deref().unwrap_or_default();
    original(db, proposal.item)?;
    run(
        db,
        "note a proposal",
        "INSERT OR REPLACE INTO lowerings (idx, item, proposed, who, why) VALUES (?1, ?2, ?3, ?4, ?5)",
    )
    .with(params![index, proposal.item, Json(proposal), Json(&content.who), why])
    .map(drop)
}

/// A proposal is off the table.
pub(super) fn lowering_declined(db: &Connection, proposed: LedgerIndex) -> Result<(), Error> {
    run(db, "end a proposal", "DELETE FROM lowerings WHERE idx = ?1").with([proposed]).map(drop)
}

/// A source left its inbox, one step further.
pub(super) fn released(db: &Connection, released: &SourceReleased) -> Result<(), Error> {
    let SourceReleased { deposit, step, remove_after } = released;
    let changed =
        run(db, "note a release", "UPDATE deposits SET release = ?2, remove_after = ?3 WHERE deposit = ?1")
            .with(params![deposit, step, remove_after])?;
    if changed == 0 {
        return Err(Error::Unknown { what: "deposit", id: deposit.to_string() });
    }
    Ok(())
}

struct Original {
    item: ItemId,
    place: i64,
    kind: Kind,
    dock: DockName,
    state: State,
    reasons: Vec<Reason>,
    protections: Vec<Protection>,
}

impl Original {
    fn index_words(&self, db: &Connection) -> Result<(), Error> {
        if words::may_be_indexed(&self.protections) {
            let words = Words::of(self.kind, &self.dock, self.state);
            words::collect(db, self.item, words)?.put(db, self.place)?;
        }
        Ok(())
    }
}

fn original(db: &Connection, item: ItemId) -> Result<Original, Error> {
    prepared(db, "SELECT place, state, reasons, protections, kind, dock FROM items WHERE item = ?1")
        .and_then(|mut ask| {
            ask.query_row([item], |row| {
                Ok(Original {
                    item,
                    place: row.get(0)?,
                    state: row.get::<_, Word<_>>(1)?.0,
                    reasons: row.get::<_, Json<_>>(2)?.0,
                    protections: row.get::<_, Json<_>>(3)?.0,
                    kind: row.get::<_, Word<_>>(4)?.0,
                    dock: row.get(5)?,
                })
            })
            .optional()
        })
        .map_err(Error::database("look an item up"))?
        .ok_or_else(|| Error::Unknown { what: "item", id: item.to_string() })
}

fn refuse_twice(db: &Connection, item: ItemId) -> Result<(), Error> {
    let twice = exists(db, "SELECT 1 FROM items WHERE item = ?1", item)?
        || exists(db, "SELECT 1 FROM derivatives WHERE item = ?1", item)?;
    if twice { Err(Error::Twice { what: "item", id: item.to_string() }) } else { Ok(()) }
}

fn exists(db: &Connection, sql: &str, id: impl rusqlite::ToSql) -> Result<bool, Error> {
    prepared(db, sql).and_then(|mut ask| ask.exists([id])).map_err(Error::database("look an id up"))
}

pub(super) struct Running<'a> {
    db: &'a Connection,
    doing: &'static str,
    sql: &'static str,
}

/// A change of rows, named for the error it may give.
pub(super) fn run<'a>(db: &'a Connection, doing: &'static str, sql: &'static str) -> Running<'a> {
    Running { db, doing, sql }
}

impl Running<'_> {
    /// How many rows it changed.
    pub(super) fn with(self, values: impl rusqlite::Params) -> Result<i64, Error> {
        prepared(self.db, self.sql)
            .and_then(|mut change| change.execute(values))
            .map(|rows| i64::try_from(rows).unwrap_or(i64::MAX))
            .map_err(Error::database(self.doing))
    }
}
