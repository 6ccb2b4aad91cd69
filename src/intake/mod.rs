//! A sighting becomes settled, an attempt, a commit, a receipt, and perhaps a release.
//!
//! Takes what it needs as arguments and is wired by `daemon`; deliberately knows nothing of people,
//! requests or pages. Promises: no byte is lost (P1), a receipt only for what was read back and
//! committed (P2), one bad file or inbox never stops another (P4), no opening key is needed (P5),
//! absence means nothing (P12). Called by `daemon` (inboxes) and `api` (`deposit`).

mod attempt;
mod claims;
mod deposit;
mod desk;
mod fate;
mod hands;
mod pause;
mod probing;
mod receipts;
mod recover;
mod release;
mod rota;
mod scan;
mod status;
mod watch;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use crate::catalog::Catalog;
use crate::evidence::{Chair, Evidence};
use crate::inbox::{Refusal, Retry, Root};
use crate::model::{
    DepositId, DockName, Domain, ItemId, LedgerIndex, Protection, RawName, Reason, Sha256, State,
};
use crate::probe::{Prober, Starting};
use crate::rules::naming::Naming;
use crate::sys::{Clock, Disk};

pub use deposit::{HandDeposit, Named};
pub use pause::Intakes;
pub use recover::Recovery;
pub use rota::Share;
pub use status::{InboxStatus, OpenFile, Watched};
pub use watch::Watch;

/// What the room is made of.
pub struct Parts {
    /// Seals.
    pub evidence: Evidence,
    /// Remembers.
    pub catalog: Catalog,
    /// How the parser of media is started, when it is first needed. Where that fails, it is a fact about each
    /// clip.
    pub prober: Starting,
    /// Reads names.
    pub naming: Naming,
    /// Custodian keys, where unlocked.
    pub chair: Arc<Chair>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// The disk that receipts are written to.
    pub disk: Disk,
    /// Receipts of `deposit`, and of inboxes that cannot be written to.
    pub receipts: PathBuf,
    /// What files deposited by hand arrive with, where their dock has no inbox.
    pub by_hand: Classes,
    /// What bounds the work.
    pub bounds: Bounds,
}

/// What files arrive with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classes {
    /// Protections.
    pub protections: Vec<Protection>,
    /// The key domains that belong to them.
    pub domains: Vec<Domain>,
}

/// What bounds intake as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Files sealed at once; several small ones count as one.
    pub files_at_once: usize,
    /// Files in the parser at once.
    pub probes_at_once: usize,
    /// What one inbox may have in hand.
    pub share: Share,
    /// Free bytes below which intake pauses, and the part of the disk it never exceeds (a twentieth).
    pub space_floor: u64,
    /// Time between full passes where the file system tells events.
    pub rescan: Duration,
    /// And where it does not.
    pub poll: Duration,
}

/// One inbox, as it is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxPlan {
    /// Who fills it.
    pub dock: DockName,
    /// The folder.
    pub path: PathBuf,
    /// How long a file must rest.
    pub quiet: Duration,
    /// When a source leaves after its receipt; `None` for never.
    pub release: Option<Duration>,
    /// Larger files are left where they are.
    pub max_file: u64,
    /// What its files arrive with.
    pub classes: Classes,
    /// Where its receipts go, if not into the inbox.
    pub receipts: Option<PathBuf>,
}

/// Where a file comes in, and what holds for everything that comes in there. Made for one pass or one
/// attempt: an open root pins its mount.
pub(crate) struct Door {
    root: Root,
    rules: DoorRules,
}

/// What holds for everything that comes in by one door.
#[derive(Debug, Clone, PartialEq, Eq)]
struct DoorRules {
    dock: DockName,
    classes: Classes,
    max_file: u64,
    types: Types,
}

/// Which types of file are taken without a remark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Types {
    /// Those that policy expects of a dock; others wait for a person.
    Expected,
    /// All: a person named the file.
    Any,
}

impl InboxPlan {
    fn rules(&self) -> DoorRules {
        DoorRules {
            dock: self.dock.clone(),
            classes: self.classes.clone(),
            max_file: self.max_file,
            types: Types::Expected,
        }
    }

    fn door(&self) -> Result<Door, crate::inbox::Error> {
        Ok(Door { root: Root::open(self.dock.clone(), &self.path)?, rules: self.rules() })
    }
}

/// Takes evidence in.
#[derive(Clone)]
pub struct Intake(Arc<Shared>);

