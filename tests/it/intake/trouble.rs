//! Inboxes that go away, settings that change, shelves that cannot be written to.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::{Yard, reasons, sighting, status_of};
use crate::support::{TestArchive, not_tested, wait_until};

#[test]
fn an_inbox_that_goes_and_comes_back_forgets_nothing() {
    let yard = Yard::new();
    let daemon = yard.archive.daemon();
    yard.put("before.mp4", b"before");
    yard.wait_for_receipts(1);
    let before = yard.archive.items();
    // A file waits when the inbox goes.
    yard.put("waiting.mp4", b"waiting");
    let away = yard.archive.beside("away");
    fs::rename(&yard.inbox, &away).expect("taken away");
    wait_until("the inbox is missed", || yard.status()["mode"] == "missing");
    assert_eq!(yard.status()["states"]["sealed"], 1, "absence says nothing");
    assert!(yard.status()["why"].as_str().is_some_and(|why| why.contains("not there")));
    assert_eq!(yard.archive.items(), before);
    fs::rename(&away, &yard.inbox).expect("brought back");
    yard.wait_for_receipts(2);
    wait_until("it is watched again", || yard.status()["mode"] == "events");
    yard.wait_for("sealed", 2);
    let shown = yard.show("before.mp4");
    assert_eq!(shown["deposits"].as_array().map(Vec::len), Some(1), "known by its source: {shown:#}");
    assert_eq!(daemon.stop(), Some(0));
    let at_rest = yard.status();
    assert!(at_rest["last_full_scan"].is_string(), "{at_rest:#}");
}

