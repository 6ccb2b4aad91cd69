//! Certificates: the root's word that a key serves a role in this archive.

use std::path::PathBuf;

use ed25519_dalek::VerifyingKey;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::layer::{Recipient, recipient};
use super::{Algorithm, Error, EscrowRule, Role, signed::SignedFile};
use crate::model::{ArchiveId, KeyId, Moment};
use crate::seal::FactsKey;

const DOCUMENT: &str = "sealdock certificate 1";
/// What makes a fingerprint of a symmetric key another thing than any other hash of it.
const FACTS_LABEL: &[u8] = b"sealdock facts key 1\0";

/// The signed document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Certificate {
    document: String,
    pub(super) archive: ArchiveId,
    /// The root that signed it.
    root: KeyId,
    pub(super) role: Role,
    pub(super) id: KeyId,
    algorithm: Algorithm,
    #[serde(with = "hex")]
    public: Vec<u8>,
    pub(super) made: Moment,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    escrow: Option<EscrowRule>,
}

/// What all certificates of one making share.
#[derive(Debug, Clone, Copy)]
pub(super) struct Issue {
    pub(super) archive: ArchiveId,
    pub(super) root: KeyId,
    pub(super) made: Moment,
}

impl Certificate {
    pub(super) fn new(issue: Issue, role: Role, public: Vec<u8>) -> Self {
        Self {
            document: DOCUMENT.to_owned(),
            archive: issue.archive,
            root: issue.root,
            role,
            id: key_id(&public),
            algorithm: role.algorithm(),
            public,
            made: issue.made,
            escrow: None,
        }
    }

    /// For a facts key, which sealed files name by an id of its own.
    pub(super) fn of_facts(issue: Issue, key: &FactsKey) -> Self {
        let public = facts_fingerprint(key).to_vec();
        Self { id: key.id(), ..Self::new(issue, Role::Facts, public) }
    }

    pub(super) fn with_escrow(self, rule: EscrowRule) -> Self {
        Self { escrow: Some(rule), ..self }
    }

    /// A facts key's id is checked where the secret is at hand.
    fn has_its_own_id(&self) -> bool {
        self.role == Role::Facts || self.id == key_id(&self.public)
    }

    /// The name of its file: a key's role and id never change, so neither does the name.
    pub(super) fn file_name(&self) -> String {
        certificate_name(self.role, self.id)
    }
}

/// A certificate that was checked, with its key ready for use. Only the checks here make one.
pub(super) struct Certified {
    pub(super) certificate: Certificate,
    pub(super) key: PublicHalf,
}

/// A key as far as everyone may know it.
pub(super) enum PublicHalf {
    Signing(VerifyingKey),
    Sealing(Box<Recipient>),
    /// The fingerprint of a symmetric key.
    Fingerprint([u8; 32]),
}

impl Certified {
    /// The root's certificate of itself: its own key must have signed it.
    pub(super) fn root(file: &SignedFile) -> Result<(Self, VerifyingKey), Error> {
        let claimed: Certificate = file.unverified()?;
        let Some(PublicHalf::Signing(root)) = public_half(&claimed) else {
            return Err(Error::damaged(file.path(), "it does not hold a root key"));
        };
        let issue = Issue { archive: claimed.archive, root: claimed.id, made: claimed.made };
        let certified = Self::check(file, &root, issue)?;
        if certified.certificate.role != Role::Root {
            return Err(Error::damaged(file.path(), "it does not hold a root key"));
        }
        Ok((certified, root))
    }

    /// A certificate of this archive, signed by this root.
    pub(super) fn check(file: &SignedFile, root: &VerifyingKey, issue: Issue) -> Result<Self, Error> {
        let certificate: Certificate = file.verified(root)?;
        let damaged = |what| Error::damaged(file.path(), what);
        if certificate.archive != issue.archive {
            return Err(Error::WrongArchive { wanted: issue.archive, found: certificate.archive });
        }
        if certificate.document != DOCUMENT {
            return Err(damaged("it is not a certificate of version 1"));
        }
        if certificate.root != issue.root || !certificate.has_its_own_id() {
            return Err(damaged("it names a key by the wrong id"));
        }
        if file.path().file_name() != Some(certificate.file_name().as_ref()) {
            return Err(damaged("it lies under the name of another key"));
        }
        if certificate.escrow.is_some() != (certificate.role == Role::Escrow) {
            return Err(damaged("an escrow rule belongs to escrow keys, and to each of them"));
        }
        let key = public_half(&certificate).ok_or_else(|| damaged("its public key is none"))?;
        Ok(Self { certificate, key })
    }

    pub(super) fn escrow_rule(&self) -> Option<EscrowRule> {
        self.certificate.escrow
    }

    pub(super) fn fingerprint(&self) -> Option<&[u8; 32]> {
        match &self.key {
            PublicHalf::Fingerprint(print) => Some(print),
            PublicHalf::Signing(_) | PublicHalf::Sealing(_) => None,
        }
    }

    pub(super) fn signing(&self) -> Option<&VerifyingKey> {
        match &self.key {
            PublicHalf::Signing(key) => Some(key),
            PublicHalf::Fingerprint(_) | PublicHalf::Sealing(_) => None,
        }
    }

    pub(super) fn sealing(&self) -> Option<&Recipient> {
        match &self.key {
            PublicHalf::Sealing(key) => Some(key),
            PublicHalf::Fingerprint(_) | PublicHalf::Signing(_) => None,
        }
    }
}

