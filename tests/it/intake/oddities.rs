//! What is not a plain file with a plain name.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::process::Command;

use super::{Yard, reasons, sighting};
use crate::support::{not_tested, wait_until};

fn succeeds(program: &str, arguments: &[&OsStr]) -> bool {
    Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
}

#[test]
fn what_is_not_a_file_of_the_inbox_is_refused_and_its_neighbours_are_taken() {
    let yard = Yard::new();
    let secret = yard.archive.write("elsewhere/secret.mp4", b"outside");
    let daemon = yard.archive.daemon();
    symlink(&secret, yard.inbox.join("link.mp4")).expect("linked");
    symlink(secret.parent().expect("a folder"), yard.inbox.join("folder")).expect("linked");
    let fifo = yard.inbox.join("pipe.mp4");
    assert!(succeeds("mkfifo", &[fifo.as_os_str()]));
    let _socket = UnixListener::bind(yard.inbox.join("socket.mp4")).expect("bound");
    yard.put("good.mp4", b"good");
    yard.wait_for_receipts(1);
    yard.wait_for("refused", 4);
    let status = yard.status();
    for (path, reason) in [
        ("link.mp4", "symlink"),
        ("folder", "symlink"),
        ("pipe.mp4", "not_regular"),
        ("socket.mp4", "not_regular"),
    ] {
        let seen = sighting(&status, path).unwrap_or_else(|| panic!("{path} in {status:#}"));
        assert_eq!(
            (&seen["state"], reasons(&seen)),
            (&"refused".into(), vec![reason.to_owned()]),
            "{path}"
        );
    }
    assert_eq!(yard.archive.items().len(), 1);
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn a_folder_swapped_for_a_link_leads_nowhere() {
    let yard = Yard::new();
    yard.archive.write("elsewhere/clip.mp4", b"outside");
    let daemon = yard.archive.daemon();
    yard.put("day/clip.mp4", b"inside");
    yard.wait_for_receipts(1);
    let (day, aside) = (yard.inbox.join("day"), yard.inbox.join("aside"));
    for _ in 0..200 {
        fs::rename(&day, &aside).expect("moved");
        symlink(yard.archive.beside("elsewhere"), &day).expect("linked");
        yard.put("good.mp4", b"good");
        fs::remove_file(&day).expect("removed");
        fs::rename(&aside, &day).expect("moved back");
    }
    wait_until("the neighbour is taken", || yard.archive.items().len() >= 2);
    let sizes: Vec<_> = yard.archive.items().iter().map(|item| item["size"].as_u64()).collect();
    assert!(!sizes.contains(&Some(7)), "nothing from outside: {sizes:?}");
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn a_file_with_two_names_is_taken_and_marked() {
    let yard = Yard::new();
    let daemon = yard.archive.daemon();
    let first = yard.put("first.mp4", b"two names");
    fs::hard_link(&first, yard.inbox.join("second.mp4")).expect("linked");
    let receipts = yard.wait_for_receipts(2);
    for receipt in receipts.values() {
        assert_eq!(reasons(receipt), ["hard_link"]);
    }
    assert_eq!(receipts["first.mp4"]["item"], receipts["second.mp4"]["item"]);
    let items = yard.archive.items();
    assert_eq!((items.len(), &items[0]["state"]), (1, &"sealed".into()));
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn strange_names_are_names() {
    let yard = Yard::new();
    let daemon = yard.archive.daemon();
    let long = format!("{}.mp4", "x".repeat(251));
    let names: [&[u8]; 5] =
        [long.as_bytes(), b"new\nline.mp4", b"\xff\xfe.mp4", "【现场】．mp4".as_bytes(), b" . "];
    for name in names {
        yard.put(OsStr::from_bytes(name), name);
    }
    let deep = std::iter::repeat_n("d".repeat(200), 12).collect::<Vec<_>>().join("/");
    yard.put(format!("{deep}/clip.mp4"), b"deep");
    yard.wait_for_receipts(6);
    for name in names {
        let found = yard.archive.items().into_iter().find(|item| item["size"] == name.len());
        let item = found.unwrap_or_else(|| panic!("{name:?}"));
        assert_eq!(yard.archive.get(item["item"].as_str().expect("an id")), name);
    }
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn what_should_be_looked_at_waits_for_a_person_with_its_reason() {
    let yard = Yard::new();
    let daemon = yard.archive.daemon();
    yard.put("nothing.mp4", b"");
    yard.put("setup.exe", b"MZ");
    yard.put("Thumbs.db", b"junk");
    yard.put("clip.mp4.tmp", b"half");
    yard.put("Temp/copy.mp4", b"half");
    let receipts = yard.wait_for_receipts(2);
    for (path, reason) in [("nothing.mp4", "empty"), ("setup.exe", "odd_type")] {
        assert_eq!(receipts[path]["state"], "quarantined");
        assert_eq!(reasons(&receipts[path]), [reason]);
        assert_eq!(reasons(&yard.item(path)), [reason]);
    }
    yard.wait_for("quarantined", 2);
    yard.wait_for("ignored", 3);
    let status = yard.status();
    for (path, reason) in [("Thumbs.db", "ignored_name"), ("clip.mp4.tmp", "in_progress_name")] {
        let seen = sighting(&status, path).unwrap_or_else(|| panic!("{path} in {status:#}"));
        assert_eq!((&seen["state"], reasons(&seen)), (&"ignored".into(), vec![reason.to_owned()]));
    }
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn protections_of_an_inbox_choose_the_keys_of_its_items() {
    for (classes, domains) in [
        ("[]", vec!["general"]),
        (r#"["commercial"]"#, vec!["commercial"]),
        (r#"["commercial", "minor"]"#, vec!["commercial", "personal"]),
    ] {
        let yard = Yard::with(&format!("default_classes = {classes}"));
        yard.put("clip.mp4", b"clip");
        let daemon = yard.archive.daemon();
        yard.wait_for_receipts(1);
        assert_eq!(daemon.stop(), Some(0));
        let shown = yard.show("clip.mp4");
        assert_eq!(shown["keys"][0]["domains"], serde_json::json!(domains), "{shown:#}");
        let id = shown["item"].as_str().expect("an id").to_owned();
        assert_eq!(yard.archive.get(&id), b"clip");
        // By hand, on behalf of the same dock.
        let beside = yard.archive.write("other.mp4", b"other");
        let line =
            yard.archive.run(&["deposit", "--json", "--dock", "dock", beside.to_str().expect("UTF-8")]);
        let item = line.ends(0).lines().remove(0)["item"].as_str().expect("an id").to_owned();
        assert_eq!(yard.archive.show(&item)["keys"][0]["domains"], serde_json::json!(domains));
    }
}

#[test]
fn another_mount_beneath_an_inbox_is_refused() {
    let yard = Yard::new();
    let disk = yard.inbox.join("disk");
    fs::create_dir(&disk).expect("made");
    let mount = ["-t", "tmpfs", "tmpfs"].map(OsStr::new);
    if !succeeds("mount", &[&mount[..], &[disk.as_os_str()]].concat()) {
        not_tested("only root may mount");
        return;
    }
    fs::write(disk.join("clip.mp4"), b"elsewhere").expect("written");
    let daemon = yard.archive.daemon();
    yard.put("good.mp4", b"good");
    yard.wait_for_receipts(1);
    yard.wait_for("refused", 1);
    let seen = sighting(&yard.status(), "disk");
    assert!(succeeds("umount", &["-l".as_ref(), disk.as_os_str()]));
    assert_eq!(reasons(&seen.expect("listed")), ["other_mount"]);
    assert_eq!(daemon.stop(), Some(0));
}
