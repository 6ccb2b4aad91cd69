//! Facts, by libav.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use ffmpeg_next as ffmpeg;
use ffmpeg_next::codec;
use ffmpeg_next::codec::decoder::{Audio, Decoder, Opened, Video};
use ffmpeg_next::format::context::{Input, StreamIo};
use ffmpeg_next::format::stream::{Disposition, Stream};
use ffmpeg_next::{DictionaryRef, Rational, media};
use sealdock::model::{MediaFacts, ProbeOutcome, StreamFacts, StreamKind};
use sealdock::sys::{Clock as _, SystemClock};

use crate::child::failed;
use crate::demux;
use crate::source::Source;

/// The demuxers that may run: what recorders, telephones and office machines write. Playlists, scripts and
/// whatever opens further files are not among them, nor the hundred formats of old games.
const FORMATS: &str = "mov,matroska,avi,wav,w64,mp3,aac,amr,amrnb,amrwb,flac,ogg,asf,flv,live_flv,mpeg,mpegts,\
    mpegvideo,h264,hevc,m4v,mjpeg,h263,av1,obu,ivf,cavsvideo,dv,dhav,mxf,gxf,caf,aiff,au,ac3,eac3,dts,gif,apng,\
    jpeg_pipe,png_pipe,tiff_pipe,bmp_pipe,webp_pipe,gif_pipe,j2k_pipe,jpegxl_pipe,rm,nut";
/// Below this, libav itself would rather read more before it believes its guess (`AVPROBE_SCORE_RETRY`).
const SCORE_MIN: i32 = 25;
/// Bytes from the file to libav at a time.
const READ_BYTES: usize = 64 << 10;
/// libav gives durations of containers in microseconds.
const TIME_BASE: f64 = 1e6;

/// What was learned of a file.
pub(crate) struct Clip {
    pub(crate) facts: MediaFacts,
    pub(crate) evidence: Evidence,
    /// Where a poster can be taken from.
    pub(crate) picture: Option<Wanted>,
    /// How sure libav was of the format, to 100.
    score: i32,
}

/// What the demuxer met on its way to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Evidence {
    /// The packets end well before the duration that the container declares.
    pub(crate) ends_early: bool,
    /// Why the end is not known to have been reached in good order, as a code.
    pub(crate) trouble: Option<&'static str>,
}

/// The stream to draw a poster from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Wanted {
    pub(crate) stream: usize,
    /// Degrees clockwise.
    pub(crate) rotation: u16,
    pub(crate) duration_s: Option<f64>,
}

/// Loads libav and makes it silent: a clip must not write into anybody's journal.
///
/// # Errors
/// `Other` when libav will not start.
pub(crate) fn load() -> io::Result<()> {
    ffmpeg::init().map_err(io::Error::other)?;
    ffmpeg::log::set_level(ffmpeg::log::Level::Quiet);
    Ok(())
}

impl Clip {
    /// A file whose streams were not read.
    pub(crate) fn without_streams(outcome: ProbeOutcome) -> Self {
        let evidence = Evidence { ends_early: false, trouble: Some("not_read") };
        Self { facts: MediaFacts::without_streams(outcome), evidence, picture: None, score: 0 }
    }

    /// Of bytes without any known beginning and a name that claims no media, only what surely is media counts.
    pub(crate) fn doubted(self) -> Self {
        let is_sure = self.facts.probe == ProbeOutcome::Probed && self.score > SCORE_MIN;
        if is_sure { self } else { Self::without_streams(ProbeOutcome::NotMedia) }
    }
}

/// Reads the facts of a file, until `stop_at` (since boot) at most.
pub(crate) fn read(source: &Source, stop_at: Duration) -> Clip {
    let mut input = match open(source, stop_at) {
        Ok(input) => input,
        Err(error) => return Clip::without_streams(outcome_of(error, source)),
    };
    let is_still = input.format().name().ends_with("_pipe");
    let mut facts = facts_of(&input);
    let picture = if is_still { None } else { wanted(&input, &facts) };
    let score = input.probe_score();
    let run = demux::run(&mut input, source, stop_at);
    if is_still {
        without_time(&mut facts);
    } else {
        facts.duration_s = facts.duration_s.or(run.measured_s.map(rounded));
    }
    let evidence = run.evidence(&facts);
    Clip { facts, evidence, picture, score }
}

