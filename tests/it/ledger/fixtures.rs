//! Walks the fixtures: every folder is read as a stranger would read it, and gives what its `expect.json`
//! says. With `SEALDOCK_WRITE_FIXTURES=1` they are written anew.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ed25519_dalek::{Signature, VerifyingKey};
use sealdock::ledger::{Contents, End, Error, Judge, Receipt, Replay, Trust, sheet_first};
use sealdock::model::KeyId;
use serde_json::{Value, json};

use super::cases::{self, Case};

const KINDS: [&str; 2] = ["valid", "invalid"];

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/ledger")
}

#[test]
fn fixtures_are_fresh() {
    let mut wanted = BTreeMap::from([(PathBuf::from("trust.json"), pretty(&cases::trust()))]);
    for (kind, cases) in KINDS.into_iter().zip([cases::valid(), cases::invalid()]) {
        for Case { name, files, expect } in cases {
            let folder = Path::new(kind).join(name);
            wanted.insert(folder.join("expect.json"), pretty(&expect));
            wanted.extend(files.into_iter().map(|(file, bytes)| (folder.join(file), bytes)));
        }
    }
    if std::env::var_os("SEALDOCK_WRITE_FIXTURES").is_some() {
        write_anew(&wanted);
    }
    for (path, bytes) in &wanted {
        let found = std::fs::read(fixtures().join(path)).unwrap_or_default();
        assert!(found == *bytes, "{} is stale: SEALDOCK_WRITE_FIXTURES=1 writes it", path.display());
    }
    let folders = wanted.keys().filter(|path| path.ends_with("expect.json")).count();
    assert_eq!(walk().count(), folders, "a folder that no case makes");
}

fn write_anew(wanted: &BTreeMap<PathBuf, Vec<u8>>) {
    for kind in KINDS {
        // What is not there need not go.
        let _ = std::fs::remove_dir_all(fixtures().join(kind));
    }
    for (path, bytes) in wanted {
        let path = fixtures().join(path);
        std::fs::create_dir_all(path.parent().expect("in a folder")).expect("made");
        std::fs::write(&path, bytes).expect("written");
    }
}

fn pretty(value: &Value) -> Vec<u8> {
    format!("{}\n", serde_json::to_string_pretty(value).expect("JSON")).into_bytes()
}

#[test]
fn every_fixture_gives_what_it_says() {
    let mut walked = 0;
    for folder in walk() {
        let expect = json_of(&folder.join("expect.json"));
        let found = if folder.join("receipt.json").exists() {
            check_receipt(&folder)
        } else {
            replay(&folder, &expect)
        };
        let (said, given) = (without_settings(expect), found.unwrap_or_else(|error| told(&error)));
        assert_eq!(given, said, "{}", folder.display());
        let is_valid = folder.parent().is_some_and(|kind| kind.ends_with("valid"));
        assert_eq!(given.get("error").is_none(), is_valid, "{}", folder.display());
        walked += 1;
    }
    assert!(walked > 60, "{walked} fixtures");
}

/// Every folder with an `expect.json`.
fn walk() -> impl Iterator<Item = PathBuf> {
    walkdir::WalkDir::new(fixtures())
        .sort_by_file_name()
        .into_iter()
        .map(|entry| entry.expect("readable").into_path())
        .filter(|path| path.ends_with("expect.json"))
        .map(|path| path.parent().expect("in a folder").to_owned())
}

fn json_of(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).expect("readable")).expect("JSON")
}

/// `contents` and `acknowledged` tell how to read, not what comes of it.
fn without_settings(mut expect: Value) -> Value {
    let fields = expect.as_object_mut().expect("an object");
    fields.retain(|name, _| name != "contents" && name != "acknowledged");
    expect
}

fn replay(folder: &Path, expect: &Value) -> Result<Value, Error> {
    let trust = Trust {
        contents: match expect["contents"].as_str() {
            Some(_) => Contents::MayBeDropped,
            None => Contents::Whole,
        },
        ..trust()
    };
    let mut replay = Replay::new(&trust);
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .expect("readable")
        .map(|file| file.expect("readable").file_name().into_string().expect("UTF-8"))
        .collect();
    names.sort();
    for name in names {
        let Some(first) = sheet_first(&name) else { continue };
        let file = std::fs::File::open(folder.join(&name)).expect("readable");
        let mut reader = std::io::BufReader::new(file);
        replay.read_file(first, &mut reader, &mut |_| Ok::<(), Error>(()))?;
    }
    replay.finish(expect["acknowledged"].as_u64().unwrap_or(0)).map(|end| ended(&end))
}

fn ended(end: &End) -> Value {
    let torn = end.torn.as_ref().map(|torn| {
        json!({
            "first": torn.first, "keep": torn.keep, "bytes": torn.bytes, "entries": torn.entries
        })
    });
    json!({ "end": {
        "size": end.tree.size(), "root": end.tree.root(), "epoch": end.epoch, "torn": torn
    }})
}

fn check_receipt(folder: &Path) -> Result<Value, Error> {
    let bytes = std::fs::read(folder.join("receipt.json")).expect("readable");
    let signature = std::fs::read(folder.join("receipt.json.sig")).expect("readable");
    let receipt = Receipt::parse(&bytes)?;
    let heads = trust().heads;
    let judge = Judge { node: &signed_by_node, heads: &heads };
    receipt.check(&signature.try_into().expect("64 bytes"), judge)?;
    Ok(json!({ "receipt": { "state": receipt.state, "may_erase": receipt.may_erase } }))
}

fn signed_by_node(signer: KeyId, bytes: &[u8], signature: &[u8; 64]) -> bool {
    let nodes = &json_of(&fixtures().join("trust.json"))["nodes"];
    nodes.get(signer.to_string()).is_some_and(|public| {
        let key = VerifyingKey::from_bytes(&key_of(public)).expect("a key");
        key.verify_strict(bytes, &Signature::from_bytes(signature)).is_ok()
    })
}

fn trust() -> Trust {
    let trust = json_of(&fixtures().join("trust.json"));
    Trust {
        archive: trust["archive"].as_str().expect("text").parse().expect("an id"),
        heads: trust["heads"].as_array().expect("a list").iter().map(key_of).collect(),
        contents: Contents::Whole,
    }
}

fn key_of(public: &Value) -> [u8; 32] {
    hex::decode(public.as_str().expect("text")).expect("hex").try_into().expect("32 bytes")
}

fn told(error: &Error) -> Value {
    assert!(error.is_integrity(), "{error}");
    match error {
        Error::Damaged { file, line, cause } => {
            json!({ "error": { "code": cause.code(), "file": file, "line": line } })
        }
        other => json!({ "error": { "code": other.code() } }),
    }
}
