//! Bringing an item back from its own files: after a crash between its names and its entry, or when the
//! ledger itself is gone (P11). Needs the facts key and no power to watch footage.

use sha2::{Digest as _, Sha256 as Hasher};

use super::{Custodian, Damage, Error, Evidence, Record};
use crate::model::{
    Act, DerivativeSealed, Generation, ItemId, ItemSealed, Provenance, ReadBack, Recovered, SealedFacts,
    Sha256,
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
    /// Fingerprint of that key file.
    pub keys_sha256: Sha256,
    /// How many places hold both files, byte for byte.
    pub copies: u32,
}

impl Found {
    /// The act that catalogues it, marked as recovered. `readback` says what was seen of it since: a file that
    /// nobody opened again allows no erasing (P2).
    #[must_use]
    pub fn act(self, readback: ReadBack, recovered: Recovered) -> Act {
        let Self { role: _, facts, sealed_size, sealed_sha256, generation, keys_sha256, copies } = self;
        let recovered = Some(recovered);
        match facts.provenance {
            Provenance::Deposited(deposit) => Act::ItemSealed(ItemSealed {
                item: facts.item,
                deposit,
                size: facts.size,
                sha256: facts.fingerprints.sha256,
                sealed_size,
                sealed_sha256,
                protections: facts.protections,
                domains: facts.domains,
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
                domains: facts.domains,
                generation,
                keys_sha256,
                recovered,
            }),
        }
    }
}

impl Evidence {
    /// Reads an item back from the vault alone. Every byte of the sealed file is checked.
    ///
    /// # Errors
    /// [`Error::Damaged`] where the files are not ones that this archive sealed.
    pub fn recatalogue(
        &self,
        (role, item): (Role, ItemId),
        generations: &[Generation],
    ) -> Result<Found, Error> {
        let path = self.vault.places()[0].sealed(role, item);
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
        let key_bytes = self.vault.read_keys(role, item, generation)?;
        let key_file = KeyFile::parse(&key_bytes).map_err(|_| Error::Damaged(Damage::KeysAltered))?;
        self.keyring.verify_key_file(&key_file).map_err(|_| Error::Damaged(Damage::KeysAltered))?;
        if key_file.item != item || key_file.generation != generation {
            return Err(Error::Damaged(Damage::KeysAltered));
        }
        let sealed_sha256 = checked.sealed_sha256();
        let others = &self.vault.places()[1..];
        let same = |place: &&Place| {
            digest(&place.sealed(role, item)).is_ok_and(|found| found == sealed_sha256)
                && std::fs::read(place.keys(role, item, generation)).is_ok_and(|found| found == key_bytes)
        };
        let copies = 1 + others.iter().filter(same).count();
        Ok(Found {
            role,
            facts,
            sealed_size: length,
            sealed_sha256,
            generation,
            keys_sha256: Sha256(Hasher::digest(&key_bytes).into()),
            copies: u32::try_from(copies).unwrap_or(u32::MAX),
        })
    }

    /// Reads an item that was found back as its attempt would have: opened with a custodian's keys, to the
    /// fingerprint. Without keys, or where a place lacks it, nothing was read back.
    ///
    /// # Errors
    /// [`Error::Damaged`] where it does not open to what its facts say.
    pub fn read_found(&self, found: &Found, custodian: Custodian<'_>) -> Result<ReadBack, Error> {
        if custodian.is_none() || found.copies < self.vault.copies() {
            return Ok(ReadBack::Off);
        }
        let record = Record {
            item: found.facts.item,
            role: found.role,
            size: found.facts.size,
            sha256: found.facts.fingerprints.sha256,
            sealed_sha256: found.sealed_sha256,
            generation: found.generation,
            keys_sha256: found.keys_sha256,
        };
        self.read_again(&record, (ReadBack::Off, custodian))
    }
}

/// SHA-256 of a file as it lies on the disk.
fn digest(path: &std::path::Path) -> std::io::Result<Sha256> {
    use std::io::Read as _;
    let mut file = ColdFile::open(path)?;
    let mut hasher = Hasher::new();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(Sha256(hasher.finalize().into()));
        }
        hasher.update(&buffer[..read]);
    }
}
