//! Words to search by. SQLite's own tokenizers never find a Chinese name of two characters, so words are
//! made here: what is written with spaces becomes words, found by their beginning; what is written without
//! (Han, Kana, Hangul) becomes pairs of neighbours, found as a phrase. Everything is folded first (NFKC,
//! lower case), so full-width digits and letters are found by plain ones.

use unicode_normalization::UnicodeNormalization as _;

use crate::model::{DockName, Kind, State};

/// Longest text indexed for one field of one item, in bytes: names and tags are hostile.
const MAX_TEXT_BYTES: usize = 16 * 1024;

/// Longest query, and most terms in one: more would only narrow an empty result.
const MAX_QUERY_BYTES: usize = 1024;
const MAX_TERMS: usize = 32;

/// The columns of the index that hold words, as FTS5 names them.
pub(super) const EVERYWHERE: &str = "{name other}";
pub(super) const NAMES: &str = "name";

/// Beginnings up to this length are in the index themselves (schema).
const KEPT_BEGINNING: usize = 4;

/// The words that begin with a text, or nothing where there are too many.
pub(super) type Spell<'a, E> = dyn Fn(&str) -> Result<Option<Vec<String>>, E> + 'a;

/// A stretch of text in one manner of writing.
#[derive(Debug, PartialEq, Eq)]
enum Run {
    /// Between spaces or marks.
    Word(String),
    /// Written without spaces.
    Dense(Vec<char>),
}

/// The text as the index keeps it: tokens with spaces between.
pub(super) fn index(text: &str) -> String {
    let mut tokens = Vec::new();
    for run in runs(cut(text, MAX_TEXT_BYTES)) {
        match run {
            Run::Word(word) => tokens.push(word),
            Run::Dense(characters) => {
                tokens.extend(pairs(&characters));
                // The last one begins no pair; alone it is found too.
                tokens.extend(characters.last().map(char::to_string));
            }
        }
    }
    tokens.join(" ")
}

/// A field of an item as one token of the column `marks`. What stands before it is in no word that is made of a
/// text, so no beginning of a word finds it.
fn mark(field: &str, value: &str) -> String {
    format!("\u{e000}{field}{}", hex::encode(value))
}

pub(super) fn kind(kind: Kind) -> String {
    mark("kind", kind.code())
}

pub(super) fn dock(dock: &DockName) -> String {
    mark("dock", dock.as_str())
}

/// That a state is `sealed` is no mark: nearly all would bear it.
pub(super) fn state(state: State) -> Option<String> {
    (state != State::Sealed).then(|| mark("state", state.code()))
}

/// The FTS5 expression for items that bear a mark.
pub(super) fn marked(mark: &str) -> String {
    format!("(marks : \"{mark}\")")
}

/// An FTS5 expression for what a person typed, or nothing where no letter or digit is in it. All terms
/// must be there, in the columns that are named as FTS5 names them. `spell` names the words that begin with a text, or
/// nothing where there are too many.
///
/// A beginning that the index does not keep costs SQLite a walk over all that match before the first is found.
/// Where few words begin so, those are asked for instead, and read as far as they are wanted.
///
/// # Errors
/// As `spell`.
pub(super) fn query<E>(typed: &str, columns: &str, spell: &Spell<'_, E>) -> Result<Option<String>, E> {
    let mut terms = Vec::new();
    for run in runs(cut(typed, MAX_QUERY_BYTES)).into_iter().take(MAX_TERMS) {
        terms.push(term(&run, spell)?);
    }
    if terms.is_empty() {
        return Ok(None);
    }
    Ok(Some(format!("{columns} : ({})", terms.join(" AND "))))
}

/// Tokens hold letters and digits only, so nothing in them can end the quotes.
fn term<E>(run: &Run, spell: &Spell<'_, E>) -> Result<String, E> {
    let beginning = match run {
        Run::Word(word) => word.clone(),
        Run::Dense(characters) if characters.len() == 1 => characters[0].to_string(),
        Run::Dense(characters) => {
            return Ok(format!("\"{}\"", pairs(characters).collect::<Vec<_>>().join(" ")));
        }
    };
    if beginning.chars().count() > KEPT_BEGINNING
        && let Some(words) = spell(&beginning)?
        && !words.is_empty()
    {
        let words: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
        return Ok(format!("({})", words.join(" OR ")));
    }
    Ok(format!("\"{beginning}\"*"))
}

fn pairs(characters: &[char]) -> impl Iterator<Item = String> {
    characters.windows(2).map(|pair| pair.iter().collect())
}

fn runs(text: &str) -> Vec<Run> {
    let mut runs = Vec::new();
    let mut open: Option<Run> = None;
    for character in text.nfkc().flat_map(char::to_lowercase) {
        if !character.is_alphanumeric() {
            runs.extend(open.take());
            continue;
        }
        open = Some(match (open.take(), is_dense(character)) {
            (Some(Run::Dense(mut run)), true) => {
                run.push(character);
                Run::Dense(run)
            }
            (Some(Run::Word(mut word)), false) => {
                word.push(character);
                Run::Word(word)
            }
            (done, dense) => {
                runs.extend(done);
                if dense { Run::Dense(vec![character]) } else { Run::Word(character.to_string()) }
            }
        });
    }
    runs.extend(open);
    runs
}

