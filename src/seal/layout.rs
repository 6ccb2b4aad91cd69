//! Where things lie in a sealed file: arithmetic on lengths, nothing else.

use std::ops::Range;

use super::facts::{FACTS_OVERHEAD, MAX_FACTS};
use super::segments::{MAX_SEGMENTS, Place, start_of};
use super::suite::TAG;
use super::{Error, Footer, Header};

/// The parts of one sealed file. Exists only where header, body, facts and footer fill the file exactly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    header: Header,
    size: u64,
    segments: u64,
    body_length: u64,
    facts_length: u64,
}

impl Layout {
    /// Adds the parts up.
    ///
    /// # Errors
    /// [`Error::Layout`] when they do not fill `length` bytes, when no plaintext gives such a body, or
    /// when the facts section has no allowed length.
    pub fn new(header: &Header, footer: &Footer, length: u64) -> Result<Self, Error> {
        let wrong = |what| Error::Layout { what, length };
        let (body_length, facts_length) = (footer.body_length(), footer.facts_length());
        if !(FACTS_OVERHEAD as u64..=MAX_FACTS as u64).contains(&facts_length) {
            return Err(wrong("the length of the facts section"));
        }
        let around = (Header::LENGTH + Footer::LENGTH) as u64 + facts_length;
        if body_length.checked_add(around) != Some(length) {
            return Err(wrong("the sum of the parts"));
        }
        let segments = segments_of(body_length, header.segment().sealed() as u64)
            .ok_or_else(|| wrong("the length of the body"))?;
        let size = body_length - segments * TAG as u64;
        Ok(Self { header: header.clone(), size, segments, body_length, facts_length })
    }

    /// Plaintext length in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// How many segments there are, from 1.
    #[must_use]
    pub fn segments(&self) -> u64 {
        self.segments
    }

    /// The number of the last segment.
    #[must_use]
    pub fn last(&self) -> u32 {
        u32::try_from(self.segments - 1).expect("a layout has 1 to 2^32 segments")
    }

    /// The segment that holds a plaintext byte; none at and beyond the end.
    #[must_use]
    pub fn segment_at(&self, offset: u64) -> Option<u32> {
        let inside = offset < self.size;
        inside.then(|| u32::try_from(offset / self.clear()).expect("a layout has at most 2^32 segments"))
    }

    /// Where a segment stands.
    #[must_use]
    pub fn place(&self, index: u32) -> Place {
        if index >= self.last() { Place::Last } else { Place::Middle }
    }

    /// The bytes of a sealed segment in the file, tag included; empty beyond the last.
    #[must_use]
    pub fn sealed_range(&self, index: u32) -> Range<u64> {
        let end = self.body().end;
        let start = start_of(&self.header, index).min(end);
        start..(start + self.header.segment().sealed() as u64).min(end)
    }

    /// The bytes of a segment in the plaintext; empty beyond the last.
    #[must_use]
    pub fn plain_range(&self, index: u32) -> Range<u64> {
        let start = (u64::from(index) * self.clear()).min(self.size);
        start..(start + self.clear()).min(self.size)
    }

    /// The bytes of all sealed segments.
    #[must_use]
    pub fn body(&self) -> Range<u64> {
        let start = Header::LENGTH as u64;
        start..start + self.body_length
    }

    /// The bytes of the facts section.
    #[must_use]
    pub fn facts(&self) -> Range<u64> {
        let start = self.body().end;
        start..start + self.facts_length
    }

    fn clear(&self) -> u64 {
        self.header.segment().clear() as u64
    }
}

