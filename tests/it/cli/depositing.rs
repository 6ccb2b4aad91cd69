//! `deposit`: its lines, its exit code, its receipts.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::{Served, keys, text};
use crate::support::{Said, TestArchive};

const TAKEN: [&str; 11] = [
    "copies",
    "deposit",
    "item",
    "ledger_index",
    "path",
    "reasons",
    "receipt",
    "sealed_sha256",
    "sha256",
    "size",
    "state",
];

fn deposit(archive: &TestArchive, more: &[&str]) -> Said {
    let mut command = archive.command(&["deposit", "--json"]);
    command.args(more).current_dir(archive.beside("."));
    Said::of(&command.output().expect("the binary runs"))
}

/// The one line about a path.
#[track_caller]
fn about<'a>(lines: &'a [Value], path: &str) -> &'a Value {
    let mut found = lines.iter().filter(|line| line["path"] == path);
    let line = found.next().unwrap_or_else(|| panic!("{path} is not in {lines:#?}"));
    assert!(found.next().is_none(), "{path} has two lines");
    line
}

#[track_caller]
fn stands(line: &Value, state: &str, reasons: &[&str]) {
    let told: Vec<&str> =
        line["reasons"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    assert_eq!((text(line, "state"), told.as_slice()), (state, reasons), "{line}");
    let has_receipt = ["sealed", "known", "quarantined"].contains(&state);
    let wanted: &[&str] = if has_receipt { &TAKEN } else { &["path", "reasons", "state"] };
    assert_eq!(keys(line), wanted, "{line}");
}

#[test]
fn each_line_says_what_became_of_a_file() {
    for served in Served::BOTH {
        let archive = TestArchive::new();
        let daemon = served.serve(&archive);
        archive.write("clip.bin", b"bytes of a clip");
        let lines = deposit(&archive, &["clip.bin"]).ends(0).lines();
        let line = &lines[0];
        stands(line, "sealed", &[]);
        assert_eq!(text(line, "path"), "clip.bin");
        assert_eq!(line["size"], 15);
        assert_eq!(line["copies"], 1);
        assert_eq!(line["ledger_index"], 1);
        let shown = archive.show(text(line, "item"));
        assert_eq!(shown["sealed_sha256"], line["sealed_sha256"]);
        assert_eq!(shown["sha256"], line["sha256"]);
        assert_eq!(shown["deposits"][0]["dock"], "local", "the default dock");
        assert_eq!(shown["deposits"][0]["deposit"], line["deposit"]);
        // Another judge than ours.
        let sums = Command::new("sha256sum").arg(archive.beside("clip.bin")).output().expect("coreutils");
        assert!(String::from_utf8_lossy(&sums.stdout).starts_with(text(line, "sha256")));

        let again = deposit(&archive, &["clip.bin"]).ends(0).lines();
        stands(&again[0], "known", &[]);
        for member in ["item", "deposit", "receipt", "ledger_index", "sha256"] {
            assert_eq!(again[0][member], line[member], "the same file is the same deposit");
        }
        archive.write("elsewhere/copy.bin", b"bytes of a clip");
        let copy = deposit(&archive, &["elsewhere"]).ends(0).lines();
        stands(&copy[0], "known", &[]);
        assert_eq!(text(&copy[0], "path"), "elsewhere/copy.bin");
        assert_eq!(copy[0]["item"], line["item"], "the same bytes are the same item");
        assert_ne!(copy[0]["deposit"], line["deposit"], "and another arrival");

        let other = deposit(&archive, &["--dock", "station-7", "clip.bin"]).ends(0).lines();
        stands(&other[0], "sealed", &[]);
        assert_ne!(other[0]["item"], line["item"], "another dock's bytes are another item");
        let docks = archive.run(&["find", "--json", "--dock", "station-7"]).ends(0).lines();
        assert_eq!(docks.len(), 1);
        assert_eq!(daemon.map(crate::support::Daemon::stop), daemon_ended(served));
    }
}

fn daemon_ended(served: Served) -> Option<Option<i32>> {
    match served {
        Served::Here => None,
        Served::ByDaemon => Some(Some(0)),
    }
}

#[test]
fn a_folder_is_walked_and_a_named_file_is_always_taken() {
    for served in Served::BOTH {
        let archive = TestArchive::new();
        let _daemon = served.serve(&archive);
        archive.write("in/a/clip.bin", b"one");
        archive.write("in/a/b/note.xyz", b"any type is taken");
        archive.write("in/.DS_Store", b"left alone beneath a folder");
        archive.write("in/film.mp4.part", b"still being written");
        archive.write("in/empty.mp4", b"");
        archive.write("outside.bin", b"beyond");
        let link = |to: &str, from: &str| {
            std::os::unix::fs::symlink(to, archive.beside(from)).expect("linked");
        };
        link("../outside.bin", "in/link.bin");
        link("..", "in/up");
        let made = Command::new("mkfifo").arg(archive.beside("in/pipe")).status().expect("coreutils");
        assert!(made.success());

        let said = deposit(&archive, &["in/"]).ends(1);
        let lines = said.lines();
        stands(about(&lines, "in/a/clip.bin"), "sealed", &[]);
        stands(about(&lines, "in/a/b/note.xyz"), "sealed", &[]);
        stands(about(&lines, "in/.DS_Store"), "ignored", &["ignored_name"]);
        stands(about(&lines, "in/empty.mp4"), "quarantined", &["empty"]);
        stands(about(&lines, "in/link.bin"), "refused", &["symlink"]);
        stands(about(&lines, "in/up"), "refused", &["symlink"]);
        stands(about(&lines, "in/pipe"), "refused", &["not_regular"]);
        assert_eq!(lines.len(), 8, "{lines:#?}");

        // Named itself, even a name that is otherwise left alone is taken; a link is resolved as typed.
        stands(&deposit(&archive, &["in/.DS_Store"]).ends(0).lines()[0], "sealed", &[]);
        stands(&deposit(&archive, &["in/film.mp4.part"]).ends(0).lines()[0], "sealed", &[]);
        link("in/a", "alias");
        stands(&deposit(&archive, &["alias/clip.bin"]).ends(0).lines()[0], "known", &[]);
        let beneath = deposit(&archive, &["alias"]).ends(0).lines();
        stands(about(&beneath, "alias/b/note.xyz"), "known", &[]);
        stands(&deposit(&archive, &["in/link.bin"]).ends(0).lines()[0], "sealed", &[]);

        let two = deposit(&archive, &["no-such-file", "in/a/clip.bin"]).ends(1).lines();
        stands(about(&two, "no-such-file"), "refused", &["vanished"]);
        stands(about(&two, "in/a/clip.bin"), "known", &[]);
        stands(&deposit(&archive, &["in/pipe"]).ends(1).lines()[0], "refused", &["not_regular"]);
    }
}

#[test]
fn an_empty_file_is_sealed_quarantined_and_then_known() {
    let archive = TestArchive::new();
    archive.write("one.mp4", b"");
    archive.write("two.wav", b"");
    let one = deposit(&archive, &["one.mp4"]).ends(0).lines();
    stands(&one[0], "quarantined", &["empty"]);
    let two = deposit(&archive, &["two.wav"]).ends(0).lines();
    assert_eq!(text(&two[0], "state"), "known");
    assert_eq!(two[0]["item"], one[0]["item"]);
    let item = text(&one[0], "item");
    assert_eq!(archive.items()[0]["state"], "quarantined", "quarantine hides nothing from find");
    assert_eq!(archive.get(item), b"");
    let verified = archive.run(&["verify", item, "--open", "--json"]).ends(0).json();
    assert_eq!((&verified["result"], &verified["items"]), (&"pass".into(), &1.into()));
    assert_eq!(archive.run(&["find", "--json", "--state", "quarantined"]).ends(0).lines().len(), 1);
    assert_eq!(archive.run(&["find", "--json", "--state", "sealed"]).ends(0).lines().len(), 0);
}

#[test]
fn checksums_beside_a_clip_are_claims() {
    let archive = TestArchive::new();
    archive.write("in/true.bin", b"hello");
    archive.write("in/true.bin.md5", b"5d41402abc4b2a76b9719d911017c592");
    archive.write("in/false.bin", b"hello, world");
    archive.write("in/false.bin.md5", b"5d41402abc4b2a76b9719d911017c592  false.bin\n");
    let lines = deposit(&archive, &["in"]).ends(0).lines();
    stands(about(&lines, "in/true.bin"), "sealed", &[]);
    stands(about(&lines, "in/false.bin"), "quarantined", &["checksum_mismatch"]);
    stands(about(&lines, "in/true.bin.md5"), "sealed", &[]);
    let item = text(about(&lines, "in/true.bin"), "item");
    let shown = archive.show(item);
    assert_eq!(shown["sidecars"].as_array().expect("a list").len(), 1, "{shown}");
    assert_eq!(shown["deposits"][0]["claims"][0]["outcome"], "verified", "{shown}");
    assert_eq!(archive.items().len(), 4, "find prints every original, sidecars and quarantined included");
}

#[test]
fn a_second_name_is_noticed() {
    let archive = TestArchive::new();
    let one = archive.write("one.bin", b"linked");
    std::fs::hard_link(&one, archive.beside("two.bin")).expect("linked");
    let lines = deposit(&archive, &["one.bin"]).ends(0).lines();
    assert_eq!(lines[0]["reasons"], serde_json::json!(["hard_link"]), "{}", lines[0]);
}

#[test]
fn a_file_that_grows_waits_and_its_neighbour_goes_on() {
    use std::io::Write as _;
    use std::sync::atomic::{AtomicBool, Ordering};
    let archive = TestArchive::new();
    let path = archive.write("in/grows.bin", &vec![1; 1 << 20]);
    archive.write("in/still.bin", b"still");
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut file = std::fs::OpenOptions::new().append(true).open(&path).expect("opened");
            while !done.load(Ordering::Relaxed) {
                file.write_all(b"more").expect("written");
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
        });
        let said = deposit(&archive, &["in"]);
        done.store(true, Ordering::Relaxed);
        let lines = said.ends(1).lines();
        stands(about(&lines, "in/grows.bin"), "waiting", &["changed"]);
        stands(about(&lines, "in/still.bin"), "sealed", &[]);
    });
    let lines = deposit(&archive, &["in/grows.bin"]).ends(0).lines();
    stands(&lines[0], "sealed", &[]);
}

