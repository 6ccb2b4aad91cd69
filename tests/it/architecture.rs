//! The floor plan, held: a room names rooms on lower floors only, never a neighbour.
//!
//! The sources are read as text and cut into tokens. That is less than a compiler knows, but it sees
//! every spelling of `crate::room` that this house uses, and `super::` where it climbs out of a room.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Every room there is or will be, with its floor. A room is made when it is first needed.
const FLOORS: &[(&str, u8)] = &[
    ("model", 0),
    ("seal", 1),
    ("ledger", 1),
    ("rules", 1),
    ("sys", 2),
    ("inbox", 3),
    ("probe", 3),
    ("keys", 3),
    ("vault", 3),
    ("catalog", 3),
    ("evidence", 4),
    ("authority", 4),
    ("intake", 5),
    ("casework", 5),
    ("reading", 5),
    ("secrecy", 5),
    ("disposal", 5),
    ("audit", 5),
    ("export", 6),
    ("web", 7),
    ("api", 8),
    ("console", 8),
    ("daemon", 9),
    ("cli", 10),
];

/// What `src/` may hold besides rooms.
const DOORS: &[&str] = &["lib.rs", "main.rs", "bin"];

/// Lines of a file that are not its tests; beyond this it is two files.
const LONGEST_FILE: usize = 500;

