//! A node's secrets on their way out of the house: sealed to custodians and to the escrow key, so that a backup
//! can be made by a node that nobody watches, and be opened by people alone (P5).

use std::path::Path;

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize as _, Zeroizing};

use super::certificate::secret_name;
use super::layer::{open, seal};
use super::secret::{Seed, read_secret};
use super::signed::canonical;
use super::{Certificates, Custody, Error, Keyring, Role, error::io_at};
use crate::model::{ArchiveId, Domain, KeyId, Moment};
use crate::sys::{Disk, Entropy};

/// The file that holds them in a backup.
pub const NODE_SECRETS_FILE: &str = "node-secrets.json";

const DOCUMENT: &str = "sealdock node secrets 1";
/// What HPKE's `info` begins with: another use of the same keys is another label.
const LABEL: &[u8] = b"sealdock node secrets 1\0";
/// Whom they are sealed to: those who may open ordinary evidence, and those who hold the shares.
const RECIPIENTS: [Role; 2] = [Role::Domain(Domain::General), Role::Escrow];
/// The most secrets one file holds: as many as a folder has certificates.
const MOST_KEYS: usize = 1024;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    head: Head,
    sealed: Vec<Sealed>,
}

/// What is in clear; its canonical bytes are the associated data.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    archive: ArchiveId,
    document: String,
    keys: Vec<Named>,
    made: Moment,
    root: KeyId,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    id: KeyId,
    role: Role,
}

/// The seeds of `head.keys` in that order, sealed to one key.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed {
    id: KeyId,
    role: Role,
    #[serde(with = "hex")]
    sealed: Vec<u8>,
}

impl Keyring {
    /// Every secret of this node that lies in its folder, retired ones too (old facts are read with them),
    /// sealed. Needs public keys only.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Exposed`], [`Error::Damaged`] where a secret is not what it was.
    pub fn seal_node_secrets(&self, made: Moment, entropy: &dyn Entropy) -> Result<Vec<u8>, Error> {
        let mut keys = Vec::new();
        // One allocation of the whole size: a growing buffer would leave copies behind.
        let mut seeds = Zeroizing::new(Vec::with_capacity(self.all().count() * Seed::LENGTH));
        for (role, id) in self.all() {
            let path = self.folder().join(secret_name(role, id));
            let Some(bytes) = read_secret(&path, Seed::LENGTH)? else { continue };
            let seed = Seed::copied(&bytes).filter(|seed| self.is_secret_of((role, id), seed));
            let seed =
                seed.ok_or_else(|| Error::damaged(&path, "it does not belong to the certified key"))?;
            seeds.extend_from_slice(seed.expose());
            keys.push(Named { id, role });
        }
        let document = DOCUMENT.to_owned();
        let head = Head { archive: self.archive(), document, keys, made, root: self.root() };
        let clear = canonical(&head);
        let sealed = RECIPIENTS
            .into_iter()
            .map(|role| {
                let (id, recipient) = self.recipient(role);
                let sealed = seal(recipient, (&info(head.archive, id), &clear), &seeds, entropy);
                Sealed { id, role, sealed }
            })
            .collect();
        Ok(canonical(&Document { head, sealed }))
    }
}

fn info(archive: ArchiveId, key: KeyId) -> Vec<u8> {
    [LABEL, archive.as_bytes().as_slice(), key.0.as_slice()].concat()
}

/// A node's secrets in clear. Zeroed when dropped; cannot be printed.
pub struct NodeSecrets(Vec<(Role, KeyId, Seed)>);

impl std::fmt::Debug for NodeSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NodeSecrets {{ keys: {} }}", self.0.len())
    }
}

impl NodeSecrets {
    /// Opens what [`Keyring::seal_node_secrets`] made, with a custodian's keys or the escrow shares. `path` is
    /// where the bytes lie, for errors.
    ///
    /// # Errors
    /// [`Error::Damaged`] where it is no such document, or holds a secret that does not belong to its
    /// certificate; [`Error::WrongArchive`]; [`Error::NoPrivateKey`] where it was sealed to other keys.
    pub fn open(
        certificates: &Certificates,
        (path, bytes): (&Path, &[u8]),
        custody: &Custody,
    ) -> Result<Self, Error> {
        let document = parse(certificates, (path, bytes))?;
        let clear = canonical(&document.head);
        let opened = document.sealed.iter().find_map(|sealed| {
            let seed = custody.private(sealed.id)?;
            certificates.certified(sealed.role, sealed.id).ok()?;
            open(seed, (&info(document.head.archive, sealed.id), &clear), &sealed.sealed)
        });
        let mut seeds = opened.ok_or_else(|| no_key(&document))?;
        let mut secrets = Vec::with_capacity(document.head.keys.len());
        for (named, bytes) in document.head.keys.iter().zip(seeds.chunks_exact_mut(Seed::LENGTH)) {
            let seed = Seed::copied(bytes).expect("the chunks are as long as seeds");
            bytes.zeroize();
            let of_node = matches!(named.role, Role::Node | Role::Head | Role::Facts);
            if !of_node || !certificates.is_secret_of((named.role, named.id), &seed) {
                return Err(Error::damaged(
                    path,
                    "it holds a secret that does not belong to its certificate",
                ));
            }
            secrets.push((named.role, named.id, seed));
        }
        Ok(Self(secrets))
    }

