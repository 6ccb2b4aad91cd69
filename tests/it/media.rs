//! Every file of a folder of media goes in and comes back; what a manifest knows of it is found again.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::TestArchive;

/// What is expected of a file's facts.
#[derive(Debug, Default)]
struct Expected {
    duration_s: Option<f64>,
    /// Codecs of video and audio streams, in order.
    codecs: Option<Vec<String>>,
}

/// The folder of media: the one that is set, else our own.
fn folder() -> PathBuf {
    std::env::var_os("SEALDOCK_MEDIA").map_or_else(|| "fixtures/media".into(), PathBuf::from)
}

/// One row's fields; a quoted field may hold commas, and quotes written twice.
fn fields(row: &str) -> Vec<String> {
    let (mut fields, mut field, mut quoted) = (Vec::new(), String::new(), false);
    let mut chars = row.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => field.extend(chars.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(std::mem::take(&mut field)),
            c => field.push(c),
        }
    }
    fields.push(field);
    fields
}

/// The rows of `manifest.csv` under `media/valid`; of our own files, what lies beside each.
fn expectations(folder: &Path) -> HashMap<PathBuf, Expected> {
    let Ok(manifest) = std::fs::read_to_string(folder.join("manifest.csv")) else {
        return beside(&folder.join("valid"));
    };
    let mut rows = manifest.lines().map(fields);
    let head = rows.next().expect("a head");
    let column = |name: &str| head.iter().position(|column| column == name).expect("a column");
    let (path, duration, codecs) = (column("path"), column("duration_s"), column("codecs"));
    let row = |row: Vec<String>| {
        let of_interest = |word: &str| {
            let (kind, codec) = word.split_once(':')?;
            ["v", "a"].contains(&kind).then(|| codec.to_owned())
        };
        let codecs =
            (!row[codecs].is_empty()).then(|| row[codecs].split('+').filter_map(of_interest).collect());
        (folder.join(&row[path]), Expected { duration_s: row[duration].parse().ok(), codecs })
    };
    rows.filter(|fields| fields[path].starts_with("media/valid")).map(row).collect()
}

fn beside(folder: &Path) -> HashMap<PathBuf, Expected> {
    let mut expected = HashMap::new();
    for entry in std::fs::read_dir(folder).expect("listed") {
        let path = entry.expect("listed").path();
        let said = PathBuf::from(format!("{}.json", path.display()));
        let Ok(said) = std::fs::read(said) else { continue };
        let said: Value = serde_json::from_slice(&said).expect("JSON");
        let duration_s = said["duration_s"].as_f64();
        let codecs = said["streams"].as_array().map(|streams| codecs(streams));
        expected.insert(path, Expected { duration_s, codecs });
    }
    expected
}

fn codecs(streams: &[Value]) -> Vec<String> {
    let is_of_interest = |stream: &&Value| stream["kind"] == "video" || stream["kind"] == "audio";
    let codec = |stream: &Value| stream["codec"].as_str().unwrap_or("").to_owned();
    streams.iter().filter(is_of_interest).map(codec).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    walkdir::WalkDir::new(folder)
        .sort_by_file_name()
        .into_iter()
        .map(|entry| entry.expect("listed").into_path())
        .filter(|path| path.is_file())
        .collect()
}

#[test]
fn every_file_goes_in_and_comes_back_with_its_facts() {
    let folder = folder().canonicalize().expect("the folder of media");
    let (files, mut expected) = (files(&folder), expectations(&folder));
    assert!(files.len() > 20 && expected.len() > 10, "{} holds media", folder.display());
    let archive = TestArchive::new();
    let _daemon = archive.daemon();
    let lines = archive.run(&["deposit", "--json", folder.to_str().expect("UTF-8")]).ends(0).lines();
    let line_of: HashMap<&str, &Value> =
        lines.iter().map(|line| (line["path"].as_str().expect("a path"), line)).collect();
    let mut wrong = Vec::new();
    for path in &files {
        let line =
            line_of.get(path.to_str().expect("UTF-8")).unwrap_or_else(|| panic!("{}", path.display()));
        if line["state"] == "ignored" {
            continue;
        }
        let item = line["item"].as_str().unwrap_or_else(|| panic!("not taken: {line}"));
        assert!(archive.get(item) == std::fs::read(path).expect("read"), "{}", path.display());
        let facts = archive.show(item)["facts"].take();
        assert_ne!(facts["probe"], "pending", "deposit ends when its probes have: {line}");
        if let Some(expected) = expected.remove(path) {
            wrong.extend(differ(&expected, &facts).map(|why| format!("{}: {why}", path.display())));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(expected.is_empty(), "the manifest names files that are not there: {expected:?}");
    archive.run(&["verify", "--all", "--open"]).ends(0);
}

fn differ(expected: &Expected, facts: &Value) -> Option<String> {
    if let Some(wanted) = expected.duration_s {
        let found = facts["duration_s"].as_f64();
        if found.is_none_or(|found| (found - wanted).abs() > 0.1) {
            return Some(format!("lasts {found:?} s, and should {wanted} s"));
        }
    }
    let found = codecs(facts["streams"].as_array().map_or(&[], Vec::as_slice));
    let wanted = expected.codecs.as_ref()?;
    (found != *wanted).then(|| format!("holds {found:?}, and should {wanted:?}"))
}
