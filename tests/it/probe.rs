//! The probe, driven as the daemon drives it: the real program, real clips, every wall up.

mod fixtures;

use std::fs::File;
use std::io::{Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use sealdock::model::{MediaFacts, ProbeOutcome, RawName, StreamKind, Truncated};
use sealdock::probe::{Limits, Prober, Report, Starting, walls_of};

const PROGRAM: &str = env!("CARGO_BIN_EXE_sealdock-probe");

fn prober_with(limits: Limits) -> Prober {
    Prober::start(Starting { program: PROGRAM.into(), limits, at_once: 4 }).expect("the probe starts")
}

fn prober() -> Prober {
    prober_with(Limits::default())
}

async fn probe(prober: &Prober, path: &Path) -> Report {
    let file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    prober.probe(file, &RawName::from(path)).await
}

/// The media that `scripts/test` points at: a manifest, and beside it the files it lists.
fn samples() -> Option<PathBuf> {
    std::env::var_os("SEALDOCK_MEDIA").map(PathBuf::from)
}

/// A line of the manifest, as far as it matters here.
struct Sample {
    path: PathBuf,
    duration_s: Option<f64>,
    codecs: Vec<String>,
}

fn manifest(folder: &Path) -> Vec<Sample> {
    let text = std::fs::read_to_string(folder.join("manifest.csv")).expect("a manifest");
    let mut lines = text.lines().map(fields);
    let header = lines.next().expect("a header");
    let column = |name: &str| header.iter().position(|field| field == name).expect("a known column");
    let (path, duration, codecs) = (column("path"), column("duration_s"), column("codecs"));
    lines
        .map(|fields| Sample {
            path: folder.join(&fields[path]),
            duration_s: fields[duration].parse().ok(),
            codecs: video_and_sound(&fields[codecs]),
        })
        .collect()
}

/// One line of CSV with quoted fields and no quotes inside of them.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    for letter in line.chars() {
        match letter {
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            letter => fields.last_mut().expect("never empty").push(letter),
        }
    }
    fields
}

/// `v:h264+a:aac+d:bin_data` without its data.
fn video_and_sound(text: &str) -> Vec<String> {
    text.split('+').filter(|codec| codec.starts_with(['v', 'a'])).map(str::to_owned).collect()
}

fn codecs_of(facts: &MediaFacts) -> Vec<String> {
    let letter = |kind| match kind {
        StreamKind::Video => Some('v'),
        StreamKind::Audio => Some('a'),
        StreamKind::Subtitle | StreamKind::Data => None,
    };
    let streams = facts.streams.iter();
    streams.filter_map(|stream| Some(format!("{}:{}", letter(stream.kind)?, stream.codec))).collect()
}

