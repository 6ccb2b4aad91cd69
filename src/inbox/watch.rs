//! Events: they wake a folder sooner than the next rescan would, and are believed in nothing else.
//!
//! Folders are watched one by one, never by `notify`'s recursion, which follows a link that has the name of
//! a new folder. A watch may still land beside its folder when names are swapped just then; what it tells
//! is a name to look at, and looking happens beneath the root.
//!
//! Nothing here waits for a reader: a full channel owes its inbox a rescan, and pays when there is room.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use notify::event::{AccessKind, AccessMode, CreateKind, ModifyKind, RenameMode};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc as channel;

use super::error::Error;
use super::mode::Mode;
use super::root::Root;
use super::walk::{Step, descend, is_ours};
use crate::model::{DockName, RawName};
use crate::rules::settle::Hint;

/// Events that wait between the kernel and us; inotify's own queue holds 16384. More is a flood, and
/// a rescan is cheaper than reading on.
const EVENTS: usize = 8192;

/// Wakings that wait for intake.
const WAKINGS: usize = 1024;

/// How often a debt to a full channel is tried to be paid.
const TRY_AGAIN: Duration = Duration::from_millis(200);

/// Something happened in an inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Woken {
    /// Which one, counted as they were given to [`Watcher::start`].
    pub inbox: usize,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A file should be looked at.
    File(Changed),
    /// A folder came: walk it, with all that lies beneath it (relative to the inbox).
    Folder(RawName),
    /// Events were lost: call [`Watcher::refresh`], then walk the whole inbox.
    Rescan,
    /// New folders are no longer watched: poll from now on.
    Blind {
        /// Why, in words for a status line.
        because: String,
    },
}

/// A file that an event named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Relative to the inbox.
    pub path: RawName,
    /// What the event says about its being complete.
    pub hint: Hint,
}

/// How an inbox is watched after [`Watcher::refresh`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Watching {
    /// Every folder that is there now.
    Folders(usize),
    /// Not at all.
    Poll {
        /// Why.
        because: String,
    },
}

/// Watches inboxes, in a thread of its own, until it is dropped.
#[derive(Debug)]
pub struct Watcher {
    orders: SyncSender<Order>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

enum Order {
    Happened(notify::Event),
    Refresh {
        inbox: usize,
        answer: SyncSender<Result<Watching, Error>>,
    },
    /// Look at what was lost, and whether to stop.
    Wake,
}

impl Watcher {
    /// Starts the thread. Nothing is watched before [`Watcher::refresh`] is called for each inbox.
    ///
    /// # Errors
    /// [`Error::Watch`] where the system gives no events at all.
    pub fn start(inboxes: Vec<(DockName, PathBuf)>) -> Result<(Self, channel::Receiver<Woken>), Error> {
        let (orders, received) = sync_channel(EVENTS);
        let lost = Arc::new(AtomicBool::new(false));
        let handler = event_handler(orders.clone(), Arc::clone(&lost));
        let config = notify::Config::default().with_follow_symlinks(false);
        let system = RecommendedWatcher::new(handler, config).map_err(watch_error)?;
        let (wakings, woken) = channel::channel(WAKINGS);
        let stop = Arc::new(AtomicBool::new(false));
        let watch = Watch {
            inboxes: inboxes.into_iter().map(|(dock, given)| Inbox { dock, given, path: None }).collect(),
            system,
            outlet: Outlet { wakings, owed: BTreeSet::new() },
            lost,
            stop: Arc::clone(&stop),
        };
        let thread = std::thread::Builder::new()
            .name("inbox-watch".to_owned())
            .spawn(move || watch.run(&received))
            .map_err(|cause| watch_error(notify::Error::io(cause)))?;
        Ok((Self { orders, stop, thread: Some(thread) }, woken))
    }

