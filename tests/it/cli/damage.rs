//! Bytes flipped, cut and added in everything that is kept: found, named, exit 3, never served.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Served, key_file, sealed_file, text};
use crate::support::TestArchive;

/// One way to damage bytes.
#[derive(Debug, Clone, Copy)]
enum Harm {
    /// One bit of the byte at this place, counted in thousandths of the length.
    Flip(usize),
    /// The byte there is gone.
    Cut(usize),
    /// One byte more stands there.
    Add(usize),
    /// Everything from there on is gone.
    Shorten(usize),
}

impl Harm {
    fn hurt(self, bytes: &mut Vec<u8>) {
        let last = bytes.len() - 1;
        let at = |part: usize| (bytes.len() * part / 1000).min(last);
        match self {
            Self::Flip(part) => {
                let at = at(part);
                bytes[at] ^= 1 << (part % 8);
            }
            Self::Cut(part) => drop(bytes.remove(at(part))),
            Self::Add(part) => {
                let at = if part == 1000 { bytes.len() } else { at(part) };
                bytes.insert(at, 0);
            }
            Self::Shorten(part) => {
                let at = at(part);
                bytes.truncate(at);
            }
        }
    }

    /// Many places, both ends among them.
    fn many() -> Vec<Self> {
        let flips = (0..=1000).step_by(37).chain([1000]).map(Self::Flip);
        let cuts = [0, 10, 333, 700, 1000].map(Self::Cut);
        let adds = [0, 10, 333, 700, 1000].map(Self::Add);
        let ends = [0, 1, 500, 999].map(Self::Shorten);
        flips.chain(cuts).chain(adds).chain(ends).collect()
    }
}

/// Overwrites a file whatever its mode says, as a disk that goes wrong does.
fn overwrite(path: &Path, bytes: &[u8]) {
    let mut permissions = std::fs::metadata(path).expect("there").permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o600);
    std::fs::set_permissions(path, permissions).expect("set");
    std::fs::write(path, bytes).expect("written");
}

fn hurt(path: &Path, harm: Harm) {
    let mut bytes = std::fs::read(path).expect("read");
    harm.hurt(&mut bytes);
    overwrite(path, &bytes);
}

/// As many small items as there are harms, in one deposit.
fn items(archive: &TestArchive, count: usize) -> Vec<String> {
    for number in 0..count {
        archive.write(&format!("in/{number}.bin"), format!("the bytes of file {number}").as_bytes());
    }
    let lines = archive.deposit(&archive.beside("in"));
    lines.iter().map(|line| text(line, "item").to_owned()).collect()
}

fn failed(verified: &Value) -> Vec<&str> {
    verified["failures"].as_array().expect("a list").iter().map(|failure| text(failure, "item")).collect()
}

/// Every harm to a file of its own: all are found and named at once, and none is served.
fn every_harm_is_found(file_of: fn(&TestArchive, &str) -> PathBuf, depth: &[&str]) {
    let archive = TestArchive::new();
    let harms = Harm::many();
    let mut items = items(&archive, harms.len() + 1);
    items.sort();
    let whole = items.pop().expect("one more than harms");
    for (item, harm) in items.iter().zip(&harms) {
        hurt(&file_of(&archive, item), *harm);
    }
    let line = [&["verify", "--json"], depth].concat();
    let verified = archive.run(&line).ends(3).json();
    assert_eq!(verified["result"], "fail");
    assert_eq!(failed(&verified), items, "exactly the ones that were harmed: {harms:?}");
    for failure in verified["failures"].as_array().expect("a list") {
        assert!(!text(failure, "code").is_empty() && !text(failure, "what_next").is_empty(), "{failure}");
    }
    let _daemon = Served::ByDaemon.serve(&archive);
    for (item, harm) in items.iter().zip(&harms) {
        let to = archive.beside("got");
        let said = archive.run(&["get", item, "-o", to.to_str().expect("UTF-8"), "--purpose", "a test"]);
        assert_eq!(said.code, 3, "{harm:?}: {}", said.err);
        assert!(said.err.contains(item.as_str()) && !to.exists(), "{harm:?}: {}", said.err);
    }
    archive.run(&["verify", &items[0]]).ends(3);
    archive.run(&["verify", &whole]).ends(0);
    archive.get(&whole);
    archive.run(&["ledger", "verify"]).ends(0);
}

#[test]
fn any_harm_to_a_sealed_file_is_found_and_not_served() {
    every_harm_is_found(sealed_file, &["--sealed"]);
}

#[test]
fn any_harm_to_a_key_file_is_found_and_not_served() {
    every_harm_is_found(key_file, &["--open"]);
}

