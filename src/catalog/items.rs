//! Questions about single items.

use rusqlite::{Row, params};

use super::columns::{Json, Unsigned, Word};
use super::rows::{Counts, ItemRow, Origin, Original};
use super::work::at_most;
use super::{Catalog, Error, Sight};
use crate::model::{Class, DerivedFacts, DigestClaim, DockName, ItemId, Sha256};

const ORIGINAL: &str = "SELECT item, size, sha256, sealed_size, sealed_sha256, domains, generation,
    keys_sha256, recovered, dock, name, kind, arrived, state, reasons, protections, copies, readback, level, term_years
    FROM items";

const DERIVATIVE: &str = "SELECT item, size, sha256, sealed_size, sealed_sha256, domains, generation,
    keys_sha256, recovered, parent, role, derived FROM derivatives";

pub(super) const CLAIMS: &str = "SELECT claim FROM claims WHERE item = ?1 ORDER BY idx";

impl Catalog {
    /// An original or a derivative.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn item(&self, item: ItemId) -> Result<Option<ItemRow>, Error> {
        let original = self.ask(&format!("{ORIGINAL} WHERE item = ?1"), params![item], original)?;
        if let Some(found) = original.into_iter().next() {
            return Ok(Some(found));
        }
        let derived = self.ask(&format!("{DERIVATIVE} WHERE item = ?1"), params![item], derivative)?;
        Ok(derived.into_iter().next())
    }

    /// An original that somebody may know of, or a derivative of one. Where it is not there, and where it is not for
    /// them, the same was asked and nothing is answered (P9).
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn item_seen(&self, item: ItemId, sight: &Sight) -> Result<Option<ItemRow>, Error> {
        let sees = sight.condition();
        let original =
            self.ask(&format!("{ORIGINAL} WHERE item = ?1 AND {sees}"), params![item], original)?;
        let derived = self.ask(
            &format!(
                "{DERIVATIVE} WHERE item = ?1
                 AND EXISTS (SELECT 1 FROM items WHERE items.item = parent AND {sees})"
            ),
            params![item],
            derivative,
        )?;
        Ok(original.into_iter().chain(derived).next())
    }

    /// The item that a dock deposited with these bytes first.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn item_with(&self, dock: &DockName, sha256: &Sha256) -> Result<Option<ItemRow>, Error> {
        let found = self.ask(
            &format!("{ORIGINAL} WHERE sha256 = ?1 AND dock = ?2 ORDER BY place LIMIT 1"),
            params![sha256, dock],
            original,
        )?;
        Ok(found.into_iter().next())
    }

    /// What checksums that came later said of an original, in the order of the ledger.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn claims_of(&self, item: ItemId) -> Result<Vec<DigestClaim>, Error> {
        self.ask(CLAIMS, params![item], |row| Ok(row.get::<_, Json<_>>(0)?.0))
    }

    /// Originals and derivatives behind an id, by id: for going over everything, page by page.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn items_after(&self, after: Option<ItemId>, limit: usize) -> Result<Vec<ItemRow>, Error> {
        let values = params![after, at_most(limit)];
        // Any number stands before every blob.
        let behind = "WHERE item > coalesce(?1, 0) ORDER BY item LIMIT ?2";
        let mut page = self.ask(&format!("{ORIGINAL} {behind}"), values, original)?;
        page.extend(self.ask(&format!("{DERIVATIVE} {behind}"), values, derivative)?);
        page.sort_unstable_by_key(|row| row.item);
        page.truncate(limit);
        Ok(page)
    }

    /// The derivatives of an original, by id.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn derivatives_of(&self, parent: ItemId) -> Result<Vec<ItemRow>, Error> {
        self.ask(&format!("{DERIVATIVE} WHERE parent = ?1 ORDER BY item"), params![parent], derivative)
    }

    /// The local user who is `owner`; nothing before the first entry.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn owner_uid(&self) -> Result<Option<u32>, Error> {
        let found = self.ask("SELECT owner_uid FROM archive", params![], |row| row.get(0))?;
        Ok(found.into_iter().next())
    }

    /// Whether the ledger before this one was lost, and this one was begun anew.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn began_after_a_loss(&self) -> Result<bool, Error> {
        let sql = "SELECT 1 FROM entries WHERE idx = 0 AND kind = 'epoch_begun'";
        let found = self.ask(sql, params![], |_| Ok(()))?;
        Ok(!found.is_empty())
    }

    /// The running sums.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn counts(&self) -> Result<Counts, Error> {
        let mut counts = Counts::default();
        let sums = self.ask("SELECT name, value FROM counters", params![], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?))
        })?;
        for (name, value) in sums {
            let sum = match name.as_str() {
                "items" => &mut counts.items,
                "bytes" => &mut counts.bytes,
                "sealed_bytes" => &mut counts.sealed_bytes,
                "quarantined" => &mut counts.quarantined,
                "derivatives" => &mut counts.derivatives,
                "deposits" => &mut counts.deposits,
                "damaged" => &mut counts.damaged,
                "unproven" => &mut counts.unproven,
                "outbox" => &mut counts.outbox,
                "unprobed" => &mut counts.unprobed,
                _ => continue,
            };
            *sum = u64::try_from(value).unwrap_or(0);
        }
        Ok(counts)
    }
}

fn original(row: &Row<'_>) -> rusqlite::Result<ItemRow> {
    let original = Original {
        dock: row.get(9)?,
        name: row.get(10)?,
        kind: row.get::<_, Word<_>>(11)?.0,
        arrived: row.get(12)?,
        state: row.get::<_, Word<_>>(13)?.0,
        reasons: row.get::<_, Json<_>>(14)?.0,
        class: Class::new(row.get::<_, Word<_>>(18)?.0, row.get(19)?, row.get::<_, Json<_>>(15)?.0),
        copies: row.get(16)?,
        readback: row.get::<_, Word<_>>(17)?.0,
    };
    sealed(row, Origin::Original(original))
}

fn derivative(row: &Row<'_>) -> rusqlite::Result<ItemRow> {
    let Json(DerivedFacts { media_type, .. }) = row.get(11)?;
    sealed(row, Origin::Derivative { parent: row.get(9)?, role: row.get(10)?, media_type })
}

/// The nine columns that both have.
fn sealed(row: &Row<'_>, origin: Origin) -> rusqlite::Result<ItemRow> {
    Ok(ItemRow {
        item: row.get(0)?,
        size: row.get::<_, Unsigned>(1)?.0,
        sha256: row.get(2)?,
        sealed_size: row.get::<_, Unsigned>(3)?.0,
        sealed_sha256: row.get(4)?,
        domains: row.get::<_, Json<_>>(5)?.0,
        generation: row.get(6)?,
        keys_sha256: row.get(7)?,
        recovered: row.get::<_, Option<Word<_>>>(8)?.map(|Word(how)| how),
        origin,
    })
}
