//! Custodian keys: at rest under a passphrase, and unlocked in memory.

use std::collections::BTreeMap;
use std::fmt;

use aes_gcm::aead::AeadInOut as _;
use aes_gcm::{Aes256Gcm, KeyInit as _};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize as _, Zeroizing};

use super::certificate::{Certificate, Issue};
use super::layer::{Binding, Place, unwrap};
use super::secret::Seed;
use super::signed::{SignedFile, canonical};
use super::stretch::Stretched;
use super::{Certificates, Cost, Error, EscrowKey, Passphrase, Role, Stretch};
use crate::model::{ArchiveId, KeyId, Moment};
use crate::seal::{ItemKey, KeyFile};
use crate::sys::Entropy;

/// The file that makes a node a custodian. Taking it away leaves a node that only seals.
pub const CUSTODY_FILE: &str = "custody.json";

const DOCUMENT: &str = "sealdock custody 1";
const TAG: usize = 16;
/// The most keys one file holds; their number is bounded so that a decrypted buffer is.
const MOST_KEYS: usize = 1024;

/// The signed document.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CustodyDocument {
    /// Everything that is in clear; its canonical bytes are the associated data.
    head: Head,
    /// The seeds of `head.keys`, 32 bytes each in that order, encrypted; the tag at the end.
    #[serde(with = "hex")]
    sealed: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    document: String,
    archive: ArchiveId,
    root: KeyId,
    made: Moment,
    cost: Cost,
    #[serde(with = "hex")]
    salt: [u8; 32],
    #[serde(with = "hex")]
    nonce: [u8; 12],
    keys: Vec<Named>,
}

/// Which key a seed belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    role: Role,
    id: KeyId,
}

/// A private key on its way into the file.
pub(super) struct Resting<'a> {
    pub(super) certificate: Certificate,
    pub(super) seed: &'a Seed,
}

/// What the file is locked with.
pub(super) struct Lock<'a> {
    pub(super) passphrase: &'a Passphrase,
    pub(super) stretch: &'a dyn Stretch,
    pub(super) cost: Cost,
    pub(super) entropy: &'a dyn Entropy,
}

/// Encrypts private keys under a passphrase. Salt and nonce are fresh, so no key encrypts twice.
pub(super) fn encrypt(
    issue: Issue,
    keys: &[Resting<'_>],
    lock: &Lock<'_>,
) -> Result<CustodyDocument, Error> {
    let head = Head {
        document: DOCUMENT.to_owned(),
        archive: issue.archive,
        root: issue.root,
        made: issue.made,
        cost: lock.cost,
        salt: lock.entropy.bytes(),
        nonce: lock.entropy.bytes(),
        keys: keys.iter().map(|key| Named { role: key.certificate.role, id: key.certificate.id }).collect(),
    };
    let stretched = lock.stretch.stretch(lock.passphrase, &head.salt, head.cost)?;
    let mut seeds = Zeroizing::new(Vec::with_capacity(keys.len() * Seed::LENGTH + TAG));
    for key in keys {
        seeds.extend_from_slice(key.seed.expose());
    }
    cipher(&stretched)
        .encrypt_in_place(&head.nonce.into(), &canonical(&head), &mut *seeds)
        .expect("a few hundred bytes are below the limit of GCM");
    Ok(CustodyDocument { head, sealed: std::mem::take(&mut *seeds) })
}

fn cipher(stretched: &Stretched) -> Aes256Gcm {
    Aes256Gcm::new(stretched.expose().into())
}

/// The ids of the keys in the custody file; none where it is away or damaged, which [`Custody::unlock`] tells.
pub(super) fn keys_at_rest(certificates: &Certificates) -> Vec<KeyId> {
    let document = certificates.custody_at_rest().then(|| read(certificates).ok()).flatten();
    document.map(|document| document.head.keys.iter().map(|key| key.id).collect()).unwrap_or_default()
}

fn read(certificates: &Certificates) -> Result<CustodyDocument, Error> {
    let path = certificates.folder().join(CUSTODY_FILE);
    let document: CustodyDocument = SignedFile::read(&path)?.verified(certificates.root_key())?;
    let head = &document.head;
    if head.document != DOCUMENT {
        return Err(Error::damaged(&path, "it is not a custody file of version 1"));
    }
    if head.archive != certificates.archive() {
        return Err(Error::WrongArchive { wanted: certificates.archive(), found: head.archive });
    }
    if head.keys.len() > MOST_KEYS || document.sealed.len() != head.keys.len() * Seed::LENGTH + TAG {
        return Err(Error::damaged(&path, "it does not hold the keys that it names"));
    }
    Ok(document)
}

/// Private keys that open evidence, unlocked. Zeroed when dropped; cannot be printed.
pub struct Custody(Keys);

/// Which they are.
enum Keys {
    /// Those of the domains, out of the custody file.
    Domains(BTreeMap<KeyId, Seed>),
    /// The escrow key, out of its shares.
    Escrow(EscrowKey),
}

impl fmt::Debug for Custody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Keys::Domains(domains) => write!(f, "Custody {{ domains: {} }}", domains.len()),
            Keys::Escrow(escrow) => write!(f, "Custody {{ escrow: {escrow:?} }}"),
        }
    }
}