#[tokio::test]
async fn known_clips_have_the_duration_and_codecs_that_others_found() {
    let Some(folder) = samples() else { return };
    let prober = prober();
    let mut faults = Vec::new();
    let valid = folder.join("media/valid");
    for sample in manifest(&folder).iter().filter(|sample| sample.path.starts_with(&valid)) {
        let facts = probe(&prober, &sample.path).await.facts;
        let difference =
            sample.duration_s.zip(facts.duration_s).map(|(theirs, ours)| (theirs - ours).abs());
        let agrees = difference.is_some_and(|difference| difference < 0.1)
            && codecs_of(&facts) == sample.codecs
            && facts.probe == ProbeOutcome::Probed
            && facts.truncated != Truncated::Yes;
        if !agrees {
            faults.push(format!("{}: {facts:?}", sample.path.display()));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[tokio::test]
async fn malformed_clips_are_facts() {
    let Some(folder) = samples() else { return };
    let prober = prober();
    let malformed = folder.join("media/malformed");
    for sample in manifest(&folder).iter().filter(|sample| sample.path.starts_with(&malformed)) {
        let facts = probe(&prober, &sample.path).await.facts;
        let is_answer = match &facts.probe {
            ProbeOutcome::Probed | ProbeOutcome::NotMedia => true,
            ProbeOutcome::Failed { code, .. } => code == "unreadable",
            ProbeOutcome::NotProbed { .. } => false,
        };
        assert!(is_answer, "{}: {facts:?}", sample.path.display());
        let is_whole = facts.truncated == Truncated::No;
        assert!(!is_whole || facts.probe == ProbeOutcome::Probed, "{}: {facts:?}", sample.path.display());
    }
}

#[tokio::test]
async fn documents_are_not_media_and_pictures_are() {
    let Some(folder) = samples() else { return };
    let prober = prober();
    let records = folder.join("records");
    for sample in manifest(&folder).iter().filter(|sample| sample.path.starts_with(&records)) {
        let facts = probe(&prober, &sample.path).await.facts;
        let name = sample.path.to_string_lossy().into_owned();
        if name.ends_with(".jpg") || name.ends_with(".tif") {
            assert_eq!(facts.probe, ProbeOutcome::Probed, "{name}");
            assert!(facts.streams[0].width.is_some() && facts.duration_s.is_none(), "{name}: {facts:?}");
        } else {
            assert_eq!(facts.probe, ProbeOutcome::NotMedia, "{name}");
        }
    }
}

/// Small clips that ffmpeg's own program makes, with what must be said of whole and cut ones.
struct Making {
    name: &'static str,
    arguments: &'static [&'static str],
    /// Of the whole file.
    truncated: Truncated,
    /// Whether a cut anywhere must be told.
    cuts_are_told: bool,
}

const PICTURE: &[&str] = &["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=2"];
const SOUND: &[&str] = &["-f", "lavfi", "-i", "sine=frequency=440:duration=2"];

const MAKINGS: &[Making] = &[
    telling("a.mp4", &["-c:v", "mpeg4", "-c:a", "aac"]),
    telling("a.mov", &["-c:v", "mjpeg", "-c:a", "pcm_s16le"]),
    telling("start.mp4", &["-c:v", "mpeg4", "-c:a", "aac", "-movflags", "+faststart"]),
    telling("fragments.mp4", &["-c:v", "mpeg4", "-c:a", "aac", "-movflags", "frag_keyframe+empty_moov"]),
    telling("a.mkv", &["-c:v", "mpeg4", "-c:a", "ac3"]),
    telling("a.avi", &["-c:v", "mjpeg", "-c:a", "pcm_s16le"]),
    telling("a.wmv", &["-c:v", "wmv2", "-c:a", "wmav2"]),
    telling("a.wav", &["-vn"]),
    telling("a.ogg", &["-vn", "-c:a", "vorbis", "-strict", "-2", "-ac", "2"]),
    telling("a.jpg", &["-an", "-frames:v", "1", "-update", "1"]),
    telling("a.png", &["-an", "-frames:v", "1", "-update", "1"]),
    Making {
        name: "a.flac",
        arguments: &["-vn"],
        truncated: Truncated::CannotBeKnown,
        cuts_are_told: false,
    },
    Making {
        name: "a.flv",
        arguments: &["-c:v", "flv1", "-an"],
        truncated: Truncated::CannotBeKnown,
        cuts_are_told: true,
    },
    Making {
        name: "a.mp3",
        arguments: &["-vn"],
        truncated: Truncated::CannotBeKnown,
        cuts_are_told: false,
    },
    Making {
        name: "a.ts",
        arguments: &["-c:v", "mpeg2video", "-c:a", "mp2"],
        truncated: Truncated::CannotBeKnown,
        cuts_are_told: false,
    },
    Making {
        name: "a.mpg",
        arguments: &["-c:v", "mpeg2video", "-c:a", "mp2"],
        truncated: Truncated::CannotBeKnown,
        cuts_are_told: false,
    },
];

const fn telling(name: &'static str, arguments: &'static [&'static str]) -> Making {
    Making { name, arguments, truncated: Truncated::No, cuts_are_told: true }
}

impl Making {
    fn make(&self, folder: &Path) -> PathBuf {
        let path = folder.join(self.name);
        let made = Command::new("ffmpeg")
            .args(["-hide_banner", "-loglevel", "error", "-y"])
            .args(PICTURE)
            .args(SOUND)
            .args(self.arguments)
            .arg(&path)
            .status()
            .expect("ffmpeg is there; scripts/setup installs it");
        assert!(made.success(), "{}", self.name);
        path
    }
}

#[tokio::test]
async fn a_cut_is_told_in_every_format_that_can_tell() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let prober = prober();
    for making in MAKINGS {
        let path = making.make(folder.path());
        let facts = probe(&prober, &path).await.facts;
        assert_eq!((&facts.probe, facts.truncated), (&ProbeOutcome::Probed, making.truncated), "{facts:?}");
        let bytes = std::fs::read(&path).expect("made");
        for length in [bytes.len() * 2 / 5, bytes.len() * 4 / 5, bytes.len() - 1] {
            let cut = folder.path().join(format!("cut-{}", making.name));
            std::fs::write(&cut, &bytes[..length]).expect("written");
            let facts = probe(&prober, &cut).await.facts;
            let is_told = facts.truncated == Truncated::Yes;
            assert!(is_told || !making.cuts_are_told, "{} to {length} bytes: {facts:?}", making.name);
            assert!(facts.truncated != Truncated::No, "{} to {length} bytes: {facts:?}", making.name);
        }
    }
}

#[tokio::test]
async fn every_video_has_a_poster_and_nothing_else_has() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let prober = prober();
    for making in MAKINGS {
        let report = probe(&prober, &making.make(folder.path())).await;
        let is_video = report.facts.duration_s.is_some()
            && report.facts.streams.iter().any(|stream| stream.kind == StreamKind::Video);
        assert_eq!(report.poster.is_some(), is_video, "{}", making.name);
        if let Some(poster) = report.poster {
            assert_eq!((poster.width, poster.height), (320, 180), "{}", making.name);
            let jpeg = folder.path().join("poster.jpg");
            std::fs::write(&jpeg, &poster.bytes).expect("written");
            let facts = probe(&prober, &jpeg).await.facts;
            assert_eq!((facts.streams[0].codec.as_str(), facts.truncated), ("mjpeg", Truncated::No));
        }
    }
}

fn make(path: &Path, arguments: &[&str]) {
    let made = Command::new("ffmpeg")
        .args(["-hide_banner", "-loglevel", "error", "-y"])
        .args(arguments)
        .arg(path)
        .status()
        .expect("ffmpeg is there; scripts/setup installs it");
    assert!(made.success(), "{arguments:?}");
}

#[tokio::test]
async fn posters_stand_upright_fit_and_avoid_the_dark() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let lying = folder.path().join("lying.mp4");
    // Black for the first 3 of ten seconds, then white; 1280 by 720.
    let source = "color=white:size=1280x720:rate=5:duration=10,drawbox=c=black:t=fill:enable='lt(t,3)'";
    make(&lying, &["-f", "lavfi", "-i", source, "-c:v", "mpeg4"]);
    let path = folder.path().join("turned.mp4");
    let input = lying.to_str().expect("plain");
    make(&path, &["-i", input, "-c", "copy", "-metadata:s:v", "rotate=270"]);
    let report = probe(&prober(), &path).await;
    assert_eq!(report.facts.streams[0].rotation, Some(90), "ffmpeg 5 writes it counter-clockwise");
    let poster = report.poster.expect("a poster");
    assert_eq!((poster.width, poster.height), (360, 640));
    let jpeg = folder.path().join("poster.jpg");
    std::fs::write(&jpeg, poster.bytes).expect("written");
    let raw = folder.path().join("poster.gray");
    make(&raw, &["-i", jpeg.to_str().expect("plain"), "-pix_fmt", "gray", "-f", "rawvideo"]);
    let pixels = std::fs::read(&raw).expect("decoded");
    let mean = pixels.iter().map(|pixel| u64::from(*pixel)).sum::<u64>() / pixels.len() as u64;
    assert!(mean > 200, "a mean of {mean} is not the white half");
}