#[test]
fn a_giant_is_refused_and_taken_when_the_limit_is_raised() {
    let yard = Yard::with("max_file = \"1MiB\"");
    let daemon = yard.archive.daemon();
    let giant = fs::File::create(yard.inbox.join("giant.mp4")).expect("created");
    giant.set_len(3 << 20).expect("sparse");
    drop(giant);
    yard.wait_for("refused", 1);
    let seen = sighting(&yard.status(), "giant.mp4").expect("listed");
    assert_eq!(reasons(&seen), ["too_large"]);
    let path = yard.archive.home().join("sealdock.toml");
    let settings = fs::read_to_string(&path).expect("settings");
    fs::write(&path, settings.replace("1MiB", "nonsense")).expect("written");
    daemon.reload();
    wait_until("the bad file is refused", || yard.archive.journal().contains("old ones stay in force"));
    fs::write(&path, settings.replace("1MiB", "64MiB")).expect("written");
    daemon.reload();
    assert_eq!(yard.wait_for_receipts(1)["giant.mp4"]["size"], 3 << 20);
    yard.wait_for("refused", 0);
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn a_giant_without_room_waits_alone() {
    let yard = Yard::with("max_file = \"4TiB\"");
    let giant = fs::File::create(yard.inbox.join("giant.mp4")).expect("created");
    if giant.set_len(3 << 40).is_err() {
        not_tested("this file system has no files of this size");
        return;
    }
    let daemon = yard.archive.daemon();
    wait_until("the giant was tried", || {
        let seen = sighting(&yard.status(), "giant.mp4");
        seen.is_some_and(|seen| reasons(&seen) == ["no_space"])
    });
    let status = yard.archive.run(&["status", "--json"]).ends(0).json();
    assert_eq!(status["intake"]["state"], "running", "{status:#}");
    yard.put("small.mp4", b"small");
    yard.wait_for_receipts(1);
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn a_stop_is_heard_while_a_reload_waits_for_a_giant() {
    let yard = Yard::new();
    let giant = fs::File::create(yard.inbox.join("giant.mp4")).expect("created");
    giant.set_len(8 << 30).expect("sparse");
    let daemon = yard.archive.daemon();
    let tmp = yard.archive.home().join("vault/tmp");
    wait_until("the giant is in hand", || largest_beneath(&tmp) > 1 << 20);
    daemon.reload();
    yard.archive.run(&["status", "--json"]).ends(0);
    let asked = Instant::now();
    assert_eq!(daemon.stop(), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    assert_eq!(largest_beneath(&tmp), 0, "what was abandoned is removed");
}

fn largest_beneath(folder: &Path) -> u64 {
    let sizes = walkdir::WalkDir::new(folder).into_iter().filter_map(|entry| {
        let metadata = entry.ok()?.metadata().ok()?;
        metadata.is_file().then_some(metadata.len())
    });
    sizes.max().unwrap_or(0)
}

#[test]
fn an_inbox_that_takes_no_receipts_has_them_in_the_home() {
    let spoil: [fn(&Path); 3] = [
        |shelf| symlink("/tmp", shelf).expect("linked"),
        |shelf| fs::write(shelf, b"in the way").expect("written"),
        |shelf| drop(std::os::unix::net::UnixListener::bind(shelf).expect("bound")),
    ];
    for spoil in spoil {
        let yard = Yard::new();
        spoil(&yard.inbox.join(".receipts"));
        let daemon = yard.archive.daemon();
        yard.put("clip.mp4", b"clip");
        let home = yard.archive.home().join("receipts");
        wait_until("the receipt is in the home", || TestArchive::receipts(&home).len() == 1);
        assert_eq!(TestArchive::receipts(&home)[0]["path"], "clip.mp4");
        assert_eq!(daemon.stop(), Some(0));
    }
}

#[test]
fn receipts_go_where_the_settings_say() {
    let yard = Yard::new();
    let shelf = yard.archive.beside("shelf");
    fs::create_dir(&shelf).expect("made");
    yard.archive.set(&format!("receipts = {shelf:?}"));
    let daemon = yard.archive.daemon();
    yard.put("clip.mp4", b"clip");
    wait_until("the receipt is on the shelf", || TestArchive::receipts(&shelf).len() == 1);
    assert!(!yard.inbox.join(".receipts").exists());
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn a_file_that_cannot_be_read_waits_until_it_can() {
    let yard = Yard::new();
    yard.archive.set("[limits]\nrescan = \"1s\"");
    let (closed, dark) = (yard.put("closed.mp4", b"closed"), yard.put("dark/clip.mp4", b"dark"));
    let dark = dark.parent().expect("a folder").to_owned();
    let bits = |path: &Path, bits| {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(path, fs::Permissions::from_mode(bits)).expect("set");
    };
    bits(&closed, 0o000);
    bits(&dark, 0o000);
    // Root reads everything, unless it gives that up.
    let command = yard.archive.command(&["run"]);
    let mut kept = Command::new("setpriv");
    kept.args([
        "--bounding-set=-dac_override,-dac_read_search",
        "--inh-caps=-dac_override,-dac_read_search",
    ]);
    let mut daemon = if fs::read(&closed).is_ok() {
        kept.arg(command.get_program()).args(command.get_args());
        kept
    } else {
        command
    };
    let Ok(mut daemon) = daemon.stderr(std::process::Stdio::null()).spawn() else {
        not_tested("there is no setpriv");
        return;
    };
    yard.put("good.mp4", b"good");
    yard.wait_for_receipts(1);
    wait_until("the closed file was tried", || {
        sighting(&yard.status(), "closed.mp4").is_some_and(|seen| reasons(&seen) == ["unreadable"])
    });
    let folder = sighting(&yard.status(), "dark").map(|seen| reasons(&seen));
    bits(&closed, 0o644);
    bits(&dark, 0o755);
    let receipts = yard.wait_for_receipts(3);
    let id = rustix::process::Pid::from_child(&daemon);
    rustix::process::kill_process(id, rustix::process::Signal::TERM).expect("ours");
    assert!(daemon.wait().expect("it ends").success());
    assert_eq!(folder, Some(vec!["unreadable".to_owned()]));
    assert!(receipts.contains_key("closed.mp4") && receipts.contains_key("dark/clip.mp4"));
}

#[test]
fn a_file_system_without_events_is_polled() {
    let yard = Yard::new();
    let behind = yard.archive.beside("behind");
    fs::create_dir(&behind).expect("made");
    let mounted = Command::new("bindfs").arg(&behind).arg(&yard.inbox).status();
    if !mounted.is_ok_and(|status| status.success()) {
        not_tested("bindfs is not there or may not mount");
        return;
    }
    let daemon = yard.archive.daemon();
    wait_until("it was walked", || yard.status()["last_full_scan"].is_string());
    let status = yard.status();
    fs::write(behind.join("clip.mp4"), b"without a word").expect("written");
    wait_until("it has a receipt", || !TestArchive::receipts(&behind.join(".receipts")).is_empty());
    assert_eq!(daemon.stop(), Some(0));
    let unmounted = Command::new("umount").arg("-l").arg(&yard.inbox).status();
    assert!(unmounted.is_ok_and(|status| status.success()));
    assert_eq!(status["mode"], Value::from("poll"));
    assert!(status["why"].as_str().is_some_and(|why| why.contains("FUSE")), "{status:#}");
    assert_eq!(status_of(&yard.archive, "dock")["mode"], "events", "the folder beneath is local");
}
