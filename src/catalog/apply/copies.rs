//! Copies of items in the places of the vault: damage, repair, places that fell out.

use rusqlite::{Connection, params};

use super::items::run;
use super::{Error, bump};
use crate::model::{CopiesMade, DamageFound, DamageRepaired, PlaceBack, PlaceLost};

/// Damage stands until it is repaired; the same again changes nothing.
pub(super) fn damage_found(db: &Connection, damage: &DamageFound) -> Result<(), Error> {
    let place = damage.place.as_ref().map_or("", |place| place.as_str());
    let new =
        run(db, "note damage", "INSERT OR IGNORE INTO damage (item, code, place) VALUES (?1, ?2, ?3)")
            .with(params![damage.item, damage.code, place])?;
    bump(db, "damaged", new)
}

/// What was wrong in this place is so no longer.
pub(super) fn damage_repaired(db: &Connection, repaired: &DamageRepaired) -> Result<(), Error> {
    let gone = run(db, "note a repair", "DELETE FROM damage WHERE item = ?1 AND code = ?2 AND place = ?3")
        .with(params![repaired.item, repaired.code, repaired.place.as_str()])?;
    bump(db, "damaged", -gone)
}

/// One place more has these, up to all.
pub(super) fn made(db: &Connection, made: &CopiesMade) -> Result<(), Error> {
    for item in &made.items {
        run(db, "count a copy", "UPDATE items SET copies = min(copies + 1, ?2) WHERE item = ?1")
            .with(params![item, made.of])?;
    }
    Ok(())
}

pub(super) fn place_lost(db: &Connection, lost: &PlaceLost) -> Result<(), Error> {
    run(db, "note a lost place", "INSERT OR REPLACE INTO lost_places (place, because) VALUES (?1, ?2)")
        .with(params![lost.place.as_str(), lost.because])
        .map(drop)
}

pub(super) fn place_back(db: &Connection, back: &PlaceBack) -> Result<(), Error> {
    run(db, "note a place", "DELETE FROM lost_places WHERE place = ?1")
        .with([back.place.as_str()])
        .map(drop)
}
