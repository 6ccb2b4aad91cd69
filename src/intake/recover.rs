//! After a stop that was not clean: what lies in the vault and not in the catalog, and the other way round.

use super::attempt::content;
use super::{Error, Intake};
use crate::catalog::{self, DepositRow, SourceState};
use crate::evidence::{Damage, Found, Record};
use crate::model::{DamageFound, Generation, ItemId, Provenance, Recovered, Source, State, chain};
use crate::seal::Role;
use crate::vault::Standing;

/// Rows fetched at once from the catalog.
const PAGE: usize = 1024;

/// What was put in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recovery {
    /// Unfinished files that were removed.
    pub swept: usize,
    /// Items catalogued from their own facts.
    pub recovered: usize,
    /// Rows without their file, which is an alarm.
    pub missing: usize,
}

impl Intake {
    /// Puts vault and catalog in order. Only the holder of the home's lock calls this, before anything else.
    ///
    /// # Errors
    /// Where the vault cannot be listed or the catalog not asked.
    pub fn recover(&self) -> Result<Recovery, Error> {
        let vault = self.parts().evidence.vault();
        let mut recovery =
            Recovery { swept: vault.sweep_unfinished().map_err(of_vault)?, ..Recovery::default() };
        if self.parts().catalog.ended_cleanly() {
            return Ok(recovery);
        }
        let swept = vault.look_through().map_err(of_vault)?;
        for lone in &swept.lone_keys {
            vault.remove_lone_key(lone).map_err(of_vault)?;
            recovery.swept += 1;
        }
        for stranger in &swept.strangers {
            tracing::warn!(path = %stranger.display(), "this file in the vault is not ours; it is left alone");
        }
        for ((role, item), generations) in swept.items() {
            match self.parts().catalog.item(item)? {
                // A change of class that was cut short, before or after its entry.
                Some(row) if generations.len() > 1 => {
                    self.parts().evidence.retire(&Record::from(&row), &generations)?;
                }
                Some(_) => {}
                None if self.bring_back((role, item), &generations)? => recovery.recovered += 1,
                None => {}
            }
        }
        // An item that lies nowhere may lie in a place that is not there (P12).
        let away = |(_, standing)| matches!(standing, Standing::Away(_));
        if !vault.standings().any(away) {
            recovery.missing = self.alarm_missing(&|role, item| swept.holds(role, item))?;
        }
        self.parts().catalog.all_in_order();
        Ok(recovery)
    }

    /// Catalogues a complete item that a crash left without its entry.
    fn bring_back(&self, lying: (Role, ItemId), generations: &[Generation]) -> Result<bool, Error> {
        let found = match self.parts().evidence.recatalogue(lying, generations) {
            Ok(found) => found,
            Err(error) => {
                tracing::error!(item.id = %lying.1, error = %chain(&error),
                    "this file in the vault has no entry and is damaged; it is left as it is");
                return Ok(false);
            }
        };
        if self.is_doubled(&found)? {
            tracing::warn!(item.id = %lying.1, "its bytes are an item already; it is left as it is");
            return Ok(false);
        }
        let custody = self.parts().chair.custody();
        let readback = match self.parts().evidence.read_found(&found, custody.as_deref()) {
            Ok(readback) => readback,
            Err(error) => {
                tracing::error!(item.id = %lying.1, error = %chain(&error),
                    "this file in the vault has no entry and does not open; it is left as it is");
                return Ok(false);
            }
        };
        self.parts().catalog.record(vec![content(found.act(readback, Recovered::Crash))])?;
        Ok(true)
    }

    fn is_doubled(&self, found: &Found) -> Result<bool, Error> {
        match &found.facts.provenance {
            // What is made of the same bytes in the same way, as a poster is after a failed step, comes out
            // the same.
            Provenance::Derived(derived) => {
                let sha256 = found.facts.fingerprints.sha256;
                let there = self.parts().catalog.derivatives_of(derived.parent)?;
                Ok(there.iter().any(|row| row.sha256 == sha256))
            }
            Provenance::Deposited(facts) => {
                let sha256 = found.facts.fingerprints.sha256;
                Ok(self.parts().catalog.item_with(&facts.source.dock, &sha256)?.is_some())
            }
        }
    }

    /// The arrival of exactly this file, as long as the archive has its bytes. Where their sealed file is known to
    /// be missing, as after a restore without it, a source that lies there still is taken in anew (P1).
    pub(super) fn known_arrival(&self, source: &Source) -> Result<Option<DepositRow>, catalog::Error> {
        let found = self.parts().catalog.deposit_of_source(source)?;
        match found {
            Some(row) if self.is_nowhere(row.item)? => Ok(None),
            found => Ok(found),
        }
    }

    /// How the arrival of exactly this file stands, in the same sense. A scan asks this of every file.
    pub(super) fn known_state(&self, source: &Source) -> Result<Option<State>, catalog::Error> {
        match self.parts().catalog.state_of_source(source)? {
            Some(SourceState { damaged: true, .. }) => {
                Ok(self.known_arrival(source)?.map(|row| row.state()))
            }
            found => Ok(found.map(|found| found.state)),
        }
    }

    fn is_nowhere(&self, item: ItemId) -> Result<bool, catalog::Error> {
        Ok(self.parts().evidence.is_nowhere(&self.parts().catalog.damage_of(item)?))
    }

    /// A row without its file is an alarm, and an entry, once.
    fn alarm_missing(&self, lies: &dyn Fn(Role, ItemId) -> bool) -> Result<usize, Error> {
        let mut missing = Vec::new();
        let mut after = None;
        loop {
            let rows = self.parts().catalog.items_after(after, PAGE)?;
            let Some(last) = rows.last() else { break };
            after = Some(last.item);
            let records = rows.iter().map(Record::from);
            missing.extend(records.filter(|at| !lies(at.role, at.item)).map(|at| (at.item, at.generation)));
        }
        for (item, seen) in &missing {
            tracing::error!(item.id = %item, "a catalogued item has no file in the vault; restore it from a copy");
            for place in self.parts().evidence.vault().places() {
                let place = Some(place.name().clone());
                let damage =
                    DamageFound { item: *item, code: Damage::SealedMissing.code().to_owned(), place };
                self.parts().catalog.damage_found(damage, *seen)?;
            }
        }
        Ok(missing.len())
    }
}

fn of_vault(error: crate::vault::Error) -> Error {
    Error::Evidence(error.into())
}
