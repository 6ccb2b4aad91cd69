//! Making a catalog, opening one with the checks every start makes, and making it anew from the ledger.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rusqlite::Connection;

use super::books::Books;
use super::connect::{self, Readers};
use super::replaying::{Reached, applied, catch_up, check_whole, is_unborn};
use super::writer::{Job, Means, Reach, Standing, Writer, announce_commit};
use super::{Catalog, Error, HeadSigner, Recorded, books, place, work};
use crate::ledger::{Content, Contents, Head, SignedHead, Tree, Trust, origin};
use crate::model::{ArchiveId, Epoch, LedgerIndex};
use crate::sys::{Clock, Disk, Entropy};

/// Calls that may wait for the writer at once; further callers wait to ask.
const WAITING: usize = 256;

/// What a catalog is opened with.
#[derive(Clone)]
pub struct Opening {
    /// The archive's home; `ledger/`, `catalog/` and `keys/epoch` lie beneath it.
    pub home: PathBuf,
    /// Where durable steps go.
    pub disk: Disk,
    /// What time entries have.
    pub clock: Arc<dyn Clock>,
    /// Where salts come from.
    pub entropy: Arc<dyn Entropy>,
    /// Who signs heads.
    pub signer: Arc<dyn HeadSigner>,
    /// Whose ledger it is.
    pub archive: ArchiveId,
}

impl Opening {
    fn ledger(&self) -> PathBuf {
        self.home.join("ledger")
    }

    fn database(&self) -> PathBuf {
        self.home.join("catalog/catalog.db")
    }

    fn epoch_file(&self) -> PathBuf {
        self.home.join("keys/epoch")
    }

    fn means(&self) -> Means {
        Means {
            ledger: self.ledger(),
            database: self.database(),
            disk: self.disk.clone(),
            clock: Arc::clone(&self.clock),
            entropy: Arc::clone(&self.entropy),
            signer: Arc::clone(&self.signer),
            archive: self.archive,
            trust: Trust {
                archive: self.archive,
                heads: self.signer.accepted(),
                contents: Contents::Whole,
            },
        }
    }
}

impl Catalog {
    /// Begins a ledger with its first entry, `archive_made`, and a catalog.
    ///
    /// # Errors
    /// [`Error::AlreadyThere`] where a ledger file exists; [`Error::ForeignFileSystem`]; [`Error::Io`].
    pub fn create(opening: &Opening, first: Content) -> Result<Self, Error> {
        begin(opening, Epoch(1), first)
    }

    /// Opens the catalog of an archive after the checks of every start: a local file system, a known
    /// schema, the newest ledger file whole and its heads signed, the older files in place, no entry less
    /// than the catalog knows. Entries beyond the catalog are applied, so a catalog that is missing is made
    /// anew; what an interrupted write left after the last head is cut off.
    ///
    /// # Errors
    /// See [`Error`]; where [`Error::is_integrity`] says so, the ledger is not what it was.
    pub fn open(opening: &Opening) -> Result<Self, Error> {
        make_folders(opening)?;
        if books::list(&opening.ledger())?.is_empty() && !opening.database().exists() {
            return Err(Error::NoLedger { path: opening.ledger() });
        }
        let means = opening.means();
        let db = open_database(opening)?;
        let reached = catch_up(&means.sources(), &db)?;
        agree_on_epoch(opening, reached.epoch)?;
        let books = Books::open(&means.ledger, &means.disk, reached.end)?;
        Self::start(means, db, books, reached)
    }

    /// Throws the catalog away and makes it anew from the ledger (P11). Not before the ledger was read whole
    /// and found to hold all that the catalog knows: with the catalog would go what shows a rolled-back
    /// ledger.
    ///
    /// # Errors
    /// As [`Catalog::open`].
    pub fn rebuild(opening: &Opening) -> Result<Self, Error> {
        refuse_foreign(opening)?;
        if books::list(&opening.ledger())?.is_empty() {
            return Err(Error::NoLedger { path: opening.ledger() });
        }
        check_whole(&opening.means().sources(), known_entries(opening))?;
        remove_database(opening)?;
        Self::open(opening)
    }

