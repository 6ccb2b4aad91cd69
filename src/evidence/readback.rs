//! Reading a new item back from the disk, before it gets its name (P2).

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::copies::digest;
use super::open::{SealedFile, decrypt_pass};
use super::{Custodian, Error, Heeding, Unplaced};
use crate::keys::Keyring;
use crate::model::ReadBack;
use crate::seal::{self, Header, ItemKey, KeyFile};
use crate::vault::ColdFile;

/// What must be on the disk.
pub(super) struct Expected<'a> {
    /// What was written.
    pub unplaced: &'a Unplaced,
    /// The item key, still in memory: a node that only seals can read back as well (P5).
    pub key: &'a ItemKey,
    /// The sealed file's header and end, byte for byte.
    pub written: &'a Written,
    /// The key file, byte for byte.
    pub key_bytes: &'a [u8],
    /// Keys that open the key file, where they are at hand.
    pub custodian: Custodian<'a>,
    /// Set when the process is stopping.
    pub stop: &'a AtomicBool,
}

/// The parts of a new sealed file that stand around its segments.
pub(super) struct Written {
    pub header: [u8; Header::LENGTH],
    /// Facts section and footer.
    pub end: Vec<u8>,
}

/// What was seen there.
#[derive(Clone, Copy)]
pub(super) struct Seen {
    /// From where the bytes came.
    pub way: ReadBack,
    /// Whether a custodian's keys opened the key file.
    pub proven: bool,
}

impl Seen {
    /// Together with what was seen of another copy.
    pub(super) fn and(self, way: ReadBack) -> Self {
        let way = if way == ReadBack::Memory { way } else { self.way };
        Self { way, ..self }
    }
}

/// Reads both files, opens them, and compares them with what was meant.
pub(super) fn look(
    keyring: &Keyring,
    (sealed, keys): (&Path, &Path),
    expected: &Expected<'_>,
) -> Result<Seen, Error> {
    let proven = look_at_keys(keyring, keys, expected)?;
    let way = look_at_sealed(sealed, expected)?;
    Ok(Seen { way, proven })
}

fn look_at_keys(keyring: &Keyring, path: &Path, expected: &Expected<'_>) -> Result<bool, Error> {
    let mut bytes = Vec::new();
    ColdFile::open(path).and_then(|mut file| file.read_to_end(&mut bytes)).map_err(unreadable)?;
    if bytes != expected.key_bytes {
        return Err(Error::ReadBack("the key file"));
    }
    let Some(custody) = expected.custodian else { return Ok(false) };
    let opened = custody.open(keyring, &KeyFile::parse(&bytes)?)?;
    if opened.expose() != expected.key.expose() {
        return Err(Error::ReadBack("the item key"));
    }
    Ok(true)
}

pub(super) fn unreadable(_: io::Error) -> Error {
    Error::ReadBack("the disk refuses to read")
}

fn look_at_sealed(path: &Path, expected: &Expected<'_>) -> Result<ReadBack, Error> {
    let file = ColdFile::open(path).map_err(unreadable)?;
    let way = file.way();
    let mut file = Heeding { from: file, stop: expected.stop };
    let sealed = SealedFile::open(File::open(path).map_err(unreadable)?)?;
    let opener = seal::unlock(&sealed.header, expected.key)?;
    let seen = decrypt_pass(&mut file, &sealed, &opener, &mut |_| {}).map_err(|error| match error {
        Error::Source(_) if expected.stop.load(Ordering::Relaxed) => Error::Stopped,
        Error::Source(_) => Error::ReadBack("the disk refuses to read"),
        other => other,
    })?;
    let wanted = expected.unplaced;
    if (seen.size, seen.sha256) != (wanted.taken.size, wanted.taken.sha256) {
        return Err(Error::ReadBack("the content"));
    }
    // The sealed file needs no hash of its own here. Its segments opened under their key and nonces and gave the content
    // again: encryption is deterministic, so they are the bytes that were hashed when they were written. What stands
    // around them is compared.
    if (&seen.header, &seen.end) != (&expected.written.header, &expected.written.end) {
        return Err(Error::ReadBack("the sealed file"));
    }
    Ok(way)
}

/// Reads both files of another copy, which must be the bytes of the one that was opened.
pub(super) fn look_again(
    (sealed, keys): (&Path, &Path),
    expected: &Expected<'_>,
) -> Result<ReadBack, Error> {
    let mut bytes = Vec::new();
    ColdFile::open(keys).and_then(|mut file| file.read_to_end(&mut bytes)).map_err(unreadable)?;
    if bytes != expected.key_bytes {
        return Err(Error::ReadBack("the key file"));
    }
    let file = ColdFile::open(sealed).map_err(unreadable)?;
    let way = file.way();
    let found = digest(Heeding { from: file, stop: expected.stop }).map_err(|error| {
        if expected.stop.load(Ordering::Relaxed) { Error::Stopped } else { unreadable(error) }
    })?;
    if found == expected.unplaced.sealed_sha256 { Ok(way) } else { Err(Error::ReadBack("the sealed file")) }
}
