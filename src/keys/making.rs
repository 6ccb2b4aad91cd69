//! Making every key of a new archive.

use std::path::{Path, PathBuf};

use ed25519_dalek::SigningKey;
use serde::{Deserialize, Serialize};

use super::certificate::{Certificate, Issue, key_id, secret_name};
use super::custody::{self, CUSTODY_FILE, Resting};
use super::keyring::public_pem;
use super::layer::public_of;
use super::secret::Seed;
use super::signed::Signed;
use super::{Cost, Error, Passphrase, Role, Share, Stretch, error::io_at, share};
use crate::model::{ArchiveId, Domain, Moment};
use crate::seal::FactsKey;
use crate::sys::{Disk, Entropy};

/// How many shares the escrow key is split into, and how many of them bring it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EscrowRule {
    /// Shares that are needed, 2 at least: one that opens everything alone is no share.
    pub needed: u8,
    /// Shares that are made, 16 at most: they are for people, not for machines.
    pub shares: u8,
}

impl EscrowRule {
    /// Two of three.
    pub const DEFAULT: Self = Self { needed: 2, shares: 3 };

    fn check(self) -> Result<(), Error> {
        if self.needed >= 2 && self.needed <= self.shares && self.shares <= 16 {
            return Ok(());
        }
        Err(Error::BadEscrowRule { needed: self.needed, shares: self.shares })
    }
}

/// What making the keys of an archive takes.
pub struct Making<'a> {
    /// Where they will lie: empty, or not there yet.
    pub folder: &'a Path,
    /// The disk.
    pub disk: &'a Disk,
    /// Where keys come from.
    pub entropy: &'a dyn Entropy,
    /// When it is.
    pub now: Moment,
    /// What the custodian keys will rest under.
    pub passphrase: &'a Passphrase,
    /// Where it is stretched.
    pub stretch: &'a dyn Stretch,
    /// How the escrow key is split.
    pub escrow: EscrowRule,
}

/// The private halves of a new archive, for as long as it takes to write them down.
struct Fresh {
    archive: ArchiveId,
    root: Seed,
    node: Seed,
    head: Seed,
    facts: Seed,
    domains: Vec<(Domain, Seed)>,
    escrow: Seed,
}

impl Fresh {
    fn draw(now: Moment, entropy: &dyn Entropy) -> Self {
        let seed = || Seed::fresh(entropy);
        Self {
            archive: ArchiveId::new(now, entropy.bytes()),
            root: seed(),
            node: seed(),
            head: seed(),
            facts: seed(),
            domains: Domain::ALL.into_iter().map(|domain| (domain, seed())).collect(),
            escrow: seed(),
        }
    }
}

/// Makes the folder, and returns the shares. All is written beside it first, and renamed as a whole.
pub(super) fn make(making: &Making<'_>) -> Result<Vec<Share>, Error> {
    making.escrow.check()?;
    check_free(making.folder)?;
    let beside = beside(making.folder)?;
    let fresh = Fresh::draw(making.now, making.entropy);
    making.disk.make_folder(&beside, 0o700).map_err(io_at("make", &beside))?;
    let shares = fill(making, &fresh, &beside)?;
    move_in(making, &beside)?;
    Ok(shares)
}

fn check_free(folder: &Path) -> Result<(), Error> {
    match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(io_at("list", folder)(error)),
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(Error::Exists { folder: folder.to_owned() }),
        },
    }
}

/// The folder that is filled first. One that is there already was never used, but holds keys: a person
/// removes it.
fn beside(folder: &Path) -> Result<PathBuf, Error> {
    let unnamed = || io_at("make", folder)(std::io::ErrorKind::InvalidInput.into());
    let mut name = std::ffi::OsString::from(".");
    name.push(folder.file_name().ok_or_else(unnamed)?);
    name.push(".new");
    let beside = folder.with_file_name(name);
    if beside.symlink_metadata().is_ok() { Err(Error::Unfinished { folder: beside }) } else { Ok(beside) }
}

