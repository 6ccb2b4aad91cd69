//! Release: a source leaves its inbox after its receipt, one step at a time, and only where its dock's
//! settings say so and more than one place holds the item (P1).

use std::io::Read as _;
use std::sync::atomic::Ordering;

use sha2::{Digest as _, Sha256 as Hasher};

use super::attempt::content;
use super::{Error, InboxPlan, Intake};
use crate::catalog::{DepositRow, Origin, Release};
use crate::evidence::Record;
use crate::inbox::{self, Aside, Root, put_back, remove_aside, set_aside};
use crate::ledger::may_erase;
use crate::model::{Act, ItemId, LedgerIndex, Reason, Sha256, SourceReleased, chain};
use crate::vault::Standing;

/// Deposits looked at in one go.
const BATCH: usize = 256;

/// With fewer places than this nothing is released: one disk is one accident.
const ENOUGH_COPIES: u32 = 2;

/// What became of a source that waited aside.
enum Second {
    Removed,
    Kept,
    /// Neither: the shelf itself is not there, or we are stopping.
    Waits,
}

impl Intake {
    /// Takes every release that is due one step on.
    pub(super) fn release_what_may_go(&self) -> Result<(), Error> {
        if self.inboxes().iter().all(|plan| plan.release.is_none()) {
            return Ok(());
        }
        // Sources are what a restored archive may still lack: none goes before somebody has looked.
        if self.parts().catalog.unconfirmed_restore()?.is_some() {
            return Ok(());
        }
        self.look_back_once_whole();
        self.set_aside_all()?;
        self.remove_all()
    }

    /// Deposits of items that had too few copies were passed over; when the places are whole again, they may go.
    fn look_back_once_whole(&self) {
        let whole =
            self.parts().evidence.vault().standings().all(|(_, standing)| standing == Standing::Whole);
        let before = self.0.places_were_whole.swap(whole, Ordering::Relaxed);
        if whole && !before {
            *self.released_up_to() = None;
        }
    }

    fn set_aside_all(&self) -> Result<(), Error> {
        let mut after: Option<LedgerIndex> = *self.released_up_to();
        loop {
            let rows = self.parts().catalog.deposits_after(after, BATCH)?;
            let Some(last) = rows.last().map(|row| row.index) else { return Ok(()) };
            for row in rows {
                if self.is_undelivered(&row)? || self.stopping() {
                    return Ok(());
                }
                if let Some(plan) = self.may_leave(&row)?
                    && !self.is_damaged(row.item)?
                {
                    // Media are probed where they lie, without any key; so a source waits for that as well.
                    if self.parts().catalog.is_unprobed(row.item)? {
                        return Ok(());
                    }
                    self.first_step(&plan, &row)?;
                }
                *self.released_up_to() = Some(row.index);
            }
            after = Some(last);
        }
    }

    /// The receipt must lie where the dock finds it before its source moves.
    fn is_undelivered(&self, row: &DepositRow) -> Result<bool, Error> {
        let before = row.index.0.checked_sub(1).map(LedgerIndex);
        let due = self.parts().catalog.receipts_due(before, 1)?;
        Ok(due.iter().any(|(index, _)| *index == row.index))
    }

    fn may_leave(&self, row: &DepositRow) -> Result<Option<InboxPlan>, Error> {
        let source = &row.facts.source;
        let by_hand = source.path.is_absolute();
        let plan = self.inbox_of(&source.dock).filter(|plan| plan.release.is_some() && !by_hand);
        let allowed = may_erase(row.readback)
            && row.release == Release::InPlace
            && !row.facts.reasons.contains(&Reason::HardLink);
        let Some(plan) = plan.filter(|_| allowed) else { return Ok(None) };
        let enough = self.copies_of(row)? >= ENOUGH_COPIES && self.is_in_enough_places(row.item)?;
        Ok(enough.then_some(plan))
    }

    /// Whether enough places that are not away have it now: what lies on a disk that is gone may never come back.
    fn is_in_enough_places(&self, item: ItemId) -> Result<bool, Error> {
        let Some(row) = self.parts().catalog.item(item)? else { return Ok(false) };
        let (record, evidence) = (Record::from(&row), &self.parts().evidence);
        let there = evidence
            .vault()
            .standings()
            .filter(|(_, standing)| !matches!(standing, Standing::Away(_)))
            .filter(|(place, _)| evidence.lies_in(&record, place))
            .count();
        Ok(there >= ENOUGH_COPIES as usize)
    }

    /// As the receipt said, or more, where copies were made up since.
    fn copies_of(&self, row: &DepositRow) -> Result<u32, Error> {
        if row.copies >= ENOUGH_COPIES {
            return Ok(row.copies);
        }
        Ok(match self.parts().catalog.item(row.item)?.map(|item| item.origin) {
            Some(Origin::Original(original)) => original.copies,
            _ => row.copies,
        })
    }