#[test]
fn quiet_prints_what_was_not_taken() {
    let archive = TestArchive::new();
    archive.write("clip.bin", b"bytes");
    let said = deposit(&archive, &["--quiet", "clip.bin", "none.bin"]).ends(1);
    let lines = said.lines();
    assert_eq!(lines.len(), 1, "{}", said.out);
    stands(&lines[0], "refused", &["vanished"]);
}

#[test]
#[expect(clippy::print_stdout, reason = "says which judge is missing")]
fn receipts_are_checked_by_openssl_and_by_the_archive() {
    let archive = TestArchive::new();
    archive.write("in/clip.bin", b"bytes");
    archive.write("in/empty.bin", b"");
    let lines = deposit(&archive, &["in"]).ends(0).lines();
    let folder = archive.home().join("receipts");
    for line in &lines {
        let receipt = folder.join(format!("{}.json", text(line, "deposit")));
        assert_eq!(Path::new(text(line, "receipt")), receipt);
        let written: Value = serde_json::from_slice(&std::fs::read(&receipt).expect("read")).expect("JSON");
        for member in
            ["deposit", "item", "size", "sha256", "sealed_sha256", "copies", "ledger_index", "state"]
        {
            assert_eq!(written[member], line[member], "{member}");
        }
        assert_eq!(written["readback"], "disk");
        assert_eq!(written["may_erase"], true);
        let path = receipt.to_str().expect("UTF-8");
        let checked = archive.run(&["receipt", "check", path, "--json"]).ends(0).json();
        assert_eq!((&checked["result"], &checked["item"]), (&"pass".into(), &line["item"]));
        let mut openssl = Command::new("openssl");
        openssl.args(["pkeyutl", "-verify", "-pubin", "-rawin", "-inkey"]);
        openssl.arg(archive.home().join("keys/node.pub.pem")).arg("-in").arg(&receipt);
        openssl.arg("-sigfile").arg(format!("{path}.sig"));
        match openssl.output() {
            Ok(output) => assert!(output.status.success(), "{output:?}"),
            Err(error) => println!("openssl cannot be run here ({error}); its judgement is left out"),
        }
    }
    assert_eq!(std::fs::read_dir(folder).expect("listed").count(), 2 * lines.len());
}

