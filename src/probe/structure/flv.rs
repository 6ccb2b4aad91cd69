//! Flash video: tags, each followed by its size (Adobe Flash Video File Format Specification 10.1, annex E).

use super::window::{Doubt, OrCut as _, UNTOLD, Window};

const CUT: &str = "flv_tag_cut";
/// Before the content of a tag.
const TAG_HEADER: u64 = 11;

/// The size at the very end must lead back to a tag of that size. Whether more tags should follow, the
/// structure does not say.
pub(super) fn check(window: &mut Window<'_>) -> Result<(), Doubt> {
    let end = window.length().saturating_sub(4);
    let size = u64::from(window.be32(end).or_cut(CUT)?);
    let start = end.checked_sub(size).filter(|_| size >= TAG_HEADER).ok_or(Doubt::Cut(CUT))?;
    let [kind, a, b, c] = window.array(start).or_cut(CUT)?;
    let content = u64::from(u32::from_be_bytes([0, a, b, c]));
    let is_tag = matches!(kind & 0x1f, 8 | 9 | 18);
    if is_tag && content + TAG_HEADER == size { Err(Doubt::Unknown(UNTOLD)) } else { Err(Doubt::Cut(CUT)) }
}
