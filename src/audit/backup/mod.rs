//! Backups: made while the archive works, checked alone, and filled into a home again. `FORMAT.md` one folder up
//! says every byte.
//!
//! Takes what it needs as arguments; deliberately knows nothing of settings, timers or people. Promises that a
//! backup that was cut short spoils none before it (P1), that nothing in it opens evidence or signs by itself
//! (P5), that a check says what it did not look at (P10), and that bytes that are not what was written come back
//! nowhere (P3). Called by `api`, and by `daemon`, which restores and keeps the time.

mod checking;
mod comparing;
mod copying;
mod error;
mod filling;
mod folder;
mod making;
mod manifest;
mod walk;

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

pub use checking::{Checked, Fault, InBackup, check};
pub use comparing::{
    CameBack, Comparison, Lost, Shelves, Source, compare, highest_epoch, put_back_missing,
};
pub use error::Error;
pub use filling::{Filled, Filling, MARK as RESTORING_MARK, is_unfinished};
pub use folder::State;
pub use making::{Made, Tell, Wanted};
pub use manifest::{ItemsListed, Manifest, Missing, StateNumber};

use serde::{Deserialize, Serialize};

use super::Audit;
use crate::catalog::Catalog;
use crate::evidence::Evidence;
use crate::keys::Keyring;
use crate::model::Moment;
use crate::sys::{Clock, Disk, Entropy};

/// The format text.
pub const FORMAT: &str = include_str!("../FORMAT.md");

/// What goes into a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Ledger, settings, policy and keys.
    Books,
    /// And every sealed file and key file.
    Items,
}

/// A file that a state holds besides keys and lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its name.
    pub name: &'static str,
    /// What it says.
    pub bytes: Vec<u8>,
}

/// Reads the documents as they are now.
pub type Documents = Box<dyn Fn() -> std::io::Result<Vec<Document>> + Send + Sync>;

/// The folders that a backup must lie apart from.
pub type Apart = Box<dyn Fn() -> Vec<PathBuf> + Send + Sync>;

/// What backups are made of.
pub struct Parts {
    /// Where damage is entered.
    pub audit: Audit,
    /// Where sealed files are.
    pub evidence: Evidence,
    /// The ledger.
    pub catalog: Catalog,
    /// The keys.
    pub keyring: Arc<Keyring>,
    /// The disk.
    pub disk: Disk,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where randomness comes from.
    pub entropy: Arc<dyn Entropy>,
    /// Settings, policy, formats.
    pub documents: Documents,
    /// Home, inboxes, places of the vault and of receipts.
    pub apart: Apart,
    /// The name of the policy in force.
    pub profile: String,
}

/// Makes backups of one archive, one at a time.
#[derive(Clone)]
pub struct Backups(Arc<Shared>);

struct Shared {
    parts: Parts,
    turn: Mutex<()>,
    stop: AtomicBool,
    standing: Mutex<Standing>,
}

/// How the backups that are made by themselves stand.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// Where they go; nothing where none are made.
    pub plan: Option<Plan>,
    /// When the last one that came through was made.
    pub last: Option<Moment>,
    /// What keeps the newest one from coming through; nothing while all is well.
    pub trouble: Option<Trouble>,
}

/// The backup that is made by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What and where.
    pub wanted: Wanted,
    /// How often.
    pub every: std::time::Duration,
}

/// A backup that did not come through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// When it was last tried.
    pub at: Moment,
    /// Tries in a row.
    pub attempts: u32,
    /// What stood in the way.
    pub what: String,
}

impl Backups {
    /// Joins the parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(Shared {
            parts,
            turn: Mutex::default(),
            stop: AtomicBool::new(false),
            standing: Mutex::default(),
        }))
    }

    /// Says which backup is made by itself; the folder is asked for the newest one.
    pub fn plan(&self, plan: Option<Plan>) {
        let last = plan.as_ref().and_then(|plan| Self::newest_in(&plan.wanted.folder));
        *self.standing_now() = Standing { plan, last, trouble: None };
    }

    /// How the backups that are made by themselves stand.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.standing_now().clone()
    }

    /// Makes the backup that is planned, and remembers how it went. Nothing where none is planned.
    ///
    /// # Errors
    /// As [`Backups::make`].
    pub fn make_planned(&self) -> Result<Option<Made>, Error> {
        let Some(plan) = self.standing().plan else { return Ok(None) };
        let made = self.make(&plan.wanted, &mut |_| std::ops::ControlFlow::Continue(()));
        let at = self.0.parts.clock.now();
        let mut standing = self.standing_now();
        match &made {
            Ok(made) => {
                standing.last = Some(made.made);
                standing.trouble = None;
            }
            // Neither stopping nor a person's own backup is trouble.
            Err(Error::Stopped | Error::Busy) => {}
            Err(error) => {
                let attempts = standing.trouble.as_ref().map_or(0, |trouble| trouble.attempts) + 1;
                standing.trouble = Some(Trouble { at, attempts, what: crate::model::chain(error) });
            }
        }
        made.map(Some)
    }
}
