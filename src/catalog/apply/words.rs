//! Keeping the search index.

use rusqlite::{Connection, params};

use super::{Error, prepared};
use crate::catalog::columns::Json;
use crate::catalog::text;
use crate::model::{DepositFacts, DockName, ItemId, Kind, MediaFacts, Protection, State};

/// Arrivals of one item whose names are searched: the first ones.
const MAX_ARRIVALS: i64 = 8;

/// Whether the words of an item with these protections may stand in an index at all.
pub(super) fn may_be_indexed(protections: &[Protection]) -> bool {
    !protections.iter().any(|one| matches!(one, Protection::Informant | Protection::Minor))
}

/// The words and marks of one item.
pub(super) struct Words {
    name: String,
    other: String,
    marks: Vec<String>,
}

impl Words {
    /// None yet, of an item with these fields.
    pub(super) fn of(kind: Kind, dock: &DockName, state: State) -> Self {
        let mut marks = vec![text::kind(kind), text::dock(dock)];
        marks.extend(text::state(state));
        Self { name: String::new(), other: String::new(), marks }
    }

    pub(super) fn add_arrival(&mut self, facts: &DepositFacts) {
        let path = &facts.source.path;
        add(&mut self.name, &path.file_name().to_text());
        add(&mut self.other, &path.to_text());
        add(&mut self.other, facts.source.dock.as_str());
        for hint in facts.name_hints.iter().flat_map(|hints| hints.fields.values()) {
            add(&mut self.other, hint);
        }
    }

    fn add_media(&mut self, facts: &MediaFacts) {
        for tag in facts.tags.values().chain(&facts.place) {
            add(&mut self.other, tag);
        }
    }

    /// Puts them in the place of what the index had for the item.
    pub(super) fn put(&self, db: &Connection, place: i64) -> Result<(), Error> {
        prepared(db, "INSERT OR REPLACE INTO words (rowid, name, other, marks) VALUES (?1, ?2, ?3, ?4)")
            .and_then(|mut put| {
                let Self { name, other, marks } = self;
                put.execute(params![place, text::index(name), text::index(other), marks.join(" ")])
            })
            .map(drop)
            .map_err(Error::database("index words"))
    }
}

/// Takes an item out of the index.
pub(super) fn forget(db: &Connection, place: i64) -> Result<(), Error> {
    prepared(db, "DELETE FROM words WHERE rowid = ?1")
        .and_then(|mut forget| forget.execute([place]))
        .map(drop)
        .map_err(Error::database("forget words"))
}

fn add(text: &mut String, more: &str) {
    text.push('\n');
    text.push_str(more);
}

/// Collects an item's words anew, into none yet.
pub(super) fn collect(db: &Connection, item: ItemId, mut words: Words) -> Result<Words, Error> {
    let mut gather = || {
        let mut ask = prepared(db, "SELECT facts FROM deposits WHERE item = ?1 ORDER BY idx LIMIT ?2")?;
        let mut rows = ask.query(params![item, MAX_ARRIVALS])?;
        while let Some(row) = rows.next()? {
            words.add_arrival(&row.get::<_, Json<DepositFacts>>(0)?.0);
        }
        let mut ask = prepared(db, "SELECT facts FROM media WHERE item = ?1")?;
        let mut rows = ask.query([item])?;
        while let Some(row) = rows.next()? {
            words.add_media(&row.get::<_, Json<MediaFacts>>(0)?.0);
        }
        Ok(())
    };
    gather().map_err(Error::database("collect words"))?;
    Ok(words)
}