    /// Sets a watch on every folder of an inbox. To be called before each full walk: what
    /// comes between the watch and the walk is then told by the one or seen by the other. Blocks while it
    /// lists the folders.
    ///
    /// # Errors
    /// As [`Root::open`]; [`Error::Watch`] where the system allows no more watches;
    /// [`Error::WatcherStopped`].
    pub fn refresh(&self, inbox: usize) -> Result<Watching, Error> {
        let (answer, answered) = sync_channel(1);
        self.orders.send(Order::Refresh { inbox, answer }).map_err(|_| Error::WatcherStopped)?;
        answered.recv().map_err(|_| Error::WatcherStopped)?
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        // What still waits in a storm of events is not worth waiting for.
        self.stop.store(true, Ordering::SeqCst);
        // Where there is no room, there are orders after which the flag is seen.
        let _ = self.orders.try_send(Order::Wake);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Runs on `notify`'s thread, so it must never wait, least of all for a thread that waits for `notify`.
fn event_handler(
    orders: SyncSender<Order>,
    lost: Arc<AtomicBool>,
) -> impl FnMut(notify::Result<notify::Event>) + Send + 'static {
    // The flag first: where there is no room for the order, there are orders after which it is seen.
    let lose = move |orders: &SyncSender<Order>| {
        lost.store(true, Ordering::SeqCst);
        let _ = orders.try_send(Order::Wake);
    };
    move |event| match event {
        Ok(event) if event.need_rescan() => lose(&orders),
        Ok(event) if tells_something(&event.kind) => {
            if orders.try_send(Order::Happened(event)).is_err() {
                lose(&orders);
            }
        }
        Ok(_) => {}
        Err(error) => {
            tracing::warn!(%error, "events of inboxes were lost");
            lose(&orders);
        }
    }
}

/// Reads, opens and single writes are left out: a copy of a gigabyte gives a hundred thousand of them.
fn tells_something(kind: &EventKind) -> bool {
    matches!(
        kind,
        EventKind::Access(AccessKind::Close(AccessMode::Write))
            | EventKind::Create(_)
            | EventKind::Modify(ModifyKind::Name(RenameMode::To))
    )
}

struct Watch {
    inboxes: Vec<Inbox>,
    system: RecommendedWatcher,
    outlet: Outlet,
    lost: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
}

struct Inbox {
    dock: DockName,
    given: PathBuf,
    /// Without links; known once it was there.
    path: Option<PathBuf>,
}

impl Watch {
    fn run(mut self, orders: &Receiver<Order>) {
        loop {
            let order = if self.outlet.owed.is_empty() {
                orders.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                orders.recv_timeout(TRY_AGAIN)
            };
            match order {
                Ok(Order::Happened(event)) => self.happened(&event),
                Ok(Order::Refresh { inbox, answer }) => {
                    // Whoever asked may have gone.
                    let _ = answer.send(self.refresh(inbox));
                }
                Err(RecvTimeoutError::Disconnected) => return,
                Ok(Order::Wake) | Err(RecvTimeoutError::Timeout) => {}
            }
            if self.stop.load(Ordering::SeqCst) {
                return;
            }
            if self.lost.swap(false, Ordering::SeqCst) {
                self.outlet.owed.extend(0..self.inboxes.len());
            }
            self.outlet.pay();
        }
    }

    fn refresh(&mut self, inbox: usize) -> Result<Watching, Error> {
        let found = self.inboxes.get_mut(inbox).ok_or(Error::NoSuchInbox { inbox })?;
        let root = Root::open(found.dock.clone(), &found.given)?;
        found.path = Some(root.path().to_owned());
        match root.mode() {
            Mode::Poll { because } => Ok(Watching::Poll { because }),
            Mode::Events => self.watch_beneath(&root, &RawName::new("")).map(Watching::Folders),
        }
    }