    /// A source may be all that is left of an item that is not whole: it stays (P1).
    fn is_damaged(&self, item: ItemId) -> Result<bool, Error> {
        Ok(!self.parts().catalog.damage_of(item)?.is_empty())
    }

    fn first_step(&self, plan: &InboxPlan, row: &DepositRow) -> Result<(), Error> {
        let Ok(root) = Root::open(plan.dock.clone(), &plan.path) else { return Ok(()) };
        match set_aside(&root, &aside(row), &self.parts().disk) {
            Ok(()) => {
                let remove_after = plan.release.map(|span| self.parts().clock.now().plus(span));
                let step = "set_aside".to_owned();
                self.enter(SourceReleased { deposit: row.deposit(), step, remove_after })
            }
            Err(error) => {
                tracing::info!(deposit.id = %row.deposit(), error = %chain(&error), "a source stays where it is");
                Ok(())
            }
        }
    }

    fn remove_all(&self) -> Result<(), Error> {
        let now = self.parts().clock.now();
        let mut after = None;
        loop {
            let rows = self.parts().catalog.set_aside_after(after, BATCH)?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = Some(last.index);
            for row in &rows {
                let due = match row.release {
                    Release::SetAside { remove_after: Some(at) } => at <= now,
                    _ => false,
                };
                let stays = !due || self.stopping() || self.is_damaged(row.item)?;
                if !stays && self.is_in_enough_places(row.item)? {
                    self.second_step(row)?;
                }
            }
        }
    }

    /// Hashes the source once more where it waits; only the receipt's bytes are removed.
    fn second_step(&self, row: &DepositRow) -> Result<(), Error> {
        let Some(plan) = self.inbox_of(&row.facts.source.dock) else { return Ok(()) };
        let Ok(root) = Root::open(plan.dock, &plan.path) else { return Ok(()) };
        let Some(item) = self.parts().catalog.item(row.item)? else { return Ok(()) };
        let second = match self.remove_or_keep(&root, row, item.sha256) {
            Ok(second) => second,
            Err(error) => {
                tracing::warn!(deposit.id = %row.deposit(), error = %chain(&error), "a released source stays aside");
                return Ok(());
            }
        };
        let step = match second {
            Second::Removed => "removed",
            Second::Kept => "kept",
            Second::Waits => return Ok(()),
        };
        let step = step.to_owned();
        self.enter(SourceReleased { deposit: row.deposit(), step, remove_after: None })
    }

    fn remove_or_keep(&self, root: &Root, row: &DepositRow, wanted: Sha256) -> Result<Second, Error> {
        let aside = aside(row);
        let open = match aside.open(root) {
            Ok(open) => open,
            // Gone already: a crash came between the removal and its entry. Without the shelf it is the disk
            // that is gone, and that says nothing about the source. P12
            Err(refusal) if refusal.reason == Reason::Vanished => {
                let gone = if Aside::shelf_is_there(root) { Second::Removed } else { Second::Waits };
                return Ok(gone);
            }
            Err(refusal) => return Err(inbox::Error::from(refusal).into()),
        };
        let mut file = &open.file;
        let mut hasher = Hasher::new();
        let mut buffer = vec![0; 256 * 1024];
        loop {
            if self.stopping() {
                return Ok(Second::Waits);
            }
            let read = file
                .read(&mut buffer)
                .map_err(|cause| inbox::Error::Release { path: aside.path.clone(), cause })?;
            if read == 0 {
                break;
            }
            hasher.update(&buffer[..read]);
        }
        if Sha256(hasher.finalize().into()) != wanted {
            put_back(root, &aside, &self.parts().disk)?;
            return Ok(Second::Kept);
        }
        // Hashing took its time: a place may have gone meanwhile. P1
        if !self.is_in_enough_places(row.item)? {
            return Ok(Second::Waits);
        }
        remove_aside(root, &aside, &open, &self.parts().disk)?;
        Ok(Second::Removed)
    }

    fn enter(&self, released: SourceReleased) -> Result<(), Error> {
        self.parts().catalog.record(vec![content(Act::SourceReleased(released))])?;
        Ok(())
    }

    /// Looks at all deposits again: what may leave is set anew.
    pub(super) fn release_from_the_start(&self) {
        *self.released_up_to() = None;
    }

    fn released_up_to(&self) -> std::sync::MutexGuard<'_, Option<LedgerIndex>> {
        self.0.released_up_to.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn aside(row: &DepositRow) -> Aside {
    let source = row.facts.source.clone();
    Aside { path: source.path.clone(), deposit: row.deposit(), source }
}
