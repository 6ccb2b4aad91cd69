//! Bringing an item back from its own files: after a crash between its names and its entry, or when the
//! ledger itself is gone (P11). Needs the facts key and no power to watch footage.

use sha2::{Digest as _, Sha256 as Hasher};

use super::{Custodian, Damage, Error, Evidence, Record};
use crate::model::{
    Act, Class, DerivativeSealed, Domain, Generation, ItemId, ItemSealed, Provenance, ReadBack, Recovered,
    SealedFacts, Sha256,
};
use crate::seal::{self, KeyFile, Role};
use crate::vault::{ColdFile, Place};

/// What an item's own files say.
#[derive(Debug, Clone)]
pub struct Found {
    /// Original or derivative.
    pub role: Role,
    /// The facts section, opened and checked by the footer's signature.
    pub facts: SealedFacts,
    /// Sealed length in bytes.
    pub sealed_size: u64,
    /// Fingerprint of the sealed file.
    pub sealed_sha256: Sha256,
    /// The newest generation beside it.
    pub generation: Generation,
    /// The domains of that key file, in layer order.
    pub domains: Vec<Domain>,
    /// Fingerprint of that key file.
    pub keys_sha256: Sha256,
    /// How many places hold both files, byte for byte.
    pub copies: u32,
}

impl Found {
    /// What the catalog will say about its files.
    fn record(&self) -> Record {
        Record {
            item: self.facts.item,
            role: self.role,
            size: self.facts.size,
            sha256: self.facts.fingerprints.sha256,
            sealed_sha256: self.sealed_sha256,
            generation: self.generation,
            keys_sha256: self.keys_sha256,
            copies: 0,
        }
    }

    /// The act that catalogues it, marked as recovered. `readback` says what was seen of it since: a file that
    /// nobody opened again allows no erasing (P2).
    #[must_use]
    pub fn act(self, readback: ReadBack, recovered: Recovered) -> Act {
        let class = self.class();
        let Self { role: _, facts, sealed_size, sealed_sha256, generation, domains, keys_sha256, copies } =
            self;
        let recovered = Some(recovered);
        match facts.provenance {
            Provenance::Deposited(deposit) => Act::ItemSealed(ItemSealed {
                item: facts.item,
                deposit,
                size: facts.size,
                sha256: facts.fingerprints.sha256,
                sealed_size,
                sealed_sha256,
                protections: class.protections().to_vec(),
                level: class.level(),
                domains,
                generation,
                keys_sha256,
                copies,
                readback,
                recovered,
            }),
            Provenance::Derived(derived) => Act::DerivativeSealed(DerivativeSealed {
                item: facts.item,
                derived,
                size: facts.size,
                sha256: facts.fingerprints.sha256,
                sealed_size,
                sealed_sha256,
                domains,
                generation,
                keys_sha256,
                recovered,
            }),
        }
    }

    /// The class it was sealed with, and at least what the layers of its key file tell of a class that was raised
    /// since: whoever raised it, and how far, stood in the ledger.
    fn class(&self) -> Class {
        let sealed = Class::protected(self.facts.protections.clone());
        let further = self.domains.iter().filter(|domain| !self.facts.domains.contains(domain));
        further.fold(sealed, |class, domain| class.join(&domain.strictest()))
    }
}

impl Evidence {
    /// Reads an item back from the vault alone, from the first place where it is whole. Every byte of the sealed
    /// file is checked.
    ///
    /// # Errors
    /// [`Error::Damaged`] where the files are nowhere ones that this archive sealed.
    pub fn recatalogue(
        &self,
        (role, item): (Role, ItemId),
        generations: &[Generation],
    ) -> Result<Found, Error> {
        let mut found = Err(Error::Damaged(Damage::SealedMissing));
        for place in self.vault.places() {
            let lies = place.sealed(role, item).exists();
            if found.is_err() && lies {
                found = self.recatalogue_from(place, (role, item), generations);
            }
        }
        let found = found?;
        let record = found.record();
        let same = |place: &&Place| self.is_same(place, &record).unwrap_or(false);
        let copies = self.vault.places().filter(same).count();
        Ok(Found { copies: u32::try_from(copies).unwrap_or(u32::MAX), ..found })
    }

    fn recatalogue_from(
        &self,
        place: &Place,
        (role, item): (Role, ItemId),
        generations: &[Generation],
    ) -> Result<Found, Error> {
        let path = place.sealed(role, item);
        let unreadable = |_| Error::Damaged(Damage::SealedUnreadable);
        let length = std::fs::metadata(&path).map_err(unreadable)?.len();
        let mut file = ColdFile::open(&path).map_err(unreadable)?;
        let checked = seal::check(&mut file, length, &|signer, message, signature| {
            self.keyring.verify(signer, message, signature)
        })?;
        let facts = checked.facts(self.keyring.facts_key())?;
        if facts.item != item || facts.archive != self.keyring.archive() || checked.header().role() != role
        {
            return Err(Error::Damaged(Damage::SealedAltered));
        }
        let generation = *generations.iter().max().ok_or(Error::Damaged(Damage::KeysMissing))?;
        let key_bytes = place.read_keys(role, item, generation)?;
        let key_file = KeyFile::parse(&key_bytes).map_err(|_| Error::Damaged(Damage::KeysAltered))?;
        self.keyring.verify_key_file(&key_file).map_err(|_| Error::Damaged(Damage::KeysAltered))?;
        if key_file.item != item || key_file.generation != generation {
            return Err(Error::Damaged(Damage::KeysAltered));
        }
        Ok(Found {
            role,
            facts,
            sealed_size: length,
            sealed_sha256: checked.sealed_sha256(),
            generation,
            domains: key_file.layers.iter().map(|layer| layer.domain).collect(),
            keys_sha256: Sha256(Hasher::digest(&key_bytes).into()),
            copies: 0,
        })
    }

    /// Reads an item that was found back as its attempt would have: opened with a custodian's keys, to the
    /// fingerprint. Without keys, or where too few places have it, nothing was read back.
    ///
    /// # Errors
    /// [`Error::Damaged`] where it does not open to what its facts say.
    pub fn read_found(&self, found: &Found, custodian: Custodian<'_>) -> Result<ReadBack, Error> {
        let enough = usize::try_from(found.copies).unwrap_or(usize::MAX) >= self.vault.least();
        if custodian.is_none() || !enough {
            return Ok(ReadBack::Off);
        }
        Ok(self.read_again(&found.record(), (ReadBack::Off, custodian))?.readback)
    }
}
