//! The one thread that writes. Whatever waits is done together: the entries of all waiting deeds and one
//! signed head go to the ledger with one `fsync`, the view follows in one transaction, and then all are
//! answered.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::apply::{apply, apply_head, apply_length};
use super::books::{Books, Unwritten};
use super::replaying::{Reached, Sources, catch_up};
use super::work::end_cleanly;
use super::{Error, HeadSigner, MAX_DEEDS};
use crate::ledger::{Content, Entry, Head, SignedHead, Tree, Trust, origin};
use crate::model::{Act, ArchiveId, Epoch, LedgerIndex, Moment, chain};
use crate::sys::{Clock, Disk, Entropy, Step};

/// Deeds done together at most, one call's more or less: bounds memory and the wait of the first.
const GROUP: usize = MAX_DEEDS;

/// How long a job that nobody waits for stays before it is worth a commit of its own.
const LINGER: Duration = Duration::from_millis(50);

/// What recording gave.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// The places of the entries, in the order of the deeds.
    pub entries: Vec<LedgerIndex>,
    /// The signed head over them, and over what was recorded together with them.
    pub head: SignedHead,
    /// When they were entered.
    pub at: Moment,
}

/// A change of working tables.
pub(super) type Deed = Box<dyn Fn(&Connection) -> Result<(), Error> + Send>;

/// What the writer is asked for.
pub(super) enum Job {
    Record {
        contents: Vec<Content>,
        answer: SyncSender<Result<Recorded, Error>>,
    },
    /// Nobody waits for it, and it may be lost.
    Sometime(Deed),
    Close,
}

/// What all may read without asking the writer.
#[derive(Debug, Clone)]
pub(super) struct Reach {
    pub(super) head: SignedHead,
    pub(super) epoch: Epoch,
    /// The newest ledger file and its length.
    pub(super) end: (LedgerIndex, u64),
}

/// What the writer draws on; given once.
pub(super) struct Means {
    pub(super) ledger: PathBuf,
    pub(super) database: PathBuf,
    pub(super) disk: Disk,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) signer: Arc<dyn HeadSigner>,
    pub(super) archive: ArchiveId,
    pub(super) trust: Trust,
}

impl Means {
    pub(super) fn sources(&self) -> Sources<'_> {
        Sources { folder: &self.ledger, database: &self.database, disk: &self.disk, trust: &self.trust }
    }
}

pub(super) struct Writer {
    pub(super) means: Means,
    pub(super) db: Connection,
    pub(super) books: Books,
    pub(super) tree: Tree,
    pub(super) reach: Arc<Mutex<Reach>>,
    pub(super) standing: Standing,
    /// Told to the handles: see [`Catalog::has_stopped`](super::Catalog::has_stopped).
    pub(super) stopped: Arc<AtomicBool>,
    /// Told by the handles: see [`Catalog::all_in_order`](super::Catalog::all_in_order).
    pub(super) in_order: Arc<AtomicBool>,
}

/// Whether the writer can go on.
pub(super) enum Standing {
    /// The view has every entry.
    Even,
    /// A commit failed after its entries were durable; the view must catch up first.
    Behind,
    /// The end of the ledger file is in doubt.
    Stopped(String),
}

impl Writer {
    /// Works until it is closed or nobody can ask any more.
    pub(super) fn run(mut self, jobs: &Receiver<Job>) {
        let mut open = true;
        while open && let Ok(first) = jobs.recv() {
            let (group, closed) = gather(first, jobs);
            open = !closed;
            self.settle(group);
            if let Standing::Stopped(_) = self.standing {
                self.stopped.store(true, Ordering::Relaxed);
            }
        }
        if matches!(self.standing, Standing::Even) && self.in_order.load(Ordering::Relaxed) {
            // Where this fails, the next start looks more closely than it must: no harm.
            let _ = self.end_cleanly();
        }
    }

    fn end_cleanly(&self) -> Result<(), Error> {
        announce_commit(&self.means)?;
        end_cleanly(&self.db)
    }

    fn settle(&mut self, mut group: VecDeque<Job>) {
        if let Err(error) = self.be_even() {
            return refuse(group, error);
        }
        loop {
            match self.attempt(&group) {
                Ok(done) => return self.answer(group, done),
                Err(Failure::Of(place, error)) => {
                    // The others are tried again without it.
                    if let Some(job) = group.remove(place) {
                        job.refuse(error);
                    }
                }
                Err(Failure::All(error)) => return refuse(group, error),
            }
        }
    }

