//! The test vectors of sealed files and key files: every one gives what it says, a second writer made
//! from the specification makes them anew, and openssl agrees with the worked example.

mod by_hand;
mod example;
mod judge;
mod vectors;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use judge::Vector;

/// Set to write the vectors, and the example in `FORMAT.md`, instead of comparing them.
const WRITE: &str = "SEALDOCK_WRITE_FIXTURES";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn folder() -> PathBuf {
    root().join("fixtures/seal")
}

/// Every file under the folder with its path in it.
fn files() -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for part in ["valid", "invalid"] {
        let Ok(listing) = std::fs::read_dir(folder().join(part)) else { continue };
        for entry in listing {
            let entry = entry.expect("a readable folder");
            let name = format!("{part}/{}", entry.file_name().to_str().expect("we name them"));
            found.insert(name, std::fs::read(entry.path()).expect("a readable vector"));
        }
    }
    found
}

#[test]
fn every_vector_gives_what_it_says() {
    let mut judged = 0;
    for (name, bytes) in files() {
        let (stem, extension) = name.rsplit_once('.').expect("vectors have an extension");
        if extension == "json" {
            continue;
        }
        let said = std::fs::read(folder().join(format!("{stem}.json")));
        let said = said.unwrap_or_else(|error| panic!("{name} lacks its expectation: {error}"));
        let vector: Vector =
            serde_json::from_slice(&said).unwrap_or_else(|error| panic!("{stem}: {error}"));
        let found = match extension {
            "seal" => judge::sealed_file(&bytes, &vector),
            "keys" => judge::key_file(&bytes, &vector),
            other => panic!("{name}: what is a .{other}?"),
        };
        assert_eq!(found, vector.expected, "{name}: {}", vector.about);
        assert_eq!(found.is_valid(), name.starts_with("valid/"), "{name} lies in the wrong folder");
        judged += 1;
    }
    assert!(judged > 50, "only {judged} vectors found");
}

#[test]
fn vectors_are_fresh() {
    let made = vectors::all();
    if std::env::var_os(WRITE).is_some() {
        for part in ["valid", "invalid"] {
            let _ = std::fs::remove_dir_all(folder().join(part));
            std::fs::create_dir_all(folder().join(part)).expect("a folder");
        }
        for (name, bytes) in &made {
            std::fs::write(folder().join(name), bytes).expect("a vector");
        }
    }
    let found = files();
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&found), names(&made), "set {WRITE}=1 to write them anew");
    for (name, bytes) in &made {
        assert!(found[name] == *bytes, "{name} is stale: set {WRITE}=1 to write the vectors anew");
    }
}

#[test]
fn the_library_writes_what_the_specification_says() {
    for (name, file) in vectors::valid() {
        assert!(judge::seal_with_library(&file) == file.sealed(), "{name}");
    }
}
