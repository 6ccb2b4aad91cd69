//! Checking the files of one item against the record, with or without the keys that open it (P10).

use std::io::Read as _;

use sha2::{Digest as _, Sha256 as Hasher};

use super::open::{SealedFile, decrypt_pass, key_bytes};
use super::{Copy, CopyState, Custodian, Damage, Error, Evidence, Record};
use crate::model::{ReadBack, Sha256};
use crate::seal::{self, KeyFile};
use crate::vault::{ColdFile, Place};

/// How deep to look.
#[derive(Clone, Copy)]
pub enum Depth<'a> {
    /// Without any key: every byte of both files is the one that was written.
    Sealed,
    /// With a custodian's keys: and they open to the fingerprint.
    Open(Custodian<'a>),
}

/// Read at once.
const CHUNK: usize = 256 * 1024;

/// A copy that is being checked, a piece at a time: reading a large file in one go would hold up whoever wants to stop,
/// or has other things to do.
pub struct Looking {
    file: ColdFile,
    checker: Option<seal::Checker>,
    read: u64,
    wanted: Sha256,
}

impl Looking {
    /// Bytes of the sealed file that were read.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.read
    }
}

/// How far a check got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Looked {
    /// So far nothing is wrong.
    Partly,
    /// To the end, and nothing is wrong.
    Whole,
}

/// What another look at an item that is there already gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Again {
    /// How far it was read back, now or before.
    pub readback: ReadBack,
    /// How many places have it whole.
    pub copies: u32,
}

impl Evidence {
    /// Checks every byte of an item's files on the disk, in every place. Where it is to be opened, one copy is: the
    /// others are the same bytes.
    ///
    /// # Errors
    /// [`Error::SealOnly`] where keys were wanted and none are at hand; what is no damage. Damage is an answer.
    pub fn check(&self, record: &Record, depth: Depth<'_>) -> Result<Vec<Copy>, Error> {
        let mut depth = depth;
        let mut copies = Vec::new();
        for place in self.vault.places() {
            let state = self.copy_state((record, place), self.check_copy(record, place, depth))?;
            if matches!(state, CopyState::Whole { .. }) {
                depth = Depth::Sealed;
            }
            copies.push(Copy { place: place.name().clone(), state });
        }
        Ok(copies)
    }

    /// Checks the copy of an item in one place; answers how many bytes were read.
    ///
    /// # Errors
    /// The first [`Error::Damaged`] that is found; [`Error::SealOnly`].
    pub fn check_copy(&self, record: &Record, place: &Place, depth: Depth<'_>) -> Result<u64, Error> {
        match depth {
            Depth::Sealed => {
                let mut looking = self.begin_check(record, place)?;
                while self.check_on(&mut looking, u64::MAX)? == Looked::Partly {}
                Ok(looking.read)
            }
            Depth::Open(custodian) => {
                let key_file = self.checked_keys(record, place)?;
                let custody = custodian.ok_or(Error::SealOnly)?;
                check_open(record, place, &custody.open(&self.keyring, &key_file)?)
            }
        }
    }

    fn checked_keys(&self, record: &Record, place: &Place) -> Result<KeyFile, Error> {
        let bytes = key_bytes(place, record)?;
        let key_file = KeyFile::parse(&bytes).map_err(|_| Error::Damaged(Damage::KeysAltered))?;
        self.keyring.verify_key_file(&key_file).map_err(|_| Error::Damaged(Damage::KeysAltered))?;
        Ok(key_file)
    }

    /// Begins to check a copy without any key: its key file now, its sealed file with [`Evidence::check_on`].
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub fn begin_check(&self, record: &Record, place: &Place) -> Result<Looking, Error> {
        self.checked_keys(record, place)?;
        let (file, length) = cold(&place.sealed(record.role, record.item))?;
        let checker = Some(seal::Checker::new(length));
        Ok(Looking { file, checker, read: 0, wanted: record.sealed_sha256 })
    }

