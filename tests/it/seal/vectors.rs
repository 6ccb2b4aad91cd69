//! Makes the vectors of sealed files. Each is named by what is special about it.

mod broken;
mod forged;
mod keys;

use std::collections::BTreeMap;

use sealdock::model::Sha256;
use serde_json::{Value, json};
use sha2::Digest as _;

use super::by_hand::ByHand;
use super::judge::{Outcome, Step, Vector};

const SEGMENT: usize = 4096;

/// Every file of the folder, by its path in it.
pub(super) fn all() -> BTreeMap<String, Vec<u8>> {
    let mut out = Folder::default();
    for (name, file) in valid() {
        out.add_valid(name, &file);
    }
    broken::add(&mut out);
    forged::add(&mut out);
    keys::add(&mut out);
    out.0
}

/// The files that open, by name.
pub(super) fn valid() -> Vec<(&'static str, ByHand)> {
    let gbk_path = json!({"base64": "MjAyMzExMTQvz9azoS5tcDQ="});
    vec![
        ("empty", file(0)),
        ("one-byte", file(1)),
        ("one-segment-less-a-byte", file(SEGMENT - 1)),
        ("one-full-segment", file(SEGMENT)),
        ("one-segment-and-a-byte", file(SEGMENT + 1)),
        ("two-full-segments", file(2 * SEGMENT)),
        ("three-segments", file(2 * SEGMENT + 100)),
        ("segment-of-256-kib", ByHand { segment: 256 << 10, ..file(100) }),
        ("segment-of-16-mib", ByHand { segment: 16 << 20, ..file(100) }),
        (
            "path-not-utf-8",
            with_facts(|facts| facts["provenance"]["deposited"]["source"]["path"] = gbk_path),
        ),
        ("derivative", derivative()),
        ("worked-example", super::example::file()),
    ]
}

/// The folder that is being made.
#[derive(Default)]
pub(super) struct Folder(BTreeMap<String, Vec<u8>>);

impl Folder {
    pub(super) fn add(&mut self, name: &str, bytes: Vec<u8>, vector: &Vector) {
        let mut said = serde_json::to_vec_pretty(vector).expect("serializes");
        said.push(b'\n');
        let stem = name.rsplit_once('.').expect("has an extension").0;
        let part = if vector.expected.is_valid() { "valid" } else { "invalid" };
        let twice = self.0.insert(format!("{part}/{name}"), bytes).is_some();
        let twice = self.0.insert(format!("{part}/{stem}.json"), said).is_some() || twice;
        assert!(!twice, "two vectors are called {name}");
    }

    fn add_valid(&mut self, name: &str, file: &ByHand) {
        let bytes = file.sealed();
        let expected = Outcome::Opens {
            size: file.clear.len() as u64,
            segments: file.segments().len() as u64,
            sha256: Sha256(sha2::Sha256::digest(&file.clear).into()),
            sealed_sha256: Sha256(sha2::Sha256::digest(&bytes).into()),
        };
        self.add(&format!("{name}.seal"), bytes, &vector("Opens.", file, expected));
    }

    /// A file that is refused at a step with a code. `case` is `name: what is wrong`.
    fn refuse(&mut self, case: &str, (step, code): (Step, &str), bytes: Vec<u8>) {
        let (name, about) = case.split_once(": ").expect("a name and a sentence");
        let expected = Outcome::Refused { step, code: code.to_owned() };
        self.add(&format!("{name}.seal"), bytes, &vector(about, &file(0), expected));
    }
}

fn vector(about: &str, file: &ByHand, expected: Outcome) -> Vector {
    Vector {
        about: about.to_owned(),
        node_public: hex::encode(file.signing_key().verifying_key().as_bytes()),
        item_key: Some(hex::encode(file.item_key)),
        facts_key: Some(hex::encode(file.facts_key)),
        expected,
    }
}

/// A file of so many bytes, in segments of 4 KiB.
pub(super) fn file(size: usize) -> ByHand {
    let clear: Vec<u8> =
        (0_u32..).flat_map(|word| word.wrapping_mul(0x9e37_79b9).to_be_bytes()).take(size).collect();
    of(clear)
}

/// A file with this content.
pub(super) fn of(clear: Vec<u8>) -> ByHand {
    let file = ByHand {
        magic: *b"SEALDOCK",
        version: 1,
        suite: 1,
        segment: 4096,
        role: 1,
        reserved: [0; 7],
        archive: hex::decode("018bcfe568007a5d8001000000000001").expect("hex").try_into().expect("16"),
        item: hex::decode("018bcfe5687b7a5d8002000000000002").expect("hex").try_into().expect("16"),
        salt: [0x5a; 32],
        item_key: std::array::from_fn(|at| u8::try_from(at).expect("below 32")),
        facts_key: std::array::from_fn(|at| 0x40 + u8::try_from(at).expect("below 32")),
        node: [0x11; 32],
        clear,
        facts: Vec::new(),
    };
    ByHand { facts: canonical(&facts(&file)), ..file }
}

fn canonical(value: &Value) -> Vec<u8> {
    serde_json_canonicalizer::to_vec(value).expect("serializes")
}

fn facts(file: &ByHand) -> Value {
    let at = "2023-11-14T22:13:20Z";
    json!({
        "archive": "018bcfe5-6800-7a5d-8001-000000000001",
        "item": "018bcfe5-687b-7a5d-8002-000000000002",
        "size": file.clear.len(),
        "fingerprints": { "sha256": hex::encode(sha2::Sha256::digest(&file.clear)) },
        "protections": [],
        "domains": ["general"],
        "provenance": { "deposited": {
            "deposit": "018bcfe5-687c-7a5d-8003-000000000003",
            "source": {
                "dock": "dock-1", "path": "20231114/现场.mp4", "device": "2049", "inode": "9007199254740993",
                "size": file.clear.len(), "modified": at, "changed": at,
            },
            "arrived": "2023-11-14T22:13:31.5Z",
            "kind": "video",
            "clocks": [{ "from": "file", "says": at, "trust": "unknown" }],
        }},
    })
}

/// A small file whose facts were changed.
fn with_facts(change: impl FnOnce(&mut Value)) -> ByHand {
    let file = file(100);
    let mut value = facts(&file);
    change(&mut value);
    ByHand { facts: canonical(&value), ..file }
}

fn derivative() -> ByHand {
    let file = with_facts(|facts| {
        facts["provenance"] = json!({ "derived": {
            "parent": "018bcfe5-687a-7a5d-8004-000000000004",
            "parent_sha256": "11".repeat(32),
            "role": "poster",
            "tool": "sealdock-probe 0.1.0",
            "reason": "poster",
            "media_type": "image/jpeg",
            "made": "2023-11-14T22:14:00Z",
        }});
    });
    ByHand { role: 2, ..file }
}