/// The public key in a certificate, where its bytes are one of the kind that its role wants.
fn public_half(certificate: &Certificate) -> Option<PublicHalf> {
    if certificate.algorithm != certificate.role.algorithm() {
        return None;
    }
    match certificate.algorithm {
        Algorithm::Ed25519 => {
            let bytes = certificate.public.as_slice().try_into().ok()?;
            let key = VerifyingKey::from_bytes(bytes).ok().filter(|key| !key.is_weak())?;
            Some(PublicHalf::Signing(key))
        }
        Algorithm::XWing => recipient(&certificate.public).map(|key| PublicHalf::Sealing(Box::new(key))),
        Algorithm::Aes256Gcm => certificate.public.as_slice().try_into().ok().map(PublicHalf::Fingerprint),
    }
}

/// The first eight bytes of the SHA-256 of a public key.
pub(super) fn key_id(public: &[u8]) -> KeyId {
    let digest = Sha256::digest(public);
    KeyId(std::array::from_fn(|place| digest[place]))
}

/// What stands for the public half of a facts key.
pub(super) fn facts_fingerprint(key: &FactsKey) -> [u8; 32] {
    Sha256::new().chain_update(FACTS_LABEL).chain_update(key.expose()).finalize().into()
}

pub(super) const CERTIFICATE_ENDING: &str = ".cert.json";

pub(super) fn certificate_name(role: Role, id: KeyId) -> String {
    format!("{role}-{id}{CERTIFICATE_ENDING}")
}

/// The name of the file with the secret of a node's own key.
pub(super) fn secret_name(role: Role, id: KeyId) -> PathBuf {
    PathBuf::from(format!("{role}-{id}.secret"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use ed25519_dalek::SigningKey;
    use serde_json::{Value, json};

    use super::super::signed::Signed;
    use super::*;
    use crate::sys::Disk;

    fn root() -> SigningKey {
        SigningKey::from_bytes(&[1; 32])
    }

    fn issue() -> Issue {
        let root = key_id(root().verifying_key().as_bytes());
        Issue { archive: ArchiveId::from_bytes([1; 16]), root, made: Moment::UNIX_EPOCH }
    }

    fn node() -> Certificate {
        let public = SigningKey::from_bytes(&[2; 32]).verifying_key().to_bytes();
        Certificate::new(issue(), Role::Node, public.to_vec())
    }

    /// Whether what the root signed under this name is taken.
    fn check(document: &Value, name: &str) -> Result<Certified, Error> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join(name);
        Signed::by(&root(), document).write(&Disk::default(), &path, 0o600).expect("written");
        Certified::check(&SignedFile::read(&path)?, &root().verifying_key(), issue())
    }

    fn with(field: &str, value: Value) -> Value {
        let mut document = serde_json::to_value(node()).expect("a document");
        document[field] = value;
        document
    }

    #[test]
    fn only_what_keeps_every_rule_is_taken_even_from_the_root() {
        let name = node().file_name();
        let certified = check(&with("role", json!("node")), &name).expect("as it should be");
        assert_eq!(certified.certificate, node());
        let other_archive = json!(ArchiveId::from_bytes([9; 16]));
        assert!(matches!(check(&with("archive", other_archive), &name), Err(Error::WrongArchive { .. })));
        for (field, value) in [
            ("document", json!("sealdock certificate 2")),
            ("root", json!("0000000000000000")),
            ("id", json!("0000000000000000")),
            ("public", json!(hex::encode(root().verifying_key().as_bytes()))),
            ("public", json!("00")),
            ("algorithm", json!("aes-256-gcm")),
            ("algorithm", json!("rot13")),
            ("role", json!("head")),
            ("role", json!("janitor")),
            ("escrow", json!({"needed": 1, "shares": 1})),
            ("escrow", json!(null)),
            ("made", json!("yesterday")),
            ("surprise", json!(1)),
        ] {
            let refused = check(&with(field, value.clone()), &name);
            assert!(matches!(refused, Err(Error::Damaged { .. })), "{field} {value}");
        }
        let elsewhere = check(&with("role", json!("node")), "node-0000000000000000.cert.json");
        assert!(matches!(elsewhere, Err(Error::Damaged { .. })));
    }

    #[test]
    fn a_key_of_small_order_is_none() {
        // The neutral point: signatures by it verify for any message where the check is lax.
        let mut neutral = vec![0; 32];
        neutral[0] = 1;
        let certificate = Certificate::new(issue(), Role::Node, neutral);
        let document = serde_json::to_value(&certificate).expect("a document");
        assert!(matches!(check(&document, &certificate.file_name()), Err(Error::Damaged { .. })));
    }

    #[test]
    fn a_root_is_its_own_witness_and_nobody_elses() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let write = |certificate: &Certificate, by: &SigningKey| {
            let path = folder.path().join(certificate.file_name());
            Signed::by(by, certificate).write(&Disk::default(), &path, 0o600).expect("written");
            path
        };
        let read = |path: &Path| Certified::root(&SignedFile::read(path).expect("read"));
        let public = root().verifying_key().to_bytes().to_vec();
        let own = write(&Certificate::new(issue(), Role::Root, public), &root());
        assert!(read(&own).is_ok());
        let mallory = SigningKey::from_bytes(&[3; 32]);
        let public = mallory.verifying_key().to_bytes().to_vec();
        let vouched = write(&Certificate::new(issue(), Role::Root, public), &root());
        assert!(matches!(read(&vouched), Err(Error::Damaged { .. })));
        let public = root().verifying_key().to_bytes().to_vec();
        let no_root = write(&Certificate::new(issue(), Role::Node, public), &root());
        assert!(matches!(read(&no_root), Err(Error::Damaged { .. })));
    }
}
