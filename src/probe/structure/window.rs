//! Bounded reads at offsets.

use std::io;

/// Reads that one file may cost: a fragmented MP4 of a day has some 20,000 boxes at its top.
const READS_MAX: u32 = 100_000;
/// Bytes that one file may cost; only a JPEG is read through, and one of 100 MiB is no photograph.
const BYTES_MAX: u64 = 128 << 20;

/// The code for formats that neither say their length nor mark their end.
pub(super) const UNTOLD: &str = "format_does_not_tell";

/// A file of a fixed length that can be read anywhere.
pub trait ReadAt {
    /// Bytes.
    fn length(&self) -> u64;

    /// Reads some bytes from an offset; 0 at the end.
    ///
    /// # Errors
    /// As `pread(2)`.
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;
}

impl ReadAt for &[u8] {
    fn length(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(self.len());
        let rest = &self[start..];
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }
}

/// Why a file is not known to be whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doubt {
    /// Something that must be there is missing.
    Cut(&'static str),
    /// It cannot be known.
    Unknown(&'static str),
}

/// Why a read did not give what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    PastEnd,
    TooMuch,
    Unreadable,
}

/// Says what it means that the file ends where something was to be read.
pub(super) trait OrCut<T> {
    fn or_cut(self, code: &'static str) -> Result<T, Doubt>;
}

impl<T> OrCut<T> for Result<T, Stop> {
    fn or_cut(self, code: &'static str) -> Result<T, Doubt> {
        self.map_err(|stop| match stop {
            Stop::PastEnd => Doubt::Cut(code),
            Stop::TooMuch => Doubt::Unknown("too_many_parts"),
            Stop::Unreadable => Doubt::Unknown("unreadable"),
        })
    }
}

/// A file, with what may still be read of it.
pub(super) struct Window<'a> {
    source: &'a mut dyn ReadAt,
    length: u64,
    reads_left: u32,
    bytes_left: u64,
}

impl<'a> Window<'a> {
    pub(super) fn new(source: &'a mut dyn ReadAt) -> Self {
        let length = source.length();
        Self { source, length, reads_left: READS_MAX, bytes_left: BYTES_MAX }
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Exactly `N` bytes.
    pub(super) fn array<const N: usize>(&mut self, offset: u64) -> Result<[u8; N], Stop> {
        let mut bytes = [0; N];
        self.fill(offset, &mut bytes)?;
        Ok(bytes)
    }

    /// As many bytes as the buffer holds.
    pub(super) fn fill(&mut self, offset: u64, buffer: &mut [u8]) -> Result<(), Stop> {
        let mut done = 0;
        while done < buffer.len() {
            match self.some(offset.saturating_add(done as u64), &mut buffer[done..])? {
                0 => return Err(Stop::PastEnd),
                read => done += read,
            }
        }
        Ok(())
    }

    /// Some bytes; 0 at the end.
    pub(super) fn some(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, Stop> {
        if offset >= self.length || buffer.is_empty() {
            return Ok(0);
        }
        self.reads_left = self.reads_left.checked_sub(1).ok_or(Stop::TooMuch)?;
        let read = self.source.read_at(offset, buffer).map_err(|_| Stop::Unreadable)?.min(buffer.len());
        self.bytes_left = self.bytes_left.checked_sub(read as u64).ok_or(Stop::TooMuch)?;
        Ok(read)
    }

    pub(super) fn be32(&mut self, offset: u64) -> Result<u32, Stop> {
        self.array(offset).map(u32::from_be_bytes)
    }

    pub(super) fn be64(&mut self, offset: u64) -> Result<u64, Stop> {
        self.array(offset).map(u64::from_be_bytes)
    }

    pub(super) fn le32(&mut self, offset: u64) -> Result<u32, Stop> {
        self.array(offset).map(u32::from_le_bytes)
    }

    pub(super) fn le64(&mut self, offset: u64) -> Result<u64, Stop> {
        self.array(offset).map(u64::from_le_bytes)
    }
}
