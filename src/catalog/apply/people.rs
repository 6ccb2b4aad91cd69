//! Principals.

use rusqlite::{Connection, params};

use super::{Error, prepared};
use crate::catalog::columns::Json;
use crate::model::Principal;

/// A principal is now so; one local user is one principal.
pub(super) fn set(db: &Connection, principal: &Principal) -> Result<(), Error> {
    let put = || {
        let name = principal.name.as_str();
        let taken: bool = prepared(db, "SELECT 1 FROM principals WHERE uid = ?1 AND name <> ?2")?
            .exists(params![principal.uid, name])?;
        if taken {
            return Ok(false);
        }
        prepared(db, "INSERT OR REPLACE INTO principals (name, uid, principal) VALUES (?1, ?2, ?3)")?
            .execute(params![name, principal.uid, Json(principal)])?;
        Ok(true)
    };
    match put().map_err(Error::database("note a principal"))? {
        true => Ok(()),
        false => {
            let id = principal.uid.map(|uid| uid.to_string()).unwrap_or_default();
            Err(Error::Twice { what: "local user", id })
        }
    }
}
