//! RIFF: WAV, AVI with its OpenDML extensions, WebP; RF64 and BW64 with 64-bit sizes (EBU Tech 3306).

use super::window::{Doubt, OrCut as _, Window};

/// Written where a size was not yet known, and in RF64 where it stands elsewhere.
const NO_SIZE: u32 = u32::MAX;
const CUT: &str = "riff_past_end";

/// Every RIFF chunk at the top must end within the file, and so must the chunks in the first.
pub(super) fn check(window: &mut Window<'_>) -> Result<(), Doubt> {
    let sizes = Sizes::read(window)?;
    let first_end = end_of(8, sizes.riff);
    if first_end > window.length() {
        return Err(Doubt::Cut(CUT));
    }
    check_chunks(window, first_end, &sizes)?;
    check_further(window, first_end)
}

/// The sizes that may stand in `ds64`.
struct Sizes {
    riff: u64,
    data: Option<u64>,
}

impl Sizes {
    fn read(window: &mut Window<'_>) -> Result<Self, Doubt> {
        let name: [u8; 4] = window.array(0).or_cut(CUT)?;
        let size = window.le32(4).or_cut(CUT)?;
        match size {
            NO_SIZE if name != *b"RIFF" => {
                Ok(Self { riff: window.le64(20).or_cut(CUT)?, data: Some(window.le64(28).or_cut(CUT)?) })
            }
            NO_SIZE => Err(Doubt::Unknown("riff_unknown_size")),
            // Sizes are filled in when the recording ends.
            0 => Err(Doubt::Cut("riff_unfinished")),
            size => Ok(Self { riff: u64::from(size), data: None }),
        }
    }
}

fn check_chunks(window: &mut Window<'_>, end: u64, sizes: &Sizes) -> Result<(), Doubt> {
    let mut at = 12;
    while at + 8 <= end {
        let name: [u8; 4] = window.array(at).or_cut(CUT)?;
        let size = match (window.le32(at + 4).or_cut(CUT)?, sizes.data) {
            (NO_SIZE, Some(data)) if name == *b"data" => data,
            (NO_SIZE, _) => return Err(Doubt::Unknown("riff_unknown_size")),
            (0, _) if name == *b"data" && at + 8 < end => return Err(Doubt::Cut("riff_unfinished")),
            (size, _) => u64::from(size),
        };
        let chunk_end = end_of(at + 8, size);
        if chunk_end > window.length() {
            return Err(Doubt::Cut(CUT));
        }
        at = chunk_end + chunk_end % 2;
    }
    Ok(())
}

/// OpenDML: an AVI over 1 GiB goes on in further RIFF chunks.
fn check_further(window: &mut Window<'_>, first_end: u64) -> Result<(), Doubt> {
    let mut at = first_end + first_end % 2;
    while window.array(at) == Ok(*b"RIFF") {
        let end = end_of(at + 8, u64::from(window.le32(at + 4).or_cut(CUT)?));
        if end > window.length() {
            return Err(Doubt::Cut(CUT));
        }
        at = end + end % 2;
    }
    Ok(())
}

/// One below the top of the range, so that rounding up to even cannot overflow.
fn end_of(body: u64, size: u64) -> u64 {
    body.saturating_add(size).min(u64::MAX - 1)
}
