//! MPEG transport streams: packets of one size (ISO/IEC 13818-1, section 2.4.3.2).

use super::window::{Doubt, OrCut as _, UNTOLD, Window};

const CUT: &str = "ts_packet_cut";

/// A packet that is not whole is a cut; whole packets say nothing about what should follow.
pub(super) fn check(window: &mut Window<'_>, packet: u8, sync: u8) -> Result<(), Doubt> {
    let rest = window.length() % u64::from(packet);
    let last = window.length() - rest;
    if rest > u64::from(sync) {
        let [byte] = window.array(last + u64::from(sync)).or_cut(CUT)?;
        // Bytes behind the last packet that are none, for instance a recorder's padding, prove nothing.
        return Err(if byte == 0x47 { Doubt::Cut(CUT) } else { Doubt::Unknown(UNTOLD) });
    }
    Err(if rest == 0 { Doubt::Unknown(UNTOLD) } else { Doubt::Cut(CUT) })
}