    /// Writes them into a folder of keys, over what an interrupted call left.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write(&self, folder: &Path, disk: &Disk) -> Result<(), Error> {
        for (role, id, seed) in &self.0 {
            let path = folder.join(secret_name(*role, *id));
            disk.write_over(&path, seed.expose(), 0o600).map_err(io_at("write", &path))?;
        }
        Ok(())
    }
}

fn parse(certificates: &Certificates, (path, bytes): (&Path, &[u8])) -> Result<Document, Error> {
    let document: Document = serde_json::from_slice(bytes)
        .map_err(|_| Error::damaged(path, "it does not have the form of its kind"))?;
    let head = &document.head;
    if canonical(&document) != bytes || head.document != DOCUMENT || head.root != certificates.root() {
        return Err(Error::damaged(path, "it is not a file of node secrets of version 1 under this root"));
    }
    if head.archive != certificates.archive() {
        return Err(Error::WrongArchive { wanted: certificates.archive(), found: head.archive });
    }
    if head.keys.len() > MOST_KEYS {
        return Err(Error::damaged(path, "it names more keys than an archive can have"));
    }
    Ok(document)
}

fn no_key(document: &Document) -> Error {
    let general = document.sealed.iter().find(|sealed| sealed.role == Role::Domain(Domain::General));
    let id = general.map_or(KeyId([0; 8]), |sealed| sealed.id);
    Error::NoPrivateKey { domain: Domain::General, id }
}

#[cfg(test)]
mod tests {
    use super::super::{CUSTODY_FILE, EscrowKey, EscrowRule, Making, Passphrase, Share, StretchHere};
    use super::*;
    use crate::sys::OsEntropy;

    struct House {
        folder: tempfile::TempDir,
        keyring: Keyring,
        passphrase: Passphrase,
        shares: Vec<Share>,
    }

    fn house() -> House {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let passphrase = Passphrase::new("a phrase").expect("taken");
        let (keyring, shares) = Keyring::make(&Making {
            folder: &folder.path().join("keys"),
            disk: &Disk::default(),
            entropy: &OsEntropy,
            now: Moment::UNIX_EPOCH,
            passphrase: &passphrase,
            stretch: &StretchHere,
            escrow: EscrowRule::DEFAULT,
        })
        .expect("made");
        House { folder, keyring, passphrase, shares }
    }

    impl House {
        fn by_passphrase(&self) -> Custody {
            Custody::unlock(&self.keyring, &self.passphrase, &StretchHere).expect("unlocked")
        }

        fn by_shares(&self) -> Custody {
            Custody::of_shares(EscrowKey::combine(&self.keyring, &self.shares[..2]).expect("combined"))
        }

        fn sealed(&self) -> Vec<u8> {
            self.keyring.seal_node_secrets(Moment::UNIX_EPOCH, &OsEntropy).expect("sealed")
        }

        fn open(&self, bytes: &[u8], custody: &Custody) -> Result<NodeSecrets, Error> {
            NodeSecrets::open(&self.keyring, (Path::new("x"), bytes), custody)
        }
    }

    #[test]
    fn they_come_back_by_the_passphrase_and_by_the_shares_and_make_a_keyring() {
        let house = house();
        let bytes = house.sealed();
        for custody in [house.by_passphrase(), house.by_shares()] {
            let secrets = house.open(&bytes, &custody).expect("opened");
            let bare = house.folder.path().join("bare");
            std::fs::create_dir_all(&bare).expect("made");
            for entry in std::fs::read_dir(house.folder.path().join("keys")).expect("listed") {
                let path = entry.expect("listed").path();
                if path.extension().is_none_or(|ending| ending != "secret") {
                    std::fs::copy(&path, bare.join(path.file_name().expect("a name"))).expect("copied");
                }
            }
            assert!(Keyring::open(&bare).is_err(), "no secrets yet");
            secrets.write(&bare, &Disk::default()).expect("written");
            let again = Keyring::open(&bare).expect("whole");
            assert!(house.keyring.verify(again.signer(), b"x", &again.sign(b"x")));
            assert_eq!(again.facts_key().id(), house.keyring.facts_key().id());
            std::fs::remove_dir_all(&bare).expect("removed");
        }
    }

    #[test]
    fn no_secret_stands_in_it_in_clear() {
        let house = house();
        let bytes = house.sealed();
        let text = String::from_utf8(bytes).expect("JSON");
        for entry in std::fs::read_dir(house.folder.path().join("keys")).expect("listed") {
            let path = entry.expect("listed").path();
            if path.extension().is_some_and(|ending| ending == "secret") {
                let secret = std::fs::read(&path).expect("read");
                assert!(!text.contains(&hex::encode(secret)), "{}", path.display());
            }
        }
    }

    #[test]
    fn others_open_nothing_and_no_changed_byte_is_taken() {
        let (house, other) = (house(), house());
        let bytes = house.sealed();
        let custody = house.by_shares();
        assert!(matches!(house.open(&bytes, &other.by_shares()), Err(Error::NoPrivateKey { .. })));
        assert!(other.open(&bytes, &other.by_shares()).is_err(), "another archive's");
        for at in (0..bytes.len()).step_by(97) {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            // What is sealed to custodians is not looked at by those who hold shares, and the other way round.
            let opened =
                [&custody, &house.by_passphrase()].map(|custody| house.open(&changed, custody).is_ok());
            assert!(opened.contains(&false), "byte {at}");
        }
        std::fs::remove_file(house.folder.path().join("keys").join(CUSTODY_FILE)).expect("removed");
        assert!(house.open(&bytes, &custody).is_ok(), "shares need no custody file");
    }
}
