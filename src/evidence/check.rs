//! Checking the files of one item against the record, with or without the keys that open it (P10).

use super::open::{SealedFile, decrypt_pass, key_bytes};
use super::{Custodian, Damage, Error, Evidence, Record};
use crate::model::{ReadBack, Sha256};
use crate::seal;
use crate::vault::ColdFile;

/// How deep to look.
#[derive(Clone, Copy)]
pub enum Depth<'a> {
    /// Without any key: every byte of both files is the one that was written.
    Sealed,
    /// With a custodian's keys: and they open to the fingerprint.
    Open(Custodian<'a>),
}

impl Evidence {
    /// Checks every byte of an item's files on the disk.
    ///
    /// Answers how many bytes were read.
    ///
    /// # Errors
    /// The first [`Error::Damaged`] that is found; [`Error::SealOnly`] where keys were wanted and none are
    /// at hand.
    pub fn check(&self, record: &Record, depth: Depth<'_>) -> Result<u64, Error> {
        let key_file = self.key_file(record)?;
        self.keyring.verify_key_file(&key_file).map_err(|_| Error::Damaged(Damage::KeysAltered))?;
        for copy in &self.vault.places()[1..] {
            key_bytes(copy, record)?;
        }
        match depth {
            Depth::Sealed => self.check_sealed(record),
            Depth::Open(custodian) => {
                let custody = custodian.ok_or(Error::SealOnly)?;
                self.check_open(record, &custody.open(&self.keyring, &key_file)?)
            }
        }
    }

    /// Checks an item that is there already, before a receipt speaks of it again, and answers what the receipt may
    /// say of its read-back (P2). What was opened once, and is the same file still, need not be opened again;
    /// what nobody has ever opened is opened now, or stays unproved where no keys are at hand.
    ///
    /// # Errors
    /// As [`Evidence::check`].
    pub fn read_again(
        &self,
        record: &Record,
        (before, custodian): (ReadBack, Custodian<'_>),
    ) -> Result<ReadBack, Error> {
        let opens = before == ReadBack::Off && self.reads_back() && custodian.is_some();
        self.check(record, if opens { Depth::Open(custodian) } else { Depth::Sealed })?;
        let path = self.vault.places()[0].sealed(record.role, record.item);
        match (self.reads_back(), opens) {
            (false, _) => Ok(ReadBack::Off),
            (true, false) => Ok(before),
            (true, true) => Ok(cold(&path)?.0.way()),
        }
    }

    /// Whether the sealed file in every place is still the recorded one, read from the disk.
    fn check_sealed(&self, record: &Record) -> Result<u64, Error> {
        let mut read = 0;
        for place in self.vault.places() {
            let path = place.sealed(record.role, record.item);
            let (mut file, length) = cold(&path)?;
            let checked = seal::check(&mut file, length, &|signer, message, signature| {
                self.keyring.verify(signer, message, signature)
            })
            .map_err(|_| Error::Damaged(Damage::SealedAltered))?;
            if checked.sealed_sha256() != record.sealed_sha256 {
                return Err(Error::Damaged(Damage::SealedAltered));
            }
            read += checked.bytes_read();
        }
        Ok(read)
    }

    fn check_open(&self, record: &Record, key: &seal::ItemKey) -> Result<u64, Error> {
        let mut read = 0;
        for place in self.vault.places() {
            let path = place.sealed(record.role, record.item);
            let (mut file, length) = cold(&path)?;
            let sealed = SealedFile::open(place.open_sealed(record.role, record.item)?)?;
            let opener = seal::unlock(&sealed.header, key)?;
            let seen = decrypt_pass(&mut file, &sealed, &opener).map_err(|error| match error {
                Error::Source(_) => Error::Damaged(Damage::SealedUnreadable),
                other => other,
            })?;
            compare(record, (seen.sealed_sha256, seen.sha256))?;
            read += length;
        }
        Ok(read)
    }
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
