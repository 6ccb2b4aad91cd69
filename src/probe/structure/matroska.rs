//! Matroska and WebM: elements with an id and a size (RFC 8794, RFC 9559).

use super::window::{Doubt, OrCut as _, Stop, Window};

const EBML: u32 = 0x1a45_dfa3;
const SEGMENT: u32 = 0x1853_8067;
const CUT: &str = "matroska_element_past_end";

struct Element {
    id: u32,
    body: u64,
    /// `None`: written before the size was known.
    size: Option<u64>,
}

/// The segment says how long it is; where it does not, its elements are walked.
pub(super) fn check(window: &mut Window<'_>) -> Result<(), Doubt> {
    let mut at = 0;
    loop {
        let element = element(window, at)?;
        let Some(size) = element.size else {
            return if element.id == SEGMENT { walk(window, element.body) } else { broken() };
        };
        let end = element.body.saturating_add(size);
        if end > window.length() {
            return Err(Doubt::Cut("matroska_segment_past_end"));
        }
        match element.id {
            SEGMENT => return Ok(()),
            EBML if at > 0 => return broken(),
            _ => at = end,
        }
    }
}

fn walk(window: &mut Window<'_>, mut at: u64) -> Result<(), Doubt> {
    while at < window.length() {
        let element = element(window, at)?;
        let Some(size) = element.size else { break };
        at = element.body.saturating_add(size);
        if at > window.length() {
            return Err(Doubt::Cut(CUT));
        }
    }
    Err(Doubt::Unknown("matroska_unknown_size"))
}

fn broken() -> Result<(), Doubt> {
    Err(Doubt::Unknown("matroska_broken_element"))
}

fn element(window: &mut Window<'_>, at: u64) -> Result<Element, Doubt> {
    let (id, id_length) = number(window, at).or_cut(CUT)?;
    let id = u32::try_from(id).ok().filter(|_| (1..=4).contains(&id_length));
    let id = id.ok_or(Doubt::Unknown("matroska_broken_element"))?;
    let (size, size_length) = number(window, at + id_length).or_cut(CUT)?;
    if size_length == 0 {
        return Err(Doubt::Unknown("matroska_broken_element"));
    }
    let value_bits = 7 * size_length;
    let value = size & ((1 << value_bits) - 1);
    let is_unknown = value == (1 << value_bits) - 1;
    Ok(Element { id, body: at + id_length + size_length, size: (!is_unknown).then_some(value) })
}

/// A number with its length marker still in it, and the bytes it takes; 0 for one that takes more than 8.
fn number(window: &mut Window<'_>, at: u64) -> Result<(u64, u64), Stop> {
    let [first] = window.array(at)?;
    let length = first.leading_zeros() as usize + 1;
    if length > 8 {
        return Ok((0, 0));
    }
    let mut bytes = [0; 8];
    window.fill(at, &mut bytes[8 - length..])?;
    Ok((u64::from_be_bytes(bytes), length as u64))
}
