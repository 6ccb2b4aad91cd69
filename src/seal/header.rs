//! The header: what a file says of itself before any key is at hand.

use super::bytes::Fields;
use super::suite::{Aes256GcmSha256, Suite, TAG};
use super::{Error, ItemKey};
use crate::model::{ArchiveId, ItemId};

const MAGIC: &[u8; 8] = b"SEALDOCK";
const VERSION: u16 = 1;
/// Length of the fields before the commitment: what every derived key is bound to.
const BOUND: usize = 88;

/// What a sealed file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Bytes as they were deposited.
    Original,
    /// Bytes made from an original.
    Derivative,
}

impl Role {
    fn number(self) -> u8 {
        match self {
            Self::Original => 1,
            Self::Derivative => 2,
        }
    }

    fn from_number(number: u8) -> Option<Self> {
        [Self::Original, Self::Derivative].into_iter().find(|role| role.number() == number)
    }
}

/// Plaintext bytes in each segment but the last: a power of two from 4 KiB to 16 MiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentSize(u32);

impl SegmentSize {
    /// The smallest: overhead stays below half a percent.
    pub const MIN: Self = Self(4 << 10);
    /// The largest: one segment must fit in memory many times.
    pub const MAX: Self = Self(16 << 20);
    /// What new files get; `FORMAT.md`, section 10, holds the measurement.
    pub const DEFAULT: Self = Self(256 << 10);

    /// A size in bytes.
    ///
    /// # Errors
    /// [`Error::SegmentSize`] when it is no power of two or out of range.
    pub fn new(bytes: u32) -> Result<Self, Error> {
        let fits = bytes.is_power_of_two() && (Self::MIN.0..=Self::MAX.0).contains(&bytes);
        if fits { Ok(Self(bytes)) } else { Err(Error::SegmentSize(bytes)) }
    }

    /// Plaintext bytes.
    #[must_use]
    pub fn clear(self) -> usize {
        self.0 as usize
    }

    /// Bytes with the tag: the capacity that saves a buffer from growing in [`SegmentSealer::seal`].
    ///
    /// [`SegmentSealer::seal`]: super::SegmentSealer::seal
    #[must_use]
    pub fn sealed(self) -> usize {
        self.clear() + TAG
    }
}

impl Default for SegmentSize {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What a new file is to be. One plan seals one file: it is used up by [`begin`](super::begin), and its
/// salt is drawn for it alone.
#[derive(Debug)]
pub struct Plan {
    /// The archive that seals.
    pub archive: ArchiveId,
    /// The item, new for this attempt.
    pub item: ItemId,
    /// What the bytes are.
    pub role: Role,
    /// Plaintext bytes in a segment.
    pub segment: SegmentSize,
    /// Fresh random bytes.
    pub salt: [u8; 32],
}

/// The header of a sealed file: [`Header::LENGTH`] bytes, the same in version 1 whatever the content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    suite: u16,
    segment: SegmentSize,
    role: Role,
    archive: ArchiveId,
    item: ItemId,
    salt: [u8; 32],
    commitment: [u8; 32],
}

impl Header {
    /// Length in bytes.
    pub const LENGTH: usize = BOUND + 32;

    /// The header that `plan` and `key` give, commitment included.
    pub(super) fn new<S: Suite>(plan: &Plan, key: &ItemKey) -> Self {
        let &Plan { archive, item, role, segment, salt } = plan;
        let suite = S::NUMBER;
        let mut header = Self { suite, segment, role, archive, item, salt, commitment: [0; 32] };
        header.commitment = header.commitment_of::<S>(key);
        header
    }