/// Opens the file from its start. Every read asks the clock first.
pub(crate) fn open(source: &Source, stop_at: Duration) -> Result<Input, ffmpeg::Error> {
    let io = StreamIo::from_read_seek_with_capacity(source.rewound(), READ_BYTES)?;
    let mut options = ffmpeg::Dictionary::new();
    for (name, value) in [
        ("format_whitelist", FORMATS),
        // References to further files are not followed; the walls would refuse them anyway.
        ("protocol_whitelist", ""),
        ("enable_drefs", "0"),
        ("export_all", "1"),
        ("probesize", "5000000"),
        ("analyzeduration", "5000000"),
        ("max_streams", "128"),
    ] {
        options.set(name, value);
    }
    let is_late = move || SystemClock.since_boot() >= stop_at;
    ffmpeg::format::input_from_stream_with_interrupt(io, None, Some(options), is_late)
}

fn outcome_of(error: ffmpeg::Error, source: &Source) -> ProbeOutcome {
    match error {
        ffmpeg::Error::Exit => failed("timed_out", "the beginning alone took too long to read"),
        ffmpeg::Error::Other { errno: libc::ENOMEM } => failed("out_of_memory", "more memory than allowed"),
        _ if source.left() == 0 => failed("over_budget", "the beginning alone took too many bytes to read"),
        ffmpeg::Error::Other { errno: libc::EINVAL } => failed("unreadable", "not a format that is read"),
        error => failed("unreadable", error.to_string()),
    }
}

fn facts_of(input: &Input) -> MediaFacts {
    let mut facts = MediaFacts::without_streams(ProbeOutcome::Probed);
    facts.container = Some(input.format().name().to_owned());
    facts.duration_s = seconds(input.duration(), 1.0 / TIME_BASE);
    facts.streams = input.streams().map(|stream| stream_facts(&stream)).collect();
    facts.tags = tags_of(&input.metadata());
    facts.created = created(&facts.tags);
    facts.place = place(&facts.tags);
    facts
}

/// A still lasts as long as one looks at it; libav says a twenty-fifth of a second.
fn without_time(facts: &mut MediaFacts) {
    facts.duration_s = None;
    for stream in &mut facts.streams {
        stream.duration_s = None;
        stream.frame_rate = None;
    }
}

fn stream_facts(stream: &Stream<'_>) -> StreamFacts {
    let parameters = stream.parameters();
    let tags = tags_of(&stream.metadata());
    let mut facts = StreamFacts {
        kind: kind_of(parameters.medium()),
        codec: codec_name(parameters.id()),
        duration_s: seconds(stream.duration(), f64::from(stream.time_base()))
            .or_else(|| tags.get("DURATION").and_then(|text| clock_seconds(text))),
        width: None,
        height: None,
        frame_rate: None,
        rotation: None,
        sample_rate: None,
        channels: None,
        tags,
    };
    match facts.kind {
        StreamKind::Video => picture_facts(stream, &mut facts),
        StreamKind::Audio => sound_facts(stream, &mut facts),
        StreamKind::Subtitle | StreamKind::Data => {}
    }
    facts
}

fn picture_facts(stream: &Stream<'_>, facts: &mut StreamFacts) {
    if let Some(decoder) = unopened(stream) {
        let video = Video(decoder);
        facts.width = Some(video.width()).filter(|pixels| *pixels > 0);
        facts.height = Some(video.height()).filter(|pixels| *pixels > 0);
    }
    let rate = |rate: Rational| (rate.denominator() > 0 && rate.numerator() > 0).then(|| f64::from(rate));
    facts.frame_rate = rate(stream.avg_frame_rate()).or_else(|| rate(stream.rate()));
    facts.rotation = rotation_of(stream);
}

fn sound_facts(stream: &Stream<'_>, facts: &mut StreamFacts) {
    if let Some(decoder) = unopened(stream) {
        let audio = Audio(decoder);
        facts.sample_rate = Some(audio.rate()).filter(|hertz| *hertz > 0);
        facts.channels = Some(audio.channels()).filter(|count| *count > 0);
    }
}

/// The parameters of a stream in the form that has names for them; no decoder runs.
fn unopened(stream: &Stream<'_>) -> Option<Opened> {
    codec::Context::from_parameters(stream.parameters()).ok().map(|context| Opened(Decoder(context)))
}

fn kind_of(medium: media::Type) -> StreamKind {
    match medium {
        media::Type::Video => StreamKind::Video,
        media::Type::Audio => StreamKind::Audio,
        media::Type::Subtitle => StreamKind::Subtitle,
        _ => StreamKind::Data,
    }
}