#[test]
fn key_files_are_looked_at_without_any_key() {
    let archive = TestArchive::new();
    let items = items(&archive, 3);
    hurt(&key_file(&archive, &items[0]), Harm::Flip(500));
    std::fs::remove_file(key_file(&archive, &items[1])).expect("removed");
    let mut wanted = [items[0].as_str(), &items[1]];
    wanted.sort_unstable();
    let verified = archive.run(&["verify", "--sealed", "--json"]).ends(3).json();
    assert_eq!(failed(&verified), wanted);
}

#[test]
fn harm_behind_the_range_that_is_read_is_not_served_either() {
    let archive = TestArchive::new();
    let line = archive.deposit(&archive.write("clip.bin", &vec![9; 2_500_000])).remove(0);
    let item = text(&line, "item");
    hurt(&sealed_file(&archive, item), Harm::Flip(500));
    let to = archive.beside("got");
    let get = |range: &str| {
        archive.run(&["get", item, "-o", to.to_str().expect("UTF-8"), "--purpose", "x", "--range", range])
    };
    for served in Served::BOTH {
        let _daemon = served.serve(&archive);
        get("1200000-1300000").ends(3);
        assert!(!to.exists());
        get("0-").ends(3);
        assert!(!to.exists(), "what came before the damage is no whole file");
        let mut piped = archive.command(&["get", item, "-o", "-", "--purpose", "x"]);
        let output = piped.output().expect("the binary runs");
        assert_eq!(output.status.code(), Some(3));
        assert!(output.stdout.iter().all(|byte| *byte == 9), "no damaged byte leaves, even through a pipe");
    }
}

#[test]
fn any_harm_to_a_receipt_or_its_signature_is_found() {
    let archive = TestArchive::new();
    let line = archive.deposit(&archive.write("clip.bin", b"bytes")).remove(0);
    let receipt = PathBuf::from(text(&line, "receipt"));
    let signature = PathBuf::from(format!("{}.sig", receipt.display()));
    let _daemon = archive.daemon();
    let check = || archive.run(&["receipt", "check", receipt.to_str().expect("UTF-8")]);
    for path in [&receipt, &signature] {
        let whole = std::fs::read(path).expect("read");
        for harm in Harm::many() {
            hurt(path, harm);
            let said = check();
            assert_eq!(said.code, 3, "{harm:?} of {}: {}{}", path.display(), said.out, said.err);
            overwrite(path, &whole);
        }
    }
    check().ends(0);
    std::fs::remove_file(&signature).expect("removed");
    check().ends(1);
}

fn ledger(archive: &TestArchive) -> PathBuf {
    archive.home().join("ledger/00000000000000000000.jsonl")
}

#[test]
fn any_harm_to_the_ledger_is_found_at_the_next_command() {
    let archive = TestArchive::new();
    for number in 0..3 {
        archive.deposit(&archive.write(&format!("{number}.bin"), &[number; 9]));
    }
    let path = ledger(&archive);
    let whole = std::fs::read(&path).expect("read");
    for harm in Harm::many() {
        hurt(&path, harm);
        let said = archive.run(&["status"]);
        assert_eq!(said.code, 3, "{harm:?}: {}{}", said.out, said.err);
        assert_eq!(said.err.lines().count(), 3, "{}", said.err);
        overwrite(&path, &whole);
    }
    archive.run(&["status"]).ends(0);
    archive.run(&["ledger", "verify"]).ends(0);
    // The beginning of a line behind the last head is what a power cut leaves, and was never answered for.
    overwrite(&path, &[&whole[..], &whole[..70]].concat());
    archive.run(&["status"]).ends(0);
    assert!(std::fs::read(&path).expect("read") == whole, "it is cut off");
}

#[test]
fn every_line_of_the_ledger_counts() {
    let archive = TestArchive::new();
    archive.deposit(&archive.write("clip.bin", b"bytes"));
    let path = ledger(&archive);
    let whole = std::fs::read_to_string(&path).expect("read");
    let lines: Vec<&str> = whole.lines().collect();
    for number in 0..lines.len() {
        let mut without = lines.clone();
        without.remove(number);
        overwrite(&path, (without.join("\n") + "\n").as_bytes());
        assert_eq!(archive.run(&["status"]).code, 3, "line {number} left out");
        let mut doubled = lines.clone();
        doubled.insert(number, lines[number]);
        overwrite(&path, (doubled.join("\n") + "\n").as_bytes());
        assert_eq!(archive.run(&["status"]).code, 3, "line {number} twice");
        let mut spaced = lines.clone();
        let other = spaced[number].replacen(':', ": ", 1);
        spaced[number] = &other;
        overwrite(&path, (spaced.join("\n") + "\n").as_bytes());
        assert_eq!(archive.run(&["status"]).code, 3, "line {number} with a space");
    }
}

