//! Listing items, page after page: a listing of a million holds neither memory nor a connection.

use std::ops::ControlFlow;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rusqlite::types::Value;
use rusqlite::{OptionalExtension as _, Row, ToSql, params_from_iter};

use super::apply::place_of;
use super::columns::{Json, Unsigned, Word};
use super::rows::FoundRow;
use super::work::at_most;
use super::{Catalog, Error, Sight, text};
use crate::model::{DockName, Kind, Moment, RawName, Sha256, State};

/// Rows read at once; at first fewer, so that whoever looks at a screen of them does not wait for more.
const FIRST_PAGE: usize = 64;
const PAGE: usize = 500;

/// The most words that a beginning is spelled out as; with more, SQLite gathers them itself.
const MANY: usize = 16;

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
    /// Shows every original that the filter and the sight let through, in the order of arrival, until there are no more
    /// or the caller has enough. What arrives meanwhile may or may not be among them.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn find(
        &self,
        (filter, sight): (&Filter, &Sight),
        show: &mut dyn FnMut(FoundRow) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let Some(question) = Question::of((filter, sight), &|word| self.words_beginning(word))? else {
            return Ok(());
        };
        let mut behind = question.behind;
        let mut limit = FIRST_PAGE;
        loop {
            let page = self.page(&question, (behind, limit))?;
            let full = page.len() == limit;
            limit = PAGE;
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

    fn page(
        &self,
        question: &Question,
        (behind, limit): (i64, usize),
    ) -> Result<Vec<(i64, FoundRow)>, Error> {
        let mut values: Vec<&dyn ToSql> = question.values.iter().map(|value| value as &dyn ToSql).collect();
        let limit = at_most(limit);
        values.extend([&behind as &dyn ToSql, &limit]);
        self.ask(&question.sql, params_from_iter(values), found)
    }

    /// The words of the index that begin so; nothing where there are many. Each is sought for itself: going
    /// over them would go over every place where they stand.
    fn words_beginning(&self, beginning: &str) -> Result<Option<Vec<String>>, Error> {
        let reader = self.reader()?;
        let mut next = reader
            .prepare_cached("SELECT term FROM temp.terms WHERE term >= ?1 AND term < ?2 LIMIT 1")
            .map_err(Error::database("look words up"))?;
        let (mut from, end) = (beginning.to_owned(), format!("{beginning}{}", char::MAX));
        let mut words = Vec::new();
        loop {
            let word: Option<String> = next
                .query_row([&from, &end], |row| row.get(0))
                .optional()
                .map_err(Error::database("look words up"))?;
            let Some(word) = word else { return Ok(Some(words)) };
            if words.len() == MANY {
                return Ok(None);
            }
            // What comes next after a word is that word with the least letter behind it.
            from = format!("{word}\0");
            words.push(word);
        }
    }
}

/// A filter as SQL. `?` are the values in order, then the place to go on behind and how many rows to read.
struct Question {
    sql: String,
    values: Vec<Value>,
    /// Nothing up to this place is wanted.
    behind: i64,
}

impl Question {
    /// Nothing where no item can be found.
    fn of(
        (filter, sight): (&Filter, &Sight),
        spell: &text::Spell<'_, Error>,
    ) -> Result<Option<Self>, Error> {
        let mut building = Building::default();
        let Some(words) = words(filter, spell)? else { return Ok(None) };
        // The index of words is read in the order of its row ids, which are places.
        let (source, place) = match words {
            Some(_) => ("words JOIN items ON items.place = words.rowid", "words.rowid"),
            None => ("items", "items.place"),
        };
        if let Some(words) = words {
            building.and("words MATCH ?", Value::Text(words));
        }
        building.add_columns(filter);
        if let Some(until) = filter.until {
            building.and(&format!("{place} < ?"), Value::Integer(place_of(until)));
        }
        let Building { mut conditions, values } = building;
        conditions.push(sight.condition());
        conditions.push(format!("{place} > ?"));
        let sql = format!(
            "SELECT items.place, item, kind, items.name, size, sha256, arrived, state, reasons
             FROM {source} WHERE {} ORDER BY {place} LIMIT ?",
            conditions.join(" AND ")
        );
        // One bound below, not two: the index of words heeds one.
        let behind = filter.since.map_or(-1, |since| place_of(since) - 1);
        Ok(Some(Self { sql, values, behind }))
    }
}

/// The search expression, if words are asked for; nothing where they are found nowhere, as without a letter or
/// digit.
fn words(filter: &Filter, spell: &text::Spell<'_, Error>) -> Result<Option<Option<String>>, Error> {
    let mut all = Vec::new();
    for (typed, columns) in [(&filter.text, text::EVERYWHERE), (&filter.name, text::NAMES)] {
        let Some(typed) = typed else { continue };
        let Some(part) = text::query(typed, columns, spell)? else { return Ok(None) };
        all.push(format!("({part})"));
    }
    if all.is_empty() {
        return Ok(Some(None));
    }
    // The columns of the items decide; the marks spare looking at rows that they would refuse.
    let marks = [
        filter.kind.map(text::kind),
        filter.dock.as_ref().map(text::dock),
        filter.state.and_then(text::state),
    ];
    all.extend(marks.into_iter().flatten().map(|mark| text::marked(&mark)));
    Ok(Some(Some(all.join(" AND "))))
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
            self.and("kind = ?", Value::Text(kind.code().to_owned()));
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
        if let Some(prefix) = filter.item {
            let column = if prefix.is_narrow() { "item" } else { "+item" };
            self.and(&format!("{column} >= ?"), Value::Blob(prefix.from.to_vec()));
            self.and(&format!("{column} <= ?"), Value::Blob(prefix.to.to_vec()));
        }
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
        for step in crate::catalog::connect::STEPS {
            db.execute_batch(step).expect("made");
        }
        let sight = Sight::of(vec![0, 1, 5]);
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
            Filter { text: text(), kind, dock: dock.clone(), ..Filter::default() },
            Filter { text: text(), until: Some(Moment::UNIX_EPOCH), ..Filter::default() },
            Filter { kind, dock, ..Filter::default() },
        ] {
            let question = Question::of((&filter, &sight), &|_| Ok(None)).expect("no words to look up");
            let question = question.expect("asks something");
            let values = question.values.iter().chain([&Value::Integer(-1), &Value::Integer(64)]);
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
        assert!(
            Question::of((&filter, &Sight::WHOLE), &|_| Ok(None)).expect("no words to look up").is_none()
        );
    }
}
