//! The rescan.

use std::ffi::OsStr;
use std::fs;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{CWD, Mode, RenameFlags, mkfifoat, renameat_with};
use sealdock::inbox::{Found, Seen, Walked, walk, walk_beneath};
use sealdock::model::{RawName, Reason};

use super::{Yard, all, raw};

#[test]
fn every_name_is_found_as_it_is() {
    let yard = Yard::new();
    let long = "长".repeat(85);
    let names =
        [&b"plain.mp4"[..], b"a\nb.mp4", b"\xc4\xe3\xba\xc3.mp4", "现场。（１）".as_bytes(), b" . "];
    for name in names.into_iter().chain([long.as_bytes()]) {
        fs::write(yard.inbox.join(OsStr::from_bytes(name)), name).expect("written");
    }
    yard.write("2019-09-12/v/091530.mp4", b"deep");
    let root = yard.root();
    let (seen, walked) = all(&root);
    assert_eq!(walked, Walked::Whole);
    assert_eq!(seen.len(), names.len() + 2);
    for name in names.into_iter().chain([long.as_bytes()]) {
        let name = RawName::new(name);
        let Some(Found::File(stat)) = seen.get(&name) else { panic!("{name} was not found") };
        assert_eq!(stat.size, u64::try_from(name.as_bytes().len()).expect("short"));
        assert_eq!(root.read_small(&name, 1000).expect("it can be opened"), name.as_bytes());
    }
    assert!(seen.contains_key(&raw("2019-09-12/v/091530.mp4")));
}

#[test]
fn what_is_no_file_is_refused_and_its_neighbours_are_not() {
    let yard = Yard::new();
    yard.write("good.mp4", b"good");
    symlink(yard.outside.join("secret.mp4"), yard.inbox.join("link.mp4")).expect("linked");
    symlink(&yard.outside, yard.inbox.join("folder")).expect("linked");
    symlink("nowhere", yard.inbox.join("dangling")).expect("linked");
    mkfifoat(CWD, yard.inbox.join("pipe.mp4"), Mode::RUSR).expect("made");
    let _socket = UnixListener::bind(yard.inbox.join("socket.mp4")).expect("bound");
    let (seen, walked) = all(&yard.root());
    assert_eq!(walked, Walked::Whole);
    for (name, reason) in [
        ("link.mp4", Reason::Symlink),
        ("folder", Reason::Symlink),
        ("dangling", Reason::Symlink),
        ("pipe.mp4", Reason::NotRegular),
        ("socket.mp4", Reason::NotRegular),
    ] {
        assert_eq!(seen.get(&raw(name)), Some(&Found::Refused(reason)), "{name}");
    }
    assert!(matches!(seen.get(&raw("good.mp4")), Some(Found::File(_))));
    assert_eq!(seen.len(), 6);
}

#[test]
fn a_second_name_is_counted() {
    let yard = Yard::new();
    let one = yard.write("one.mp4", b"x");
    fs::hard_link(&one, yard.outside.join("other.mp4")).expect("linked");
    let (seen, _) = all(&yard.root());
    assert!(matches!(seen[&raw("one.mp4")], Found::File(stat) if stat.links == 2));
}

#[test]
fn our_own_folders_are_no_sightings_and_their_namesakes_are() {
    let yard = Yard::new();
    yard.write(".receipts/1.json", b"{}");
    yard.write(".sealdock-released/1", b"x");
    yard.write("sub/.receipts/clip.mp4", b"x");
    let root = yard.root();
    let (seen, _) = all(&root);
    assert_eq!(seen.into_keys().collect::<Vec<_>>(), [raw("sub/.receipts/clip.mp4")]);
    let beneath = walk_beneath(&root, &raw(".receipts"), &mut |seen| panic!("{seen:?}"));
    assert_eq!(beneath.expect("nothing to do"), Walked::Whole);
}

#[test]
fn one_folder_can_be_walked_and_one_that_is_gone_is_no_error() {
    let yard = Yard::new();
    yard.write("a/b/1.mp4", b"x");
    yard.write("c/2.mp4", b"x");
    let root = yard.root();
    let mut seen = Vec::new();
    let mut see = |one: Seen| {
        seen.push(one.path);
        ControlFlow::Continue(())
    };
    assert_eq!(walk_beneath(&root, &raw("a"), &mut see).expect("walked"), Walked::Whole);
    assert_eq!(walk_beneath(&root, &raw("gone"), &mut see).expect("walked"), Walked::Whole);
    assert_eq!(seen, [raw("a/b/1.mp4")]);
}

