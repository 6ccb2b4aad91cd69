//! Canonical JSON (RFC 8785): one value, one text.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Error;

/// The canonical text of a value.
///
/// # Errors
/// [`Error::Unwritable`] for numbers that are not finite.
pub(super) fn write<T: Serialize>(value: &T) -> Result<String, Error> {
    serde_json_canonicalizer::to_string(value).map_err(|_| Error::Unwritable)
}

/// Reads a value and refuses every text but its canonical one, so that each changed byte is found.
///
/// # Errors
/// [`Error::UnknownVersion`] where `version_of` finds a later one, [`Error::NotJson`],
/// [`Error::NotCanonical`].
pub(super) fn read<T: Serialize + DeserializeOwned>(
    bytes: &[u8],
    version_of: fn(&serde_json::Value) -> Option<u64>,
) -> Result<T, Error> {
    let value: T =
        serde_json::from_slice(bytes).map_err(|error| later_version(bytes, version_of, error))?;
    if write(&value)?.as_bytes() == bytes { Ok(value) } else { Err(Error::NotCanonical) }
}

/// A version that is not ours explains why the rest could not be read.
fn later_version(
    bytes: &[u8],
    version_of: fn(&serde_json::Value) -> Option<u64>,
    error: serde_json::Error,
) -> Error {
    let version = serde_json::from_slice(bytes).ok().and_then(|value| version_of(&value));
    match version {
        Some(version) if version > u64::from(super::VERSION) => Error::UnknownVersion(version),
        _ => Error::NotJson(error),
    }
}
