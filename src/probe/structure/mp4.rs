//! ISO base media files and QuickTime: boxes, each with its size (ISO/IEC 14496-12, section 4.2).

use super::window::{Doubt, OrCut as _, Window};

/// What was met at the top.
#[derive(Default)]
struct Met {
    moov: bool,
    media: bool,
    fragments: bool,
    last: [u8; 4],
}

/// Walks the boxes at the top: none may reach past the end, and the index must be there.
pub(super) fn check(window: &mut Window<'_>) -> Result<(), Doubt> {
    let mut met = Met::default();
    let mut at = 0;
    while at < window.length() {
        let size = window.be32(at).or_cut("mp4_box_cut")?;
        let kind = window.array(at + 4).or_cut("mp4_box_cut")?;
        if !is_plain(kind) {
            return strange_box(&met);
        }
        let end = match size {
            0 => return open_end(&met, kind),
            1 => at.saturating_add(window.be64(at + 8).or_cut("mp4_box_cut")?),
            size => at + u64::from(size),
        };
        if end > window.length() {
            return Err(Doubt::Cut("mp4_box_past_end"));
        }
        if end < at + 8 {
            return strange_box(&met);
        }
        met.meet(kind);
        at = end;
    }
    met.verdict()
}

impl Met {
    fn meet(&mut self, kind: [u8; 4]) {
        match &kind {
            b"moov" => self.moov = true,
            b"mdat" => self.media = true,
            b"moof" => self.fragments = true,
            _ => {}
        }
        self.last = kind;
    }

    fn verdict(&self) -> Result<(), Doubt> {
        match (self.moov, self.fragments) {
            // A recorder writes the index last; without power it never does.
            (false, false) => Err(Doubt::Cut("mp4_no_index")),
            (false, true) => Err(Doubt::Unknown("mp4_fragments_alone")),
            (true, false) if !self.media => Err(Doubt::Cut("mp4_no_media")),
            (true, false) => Ok(()),
            (true, true) if self.last == *b"moof" => Err(Doubt::Cut("mp4_no_media")),
            // The index of fragments stands at the very end, if there is one.
            (true, true) if self.last == *b"mfra" => Ok(()),
            (true, true) => Err(Doubt::Unknown("mp4_fragments_unbounded")),
        }
    }
}

/// Boxes have printable names; the first byte may be the copyright sign of QuickTime.
fn is_plain(kind: [u8; 4]) -> bool {
    kind.iter().all(|byte| (0x20..0x7f).contains(byte) || *byte == 0xa9)
}

/// After index and media, what follows may be padding; before, the file is broken.
fn strange_box(met: &Met) -> Result<(), Doubt> {
    if met.moov && (met.media || met.fragments) {
        Err(Doubt::Unknown("mp4_trailing_bytes"))
    } else {
        Err(Doubt::Unknown("mp4_broken_box"))
    }
}

/// Size 0: the box reaches to the end of the file, wherever that is.
fn open_end(met: &Met, kind: [u8; 4]) -> Result<(), Doubt> {
    if met.moov || kind == *b"moov" {
        Err(Doubt::Unknown("mp4_open_end"))
    } else {
        Err(Doubt::Cut("mp4_no_index"))
    }
}