#[test]
fn no_room_names_a_neighbour_or_a_room_above() {
    let mut wrong = Vec::new();
    for file in sources() {
        let Some(room) = room_of(&file) else { continue };
        for named in rooms_named(&read(&file), depth_of(&file)) {
            if named != room && floor(&named) >= floor(&room) {
                wrong.push(format!(
                    "{}: {room} (F{}) names {named} (F{})",
                    shown(&file),
                    at(&room),
                    at(&named)
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "a use goes up or sideways:\n{}", wrong.join("\n"));
}

#[test]
fn every_entry_of_src_is_on_the_plan() {
    let strangers: Vec<String> = fs::read_dir(src())
        .expect("src can be listed")
        .map(|entry| entry.expect("src can be listed").file_name().to_string_lossy().into_owned())
        .filter(|name| floor(name.trim_end_matches(".rs")).is_none() && !DOORS.contains(&name.as_str()))
        .collect();
    assert!(strangers.is_empty(), "not on the floor plan: {strangers:?}");
}

#[test]
fn the_map_lists_every_room_in_reading_order() {
    let text = read(&src().join("lib.rs"));
    let listed: Vec<&str> = text
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("pub mod ")?.strip_suffix(';'))
        .collect();
    // `cli` and `daemon` share a group, which rustfmt sorts by name.
    let floors: Vec<u8> = listed.iter().map(|room| at(room).min(9)).collect();
    assert!(floors.is_sorted(), "lib.rs is not in reading order: {listed:?}");
    let rooms: BTreeSet<String> = sources().iter().filter_map(|file| room_of(file)).collect();
    let listed: BTreeSet<String> = listed.into_iter().map(str::to_owned).collect();
    assert_eq!(rooms, listed, "rooms in src/ and in lib.rs");
}

#[test]
fn a_binary_is_a_thin_door() {
    let rooms = rooms_named(&read(&src().join("main.rs")), 0);
    assert!(rooms.is_subset(&named(&["cli"])), "main.rs names {rooms:?}");
    let allowed = named(&["model", "probe", "sys"]);
    for file in sources().iter().filter(|file| file.starts_with(src().join("bin"))) {
        let rooms = rooms_named(&read(file), 1);
        assert!(rooms.is_subset(&allowed), "{} names {rooms:?}: no key may be near a parser", shown(file));
    }
}

#[test]
fn only_the_parser_names_libav() {
    let parser = src().join("bin");
    let wrong: Vec<String> = sources()
        .iter()
        .filter(|file| !file.starts_with(&parser))
        .filter(|file| tokens(&read(file)).iter().any(|token| token == "ffmpeg_next"))
        .map(|file| shown(file))
        .collect();
    assert!(wrong.is_empty(), "libav would be linked into a process that holds keys: {wrong:?}");
}

#[test]
fn every_room_says_what_it_is() {
    for (room, _) in FLOORS {
        let door = src().join(room).join("mod.rs");
        if door.exists() {
            assert!(read(&door).starts_with("//! "), "{} has no doc", shown(&door));
        }
    }
}

#[test]
fn no_file_is_longer_than_one_can_read() {
    let long: Vec<String> = sources()
        .iter()
        .filter(|file| !is_tests(file))
        .map(|file| (lines_without_tests(&read(file)), shown(file)))
        .filter(|(lines, _)| *lines > LONGEST_FILE)
        .map(|(lines, file)| format!("{file}: {lines} lines"))
        .collect();
    assert!(long.is_empty(), "split these:\n{}", long.join("\n"));
}

/// A file of tests beside the code they try.
fn is_tests(file: &Path) -> bool {
    file.file_name().is_some_and(|name| name.to_string_lossy().ends_with("tests.rs"))
}

// ---- reading sources --------------------------------------------------------------------------------

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn shown(file: &Path) -> String {
    file.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap_or(file).display().to_string()
}

/// Every Rust file under `src/`.
fn sources() -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![src()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of src can be listed") {
            let path = entry.expect("a folder of src can be listed").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    assert!(files.len() > FLOORS.len() / 2, "src was not found: {files:?}");
    files
}

/// The room a file belongs to; none for the doors.
fn room_of(file: &Path) -> Option<String> {
    let inside = file.strip_prefix(src()).expect("a source lies in src");
    let first = inside.iter().next()?.to_str()?.trim_end_matches(".rs");
    floor(first).map(|_| first.to_owned())
}

/// How many `super` lead from a file's own module to the root of the crate.
fn depth_of(file: &Path) -> usize {
    let parts = file.strip_prefix(src()).expect("a source lies in src").iter().count();
    if file.file_name().is_some_and(|name| name == "mod.rs") { parts - 1 } else { parts }
}

fn floor(room: &str) -> Option<u8> {
    FLOORS.iter().find(|(name, _)| *name == room).map(|(_, floor)| *floor)
}

fn at(room: &str) -> u8 {
    floor(room).unwrap_or_else(|| panic!("{room} is not on the floor plan"))
}

fn named(rooms: &[&str]) -> BTreeSet<String> {
    rooms.iter().map(|room| (*room).to_owned()).collect()
}

fn lines_without_tests(text: &str) -> usize {
    let lines: Vec<&str> = text.lines().collect();
    lines
        .windows(2)
        .position(|pair| pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod ") && pair[1].ends_with('{'))
        .unwrap_or(lines.len())
}

/// The rooms that a source names from the root of the crate.
fn rooms_named(text: &str, depth: usize) -> BTreeSet<String> {
    let tokens = tokens(text);
    let mut rooms = BTreeSet::new();
    for start in 0..tokens.len() {
        if let Some(after) = root_ends_at(&tokens, start, depth) {
            rooms.extend(first_names(&tokens[after..]).into_iter().filter(|name| floor(name).is_some()));
        }
    }
    rooms
}

/// Where the path goes on, if one from the root of the crate starts here: `crate::`, `sealdock::`, or
/// as many `super::` as lead out of the room.
fn root_ends_at(tokens: &[String], start: usize, depth: usize) -> Option<usize> {
    let is = |at: usize, word: &str| tokens.get(at).is_some_and(|token| token == word);
    if (is(start, "crate") || is(start, "sealdock")) && is(start + 1, "::") {
        return Some(start + 2);
    }
    let mut end = start;
    while is(end, "super") && is(end + 1, "::") {
        end += 2;
    }
    let continues_another = start >= 2 && is(start - 1, "::") && is(start - 2, "super");
    (depth > 0 && !continues_another && (end - start) / 2 >= depth).then_some(end)
}

/// The first name of a path, or of each path of a group in braces.
fn first_names(tokens: &[String]) -> Vec<String> {
    if tokens.first().is_none_or(|token| token != "{") {
        return tokens.first().cloned().into_iter().collect();
    }
    let mut names = Vec::new();
    let mut open = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match token.as_str() {
            "{" => open += 1,
            "}" => open -= 1,
            _ if open == 1 && matches!(tokens[at - 1].as_str(), "{" | ",") => names.push(token.clone()),
            _ => {}
        }
        if open == 0 {
            break;
        }
    }
    names
}

/// Words, `::`, and single marks; comments and the insides of strings are left out.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let taken = if let Some(length) = silent(rest) {
            length
        } else if first.is_alphanumeric() || first == '_' {
            let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            tokens.push(rest[..length].to_owned());
            length
        } else if rest.starts_with("::") {
            tokens.push("::".to_owned());
            2
        } else {
            if !first.is_whitespace() {
                tokens.push(first.to_string());
            }
            first.len_utf8()
        };
        rest = &rest[taken..];
    }
    tokens
}

