//! How media end, by their structure: few reads, within the file, and an answer with a reason. The
//! input is a length that the file is stretched to with zeros, so that sizes of terabytes are met too,
//! and the file's first bytes.
#![no_main]

use std::io;

use libfuzzer_sys::fuzz_target;
use sealdock::model::Truncated;
use sealdock::probe::structure::{Ending, Format, ReadAt, SNIFF_LENGTH, Sniffed, examine, sniff};

/// The bounds of `probe::structure::window`: reads, and bytes with the last read that was one too many.
const READS_MOST: u32 = 100_000;
const BYTES_MOST: u64 = (128 << 20) + (64 << 10);

/// A JPEG is read through, so it is stretched only so far that others have their turn too.
const LONGEST_JPEG: u64 = 256 << 10;

fuzz_target!(|data: &[u8]| {
    let Some((length, first)) = data.split_first_chunk::<8>() else { return };
    let sniffed = sniff(&first[..first.len().min(SNIFF_LENGTH)]);
    let Sniffed::Media(format) = sniffed else { return };
    // Half of the inputs are files as they are.
    let longer = if length[0] % 2 == 0 { 0 } else { u64::from_be_bytes(*length) >> (length[1] % 64) };
    let longer = if format == Format::Jpeg { longer.min(LONGEST_JPEG) } else { longer };
    let mut stretched = Stretched { first, length: longer.max(first.len() as u64), reads: 0, bytes: 0 };
    let ending = examine(&mut stretched, format);
    assert!(stretched.reads <= READS_MOST && stretched.bytes <= BYTES_MOST);
    judge(&ending);
    if longer == 0 {
        let mut plain = first;
        assert_eq!(examine(&mut plain, format), ending);
    }
});

/// "Whole" needs no reason, all else has one.
fn judge(ending: &Ending) {
    assert_eq!(ending.truncated == Truncated::No, ending.because.is_empty());
    assert!(
        ending
            .because
            .iter()
            .all(|code| code.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_')))
    );
}

/// A file whose end is zeros, which keeps count of what is read.
struct Stretched<'a> {
    first: &'a [u8],
    length: u64,
    reads: u32,
    bytes: u64,
}

impl ReadAt for Stretched<'_> {
    fn length(&self) -> u64 {
        self.length
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        assert!(offset < self.length, "a read behind the end");
        let left = usize::try_from(self.length - offset).unwrap_or(usize::MAX);
        let read = buffer.len().min(left);
        let held = self.first.get(usize::try_from(offset).unwrap_or(usize::MAX)..).unwrap_or_default();
        let copied = held.len().min(read);
        buffer[..copied].copy_from_slice(&held[..copied]);
        buffer[copied..read].fill(0);
        self.reads += 1;
        self.bytes += read as u64;
        Ok(read)
    }
}
