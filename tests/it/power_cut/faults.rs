//! Disks that are full, read-only or failing under the real daemon, and are mended.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::house::in_memory;
use super::killed::{all_came_through, drop_clip, strace_is_here};
use super::mounts::Mount;
use crate::support::{Daemon, TestArchive, wait_until};

/// Waits until intake is paused for a reason.
fn wait_for_pause(archive: &TestArchive, reason: &str) {
    let mut last = Value::Null;
    wait_until("intake is paused", || {
        let said = archive.run(&["status", "--json"]);
        if said.code != 0 {
            return false;
        }
        last = said.json();
        last["intake"]["state"] == "paused" && last["intake"]["why"] == reason
    });
}

fn nothing_was_receipted(inbox: &Path) {
    assert!(TestArchive::receipts(&inbox.join(".receipts")).is_empty());
}

/// Lets calls of a running daemon fail, until it is dropped.
struct Failing(Child);

impl Failing {
    fn with(daemon: &Daemon, which: &[&str]) -> Self {
        let id = daemon.id().to_string();
        let mut strace = Command::new("strace");
        strace.args(["-f", "-qq", "-o", "/dev/null"]).args(which).args(["-p", &id]);
        let strace = strace.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("strace runs");
        let tracer = format!("/proc/{id}/status");
        wait_until("it is traced", || {
            let status = std::fs::read_to_string(&tracer).expect("it runs");
            status.lines().any(|line| line == format!("TracerPid:\t{}", strace.id()))
        });
        Self(strace)
    }

    fn mend(mut self) {
        let strace = rustix::process::Pid::from_child(&self.0);
        // At this signal it lets its threads go; killed, it might leave one standing.
        rustix::process::kill_process(strace, rustix::process::Signal::TERM).expect("it is ours");
        self.0.wait().expect("it ends");
    }
}

