//! Listing items, page after page: a listing of a million holds neither memory nor a connection.

use std::ops::ControlFlow;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rusqlite::types::Value;
use rusqlite::{Row, ToSql, params_from_iter};

use super::apply::place_of;
use super::columns::{Json, Unsigned, Word};
use super::rows::FoundRow;
use super::{Catalog, Error, text};
use crate::model::{DockName, Kind, Moment, RawName, Sha256, State};

/// Rows read at once.
const PAGE: usize = 500;

/// What a listing is limited to; everything that is set must hold.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Words anywhere: in names, paths, docks, tags and what names said. A word is found by its beginning,
    /// Chinese by any stretch. Items of informants and minors are never found by words.
    pub text: Option<String>,
    /// The same, in file names alone.
    pub name: Option<String>,
    /// What sort of thing.
    pub kind: Option<Kind>,
    /// From which dock.
    pub dock: Option<DockName>,
    /// `sealed` or `quarantined`.
    pub state: Option<State>,
    /// With exactly these bytes.
    pub sha256: Option<Sha256>,
    /// Arrived then or later.
    pub since: Option<Moment>,
    /// Arrived before.
    pub until: Option<Moment>,
    /// Whose id begins so.
    pub item: Option<ItemPrefix>,
}

/// The beginning of an item id, with or without hyphens: 1 to 32 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ItemPrefix {
    from: [u8; 16],
    to: [u8; 16],
}

/// A text that no item id begins with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the beginning of an item id (hex digits and hyphens)")]
pub struct NotAPrefix(String);

/// The first bytes of an id are milliseconds: a prefix with all of them names few items.
const TIME_BYTES: usize = 6;

impl ItemPrefix {
    /// Whether so few items begin with it that looking them up and sorting them beats going over all.
    fn is_narrow(&self) -> bool {
        self.from[..TIME_BYTES] == self.to[..TIME_BYTES]
    }
}

impl FromStr for ItemPrefix {
    type Err = NotAPrefix;

    fn from_str(text: &str) -> Result<Self, NotAPrefix> {
        let wrong = || NotAPrefix(text.chars().take(64).collect());
        let digits: String = text.chars().filter(|c| *c != '-').collect();
        if digits.is_empty() || digits.len() > 32 {
            return Err(wrong());
        }
        let filled = |with: &str| {
            let mut bytes = [0; 16];
            let rest = with.repeat(32 - digits.len());
            hex::decode_to_slice(format!("{digits}{rest}"), &mut bytes).map(|()| bytes)
        };
        let bounds = filled("0").and_then(|from| Ok(Self { from, to: filled("f")? }));
        bounds.map_err(|_| wrong())
    }
}

impl Catalog {
    /// Shows every original that the filter lets through, in the order of arrival, until there are no more
    /// or the caller has enough. What arrives meanwhile may or may not be among them.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn find(
        &self,
        filter: &Filter,
        show: &mut dyn FnMut(FoundRow) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let Some(question) = Question::of(filter) else { return Ok(()) };
        let mut behind = -1;
        loop {
            let page = self.page(&question, behind)?;
            let full = page.len() == PAGE;
            for (place, row) in page {
                behind = place;
                if show(row).is_break() {
                    return Ok(());
                }
            }
            if !full {
                return Ok(());
            }
        }
    }

    fn page(&self, question: &Question, behind: i64) -> Result<Vec<(i64, FoundRow)>, Error> {
        let mut values: Vec<&dyn ToSql> = question.values.iter().map(|value| value as &dyn ToSql).collect();
        values.push(&behind);
        self.ask(&question.sql, params_from_iter(values), found)
    }
}

/// A filter as SQL. `?` are the values in order; the last is the place to go on behind.
struct Question {
    sql: String,
    values: Vec<Value>,
}

impl Question {
    /// Nothing where no item can be found.
    fn of(filter: &Filter) -> Option<Self> {
        let mut building = Building::default();
        let words = words(filter)?;
        if let Some(words) = &words {
            building.and("words MATCH ?", Value::Text(words.clone()));
        }
        building.add_columns(filter);
        // The index of words is read in the order of its row ids, which are places.
        let (source, place) = match words {
            Some(_) => ("words JOIN items ON items.place = words.rowid", "words.rowid"),
            None => ("items", "items.place"),
        };
        let Building { mut conditions, values } = building;
        conditions.push(format!("{place} > ?"));
        let sql = format!(
            "SELECT items.place, item, kind, items.name, size, sha256, arrived, state, reasons
             FROM {source} WHERE {} ORDER BY {place} LIMIT {PAGE}",
            conditions.join(" AND ")
        );
        Some(Self { sql, values })
    }
}

/// The search expression, if words are asked for. Words without a letter or digit are found nowhere.
fn words(filter: &Filter) -> Option<Option<String>> {
    let text = filter.text.as_deref().map(|typed| text::query(typed, None));
    let name = filter.name.as_deref().map(|typed| text::query(typed, Some("name")));
    let mut all = Vec::new();
    for part in [text, name].into_iter().flatten() {
        all.push(format!("({})", part?));
    }
    Some((!all.is_empty()).then(|| all.join(" AND ")))
}

