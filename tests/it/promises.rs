//! The promises of ARCHITECTURE.md and the code that upholds them: each is named (`P3`) in a comment of every
//! room that the table gives for it, and no source names one that the table does not know as upheld.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Promises of the design; what is not upheld yet stands in the table with no room.
const PROMISES: u32 = 12;

#[test]
fn every_promise_is_listed_once() {
    let listed: Vec<u32> = table().into_iter().map(|(promise, _)| promise).collect();
    assert_eq!(listed, (1..=PROMISES).collect::<Vec<_>>());
}

#[test]
fn a_promise_is_named_in_every_room_that_is_said_to_uphold_it() {
    let named = named_in_sources();
    let mut silent = Vec::new();
    for (promise, rooms) in table() {
        let found = named.get(&promise).cloned().unwrap_or_default();
        silent.extend(rooms.difference(&found).map(|room| format!("P{promise} in {room}")));
    }
    assert!(silent.is_empty(), "said in ARCHITECTURE.md and named nowhere there: {silent:?}");
}

#[test]
fn no_source_names_a_promise_that_nothing_upholds() {
    let upheld: BTreeSet<u32> =
        table().into_iter().filter(|(_, rooms)| !rooms.is_empty()).map(|(promise, _)| promise).collect();
    let named: BTreeSet<u32> = named_in_sources().into_keys().collect();
    assert_eq!(named, upheld);
}

/// Rows like "| P3 | originals never change | `vault`, `seal` |".
fn table() -> Vec<(u32, BTreeSet<String>)> {
    let text = read(&root().join("ARCHITECTURE.md"));
    let row = |line: &str| {
        let mut cells = line.strip_prefix("| P")?.split('|').map(str::trim);
        let promise = cells.next()?.parse().ok()?;
        let rooms = cells.nth(1)?.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        Some((promise, rooms))
    };
    text.lines().filter_map(row).collect()
}

/// The rooms whose comments name each promise.
fn named_in_sources() -> BTreeMap<u32, BTreeSet<String>> {
    let mut named: BTreeMap<u32, BTreeSet<String>> = BTreeMap::new();
    let src = root().join("src");
    let mut folders = vec![src.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of src can be listed") {
            let path = entry.expect("a folder of src can be listed").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let inside = path.strip_prefix(&src).expect("it lies in src");
                let room = inside.iter().next().expect("a name").to_string_lossy().into_owned();
                for promise in read(&path).lines().flat_map(promises) {
                    named.entry(promise).or_default().insert(room.clone());
                }
            }
        }
    }
    named
}

/// The promises that the comment of a line names.
fn promises(line: &str) -> Vec<u32> {
    let Some((_, comment)) = line.split_once("//") else { return Vec::new() };
    let words = comment.split(|c: char| !c.is_ascii_alphanumeric());
    let numbers = words.filter_map(|word| word.strip_prefix('P')?.parse().ok());
    numbers.filter(|number| (1..=PROMISES).contains(number)).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn a_promise_is_a_whole_word_of_a_comment() {
    assert_eq!(promises("let x = 1; // P1, and (P12) too"), [1, 12]);
    assert_eq!(promises("const P3: u8 = 3;"), Vec::<u32>::new());
    assert_eq!(promises("/// P13 is none, MP3 neither, P256 is a curve"), Vec::<u32>::new());
}