fn fill(making: &Making<'_>, fresh: &Fresh, folder: &Path) -> Result<Vec<Share>, Error> {
    let root = SigningKey::from_bytes(fresh.root.expose());
    let root_public = root.verifying_key().to_bytes();
    let issue = Issue { archive: fresh.archive, root: key_id(&root_public), made: making.now };
    let writer = Writer { disk: making.disk, folder, root: &root, issue };

    let root_certificate = Certificate::new(issue, Role::Root, root_public.to_vec());
    writer.certify(&root_certificate)?;
    writer.signing_key(Role::Node, &fresh.node)?;
    writer.signing_key(Role::Head, &fresh.head)?;
    writer.facts_key(&fresh.facts)?;
    let mut resting = vec![Resting { certificate: root_certificate, seed: &fresh.root }];
    for (domain, seed) in &fresh.domains {
        let certificate = Certificate::new(issue, Role::Domain(*domain), public_of(seed));
        writer.certify(&certificate)?;
        resting.push(Resting { certificate, seed });
    }
    let escrow = Certificate::new(issue, Role::Escrow, public_of(&fresh.escrow)).with_escrow(making.escrow);
    writer.certify(&escrow)?;
    writer.public_pem("root.pub.pem", &root)?;

    let lock = custody::Lock {
        passphrase: making.passphrase,
        stretch: making.stretch,
        cost: Cost::DEFAULT,
        entropy: making.entropy,
    };
    let document = custody::encrypt(issue, &resting, &lock)?;
    Signed::by(&root, &document).write(making.disk, &folder.join(CUSTODY_FILE), 0o600)?;
    let splitting = share::Splitting { archive: fresh.archive, key: escrow.id, rule: making.escrow };
    Ok(share::split(&fresh.escrow, splitting, making.entropy))
}

fn move_in(making: &Making<'_>, beside: &Path) -> Result<(), Error> {
    let folder = making.folder;
    // A folder is renamed over an empty folder only: over anything else rename(2) fails.
    let renamed = if folder.exists() {
        making.disk.rename_over(beside, folder)
    } else {
        making.disk.rename_new(beside, folder)
    };
    renamed.map_err(io_at("make", folder))?;
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    making.disk.sync_folder(parent).map_err(io_at("sync", parent))
}

/// Writes new files into one folder, as one root certifies them.
struct Writer<'a> {
    disk: &'a Disk,
    folder: &'a Path,
    root: &'a SigningKey,
    issue: Issue,
}

