//! Bounds on what a clip can make us keep: facts become ledger entries, which stay.

use std::collections::BTreeMap;

use crate::model::{MediaFacts, ProbeOutcome, StreamFacts};

/// As many streams as the facts may list; real recorders write two to five.
const STREAMS_MAX: usize = 64;
/// Tags of one container or stream.
const TAGS_MAX: usize = 64;
/// Bytes of a tag's name.
const NAME_MAX: usize = 64;
/// Bytes of any other text.
const TEXT_MAX: usize = 512;
/// Bytes of all tags together.
const TAGS_TOTAL_MAX: usize = 32 << 10;
/// Seconds; a longer recording than a year is a broken header.
const DURATION_MAX: f64 = 366.0 * 86_400.0;

/// The same facts, cut to what may be kept: at most 64 streams, 64 tags each, 32 KiB of tags in all, no text
/// over 512 bytes, no negative or absurd duration.
#[must_use]
pub fn within_bounds(mut facts: MediaFacts) -> MediaFacts {
    let mut left = TAGS_TOTAL_MAX;
    bound_outcome(&mut facts.probe);
    cut_text(&mut facts.container);
    cut_text(&mut facts.created);
    cut_text(&mut facts.place);
    facts.duration_s = facts.duration_s.filter(is_plausible);
    facts.truncated_because.truncate(TAGS_MAX);
    facts.truncated_because.iter_mut().for_each(|code| cut(code, NAME_MAX));
    facts.tags = cut_tags(facts.tags, &mut left);
    facts.streams.truncate(STREAMS_MAX);
    for stream in &mut facts.streams {
        bound_stream(stream, &mut left);
    }
    facts
}

fn bound_outcome(outcome: &mut ProbeOutcome) {
    match outcome {
        ProbeOutcome::Probed | ProbeOutcome::NotMedia => {}
        ProbeOutcome::Failed { code, detail } => {
            cut(code, NAME_MAX);
            cut(detail, TEXT_MAX);
        }
        ProbeOutcome::NotProbed { code } => cut(code, NAME_MAX),
    }
}

fn bound_stream(stream: &mut StreamFacts, left: &mut usize) {
    cut(&mut stream.codec, NAME_MAX);
    stream.duration_s = stream.duration_s.filter(is_plausible);
    stream.frame_rate = stream.frame_rate.filter(|rate| rate.is_finite() && *rate > 0.0);
    stream.rotation = stream.rotation.filter(|degrees| matches!(degrees, 0 | 90 | 180 | 270));
    stream.tags = cut_tags(std::mem::take(&mut stream.tags), left);
}

fn is_plausible(seconds: &f64) -> bool {
    (0.0..=DURATION_MAX).contains(seconds)
}

fn cut_tags(tags: BTreeMap<String, String>, left: &mut usize) -> BTreeMap<String, String> {
    let mut kept = BTreeMap::new();
    for (mut name, mut text) in tags.into_iter().take(TAGS_MAX) {
        cut(&mut name, NAME_MAX);
        cut(&mut text, TEXT_MAX);
        match left.checked_sub(name.len() + text.len()) {
            Some(rest) => *left = rest,
            None => break,
        }
        kept.insert(name, text);
    }
    kept
}

fn cut_text(text: &mut Option<String>) {
    if let Some(text) = text {
        cut(text, TEXT_MAX);
    }
}

fn cut(text: &mut String, length: usize) {
    text.truncate(text.floor_char_boundary(length));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::StreamKind;

    fn stream() -> StreamFacts {
        StreamFacts {
            kind: StreamKind::Data,
            codec: "c".repeat(1000),
            duration_s: Some(-1.0),
            width: None,
            height: None,
            frame_rate: Some(0.0),
            rotation: Some(45),
            sample_rate: None,
            channels: None,
            tags: (100..200).map(|n| (format!("{n}"), "字".repeat(1000))).collect(),
        }
    }

    #[test]
    fn nothing_a_clip_says_grows_past_the_bounds() {
        let mut facts = MediaFacts::without_streams(ProbeOutcome::Probed);
        facts.duration_s = Some(1e300);
        facts.created = Some("x".repeat(10_000));
        facts.streams = vec![stream(); 100];
        let facts = within_bounds(facts);
        assert_eq!(facts.streams.len(), 64);
        assert_eq!(facts.duration_s, None);
        assert_eq!(facts.created.expect("kept").len(), 512);
        let first = &facts.streams[0];
        assert_eq!((first.codec.len(), first.duration_s, first.rotation), (64, None, None));
        assert_eq!(first.tags.len(), 63, "64 tags of 510 bytes and their names would exceed 32 KiB");
        assert!(first.tags.values().all(|text| text.len() == 510), "cut at a character's edge");
        assert!(facts.streams[1].tags.len() <= 1);
    }

    #[test]
    fn how_a_probe_failed_is_told_in_few_words() {
        let long = || "x".repeat(100_000);
        let failed = ProbeOutcome::Failed { code: long(), detail: long() };
        match within_bounds(MediaFacts::without_streams(failed)).probe {
            ProbeOutcome::Failed { code, detail } => assert_eq!((code.len(), detail.len()), (64, 512)),
            other => panic!("{other:?}"),
        }
        let not_probed = ProbeOutcome::NotProbed { code: long() };
        match within_bounds(MediaFacts::without_streams(not_probed)).probe {
            ProbeOutcome::NotProbed { code } => assert_eq!(code.len(), 64),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn modest_facts_pass_unchanged() {
        let mut facts = MediaFacts::without_streams(ProbeOutcome::Probed);
        facts.duration_s = Some(12.5);
        facts.tags.insert("make".to_owned(), "雪亮".to_owned());
        assert_eq!(within_bounds(facts.clone()), facts);
    }
}
