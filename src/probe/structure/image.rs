//! Stills that mark their end: JPEG (ITU-T T.81, annex B) and PNG (ISO/IEC 15948, section 5).

use super::window::{Doubt, OrCut as _, Stop, Window};

/// JPEG: from marker to marker, through the entropy-coded bytes, to the end marker. Whatever a telephone
/// appends behind it does not matter, and pictures inside of segments are skipped.
pub(super) fn check_jpeg(window: &mut Window<'_>) -> Result<(), Doubt> {
    let mut bytes = Bytes::new(window, 2);
    jpeg_end(&mut bytes).or_cut("jpeg_no_end")
}

fn jpeg_end(bytes: &mut Bytes<'_, '_>) -> Result<(), Stop> {
    loop {
        match bytes.marker()? {
            0xd9 => return Ok(()),
            // Restart markers and a temporary one have no content.
            0x01 | 0xd0..=0xd8 => {}
            _ => {
                let length = u64::from(bytes.next()?) << 8 | u64::from(bytes.next()?);
                bytes.skip(length.saturating_sub(2));
            }
        }
    }
}

/// PNG: from chunk to chunk to `IEND`.
pub(super) fn check_png(window: &mut Window<'_>) -> Result<(), Doubt> {
    let mut at: u64 = 8;
    loop {
        let length = window.be32(at).or_cut("png_no_end")?;
        let kind: [u8; 4] = window.array(at + 4).or_cut("png_no_end")?;
        let end = at + 12 + u64::from(length);
        if end > window.length() {
            return Err(Doubt::Cut("png_no_end"));
        }
        if kind == *b"IEND" {
            return Ok(());
        }
        at = end;
    }
}

/// A file read byte by byte through a buffer.
struct Bytes<'w, 'a> {
    window: &'w mut Window<'a>,
    buffer: Vec<u8>,
    filled: usize,
    used: usize,
    at: u64,
}

impl<'w, 'a> Bytes<'w, 'a> {
    fn new(window: &'w mut Window<'a>, at: u64) -> Self {
        Self { window, buffer: vec![0; 64 << 10], filled: 0, used: 0, at }
    }

    fn next(&mut self) -> Result<u8, Stop> {
        if self.used == self.filled {
            self.filled = self.window.some(self.at, &mut self.buffer)?;
            self.used = 0;
            self.at = self.at.saturating_add(self.filled as u64);
        }
        let byte = *self.buffer[..self.filled].get(self.used).ok_or(Stop::PastEnd)?;
        self.used += 1;
        Ok(byte)
    }

    fn skip(&mut self, count: u64) {
        let held = (self.filled - self.used) as u64;
        if count <= held {
            self.used += usize::try_from(count).expect("no more than the buffer holds");
        } else {
            self.used = self.filled;
            self.at = self.at.saturating_add(count - held);
        }
    }

    /// The next marker: `FF`, then neither a stuffed zero nor another `FF`.
    fn marker(&mut self) -> Result<u8, Stop> {
        loop {
            while self.next()? != 0xff {}
            let mut byte = self.next()?;
            while byte == 0xff {
                byte = self.next()?;
            }
            if byte != 0 {
                return Ok(byte);
            }
        }
    }
}
