//! JSON documents that the root signed: canonical (RFC 8785) in one file, the 64 bytes of the Ed25519
//! signature over exactly these bytes beside it, so that openssl can check one without this software.

use std::path::{Path, PathBuf};

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Error;
use super::error::io_at;
use crate::sys::{Disk, Links, open_regular};

/// The longest document. A certificate has under 3 KiB; a custody file with its most keys about 128 KiB.
const LIMIT: u64 = 256 * 1024;

/// A document and its signature as they lie in the folder, neither looked at.
pub(super) struct SignedFile {
    path: PathBuf,
    bytes: Vec<u8>,
    signature: Signature,
}

impl SignedFile {
    pub(super) fn read(path: &Path) -> Result<Self, Error> {
        let signature = read_bounded(&signature_of(path), 64)?;
        let signature: [u8; 64] = signature
            .try_into()
            .map_err(|_| Error::damaged(&signature_of(path), "a signature has 64 bytes"))?;
        let bytes = read_bounded(path, LIMIT)?;
        Ok(Self { path: path.to_owned(), bytes, signature: Signature::from_bytes(&signature) })
    }

    /// The document, if the root signed it.
    pub(super) fn verified<T: Serialize + DeserializeOwned>(
        &self,
        root: &VerifyingKey,
    ) -> Result<T, Error> {
        root.verify_strict(&self.bytes, &self.signature)
            .map_err(|_| Error::damaged(&self.path, "the root's signature does not verify"))?;
        self.unverified()
    }

    /// The document before anyone vouched for it: only to find the root's own key.
    pub(super) fn unverified<T: Serialize + DeserializeOwned>(&self) -> Result<T, Error> {
        let document: T = serde_json::from_slice(&self.bytes)
            .map_err(|_| Error::damaged(&self.path, "it does not have the form of its kind"))?;
        if canonical(&document) != self.bytes {
            return Err(Error::damaged(&self.path, "it is not canonical JSON"));
        }
        Ok(document)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// A document, signed and not yet written.
pub(super) struct Signed {
    bytes: Vec<u8>,
    signature: [u8; 64],
}

impl Signed {
    pub(super) fn by<T: Serialize>(root: &SigningKey, document: &T) -> Self {
        let bytes = canonical(document);
        let signature = root.sign(&bytes).to_bytes();
        Self { bytes, signature }
    }

    /// Writes two new files, the signature first: a crash between them leaves a signature of nothing.
    pub(super) fn write(&self, disk: &Disk, path: &Path, mode: u32) -> Result<(), Error> {
        let beside = signature_of(path);
        disk.write_new(&beside, &self.signature, mode).map_err(io_at("write", &beside))?;
        disk.write_new(path, &self.bytes, mode).map_err(io_at("write", path))
    }
}

pub(super) fn canonical<T: Serialize>(document: &T) -> Vec<u8> {
    serde_json_canonicalizer::to_vec(document).expect("our documents hold text and small numbers only")
}

fn signature_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".sig");
    PathBuf::from(name)
}

fn read_bounded(path: &Path, limit: u64) -> Result<Vec<u8>, Error> {
    use std::io::Read as _;
    // A folder of keys may be a stranger's, as in a backup.
    let file = open_regular(path, Links::Follow).map_err(io_at("open", path))?;
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(io_at("read", path))?;
    if bytes.len() as u64 > limit {
        return Err(Error::damaged(path, "it is longer than such a file can be"));
    }
    Ok(bytes)
}