struct Shared {
    parts: Parts,
    stop: AtomicBool,
    pause: pause::Pause,
    reserved: pause::Reservations,
    /// Bytes of a dock that are being committed or compared: two arrivals at once are one item.
    in_flight: claims::InFlight<(DockName, Sha256)>,
    delivering: claims::InFlight<DepositId>,
    unrecorded: Mutex<Vec<attempt::Unrecorded>>,
    /// Whether entries stand in the ledger that the catalog may not have seen.
    unseen: Mutex<bool>,
    unentered: Mutex<HashMap<ItemId, probing::Unentered>>,
    inboxes: RwLock<Vec<InboxPlan>>,
    watched: RwLock<Option<Arc<Vec<Arc<scan::Station>>>>>,
    prober: tokio::sync::OnceCell<Option<Prober>>,
    probes: tokio::sync::Notify,
    probing: tokio::sync::Mutex<()>,
    released_up_to: Mutex<Option<LedgerIndex>>,
    places_were_whole: AtomicBool,
}

/// What became of one file.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The path, as it was given or relative to its inbox.
    pub path: RawName,
    /// How it stands.
    pub state: State,
    /// Why.
    pub reasons: Vec<Reason>,
    /// Set for what is in the archive.
    pub taken: Option<Taken>,
}

/// A file that is in the archive.
#[derive(Debug, Clone)]
pub struct Taken {
    /// The item.
    pub item: ItemId,
    /// This arrival.
    pub deposit: DepositId,
    /// Plaintext length in bytes.
    pub size: u64,
    /// Plaintext fingerprint.
    pub sha256: Sha256,
    /// Fingerprint of the sealed file.
    pub sealed_sha256: Sha256,
    /// How many places hold it.
    pub copies: u32,
    /// The entry.
    pub ledger_index: LedgerIndex,
    /// Where its receipt lies; `None` while it could not be written.
    pub receipt: Option<PathBuf>,
}

impl Outcome {
    fn of(path: &RawName, state: State, reason: Reason) -> Self {
        Self { path: path.clone(), state, reasons: vec![reason], taken: None }
    }

    fn of_refusal(path: &RawName, refusal: &Refusal) -> Self {
        let state = match refusal.retry() {
            Retry::Later => State::Waiting,
            Retry::Never => State::Refused,
        };
        Self::of(path, state, refusal.reason)
    }

    fn waiting(path: &RawName, reason: Reason) -> Self {
        Self::of(path, State::Waiting, reason)
    }

    fn refused(path: &RawName, reason: Reason) -> Self {
        Self::of(path, State::Refused, reason)
    }
}

/// What stops intake as a whole.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The catalog cannot answer or record.
    #[error("the catalog failed")]
    Catalog(#[from] crate::catalog::Error),
    /// An item cannot be sealed or read.
    #[error("an item failed")]
    Evidence(#[from] crate::evidence::Error),
    /// An inbox cannot be watched.
    #[error("an inbox failed")]
    Inbox(#[from] crate::inbox::Error),
    /// A receipt is due for a deposit that nobody knows.
    #[error("there is no deposit {0}")]
    NoDeposit(DepositId),
    /// A receipt contradicts itself.
    #[error("a receipt cannot be written")]
    Receipt(#[from] crate::ledger::Error),
}

impl Intake {
    /// Joins the parts; nothing runs yet.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(Shared {
            parts,
            stop: AtomicBool::new(false),
            pause: pause::Pause::default(),
            reserved: pause::Reservations::default(),
            in_flight: claims::InFlight::default(),
            delivering: claims::InFlight::default(),
            unrecorded: Mutex::default(),
            unseen: Mutex::default(),
            unentered: Mutex::default(),
            inboxes: RwLock::default(),
            watched: RwLock::default(),
            prober: tokio::sync::OnceCell::new(),
            probes: tokio::sync::Notify::new(),
            probing: tokio::sync::Mutex::new(()),
            released_up_to: Mutex::default(),
            places_were_whole: AtomicBool::new(false),
        }))
    }

    /// Stops attempts at their next segment; each is abandoned whole.
    pub fn stop(&self) {
        self.0.stop.store(true, std::sync::atomic::Ordering::Relaxed);
        self.0.probes.notify_one();
    }

    fn stopping(&self) -> bool {
        self.0.stop.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// The inboxes, as they are set now.
    #[must_use]
    pub fn inboxes(&self) -> Vec<InboxPlan> {
        self.0.inboxes.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Says which inboxes there are, without watching them.
    pub fn set_inboxes(&self, plans: Vec<InboxPlan>) {
        *self.0.inboxes.write().unwrap_or_else(std::sync::PoisonError::into_inner) = plans;
    }

    fn inbox_of(&self, dock: &DockName) -> Option<InboxPlan> {
        self.inboxes().into_iter().find(|plan| plan.dock == *dock)
    }

    /// A clinic's footage is a clinic's footage, also where a person hands it in.
    fn classes_by_hand(&self, dock: &DockName) -> Classes {
        self.inbox_of(dock).map_or_else(|| self.parts().by_hand.clone(), |plan| plan.classes)
    }

    fn parts(&self) -> &Parts {
        &self.0.parts
    }
}
