//! Receipts, from the catalog's outbox to a shelf where the dock finds them. Writing one twice gives the same
//! bytes, so a crash between writing and marking costs nothing.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::Intake;
use crate::catalog::{DepositRow, ItemRow};
use crate::inbox::{self, ReceiptShelf, Retry, Root};
use crate::ledger::Receipt;
use crate::model::{DepositId, DockName, RawName, chain};

/// Receipts written in one go; the rest follow in the next round.
const BATCH: usize = 256;

impl Intake {
    /// Writes the receipt of a deposit, if it is not there yet. Answers where it lies; `None` where it could not
    /// be written now. It stays in the outbox then.
    pub(super) fn deliver(&self, row: &DepositRow, item: &ItemRow) -> Option<PathBuf> {
        match self.try_deliver(row, item) {
            Ok(path) => Some(path),
            Err(error) => {
                tracing::warn!(deposit.id = %row.deposit(), error = %chain(&error), "a receipt waits to be written");
                None
            }
        }
    }

    fn deliver_due(&self, deposit: DepositId) -> Result<(), super::Error> {
        let catalog = &self.parts().catalog;
        let row = catalog.deposit(deposit)?.ok_or(super::Error::NoDeposit(deposit))?;
        let item = catalog.item(row.item)?.ok_or(super::Error::NoDeposit(deposit))?;
        self.try_deliver(&row, &item).map(drop)
    }

    fn try_deliver(&self, row: &DepositRow, item: &ItemRow) -> Result<PathBuf, super::Error> {
        let (parts, deposit) = (self.parts(), row.deposit());
        // An attempt delivers its own receipt, and the outbox is gone through meanwhile: two writers of one
        // receipt would take each other's temporary file.
        let _turn = self.0.delivering.turn(deposit);
        let receipt = parts.catalog.receipt_of((row, item), parts.evidence.keyring().signer())?;
        let receipt = receipt.ok_or(super::Error::NoDeposit(deposit))?;
        let bytes = receipt.to_bytes()?;
        let signature = parts.evidence.keyring().sign(&bytes);
        let path = self.put(&receipt, (&bytes, &signature))?;
        parts.catalog.receipt_delivered(deposit)?;
        Ok(path)
    }

    /// Into the inbox; where that cannot be written and will not be, into the home.
    fn put(&self, receipt: &Receipt, written: (&[u8], &[u8; 64])) -> Result<PathBuf, super::Error> {
        match self.shelf_of(&receipt.dock, &receipt.path).and_then(|shelf| shelve(&shelf, receipt, written))
        {
            Ok(path) => Ok(path),
            Err(inbox::Error::Occupied { path }) if self.was_answered(&path, receipt) => Ok(path),
            Err(error) if error.retry() == Retry::Later => Err(error.into()),
            Err(error) => {
                tracing::warn!(dock.name = %receipt.dock, error = %chain(&error),
                    "the inbox takes no receipts; they go to the home");
                match shelve(&self.home_shelf()?, receipt, written) {
                    Err(inbox::Error::Occupied { path }) if self.was_answered(&path, receipt) => Ok(path),
                    outcome => Ok(outcome?),
                }
            }
        }
    }

    /// Whether what has the name is a receipt for the same deposit that this archive signed before, under an
    /// epoch that was lost. It still holds, and a dock is answered once.
    fn was_answered(&self, path: &Path, receipt: &Receipt) -> bool {
        let json = if path.extension().is_some_and(|ending| ending == "sig") {
            path.with_extension("")
        } else {
            path.to_owned()
        };
        let read = |path: &Path| {
            let mut bytes = Vec::new();
            let limit = u64::try_from(Receipt::MAX_BYTES).unwrap_or(u64::MAX);
            let file = std::fs::File::open(path).ok()?;
            file.take(limit).read_to_end(&mut bytes).ok().map(|_| bytes)
        };
        let signature = read(&json.with_extension("json.sig")).and_then(|bytes| bytes.try_into().ok());
        let (Some(bytes), Some(signature)) = (read(&json), signature) else { return false };
        let keyring = self.parts().evidence.keyring();
        Receipt::parse(&bytes).is_ok_and(|old| {
            old.deposit == receipt.deposit
                && old.sha256 == receipt.sha256
                && keyring.verify(old.signer, &bytes, &signature)
        })
    }

    fn home_shelf(&self) -> Result<ReceiptShelf, inbox::Error> {
        ReceiptShelf::open_at(&self.parts().receipts, &self.parts().disk)
    }

    fn shelf_of(&self, dock: &DockName, path: &RawName) -> Result<ReceiptShelf, inbox::Error> {
        // A person's deposit carries a whole path, an inbox's a relative one.
        let by_hand = path.is_absolute();
        match self.inbox_of(dock).filter(|_| !by_hand) {
            None => self.home_shelf(),
            Some(plan) => match &plan.receipts {
                Some(folder) => ReceiptShelf::open_at(folder, &self.parts().disk),
                None => {
                    let root = Root::open(plan.dock.clone(), &plan.path)?;
                    ReceiptShelf::open_in(&root, &self.parts().disk)
                }
            },
        }
    }

    /// Writes what is left in the outbox. Answers how many remain.
    ///
    /// # Errors
    /// Where the catalog fails.
    pub fn deliver_all(&self) -> Result<usize, super::Error> {
        let mut failed = None;
        let mut waiting = 0;
        let mut after = None;
        loop {
            let due = self.parts().catalog.receipts_due(after, BATCH)?;
            let Some((last, _)) = due.last() else { break };
            after = Some(*last);
            for (_, deposit) in &due {
                if let Err(error) = self.deliver_due(*deposit) {
                    waiting += 1;
                    failed.get_or_insert(error);
                }
            }
            if self.stopping() {
                break;
            }
        }
        if let Some(error) = failed {
            // One line a round: an inbox that is away may be owed thousands.
            tracing::warn!(receipts = waiting, error = %chain(&error), "receipts wait to be written");
        }
        Ok(waiting)
    }
}

/// The signature first: a dock that sees the receipt can check it at once.
fn shelve(
    shelf: &ReceiptShelf,
    receipt: &Receipt,
    (bytes, signature): (&[u8], &[u8; 64]),
) -> Result<PathBuf, inbox::Error> {
    let name = format!("{}.json", receipt.deposit);
    shelf.put(&format!("{name}.sig"), signature)?;
    shelf.put(&name, bytes)?;
    Ok(shelf.place(&name))
}
