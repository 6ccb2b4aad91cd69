//! The backlog of items whose key file no custodian has opened yet.

use super::{Audit, Error};
use crate::evidence::{CopyState, Damage, Record};
use crate::model::{DamageFound, ItemId};

/// Key files opened in one go, a third of a millisecond each.
const BATCH: usize = 128;

/// How far the backlog was worked off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proved {
    /// Key files that opened.
    pub opened: usize,
    /// Go on behind this item; nothing where the end was reached, or no keys are at hand.
    pub next: Option<ItemId>,
}

impl Audit {
    /// Works off a part of the backlog, from behind an item, with the keys at hand.
    ///
    /// # Errors
    /// Where the catalog fails. A key file that does not open is damage: it becomes an entry, once, and stays
    /// unproven.
    pub fn prove_some(&self, after: Option<ItemId>) -> Result<Proved, Error> {
        let Some(custody) = self.chair.custody() else { return Ok(Proved { opened: 0, next: None }) };
        let batch = self.catalog.unproven(after, BATCH)?;
        let next = if batch.len() == BATCH { batch.last().map(|(item, _)| *item) } else { None };
        let mut opened = 0;
        for (item, _) in batch {
            let Some(row) = self.catalog.item(item)? else { continue };
            match self.evidence.prove_keys(&Record::from(&row), Some(&custody)) {
                Ok(()) => {
                    self.catalog.mark_proven(item, row.generation)?;
                    opened += 1;
                }
                Err(error) => {
                    tracing::error!(item.id = %item, %error, "this key file does not open");
                    if let Some(damage) = error.damage() {
                        self.enter_unproven(&Record::from(&row), damage)?;
                    }
                }
            }
        }
        Ok(Proved { opened, next })
    }

    /// What is wrong with a copy is entered for its place, and can be mended. A key file that is everywhere the one that
    /// was made, and opens nothing, is damage of the item.
    fn enter_unproven(&self, record: &Record, damage: Damage) -> Result<(), Error> {
        let copies = self.look_at_copies(record)?;
        if copies.iter().all(|copy| matches!(copy.state, CopyState::Whole { .. })) {
            let (item, code) = (record.item, damage.code().to_owned());
            self.catalog.damage_found(DamageFound { item, code, place: None }, record.generation)?;
        }
        Ok(())
    }
}
