//! Questions about principals, and about what they propose.

use rusqlite::params;

use super::columns::Json;
use super::{Catalog, Error};
use crate::model::{Actor, ItemId, LedgerIndex, LoweringProposed, Principal, PrincipalName};

/// More principals than this are not listed at once: far above what one agency has.
const MOST: i64 = 10_000;

/// A lower class that waits for another person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lowering {
    /// The entry that proposed it.
    pub index: LedgerIndex,
    /// What was proposed.
    pub proposed: LoweringProposed,
    /// By whom.
    pub who: Actor,
    /// Why.
    pub why: String,
}

impl Catalog {
    /// A principal, as the ledger has it.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn principal(&self, name: &PrincipalName) -> Result<Option<Principal>, Error> {
        let sql = "SELECT principal FROM principals WHERE name = ?1";
        let found = self.ask(sql, params![name.as_str()], |row| Ok(row.get::<_, Json<_>>(0)?.0))?;
        Ok(found.into_iter().next())
    }

    /// The principal who is this local user.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn principal_of_uid(&self, uid: u32) -> Result<Option<Principal>, Error> {
        let sql = "SELECT principal FROM principals WHERE uid = ?1";
        let found = self.ask(sql, params![uid], |row| Ok(row.get::<_, Json<_>>(0)?.0))?;
        Ok(found.into_iter().next())
    }

    /// All principals, by name.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn principals(&self) -> Result<Vec<Principal>, Error> {
        let sql = "SELECT principal FROM principals ORDER BY name LIMIT ?1";
        self.ask(sql, params![MOST], |row| Ok(row.get::<_, Json<_>>(0)?.0))
    }

    /// The lower class that was proposed for an item.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn lowering(&self, item: ItemId) -> Result<Option<Lowering>, Error> {
        let found = self.ask(
            "SELECT idx, proposed, who, why FROM lowerings WHERE item = ?1",
            params![item],
            |row| {
                Ok(Lowering {
                    index: row.get(0)?,
                    proposed: row.get::<_, Json<_>>(1)?.0,
                    who: row.get::<_, Json<_>>(2)?.0,
                    why: row.get(3)?,
                })
            },
        )?;
        Ok(found.into_iter().next())
    }
}