impl Custody {
    /// Decrypts the custody file. The root's private half is checked and dropped again: nothing that
    /// opens evidence needs it.
    ///
    /// # Errors
    /// [`Error::SealOnly`] where there is no such file, [`Error::WrongPassphrase`], [`Error::Damaged`]
    /// and [`Error::NotCertified`] for a file that is not what it was, and what stretching fails with.
    pub fn unlock(
        certificates: &Certificates,
        passphrase: &Passphrase,
        stretch: &dyn Stretch,
    ) -> Result<Self, Error> {
        if !certificates.custody_at_rest() {
            return Err(Error::SealOnly);
        }
        let CustodyDocument { head, sealed } = read(certificates)?;
        let stretched = stretch.stretch(passphrase, &head.salt, head.cost)?;
        // In place: no copy of the seeds is left behind.
        let mut seeds = Zeroizing::new(sealed);
        cipher(&stretched)
            .decrypt_in_place(&head.nonce.into(), &canonical(&head), &mut *seeds)
            .map_err(|_| Error::WrongPassphrase)?;
        let mut domains = BTreeMap::new();
        for (named, bytes) in head.keys.iter().zip(seeds.chunks_exact_mut(Seed::LENGTH)) {
            let seed = Seed::copied(bytes).expect("the chunks are as long as seeds");
            bytes.zeroize();
            check_pair(certificates, *named, &seed)?;
            if matches!(named.role, Role::Domain(_)) {
                domains.insert(named.id, seed);
            }
        }
        Ok(Self(Keys::Domains(domains)))
    }

    /// The custody of those who hold the shares: it opens everything, and needs no custody file.
    #[must_use]
    pub fn of_shares(escrow: EscrowKey) -> Self {
        Self(Keys::Escrow(escrow))
    }

    /// Whether it came out of shares, and not out of the custody file.
    #[must_use]
    pub fn is_of_shares(&self) -> bool {
        matches!(self.0, Keys::Escrow(_))
    }

    /// The private half of one key, where it is among these.
    pub(super) fn private(&self, id: KeyId) -> Option<&Seed> {
        match &self.0 {
            Keys::Domains(domains) => domains.get(&id),
            Keys::Escrow(escrow) => escrow.private(id),
        }
    }

    /// Opens every layer of a key file, from the outermost in. The key it gives is checked against the
    /// commitment by `seal::unlock`; that the file belongs to the item at hand is the caller's to check.
    ///
    /// # Errors
    /// What [`Certificates::verify_key_file`] refuses, [`Error::NoPrivateKey`], [`Error::DoesNotOpen`].
    pub fn open(&self, certificates: &Certificates, file: &KeyFile) -> Result<ItemKey, Error> {
        let domains = match &self.0 {
            Keys::Domains(domains) => domains,
            Keys::Escrow(escrow) => return escrow.open(certificates, file),
        };
        certificates.verify_key_file(file)?;
        let mut content = Zeroizing::new(file.onion.clone());
        for (depth, layer) in file.layers.iter().enumerate().rev() {
            let seed = domains
                .get(&layer.key)
                .ok_or(Error::NoPrivateKey { domain: layer.domain, id: layer.key })?;
            let depth = u8::try_from(depth).expect("a verified key file has 4 layers at most");
            let binding = Binding::of(file, layer.key, Place::Onion { domain: layer.domain, depth });
            content = unwrap(seed, binding, &content)
                .ok_or(Error::DoesNotOpen { item: file.item, id: layer.key })?;
        }
        item_key(file, &content)
    }
}

/// The innermost content: an item key and nothing else.
pub(super) fn item_key(file: &KeyFile, content: &[u8]) -> Result<ItemKey, Error> {
    let bytes: [u8; 32] =
        content.try_into().map_err(|_| Error::DoesNotOpen { item: file.item, id: file.layers[0].key })?;
    let bytes = Zeroizing::new(bytes);
    Ok(ItemKey::from_bytes(*bytes))
}

