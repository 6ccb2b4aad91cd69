//! What a probe found out about media.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Whether the bytes end before the recording does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Truncated {
    /// Something that must be there is missing.
    Yes,
    /// The structure is whole.
    No,
    /// The format does not tell, or nobody could look.
    CannotBeKnown,
}

/// What sort of stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamKind {
    /// Moving pictures, or one still.
    Video,
    /// Sound.
    Audio,
    /// Subtitles.
    Subtitle,
    /// Anything else.
    Data,
}

/// One stream of a container.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamFacts {
    /// What sort.
    pub kind: StreamKind,
    /// FFmpeg's name of the codec, for instance `h264`; `unknown` where it has none.
    pub codec: String,
    /// Seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_s: Option<f64>,
    /// Pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// Frames a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frame_rate: Option<f64>,
    /// Degrees clockwise to turn the picture for showing: 0, 90, 180 or 270.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotation: Option<u16>,
    /// Hertz.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample_rate: Option<u32>,
    /// Count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channels: Option<u16>,
    /// Tags as the container has them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

/// How the probe itself went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "result")]
pub enum ProbeOutcome {
    /// The parser read it.
    Probed,
    /// Not a kind of thing with streams inside.
    NotMedia,
    /// The parser gave up; a fact about the clip. `code` is stable, `detail` is the parser's word.
    Failed {
        /// `unreadable`, `crashed`, `timed_out`, `out_of_memory`, `over_budget`.
        code: String,
        /// For people.
        detail: String,
    },
    /// The source changed or left before it could be read, or the probe could not be started.
    NotProbed {
        /// `source_changed`, `source_gone`, `no_prober`.
        code: String,
    },
}

/// Facts about one original's media.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MediaFacts {
    /// How the probe went.
    pub probe: ProbeOutcome,
    /// FFmpeg's name of the container format, for instance `mov,mp4,m4a,3gp,3g2,mj2`.
    pub container: Option<String>,
    /// Seconds.
    pub duration_s: Option<f64>,
    /// In the order of the container; at most 64.
    pub streams: Vec<StreamFacts>,
    /// Whether the end is missing.
    pub truncated: Truncated,
    /// What led to that answer, as codes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub truncated_because: Vec<String>,
    /// When the container says it was made, as written there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// ISO 6709, as written there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// Device and other tags of the container.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// The walls the probe ran behind, for instance `["landlock","seccomp","rlimits"]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub walls: Vec<String>,
}

impl MediaFacts {
    /// Facts where no streams were read.
    #[must_use]
    pub fn without_streams(probe: ProbeOutcome) -> Self {
        Self {
            probe,
            container: None,
            duration_s: None,
            streams: Vec::new(),
            truncated: Truncated::CannotBeKnown,
            truncated_because: Vec::new(),
            created: None,
            place: None,
            tags: BTreeMap::new(),
            walls: Vec::new(),
        }
    }
}
