//! From the first packet to the last.

use std::time::Duration;

use ffmpeg_next as ffmpeg;
use ffmpeg_next::format::context::Input;
use ffmpeg_next::{Packet, media};
use sealdock::model::MediaFacts;
use sealdock::probe::structure::ReadAt as _;
use sealdock::sys::{Clock as _, SystemClock};

use crate::parser::Evidence;
use crate::source::Source;

/// A day of video has two million frames and four million packets of sound.
const PACKETS_MAX: u32 = 8_000_000;
/// The clock is asked once in so many packets; reads ask it too.
const PACKETS_BETWEEN_LOOKS: u32 = 1024;
/// Of a file too long to be read through, this much of the end.
const TAIL_S: f64 = 10.0;
/// Frames and sound blocks are shorter; whatever ends earlier was cut.
const EARLY_S: f64 = 0.25;
/// Containers that declare a duration instead of having libav guess one from the file's size.
const DECLARING: [&str; 4] = ["matroska,webm", "flv", "flac", "mov,mp4,m4a,3gp,3g2,mj2"];

/// What was met.
#[derive(Debug, Default)]
pub(crate) struct Run {
    /// From the first packet's start to the last one's end, when all were read.
    pub(crate) measured_s: Option<f64>,
    trouble: Option<&'static str>,
}

/// How far packets reach, in seconds.
#[derive(Default)]
struct Span {
    start: Option<f64>,
    end: Option<f64>,
}

/// Reads all packets; of a file longer than half the read budget, those of the last ten seconds.
pub(crate) fn run(input: &mut Input, source: &Source, stop_at: Duration) -> Run {
    let is_short = source.length() <= source.left() / 2;
    if !is_short && !seek_tail(input) {
        return Run { measured_s: None, trouble: Some("read_in_part") };
    }
    let time_bases = time_bases(input);
    let mut span = Span::default();
    let mut packet = Packet::empty();
    let mut trouble = None;
    for count in 0..PACKETS_MAX {
        if count % PACKETS_BETWEEN_LOOKS == 0 && SystemClock.since_boot() >= stop_at {
            return Run { measured_s: None, trouble: Some("read_in_part") };
        }
        match packet.read(input) {
            Ok(()) => {
                span.extend(&packet, &time_bases);
                trouble = packet.is_corrupt().then_some("damaged_packet").or(trouble);
            }
            Err(ffmpeg::Error::Eof) => {
                // The end is the end of the file, or of what the budget gave.
                let trouble = if source.left() == 0 { Some("read_in_part") } else { trouble };
                return Run { measured_s: span.length().filter(|_| is_short), trouble };
            }
            // The demuxer finds its way again behind a damaged packet.
            Err(ffmpeg::Error::InvalidData) => trouble = Some("damaged_packet"),
            Err(_) => return Run { measured_s: None, trouble: Some("read_in_part") },
        }
    }
    Run { measured_s: None, trouble: Some("read_in_part") }
}

impl Run {
    /// What this says about the end of a file with these facts.
    pub(crate) fn evidence(&self, facts: &MediaFacts) -> Evidence {
        let declares = facts.container.as_deref().is_some_and(|name| DECLARING.contains(&name));
        let ends_early = match (self.measured_s, facts.duration_s) {
            (Some(measured), Some(declared)) => declares && measured + EARLY_S < declared,
            _ => false,
        };
        Evidence { ends_early, trouble: self.trouble }
    }
}

impl Span {
    fn extend(&mut self, packet: &Packet, time_bases: &[Option<f64>]) {
        let Some(Some(unit)) = time_bases.get(packet.stream()) else { return };
        let Some(at) = packet.pts().or_else(|| packet.dts()) else { return };
        let start = at as f64 * unit;
        let end = start + packet.duration().max(0) as f64 * unit;
        self.start = Some(self.start.map_or(start, |earlier| earlier.min(start)));
        self.end = Some(self.end.map_or(end, |later| later.max(end)));
    }

    fn length(&self) -> Option<f64> {
        Some(self.end? - self.start?).filter(|length| *length >= 0.0)
    }
}

/// Of video and sound only: subtitles and data may end when they like.
fn time_bases(input: &Input) -> Vec<Option<f64>> {
    input
        .streams()
        .map(|stream| {
            let counts = matches!(stream.parameters().medium(), media::Type::Video | media::Type::Audio);
            counts.then(|| f64::from(stream.time_base())).filter(|unit| unit.is_finite() && *unit > 0.0)
        })
        .collect()
}

fn seek_tail(input: &mut Input) -> bool {
    let duration = input.duration();
    let tail = (TAIL_S * 1e6) as i64;
    duration > tail && input.seek(duration - tail, ..).is_ok()
}
