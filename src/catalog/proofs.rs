//! Proofs from the stored tree, and what a receipt says.

use rusqlite::{OptionalExtension as _, params};

use super::columns::integer;
use super::nodes::Stored;
use super::{Catalog, DepositRow, Error, ItemRow};
use crate::ledger::{self, Hash, Receipt, SignedHead, may_erase};
use crate::model::{DepositId, Epoch, KeyId, LedgerIndex, Moment};

impl Catalog {
    /// The path from an entry to the root of the tree of `size` entries.
    ///
    /// # Errors
    /// [`Error::Ledger`] where the entry is not in that tree or the tree is larger than the ledger.
    pub fn prove(&self, index: LedgerIndex, size: u64) -> Result<Vec<Hash>, Error> {
        self.within(size)?;
        Stored::with(&*self.reader()?, |nodes| ledger::prove_inclusion(index.0, size, nodes))
    }

    /// The hashes that lead from the tree of `old` entries to that of `new` entries.
    ///
    /// # Errors
    /// [`Error::Ledger`] where `old` is larger, or `new` is larger than the ledger.
    pub fn prove_consistency(&self, old: u64, new: u64) -> Result<Vec<Hash>, Error> {
        self.within(new)?;
        Stored::with(&*self.reader()?, |nodes| ledger::prove_consistency(old, new, nodes))
    }

    /// The leaf hash of an entry.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn leaf(&self, index: LedgerIndex) -> Result<Option<Hash>, Error> {
        let reader = self.reader()?;
        let leaf = Stored::new(&reader).exactly(0, index.0);
        leaf.map_err(Error::database("read the tree"))
    }

    /// What the receipt of a deposit says: everything but its signature. It is the same whenever it is
    /// asked for, a rebuild in between included, so a receipt can be written twice without harm.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Ledger`].
    pub fn receipt(&self, deposit: DepositId, signer: KeyId) -> Result<Option<Receipt>, Error> {
        let Some(row) = self.deposit(deposit)? else { return Ok(None) };
        let Some(item) = self.item(row.item)? else { return Ok(None) };
        self.receipt_of((&row, &item), signer)
    }

    /// The same, of a deposit and its item that are at hand.
    ///
    /// # Errors
    /// As [`Catalog::receipt`].
    pub fn receipt_of(
        &self,
        (row, item): (&DepositRow, &ItemRow),
        signer: KeyId,
    ) -> Result<Option<Receipt>, Error> {
        let Some(stamp) = self.stamp(row.index)? else { return Ok(None) };
        let head = SignedHead::parse(&stamp.head)?;
        let proof = self.prove(row.index, head.head().size)?;
        Ok(Some(Receipt {
            archive: self.0.place.trust.archive,
            arrived_at: row.facts.arrived,
            copies: row.copies,
            deposit: row.deposit(),
            dock: row.facts.source.dock.clone(),
            entered_at: stamp.at,
            epoch: epoch_of(&head).unwrap_or_else(|| self.epoch()),
            head: stamp.head,
            item: row.item,
            leaf: stamp.leaf,
            ledger_index: row.index,
            may_erase: may_erase(row.readback),
            path: row.facts.source.path.clone(),
            proof,
            readback: row.readback,
            reasons: row.facts.reasons.clone(),
            sealed_sha256: item.sealed_sha256,
            sha256: item.sha256,
            signer,
            size: item.size,
            state: row.state(),
            version: ledger::VERSION,
        }))
    }

    /// When the newest entry was made, which is when the newest head was signed.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn last_entry_at(&self) -> Result<Option<Moment>, Error> {
        self.reader()?
            .prepare_cached("SELECT at FROM entries ORDER BY idx DESC LIMIT 1")
            .and_then(|mut ask| ask.query_row([], |row| row.get(0)).optional())
            .map_err(Error::database("read an entry"))
    }

    fn within(&self, size: u64) -> Result<(), Error> {
        let whole = self.ledger_size();
        if size > whole {
            return Err(ledger::Error::NotInTree { index: size, size: whole }.into());
        }
        Ok(())
    }

    fn stamp(&self, index: LedgerIndex) -> Result<Option<Stamp>, Error> {
        let reader = self.reader()?;
        reader
            .prepare_cached(
                "SELECT at, leaf, note FROM entries
                 JOIN heads ON size = (SELECT min(size) FROM heads WHERE size > ?2)
                 WHERE idx = ?1",
            )
            .and_then(|mut ask| {
                ask.query_row(params![index, integer(index.0)], |row| {
                    Ok(Stamp { at: row.get(0)?, leaf: Hash(row.get(1)?), head: row.get(2)? })
                })
                .optional()
            })
            .map_err(Error::database("read an entry"))
    }
}

/// The last part of a head's origin: a receipt is of the epoch in which its entry was made.
fn epoch_of(head: &SignedHead) -> Option<Epoch> {
    head.head().origin.rsplit('/').next()?.parse().ok().map(Epoch)
}

/// What the ledger adds to a deposit.
struct Stamp {
    at: Moment,
    leaf: Hash,
    head: String,
}