/// Whether a decrypted seed is the private half of the certified key it is named as.
fn check_pair(certificates: &Certificates, named: Named, seed: &Seed) -> Result<(), Error> {
    certificates.certified(named.role, named.id)?;
    let may_rest_here = matches!(named.role, Role::Root | Role::Domain(_));
    let fits = may_rest_here && certificates.is_secret_of((named.role, named.id), seed);
    if fits {
        return Ok(());
    }
    let path = certificates.folder().join(CUSTODY_FILE);
    Err(Error::damaged(&path, "it holds a private key that does not belong to its certificate"))
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::SigningKey;

    use super::super::layer::public_of;
    use super::super::{EscrowRule, Keyring, Making, StretchHere, signed::Signed};
    use super::*;
    use crate::sys::{Disk, OsEntropy};

    fn lock(passphrase: &Passphrase, cost: Cost) -> Lock<'_> {
        Lock { passphrase, stretch: &StretchHere, cost, entropy: &OsEntropy }
    }

    const CHEAP: Cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };

    /// What unlocking says to a custody file that its root signed, with these keys in it.
    fn unlock(keys: &[(Role, Vec<u8>, Seed)], cost: Cost) -> Result<Custody, Error> {
        let home = tempfile::tempdir().expect("a temporary folder");
        let folder = home.path().join("keys");
        let passphrase = Passphrase::new("a phrase").expect("taken");
        // The root is the first seed that is drawn after the archive's id.
        let (keyring, _) = Keyring::make(&Making {
            folder: &folder,
            disk: &Disk::default(),
            entropy: &Zeros,
            now: Moment::UNIX_EPOCH,
            passphrase: &passphrase,
            stretch: &Cheap,
            escrow: EscrowRule::DEFAULT,
        })?;
        let issue = Issue { archive: keyring.archive(), root: keyring.root(), made: Moment::UNIX_EPOCH };
        let resting: Vec<Resting<'_>> = keys
            .iter()
            .map(|(role, public, seed)| Resting {
                certificate: Certificate::new(issue, *role, public.clone()),
                seed,
            })
            .collect();
        let mut document = encrypt(issue, &resting, &lock(&passphrase, CHEAP))?;
        document.head.cost = cost;
        let root = SigningKey::from_bytes(&[0; 32]);
        for name in [CUSTODY_FILE, "custody.json.sig"] {
            std::fs::remove_file(folder.join(name)).expect("removed");
        }
        Signed::by(&root, &document).write(&Disk::default(), &folder.join(CUSTODY_FILE), 0o600)?;
        Custody::unlock(&keyring, &passphrase, &StretchHere)
    }

    /// Every key is the same, and known.
    struct Zeros;

    impl Entropy for Zeros {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0);
        }
    }

    struct Cheap;

    impl Stretch for Cheap {
        fn stretch(&self, passphrase: &Passphrase, salt: &[u8; 32], _: Cost) -> Result<Stretched, Error> {
            StretchHere.stretch(passphrase, salt, CHEAP)
        }
    }

    fn zero() -> Seed {
        Seed::copied(&[0; 32]).expect("32 bytes")
    }

    #[test]
    fn a_seed_must_belong_to_a_certified_key() {
        use crate::model::Domain;
        let general = Role::Domain(Domain::General);
        let known = public_of(&zero());
        assert!(unlock(&[(general, known.clone(), zero())], CHEAP).is_ok());
        let other = Seed::fresh(&OsEntropy);
        let stranger = public_of(&other);
        let refused = unlock(&[(general, known.clone(), other)], CHEAP);
        assert!(matches!(refused, Err(Error::Damaged { .. })));
        let refused = unlock(&[(general, stranger, zero())], CHEAP);
        assert!(matches!(refused, Err(Error::NotCertified { .. })));
        let refused = unlock(&[(Role::Escrow, known, zero())], CHEAP);
        assert!(matches!(refused, Err(Error::Damaged { .. })), "the escrow key rests nowhere");
    }

    #[test]
    fn the_clear_part_is_bound_to_the_sealed_part() {
        let keys = || [(Role::Domain(crate::model::Domain::General), public_of(&zero()), zero())];
        assert!(unlock(&keys(), CHEAP).is_ok());
        let other = unlock(&keys(), Cost { passes: 2, ..CHEAP });
        assert!(matches!(other, Err(Error::WrongPassphrase)));
        let greedy = unlock(&keys(), Cost { memory_kib: u32::MAX, ..CHEAP });
        assert!(matches!(greedy, Err(Error::BadCost { .. })));
    }
}