#[derive(Default)]
struct Building {
    conditions: Vec<String>,
    values: Vec<Value>,
}

impl Building {
    fn and(&mut self, condition: &str, value: Value) {
        self.conditions.push(condition.to_owned());
        self.values.push(value);
    }

    fn add_columns(&mut self, filter: &Filter) {
        if let Some(kind) = filter.kind {
            self.and("kind = ?", word(&kind));
        }
        if let Some(dock) = &filter.dock {
            self.and("dock = ?", Value::Text(dock.as_str().to_owned()));
        }
        if let Some(state) = filter.state {
            self.and("state = ?", Value::Text(state.code().to_owned()));
            if state != State::Sealed {
                // Lets SQLite use the index of the few that are not.
                self.conditions.push("state <> 'sealed'".to_owned());
            }
        }
        if let Some(sha256) = filter.sha256 {
            self.and("sha256 = ?", Value::Blob(sha256.0.to_vec()));
        }
        if let Some(since) = filter.since {
            self.and("items.place >= ?", Value::Integer(place_of(since)));
        }
        if let Some(until) = filter.until {
            self.and("items.place < ?", Value::Integer(place_of(until)));
        }
        if let Some(prefix) = filter.item {
            let column = if prefix.is_narrow() { "item" } else { "+item" };
            self.and(&format!("{column} >= ?"), Value::Blob(prefix.from.to_vec()));
            self.and(&format!("{column} <= ?"), Value::Blob(prefix.to.to_vec()));
        }
    }
}

fn word(kind: &Kind) -> Value {
    match serde_json::to_value(kind) {
        Ok(serde_json::Value::String(word)) => Value::Text(word),
        _ => unreachable!("a kind is a word"),
    }
}

fn found(row: &Row<'_>) -> rusqlite::Result<(i64, FoundRow)> {
    let place = row.get(0)?;
    let name: RawName = row.get(3)?;
    let row = FoundRow {
        item: row.get(1)?,
        kind: row.get::<_, Word<_>>(2)?.0,
        name_raw: raw(&name),
        name: name.to_text(),
        size: row.get::<_, Unsigned>(4)?.0,
        sha256: row.get(5)?,
        arrived_at: row.get(6)?,
        state: row.get::<_, Word<_>>(7)?.0,
        reasons: row.get::<_, Json<_>>(8)?.0,
    };
    Ok((place, row))
}

/// The bytes of a name, where text does not say all.
pub(super) fn raw(name: &RawName) -> Option<String> {
    std::str::from_utf8(name.as_bytes()).is_err().then(|| BASE64.encode(name.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_bound_ids() {
        let prefix: ItemPrefix = "0191-ab".parse().expect("a prefix");
        assert_eq!(&prefix.from[..4], [0x01, 0x91, 0xab, 0x00]);
        assert_eq!(&prefix.to[..4], [0x01, 0x91, 0xab, 0xff]);
        let odd: ItemPrefix = "f".parse().expect("a prefix");
        assert_eq!((odd.from[0], odd.to[0]), (0xf0, 0xff));
        for wrong in ["", "-", "xyz", &"0".repeat(33), "é"] {
            assert!(wrong.parse::<ItemPrefix>().is_err(), "{wrong}");
        }
    }

    /// A page of a listing reads its rows in order and stops; it never sorts all that match. Ids with their
    /// whole time are few.
    #[test]
    fn listings_do_not_sort() {
        let db = rusqlite::Connection::open_in_memory().expect("opens");
        db.execute_batch(include_str!("schema/1.sql")).expect("made");
        let dock = Some(DockName::local());
        let kind = Some(Kind::Video);
        let state = Some(State::Quarantined);
        let item = "01".parse().ok();
        let text = || Some("张三".to_owned());
        for filter in [
            Filter::default(),
            Filter { dock: dock.clone(), ..Filter::default() },
            Filter { kind, since: Some(Moment::UNIX_EPOCH), ..Filter::default() },
            Filter { state, ..Filter::default() },
            Filter { item, ..Filter::default() },
            Filter { sha256: Some(Sha256([0; 32])), ..Filter::default() },
            Filter { text: text(), ..Filter::default() },
            Filter { text: text(), kind, dock, ..Filter::default() },
        ] {
            let question = Question::of(&filter).expect("asks something");
            let values = question.values.iter().chain([&Value::Integer(-1)]);
            let mut plan =
                db.prepare(&format!("EXPLAIN QUERY PLAN {}", question.sql)).expect("well-formed");
            let steps: rusqlite::Result<Vec<String>> = plan
                .query_map(params_from_iter(values), |row| row.get::<_, String>(3))
                .and_then(Iterator::collect);
            let steps = steps.expect("explained").join("; ");
            assert!(!steps.contains("TEMP B-TREE"), "{filter:?}: {steps}");
        }
    }

    #[test]
    fn words_without_letters_find_nothing() {
        let filter = Filter { text: Some("***".to_owned()), ..Filter::default() };
        assert!(Question::of(&filter).is_none());
    }
}
