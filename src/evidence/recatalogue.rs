//! Bringing an item back from its own files: after a crash between its names and its entry, or when the
//! ledger itself is gone (P11). Needs the facts key and no power to watch footage.

use sha2::{Digest as _, Sha256 as Hasher};

use super::{Damage, Error, Evidence};
use crate::model::{
    Act, DerivativeSealed, Generation, ItemId, ItemSealed, Provenance, ReadBack, Recovered, SealedFacts,
    Sha256,
};
use crate::seal::{self, KeyFile, Role};
use crate::vault::ColdFile;

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
}

impl Found {
    /// The act that catalogues it, marked as recovered.
    #[must_use]
    pub fn act(self, (readback, copies): (ReadBack, u32), recovered: Recovered) -> Act {
        let Self { role: _, facts, sealed_size, sealed_sha256, generation, keys_sha256 } = self;
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
        Ok(Found {
            role,
            facts,
            sealed_size: length,
            sealed_sha256: checked.sealed_sha256(),
            generation,
            keys_sha256: Sha256(Hasher::digest(&key_bytes).into()),
        })
    }
}