    /// Reads on in a copy, about so many bytes.
    ///
    /// # Errors
    /// [`Error::Damaged`], where the sealed file is not the recorded one or cannot be read.
    pub fn check_on(&self, looking: &mut Looking, most: u64) -> Result<Looked, Error> {
        const ALTERED: Error = Error::Damaged(Damage::SealedAltered);
        let mut chunk = vec![0; CHUNK];
        let stops_at = looking.read.saturating_add(most);
        while let Some(checker) = looking.checker.as_mut().filter(|_| looking.read < stops_at) {
            match looking.file.read(&mut chunk) {
                Ok(0) => break,
                Ok(read) => {
                    checker.feed(&chunk[..read]).map_err(|_| ALTERED)?;
                    looking.read += u64::try_from(read).unwrap_or(u64::MAX);
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => return Err(Error::Damaged(Damage::SealedUnreadable)),
            }
        }
        if looking.read >= stops_at {
            return Ok(Looked::Partly);
        }
        let checker = looking.checker.take().ok_or(ALTERED)?;
        let verify =
            |signer, message: &[u8], signature: &[u8; 64]| self.keyring.verify(signer, message, signature);
        let checked = checker.finish(&verify).map_err(|_| ALTERED)?;
        if checked.sealed_sha256() == looking.wanted { Ok(Looked::Whole) } else { Err(ALTERED) }
    }

    /// Checks an item that is there already, before a receipt speaks of it again, and answers what the receipt may
    /// say of its read-back (P2). What was opened once, and is the same file still, need not be opened again;
    /// what nobody has ever opened is opened now, or stays unproved where no keys are at hand.
    ///
    /// # Errors
    /// [`Error::Damaged`] where fewer places have it whole than are needed.
    pub fn read_again(
        &self,
        record: &Record,
        (before, custodian): (ReadBack, Custodian<'_>),
    ) -> Result<Again, Error> {
        let opens = before == ReadBack::Off && self.reads_back() && custodian.is_some();
        let copies = self.check(record, if opens { Depth::Open(custodian) } else { Depth::Sealed })?;
        let whole = |copy: &&Copy| matches!(copy.state, CopyState::Whole { .. });
        let good = copies.iter().filter(whole).count();
        if good < self.vault.least() {
            let damage = copies.iter().find_map(|copy| match copy.state {
                CopyState::Damaged(damage) => Some(damage),
                _ => None,
            });
            return Err(Error::Damaged(damage.unwrap_or(Damage::SealedMissing)));
        }
        let first = copies.iter().find(whole).and_then(|copy| self.vault.place(&copy.place));
        let readback = match (self.reads_back(), opens, first) {
            (true, true, Some(place)) => cold(&place.sealed(record.role, record.item))?.0.way(),
            (true, false, _) => before,
            _ => ReadBack::Off,
        };
        Ok(Again { readback, copies: u32::try_from(good).unwrap_or(u32::MAX) })
    }
}

fn check_open(record: &Record, place: &Place, key: &seal::ItemKey) -> Result<u64, Error> {
    let (mut file, length) = cold(&place.sealed(record.role, record.item))?;
    let sealed = SealedFile::open(place.open_sealed(record.role, record.item)?)?;
    let opener = seal::unlock(&sealed.header, key)?;
    let mut sealed_hash = Hasher::new();
    let seen = decrypt_pass(&mut file, &sealed, &opener, &mut |bytes| sealed_hash.update(bytes));
    let seen = seen.map_err(|error| match error {
        Error::Source(_) => Error::Damaged(Damage::SealedUnreadable),
        other => other,
    })?;
    compare(record, (Sha256(sealed_hash.finalize().into()), seen.sha256))?;
    Ok(length)
}

fn compare(record: &Record, (sealed, plain): (Sha256, Sha256)) -> Result<(), Error> {
    if sealed != record.sealed_sha256 {
        return Err(Error::Damaged(Damage::SealedAltered));
    }
    if plain != record.sha256 {
        return Err(Error::Damaged(Damage::ContentAltered));
    }
    Ok(())
}

fn cold(path: &std::path::Path) -> Result<(ColdFile, u64), Error> {
    let damage = |error: std::io::Error| {
        Error::Damaged(match error.kind() {
            std::io::ErrorKind::NotFound => Damage::SealedMissing,
            _ => Damage::SealedUnreadable,
        })
    };
    let length = std::fs::metadata(path).map_err(damage)?.len();
    Ok((ColdFile::open(path).map_err(damage)?, length))
}