/// The length of the comment, string or character that starts here, if one does.
fn silent(rest: &str) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return Some(rest.find("*/").map_or(rest.len(), |at| at + 2));
    }
    if let Some(length) = raw_string(rest) {
        return Some(length);
    }
    if rest.starts_with('"') {
        return Some(quoted(rest, '"'));
    }
    // A character, and not a lifetime: it is closed after one or an escape.
    let body = rest.strip_prefix('\'')?;
    let closed = body.starts_with('\\') || body.chars().nth(1) == Some('\'');
    closed.then(|| quoted(rest, '\''))
}

fn raw_string(rest: &str) -> Option<usize> {
    let after = rest.strip_prefix('r')?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    let body = after[hashes..].strip_prefix('"')?;
    let close = format!("\"{}", "#".repeat(hashes));
    let end = body.find(&close).map_or(body.len(), |at| at + close.len());
    Some(rest.len() - body.len() + end)
}

/// The length of a quoted text with its quotes, escapes heeded.
fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        if !escaped && c == quote {
            return at + c.len_utf8();
        }
        escaped = !escaped && c == '\\';
    }
    rest.len()
}

// ---- the reader itself ------------------------------------------------------------------------------

#[test]
fn every_way_to_name_a_room_is_seen() {
    for (text, depth, rooms) in [
        ("use crate::seal::Header;", 2, vec!["seal"]),
        ("use crate::{model::{ItemId, Moment}, keys, seal as s};", 2, vec!["model", "keys", "seal"]),
        ("fn f() { let x = crate::vault::Vault::open(); }", 2, vec!["vault"]),
        ("use sealdock::cli;", 0, vec!["cli"]),
        ("use super::catalog::Catalog;", 1, vec!["catalog"]),
        ("use super::super::{catalog, intake};", 2, vec!["catalog", "intake"]),
        ("macro_rules! m { () => { $crate::api::x() } }", 2, vec!["api"]),
        ("pub(in crate::daemon) fn f() {}", 2, vec!["daemon"]),
    ] {
        assert_eq!(rooms_named(text, depth), named(&rooms), "{text}");
    }
}

#[test]
fn what_only_looks_like_a_room_is_not_seen() {
    for (text, depth) in [
        ("// use crate::cli;\n", 2),
        ("/* crate::cli */", 2),
        (r#"let x = "crate::cli";"#, 2),
        (r##"let x = r#"a " crate::cli"#;"##, 2),
        ("use crate::ItemId;", 2),
        ("use super::keys;", 2),
        ("use serde::api;", 2),
        (r#"let (quote, text) = ('"', "crate::cli");"#, 2),
        ("fn f<'a>(x: &'a str) {}", 2),
    ] {
        assert_eq!(rooms_named(text, depth), BTreeSet::new(), "{text}");
    }
}

#[test]
fn tests_do_not_make_a_file_long() {
    assert_eq!(lines_without_tests("a\nb\n#[cfg(test)]\nmod tests {\n}\n"), 2);
    assert_eq!(lines_without_tests("a\n#[cfg(test)]\nfn only_for_tests() {}\nb\n"), 4);
}