impl Writer<'_> {
    fn certify(&self, certificate: &Certificate) -> Result<(), Error> {
        let path = self.folder.join(certificate.file_name());
        Signed::by(self.root, certificate).write(self.disk, &path, 0o444)
    }

    /// A signing key of this node: certificate, secret, and the public half as PEM.
    fn signing_key(&self, role: Role, seed: &Seed) -> Result<(), Error> {
        let key = SigningKey::from_bytes(seed.expose());
        let public = key.verifying_key().to_bytes().to_vec();
        let certificate = Certificate::new(self.issue, role, public);
        self.secret(&certificate, seed)?;
        self.certify(&certificate)?;
        self.public_pem(&format!("{role}.pub.pem"), &key)
    }

    fn facts_key(&self, seed: &Seed) -> Result<(), Error> {
        let certificate = Certificate::of_facts(self.issue, &FactsKey::from_bytes(*seed.expose()));
        self.secret(&certificate, seed)?;
        self.certify(&certificate)
    }

    fn secret(&self, certificate: &Certificate, seed: &Seed) -> Result<(), Error> {
        let path = self.folder.join(secret_name(certificate.role, certificate.id));
        self.disk.write_new(&path, seed.expose(), 0o600).map_err(io_at("write", &path))
    }

    fn public_pem(&self, name: &str, key: &SigningKey) -> Result<(), Error> {
        let path = self.folder.join(name);
        let pem = public_pem(&key.verifying_key());
        self.disk.write_new(&path, pem.as_bytes(), 0o444).map_err(io_at("write", &path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{Custody, EscrowKey, KeyState, Keyring, SealRequest, StretchHere};
    use crate::model::{Generation, ItemId, KeyId};
    use crate::seal::{ItemKey, KeyFile};
    use crate::sys::OsEntropy;

    #[test]
    fn rules_that_cannot_be_kept_are_refused() {
        assert!(EscrowRule::DEFAULT.check().is_ok());
        assert!(EscrowRule { needed: 16, shares: 16 }.check().is_ok());
        for (needed, shares) in [(0, 3), (1, 3), (4, 3), (2, 17), (0, 0)] {
            assert!(EscrowRule { needed, shares }.check().is_err(), "{needed} of {shares}");
        }
    }

    fn issue(fresh: &Fresh, made: Moment) -> (SigningKey, Issue) {
        let root = SigningKey::from_bytes(fresh.root.expose());
        let id = key_id(root.verifying_key().as_bytes());
        (root, Issue { archive: fresh.archive, root: id, made })
    }

    /// Certifies newer node, general and escrow keys, as a rotation will. Returns the id of the general
    /// key and the new shares.
    fn rotate(folder: &Path, fresh: &Fresh) -> (KeyId, Vec<Share>) {
        let (root, issue) = issue(fresh, Moment::from_unix(1, 0));
        let writer = Writer { disk: &Disk::default(), folder, root: &root, issue };
        let node = Seed::fresh(&OsEntropy);
        let public = SigningKey::from_bytes(node.expose()).verifying_key().to_bytes();
        let certificate = Certificate::new(issue, Role::Node, public.to_vec());
        writer.secret(&certificate, &node).expect("written");
        writer.certify(&certificate).expect("written");
        let general = public_of(&Seed::fresh(&OsEntropy));
        let general = Certificate::new(issue, Role::Domain(Domain::General), general);
        writer.certify(&general).expect("written");
        let private = Seed::fresh(&OsEntropy);
        let rule = EscrowRule::DEFAULT;
        let escrow = Certificate::new(issue, Role::Escrow, public_of(&private)).with_escrow(rule);
        writer.certify(&escrow).expect("written");
        let splitting = share::Splitting { archive: fresh.archive, key: escrow.id, rule };
        (general.id, share::split(&private, splitting, &OsEntropy))
    }

    /// Keys in this very folder, with what they were made of.
    fn filled(folder: &Path, passphrase: &Passphrase) -> (Fresh, Vec<Share>) {
        let making = Making {
            folder,
            disk: &Disk::default(),
            entropy: &OsEntropy,
            now: Moment::UNIX_EPOCH,
            passphrase,
            stretch: &StretchHere,
            escrow: EscrowRule::DEFAULT,
        };
        let fresh = Fresh::draw(making.now, making.entropy);
        let shares = fill(&making, &fresh, folder).expect("written");
        (fresh, shares)
    }

    fn sealed(keyring: &Keyring) -> KeyFile {
        keyring
            .seal_item_key(&SealRequest {
                key: &ItemKey::from_bytes([1; 32]),
                item: ItemId::from_bytes([2; 16]),
                domains: &[Domain::General],
                generation: Generation(1),
                commitment: [3; 32],
                entropy: &OsEntropy,
            })
            .expect("sealed")
    }

    #[test]
    fn newer_keys_live_and_older_ones_still_open_and_verify() {
        let home = tempfile::tempdir().expect("a temporary folder");
        let passphrase = Passphrase::new("a phrase").expect("taken");
        let (fresh, shares) = filled(home.path(), &passphrase);
        let before = Keyring::open(home.path()).expect("opened");
        let old = sealed(&before);

        let (general, new_shares) = rotate(home.path(), &fresh);
        let after = Keyring::open(home.path()).expect("opened");
        let retired: Vec<KeyId> =
            after.list().iter().filter(|key| key.state == KeyState::Retired).map(|key| key.id).collect();
        assert_eq!(retired.len(), 3);
        assert!(retired.contains(&before.signer()) && retired.contains(&old.layers[0].key));
        assert!(after.verify(before.signer(), b"old", &before.sign(b"old")));

        let new = sealed(&after);
        assert_eq!((new.signer, new.layers[0].key), (after.signer(), general));
        assert_ne!(after.signer(), before.signer());
        let custody = Custody::unlock(&after, &passphrase, &StretchHere).expect("unlocked");
        assert_eq!(*custody.open(&after, &old).expect("opened").expose(), [1; 32]);
        // Its private half is not in the custody file of this test.
        assert!(matches!(custody.open(&after, &new), Err(Error::NoPrivateKey { id, .. }) if id == general));
        assert!(matches!(before.verify_key_file(&new), Err(Error::NotCertified { .. })));

        let old_escrow = EscrowKey::combine(&after, &shares).expect("combined");
        assert_eq!(*old_escrow.open(&after, &old).expect("opened").expose(), [1; 32]);
        assert!(matches!(old_escrow.open(&after, &new), Err(Error::DoesNotOpen { .. })));
        let new_escrow = EscrowKey::combine(&after, &new_shares).expect("combined");
        assert_eq!(*new_escrow.open(&after, &new).expect("opened").expose(), [1; 32]);
        let mixed = [Share::new(shares[0].text()), Share::new(new_shares[1].text())];
        let refused = EscrowKey::combine(&after, &mixed);
        assert!(matches!(refused, Err(Error::BadShare { place: 2, .. })));
    }

    #[test]
    fn a_facts_key_under_another_id_is_refused() {
        let home = tempfile::tempdir().expect("a temporary folder");
        let passphrase = Passphrase::new("a phrase").expect("taken");
        let (fresh, _) = filled(home.path(), &passphrase);
        let (root, issue) = issue(&fresh, Moment::from_unix(1, 0));
        let writer = Writer { disk: &Disk::default(), folder: home.path(), root: &root, issue };
        let mut certificate = Certificate::of_facts(issue, &FactsKey::from_bytes(*fresh.facts.expose()));
        certificate.id = KeyId([9; 8]);
        writer.secret(&certificate, &fresh.facts).expect("written");
        writer.certify(&certificate).expect("written");
        assert!(matches!(Keyring::open(home.path()), Err(Error::Damaged { .. })));
    }
}