    /// Reads the header at the front of `bytes`; what follows it is not looked at.
    ///
    /// # Errors
    /// In this order: [`Error::Ends`], [`Error::Magic`], [`Error::UnknownVersion`],
    /// [`Error::UnknownSuite`], [`Error::SegmentSize`], [`Error::Field`] for the role and the reserved
    /// bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let bytes =
            bytes.first_chunk::<{ Self::LENGTH }>().ok_or(Error::Ends { at: bytes.len() as u64 })?;
        let mut fields = Fields::new(bytes);
        if fields.slice(MAGIC.len())? != MAGIC {
            return Err(Error::Magic("sealed file"));
        }
        known(fields.u16()?, VERSION, Error::UnknownVersion)?;
        let suite = known(fields.u16()?, Aes256GcmSha256::NUMBER, Error::UnknownSuite)?;
        let segment = SegmentSize::new(fields.u32()?)?;
        let role = Role::from_number(fields.u8()?).ok_or(Error::Field { what: "role", at: 16 })?;
        if fields.array()? != [0_u8; 7] {
            return Err(Error::Field { what: "reserved space", at: 17 });
        }
        Ok(Self {
            suite,
            segment,
            role,
            archive: ArchiveId::from_bytes(fields.array()?),
            item: ItemId::from_bytes(fields.array()?),
            salt: fields.array()?,
            commitment: fields.array()?,
        })
    }

    /// The bytes as they stand in the file.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::LENGTH] {
        let mut bytes = [0; Self::LENGTH];
        bytes[..BOUND].copy_from_slice(&self.bound());
        bytes[BOUND..].copy_from_slice(&self.commitment);
        bytes
    }

    /// The fields before the commitment.
    fn bound(&self) -> [u8; BOUND] {
        let mut bytes = [0; BOUND];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..10].copy_from_slice(&VERSION.to_be_bytes());
        bytes[10..12].copy_from_slice(&self.suite.to_be_bytes());
        bytes[12..16].copy_from_slice(&self.segment.0.to_be_bytes());
        bytes[16] = self.role.number();
        bytes[24..40].copy_from_slice(self.archive.as_bytes());
        bytes[40..56].copy_from_slice(self.item.as_bytes());
        bytes[56..].copy_from_slice(&self.salt);
        bytes
    }

    /// A key for `purpose` that no other header and no other item key can give.
    pub(super) fn derive<S: Suite>(&self, key: &ItemKey, purpose: &[u8]) -> zeroize::Zeroizing<[u8; 32]> {
        S::derive(key.expose(), &self.salt, &[purpose, &self.bound()])
    }

    /// What `key` must give to be this file's key. Without it AES-GCM lets a forger make a file that
    /// opens under two keys, to two different contents.
    pub(super) fn commitment_of<S: Suite>(&self, key: &ItemKey) -> [u8; 32] {
        *self.derive::<S>(key, b"sealdock seal v1 key commitment\0")
    }

    /// The archive that sealed the file.
    #[must_use]
    pub fn archive(&self) -> ArchiveId {
        self.archive
    }

    /// The item.
    #[must_use]
    pub fn item(&self) -> ItemId {
        self.item
    }

    /// What the file holds.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// Plaintext bytes in each segment but the last.
    #[must_use]
    pub fn segment(&self) -> SegmentSize {
        self.segment
    }

    /// The suite number.
    #[must_use]
    pub fn suite(&self) -> u16 {
        self.suite
    }

    /// The random bytes that make every key of this file its own.
    #[must_use]
    pub fn salt(&self) -> &[u8; 32] {
        &self.salt
    }

    /// What the item key must give.
    #[must_use]
    pub fn commitment(&self) -> &[u8; 32] {
        &self.commitment
    }
}

/// `found` where it is the one number that this version knows.
pub(super) fn known(found: u16, wanted: u16, error: fn(u16) -> Error) -> Result<u16, Error> {
    if found == wanted { Ok(found) } else { Err(error(found)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(role: Role) -> Header {
        let plan = Plan {
            archive: ArchiveId::from_bytes([1; 16]),
            item: ItemId::from_bytes([2; 16]),
            role,
            segment: SegmentSize::DEFAULT,
            salt: [3; 32],
        };
        Header::new::<Aes256GcmSha256>(&plan, &ItemKey::from_bytes([4; 32]))
    }

    #[test]
    fn headers_read_back() {
        for role in [Role::Original, Role::Derivative] {
            let header = header(role);
            assert_eq!(Header::parse(&header.to_bytes()).expect("just made"), header);
        }
    }

    #[test]
    fn each_fault_has_its_own_error_and_the_first_one_wins() {
        let mut bytes = header(Role::Original).to_bytes();
        type IsExpected = fn(&Error) -> bool;
        let faults: [(usize, IsExpected); 6] = [
            (17, |error| matches!(error, Error::Field { at: 17, .. })),
            (16, |error| matches!(error, Error::Field { at: 16, .. })),
            (15, |error| matches!(error, Error::SegmentSize(_))),
            (11, |error| matches!(error, Error::UnknownSuite(0xff))),
            (9, |error| matches!(error, Error::UnknownVersion(0xff))),
            (0, |error| matches!(error, Error::Magic(_))),
        ];
        for (at, is_expected) in faults {
            bytes[at] = 0xff;
            let error = Header::parse(&bytes).expect_err("a fault");
            assert!(is_expected(&error), "{error:?}");
        }
        assert!(matches!(Header::parse(&bytes[..119]), Err(Error::Ends { at: 119 })));
    }

    #[test]
    fn segment_sizes_keep_to_the_rule() {
        for bytes in [0, 1, 2048, 4095, 4097, 3 << 12, 32 << 20, u32::MAX] {
            assert!(SegmentSize::new(bytes).is_err(), "{bytes}");
        }
        for power in 12..=24 {
            assert_eq!(SegmentSize::new(1 << power).expect("allowed").clear(), 1 << power);
        }
    }

    #[test]
    fn commitments_bind_key_and_fields() {
        let one = header(Role::Original);
        assert_ne!(one.commitment(), header(Role::Derivative).commitment());
        let other = one.commitment_of::<Aes256GcmSha256>(&ItemKey::from_bytes([5; 32]));
        assert_ne!(*one.commitment(), other);
    }
}