#[test]
fn a_walk_ends_when_its_caller_had_enough() {
    let yard = Yard::new();
    for number in 0..10 {
        yard.write(&format!("{number}/x.mp4"), b"x");
    }
    let mut count = 0;
    let walked = walk(&yard.root(), &mut |_| {
        count += 1;
        if count == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!((walked.expect("walked"), count), (Walked::Stopped, 3));
}

#[test]
fn folders_without_end_are_refused_and_their_neighbours_are_not() {
    let yard = Yard::new();
    yard.write("good.mp4", b"good");
    let mut deep = yard.inbox.clone();
    for _ in 0..70 {
        deep.push("d");
    }
    fs::create_dir_all(&deep).expect("made");
    let (seen, _) = all(&yard.root());
    assert!(matches!(seen[&raw("good.mp4")], Found::File(_)));
    let refused: Vec<_> = seen.into_values().filter(|found| !matches!(found, Found::File(_))).collect();
    assert_eq!(refused, [Found::Refused(Reason::NameTooLong)]);
}

/// A folder is swapped for a link to the outside while the walk stands in its neighbour.
#[test]
fn a_folder_swapped_for_a_link_is_not_entered() {
    let yard = Yard::new();
    let folders = ["a", "b"];
    for folder in folders {
        yard.write(&format!("{folder}/clip.mp4"), b"x");
    }
    let (root, mut seen) = (yard.root(), Vec::new());
    walk(&root, &mut |one| {
        if seen.is_empty() {
            let other = folders.iter().find(|folder| !one.path.to_text().starts_with(**folder));
            swap_for_link(&yard.inbox.join(other.expect("there are two")), &yard.outside);
        }
        seen.push(one);
        ControlFlow::Continue(())
    })
    .expect("walked");
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[1].found, Found::Refused(Reason::Symlink));
    assert!(!seen.iter().any(|one| one.path.to_text().contains("secret")));
}

/// The folder that is being listed is swapped itself: the listing goes on in the true one, and what
/// it gives cannot be opened by a path that leads outside.
#[test]
fn the_folder_that_is_listed_may_be_swapped_too() {
    let yard = Yard::new();
    for number in 0..50 {
        yard.write(&format!("a/{number}.mp4"), b"inside");
    }
    fs::write(yard.outside.join("7.mp4"), b"outside").expect("written");
    let root = yard.root();
    let mut seen = Vec::new();
    walk(&root, &mut |one| {
        if seen.is_empty() {
            swap_for_link(&yard.inbox.join("a"), &yard.outside);
        }
        seen.push(one.path);
        ControlFlow::Continue(())
    })
    .expect("walked");
    assert!(!seen.iter().any(|path| path.to_text().contains("secret")));
    let refusal = root.open_file(&raw("a/7.mp4")).expect_err("it lies outside");
    assert_eq!(refusal.reason, Reason::Symlink);
}

fn swap_for_link(folder: &Path, target: &Path) {
    fs::rename(folder, folder.with_file_name("elsewhere")).expect("moved");
    symlink(target, folder).expect("linked");
}

/// Folders and links change places as fast as the machine can, while the inbox is walked and opened.
#[test]
fn a_storm_of_renames_leads_nobody_out() {
    let yard = Yard::new();
    for number in 0..20 {
        yard.write(&format!("a/{number}.mp4"), b"inside");
        fs::write(yard.outside.join(format!("{number}.mp4")), b"outside").expect("written");
    }
    yard.write("still/neighbour.mp4", b"inside");
    symlink(&yard.outside, yard.inbox.join("b")).expect("linked");
    let (root, done) = (yard.root(), AtomicBool::new(false));
    std::thread::scope(|threads| {
        threads.spawn(|| {
            let (a, b) = (yard.inbox.join("a"), yard.inbox.join("b"));
            while !done.load(Ordering::SeqCst) {
                renameat_with(CWD, &a, CWD, &b, RenameFlags::EXCHANGE).expect("exchanged");
            }
        });
        let outcome = std::panic::catch_unwind(|| {
            for _ in 0..200 {
                let (seen, _) = all(&root);
                assert!(seen.contains_key(&raw("still/neighbour.mp4")));
                for (path, found) in seen {
                    assert!(!path.to_text().contains("secret"), "{path} lies outside");
                    if matches!(found, Found::File(_)) {
                        let read = root.read_small(&path, 100);
                        assert!(read.is_err() || read.is_ok_and(|bytes| bytes == b"inside"));
                    }
                }
            }
        });
        done.store(true, Ordering::SeqCst);
        outcome.expect("no round fails");
    });
}
