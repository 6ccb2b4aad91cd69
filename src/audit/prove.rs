//! The backlog of items whose key file no custodian has opened yet.

use super::{Audit, Error};
use crate::evidence::Record;

/// Key files opened in one go, a third of a millisecond each.
const BATCH: usize = 128;

impl Audit {
    /// Works off a part of the backlog with the keys at hand. Answers how many were proved; none without keys.
    ///
    /// # Errors
    /// Where the catalog fails. A key file that does not open is damage: it is told, and stays unproven.
    pub fn prove_some(&self) -> Result<usize, Error> {
        let Some(custody) = self.chair.custody() else { return Ok(0) };
        let mut proved = 0;
        for (item, _) in self.catalog.unproven(None, BATCH)? {
            let Some(row) = self.catalog.item(item)? else { continue };
            match self.evidence.prove_keys(&Record::from(&row), Some(&custody)) {
                Ok(()) => {
                    self.catalog.mark_proven(item, row.generation)?;
                    proved += 1;
                }
                Err(error) => tracing::error!(item.id = %item, %error, "this key file does not open"),
            }
        }
        Ok(proved)
    }
}