#[test]
fn without_read_back_receipts_allow_no_erasing() {
    let archive = TestArchive::new();
    archive.set("[vault]\nreadback = \"off\"");
    archive.write("clip.bin", b"bytes");
    let lines = deposit(&archive, &["clip.bin"]).ends(0).lines();
    let receipt: Value =
        serde_json::from_slice(&std::fs::read(text(&lines[0], "receipt")).expect("read")).expect("JSON");
    assert_eq!(receipt["readback"], "off");
    assert_eq!(receipt["may_erase"], false);
    let checked = archive.run(&["receipt", "check", "--json", text(&lines[0], "receipt")]).ends(0).json();
    assert_eq!(checked["may_erase"], false);
    assert_eq!(archive.get(text(&lines[0], "item")), b"bytes");
}

#[test]
fn copies_are_counted_and_each_holds_the_item() {
    let archive = TestArchive::new();
    archive.deposit(&archive.write("before.bin", b"before"));
    let second = archive.beside("second");
    archive.set(&format!("[vault]\ncopies = [\"vault\", {second:?}]\nleast_copies = 2"));
    // A disk that is not mounted is no empty place.
    assert!(deposit(&archive, &["before.bin"]).ends(1).err.contains("mount"));
    let made = Command::new("cp").arg("-a").arg(archive.home().join("vault")).arg(&second).status();
    assert!(made.expect("coreutils").success());
    archive.write("clip.bin", b"bytes");
    let lines = deposit(&archive, &["clip.bin"]).ends(0).lines();
    assert_eq!(lines[0]["copies"], 2);
    let item = text(&lines[0], "item");
    archive.run(&["verify", "--sealed"]).ends(0);
    for file in [super::sealed_file(&archive, item), super::key_file(&archive, item)] {
        let beneath = file.strip_prefix(archive.home().join("vault")).expect("beneath");
        let copy = second.join(beneath);
        let whole = std::fs::read(&copy).expect("each place holds it");
        assert!(std::fs::read(&file).expect("read") == whole);
        std::fs::remove_file(&copy).expect("removed");
        for depth in ["--sealed", "--open"] {
            archive.run(&["verify", depth]).ends(3);
        }
        std::fs::write(&copy, [&whole[..], b"x"].concat()).expect("written");
        archive.run(&["verify", "--open"]).ends(3);
        std::fs::write(&copy, whole).expect("written");
    }
    archive.run(&["verify", "--open"]).ends(0);
    // A vault in an inbox would seal itself.
    archive.set(&format!("[[inbox]]\ndock = \"a\"\npath = {:?}", second.join("items")));
    archive.run(&["status"]).ends(1);
}
