//! The daemon as a process: starting, signals, the lock, the socket, its settings.

use std::io::Write as _;
use std::os::unix::net::UnixListener;
use std::process::Stdio;
use std::time::Duration;

use tokio::time::Instant;

use super::text;
use crate::support::{Said, TestArchive, wait_until};

#[test]
fn only_a_live_daemon_is_a_second_daemon() {
    let archive = TestArchive::new();
    let daemon = archive.daemon();
    let started = Instant::now();
    let second = archive.run(&["run"]).ends(1);
    assert!(started.elapsed() < Duration::from_secs(8), "a live daemon is told at once");
    assert_eq!(second.err.lines().count(), 3, "{}", second.err);
    assert!(second.err.contains(&format!("daemon {}", daemon.id())), "it says which: {}", second.err);
    archive.run(&["status"]).ends(0);
    daemon.kill();
    assert!(archive.home().join("run/sealdock.sock").exists(), "a killed daemon leaves its socket");
    archive.run(&["status"]).ends(0);
    let daemon = archive.daemon();
    archive.run(&["status"]).ends(0);
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn a_stale_socket_is_replaced() {
    let archive = TestArchive::new();
    let path = archive.home().join("run/sealdock.sock");
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    // Bound by a process that is no more: nobody listens.
    drop(UnixListener::bind(&path).expect("bound"));
    archive.run(&["find"]).ends(0);
    let daemon = archive.daemon();
    assert_eq!(daemon.stop(), Some(0));
    std::fs::write(&path, b"not even a socket").expect("written");
    archive.run(&["find"]).ends(0);
    let daemon = archive.daemon();
    archive.run(&["find"]).ends(0);
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn a_command_waits_for_a_daemon_that_is_starting() {
    let archive = TestArchive::new();
    archive.deposit(&archive.write("clip.bin", b"bytes"));
    let mut starting = archive.command(&["run"]);
    let mut child = starting.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary runs");
    // Whichever of the two comes first: the other waits its turn.
    for _ in 0..5 {
        let said = archive.run(&["find", "--json"]).ends(0);
        assert_eq!(said.lines().len(), 1);
    }
    wait_until("the daemon serves", || {
        archive.run(&["status", "--json"]).ends(0).json()["intake"]["state"] == "running"
    });
    child.kill().expect("it is ours");
    child.wait().expect("it ends");
}

#[test]
fn many_commands_at_once_all_have_their_turn() {
    let archive = TestArchive::new();
    let paths: Vec<_> =
        (0..6).map(|number| archive.write(&format!("{number}.bin"), &[number; 99])).collect();
    std::thread::scope(|scope| {
        for path in &paths {
            scope.spawn(|| archive.deposit(path));
        }
    });
    assert_eq!(archive.items().len(), 6);
}

#[test]
fn sigterm_ends_with_0_in_time_even_at_work() {
    let archive = TestArchive::new();
    let inbox = archive.add_inbox("dock-1");
    let daemon = archive.daemon();
    for number in 0..3 {
        let mut file = std::fs::File::create(inbox.join(format!("{number}.bin"))).expect("made");
        for _ in 0..4 {
            file.write_all(&vec![number; 1 << 20]).expect("written");
        }
    }
    wait_until("a file is in hand", || {
        walkdir::WalkDir::new(archive.home().join("vault/tmp"))
            .into_iter()
            .filter_map(Result::ok)
            .any(|entry| entry.path().is_file())
            || !archive.items().is_empty()
    });
    let started = Instant::now();
    assert_eq!(daemon.stop(), Some(0));
    assert!(started.elapsed() < Duration::from_secs(10), "took {:?}", started.elapsed());
    assert!(!archive.home().join("run/sealdock.sock").exists(), "the socket goes with it");
    archive.run(&["ledger", "verify"]).ends(0);
    // What was not finished is finished by the next one, each once.
    let daemon = archive.daemon();
    wait_until("all are receipted", || TestArchive::receipts(&inbox.join(".receipts")).len() == 3);
    assert_eq!(daemon.stop(), Some(0));
    assert_eq!(archive.items().len(), 3);
    archive.run(&["verify", "--open"]).ends(0);
}

#[test]
fn sigterm_ends_a_daemon_whose_reader_is_slow() {
    let archive = TestArchive::new();
    let line = archive.deposit(&archive.write("clip.bin", &vec![3; 7 << 20])).remove(0);
    let daemon = archive.daemon();
    let mut reading = archive.command(&["get", text(&line, "item"), "-o", "-", "--purpose", "slowly"]);
    // Nobody empties the pipe.
    let mut reader = reading.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("runs");
    wait_until("the reading has begun", || {
        let ledger = archive.home().join("ledger/00000000000000000000.jsonl");
        std::fs::read_to_string(ledger).expect("read").contains("item_read")
    });
    let started = Instant::now();
    assert_eq!(daemon.stop(), Some(0));
    assert!(started.elapsed() < Duration::from_secs(10), "took {:?}", started.elapsed());
    reader.kill().expect("it is ours");
    reader.wait().expect("it ends");
}

#[test]
fn a_reload_takes_good_settings_and_refuses_bad_ones() {
    let archive = TestArchive::new();
    let first = archive.add_inbox("dock-1");
    let daemon = archive.daemon();
    let docks = || {
        let status = archive.run(&["status", "--json"]).ends(0).json();
        let inboxes = status["inboxes"].as_array().expect("a list").clone();
        inboxes.iter().map(|inbox| text(inbox, "dock").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(docks(), ["dock-1"]);
    let second = archive.add_inbox("dock-2");
    daemon.reload();
    wait_until("the second inbox is watched", || docks() == ["dock-1", "dock-2"]);
    std::fs::write(second.join("clip.bin"), b"second").expect("written");
    wait_until("its receipt lies there", || !TestArchive::receipts(&second.join(".receipts")).is_empty());

    let settings = archive.home().join("sealdock.toml");
    let good = std::fs::read_to_string(&settings).expect("read");
    std::fs::write(&settings, format!("{good}\nno_such_key = 1\n")).expect("written");
    daemon.reload();
    wait_until("the bad file is refused", || archive.journal().contains("no_such_key"));
    assert_eq!(docks(), ["dock-1", "dock-2"], "the old settings stay");
    std::fs::write(first.join("clip.bin"), b"first").expect("written");
    wait_until("its receipt lies there", || !TestArchive::receipts(&first.join(".receipts")).is_empty());
    let doctor = archive.run(&["doctor", "--json"]);
    assert!(doctor.out.contains("bad_settings"), "{}", doctor.out);

    std::fs::write(&settings, &good).expect("written");
    daemon.reload();
    std::fs::write(first.join("more.bin"), b"more").expect("written");
    wait_until("it still takes in", || TestArchive::receipts(&first.join(".receipts")).len() == 2);
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn settings_are_refused_with_their_line_and_a_remedy() {
    let archive = TestArchive::new();
    let settings = archive.home().join("sealdock.toml");
    let good = std::fs::read_to_string(&settings).expect("read");
    let line = good.lines().count() + 2;
    for (bad, at, named) in [
        ("[[inbox]]\ndock = \"a\"\npath = \"/a\"\nquite = \"10s\"", 3, "quite"),
        ("[[inbox]]\ndock = \"a\"\npath = \"/a\"\nquiet = \"soon\"", 3, "soon"),
        ("[[inbox]]\ndock = \"a\"", 0, "path"),
        ("[[inbox]]\ndock = \"a b/\"\npath = \"/a\"", 1, "dock"),
        ("[vault]\nreadback = \"perhaps\"", 1, "perhaps"),
        ("[vault]\ncopy = []", 1, "copy"),
        ("[limits]\nnone = 1", 1, "none"),
        ("[unknown]", 0, "unknown"),
        ("[[inbox]]\ndock = \"a\"\npath = \"/a\"\nrelease = \"30\"", 3, "\"30\""),
        ("[[inbox]]\ndock = \"a\"\npath = \"/a\"\nmax_file = \"big\"", 3, "big"),
        ("[[inbox]]\ndock = \"a\"\npath = \"/a\"\ndefault_classes = [\"rosy\"]", 3, "expected one of"),
        ("no toml", 0, ""),
    ] {
        std::fs::write(&settings, format!("{good}\n{bad}\n")).expect("written");
        for command in ["run", "status"] {
            let said = archive.run(&[command]).ends(1);
            let place = format!("line {}", line + at);
            let told = said.err.contains(&place) || said.err.contains(&format!("toml:{}", line + at));
            assert!(told && said.err.contains(named), "{bad}: wanted {place}: {}", said.err);
            assert_eq!(said.err.lines().count(), 3, "one sentence, the thing, the next step: {}", said.err);
        }
        archive.run(&["doctor"]).ends(1);
    }
    // Places that contradict one another.
    let inner = archive.home().join("receipts");
    for path in [archive.home(), inner, archive.beside(".")] {
        std::fs::write(&settings, format!("{good}\n[[inbox]]\ndock = \"a\"\npath = {path:?}\n"))
            .expect("ok");
        archive.run(&["run"]).ends(1);
    }
    std::fs::write(&settings, good).expect("written");
    archive.run(&["status"]).ends(0);
}

#[test]
fn a_catalog_from_the_future_is_refused_and_kept() {
    let archive = TestArchive::new();
    archive.deposit(&archive.write("clip.bin", b"bytes"));
    let path = archive.home().join("catalog/catalog.db");
    let db = rusqlite::Connection::open(&path).expect("opened");
    db.pragma_update(None, "user_version", 999).expect("set");
    drop(db);
    for command in [&["status"][..], &["find"], &["run"]] {
        let said = archive.run(command).ends(1);
        assert!(said.err.contains("newer") && said.err.contains("rebuild"), "{}", said.err);
        let told: Vec<&str> = said.err.lines().filter(|line| !line.contains(" INFO ")).collect();
        assert_eq!(told.len(), 3, "{}", said.err);
    }
    archive.run(&["rebuild"]).ends(0);
    assert_eq!(archive.items().len(), 1);
}

#[test]
fn the_daemon_speaks_json_where_that_is_set() {
    let archive = TestArchive::new();
    archive.set("[log]\nformat = \"json\"");
    let daemon = archive.daemon();
    assert_eq!(daemon.stop(), Some(0));
    let journal = archive.journal();
    assert!(!journal.is_empty());
    for line in journal.lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    }
}

#[test]
fn results_are_printed_and_everything_else_is_said_aside() {
    let archive = TestArchive::new();
    archive.deposit(&archive.write("clip.bin", b"bytes"));
    let said = archive.run(&["find", "--json"]).ends(0);
    assert!(said.err.is_empty(), "quiet in a pipe: {}", said.err);
    let mut full = archive.command(&["find", "--json"]);
    if let Ok(sink) = std::fs::OpenOptions::new().write(true).open("/dev/full") {
        let output = full.stdout(sink).output().expect("the binary runs");
        Said::of(&output).ends(1);
    }
}

#[test]
fn an_inbox_that_is_not_there_changes_nothing() {
    let archive = TestArchive::new();
    let inbox = archive.add_inbox("dock-1");
    std::fs::write(inbox.join("clip.bin"), b"bytes").expect("written");
    let daemon = archive.daemon();
    wait_until("it is receipted", || !TestArchive::receipts(&inbox.join(".receipts")).is_empty());
    std::fs::rename(&inbox, archive.beside("gone")).expect("moved");
    wait_until("the daemon says so", || {
        let status = archive.run(&["status", "--json"]).ends(0).json();
        status["inboxes"][0]["mode"] == "missing"
    });
    assert_eq!(archive.items().len(), 1);
    std::fs::rename(archive.beside("gone"), &inbox).expect("moved");
    std::fs::write(inbox.join("more.bin"), b"more").expect("written");
    wait_until("it goes on", || TestArchive::receipts(&inbox.join(".receipts")).len() == 2);
    assert_eq!(archive.items().len(), 2);
    assert_eq!(daemon.stop(), Some(0));
}
