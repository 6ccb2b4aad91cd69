//! Another generation of a key file: the class of its item changed.

use std::sync::atomic::AtomicBool;

use sha2::{Digest as _, Sha256 as Hasher};

use super::copies::finish;
use super::open::key_bytes;
use super::{Custodian, Error, Evidence, Record};
use crate::keys::SealRequest;
use crate::model::{Domain, Generation, KeysMade, Sha256};
use crate::seal::KeyFile;
use crate::vault::{Fault, Place, Standing, Which};

impl Evidence {
    /// Makes the next generation of an item's key file durable and read back, in every place that is there. The
    /// living generation stays until [`Evidence::retire`]: readers accept the one that the catalog names.
    ///
    /// Further domains are layers around what is there, for which public keys are enough (P5). Where a domain goes,
    /// the key file is made anew, which needs a custodian. The escrow copy stays in any case.
    ///
    /// # Errors
    /// [`Error::SealOnly`] where a domain goes and no keys are at hand; [`Error::Damaged`] where no place has the
    /// living key file; [`Error::Vault`] and [`Error::ReadBack`] where too few places took the new one.
    pub fn rekey(
        &self,
        record: &Record,
        domains: &[Domain],
        custodian: Custodian<'_>,
    ) -> Result<KeysMade, Error> {
        let file = self.next_key_file(record, domains, custodian)?;
        let bytes = file.to_bytes();
        let made = KeysMade {
            item: record.item,
            domains: file.layers.iter().map(|layer| layer.domain).collect(),
            generation: file.generation,
            keys_sha256: Sha256(Hasher::digest(&bytes).into()),
        };
        let next = record.with_keys(&made);
        let (mut taken, mut failed) = (0, None);
        let there = |(_, standing): &(&Place, Standing)| !matches!(standing, Standing::Away(_));
        for (place, _) in self.vault.standings().filter(there) {
            match self.put_keys(place, &next, &bytes) {
                Ok(()) => taken += 1,
                Err(error) => {
                    self.vault.set_aside(place.name(), Fault::Failing);
                    failed = Some(error);
                }
            }
        }
        match failed {
            Some(error) if taken < self.vault.least() => Err(error),
            None if taken < self.vault.least() => Err(Error::ReadBack("too few places are there")),
            _ => Ok(made),
        }
    }

    fn next_key_file(
        &self,
        record: &Record,
        domains: &[Domain],
        custodian: Custodian<'_>,
    ) -> Result<KeyFile, Error> {
        let file = self.key_file(record)?;
        let has = |domain: &Domain| file.layers.iter().any(|layer| layer.domain == *domain);
        if file.layers.iter().all(|layer| domains.contains(&layer.domain)) {
            let further: Vec<Domain> = domains.iter().copied().filter(|domain| !has(domain)).collect();
            return Ok(self.keyring.raise(&file, &further, &*self.entropy)?);
        }
        let key = custodian.ok_or(Error::SealOnly)?.open(&self.keyring, &file)?;
        Ok(self.keyring.seal_item_key(&SealRequest {
            key: &key,
            item: record.item,
            domains,
            generation: file.generation.next(),
            commitment: file.commitment,
            entropy: &*self.entropy,
        })?)
    }

    fn put_keys(&self, place: &Place, next: &Record, bytes: &[u8]) -> Result<(), Error> {
        let at = (next.role, next.item, Which::Keys(next.generation));
        // Left by a change that a crash cut short: no entry names it, so that nobody opens anything with it.
        self.vault.remove_keys(place, (next.role, next.item, next.generation))?;
        let mut mending = self.vault.begin_mending(place, at)?;
        mending.write_all(bytes)?;
        finish(mending, next.keys_sha256, &AtomicBool::new(false))
    }

    /// Removes these other generations of a key file, wherever the living one lies whole beside them. Those in places
    /// that are away go when the place is back.
    ///
    /// # Errors
    /// Where a disk refuses.
    pub fn retire(&self, living: &Record, others: &[Generation]) -> Result<(), Error> {
        for place in self.vault.places().filter(|place| place.is_there()) {
            self.retire_in(place, living, others)?;
        }
        Ok(())
    }

    pub(super) fn retire_in(
        &self,
        place: &Place,
        living: &Record,
        others: &[Generation],
    ) -> Result<(), Error> {
        // P1: what could be the only key file that opens an item is never removed.
        if key_bytes(place, living).is_err() {
            return Ok(());
        }
        for generation in others.iter().filter(|generation| **generation != living.generation) {
            self.vault.remove_keys(place, (living.role, living.item, *generation))?;
        }
        Ok(())
    }
}
