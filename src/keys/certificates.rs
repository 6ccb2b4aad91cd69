//! What the root of an archive certified, without any secret: enough to seal, to check and to trust.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use ed25519_dalek::{Signature, SigningKey, VerifyingKey};
use serde::Serialize;

use super::certificate::{
    CERTIFICATE_ENDING, Certified, Issue, certificate_name, facts_fingerprint, secret_name,
};
use super::custody::CUSTODY_FILE;
use super::keyring::public_pem;
use super::layer::{Recipient, public_of, recipient};
use super::secret::Seed;
use super::signed::SignedFile;
use super::{Error, Role, custody, error::io_at};
use crate::model::{ArchiveId, KeyId, Moment};
use crate::seal::FactsKey;

/// Public halves for openssl.
const PEM_FILES: [&str; 3] = ["root.pub.pem", "node.pub.pem", "head.pub.pem"];

/// The most certificates a folder may hold: rotating nine roles every year for a century.
const MOST_CERTIFICATES: usize = 1024;

/// The certified keys of one archive, each checked against its root.
pub struct Certificates {
    folder: PathBuf,
    archive: ArchiveId,
    root: VerifyingKey,
    root_id: KeyId,
    certified: BTreeMap<(Role, KeyId), Certified>,
    living: BTreeMap<Role, KeyId>,
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates")
            .field("archive", &self.archive)
            .field("root", &self.root_id)
            .finish_non_exhaustive()
    }
}

impl Certificates {
    /// Opens the public part of a folder of keys: checks each certificate against the root.
    ///
    /// # Errors
    /// [`Error::Missing`] where a key that taking evidence in needs has no certificate, [`Error::Damaged`] and
    /// [`Error::WrongArchive`] for a file that is not what it was, [`Error::Io`].
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let (root, files) = find_root(folder)?;
        let (root_certified, root_key) = Certified::root(&root)?;
        let of_root = &root_certified.certificate;
        let issue = Issue { archive: of_root.archive, root: of_root.id, made: of_root.made };
        let mut certified = BTreeMap::from([((Role::Root, issue.root), root_certified)]);
        for path in files {
            let checked = Certified::check(&SignedFile::read(&path)?, &root_key, issue)?;
            certified.insert((checked.certificate.role, checked.certificate.id), checked);
        }
        let living = living_of(&certified);
        check_complete(folder, &living)?;
        Ok(Self {
            folder: folder.to_owned(),
            archive: issue.archive,
            root: root_key,
            root_id: issue.root,
            certified,
            living,
        })
    }

    /// The archive these keys belong to.
    #[must_use]
    pub fn archive(&self) -> ArchiveId {
        self.archive
    }

    /// The key that certified all others; the one to pin on paper. Whoever opens an archive compares it
    /// with the root in the ledger's first entry.
    #[must_use]
    pub fn root(&self) -> KeyId {
        self.root_id
    }

    /// The root's public key as PEM (SubjectPublicKeyInfo, RFC 8410).
    #[must_use]
    pub fn root_public_pem(&self) -> String {
        public_pem(&self.root)
    }

    /// The public halves of every certified head key, retired ones too: old heads were signed by them.
    #[must_use]
    pub fn head_publics(&self) -> Vec<[u8; 32]> {
        let heads = self.certified.iter().filter(|((role, _), _)| *role == Role::Head);
        heads.filter_map(|(_, head)| head.signing()).map(VerifyingKey::to_bytes).collect()
    }

    /// Whether a certified node key, living or retired, signed this.
    #[must_use]
    pub fn verify(&self, signer: KeyId, message: &[u8], signature: &[u8; 64]) -> bool {
        self.certified
            .get(&(Role::Node, signer))
            .and_then(Certified::signing)
            .is_some_and(|key| key.verify_strict(message, &Signature::from_bytes(signature)).is_ok())
    }

    /// Whether encrypted custodian keys lie here now. Without them the node is seal-only.
    #[must_use]
    pub fn custody_at_rest(&self) -> bool {
        self.folder.join(CUSTODY_FILE).is_file()
    }

    /// Every certified key, by role and age.
    #[must_use]
    pub fn list(&self) -> Vec<KeyInfo> {
        let encrypted = custody::keys_at_rest(self);
        let mut keys: Vec<KeyInfo> =
            self.certified.values().map(|key| self.describe(key, &encrypted)).collect();
        keys.sort_by_key(|key| (key.role, key.made, key.id));
        keys
    }

    fn describe(&self, key: &Certified, encrypted: &[KeyId]) -> KeyInfo {
        let certificate = &key.certificate;
        let (role, id) = (certificate.role, certificate.id);
        KeyInfo {
            id,
            role,
            made: certificate.made,
            state: if self.living[&role] == id { KeyState::Living } else { KeyState::Retired },
            private: match role {
                _ if encrypted.contains(&id) => PrivateHalf::Encrypted,
                Role::Node | Role::Head | Role::Facts if self.holds_secret(role, id) => PrivateHalf::Held,
                _ => PrivateHalf::Absent,
            },
        }
    }

    fn holds_secret(&self, role: Role, id: KeyId) -> bool {
        self.folder.join(secret_name(role, id)).is_file()
    }

    /// Where they lie.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn root_key(&self) -> &VerifyingKey {
        &self.root
    }

    /// The key with this role and id, if the root certified it.
    pub(super) fn certified(&self, role: Role, id: KeyId) -> Result<&Certified, Error> {
        self.certified.get(&(role, id)).ok_or(Error::NotCertified { id, role })
    }

    /// The newest key to seal to in this role.
    pub(super) fn recipient(&self, role: Role) -> (KeyId, &Recipient) {
        let id = self.living[&role];
        let key = self.certified[&(role, id)].sealing().expect("open() checked the algorithm of each role");
        (id, key)
    }

    /// The names of the files of this folder that may leave the house: certificates, public halves, and the
    /// custodian keys as they rest, encrypted. Never a secret in clear, and never a passphrase (P5).
    #[must_use]
    pub fn public_files(&self) -> Vec<String> {
        let certificates = self.all().map(|(role, id)| certificate_name(role, id));
        let signed = certificates.chain([CUSTODY_FILE.to_owned()]);
        let with_signatures = signed.flat_map(|name| [format!("{name}.sig"), name]);
        let names = with_signatures.chain(PEM_FILES.map(str::to_owned));
        names.filter(|name| self.folder.join(name).is_file()).collect()
    }

    /// The living key of a role; a folder that opened has one of each.
    pub(super) fn living(&self, role: Role) -> KeyId {
        self.living[&role]
    }

    /// Every certified key.
    pub(super) fn all(&self) -> impl Iterator<Item = (Role, KeyId)> {
        self.certified.keys().copied()
    }

    /// Whether these bytes are the private half that belongs to a certified key.
    pub(super) fn is_secret_of(&self, (role, id): (Role, KeyId), seed: &Seed) -> bool {
        let Some(certified) = self.certified.get(&(role, id)) else { return false };
        match role {
            Role::Root | Role::Node | Role::Head => {
                certified.signing() == Some(&SigningKey::from_bytes(seed.expose()).verifying_key())
            }
            Role::Facts => {
                let key = FactsKey::from_bytes(*seed.expose());
                key.id() == id && certified.fingerprint() == Some(&facts_fingerprint(&key))
            }
            Role::Domain(_) | Role::Escrow => recipient(&public_of(seed)).as_ref() == certified.sealing(),
        }
    }
}

