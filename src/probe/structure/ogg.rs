//! Ogg: pages, the last of each stream marked (RFC 3533, section 6).

use super::window::{Doubt, OrCut as _, Window};

/// The longest page: 27 bytes, 255 segments of 255 bytes and their sizes.
const PAGE_MAX: u64 = 27 + 255 + 255 * 255;
const HEADER: usize = 27;
const LAST_PAGE: u8 = 4;

/// The last page must end with the file and say that it is the last.
pub(super) fn check(window: &mut Window<'_>) -> Result<(), Doubt> {
    let start = window.length().saturating_sub(PAGE_MAX);
    let mut tail = vec![0; usize::try_from(window.length() - start).expect("a page at most")];
    window.fill(start, &mut tail).or_cut("ogg_page_cut")?;
    let last = tail.windows(5).rposition(|bytes| bytes == b"OggS\0").ok_or(Doubt::Cut("ogg_page_cut"))?;
    let page = &tail[last..];
    if page_length(page) != Some(page.len()) {
        return Err(Doubt::Cut("ogg_page_cut"));
    }
    if page[5] & LAST_PAGE == 0 { Err(Doubt::Cut("ogg_no_last_page")) } else { Ok(()) }
}

fn page_length(page: &[u8]) -> Option<usize> {
    let segments = usize::from(*page.get(HEADER - 1)?);
    let sizes = page.get(HEADER..HEADER + segments)?;
    Some(HEADER + segments + sizes.iter().map(|size| usize::from(*size)).sum::<usize>())
}
