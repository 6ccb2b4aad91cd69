//! Checking the files of one item against the record, with or without the keys that open it (P10).

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
        let bytes = key_bytes(place, record)?;
        let altered = |_| Error::Damaged(Damage::KeysAltered);
        let key_file = KeyFile::parse(&bytes).map_err(altered)?;
        self.keyring.verify_key_file(&key_file).map_err(|_| Error::Damaged(Damage::KeysAltered))?;
        match depth {
            Depth::Sealed => self.check_sealed(record, place),
            Depth::Open(custodian) => {
                let custody = custodian.ok_or(Error::SealOnly)?;
                check_open(record, place, &custody.open(&self.keyring, &key_file)?)
            }
        }
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

    /// Whether the sealed file in a place is still the recorded one, read from the disk.
    fn check_sealed(&self, record: &Record, place: &Place) -> Result<u64, Error> {
        let (mut file, length) = cold(&place.sealed(record.role, record.item))?;
        let checked = seal::check(&mut file, length, &|signer, message, signature| {
            self.keyring.verify(signer, message, signature)
        })
        .map_err(|_| Error::Damaged(Damage::SealedAltered))?;
        if checked.sealed_sha256() == record.sealed_sha256 {
            Ok(checked.bytes_read())
        } else {
            Err(Error::Damaged(Damage::SealedAltered))
        }
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
