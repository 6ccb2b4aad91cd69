//! `find`, `show`, `status`, `get`, `verify`: shapes, answers, and which of them leave a trace.

use super::{Served, keys, text};
use crate::support::TestArchive;

#[test]
fn answers_have_the_members_that_scripts_rely_on() {
    for served in Served::BOTH {
        let archive = TestArchive::new();
        let inbox = archive.add_inbox("dock-1");
        let _daemon = served.serve(&archive);
        let film = std::fs::read("fixtures/media/valid/moov-front.mp4").expect("a fixture");
        let line = archive.deposit(&archive.write("20190912_091530.mp4", &film)).remove(0);
        let item = text(&line, "item");

        let found = archive.items().remove(0);
        for member in ["item", "kind", "name", "size", "sha256", "arrived_at", "state"] {
            assert!(!found[member].is_null(), "find says no {member}: {found}");
        }
        assert_eq!((text(&found, "kind"), text(&found, "name")), ("video", "20190912_091530.mp4"));

        let shown = archive.show(item);
        for member in keys(&found) {
            assert_eq!(shown[member], found[member], "show repeats what find says");
        }
        for member in ["container", "duration_s", "streams", "truncated"] {
            assert!(!shown["facts"][member].is_null(), "facts say no {member}: {shown}");
        }
        for member in ["deposits", "clocks", "keys", "entries"] {
            assert!(!shown[member].as_array().expect("a list").is_empty(), "{member}: {shown}");
        }
        let poster = &shown["derivatives"][0];
        assert_eq!(text(poster, "role"), "poster");
        assert!(std::path::Path::new(text(poster, "path")).is_file(), "{poster}");
        assert_eq!(archive.items().len(), 1, "derivatives appear only in show");

        let verified = archive.run(&["verify", "--json"]).ends(0).json();
        for member in ["result", "items", "bytes_read", "failures"] {
            assert!(!verified[member].is_null(), "verify says no {member}: {verified}");
        }
        let on_disk: u64 = walkdir::WalkDir::new(archive.home().join("vault"))
            .into_iter()
            .filter_map(Result::ok)
            .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "seal"))
            .map(|entry| entry.metadata().expect("looked at").len())
            .sum();
        assert!(verified["bytes_read"].as_u64().expect("a number") >= on_disk, "{verified}");

        status_says_all(&archive, served, &inbox);
    }
}

/// `status` says what scripts rely on.
#[track_caller]
fn status_says_all(archive: &TestArchive, served: Served, inbox: &std::path::Path) {
    let status = archive.run(&["status", "--json"]).ends(0).json();
    let wanted = match served {
        Served::Here => ("stopped", "no_daemon"),
        Served::ByDaemon => ("running", ""),
    };
    let intake = &status["intake"];
    assert_eq!((text(intake, "state"), intake["why"].as_str().unwrap_or("")), wanted);
    assert_eq!(text(&status, "custody"), "open");
    assert!(status["unproven"].is_u64(), "{status}");
    // The daemon strikes items from the backlog a moment after they were opened.
    crate::support::wait_until("everything that was opened is proven", || {
        archive.run(&["status", "--json"]).ends(0).json()["unproven"] == 0
    });
    assert!(status["ledger"]["size"].as_u64().is_some_and(|size| size >= 4), "{status}");
    text(&status["ledger"], "head_time");
    assert!(status["space"][0]["free_bytes"].is_u64(), "{status}");
    let told = &status["inboxes"][0];
    assert_eq!((text(told, "dock"), text(told, "path")), ("dock-1", inbox.to_str().expect("UTF-8")));
    if served == Served::ByDaemon {
        assert!(["events", "poll"].contains(&text(told, "mode")), "{told}");
        crate::support::wait_until("the inbox is walked", || {
            let status = archive.run(&["status", "--json"]).ends(0).json();
            status["inboxes"][0]["last_full_scan"].is_string()
        });
    }
    assert!(told["states"].is_object(), "{told}");
}

#[test]
fn looking_is_not_reading() {
    for served in Served::BOTH {
        let archive = TestArchive::new();
        let _daemon = served.serve(&archive);
        let item = archive.deposit(&archive.write("clip.bin", &[5; 1000])).remove(0);
        let item = text(&item, "item");
        let show = || archive.run(&["show", "--json", item]).ends(0).out;
        let before = show();
        archive.items();
        for line in [&["status"][..], &["verify"], &["verify", "--sealed"], &["verify", item, "--open"]] {
            archive.run(line).ends(0);
        }
        assert_eq!(show(), before, "find, show, status and verify leave nothing that show prints");
        archive.get(item);
        let after: serde_json::Value = serde_json::from_str(&show()).expect("JSON");
        let kinds: Vec<&str> =
            after["entries"].as_array().expect("a list").iter().map(|entry| text(entry, "kind")).collect();
        assert_eq!(kinds.last(), Some(&"item_read"), "a reading leaves its entry");
    }
}

#[test]
fn damage_that_verify_finds_is_nothing_that_show_prints() {
    let archive = TestArchive::new();
    let item = archive.deposit(&archive.write("clip.bin", &[5; 1000])).remove(0);
    let item = text(&item, "item");
    let before = archive.run(&["show", "--json", item]).ends(0).out;
    std::fs::remove_file(super::sealed_file(&archive, item)).expect("removed");
    archive.run(&["verify"]).ends(3);
    assert_eq!(archive.run(&["show", "--json", item]).ends(0).out, before);
}

