//! Which sidecars belong to which clips. The rule is `rules::companions`; here is only how partners are
//! looked up among all that arrived.

use rusqlite::{Connection, params};

use super::{Error, prepared};
use crate::catalog::columns::{Word, integer};
use crate::model::{DepositFacts, DockName, ItemId, Kind, RawName};
use crate::rules::companions::{Tie, owner, tie};

/// Most partners of one kind that an arrival is tied to: names are hostile, and a thousand clips beside a
/// thousand sidecars of one name would be a million ties.
const MAX_TIES: u64 = 64;

/// A path without the last extension of its name: what a sidecar says of its clip, and what clips of one
/// stem share.
pub(super) fn base(path: &RawName) -> RawName {
    owner(path).map_or_else(|| path.clone(), |name| path.folder().join(&name))
}

/// Ties an arrival to the sidecars and clips that came before it.
pub(super) fn tie_arrival(db: &Connection, item: ItemId, facts: &DepositFacts) -> Result<(), Error> {
    let path = &facts.source.path;
    let base_of_path = base(path);
    let partners = Partners { db, dock: &facts.source.dock };
    if facts.kind == Kind::Sidecar {
        // `X.md5` may mean `X.mp4`, which has the same base, or a file called `X`, whose base is its own.
        for bases in distinct(&base_of_path, &base(&base_of_path)) {
            for partner in partners.with(bases, Side::Any)? {
                let belongs = tie(path, &partner.path);
                put(db, belongs.filter(|by| partner.may_own(*by)), (partner.item, item))?;
            }
        }
    }
    for bases in distinct(path, &base_of_path) {
        for partner in partners.with(bases, Side::Sidecars)? {
            let belongs = tie(&partner.path, path);
            let own = belongs.filter(|by| may_own(facts.kind, *by));
            put(db, own, (item, partner.item))?;
        }
    }
    Ok(())
}

fn distinct<'a>(one: &'a RawName, other: &'a RawName) -> impl Iterator<Item = &'a RawName> {
    std::iter::once(one).chain((one != other).then_some(other))
}

/// A sidecar has sidecars by its whole name only: `X.gps` and `X.md5` both belong to `X.mp4`, not to each
/// other.
fn may_own(kind: Kind, by: Tie) -> bool {
    kind != Kind::Sidecar || by == Tie::Name
}

fn put(db: &Connection, tie: Option<Tie>, (clip, sidecar): (ItemId, ItemId)) -> Result<(), Error> {
    if tie.is_none() || clip == sidecar {
        return Ok(());
    }
    prepared(db, "INSERT OR IGNORE INTO ties (clip, sidecar) VALUES (?1, ?2)")
        .and_then(|mut put| put.execute([clip, sidecar]))
        .map(drop)
        .map_err(Error::database("tie a sidecar"))
}

#[derive(Clone, Copy)]
enum Side {
    Any,
    Sidecars,
}

/// What arrived from the same dock.
struct Partners<'a> {
    db: &'a Connection,
    dock: &'a DockName,
}

struct Partner {
    item: ItemId,
    path: RawName,
    kind: Kind,
}

impl Partner {
    fn may_own(&self, by: Tie) -> bool {
        may_own(self.kind, by)
    }
}

impl Partners<'_> {
    fn with(&self, base: &RawName, side: Side) -> Result<Vec<Partner>, Error> {
        let sql = match side {
            Side::Any => {
                "SELECT DISTINCT item, path, kind FROM deposits WHERE dock = ?1 AND base = ?2
                 ORDER BY kind = ?3, item LIMIT ?4"
            }
            Side::Sidecars => {
                "SELECT DISTINCT item, path, kind FROM deposits WHERE dock = ?1 AND base = ?2 AND kind = ?3
                 ORDER BY item LIMIT ?4"
            }
        };
        let values = params![self.dock, base, Word(Kind::Sidecar), integer(MAX_TIES)];
        let found = || {
            prepared(self.db, sql)?
                .query_map(values, |row| {
                    Ok(Partner { item: row.get(0)?, path: row.get(1)?, kind: row.get::<_, Word<_>>(2)?.0 })
                })?
                .collect::<rusqlite::Result<_>>()
        };
        found().map_err(Error::database("look for sidecars"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_is_a_path_without_the_extension_of_its_name() {
        let base = |path: &str| base(&RawName::new(path)).to_text();
        assert_eq!(base("20190912/0915.MP4"), "20190912/0915");
        assert_eq!(base("a.b/0915"), "a.b/0915");
        assert_eq!(base("a/.hidden"), "a/.hidden");
        assert_eq!(base("0915.mp4.md5"), "0915.mp4");
    }
}