    fn be_even(&mut self) -> Result<(), Error> {
        match &self.standing {
            Standing::Even => Ok(()),
            Standing::Behind => self.recover(),
            Standing::Stopped(because) => Err(Error::Stopped { because: because.clone() }),
        }
    }

    fn recover(&mut self) -> Result<(), Error> {
        let Reached { tree, epoch, head, end } = catch_up(&self.means.sources(), &self.db)?;
        self.tree = tree;
        self.standing = Standing::Even;
        self.publish(Reach { head, epoch, end });
        Ok(())
    }

    fn publish(&self, reach: Reach) {
        *self.reach.lock().expect("nobody panics while holding it") = reach;
    }

    /// Does all jobs of a group, or none of them.
    fn attempt(&mut self, group: &VecDeque<Job>) -> Result<Done, Failure> {
        let Written { done, outcome } = self.write(group)?;
        match outcome {
            Outcome::NothingNew => {}
            Outcome::Applied(reach) => self.publish(*reach),
            Outcome::Refused(error) => self.follow(error).map_err(Failure::All)?,
        }
        Ok(done)
    }

    fn write(&mut self, group: &VecDeque<Job>) -> Result<Written, Failure> {
        let epoch = self.reach.lock().expect("nobody panics while holding it").epoch;
        self.books.make_room(LedgerIndex(self.tree.size())).map_err(Failure::All)?;
        let end = self.books.end();
        let tx = begin(&mut self.db).map_err(Failure::All)?;
        let mut batch = Batch::new(&self.means, tx, (self.tree.clone(), epoch));
        batch.begin(end).map_err(Failure::All)?;
        for (place, job) in group.iter().enumerate() {
            batch.take(job).map_err(|error| Failure::Of(place, error))?;
        }
        let reach = batch.seal(end).map_err(Failure::All)?;
        let Batch { tx, tree, lines, recorded, .. } = batch;
        let done = Done { recorded };
        let Some(reach) = reach else {
            commit(&self.means, tx).map_err(Failure::All)?;
            return Ok(Written { done, outcome: Outcome::NothingNew });
        };
        // P6: durable before anybody hears of it.
        append(&mut self.books, &lines, &mut self.standing)?;
        self.tree = tree;
        let outcome = match commit(&self.means, tx) {
            Ok(()) => Outcome::Applied(Box::new(reach)),
            Err(error) => Outcome::Refused(error),
        };
        Ok(Written { done, outcome })
    }

    /// The entries are durable but SQLite refused the commit: the view tries once more, from the ledger.
    fn follow(&mut self, refused: Error) -> Result<(), Error> {
        self.standing = Standing::Behind;
        self.recover().map_err(|_| Error::Unapplied(Box::new(refused)))
    }

    fn answer(&self, group: VecDeque<Job>, done: Done) {
        let head = self.reach.lock().expect("nobody panics while holding it").head.clone();
        let mut recorded = done.recorded.into_iter();
        for job in group {
            match job {
                Job::Record { answer, .. } => {
                    let (entries, at) = recorded.next().expect("one for each");
                    // Who went away is not told.
                    let _ = answer.send(Ok(Recorded { entries, head: head.clone(), at }));
                }
                Job::Sometime(_) | Job::Close => {}
            }
        }
    }
}

/// What belongs together: the first job and whatever waits behind it. Whether the last word was to close.
fn gather(first: Job, jobs: &Receiver<Job>) -> (VecDeque<Job>, bool) {
    let patience = if matches!(first, Job::Sometime(_)) { LINGER } else { Duration::ZERO };
    let mut group = VecDeque::new();
    let mut weight = 0;
    let mut next = Some(first);
    while let Some(job) = next {
        if matches!(job, Job::Close) {
            return (group, true);
        }
        weight += job.weight();
        group.push_back(job);
        next = match group.len() {
            _ if weight >= GROUP => None,
            1 => jobs.recv_timeout(patience).ok(),
            _ => jobs.try_recv().ok(),
        };
    }
    (group, false)
}

fn refuse(group: VecDeque<Job>, error: Error) {
    let shared = Arc::new(error);
    for job in group {
        job.refuse(Error::Shared(Arc::clone(&shared)));
    }
}

impl Job {
    /// How many deeds it stands for.
    fn weight(&self) -> usize {
        match self {
            Self::Record { contents, .. } => contents.len().max(1),
            Self::Sometime(_) | Self::Close => 1,
        }
    }