#[test]
fn get_gives_the_bytes_asked_for_and_no_others() {
    for served in Served::BOTH {
        let archive = TestArchive::new();
        let _daemon = served.serve(&archive);
        // Longer than a segment of any size that is used.
        let bytes: Vec<u8> = (0..1_500_000_u32).map(|n| (n % 251) as u8).collect();
        let item = archive.deposit(&archive.write("clip.bin", &bytes)).remove(0);
        let item = text(&item, "item");
        assert!(archive.get(item) == bytes);
        let to = archive.beside("part");
        let to = to.to_str().expect("UTF-8");
        let part =
            |range: &str| archive.run(&["get", item, "-o", to, "--range", range, "--purpose", "case 7"]);
        for (range, wanted) in [
            ("0-0", &bytes[..1]),
            ("0-", &bytes[..]),
            ("1048575-1048576", &bytes[1_048_575..=1_048_576]),
            ("1499999-1499999", &bytes[1_499_999..]),
            ("1499990-99999999", &bytes[1_499_990..]),
        ] {
            part(range).ends(0);
            assert!(std::fs::read(to).expect("read") == wanted, "{range}");
        }
        std::fs::write(to, "what was here before").expect("written");
        part("1500001-").ends(1);
        assert_eq!(std::fs::read_to_string(to).expect("read"), "what was here before");

        let out = archive.command(&["get", item, "-o", "-", "--range", "7-9", "--purpose", "x", "--json"]);
        let mut out = out;
        assert_eq!(out.output().expect("the binary runs").stdout, &bytes[7..=9], "bytes and nothing else");
        archive.run(&["get", item, "-o", "/no/such/folder/x", "--purpose", "x"]).ends(1);
        let got = archive.run(&["get", item, "-o", to, "--purpose", "x", "--json"]).ends(0).json();
        assert_eq!((&got["bytes"], text(&got, "item")), (&1_500_000.into(), item));
        let left: Vec<_> = std::fs::read_dir(archive.beside("."))
            .expect("listed")
            .map(|entry| entry.expect("listed").file_name().to_string_lossy().into_owned())
            .filter(|name| name.contains(".part-"))
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

#[test]
fn posters_are_read_like_originals() {
    let archive = TestArchive::new();
    let film = std::fs::read("fixtures/media/valid/moov-front.mp4").expect("a fixture");
    let item = archive.deposit(&archive.write("film.mp4", &film)).remove(0);
    let shown = archive.show(text(&item, "item"));
    let poster = text(&shown["derivatives"][0], "item");
    let bytes = archive.get(poster);
    assert!(bytes.starts_with(&[0xff, 0xd8]) || bytes.starts_with(b"\x89PNG"), "a picture");
    archive.run(&["verify", poster, "--open"]).ends(0);
}

#[test]
fn find_knows_its_filters() {
    let archive = TestArchive::new();
    archive.write("in/现场执法记录.mp4", b"one");
    archive.write("in/20190912_091530.wav", b"two");
    archive.write("in/note.pdf", b"three");
    archive.deposit(&archive.beside("in"));
    let count = |line: &[&str]| {
        let line = [&["find", "--json"], line].concat();
        archive.run(&line).ends(0).lines().len()
    };
    assert_eq!(count(&[]), 3);
    for two in ["现场", "执法", "记录", "场执"] {
        assert_eq!(count(&[two]), 1, "{two}");
    }
    assert_eq!(count(&["现场", "记录"]), 1);
    assert_eq!(count(&["现场", "note"]), 0);
    assert_eq!(count(&["note"]), 1);
    assert_eq!(count(&["--kind", "audio"]), 1);
    assert_eq!(count(&["--dock", "local"]), 3);
    assert_eq!(count(&["--dock", "nobody"]), 0);
    assert_eq!(count(&["--since", "2001-01-01"]), 3);
    assert_eq!(count(&["--until", "2001-01-01"]), 0);
    let sha256 = archive.items()[0]["sha256"].as_str().expect("hex").to_owned();
    assert_eq!(count(&["--sha256", &sha256]), 1);
    for hostile in ["\"", "*", "a AND", "NEAR(", "-", "'; DROP TABLE items", "^", "%", "_"] {
        count(&[&format!("x{hostile}"), "--"]);
    }
}

#[test]
fn the_proof_of_an_entry_holds() {
    let archive = TestArchive::new();
    archive.deposit(&archive.write("clip.bin", b"bytes"));
    let verified = archive.run(&["ledger", "verify", "--json"]).ends(0).json();
    assert_eq!(verified["result"], "pass");
    let size = verified["size"].as_u64().expect("a number");
    for index in 0..size {
        let proof = archive.run(&["ledger", "prove", &index.to_string(), "--json"]).ends(0).json();
        assert_eq!(text(&verified, "root"), root(&proof, size), "RFC 9162, 2.1.3.2");
    }
    archive.run(&["ledger", "prove", &size.to_string()]).ends(1);
}

/// The root that a proof leads to, by RFC 9162 alone.
fn root(proof: &serde_json::Value, size: u64) -> String {
    use sha2::Digest as _;
    let hash = |text: &str| -> Vec<u8> {
        (0..text.len() / 2)
            .map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).expect("hex"))
            .collect()
    };
    let node = |left: &[u8], right: &[u8]| {
        sha2::Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().to_vec()
    };
    let (mut at, mut last) = (proof["index"].as_u64().expect("a number"), size - 1);
    let mut reached = hash(text(proof, "leaf"));
    for step in proof["proof"].as_array().expect("a list") {
        let step = hash(step.as_str().expect("hex"));
        if at % 2 == 1 || at == last {
            reached = node(&step, &reached);
            while at.is_multiple_of(2) && at != 0 {
                (at, last) = (at >> 1, last >> 1);
            }
        } else {
            reached = node(&reached, &step);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    reached.iter().map(|byte| format!("{byte:02x}")).collect()
}