#[tokio::test]
async fn times_places_and_tags_are_taken_as_written() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a.mov");
    let mut arguments = [PICTURE, &["-c:v", "mpeg4"]].concat();
    arguments.extend([
        "-metadata",
        "creation_time=2026-01-02T03:04:05Z",
        "-metadata",
        "location=+30.27+120.15/",
    ]);
    arguments.extend(["-metadata", "make=警翼"]);
    make(&path, &arguments);
    let facts = probe(&prober(), &path).await.facts;
    assert_eq!(facts.created.as_deref(), Some("2026-01-02T03:04:05.000000Z"));
    assert_eq!(facts.place.as_deref(), Some("+30.27+120.15/"));
    assert_eq!(facts.tags.get("make").map(String::as_str), Some("警翼"));
    assert_eq!(facts.streams[0].frame_rate, Some(25.0));
}

#[tokio::test]
async fn every_wall_stands_and_is_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let prober = prober();
    let facts = probe(&prober, &MAKINGS[0].make(folder.path())).await.facts;
    // Without Landlock or namespaces in the kernel there are fewer; these need nothing special.
    for wall in ["no_new_privs", "not_dumpable", "no_capabilities", "rlimits", "seccomp"] {
        assert!(facts.walls.iter().any(|stands| stands == wall), "{wall} is not among {:?}", facts.walls);
    }
    let told = tokio::task::spawn_blocking(|| walls_of(Path::new(PROGRAM))).await.expect("no panic");
    assert_eq!(told.expect("the program runs"), facts.walls, "doctor is told what a clip is probed behind");
}

