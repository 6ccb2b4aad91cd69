//! Events.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

use sealdock::inbox::{Changed, Watcher, Watching, What, Woken, walk_beneath};
use sealdock::model::RawName;
use sealdock::rules::settle::Hint;
use tokio::sync::mpsc::Receiver;

use super::{Yard, all, dock, raw};

/// Far more than any event takes; only a failing test waits for it.
const DEADLINE: Duration = Duration::from_secs(20);

struct Watched {
    yard: Yard,
    watcher: Watcher,
    woken: Receiver<Woken>,
    runtime: tokio::runtime::Runtime,
}

impl Watched {
    fn over(yard: Yard) -> Self {
        let (watcher, woken) = Watcher::start(vec![(dock("d1"), yard.inbox.clone())]).expect("started");
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let watched = Self { yard, watcher, woken, runtime };
        let watching = watched.watcher.refresh(0).expect("watched");
        assert!(matches!(watching, Watching::Folders(_)), "{watching:?}");
        watched
    }

    fn next(&mut self) -> What {
        let woken = self.runtime.block_on(async {
            tokio::time::timeout(DEADLINE, self.woken.recv()).await.expect("an event within the deadline")
        });
        let woken = woken.expect("the watcher lives");
        assert_eq!(woken.inbox, 0);
        woken.what
    }

    /// Everything up to the event that is wanted, that one included.
    fn until(&mut self, wanted: impl Fn(&What) -> bool) -> Vec<What> {
        let mut all = Vec::new();
        loop {
            all.push(self.next());
            if wanted(&all[all.len() - 1]) {
                return all;
            }
        }
    }
}

fn file(path: &str, hint: Hint) -> What {
    What::File(Changed { path: raw(path), hint })
}

#[test]
fn a_file_is_told_when_it_is_made_and_when_it_is_closed() {
    let mut watched = Watched::over(Yard::new());
    watched.yard.write("a.mp4", b"x");
    assert_eq!(watched.next(), file("a.mp4", Hint::Writing));
    assert_eq!(watched.next(), file("a.mp4", Hint::CloseWrite));
}

#[test]
fn a_file_that_is_renamed_in_is_told() {
    let yard = Yard::new();
    yard.write("sub/a.part", b"x");
    let mut watched = Watched::over(yard);
    let folder = watched.yard.inbox.join("sub");
    fs::rename(folder.join("a.part"), folder.join("a.mp4")).expect("renamed");
    assert_eq!(watched.next(), file("sub/a.mp4", Hint::RenamedIn));
}

#[test]
fn a_folder_that_is_moved_in_is_told_and_watched_with_all_beneath() {
    let mut watched = Watched::over(Yard::new());
    let tree = watched.yard.outside.join("tree");
    fs::create_dir_all(tree.join("deep")).expect("made");
    fs::write(tree.join("deep/old.mp4"), b"x").expect("written");
    fs::rename(&tree, watched.yard.inbox.join("tree")).expect("moved");
    assert_eq!(watched.next(), What::Folder(raw("tree")));
    let (seen, _) = all(&watched.yard.root());
    assert!(seen.contains_key(&raw("tree/deep/old.mp4")));
    watched.yard.write("tree/deep/new.mp4", b"x");
    watched.until(|what| *what == file("tree/deep/new.mp4", Hint::CloseWrite));
}

/// Folders and files made faster than anybody can set a watch: the file itself may go untold, but a folder
/// that holds it is told after it can be seen.
#[test]
fn nothing_is_lost_in_a_folder_that_is_written_to_at_once() {
    let mut watched = Watched::over(Yard::new());
    for round in 0..50 {
        let path = format!("{round}/b/c/clip.mp4");
        watched.yard.write(&path, b"x");
        let (root, wanted) = (watched.yard.root(), raw(&path));
        watched.until(|what| match what {
            What::File(changed) => changed.path == wanted && changed.hint == Hint::CloseWrite,
            What::Folder(folder) => holds(&root, folder, &wanted),
            _ => false,
        });
    }
}

fn holds(root: &sealdock::inbox::Root, folder: &RawName, wanted: &RawName) -> bool {
    let mut found = false;
    let walked = walk_beneath(root, folder, &mut |seen| {
        found |= seen.path == *wanted;
        std::ops::ControlFlow::Continue(())
    });
    walked.expect("walked");
    found
}

#[test]
fn links_and_our_own_folders_are_not_watched() {
    let yard = Yard::new();
    symlink(&yard.outside, yard.inbox.join("before")).expect("linked");
    fs::create_dir(yard.inbox.join(".receipts")).expect("made");
    let mut watched = Watched::over(yard);
    symlink(&watched.yard.outside, watched.yard.inbox.join("after")).expect("linked");
    let told = watched.next();
    assert!(matches!(&told, What::File(changed) if changed.path == raw("after")), "{told:?}");
    fs::write(watched.yard.outside.join("outside.mp4"), b"x").expect("written");
    fs::write(watched.yard.inbox.join(".receipts/1.json"), b"{}").expect("written");
    watched.yard.write("inside.mp4", b"x");
    let told = watched.until(|what| *what == file("inside.mp4", Hint::CloseWrite));
    assert_eq!(told, [file("inside.mp4", Hint::Writing), file("inside.mp4", Hint::CloseWrite)]);
}

#[test]
fn a_flood_that_nobody_reads_ends_in_a_rescan() {
    let mut watched = Watched::over(Yard::new());
    for number in 0..3_000 {
        watched.yard.write(&format!("{number}.mp4"), b"");
    }
    watched.until(|what| *what == What::Rescan);
}

#[test]
fn a_folder_that_comes_back_is_watched_again() {
    let mut watched = Watched::over(Yard::new());
    let (inbox, away) = (watched.yard.inbox.clone(), watched.yard.outside.join("away"));
    fs::rename(&inbox, &away).expect("moved");
    watched.watcher.refresh(0).expect_err("it is not there");
    fs::create_dir(&inbox).expect("made");
    watched.watcher.refresh(0).expect("it is there again");
    watched.yard.write("a.mp4", b"x");
    watched.until(|what| *what == file("a.mp4", Hint::CloseWrite));
}

#[test]
fn the_thread_ends_with_the_watcher() {
    let Watched { watcher, mut woken, runtime, .. } = Watched::over(Yard::new());
    drop(watcher);
    assert_eq!(runtime.block_on(woken.recv()), None);
}
