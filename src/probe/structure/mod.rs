//! How a file ends, by its own structure: what ffmpeg does not tell.
//!
//! A demuxer is content with whatever it gets; a recording that lost its last ten minutes plays well. Most
//! containers, though, say somewhere how long they are or mark their end, and a few bounded reads find out.
//! Pure but for the reads; never panics on any bytes (P4).

mod asf;
mod flv;
mod image;
mod matroska;
mod mp4;
mod ogg;
mod riff;
mod sniff;
#[cfg(test)]
mod tests;
mod ts;
mod window;

use serde::{Deserialize, Serialize};

pub use sniff::{Format, SNIFF_LENGTH, Sniffed, sniff};
pub use window::ReadAt;
use window::{Doubt, Window};

use crate::model::Truncated;

/// How a file ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    /// Whether its end is missing.
    pub truncated: Truncated,
    /// Codes of what led to that answer; none when the structure is whole.
    pub because: Vec<String>,
}

impl Ending {
    /// All that must be there is there.
    #[must_use]
    pub fn whole() -> Self {
        Self { truncated: Truncated::No, because: Vec::new() }
    }

    /// Something is missing.
    #[must_use]
    pub fn cut(code: &str) -> Self {
        Self { truncated: Truncated::Yes, because: vec![code.to_owned()] }
    }

    /// Nobody can say.
    #[must_use]
    pub fn unknown(code: &str) -> Self {
        Self { truncated: Truncated::CannotBeKnown, because: vec![code.to_owned()] }
    }
}

/// Looks at the structure of a file whose first bytes were sniffed as `format`.
pub fn examine(source: &mut dyn ReadAt, format: Format) -> Ending {
    let mut window = Window::new(source);
    let outcome = match format {
        Format::Mp4 => mp4::check(&mut window),
        Format::Matroska => matroska::check(&mut window),
        Format::Riff => riff::check(&mut window),
        Format::Jpeg => image::check_jpeg(&mut window),
        Format::Png => image::check_png(&mut window),
        Format::Ogg => ogg::check(&mut window),
        Format::Asf => asf::check(&mut window),
        Format::Flv => flv::check(&mut window),
        Format::TransportStream { packet, sync } => ts::check(&mut window, packet, sync),
        Format::Untold => Err(Doubt::Unknown(window::UNTOLD)),
    };
    match outcome {
        Ok(()) => Ending::whole(),
        Err(Doubt::Cut(code)) => Ending::cut(code),
        Err(Doubt::Unknown(code)) => Ending::unknown(code),
    }
}