impl Drop for Failing {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_disk_that_fails_to_sync_pauses_intake_and_mended_resumes_it() {
    if !strace_is_here() {
        println!("not tested: strace is not here, or may not trace");
        return;
    }
    let archive = TestArchive::in_folder(in_memory());
    let inbox = archive.add_inbox("dock-1");
    let daemon = archive.daemon();
    let failing = Failing::with(&daemon, &["-e", "inject=fsync,fdatasync:error=EIO"]);
    drop_clip(&inbox, 1);
    drop_clip(&inbox, 2);
    wait_for_pause(&archive, "write_error");
    nothing_was_receipted(&inbox);
    failing.mend();
    let shelf = inbox.join(".receipts");
    wait_until("intake goes on", || TestArchive::receipts(&shelf).len() == 2);
    let status = archive.run(&["status", "--json"]).ends(0).json();
    assert_eq!(status["intake"]["state"], "running", "{status}");
    assert_eq!(daemon.stop(), Some(0));
    all_came_through(&archive, &inbox, 2);
}

#[test]
fn a_ledger_that_fails_to_sync_is_opened_again_when_it_is_mended() {
    if !strace_is_here() {
        println!("not tested: strace is not here, or may not trace");
        return;
    }
    let archive = TestArchive::in_folder(in_memory());
    let inbox = archive.add_inbox("dock-1");
    let daemon = archive.daemon();
    let ledger = archive.home().join("ledger");
    let file = std::fs::read_dir(&ledger).expect("listed").next().expect("one").expect("listed").path();
    let only = format!("--trace-path={}", file.display());
    let failing = Failing::with(&daemon, &["-e", "inject=fsync,fdatasync,ftruncate:error=EIO", &only]);
    drop_clip(&inbox, 1);
    wait_until("the ledger is in doubt", || archive.journal().contains("the ledger stopped"));
    drop_clip(&inbox, 2);
    nothing_was_receipted(&inbox);
    failing.mend();
    let shelf = inbox.join(".receipts");
    wait_until("intake goes on", || TestArchive::receipts(&shelf).len() == 2);
    assert_eq!(daemon.stop(), Some(0));
    all_came_through(&archive, &inbox, 2);
}

#[test]
fn a_read_only_vault_pauses_intake_and_writable_resumes_it() {
    let archive = TestArchive::in_folder(in_memory());
    let inbox = archive.add_inbox("dock-1");
    let Some(vault) = Mount::over_itself(&archive.home().join("vault")) else { return };
    let daemon = archive.daemon();
    vault.again_with("ro");
    drop_clip(&inbox, 1);
    wait_for_pause(&archive, "write_error");
    nothing_was_receipted(&inbox);
    vault.again_with("rw");
    let shelf = inbox.join(".receipts");
    wait_until("intake goes on", || TestArchive::receipts(&shelf).len() == 1);
    assert_eq!(daemon.stop(), Some(0));
    drop(vault);
    all_came_through(&archive, &inbox, 1);
}

/// An archive on a small disk of its own, with its inbox beside it on another. In the order that they go away from
/// behind: the archive, the disk, the folder that holds both.
fn on_small_disk(size: &str) -> Option<(tempfile::TempDir, Mount, PathBuf, TestArchive)> {
    let outside = in_memory();
    let at = outside.path().join("disk");
    let disk = Mount::tmpfs(&at, size)?;
    let archive = TestArchive::in_folder(tempfile::tempdir_in(&at).expect("a temporary folder"));
    let inbox = outside.path().join("dock-1");
    std::fs::create_dir(&inbox).expect("made");
    archive.set(&format!("[[inbox]]\ndock = \"dock-1\"\npath = {inbox:?}\nquiet = \"500ms\""));
    Some((outside, disk, inbox, archive))
}

/// Leaves so many bytes free.
fn fill(disk: &Path, leave: u64) -> PathBuf {
    use std::os::unix::fs::FileExt as _;
    let ballast = disk.join("ballast");
    let file = std::fs::File::create(&ballast).expect("created");
    let block = [1; 4096];
    let mut at = 0;
    loop {
        let space = rustix::fs::statvfs(disk).expect("asked");
        if space.f_bavail * space.f_frsize <= leave || file.write_all_at(&block, at).is_err() {
            return ballast;
        }
        at += 4096;
    }
}

#[test]
fn a_full_disk_pauses_intake_and_room_resumes_it() {
    let Some((outside, _disk, inbox, archive)) = on_small_disk("24M") else { return };
    let daemon = archive.daemon();
    let ballast = fill(&outside.path().join("disk"), 256 * 1024);
    drop_clip(&inbox, 1);
    wait_for_pause(&archive, "no_space");
    nothing_was_receipted(&inbox);
    let deposited = inbox.join("clip-1.mp4");
    let said = archive.run(&["deposit", "--json", deposited.to_str().expect("UTF-8")]).ends(1);
    assert_eq!(said.lines()[0]["state"], "waiting", "{}", said.out);
    assert_eq!(said.lines()[0]["reasons"][0], "no_space", "{}", said.out);
    std::fs::remove_file(ballast).expect("removed");
    let shelf = inbox.join(".receipts");
    wait_until("intake goes on", || TestArchive::receipts(&shelf).len() == 1);
    assert_eq!(daemon.stop(), Some(0));
    all_came_through(&archive, &inbox, 1);
}

#[test]
fn a_disk_that_is_full_to_the_last_byte_takes_no_daemon_down() {
    let Some((outside, _disk, inbox, archive)) = on_small_disk("24M") else { return };
    drop_clip(&inbox, 1);
    let ballast = fill(&outside.path().join("disk"), 0);
    let clip = inbox.join("clip-1.mp4");
    let said = archive.run(&["deposit", clip.to_str().expect("UTF-8")]).ends(1);
    assert!(said.out.contains("no room"), "{} {}", said.out, said.err);
    std::fs::remove_file(&ballast).expect("removed");
    let daemon = archive.daemon();
    let shelf = inbox.join(".receipts");
    wait_until("the first is taken", || TestArchive::receipts(&shelf).len() == 1);
    let ballast = fill(&outside.path().join("disk"), 0);
    drop_clip(&inbox, 2);
    wait_for_pause(&archive, "no_space");
    archive.run(&["find", "--json"]).ends(0);
    std::fs::remove_file(ballast).expect("removed");
    wait_until("intake goes on", || TestArchive::receipts(&shelf).len() == 2);
    assert_eq!(daemon.stop(), Some(0));
    all_came_through(&archive, &inbox, 2);
}

#[test]
fn a_read_only_home_ends_commands_with_a_reason() {
    let archive = TestArchive::in_folder(in_memory());
    let clip = archive.write("clip.bin", b"evidence");
    archive.deposit(&clip);
    let other = archive.write("other.bin", b"more evidence");
    let Some(home) = Mount::over_itself(&archive.home()) else { return };
    home.again_with("ro");
    let said = archive.run(&["deposit", other.to_str().expect("UTF-8")]).ends(1);
    assert!(said.err.contains("readonly"), "{}", said.err);
    let said = archive.run(&["run"]).ends(1);
    assert!(said.err.contains("readonly"), "{}", said.err);
    home.again_with("rw");
    drop(home);
    archive.deposit(&other);
    assert_eq!(archive.items().len(), 2);
}

#[test]
fn an_archive_is_not_made_on_a_full_disk() {
    let outside = in_memory();
    let at = outside.path().join("disk");
    let Some(_disk) = Mount::tmpfs(&at, "64k") else { return };
    let home = at.join("home");
    let made = Command::new(crate::support::SEALDOCK)
        .args(["--lang", "en", "--home", home.to_str().expect("UTF-8"), "init", "--unattended"])
        .output();
    let said = crate::support::Said::of(&made.expect("the binary runs")).ends(1);
    assert!(said.err.contains("full") || said.err.contains("space"), "{}", said.err);
    assert!(!home.join("sealdock.toml").exists());
}

#[test]
fn an_inbox_that_was_unmounted_is_let_go_of() {
    let archive = TestArchive::in_folder(in_memory());
    let inbox = archive.add_inbox("dock-1");
    let Some(disk) = Mount::ext4(&inbox, 16) else { return };
    drop_clip(&inbox, 1);
    let daemon = archive.daemon();
    wait_until("the parser was at work", || {
        let items = archive.items();
        items.len() == 1
            && archive.show(items[0]["item"].as_str().expect("an id"))["facts"]["container"].is_string()
    });
    wait_until("the inbox is at rest", || TestArchive::receipts(&inbox.join(".receipts")).len() == 1);
    disk.unmount();
    wait_until("the disk can be pulled while the daemon runs", || disk.is_let_go());
    assert_eq!(daemon.stop(), Some(0));
}