/// Scripts without spaces between words, by Unicode block: CJK radicals to Yi, Hangul, compatibility
/// ideographs, and the supplementary ideographic planes.
fn is_dense(character: char) -> bool {
    matches!(u32::from(character), 0x2e80..=0xa4cf | 0xac00..=0xd7ff | 0xf900..=0xfaff | 0x2_0000..=0x3_ffff)
}

fn cut(text: &str, limit: usize) -> &str {
    let mut end = text.len().min(limit);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    fn asked(typed: &str) -> Option<String> {
        query::<Infallible>(typed, EVERYWHERE, &|_| Ok(None)).expect("infallible")
    }

    #[test]
    fn names_become_pairs_and_words() {
        assert_eq!(index("张三_Clip01.MP4"), "张三 三 clip01 mp4");
        assert_eq!(index("王小明"), "王小 小明 明");
        assert_eq!(index("ＤＳＪ０１"), "dsj01");
        assert_eq!(index("--- ..."), "");
    }

    #[test]
    fn queries_are_quoted_and_bounded() {
        assert_eq!(asked("张三").as_deref(), Some("{name other} : (\"张三\")"));
        assert_eq!(asked("张三丰 mp").as_deref(), Some("{name other} : (\"张三 三丰\" AND \"mp\"*)"));
        assert_eq!(asked("\" OR *").as_deref(), Some("{name other} : (\"or\"*)"));
        assert_eq!(asked("()\"*"), None);
        assert_eq!(asked(&"a ".repeat(1000)).expect("terms").matches("AND").count(), MAX_TERMS - 1);
    }

    #[test]
    fn a_long_beginning_of_few_words_is_spelled_out() {
        let spelled = |typed: &str| {
            let words = |beginning: &str| {
                Ok::<_, Infallible>(match beginning {
                    "stati" => Some(vec!["station".to_owned(), "stations".to_owned()]),
                    "nothing" => Some(Vec::new()),
                    _ => None,
                })
            };
            query(typed, NAMES, &words).expect("infallible").expect("terms")
        };
        assert_eq!(spelled("Stati 张三"), "name : ((\"station\" OR \"stations\") AND \"张三\")");
        assert_eq!(spelled("nothing"), "name : (\"nothing\"*)");
        assert_eq!(spelled("20240"), "name : (\"20240\"*)", "too many");
        assert_eq!(spelled("dsj0"), "name : (\"dsj0\"*)", "the index keeps it");
    }

    fn finds(text: &str, typed: &str) -> bool {
        asked(typed).is_some_and(|expression| matches(text, &expression))
    }

    /// Whether the index finds a video of this name.
    fn matches(text: &str, expression: &str) -> bool {
        let db = rusqlite::Connection::open_in_memory().expect("opens");
        db.execute_batch(
            "CREATE VIRTUAL TABLE words USING fts5 \
             (name, other, marks, content = '', contentless_delete = 1, tokenize = 'ascii', prefix = '1 2 3 4')",
        )
        .expect("made");
        db.execute(
            "INSERT INTO words (rowid, name, other, marks) VALUES (1, ?1, '', ?2)",
            [index(text), mark("kind", "video")],
        )
        .expect("inserted");
        let found = db.query_row("SELECT count(*) FROM words WHERE words MATCH ?1", [expression], |row| {
            row.get::<_, i64>(0)
        });
        found.expect("a well-formed expression") == 1
    }

    #[test]
    fn two_characters_in_the_middle_of_a_sentence_are_found() {
        let text = "2019年9月12日王小明询问笔录";
        for typed in ["小明", "王小明", "王", "录", "明询", "2019", "笔录 王小", "201"] {
            assert!(finds(text, typed), "{typed}");
        }
        for typed in ["小王", "明王", "2020", "询录"] {
            assert!(!finds(text, typed), "{typed}");
        }
    }

    #[test]
    fn a_mark_is_found_whole_and_by_no_word() {
        for typed in ["kind", "k", "7669", &mark("kind", "video")] {
            assert!(!finds("张三 clip", typed), "{typed}");
        }
        let named = asked("张三").expect("a query");
        for (value, found) in [("video", true), ("vide", false)] {
            let expression = format!("({named}) AND {}", marked(&mark("kind", value)));
            assert_eq!(matches("张三 clip", &expression), found, "{expression}");
        }
    }

    proptest! {
        #[test]
        fn any_stretch_of_dense_text_is_found(text in "[一-龥]{2,12}", at in 0_usize..11, long in 1_usize..5) {
            let characters: Vec<char> = text.chars().collect();
            let start = at.min(characters.len() - 1);
            let end = (start + long).min(characters.len());
            let typed: String = characters[start..end].iter().collect();
            prop_assert!(finds(&text, &typed));
        }

        #[test]
        fn no_query_is_malformed(text in ".{0,40}", typed in ".{0,40}") {
            if asked(&typed).is_some() {
                finds(&text, &typed);
            }
        }

        #[test]
        fn a_text_finds_itself(text in "[a-zA-Z0-9一-龥 ._-]{0,30}[a-z0-9一-龥]") {
            prop_assert!(finds(&text, &text));
        }
    }
}
