//! Verification with three answers: pass, fail, not checked.
//!
//! Reads every byte it speaks of, from the disk, and says how many it read (P10). Damage is an entry, once.
//! Knows nothing of who asks. Called by `api`, and by `daemon` to work off what no custodian has opened yet.

mod prove;
mod verify;

use std::sync::Arc;

use crate::catalog::Catalog;
use crate::evidence::{Chair, Evidence};
use crate::ledger::Content;
use crate::model::{Act, Actor, DamageFound, ItemId};

pub use prove::Proved;
pub use verify::{Failure, Mode, Progress, Report, Verdict, Which};

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

impl Audit {
    /// Damage becomes an entry, once.
    fn enter_damage(&self, item: ItemId, code: &str) -> Result<(), Error> {
        if self.catalog.is_damage_known(item, code)? {
            return Ok(());
        }
        let act = Act::DamageFound(DamageFound { item, code: code.to_owned() });
        self.catalog.record(vec![Content { who: Actor::Node, why: None, act }])?;
        Ok(())
    }
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