/// One key, as `keys list` tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct KeyInfo {
    /// Which.
    pub id: KeyId,
    /// What for.
    pub role: Role,
    /// When it was certified.
    pub made: Moment,
    /// Whether new things are still made with it.
    pub state: KeyState,
    /// Where its private half is, as far as this node knows.
    pub private: PrivateHalf,
}

/// Whether a key is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    /// The newest of its role.
    Living,
    /// A newer one took its place; it still opens and verifies what is old.
    Retired,
}

/// Where a private half is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PrivateHalf {
    /// In clear, for this node's unattended work.
    Held,
    /// In the custody file, under the passphrase.
    Encrypted,
    /// Not here: elsewhere, or in shares.
    Absent,
}

/// The root's certificate, and the paths of all others.
fn find_root(folder: &Path) -> Result<(SignedFile, Vec<PathBuf>), Error> {
    let mut others = Vec::new();
    let mut roots = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(io_at("list", folder))? {
        let path = entry.map_err(io_at("list", folder))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        // A name with a dot in front is a temporary of an unfinished write.
        if name.starts_with('.') || !name.ends_with(CERTIFICATE_ENDING) {
            continue;
        }
        if name.starts_with("root-") { roots.push(path) } else { others.push(path) }
    }
    if others.len() > MOST_CERTIFICATES {
        return Err(Error::damaged(folder, "it holds more certificates than an archive can have"));
    }
    match roots.as_slice() {
        [root] => Ok((SignedFile::read(root)?, others)),
        [] => Err(Error::Missing { folder: folder.to_owned(), role: Role::Root }),
        _ => Err(Error::damaged(folder, "it holds the certificates of two roots")),
    }
}

/// The newest key of each role; of two made at the same moment, the one with the higher id.
fn living_of(certified: &BTreeMap<(Role, KeyId), Certified>) -> BTreeMap<Role, KeyId> {
    let mut newest: BTreeMap<Role, (Moment, KeyId)> = BTreeMap::new();
    for ((role, id), key) in certified {
        let this = (key.certificate.made, *id);
        let held = newest.entry(*role).or_insert(this);
        *held = this.max(*held);
    }
    newest.into_iter().map(|(role, (_, id))| (role, id)).collect()
}

fn check_complete(folder: &Path, living: &BTreeMap<Role, KeyId>) -> Result<(), Error> {
    match Role::all().find(|role| !living.contains_key(role)) {
        Some(role) => Err(Error::Missing { folder: folder.to_owned(), role }),
        None => Ok(()),
    }
}
