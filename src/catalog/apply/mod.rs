//! The only code that changes the view: what an entry means for it, live and in replay alike.
//!
//! Nothing here asks for the time, draws a random number or looks outside the transaction, so a replay of
//! the same lines gives the same rows (P11).

mod copies;
mod items;
mod order;
mod people;
mod restores;
mod ties;
mod words;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::columns::{Json, integer};
use super::{Error, nodes};
use crate::ledger::{Content, Entry, Node, SignedHead};
use crate::model::{Act, ArchiveId, DepositId, Epoch, ItemId, KeyId, LedgerIndex, Outcome, Reason};

pub(super) use order::place_of;
pub(super) use restores::RESTORED_BY;

/// Applies one entry. `nodes` are the hashes that became complete with it.
///
/// # Errors
/// [`Error::Twice`] and [`Error::Unknown`] where the act contradicts the view; [`Error::Database`]. The
/// transaction must then be rolled back.
pub(super) fn apply(db: &Connection, entry: &Entry, nodes: &[Node]) -> Result<(), Error> {
    let act = entry.content().map(|content| &content.act);
    let item = act.map(|act| item_of(db, act)).transpose()?.flatten();
    let kind = entry.kind();
    prepared(db, "INSERT INTO entries (idx, at, kind, item, leaf) VALUES (?1, ?2, ?3, ?4, ?5)")
        .and_then(|mut put| {
            put.execute(params![entry.index(), entry.at(), kind, item, entry.leaf().as_bytes()])
        })
        .map_err(Error::database("note an entry"))?;
    nodes::keep(db, nodes)?;
    entry.content().map_or(Ok(()), |content| apply_act(db, entry.index(), content))
}

fn apply_act(db: &Connection, index: LedgerIndex, content: &Content) -> Result<(), Error> {
    match &content.act {
        Act::ArchiveMade(made) => begin(
            db,
            Beginning { archive: made.archive, root: made.root, owner: made.owner_uid, epoch: Epoch(1) },
        ),
        Act::EpochBegun(begun) => {
            begin(
                db,
                Beginning {
                    archive: begun.archive,
                    root: begun.root,
                    owner: begun.owner_uid,
                    epoch: begun.epoch,
                },
            )?;
            restores::begun(db, begun, &content.who)
        }
        Act::ItemSealed(sealed) => items::sealed(db, index, sealed),
        Act::KnownDeposit(known) => items::known(db, index, known),
        Act::MediaProbed(probed) => items::probed(db, probed),
        Act::DerivativeSealed(derived) => items::derived(db, derived),
        Act::ClaimChecked { item, claim } => {
            note_claim(db, index, (*item, claim))?;
            if claim.outcome == Outcome::Mismatch {
                items::add_reason(db, *item, Reason::ChecksumMismatch)?;
            }
            Ok(())
        }
        Act::Noticed { item, reason } => items::add_reason(db, *item, *reason),
        Act::DamageFound(damage) => copies::damage_found(db, damage),
        Act::DamageRepaired(repaired) => copies::damage_repaired(db, repaired),
        Act::CopiesMade(made) => copies::made(db, made),
        Act::PlaceLost(lost) => copies::place_lost(db, lost),
        Act::PlaceBack(back) => copies::place_back(db, back),
        Act::SourceReleased(released) => items::released(db, released),
        Act::ItemRead(_)
        | Act::Refused { .. }
        | Act::CustodyOpened
        | Act::CustodyClosed
        | Act::KeysDrilled(_) => Ok(()),
        Act::RestoreConfirmed(_) => restores::confirmed(db),
        Act::PrincipalSet(principal) => people::set(db, principal),
        Act::ClassSet(set) => items::class_set(db, set),
        Act::LoweringProposed(proposal) => items::lowering_proposed(db, index, (proposal, content)),
        Act::LoweringDeclined { proposed } => items::lowering_declined(db, *proposed),
    }
}

/// Applies the head over the entries so far. Heads that are neither the newest nor the first over a
/// deposit, which its receipt names, are let go: the ledger files hold them all.
pub(super) fn apply_head(db: &Connection, head: &SignedHead) -> Result<(), Error> {
    let put = || {
        let before: i64 =
            prepared(db, "SELECT coalesce(max(size), 0) FROM heads")?.query_row([], |row| row.get(0))?;
        prepared(db, "DELETE FROM heads WHERE size = ?1 AND NOT over_deposit")?.execute([before])?;
        prepared(
            db,
            "INSERT INTO heads (size, note, over_deposit)
             VALUES (?1, ?2, EXISTS (SELECT 1 FROM deposits WHERE idx >= ?3))",
        )?
        .execute(params![integer(head.head().size), head.note(), before])
    };
    put().map(drop).map_err(Error::database("note a head"))
}