    /// Begins a new epoch where the ledger is gone: `first` tells of it (`epoch_begun`, with the epoch from
    /// [`Catalog::next_epoch`]). The catalog of the lost ledger is thrown away.
    ///
    /// # Errors
    /// [`Error::AlreadyThere`] where a ledger file exists.
    pub fn begin_epoch(opening: &Opening, first: Content) -> Result<Self, Error> {
        let epoch = Self::next_epoch(opening)?;
        begin(opening, epoch, first)
    }

    /// The epoch that [`Catalog::begin_epoch`] would begin.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::WrongEpoch`] where the file holds no number.
    pub fn next_epoch(opening: &Opening) -> Result<Epoch, Error> {
        // A ledger that is begun anew comes after one that is gone, known or not: at least the second.
        Ok(read_epoch(opening)?.unwrap_or(Epoch(1)).next())
    }

    /// Opens a ledger that came back from a backup and raises its epoch: `first` tells of it (`epoch_begun`),
    /// given the head that the ledger goes on from. A catalog that lies here is thrown away. May be done again
    /// where it was cut short, as long as the ledger files are those of the backup.
    ///
    /// # Errors
    /// As [`Catalog::open`].
    pub fn go_on_in(
        opening: &Opening,
        epoch: Epoch,
        first: impl FnOnce(&SignedHead) -> Content,
    ) -> Result<Self, Error> {
        make_folders(opening)?;
        remove_database(opening)?;
        opening.disk.remove(&opening.epoch_file()).map_err(Error::io("remove", opening.epoch_file()))?;
        let catalog = Self::open(opening)?;
        write_epoch(opening, epoch)?;
        catalog.record(vec![first(&catalog.head())])?;
        Ok(catalog)
    }

    fn start(means: Means, db: Connection, books: Books, reached: Reached) -> Result<Self, Error> {
        let readers = connect::readers(&means.database)?;
        announce_commit(&means)?;
        let ended_cleanly = work::begin_run(&db)?;
        let reach = Reach { head: reached.head, epoch: reached.epoch, end: reached.end };
        let reach = Arc::new(Mutex::new(reach));
        let place = Place { ledger: means.ledger.clone(), trust: means.trust.clone() };
        let stopped = Arc::new(AtomicBool::new(false));
        let in_order = Arc::new(AtomicBool::new(ended_cleanly));
        let writer = Writer {
            means,
            db,
            books,
            tree: reached.tree,
            reach: Arc::clone(&reach),
            standing: Standing::Even,
            stopped: Arc::clone(&stopped),
            in_order: Arc::clone(&in_order),
        };
        let (jobs, waiting) = sync_channel(WAITING);
        let thread = std::thread::Builder::new()
            .name("catalog".to_owned())
            .spawn(move || writer.run(&waiting))
            .map_err(Error::io("start a thread for", &place.ledger))?;
        let desk = Desk { jobs: Some(jobs), thread: Some(thread) };
        let desk = Mutex::new(desk);
        Ok(Self(Arc::new(Inner { readers, reach, place, ended_cleanly, stopped, in_order, desk })))
    }
}

/// What the handles of one catalog share.
pub(super) struct Inner {
    pub(super) readers: Readers,
    pub(super) reach: Arc<Mutex<Reach>>,
    pub(super) place: Place,
    pub(super) ended_cleanly: bool,
    pub(super) stopped: Arc<AtomicBool>,
    pub(super) in_order: Arc<AtomicBool>,
    desk: Mutex<Desk>,
}

/// Where the ledger lies and whom its checks believe.
pub(super) struct Place {
    pub(super) ledger: PathBuf,
    pub(super) trust: Trust,
}

