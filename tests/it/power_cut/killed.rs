//! The real daemon, killed at many instants while files come in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::house::in_memory;
use crate::support::{TestArchive, wait_until};

/// A recorder's clips: each shows the same and has bytes of its own, so that none is known already.
pub(super) fn drop_clip(inbox: &Path, number: usize) -> PathBuf {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/media/valid/moov-front.mp4");
    let mut bytes = std::fs::read(fixture).expect("a fixture");
    // A `free` box (ISO/IEC 14496-12, 8.1.2) may stand at the end of any clip.
    bytes.extend([0, 0, 0, 16]);
    bytes.extend(b"free");
    bytes.extend(u64::try_from(number).expect("small").to_be_bytes());
    let path = inbox.join(format!("clip-{number}.mp4"));
    std::fs::write(&path, bytes).expect("written");
    path
}

/// Every clip is one item with one receipt and one poster, and all of it is whole.
pub(super) fn all_came_through(archive: &TestArchive, inbox: &Path, clips: usize) {
    let daemon = archive.daemon();
    let shelf = inbox.join(".receipts");
    wait_until("every clip has its receipt", || TestArchive::receipts(&shelf).len() >= clips);
    wait_until("every clip has its facts", || {
        let items = archive.items();
        items.iter().all(|item| archive.show(&id_of(item))["facts"]["container"].is_string())
    });
    assert_eq!(daemon.stop(), Some(0));
    let mut receipts = BTreeMap::new();
    for receipt in TestArchive::receipts(&shelf) {
        let path = receipt["path"].as_str().expect("a path").to_owned();
        assert!(receipts.insert(path, receipt["item"].clone()).is_none(), "two receipts of {receipt}");
    }
    assert_eq!(receipts.len(), clips);
    let items = archive.items();
    assert_eq!(items.len(), clips, "one item a clip");
    for item in &items {
        let shown = archive.show(&id_of(item));
        assert_eq!(shown["derivatives"].as_array().map(Vec::len), Some(1), "one poster: {shown}");
        assert_eq!(shown["deposits"].as_array().map(Vec::len), Some(1), "one deposit: {shown}");
    }
    archive.run(&["verify", "--all", "--open", "--json"]).ends(0);
    archive.run(&["ledger", "verify"]).ends(0);
    receipts_are_true(archive, &shelf);
}

pub(super) fn receipts_are_true(archive: &TestArchive, shelf: &Path) {
    for entry in std::fs::read_dir(shelf).into_iter().flatten() {
        let path = entry.expect("listed").path();
        if path.extension().is_some_and(|extension| extension == "json") {
            archive.run(&["receipt", "check", path.to_str().expect("UTF-8")]).ends(0);
        }
    }
}

fn id_of(item: &Value) -> String {
    item["item"].as_str().expect("an id").to_owned()
}

fn end(mut child: Child) {
    child.kill().expect("it is ours");
    child.wait().expect("it ends");
}

#[test]
fn a_daemon_killed_at_any_moment_receipts_every_file_once() {
    const KILLS: u64 = 20;
    let archive = TestArchive::in_folder(in_memory());
    let inbox = archive.add_inbox("dock-1");
    for kill in 0..KILLS {
        drop_clip(&inbox, usize::try_from(kill).expect("small"));
        let daemon = archive.command(&["run"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let daemon = daemon.expect("the binary runs");
        // Not for luck: any instant is a good one, from the middle of the start to after a receipt.
        std::thread::sleep(Duration::from_millis(50 + kill * 397 % 1600));
        end(daemon);
    }
    all_came_through(&archive, &inbox, usize::try_from(KILLS).expect("small"));
}

#[test]
fn a_daemon_killed_at_a_sync_receipts_every_file_once() {
    const SYNCS: usize = 8;
    if !strace_is_here() {
        println!("not tested: strace is not here, or may not trace");
        return;
    }
    let archive = TestArchive::in_folder(in_memory());
    let inbox = archive.add_inbox("dock-1");
    for sync in 1..=SYNCS {
        drop_clip(&inbox, sync);
        // Counted in each thread by itself.
        let inject = format!("inject=fsync,fdatasync:signal=KILL:when={sync}");
        let mut traced = Command::new("strace");
        traced.args(["-f", "-qq", "-o", "/dev/null", "-e", &inject]);
        let run = archive.command(&["run"]);
        traced.arg(run.get_program()).args(run.get_args()).env_remove("SEALDOCK_HOME");
        let mut traced = traced.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("strace runs");
        let shelf = inbox.join(".receipts");
        wait_until("the daemon is killed or done", || {
            traced.try_wait().expect("asked").is_some() || TestArchive::receipts(&shelf).len() >= sync
        });
        end_daemon_of(&archive);
        traced.wait().expect("it ends with what it traces");
    }
    all_came_through(&archive, &inbox, SYNCS);
}

/// Ends a daemon that is not our child, by the id in the file of its lock, if it is still there.
fn end_daemon_of(archive: &TestArchive) {
    let text = std::fs::read_to_string(archive.home().join("run/lock")).expect("read");
    let id: i32 = text.trim().strip_prefix("daemon ").and_then(|id| id.parse().ok()).expect("an id");
    let home = archive.home();
    let home = home.as_os_str().as_encoded_bytes();
    let command_line = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
    if command_line.split(|byte| *byte == 0).any(|argument| argument == home) {
        let id = rustix::process::Pid::from_raw(id).expect("an id");
        // It may end by itself meanwhile.
        let _ = rustix::process::kill_process(id, rustix::process::Signal::KILL);
    }
}

pub(super) fn strace_is_here() -> bool {
    let tried = Command::new("strace").args(["-qq", "-o", "/dev/null", "true"]).output();
    tried.is_ok_and(|output| output.status.success())
}