#[test]
fn every_command_that_meets_a_damaged_ledger_ends_with_3() {
    let archive = TestArchive::new();
    let line = archive.deposit(&archive.write("clip.bin", b"bytes")).remove(0);
    let (item, receipt) = (text(&line, "item"), text(&line, "receipt"));
    let share =
        |number: u32| archive.beside(&format!("home.shares/share-{number}.txt")).display().to_string();
    let (one, two) = (share(1), share(2));
    let path = ledger(&archive);
    hurt(&path, Harm::Flip(400));
    let damaged = std::fs::read(&path).expect("read");
    let commands: [&[&str]; 15] = [
        &["run"],
        &["status"],
        &["doctor"],
        &["deposit", "/etc/hostname"],
        &["find"],
        &["show", item],
        &["get", item, "-o", "/dev/null", "--purpose", "x"],
        &["verify"],
        &["verify", "--sealed"],
        &["ledger", "verify"],
        &["ledger", "prove", "0"],
        &["receipt", "check", receipt],
        &["keys", "list"],
        &["keys", "drill", item, &one, &two],
        &["rebuild"],
    ];
    for command in commands {
        let said = archive.run(command);
        assert_eq!(said.code, 3, "{command:?}: {}{}", said.out, said.err);
        assert!(std::fs::read(&path).expect("read") == damaged, "{command:?} keeps what is there");
    }
    // The catalog did not go with it: what it knows still shows that the ledger was harmed.
    overwrite(&path, b"");
    archive.run(&["status"]).ends(3);
}

#[test]
fn a_ledger_that_was_rolled_back_is_not_rebuilt_from() {
    let archive = TestArchive::new();
    archive.deposit(&archive.write("one.bin", b"one"));
    let older = std::fs::read(ledger(&archive)).expect("read");
    archive.deposit(&archive.write("two.bin", b"two"));
    overwrite(&ledger(&archive), &older);
    archive.run(&["status"]).ends(3);
    archive.run(&["rebuild"]).ends(3);
    archive.run(&["status"]).ends(3);
}

#[test]
fn a_running_daemon_notices_a_harmed_ledger_when_asked() {
    let archive = TestArchive::new();
    archive.deposit(&archive.write("clip.bin", b"bytes"));
    let _daemon = archive.daemon();
    let path = ledger(&archive);
    let whole = std::fs::read(&path).expect("read");
    archive.run(&["ledger", "verify"]).ends(0);
    for harm in [Harm::Flip(0), Harm::Flip(500), Harm::Flip(1000), Harm::Cut(1000), Harm::Shorten(500)] {
        hurt(&path, harm);
        let said = archive.run(&["ledger", "verify"]);
        assert_eq!(said.code, 3, "{harm:?}: {}{}", said.out, said.err);
        overwrite(&path, &whole);
    }
    archive.run(&["ledger", "verify"]).ends(0);
}

#[test]
fn a_missing_item_is_named() {
    let archive = TestArchive::new();
    let items = items(&archive, 2);
    std::fs::remove_file(sealed_file(&archive, &items[0])).expect("removed");
    let verified = archive.run(&["verify", "--json"]).ends(3).json();
    assert_eq!(failed(&verified), [items[0].as_str()]);
    archive.run(&["get", &items[0], "-o", "/dev/null", "--purpose", "x"]).ends(3);
    archive.get(&items[1]);
}

#[test]
fn harmed_certificates_and_secrets_are_named() {
    let archive = TestArchive::new();
    archive.deposit(&archive.write("clip.bin", b"bytes"));
    let folder = archive.home().join("keys");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder)
        .expect("listed")
        .map(|entry| entry.expect("listed").path())
        .filter(|path| !matches!(path.file_name().and_then(|name| name.to_str()), Some("unlock" | "epoch")))
        .filter(|path| path.extension().is_none_or(|extension| extension != "pem"))
        .collect();
    paths.sort();
    for path in paths {
        let whole = std::fs::read(&path).expect("read");
        for harm in [Harm::Flip(0), Harm::Flip(500), Harm::Cut(1000), Harm::Add(1000), Harm::Shorten(0)] {
            hurt(&path, harm);
            let said = archive.run(&["verify", "--open"]);
            assert!(
                [3, 4].contains(&said.code),
                "{harm:?} of {}: {} {}",
                path.display(),
                said.code,
                said.err
            );
            overwrite(&path, &whole);
        }
    }
    archive.run(&["verify", "--open"]).ends(0);
}
