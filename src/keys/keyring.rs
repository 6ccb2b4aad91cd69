//! What a node can do without any custodian: seal to public keys, sign, and check what was certified.

use std::fmt;
use std::ops::Deref;
use std::path::Path;

use ed25519_dalek::pkcs8::EncodePublicKey as _;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};

use super::certificate::secret_name;
use super::certificates::Certificates;
use super::secret::{Seed, read_secret};
use super::{Error, Making, Role, Share, error::io_at, making};
use crate::model::KeyId;
use crate::seal::FactsKey;

/// A node's keys: what the root certified, and this node's own secrets. Holds nothing that opens an item (P5).
pub struct Keyring {
    certificates: Certificates,
    node: SigningKey,
    head: SigningKey,
    facts: FactsKey,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring").field("certificates", &self.certificates).finish_non_exhaustive()
    }
}

/// A keyring is its certificates and more: whatever asks for these takes a keyring as well.
impl Deref for Keyring {
    type Target = Certificates;

    fn deref(&self) -> &Certificates {
        &self.certificates
    }
}

impl Keyring {
    /// Makes every key of a new archive in a folder that is empty or not there yet, and the shares of its
    /// escrow key, which exist nowhere else. A crash leaves the whole folder or none.
    ///
    /// # Errors
    /// [`Error::Exists`] and [`Error::Unfinished`] where something lies there, [`Error::BadEscrowRule`],
    /// and what stretching the passphrase or the disk fails with.
    pub fn make(making: &Making<'_>) -> Result<(Self, Vec<Share>), Error> {
        let shares = making::make(making)?;
        Ok((Self::open(making.folder)?, shares))
    }

    /// Opens a folder of keys: checks each certificate against the root, and each of this node's secrets
    /// against its certificate.
    ///
    /// # Errors
    /// [`Error::Missing`] where a key that taking evidence in needs has no certificate, [`Error::Exposed`]
    /// where others may read a secret, [`Error::Damaged`] and [`Error::WrongArchive`] for a file that is
    /// not what it was, [`Error::Io`].
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let certificates = Certificates::open(folder)?;
        Ok(Self {
            node: signing_secret(&certificates, Role::Node)?,
            head: signing_secret(&certificates, Role::Head)?,
            facts: facts_secret(&certificates)?,
            certificates,
        })
    }

    /// The node key that [`Keyring::sign`] signs with.
    #[must_use]
    pub fn signer(&self) -> KeyId {
        self.living(Role::Node)
    }

    /// Signs the footer of a sealed file, a key file or a receipt.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.node.sign(message).to_bytes()
    }

    /// The key that [`Keyring::sign_head`] signs with.
    #[must_use]
    pub fn head_signer(&self) -> KeyId {
        self.living(Role::Head)
    }

    /// Its public half.
    #[must_use]
    pub fn head_public(&self) -> [u8; 32] {
        self.head.verifying_key().to_bytes()
    }

    /// Signs a head of the ledger.
    #[must_use]
    pub fn sign_head(&self, note: &[u8]) -> [u8; 64] {
        self.head.sign(note).to_bytes()
    }

    /// What encrypts the facts of new items.
    #[must_use]
    pub fn facts_key(&self) -> &FactsKey {
        &self.facts
    }
}

/// A public key as PEM, the form that openssl takes.
pub(super) fn public_pem(key: &VerifyingKey) -> String {
    key.to_public_key_pem(LineEnding::LF).expect("every Ed25519 key has a SubjectPublicKeyInfo")
}

/// The secret of one of this node's own keys.
fn secret(certificates: &Certificates, (role, id): (Role, KeyId)) -> Result<Seed, Error> {
    let path = certificates.folder().join(secret_name(role, id));
    let bytes = read_secret(&path, Seed::LENGTH)?
        .ok_or_else(|| io_at("open", &path)(std::io::ErrorKind::NotFound.into()))?;
    let seed = Seed::copied(&bytes).ok_or_else(|| Error::damaged(&path, "a secret has 32 bytes"))?;
    if certificates.is_secret_of((role, id), &seed) {
        return Ok(seed);
    }
    Err(Error::damaged(&path, "it does not belong to the certified key"))
}

fn signing_secret(certificates: &Certificates, role: Role) -> Result<SigningKey, Error> {
    let seed = secret(certificates, (role, certificates.living(role)))?;
    Ok(SigningKey::from_bytes(seed.expose()))
}

fn facts_secret(certificates: &Certificates) -> Result<FactsKey, Error> {
    let seed = secret(certificates, (Role::Facts, certificates.living(Role::Facts)))?;
    Ok(FactsKey::from_bytes(*seed.expose()))
}
