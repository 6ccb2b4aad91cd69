//! ASF: objects with a GUID and a size (Advanced Systems Format Specification, sections 2 and 3).

use super::window::{Doubt, OrCut as _, Window};

/// The file properties object, as its GUID is written.
const FILE_PROPERTIES: [u8; 16] =
    [0xa1, 0xdc, 0xab, 0x8c, 0x47, 0xa9, 0xcf, 0x11, 0x8e, 0xe4, 0x00, 0xc0, 0x0c, 0x20, 0x53, 0x65];
const CUT: &str = "asf_past_end";
/// The size of whatever has no content: a GUID and a size.
const EMPTY: u64 = 24;

/// The file properties say how long the file is; every object at the top must end within it.
pub(super) fn check(window: &mut Window<'_>) -> Result<(), Doubt> {
    let declared = declared_size(window)?;
    if declared > window.length() {
        return Err(Doubt::Cut(CUT));
    }
    let mut at = 0;
    while at < window.length() {
        at = object_end(window, at)?;
        if at > window.length() {
            return Err(Doubt::Cut(CUT));
        }
    }
    Ok(())
}

fn declared_size(window: &mut Window<'_>) -> Result<u64, Doubt> {
    let header_end = object_end(window, 0)?;
    // The header: GUID, size, a count of four bytes, two reserved ones, then its objects.
    let mut at = 30;
    while at < header_end {
        let guid: [u8; 16] = window.array(at).or_cut(CUT)?;
        if guid == FILE_PROPERTIES {
            // A file id of 16 bytes before the size; dates, counts and times between it and the flags.
            let size = window.le64(at + 40).or_cut(CUT)?;
            let flags = window.le32(at + 88).or_cut(CUT)?;
            let is_broadcast = flags & 1 == 1;
            return if is_broadcast || size == 0 {
                Err(Doubt::Unknown("asf_unknown_size"))
            } else {
                Ok(size)
            };
        }
        at = object_end(window, at)?;
    }
    Err(Doubt::Unknown("asf_no_properties"))
}

fn object_end(window: &mut Window<'_>, at: u64) -> Result<u64, Doubt> {
    let size = window.le64(at + 16).or_cut(CUT)?;
    if size < EMPTY {
        return Err(Doubt::Unknown("asf_broken_object"));
    }
    // One below the top of the range leaves room for what is added to offsets.
    Ok(at.saturating_add(size).min(u64::MAX / 2))
}
