//! Folders forced to the disk for many at once.
//!
//! Each of many threads names a file in the same folder and has to know that the name is durable. A sync covers
//! every name that was given before it began, so whoever comes while one is under way shares the next with all
//! who come meanwhile.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Which folder: device and inode.
pub(super) type Identity = (u64, u64);

/// The syncs of all folders. A folder is known only while somebody waits for it.
#[derive(Debug, Default)]
pub(super) struct Together {
    folders: Mutex<HashMap<Identity, Folder>>,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct Folder {
    asking: usize,
    is_syncing: bool,
    next: Arc<Round>,
}

/// One sync and what it gave.
#[derive(Debug, Default)]
struct Round(Mutex<Option<Result<(), Fault>>>);

/// An error for each of many.
#[derive(Debug, Clone)]
struct Fault {
    code: Option<i32>,
    kind: io::ErrorKind,
    text: String,
}

impl Together {
    /// Returns when a sync ended that began after this call, with what it gave. `sync` is done by one of those
    /// who share it.
    ///
    /// # Errors
    /// As `sync`, for all who share it.
    pub(super) fn sync(&self, which: Identity, sync: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let mut folders = self.folders();
        let folder = folders.entry(which).or_default();
        folder.asking += 1;
        let mine = folder.next.clone();
        loop {
            if let Some(outcome) = mine.outcome() {
                leave(&mut folders, which);
                return outcome.map_err(Fault::into_error);
            }
            let folder = folders.get_mut(&which).expect("it is known while somebody asks");
            if !folder.is_syncing {
                folder.is_syncing = true;
                // Whoever asks from here on needs another one.
                folder.next = Arc::default();
                break;
            }
            folders = self.ended.wait(folders).unwrap_or_else(PoisonError::into_inner);
        }
        drop(folders);
        let mut leading = Leading { all: self, which, round: &mine, outcome: Err(Fault::broken_off()) };
        let outcome = sync();
        leading.outcome = outcome.as_ref().copied().map_err(Fault::of);
        outcome
    }

    fn folders(&self) -> MutexGuard<'_, HashMap<Identity, Folder>> {
        self.folders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn leave(folders: &mut HashMap<Identity, Folder>, which: Identity) {
    if let Some(folder) = folders.get_mut(&which) {
        folder.asking -= 1;
        if folder.asking == 0 {
            folders.remove(&which);
        }
    }
}

impl Round {
    fn outcome(&self) -> Option<Result<(), Fault>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The one who syncs. However that ends, be it by a panic, the others are told.
struct Leading<'a> {
    all: &'a Together,
    which: Identity,
    round: &'a Round,
    outcome: Result<(), Fault>,
}

impl Drop for Leading<'_> {
    fn drop(&mut self) {
        let mut folders = self.all.folders();
        *self.round.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(self.outcome.clone());
        if let Some(folder) = folders.get_mut(&self.which) {
            folder.is_syncing = false;
        }
        leave(&mut folders, self.which);
        drop(folders);
        self.all.ended.notify_all();
    }
}

impl Fault {
    fn of(error: &io::Error) -> Self {
        Self { code: error.raw_os_error(), kind: error.kind(), text: error.to_string() }
    }

    fn broken_off() -> Self {
        Self { code: None, kind: io::ErrorKind::Other, text: "the sync of a folder broke off".to_owned() }
    }

    fn into_error(self) -> io::Error {
        self.code.map_or_else(|| io::Error::new(self.kind, self.text), io::Error::from_raw_os_error)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::channel;

    use super::*;

    const HERE: Identity = (1, 1);

    /// Waits until so many ask about a folder, the one who syncs among them.
    fn until_asked(all: &Together, by: usize) {
        while all.folders().get(&HERE).map_or(0, |folder| folder.asking) < by {
            std::thread::yield_now();
        }
    }

    /// One is held up in its sync while others come: they share one more, which begins after the first ended.
    fn shared(outcome: fn() -> io::Result<()>) -> (usize, Vec<io::Result<()>>) {
        let (all, syncs) = (Together::default(), AtomicUsize::new(0));
        let (go_on, held) = channel::<()>();
        let outcomes = std::thread::scope(|scope| {
            let first = scope.spawn(|| {
                all.sync(HERE, move || {
                    held.recv().map_err(io::Error::other)?;
                    Ok(())
                })
            });
            until_asked(&all, 1);
            let others: Vec<_> = (0..5)
                .map(|_| {
                    scope.spawn(|| {
                        all.sync(HERE, || {
                            syncs.fetch_add(1, Ordering::SeqCst);
                            outcome()
                        })
                    })
                })
                .collect();
            until_asked(&all, 6);
            go_on.send(()).expect("it waits");
            first.join().expect("no panic").expect("synced");
            others.into_iter().map(|other| other.join().expect("no panic")).collect()
        });
        assert!(all.folders().is_empty(), "nothing is kept of a folder that nobody asks about");
        (syncs.load(Ordering::SeqCst), outcomes)
    }

    #[test]
    fn whoever_comes_while_one_is_under_way_shares_the_next() {
        let (syncs, outcomes) = shared(|| Ok(()));
        assert_eq!((syncs, outcomes.len()), (1, 5));
        assert!(outcomes.iter().all(Result::is_ok));
    }

    #[test]
    fn a_failure_is_told_to_all_who_share_it_and_to_nobody_else() {
        let (_, outcomes) = shared(|| Err(io::Error::from_raw_os_error(5)));
        assert!(
            outcomes
                .iter()
                .all(|outcome| { outcome.as_ref().is_err_and(|error| error.raw_os_error() == Some(5)) })
        );
    }

    #[test]
    fn each_folder_has_its_own() {
        let all = Together::default();
        all.sync(HERE, || all.sync((1, 2), || Ok(()))).expect("neither waits for the other");
    }

    #[test]
    fn a_panic_holds_nobody_up() {
        let all = Together::default();
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            all.sync(HERE, || panic!("a test's own"))
        }));
        assert!(panicked.is_err());
        all.sync(HERE, || Ok(())).expect("the next goes on");
    }
}