#[test]
fn whoever_tries_to_leave_the_sandbox_is_refused() {
    let output = Command::new(PROGRAM).arg("--self-test").output().expect("run");
    let text = String::from_utf8(output.stdout).expect("JSON");
    let findings: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let attempts = findings["attempts"].as_object().expect("attempts");
    for attempt in [
        "open_a_file",
        "make_a_file",
        "list_a_folder",
        "make_a_socket",
        "start_a_process",
        "become_a_program",
        "signal_the_server",
        "take_more_memory",
        "go_on_for_ever",
    ] {
        let outcome = attempts[attempt]["outcome"].as_str();
        assert!(matches!(outcome, Some("refused" | "stopped")), "{attempt}: {text}");
    }
    assert_eq!(attempts["make_a_socket"]["how"]["signal"], 31, "killed by the filter");
    assert_eq!(attempts["go_on_for_ever"]["how"]["how"], "timed_out");
    assert!(output.status.success(), "{text}");
}

#[tokio::test]
async fn the_deadline_ends_a_probe() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = MAKINGS[0].make(folder.path());
    let prober = prober_with(Limits { deadline: Duration::ZERO, ..Limits::default() });
    for _ in 0..3 {
        match probe(&prober, &path).await.facts.probe {
            ProbeOutcome::Failed { code, .. } => assert_eq!(code, "timed_out"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn too_little_memory_or_budget_is_a_fact() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = MAKINGS[0].make(folder.path());
    let large = folder.path().join("large.mov");
    make(&large, &["-f", "lavfi", "-i", "testsrc2=size=3840x2160:rate=1:duration=2", "-c:v", "mjpeg"]);
    // A frame takes 12 MiB, and decoder and scaler their own.
    let poor = prober_with(Limits { memory_bytes: 8 << 20, ..Limits::default() });
    let report = probe(&poor, &large).await;
    assert_eq!((&report.facts.probe, report.poster), (&ProbeOutcome::Probed, None), "{:?}", report.facts);
    assert!(probe(&prober(), &large).await.poster.is_some());
    let poorer = prober_with(Limits { memory_bytes: 64 << 10, ..Limits::default() });
    match probe(&poorer, &path).await.facts.probe {
        ProbeOutcome::Failed { code, .. } => {
            assert!(["out_of_memory", "crashed"].contains(&&*code), "{code}");
        }
        other => panic!("{other:?}"),
    }
    let hasty = prober_with(Limits { read_budget_bytes: 4096, ..Limits::default() });
    match probe(&hasty, &path).await.facts.probe {
        ProbeOutcome::Failed { code, .. } => assert_eq!(code, "over_budget"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_long_file_is_read_at_its_end_alone() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("long.wav");
    make(&path, &["-f", "lavfi", "-i", "sine=frequency=440:duration=120", "-ar", "48000"]);
    let size = std::fs::metadata(&path).expect("made").len();
    let prober = prober_with(Limits { read_budget_bytes: size / 3, ..Limits::default() });
    let facts = probe(&prober, &path).await.facts;
    assert_eq!((facts.truncated, facts.duration_s), (Truncated::No, Some(120.0)), "{facts:?}");
}

#[tokio::test]
async fn a_server_that_dies_is_started_again() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = MAKINGS[0].make(folder.path());
    let note = folder.path().join("pid");
    // Notes its process id, which exec keeps.
    let script = folder.path().join("probe.sh");
    std::fs::write(&script, format!("#!/bin/sh\necho $$ > {}\nexec {PROGRAM} \"$@\"\n", note.display()))
        .expect("written");
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).expect("made executable");
    let starting = Starting { program: script, limits: Limits::default(), at_once: 1 };
    let prober = Prober::start(starting).expect("started");
    let pid = || std::fs::read_to_string(&note).expect("noted").trim().parse::<i32>().expect("a number");
    let first = pid();
    assert_eq!(probe(&prober, &path).await.facts.probe, ProbeOutcome::Probed);
    let server = rustix::process::Pid::from_raw(first).expect("not zero");
    rustix::process::kill_process(server, rustix::process::Signal::KILL).expect("killed");
    assert_eq!(probe(&prober, &path).await.facts.probe, ProbeOutcome::Probed);
    assert_ne!(pid(), first);
}

#[tokio::test]
async fn many_at_once_and_the_position_stays() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = MAKINGS[0].make(folder.path());
    let prober = prober();
    let mut file = File::open(&path).expect("opened");
    file.seek(SeekFrom::Start(7)).expect("sought");
    let name = RawName::from(path.as_path());
    let probes = (0..12).map(|_| prober.probe(file.try_clone().expect("cloned"), &name));
    for report in futures::future::join_all(probes).await {
        assert_eq!(report.facts.probe, ProbeOutcome::Probed);
        assert!(report.poster.is_some());
    }
    assert_eq!(file.stream_position().expect("told"), 7);
}

#[tokio::test]
async fn what_is_no_file_is_told() {
    let report = probe(&prober(), Path::new("/dev/zero")).await;
    assert!(matches!(report.facts.probe, ProbeOutcome::Failed { code, .. } if code == "unreadable"));
}

#[tokio::test]
async fn damage_of_any_kind_crashes_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let prober = prober();
    // A fixed sequence: the same damage on every run.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = |bound: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % bound as u64).expect("small")
    };
    for making in MAKINGS {
        let path = making.make(folder.path());
        let whole = std::fs::read(&path).expect("made");
        for _ in 0..8 {
            let mut bytes = whole.clone();
            for _ in 0..1 + next(20) {
                let at = next(bytes.len());
                bytes[at] = u8::try_from(next(256)).expect("a byte");
            }
            std::fs::write(&path, &bytes).expect("written");
            let facts = probe(&prober, &path).await.facts;
            let is_calm = match &facts.probe {
                ProbeOutcome::Probed | ProbeOutcome::NotMedia => true,
                ProbeOutcome::Failed { code, .. } => code == "unreadable",
                ProbeOutcome::NotProbed { .. } => false,
            };
            assert!(is_calm, "{}: {facts:?}", making.name);
        }
    }
}

#[test]
fn only_the_probe_links_libav() {
    let links_libav = |program: &str| {
        let bytes = std::fs::read(program).expect("built");
        bytes.windows(14).any(|name| name == b"libavformat.so")
    };
    assert!(links_libav(PROGRAM));
    assert!(
        !links_libav(env!("CARGO_BIN_EXE_sealdock")),
        "no process that holds a key maps a media parser"
    );
}

#[test]
fn people_get_json_or_a_sentence() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = MAKINGS[0].make(folder.path());
    let output = Command::new(PROGRAM).arg(&path).output().expect("run");
    let facts: MediaFacts = serde_json::from_slice(&output.stdout).expect("facts");
    assert_eq!(facts.probe, ProbeOutcome::Probed);
    let output = Command::new(PROGRAM).arg(folder.path().join("missing")).output().expect("run");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("missing: No such file"));
    assert_eq!(Command::new(PROGRAM).output().expect("run").status.code(), Some(2));
}