    fn refuse(self, error: Error) {
        // Who went away is not told.
        match self {
            Self::Record { answer, .. } => drop(answer.send(Err(error))),
            Self::Sometime(_) | Self::Close => {}
        }
    }
}

fn append(books: &mut Books, lines: &str, standing: &mut Standing) -> Result<(), Failure> {
    books.append(lines.as_bytes()).map_err(|unwritten| {
        Failure::All(match unwritten {
            Unwritten::Undone(error) => error,
            Unwritten::InDoubt(error) => {
                *standing = Standing::Stopped(chain(&error));
                error
            }
        })
    })
}

fn begin(db: &mut Connection) -> Result<Transaction<'_>, Error> {
    db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(Error::database("begin"))
}

pub(super) fn announce_commit(means: &Means) -> Result<(), Error> {
    means.disk.step(Step::Commit(&means.database)).map_err(Error::io("commit", &means.database))
}

fn commit(means: &Means, tx: Transaction<'_>) -> Result<(), Error> {
    announce_commit(means)?;
    tx.commit().map_err(Error::database("commit"))
}

enum Failure {
    /// One job's own.
    Of(usize, Error),
    /// Everybody's.
    All(Error),
}

struct Done {
    /// For each `Job::Record`, in order.
    recorded: Vec<(Vec<LedgerIndex>, Moment)>,
}

struct Written {
    done: Done,
    outcome: Outcome,
}

enum Outcome {
    /// Working tables alone.
    NothingNew,
    /// Entries, in the ledger and in the view.
    Applied(Box<Reach>),
    /// Entries in the ledger; the view's commit failed.
    Refused(Error),
}

/// A group that is being made.
struct Batch<'a> {
    means: &'a Means,
    tx: Transaction<'a>,
    tree: Tree,
    /// The size of the head before this group.
    after: u64,
    lines: String,
    recorded: Vec<(Vec<LedgerIndex>, Moment)>,
    epoch: Epoch,
}

impl<'a> Batch<'a> {
    fn new(means: &'a Means, tx: Transaction<'a>, (tree, epoch): (Tree, Epoch)) -> Self {
        let after = tree.size();
        Self { means, tx, tree, after, lines: String::new(), recorded: Vec::new(), epoch }
    }

    /// A new file is noted before its first entry, with the epoch before it.
    fn begin(&self, (first, length): (LedgerIndex, u64)) -> Result<(), Error> {
        if length == 0 { apply_length(&self.tx, first, 0) } else { Ok(()) }
    }

    fn take(&mut self, job: &Job) -> Result<(), Error> {
        match job {
            Job::Record { contents, .. } => self.record(contents),
            Job::Sometime(deed) => deed(&self.tx),
            Job::Close => Ok(()),
        }
    }

    fn record(&mut self, contents: &[Content]) -> Result<(), Error> {
        let at = self.means.clock.now();
        let mut entries = Vec::with_capacity(contents.len());
        for content in contents {
            let index = LedgerIndex(self.tree.size());
            let salt = self.means.entropy.bytes();
            if let Act::EpochBegun(begun) = &content.act {
                self.epoch = begun.epoch;
            }
            let (entry, line) = Entry::written_down(index, at, salt, content.clone())?;
            let nodes = self.tree.append(entry.leaf());
            apply(&self.tx, &entry, &nodes)?;
            self.line(&line);
            entries.push(index);
        }
        self.recorded.push((entries, at));
        Ok(())
    }

    fn line(&mut self, line: &str) {
        self.lines.push_str(line);
        self.lines.push('\n');
    }

    /// Signs the tree, where there are new entries. The view is then complete but for its commit.
    fn seal(&mut self, (first, length): (LedgerIndex, u64)) -> Result<Option<Reach>, Error> {
        if self.lines.is_empty() {
            return Ok(None);
        }
        let head = Head::of(origin(self.means.archive, self.epoch), &self.tree);
        let signer = &self.means.signer;
        let head = SignedHead::sign(head, &signer.public(), &|message| signer.sign(message));
        self.line(&head.to_line(self.after));
        let length = length + u64::try_from(self.lines.len()).expect("fits");
        apply_head(&self.tx, &head)?;
        apply_length(&self.tx, first, length)?;
        Ok(Some(Reach { head, epoch: self.epoch, end: (first, length) }))
    }
}
