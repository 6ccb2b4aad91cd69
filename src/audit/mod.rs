//! Verification with three answers (pass, fail, not checked), and the upkeep of copies.
//!
//! Reads every byte it speaks of, from the disk, and says how many it read (P10). Damage is an entry, once, and so is
//! its repair (P6); what is replaced by a good copy is set aside, never removed (P3). Knows nothing of who asks.
//! Called by `api`, and by `daemon` for what goes on in the background.

pub mod backup;
mod prove;
mod rounds;
mod upkeep;
mod verify;

use std::sync::Arc;

use crate::catalog::Catalog;
use crate::evidence::{Chair, Evidence};
use crate::ledger::Content;
use crate::model::{Act, Actor, ItemId};

pub use prove::Proved;
pub use rounds::Scrub;
pub use upkeep::Upkeep;
pub use verify::{Copies, Failure, Mode, PlaceReport, Progress, Report, Verdict, Which};

/// Checks what the archive holds.
#[derive(Clone)]
pub struct Audit {
    evidence: Evidence,
    catalog: Catalog,
    chair: Arc<Chair>,
}

impl Audit {
    /// Joins the parts.
    #[must_use]
    pub fn new(evidence: Evidence, catalog: Catalog, chair: Arc<Chair>) -> Self {
        Self { evidence, catalog, chair }
    }
}

/// What the archive does by itself.
fn by_node(act: Act) -> Content {
    Content { who: Actor::Node, why: None, act }
}

/// Why a check could not be made at all.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such item.
    #[error("there is no item {0}")]
    Unknown(ItemId),
    /// The catalog failed.
    #[error("the catalog failed")]
    Catalog(#[from] crate::catalog::Error),
    /// Something other than damage kept an item from being read.
    #[error("an item could not be checked")]
    Evidence(#[from] crate::evidence::Error),
}
