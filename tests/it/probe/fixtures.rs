//! Every file under `fixtures/media`, against what its companion says.

use std::path::{Path, PathBuf};

use sealdock::model::MediaFacts;
use sealdock::probe::Report;
use serde_json::Value;

use super::{probe, prober};

fn expectations() -> Vec<PathBuf> {
    let media = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/media");
    ["valid", "invalid"]
        .iter()
        .flat_map(|folder| std::fs::read_dir(media.join(folder)).expect("a folder of fixtures"))
        .map(|entry| entry.expect("listed").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect()
}

/// What differs from the expectation, by name.
fn differences(expected: &Value, report: &Report) -> Vec<String> {
    let facts = serde_json::to_value(&report.facts).expect("facts are JSON");
    let mut different = Vec::new();
    let mut note = |name: &str, agrees: bool| {
        if !agrees {
            different.push(name.to_owned());
        }
    };
    note("probe", is_among(&expected["probe"], &facts["probe"]["result"]));
    note("truncated", is_among(&expected["truncated"], &facts["truncated"]));
    for name in ["container", "created", "place"] {
        note(name, expected.get(name).is_none_or(|wanted| *wanted == facts[name]));
    }
    note("poster", expected.get("poster").is_none_or(|wanted| *wanted == report.poster.is_some()));
    note("duration_s", durations_agree(expected, &report.facts));
    note("streams", expected.get("streams").is_none_or(|wanted| streams_agree(wanted, &facts["streams"])));
    different
}

fn is_among(wanted: &Value, found: &Value) -> bool {
    wanted.as_array().is_some_and(|wanted| wanted.contains(found))
}

fn durations_agree(expected: &Value, facts: &MediaFacts) -> bool {
    match (expected["duration_s"].as_f64(), facts.duration_s) {
        (Some(wanted), Some(found)) => (wanted - found).abs() < 0.1,
        (Some(_), None) => false,
        (None, _) => true,
    }
}

/// Each stream has at least what was expected of it.
fn streams_agree(wanted: &Value, found: &Value) -> bool {
    let (Some(wanted), Some(found)) = (wanted.as_array(), found.as_array()) else { return false };
    wanted.len() == found.len()
        && wanted.iter().zip(found).all(|(wanted, found)| {
            wanted
                .as_object()
                .is_some_and(|fields| fields.iter().all(|(name, value)| value_agrees(value, &found[name])))
        })
}

fn value_agrees(wanted: &Value, found: &Value) -> bool {
    match (wanted.as_f64(), found.as_f64()) {
        (Some(wanted), Some(found)) => (wanted - found).abs() < 0.1,
        _ => wanted == found,
    }
}

#[tokio::test]
async fn each_is_what_its_companion_says() {
    let prober = prober();
    let expectations = expectations();
    assert!(expectations.len() > 20, "{} fixtures", expectations.len());
    let mut faults = Vec::new();
    for path in expectations {
        let expected: Value = serde_json::from_slice(&std::fs::read(&path).expect("read")).expect("JSON");
        let report = probe(&prober, &path.with_extension("")).await;
        let different = differences(&expected, &report);
        if !different.is_empty() {
            faults.push(format!("{}: {different:?} in {:?}", path.display(), report.facts));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