/// How many segments a body of this length has; none where no plaintext gives such a body.
fn segments_of(body_length: u64, sealed: u64) -> Option<u64> {
    let segments = body_length.div_ceil(sealed);
    let last = body_length.checked_sub(segments.checked_sub(1)? * sealed)?;
    // Only an empty plaintext has an empty segment, and then it is the only one.
    let least = if segments == 1 { TAG } else { TAG + 1 } as u64;
    (last >= least && segments <= MAX_SEGMENTS).then_some(segments)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Aes256GcmSha256, ItemKey, Plan, Role, SegmentSize};
    use super::*;
    use crate::model::{ArchiveId, ItemId};

    fn header(segment: SegmentSize) -> Header {
        let archive = ArchiveId::from_bytes([1; 16]);
        let item = ItemId::from_bytes([2; 16]);
        let plan = Plan { archive, item, role: Role::Original, segment, salt: [3; 32] };
        Header::new::<Aes256GcmSha256>(&plan, &ItemKey::from_bytes([4; 32]))
    }

    fn footer(body_length: u64, facts_length: u64) -> Footer {
        let mut bytes = [0; Footer::LENGTH];
        bytes[..8].copy_from_slice(&body_length.to_be_bytes());
        bytes[8..16].copy_from_slice(&facts_length.to_be_bytes());
        bytes[120..].copy_from_slice(b"SEALDEND");
        Footer::parse(&bytes).expect("has its magic number")
    }

    /// The layout of a file with this body and 100 bytes of facts.
    fn layout(segment: SegmentSize, body_length: u64) -> Result<Layout, Error> {
        let length = body_length.saturating_add(120 + 100 + 128);
        Layout::new(&header(segment), &footer(body_length, 100), length)
    }

    proptest! {
        #[test]
        fn ranges_tile_the_file_whatever_its_size(size in 0..1_u64 << 43, power in 12..=24_u32) {
            let segment = SegmentSize::new(1 << power).expect("in range");
            let segments = size.div_ceil(1 << power).max(1);
            let layout = layout(segment, size + 16 * segments).expect("a true length");
            prop_assert_eq!((layout.size(), layout.segments()), (size, segments));
            for index in [0, 1, layout.last() / 2, layout.last()].into_iter().filter(|i| *i <= layout.last()) {
                let (sealed, plain) = (layout.sealed_range(index), layout.plain_range(index));
                prop_assert_eq!(sealed.end - sealed.start, plain.end - plain.start + 16);
                prop_assert_eq!(layout.place(index) == Place::Last, sealed.end == layout.body().end);
                if index > 0 {
                    prop_assert_eq!(layout.sealed_range(index - 1).end, sealed.start);
                    prop_assert_eq!(layout.plain_range(index - 1).end, plain.start);
                }
                if size > 0 {
                    prop_assert_eq!(layout.segment_at(plain.start), Some(index));
                    prop_assert_eq!(layout.segment_at(plain.end - 1), Some(index));
                }
            }
            prop_assert_eq!(layout.segment_at(size), None);
            prop_assert_eq!(layout.body().end, layout.facts().start);
        }
    }

    #[test]
    fn bodies_that_no_plaintext_gives_are_refused() {
        let full = SegmentSize::MIN.sealed() as u64;
        for body in [0, 15, full + 1, full + 16, 2 * full + 16] {
            assert!(layout(SegmentSize::MIN, body).is_err(), "{body}");
        }
        for body in [16, 17, full, full + 17, 2 * full] {
            assert!(layout(SegmentSize::MIN, body).is_ok(), "{body}");
        }
    }

    #[test]
    fn the_counter_sets_the_limit() {
        let full = SegmentSize::MIN.sealed() as u64;
        assert!(layout(SegmentSize::MIN, full * MAX_SEGMENTS).is_ok());
        assert!(layout(SegmentSize::MIN, full * MAX_SEGMENTS + 17).is_err());
        assert!(layout(SegmentSize::MAX, u64::MAX).is_err());
    }

    #[test]
    fn parts_must_fill_the_file() {
        let header = header(SegmentSize::MIN);
        for (facts, length) in [(100, 363), (100, 365), (23, 287), (MAX_FACTS as u64 + 1, 1_048_841)] {
            assert!(Layout::new(&header, &footer(16, facts), length).is_err(), "{facts} in {length}");
        }
        for (facts, length) in [(100, 364), (24, 288), (MAX_FACTS as u64, 1_048_840)] {
            assert!(Layout::new(&header, &footer(16, facts), length).is_ok(), "{facts} in {length}");
        }
    }
}
