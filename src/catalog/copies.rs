//! What is known of the copies in the places of the vault: standing damage, lost places, and, in a working table, how
//! far each place was read through.

use rusqlite::params;

use super::work::{at_most, change};
use super::{Catalog, Error, ItemRow};
use crate::ledger::Content;
use crate::model::{Act, Actor, DamageFound, Generation, ItemId, Moment, PlaceName};

/// Damage that stands: found in one place and not repaired yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DamageRow {
    /// Whose file.
    pub item: ItemId,
    /// What is wrong, as a stable code.
    pub code: String,
    /// Where.
    pub place: PlaceName,
}

/// How far a place was read through, and whether it lacked nothing when that was last known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Round {
    /// Whether every item lay there.
    pub whole: bool,
    /// When this round began.
    pub began: Option<Moment>,
    /// The item that was read last.
    pub after: Option<ItemId>,
    /// Bytes read in this round.
    pub bytes: u64,
}

/// Damage.
impl Catalog {
    /// Enters damage, once for one item, code and place until it is repaired. `seen` is the generation of the key file
    /// that was looked for: where another lives by now, the class of the item changed meanwhile, and what was seen
    /// says nothing.
    ///
    /// # Errors
    /// As [`Catalog::record`].
    pub fn damage_found(&self, damage: DamageFound, seen: Generation) -> Result<(), Error> {
        let other = |row: ItemRow| row.generation != seen;
        if self.is_damage_known(&damage)? || self.item(damage.item)?.is_some_and(other) {
            return Ok(());
        }
        let act = Act::DamageFound(damage);
        self.record(vec![Content { who: Actor::Node, why: None, act }]).map(drop)
    }

    /// Whether this damage stands already.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn is_damage_known(&self, damage: &DamageFound) -> Result<bool, Error> {
        let sql = "SELECT 1 FROM damage WHERE item = ?1 AND code = ?2 AND place = ?3";
        let place = damage.place.as_ref().map_or("", |place| place.as_str());
        let found = self.ask(sql, params![damage.item, damage.code, place], |_| Ok(()))?;
        Ok(!found.is_empty())
    }

    /// Damage that stands in a place, after an item, by item.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn damage_after(&self, after: Option<ItemId>, limit: usize) -> Result<Vec<DamageRow>, Error> {
        self.ask(
            "SELECT item, code, place FROM damage WHERE place <> '' AND item > coalesce(?1, 0)
             ORDER BY item, place, code LIMIT ?2",
            params![after, at_most(limit)],
            damage_row,
        )
    }

    /// Damage of one item that stands, in whatever place.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn damage_of(&self, item: ItemId) -> Result<Vec<DamageRow>, Error> {
        self.ask(
            "SELECT item, code, place FROM damage WHERE item = ?1 ORDER BY place, code",
            params![item],
            damage_row,
        )
    }

    /// Damage of one item that stands in a place.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn damage_in(&self, item: ItemId, place: &PlaceName) -> Result<Vec<DamageRow>, Error> {
        self.ask(
            "SELECT item, code, place FROM damage WHERE item = ?1 AND place = ?2",
            params![item, place],
            damage_row,
        )
    }
}

/// Places.
impl Catalog {
    /// Places that fell out, as the ledger says, with the reason.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn lost_places(&self) -> Result<Vec<(PlaceName, String)>, Error> {
        self.ask("SELECT place, because FROM lost_places", params![], |row| Ok((row.get(0)?, row.get(1)?)))
    }

    /// How far a place was read through; the beginning, where nothing is known.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn round(&self, place: &PlaceName) -> Result<Round, Error> {
        let sql = "SELECT whole, began, after, bytes FROM scrubs WHERE place = ?1";
        let found = self.ask(sql, params![place], |row| {
            let bytes: i64 = row.get(3)?;
            Ok(Round {
                whole: row.get(0)?,
                began: row.get(1)?,
                after: row.get(2)?,
                bytes: u64::try_from(bytes).unwrap_or(0),
            })
        })?;
        Ok(found.into_iter().next().unwrap_or_default())
    }

    /// Notes it. Returns at once; where this is lost a part is read again.
    ///
    /// # Errors
    /// [`Error::Stopped`].
    pub fn note_round(&self, place: PlaceName, round: Round) -> Result<(), Error> {
        self.sometime(move |db| {
            change(
                db,
                "INSERT OR REPLACE INTO scrubs (place, whole, began, after, bytes) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![place, round.whole, round.began, round.after, super::columns::integer(round.bytes)],
            )
            .map(drop)
        })
    }
}

fn damage_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<DamageRow> {
    Ok(DamageRow { item: row.get(0)?, code: row.get(1)?, place: row.get(2)? })
}