struct Desk {
    jobs: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Desk {
    /// Waits until all that was asked for is done.
    fn close(&mut self) {
        if let Some(jobs) = self.jobs.take() {
            // A writer that is gone has closed already.
            let _ = jobs.send(Job::Close);
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Inner {
    pub(super) fn ask(&self, job: Job) -> Result<(), Error> {
        let jobs = self.desk.lock().expect("nobody panics while holding it").jobs.clone();
        jobs.and_then(|jobs| jobs.send(job).ok()).ok_or_else(closed)
    }

    pub(super) fn close(&self) {
        self.desk.lock().expect("nobody panics while holding it").close();
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

pub(super) fn closed() -> Error {
    Error::Stopped { because: "it was closed".to_owned() }
}

fn begin(opening: &Opening, epoch: Epoch, first: Content) -> Result<Catalog, Error> {
    make_folders(opening)?;
    let means = opening.means();
    let files = books::list(&means.ledger)?;
    if !files.is_empty() {
        if !is_unborn(&means.sources(), &files)? {
            return Err(Error::AlreadyThere { path: means.ledger });
        }
        books::remove_unborn(&means.ledger, &means.disk)?;
    }
    remove_database(opening)?;
    // Before the ledger: an epoch that was begun is never begun again.
    write_epoch(opening, epoch)?;
    let db = open_database(opening)?;
    let books = Books::begin(&means.ledger, &means.disk)?;
    let catalog = Catalog::start(means, db, books, nothing_yet(opening, epoch))?;
    let _: Recorded = catalog.record(vec![first])?;
    Ok(catalog)
}

/// Where a ledger stands before its first entry. The head is signed but never written: nothing was said yet.
fn nothing_yet(opening: &Opening, epoch: Epoch) -> Reached {
    let tree = Tree::new();
    let head = Head::of(origin(opening.archive, epoch), &tree);
    let signer = &opening.signer;
    let head = SignedHead::sign(head, &signer.public(), &|message| signer.sign(message));
    Reached { tree, epoch, head, end: (LedgerIndex(0), 0) }
}

fn make_folders(opening: &Opening) -> Result<(), Error> {
    refuse_foreign(opening)?;
    for folder in [opening.ledger(), opening.home.join("catalog"), opening.home.join("keys")] {
        opening.disk.make_folder(&folder, 0o700).map_err(Error::io("make the folder", &folder))?;
        place::refuse_foreign(&folder)?;
    }
    Ok(())
}

fn refuse_foreign(opening: &Opening) -> Result<(), Error> {
    place::refuse_foreign(&opening.home)
}

/// SQLite gives its side files the mode of the database, so that is made first.
fn open_database(opening: &Opening) -> Result<Connection, Error> {
    let path = opening.database();
    if !path.exists() {
        opening.disk.create_new(&path, 0o600).map_err(Error::io("create", &path))?;
        sync_parent(opening, &path)?;
    }
    connect::writer(&path)
}

/// How many entries the catalog has; none where it is missing or cannot be read, which is what it is made
/// anew for.
fn known_entries(opening: &Opening) -> u64 {
    let path = opening.database();
    if !path.exists() {
        return 0;
    }
    connect::writer(&path).and_then(|db| applied(&db)).unwrap_or(0)
}

fn remove_database(opening: &Opening) -> Result<(), Error> {
    let path = opening.database();
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let mut name = path.clone().into_os_string();
        name.push(suffix);
        let path = PathBuf::from(name);
        opening.disk.remove(&path).map_err(Error::io("remove", &path))?;
    }
    sync_parent(opening, &path)
}

fn sync_parent(opening: &Opening, path: &Path) -> Result<(), Error> {
    let folder = path.parent().expect("a file in the home");
    if !folder.is_dir() {
        return Ok(());
    }
    opening.disk.sync_folder(folder).map_err(Error::io("sync", folder))
}

fn read_epoch(opening: &Opening) -> Result<Option<Epoch>, Error> {
    let path = opening.epoch_file();
    let text = match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        read => read.map_err(Error::io("read", &path))?,
    };
    match text.trim().parse() {
        Ok(number) => Ok(Some(Epoch(number))),
        Err(_) => {
            Err(Error::WrongEpoch { ledger: "unknown".to_owned(), keys: text.trim().to_owned(), path })
        }
    }
}

fn write_epoch(opening: &Opening, epoch: Epoch) -> Result<(), Error> {
    let path = opening.epoch_file();
    opening
        .disk
        .write_over(&path, format!("{epoch}\n").as_bytes(), 0o600)
        .map_err(Error::io("write", &path))
}

/// The epoch beside the keys outlives a lost ledger, and shows when an older one was put back.
fn agree_on_epoch(opening: &Opening, ledger: Epoch) -> Result<(), Error> {
    match read_epoch(opening)? {
        Some(keys) if keys == ledger => Ok(()),
        None => write_epoch(opening, ledger),
        Some(keys) => Err(Error::WrongEpoch {
            ledger: ledger.to_string(),
            keys: keys.to_string(),
            path: opening.epoch_file(),
        }),
    }
}
