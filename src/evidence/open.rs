//! Opening an item: the key file the catalog names, the header's commitment, then segments as asked.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use sha2::{Digest as _, Sha256 as Hasher};

use super::pipeline::{Segment, Stages, overlap};
use super::{Custodian, Damage, Error, Evidence, Record};
use crate::model::{PlaceName, Sha256};
use crate::seal::{self, Footer, Header, ItemKey, KeyFile, Layout, SegmentOpener};
use crate::vault::Place;

/// A sealed file whose header and footer add up. Nothing in it is believed yet.
pub(super) struct SealedFile {
    pub file: File,
    pub header: Header,
    pub layout: Layout,
    pub footer: Footer,
}

impl SealedFile {
    pub(super) fn open(file: File) -> Result<Self, Error> {
        let unreadable = |_| Error::Damaged(Damage::SealedUnreadable);
        let length = file.metadata().map_err(unreadable)?.len();
        let too_short = || Error::Damaged(Damage::SealedAltered);
        let mut header = [0; Header::LENGTH];
        let mut footer = [0; Footer::LENGTH];
        let footer_at = length.checked_sub(Footer::LENGTH as u64).ok_or_else(too_short)?;
        read_at(&file, &mut header, 0)?;
        read_at(&file, &mut footer, footer_at)?;
        let header = Header::parse(&header)?;
        let footer = Footer::parse(&footer)?;
        let layout = Layout::new(&header, &footer, length)?;
        Ok(Self { file, header, layout, footer })
    }
}

fn read_at(file: &File, into: &mut [u8], at: u64) -> Result<(), Error> {
    file.read_exact_at(into, at).map_err(|error| {
        Error::Damaged(match error.kind() {
            io::ErrorKind::UnexpectedEof => Damage::SealedAltered,
            _ => Damage::SealedUnreadable,
        })
    })
}

/// What one pass over a sealed file gave.
pub(super) struct Decrypted {
    pub size: u64,
    pub sha256: Sha256,
    /// The header, as it was read.
    pub header: [u8; Header::LENGTH],
    /// What follows the last segment, as it was read.
    pub end: Vec<u8>,
}

/// Reads a sealed file from its start to its end, opens every segment and fingerprints the content. `see` is shown
/// every byte as it was read.
pub(super) fn decrypt_pass(
    from: &mut dyn Read,
    sealed: &SealedFile,
    opener: &SegmentOpener,
    see: &mut dyn FnMut(&[u8]),
) -> Result<Decrypted, Error> {
    let layout = &sealed.layout;
    let mut plain_hash = Hasher::new();
    let mut header = [0; Header::LENGTH];
    from.read_exact(&mut header).map_err(Error::Source)?;
    see(&header);
    let mut unread = 0..=layout.last();
    let mut unopened = 0..=layout.last();
    overlap(Stages {
        first: |mut bytes: Vec<u8>| {
            let Some(index) = unread.next() else { return Ok(None) };
            // Not cleared first: that would zero every byte once more.
            bytes.resize(length_of(&layout.sealed_range(index)), 0);
            from.read_exact(&mut bytes).map_err(Error::Source)?;
            see(&bytes);
            Ok(Some(Segment { bytes, place: layout.place(index) }))
        },
        second: |segment: &mut Segment| match unopened.next() {
            Some(index) => Ok(opener.open(index, segment.place, &mut segment.bytes)?),
            None => Ok(()),
        },
        third: |segment: &Segment| {
            plain_hash.update(&segment.bytes);
            Ok(())
        },
    })?;
    let mut end = Vec::new();
    // Bounded: the layout allows no facts section beyond its limit, and a longer file fails its hash.
    let left = length_of(&layout.facts()) + Footer::LENGTH + 1;
    from.take(left as u64).read_to_end(&mut end).map_err(Error::Source)?;
    see(&end);
    Ok(Decrypted { size: layout.size(), sha256: Sha256(plain_hash.finalize().into()), header, end })
}

fn length_of(range: &std::ops::Range<u64>) -> usize {
    usize::try_from(range.end - range.start).unwrap_or(usize::MAX)
}

/// An item open for reading, from the first copy that opens. A copy that turns out damaged on the way is left for
/// the next.
pub struct OpenItem {
    sealed: SealedFile,
    place: PlaceName,
    others: VecDeque<(PlaceName, PathBuf)>,
    opener: SegmentOpener,
    hurt: Vec<Hurt>,
}