/// Notes how far a ledger file is applied.
pub(super) fn apply_length(db: &Connection, first: LedgerIndex, bytes: u64) -> Result<(), Error> {
    prepared(
        db,
        "INSERT INTO ledger_files (first, bytes, epoch)
         VALUES (?1, ?2, coalesce((SELECT epoch FROM archive), 0))
         ON CONFLICT (first) DO UPDATE SET bytes = excluded.bytes",
    )
    .and_then(|mut put| put.execute(params![first, integer(bytes)]))
    .map(drop)
    .map_err(Error::database("note a ledger file"))
}

#[derive(Clone, Copy)]
struct Beginning {
    archive: ArchiveId,
    root: KeyId,
    owner: u32,
    epoch: Epoch,
}

fn begin(db: &Connection, beginning: Beginning) -> Result<(), Error> {
    let Beginning { archive, root, owner, epoch } = beginning;
    db.execute(
        "INSERT OR REPLACE INTO archive (only, archive, root, owner_uid, epoch) VALUES (1, ?1, ?2, ?3, ?4)",
        params![archive.to_string(), root.to_string(), owner, epoch.0],
    )
    .map(drop)
    .map_err(Error::database("note the archive"))
}

fn note_claim(
    db: &Connection,
    index: LedgerIndex,
    (item, claim): (ItemId, &crate::model::DigestClaim),
) -> Result<(), Error> {
    prepared(db, "INSERT INTO claims (idx, item, claim) VALUES (?1, ?2, ?3)")
        .and_then(|mut put| put.execute(params![index, item, Json(claim)]))
        .map(drop)
        .map_err(Error::database("note a claim"))
}

/// Whose history an act belongs to: a derivative's making to its parent's.
fn item_of(db: &Connection, act: &Act) -> Result<Option<ItemId>, Error> {
    Ok(match act {
        Act::ItemSealed(sealed) => Some(sealed.item),
        Act::KnownDeposit(known) => Some(known.item),
        Act::MediaProbed(probed) => Some(probed.item),
        Act::DerivativeSealed(derived) => Some(derived.derived.parent),
        Act::ClaimChecked { item, .. } | Act::Noticed { item, .. } => Some(*item),
        Act::ItemRead(read) => Some(read.item),
        Act::Refused { item, .. } => *item,
        Act::DamageFound(damage) => Some(damage.item),
        Act::DamageRepaired(repaired) => Some(repaired.item),
        Act::KeysDrilled(drilled) => Some(drilled.item),
        Act::SourceReleased(released) => item_of_deposit(db, released.deposit)?,
        Act::ClassSet(set) => Some(set.item),
        Act::LoweringProposed(proposal) => Some(proposal.item),
        Act::LoweringDeclined { proposed } => item_of_lowering(db, *proposed)?,
        Act::ArchiveMade(_)
        | Act::EpochBegun(_)
        | Act::RestoreConfirmed(_)
        | Act::CustodyOpened
        | Act::CustodyClosed
        | Act::CopiesMade(_)
        | Act::PlaceLost(_)
        | Act::PlaceBack(_)
        | Act::PrincipalSet(_) => None,
    })
}

fn item_of_deposit(db: &Connection, deposit: DepositId) -> Result<Option<ItemId>, Error> {
    prepared(db, "SELECT item FROM deposits WHERE deposit = ?1")
        .and_then(|mut ask| ask.query_row([deposit], |row| row.get(0)).optional())
        .map_err(Error::database("look a deposit up"))
}

fn item_of_lowering(db: &Connection, proposed: LedgerIndex) -> Result<Option<ItemId>, Error> {
    prepared(db, "SELECT item FROM lowerings WHERE idx = ?1")
        .and_then(|mut ask| ask.query_row([proposed], |row| row.get(0)).optional())
        .map_err(Error::database("look a proposal up"))
}

/// Adds to a running sum.
pub(super) fn bump(db: &Connection, name: &str, by: i64) -> Result<(), Error> {
    if by == 0 {
        return Ok(());
    }
    prepared(
        db,
        "INSERT INTO counters (name, value) VALUES (?1, ?2)
         ON CONFLICT (name) DO UPDATE SET value = value + excluded.value",
    )
    .and_then(|mut put| put.execute(params![name, by]))
    .map(drop)
    .map_err(Error::database("keep its sums"))
}

fn prepared<'c>(db: &'c Connection, sql: &str) -> rusqlite::Result<rusqlite::CachedStatement<'c>> {
    db.prepare_cached(sql)
}
