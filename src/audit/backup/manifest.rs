//! The manifest: what a state is made of, signed. FORMAT.md, section 3.

use std::fmt;
use std::io::Read as _;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::copying::open_regular;
use super::error::{Doing as _, Error};
use crate::keys::Certificates;
use crate::ledger::SignedHead;
use crate::model::{ArchiveId, Epoch, ItemId, KeyId, LedgerIndex, Moment, Sha256};

/// The name of the manifest in a state's folder.
pub(super) const MANIFEST: &str = "manifest.json";
/// And of its signature.
pub(super) const SIGNATURE: &str = "manifest.json.sig";

/// What every version of the document begins with.
const KIND: &str = "sealdock backup ";
const VERSION: u32 = 1;

/// The longest manifest: a ledger of half a million files, or as many damaged items.
const LIMIT: u64 = 16 * 1024 * 1024;

/// The number of a state, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StateNumber(pub u32);

impl fmt::Display for StateNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08}", self.0)
    }
}

impl StateNumber {
    /// The state in a folder of this name; nothing for any other name.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        let number = Self(name.parse().ok()?);
        (number.to_string() == name).then_some(number)
    }
}

/// What a state is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Whose.
    pub archive: ArchiveId,
    document: String,
    /// The ledger's.
    pub epoch: Epoch,
    /// The files of the state.
    pub files: Vec<Listed>,
    /// The head that the ledger was taken at: the whole note.
    pub head: String,
    /// The items; nothing where they are not in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<ItemsListed>,
    /// The ledger's files.
    pub ledger: Vec<Sheet>,
    /// When.
    pub made: Moment,
    /// Which state.
    pub number: StateNumber,
    /// The policy in force.
    pub profile: String,
    /// The key that certifies all others.
    pub root: KeyId,
    /// The node key that signs.
    pub signer: KeyId,
    /// By which version of sealdock.
    pub software: String,
}

/// A file of a state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// Its length.
    pub bytes: u64,
    /// Relative to the state's folder.
    pub path: String,
    /// Of its bytes.
    pub sha256: Sha256,
}

/// A file of the ledger, as far as it counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sheet {
    /// So many bytes of it.
    pub bytes: u64,
    /// The index of its first entry.
    pub first: LedgerIndex,
    /// Of those bytes.
    pub sha256: Sha256,
}

/// The items of a state.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ItemsListed {
    /// Of sealed files.
    pub bytes: u64,
    /// Sealed files and key files.
    pub files: u64,
    /// What was damaged in the archive already.
    pub missing: Vec<Missing>,
}

/// An item that could not be taken into the backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Missing {
    /// What is wrong with it, as `verify` calls it.
    pub code: String,
    /// Which.
    pub item: ItemId,
}

/// What a new manifest says besides its files.
pub(super) struct Stamp {
    pub(super) archive: ArchiveId,
    pub(super) root: KeyId,
    pub(super) signer: KeyId,
    pub(super) number: StateNumber,
    pub(super) made: Moment,
    pub(super) profile: String,
    pub(super) epoch: Epoch,
    pub(super) head: String,
}

impl Manifest {
    pub(super) fn new(stamp: Stamp, ledger: Vec<Sheet>, items: Option<ItemsListed>) -> Self {
        let Stamp { archive, root, signer, number, made, profile, epoch, head } = stamp;
        Self {
            archive,
            document: format!("{KIND}{VERSION}"),
            epoch,
            files: Vec::new(),
            head,
            items,
            ledger,
            made,
            number,
            profile,
            root,
            signer,
            software: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// The bytes of its file.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        canonical(self)
    }

    /// Reads the manifest of a state and checks all that it claims of itself.
    ///
    /// # Errors
    /// [`Error::FromTheFuture`], [`Error::Damaged`], [`Error::Disk`].
    pub(super) fn read(state: &Path, certificates: &Certificates) -> Result<Self, Error> {
        let path = state.join(MANIFEST);
        let bytes = read_bounded(&path, LIMIT)?;
        refuse_future(&path, &bytes)?;
        let manifest: Self = parse(&path, &bytes)?;
        let damaged = |what: &str| Err(Error::damaged(&path, what));
        if manifest.document != format!("{KIND}{VERSION}") {
            return damaged("it is not the manifest of a backup");
        }
        if manifest.archive != certificates.archive() || manifest.root != certificates.root() {
            return damaged("it names another archive or root than the keys beside it");
        }
        let signature: Result<[u8; 64], _> = read_bounded(&state.join(SIGNATURE), 64)?.try_into();
        let Ok(signature) = signature else {
            return Err(Error::damaged(&state.join(SIGNATURE), "a signature has 64 bytes"));
        };
        if !certificates.verify(manifest.signer, &bytes, &signature) {
            return damaged("no certified node key made its signature");
        }
        Ok(manifest)
    }

    /// The head, as what it is.
    pub(super) fn signed_head(&self) -> Result<SignedHead, Error> {
        Ok(SignedHead::parse(&self.head)?)
    }
}

/// A document of a later version is no damage.
fn refuse_future(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let value: Option<serde_json::Value> = serde_json::from_slice(bytes).ok();
    let document = value.as_ref().and_then(|value| value.get("document")?.as_str());
    let version = document.and_then(|document| document.strip_prefix(KIND)?.parse::<u32>().ok());
    match (document, version) {
        (Some(document), Some(version)) if version > VERSION => {
            Err(Error::FromTheFuture { path: path.to_owned(), document: document.to_owned() })
        }
        _ => Ok(()),
    }
}

/// Only the one canonical text is taken.
pub(super) fn parse<T: Serialize + DeserializeOwned>(path: &Path, bytes: &[u8]) -> Result<T, Error> {
    let value: T = serde_json::from_slice(bytes)
        .map_err(|_| Error::damaged(path, "it does not have the form of its kind"))?;
    if canonical(&value) == bytes {
        Ok(value)
    } else {
        Err(Error::damaged(path, "it is not canonical JSON"))
    }
}

pub(super) fn canonical<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json_canonicalizer::to_vec(value).expect("our documents hold text and whole numbers only")
}

pub(super) fn read_bounded(path: &Path, limit: u64) -> Result<Vec<u8>, Error> {
    let file = match open_regular(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(Error::damaged(path, "it is missing"));
        }
        opened => opened.doing("open", path)?,
    };
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).doing("read", path)?;
    if bytes.len() as u64 > limit {
        return Err(Error::damaged(path, "it is longer than such a file can be"));
    }
    Ok(bytes)
}