    /// Watches a folder and all beneath it; each is watched before it is listed. A folder that has a
    /// watch gets it again: a disk that was taken out and put back has lost its watches and looks the
    /// same.
    fn watch_beneath(&mut self, root: &Root, folder: &RawName) -> Result<usize, Error> {
        let (mut folders, mut outcome) = (0, Ok(()));
        descend(root, folder, &mut |step| {
            if let Step::Folder(path) = step {
                outcome = self.watch(&root.path().join(path.to_path()));
                folders += 1;
            }
            if self.stop.load(Ordering::SeqCst) {
                outcome = Err(Error::WatcherStopped);
            }
            if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        outcome.map(|()| folders)
    }

    fn watch(&mut self, folder: &Path) -> Result<(), Error> {
        match self.system.watch(folder, RecursiveMode::NonRecursive) {
            // Gone again already; whatever comes in its stead is told by its parent.
            Err(error) if is_gone(&error) => Ok(()),
            outcome => outcome.map_err(watch_error),
        }
    }

    fn happened(&mut self, event: &notify::Event) {
        let Some(path) = event.paths.first() else { return };
        match event.kind {
            EventKind::Create(CreateKind::Folder) => self.folder_came(path),
            EventKind::Create(_) => self.file_changed(path, Hint::Writing),
            EventKind::Modify(_) if is_folder(path) => self.folder_came(path),
            EventKind::Modify(_) => self.file_changed(path, Hint::RenamedIn),
            _ => self.file_changed(path, Hint::CloseWrite),
        }
    }

    fn file_changed(&mut self, path: &Path, hint: Hint) {
        if let Some((inbox, path)) = self.place(path) {
            self.outlet.send(inbox, What::File(Changed { path, hint }));
        }
    }

    fn folder_came(&mut self, path: &Path) {
        let Some((inbox, folder)) = self.place(path) else { return };
        let Inbox { dock, given, .. } = &self.inboxes[inbox];
        let watched = Root::open(dock.clone(), given).and_then(|root| self.watch_beneath(&root, &folder));
        // Told after it is watched, so that the walk is the second listing: what came between the first
        // and the watch is found by it.
        self.outlet.send(inbox, What::Folder(folder));
        if let Err(error) = watched {
            let because = because(&error);
            self.outlet.send(inbox, What::Blind { because });
        }
    }

    fn place(&self, path: &Path) -> Option<(usize, RawName)> {
        let found = self.inboxes.iter().enumerate().find_map(|(index, inbox)| {
            let beneath = path.strip_prefix(inbox.path.as_ref()?).ok()?;
            Some((index, RawName::from(beneath)))
        });
        found.filter(|(_, path)| !path.as_bytes().is_empty() && !is_ours(path))
    }
}

/// The way to intake, with what is owed to it.
struct Outlet {
    wakings: channel::Sender<Woken>,
    owed: BTreeSet<usize>,
}

impl Outlet {
    fn send(&mut self, inbox: usize, what: What) {
        if let Err(channel::error::TrySendError::Full(_)) = self.wakings.try_send(Woken { inbox, what }) {
            self.owed.insert(inbox);
        }
    }

    fn pay(&mut self) {
        while let Some(inbox) = self.owed.first().copied() {
            match self.wakings.try_send(Woken { inbox, what: What::Rescan }) {
                Err(channel::error::TrySendError::Full(_)) => return,
                // Paid, or nobody is there to be paid.
                Ok(()) | Err(channel::error::TrySendError::Closed(_)) => {
                    self.owed.remove(&inbox);
                }
            }
        }
    }
}

fn is_folder(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir())
}

fn is_gone(error: &notify::Error) -> bool {
    match &error.kind {
        notify::ErrorKind::PathNotFound => true,
        notify::ErrorKind::Io(cause) => {
            matches!(cause.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory)
        }
        _ => false,
    }
}

fn because(error: &Error) -> String {
    std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

fn watch_error(cause: notify::Error) -> Error {
    Error::Watch { cause: Box::new(cause) }
}

#[cfg(test)]
mod tests {
    use notify::event::Flag;

    use super::*;

    fn told(room: usize, event: notify::Result<notify::Event>) -> (bool, Vec<Order>) {
        let (orders, received) = sync_channel(room);
        let lost = Arc::new(AtomicBool::new(false));
        event_handler(orders, Arc::clone(&lost))(event);
        (lost.load(Ordering::SeqCst), received.try_iter().collect())
    }

    #[test]
    fn lost_events_wake_a_thread_that_sleeps() {
        let overflow = notify::Event::new(EventKind::Other).set_flag(Flag::Rescan);
        for event in [Ok(overflow), Err(notify::Error::generic("broken"))] {
            let (lost, orders) = told(1, event);
            assert!(lost && matches!(orders[..], [Order::Wake]));
        }
    }

    #[test]
    fn an_event_without_room_is_a_lost_one() {
        let event = || Ok(notify::Event::new(EventKind::Create(CreateKind::File)).add_path("a".into()));
        assert!(matches!(told(1, event()), (false, orders) if matches!(orders[..], [Order::Happened(_)])));
        assert!(matches!(told(0, event()), (true, orders) if orders.is_empty()));
    }

    #[test]
    fn reads_and_single_writes_are_not_told() {
        for kind in [
            EventKind::Access(AccessKind::Open(AccessMode::Any)),
            EventKind::Access(AccessKind::Close(AccessMode::Read)),
            EventKind::Modify(ModifyKind::Data(notify::event::DataChange::Any)),
            EventKind::Modify(ModifyKind::Name(RenameMode::From)),
        ] {
            let (lost, orders) = told(1, Ok(notify::Event::new(kind)));
            assert!(!lost && orders.is_empty());
        }
    }
}
