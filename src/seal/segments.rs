//! Content, one segment at a time, in the manner of STREAM (Hoang, Reyhanitabar, Rogaway, Vizár 2015):
//! the nonce is a prefix, the segment's number and whether it is the last.

use super::suite::{Aes256GcmSha256, NONCE, Suite, TAG};
use super::{Error, Header, ItemKey, Plan};

/// A file holds at most 2^32 segments: the counter in the nonce has 32 bits.
pub(super) const MAX_SEGMENTS: u64 = 1 << 32;

/// Where a segment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// Another one follows.
    Middle,
    /// Nothing follows.
    Last,
}

/// The cipher and nonces of one file.
struct Stream<S> {
    cipher: S,
    prefix: [u8; 7],
}

impl<S: Suite> Stream<S> {
    fn new(header: &Header, key: &ItemKey) -> Self {
        let file_key = header.derive::<S>(key, b"sealdock seal v1 file key\0");
        let derived = header.derive::<S>(key, b"sealdock seal v1 nonce prefix\0");
        let mut prefix = [0; 7];
        prefix.copy_from_slice(&derived[..7]);
        Self { cipher: S::keyed(&file_key), prefix }
    }

    fn nonce(&self, index: u32, place: Place) -> [u8; NONCE] {
        let mut nonce = [0; NONCE];
        nonce[..7].copy_from_slice(&self.prefix);
        nonce[7..11].copy_from_slice(&index.to_be_bytes());
        nonce[11] = u8::from(place == Place::Last);
        nonce
    }
}

/// Begins a file: its header with the key commitment, and what seals its segments.
#[must_use]
#[expect(clippy::needless_pass_by_value, reason = "a plan is used up: it seals one file")]
pub fn begin(plan: Plan, key: &ItemKey) -> (Header, SegmentSealer) {
    let header = Header::new::<Aes256GcmSha256>(&plan, key);
    let stream = Stream::new(&header, key);
    (header.clone(), SegmentSealer { stream, header, next: 0, length: 0, progress: Progress::Open })
}

/// Seals the segments of one file in their order.
pub struct SegmentSealer<S: Suite = Aes256GcmSha256> {
    stream: Stream<S>,
    header: Header,
    next: u64,
    length: u64,
    progress: Progress,
}

/// Whether another segment may follow. There is no way back.
#[derive(PartialEq, Eq)]
enum Progress {
    Open,
    Ended,
}

impl<S: Suite> SegmentSealer<S> {
    /// Encrypts one segment in place and appends its tag; a buffer with room for
    /// [`SegmentSize::sealed`](super::SegmentSize::sealed) bytes is not moved.
    ///
    /// A middle segment has exactly the segment size; the last has 1 byte up to the segment size, or none
    /// where the whole plaintext is empty. So the caller must know that a full segment is the last.
    ///
    /// # Errors
    /// [`Error::SegmentLength`] and [`Error::NoMoreSegments`]; the segment is then untouched.
    pub fn seal(&mut self, segment: &mut Vec<u8>, place: Place) -> Result<(), Error> {
        let index = self.index_for(segment.len(), place)?;
        let tag = self.stream.cipher.seal(&self.stream.nonce(index, place), segment);
        segment.extend_from_slice(&tag);
        self.next += 1;
        self.length += segment.len() as u64;
        if place == Place::Last {
            self.progress = Progress::Ended;
        }
        Ok(())
    }

    /// The number of the next segment, if a segment of this length may stand there.
    fn index_for(&self, length: usize, place: Place) -> Result<u32, Error> {
        let index = u32::try_from(self.next).map_err(|_| Error::NoMoreSegments(self.next - 1))?;
        if self.progress == Progress::Ended {
            return Err(Error::NoMoreSegments(self.next - 1));
        }
        let full = self.header.segment().clear();
        let fits = match place {
            Place::Middle => length == full,
            Place::Last => length <= full && (length > 0 || index == 0),
        };
        if fits { Ok(index) } else { Err(Error::SegmentLength { index: self.next, length }) }
    }

    /// Closes the body.
    ///
    /// # Errors
    /// [`Error::Unfinished`] before the last segment was sealed.
    pub fn finish(self) -> Result<SealedBody, Error> {
        match self.progress {
            Progress::Ended => {
                Ok(SealedBody { header: self.header, length: self.length, segments: self.next })
            }
            Progress::Open => Err(Error::Unfinished),
        }
    }
}

/// Proof that a body was sealed to its end. Made by [`SegmentSealer::finish`], used up by
/// [`tail`](super::tail): one file has one facts section.
#[derive(Debug)]
pub struct SealedBody {
    header: Header,
    length: u64,
    segments: u64,
}

impl SealedBody {
    /// The file's header.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Length of all sealed segments, tags included.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Length of the plaintext.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.length - self.segments * TAG as u64
    }
}

/// Makes what opens the segments of a file, once `key` is proved to be its key (P3: only the bytes that
/// were sealed ever come out).
///
/// # Errors
/// [`Error::WrongKey`] when the key does not give the commitment in the header.
pub fn unlock(header: &Header, key: &ItemKey) -> Result<SegmentOpener, Error> {
    if header.commitment_of::<Aes256GcmSha256>(key) != *header.commitment() {
        return Err(Error::WrongKey);
    }
    Ok(SegmentOpener { stream: Stream::new(header, key), header: header.clone() })
}

/// Opens segments of one file, in any order, from any thread.
pub struct SegmentOpener<S: Suite = Aes256GcmSha256> {
    stream: Stream<S>,
    header: Header,
}

impl<S: Suite> SegmentOpener<S> {
    /// Decrypts a sealed segment in place and takes its tag off. `index` and `place` come from the
    /// file's [`Layout`](super::Layout).
    ///
    /// # Errors
    /// [`Error::Segment`] when these are not the bytes that were sealed there; `segment` is then
    /// untouched.
    pub fn open(&self, index: u32, place: Place, segment: &mut Vec<u8>) -> Result<(), Error> {
        let damaged = || Error::Segment { index, at: start_of(&self.header, index) };
        let (text, tag) = segment.split_last_chunk_mut::<TAG>().ok_or_else(damaged)?;
        let nonce = self.stream.nonce(index, place);
        self.stream.cipher.open(&nonce, text, tag).map_err(|_| damaged())?;
        segment.truncate(segment.len() - TAG);
        Ok(())
    }
}

/// Where a segment begins in its file.
pub(super) fn start_of(header: &Header, index: u32) -> u64 {
    Header::LENGTH as u64 + u64::from(index) * header.segment().sealed() as u64
}