fn codec_name(id: codec::Id) -> String {
    match id {
        codec::Id::None => "unknown".to_owned(),
        id => id.name().to_owned(),
    }
}

fn wanted(input: &Input, facts: &MediaFacts) -> Option<Wanted> {
    let moving = |stream: &Stream<'_>| !stream.disposition().contains(Disposition::ATTACHED_PIC);
    let stream = input.streams().best(media::Type::Video).filter(moving)?;
    let rotation = rotation_of(&stream).unwrap_or(0);
    Some(Wanted { stream: stream.index(), rotation, duration_s: facts.duration_s })
}

/// libav's display matrix: nine numbers of the machine's byte order, of which the first two are cosine and
/// sine of the clockwise turn (`libavutil/display.h`).
fn rotation_of(stream: &Stream<'_>) -> Option<u16> {
    let matrix =
        stream.side_data().find(|data| data.kind() == codec::packet::side_data::Type::DisplayMatrix)?;
    let number = |at: usize| {
        let bytes = matrix.data().get(at..at + 4)?;
        Some(f64::from(i32::from_ne_bytes(bytes.try_into().ok()?)))
    };
    let degrees = number(4)?.atan2(number(0)?).to_degrees();
    [(0, 0.0), (90, 90.0), (180, 180.0), (180, -180.0), (270, -90.0)]
        .into_iter()
        .find(|(_, exact)| (degrees - exact).abs() < 1.0)
        .map(|(turn, _)| turn)
}

/// The bindings call these strings UTF-8 without looking; only their bytes are used, and looked at here.
fn tags_of(tags: &DictionaryRef<'_>) -> BTreeMap<String, String> {
    let text = |text: &str| String::from_utf8_lossy(text.as_bytes()).into_owned();
    tags.iter().take(256).map(|(name, value)| (text(name), text(value))).collect()
}

fn created(tags: &BTreeMap<String, String>) -> Option<String> {
    let found = first_of(tags, &["creation_time", "com.apple.quicktime.creationdate", "date"]);
    found.or_else(|| {
        // Broadcast wave has day and time apart.
        let day = tags.get("origination_date")?;
        Some(tags.get("origination_time").map_or(day.clone(), |time| format!("{day} {time}")))
    })
}

fn place(tags: &BTreeMap<String, String>) -> Option<String> {
    first_of(tags, &["location", "com.apple.quicktime.location.ISO6709", "location-eng", "xyz"])
}

/// The first name that is there; Matroska writes in capitals.
fn first_of(tags: &BTreeMap<String, String>, names: &[&str]) -> Option<String> {
    let named = |wanted: &&str| tags.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
    names.iter().find_map(named).map(|(_, text)| text.clone())
}

/// To the microsecond; `None` for what libav does not know, which it writes as the least number there is.
fn seconds(count: i64, unit: f64) -> Option<f64> {
    (count >= 0 && unit > 0.0).then(|| rounded(count as f64 * unit))
}

fn rounded(seconds: f64) -> f64 {
    (seconds * TIME_BASE).round() / TIME_BASE
}

/// Matroska's way: `00:01:02.500000000`.
fn clock_seconds(text: &str) -> Option<f64> {
    let mut parts = text.trim().split(':').map(|part| part.parse::<f64>().ok());
    let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next()??);
    parts.next().is_none().then(|| rounded(hours * 3600.0 + minutes * 60.0 + seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_or_left() {
        assert_eq!(clock_seconds("00:01:02.500000000"), Some(62.5));
        assert_eq!(clock_seconds("62.5"), None);
        assert_eq!(seconds(i64::MIN, 1.0), None);
        assert_eq!(seconds(1500, 0.001), Some(1.5));
    }

    #[test]
    fn what_nobody_claims_and_libav_doubts_is_no_media() {
        let clip = |score| Clip { score, ..Clip::without_streams(ProbeOutcome::Probed) };
        assert_eq!(clip(25).doubted().facts.probe, ProbeOutcome::NotMedia);
        assert_eq!(clip(26).doubted().facts.probe, ProbeOutcome::Probed);
    }

    #[test]
    fn the_day_of_broadcast_wave_is_joined_with_its_time() {
        let tags = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
        };
        let wave = tags(&[("origination_date", "2026-01-02"), ("origination_time", "03:04:05")]);
        assert_eq!(created(&wave).as_deref(), Some("2026-01-02 03:04:05"));
        assert_eq!(created(&tags(&[])), None);
        assert_eq!(created(&tags(&[("DATE", "2026")])).as_deref(), Some("2026"), "as Matroska writes");
    }
}