/// A damaged copy that was met on the way to a good one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hurt {
    /// Where.
    pub place: PlaceName,
    /// What is wrong there.
    pub damage: Damage,
}

impl Evidence {
    /// Opens an item with a custodian's keys: checks the key file against the record, the commitment, the
    /// facts, the signature, and the final segment, without which a truncated file could be served in part.
    ///
    /// `hurt` gets the damaged copies that were met, whether a good one was found or not.
    ///
    /// # Errors
    /// [`Error::SealOnly`] without keys; [`Error::Damaged`] where no copy is the recorded one.
    pub fn open(
        &self,
        record: &Record,
        custodian: Custodian<'_>,
        hurt: &mut Vec<Hurt>,
    ) -> Result<OpenItem, Error> {
        let key = self.item_key(record, custodian, hurt)?;
        self.first_good(record, hurt, |place| self.open_in(place, record, &key))
    }

    /// Opens an item with its key.
    ///
    /// # Errors
    /// [`Error::Damaged`] where no copy is the recorded one.
    pub fn open_with(&self, record: &Record, key: &ItemKey) -> Result<OpenItem, Error> {
        self.first_good(record, &mut Vec::new(), |place| self.open_in(place, record, key))
    }

    fn open_in(&self, place: &Place, record: &Record, key: &ItemKey) -> Result<OpenItem, Error> {
        let sealed = SealedFile::open(place.open_sealed(record.role, record.item)?)?;
        let fits = sealed.header.item() == record.item
            && sealed.header.archive() == self.keyring.archive()
            && sealed.layout.size() == record.size;
        if !fits {
            return Err(Error::Damaged(Damage::SealedAltered));
        }
        let opener = seal::unlock(&sealed.header, key)?;
        self.check_end(record, &sealed)?;
        let later = self.vault.places().skip_while(|other| *other != place).skip(1);
        let path = |other: &Place| (other.name().clone(), other.sealed(record.role, record.item));
        let others = later.map(path).collect();
        let open = OpenItem { sealed, place: place.name().clone(), others, opener, hurt: Vec::new() };
        open.segment_here(open.sealed.layout.last())?;
        Ok(open)
    }

    /// What the first place gives that gives something; damage that was met on the way is noted. The first
    /// damage is the error, where there is no good copy.
    fn first_good<T>(
        &self,
        record: &Record,
        hurt: &mut Vec<Hurt>,
        mut look: impl FnMut(&Place) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut first = None;
        for place in self.vault.places() {
            let error = match look(place) {
                Ok(found) => return Ok(found),
                Err(error) => error,
            };
            match (error.damage(), &first) {
                (Some(damage), _) if self.is_damage_in(place, record, damage) => {
                    hurt.push(Hurt { place: place.name().clone(), damage });
                    first.get_or_insert(error);
                }
                (_, None) => first = Some(error),
                _ => {}
            }
        }
        Err(first.unwrap_or(Error::Damaged(Damage::SealedMissing)))
    }

    /// Facts and footer are never served, but a file in which they were altered is not the one that was sealed.
    fn check_end(&self, record: &Record, sealed: &SealedFile) -> Result<(), Error> {
        let range = sealed.layout.facts();
        let mut section = vec![0; length_of(&range)];
        read_at(&sealed.file, &mut section, range.start)?;
        let facts = seal::read_facts(&sealed.header, &section, self.keyring.facts_key())?;
        let footer = &sealed.footer;
        let signed = self.keyring.verify(footer.signer(), &footer.message(), footer.signature());
        if signed && facts.fingerprints.sha256 == record.sha256 {
            Ok(())
        } else {
            Err(Error::Damaged(Damage::SealedAltered))
        }
    }

    /// The recorded key file, from the first place that has it.
    ///
    /// # Errors
    /// [`Error::Damaged`] where no place has it.
    pub fn key_file(&self, record: &Record) -> Result<KeyFile, Error> {
        self.key_file_and(record, &mut Vec::new())
    }

    fn key_file_and(&self, record: &Record, hurt: &mut Vec<Hurt>) -> Result<KeyFile, Error> {
        let bytes = self.first_good(record, hurt, |place| key_bytes(place, record))?;
        match KeyFile::parse(&bytes) {
            Ok(file) if file.item == record.item => Ok(file),
            Ok(_) | Err(_) => Err(Error::Damaged(Damage::KeysAltered)),
        }
    }

    fn item_key(
        &self,
        record: &Record,
        custodian: Custodian<'_>,
        hurt: &mut Vec<Hurt>,
    ) -> Result<ItemKey, Error> {
        let custody = custodian.ok_or(Error::SealOnly)?;
        let key_file = self.key_file_and(record, hurt)?;
        Ok(custody.open(&self.keyring, &key_file)?)
    }

    /// Proves that a custodian's keys open the key file of an item.
    ///
    /// # Errors
    /// As [`Evidence::open`].
    pub fn prove_keys(&self, record: &Record, custodian: Custodian<'_>) -> Result<(), Error> {
        let key = self.item_key(record, custodian, &mut Vec::new())?;
        self.first_good(record, &mut Vec::new(), |place| {
            let sealed = SealedFile::open(place.open_sealed(record.role, record.item)?)?;
            seal::unlock(&sealed.header, &key)?;
            Ok(())
        })
    }
}

/// The recorded key file as it lies in one place.
pub(super) fn key_bytes(place: &Place, record: &Record) -> Result<Vec<u8>, Error> {
    let bytes = place.read_keys(record.role, record.item, record.generation).map_err(|error| {
        Error::Damaged(if error.is_missing() { Damage::KeysMissing } else { Damage::KeysUnreadable })
    })?;
    if Sha256(Hasher::digest(&bytes).into()) == record.keys_sha256 {
        Ok(bytes)
    } else {
        Err(Error::Damaged(Damage::KeysAltered))
    }
}

impl OpenItem {
    /// Plaintext length in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.sealed.layout.size()
    }

    /// Damaged copies that were met so far.
    #[must_use]
    pub fn hurt(&self) -> &[Hurt] {
        &self.hurt
    }

    /// Writes the bytes `from..to` of the original; memory is bounded by one segment.
    ///
    /// # Errors
    /// [`Error::Damaged`] at the first segment that opens in no copy; nothing of it is written.
    pub fn read(&mut self, range: std::ops::Range<u64>, into: &mut dyn Write) -> Result<(), Error> {
        let to = range.end.min(self.size());
        let mut at = range.start;
        while let Some(index) = self.sealed.layout.segment_at(at).filter(|_| at < to) {
            let plain = self.sealed.layout.plain_range(index);
            let bytes = self.segment(index)?;
            let start = usize::try_from(at - plain.start).unwrap_or(usize::MAX);
            let end = usize::try_from(to.min(plain.end) - plain.start).unwrap_or(usize::MAX);
            into.write_all(&bytes[start..end]).map_err(Error::Sink)?;
            at = plain.end;
        }
        Ok(())
    }

    /// From this copy, or from the next that has it good: copies are the same bytes, and each segment is
    /// authenticated by itself.
    fn segment(&mut self, index: u32) -> Result<Vec<u8>, Error> {
        loop {
            let error = match self.segment_here(index) {
                Ok(bytes) => return Ok(bytes),
                Err(error) => error,
            };
            let damage = error.damage().unwrap_or(Damage::SealedUnreadable);
            self.hurt.push(Hurt { place: self.place.clone(), damage });
            if !self.turn_to_next() {
                return Err(error);
            }
        }
    }

    fn turn_to_next(&mut self) -> bool {
        while let Some((place, path)) = self.others.pop_front() {
            if let Ok(sealed) = File::open(&path).map_err(Error::Source).and_then(SealedFile::open)
                && sealed.header == self.sealed.header
                && sealed.layout == self.sealed.layout
            {
                self.sealed = sealed;
                self.place = place;
                return true;
            }
        }
        false
    }

    fn segment_here(&self, index: u32) -> Result<Vec<u8>, Error> {
        let layout = &self.sealed.layout;
        let range = layout.sealed_range(index);
        let mut bytes = vec![0; length_of(&range)];
        read_at(&self.sealed.file, &mut bytes, range.start)?;
        self.opener.open(index, layout.place(index), &mut bytes)?;
        Ok(bytes)
    }
}
