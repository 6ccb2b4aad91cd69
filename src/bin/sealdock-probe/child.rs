//! One file, behind the walls.

use std::fs::File;
use std::io;
use std::time::Duration;

use sealdock::model::{MediaFacts, ProbeOutcome, Truncated};
use sealdock::probe::structure::{self, Ending, ReadAt as _, SNIFF_LENGTH, Sniffed};
use sealdock::probe::wire::{Ask, Part};
use sealdock::probe::within_bounds;
use sealdock::sys::{Clock as _, SystemClock};

use crate::parser::{self, Clip};
use crate::poster;
use crate::source::Source;
use crate::walls::{Allowance, Outer};

/// What a child works on.
pub(crate) struct Job {
    pub(crate) ask: Ask,
    pub(crate) file: File,
    pub(crate) answer: File,
}

/// Probes the file and writes what it learns, step by step; answers the exit code.
pub(crate) fn run(job: Job, outer: &Outer) -> i32 {
    let began = SystemClock.since_boot();
    if !outer.bind_to_server() {
        return 1;
    }
    let deadline = Duration::from_millis(job.ask.deadline_ms);
    let walls = outer.inner(Allowance {
        memory_bytes: job.ask.memory_bytes,
        processor_s: deadline.as_secs().saturating_add(2),
    });
    // An answer that cannot be written has no reader.
    i32::from(probe(job, walls, began.saturating_add(deadline.mul_f32(0.6))).is_err())
}

/// `stop_at`: when to be content with what is known, since boot; the server kills somewhat later.
fn probe(job: Job, walls: Vec<String>, stop_at: Duration) -> io::Result<()> {
    let Job { ask, file, mut answer } = job;
    Part::Walls(walls).write(&mut answer)?;
    let Ok(mut source) = Source::new(file, ask.read_budget_bytes) else {
        let failed = failed("unreadable", "not a regular file");
        return Part::Facts(Box::new(MediaFacts::without_streams(failed))).write(&mut answer);
    };
    let sniffed = structure::sniff(&first_bytes(&mut source)?);
    let ending = ending_of(&mut source, sniffed, &ask.extension);
    Part::Ending(ending.clone()).write(&mut answer)?;
    let clip = match sniffed {
        Sniffed::Document => Clip::without_streams(ProbeOutcome::NotMedia),
        Sniffed::Media(_) => parser::read(&source, stop_at),
        Sniffed::Unknown if claims_media(&ask.extension) => parser::read(&source, stop_at),
        Sniffed::Unknown => parser::read(&source, stop_at).doubted(),
    };
    let facts = within_bounds(judged(clip.facts, ending, &clip.evidence));
    Part::Facts(Box::new(facts)).write(&mut answer)?;
    match clip.picture.and_then(|wanted| poster::draw(&source, &wanted)) {
        Some(poster) => Part::Poster(poster).write(&mut answer),
        None => Ok(()),
    }
}

fn first_bytes(source: &mut Source) -> io::Result<Vec<u8>> {
    let mut first = vec![0; SNIFF_LENGTH];
    let mut length = 0;
    while length < first.len() {
        match source.read_at(length as u64, &mut first[length..])? {
            0 => break,
            read => length += read,
        }
    }
    first.truncate(length);
    Ok(first)
}

fn ending_of(source: &mut Source, sniffed: Sniffed, extension: &str) -> Ending {
    match sniffed {
        Sniffed::Media(format) => structure::examine(source, format),
        Sniffed::Unknown if source.length() == 0 && claims_media(extension) => Ending::cut("empty"),
        Sniffed::Document | Sniffed::Unknown => {
            Ending { truncated: Truncated::CannotBeKnown, because: Vec::new() }
        }
    }
}

/// Joins the structure's answer with what the demuxer met. *No* needs both.
fn judged(mut facts: MediaFacts, ending: Ending, evidence: &parser::Evidence) -> MediaFacts {
    facts.truncated = ending.truncated;
    facts.truncated_because = ending.because;
    if facts.truncated == Truncated::Yes || facts.probe == ProbeOutcome::NotMedia {
        return facts;
    }
    // Where the structure is whole, a shorter track is a matter of editing, not of a cut.
    let is_cut = facts.truncated == Truncated::CannotBeKnown && evidence.ends_early;
    match evidence.trouble {
        _ if is_cut => {
            facts.truncated = Truncated::Yes;
            facts.truncated_because = vec!["ends_before_its_duration".to_owned()];
        }
        Some(code) => {
            facts.truncated = Truncated::CannotBeKnown;
            facts.truncated_because.push(code.to_owned());
        }
        None => {}
    }
    facts
}

pub(crate) fn failed(code: &str, detail: impl Into<String>) -> ProbeOutcome {
    ProbeOutcome::Failed { code: code.to_owned(), detail: detail.into() }
}

/// Extensions of what a recorder writes: such a name on bytes that nobody can read is broken media.
fn claims_media(extension: &str) -> bool {
    const MEDIA: [&str; 42] = [
        "3g2", "3gp", "aac", "ac3", "aif", "aiff", "amr", "asf", "avi", "bmp", "caf", "dav", "flac", "flv",
        "gif", "h264", "h265", "hevc", "jpeg", "jpg", "m2ts", "m4a", "m4v", "mkv", "mov", "mp3", "mp4",
        "mpeg", "mpg", "mts", "oga", "ogg", "ogv", "opus", "png", "tif", "tiff", "ts", "wav", "webm",
        "wma", "wmv",
    ];
    MEDIA.contains(&extension)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parser::Evidence;

    fn truncated(ending: Ending, evidence: &Evidence) -> Truncated {
        let facts = MediaFacts::without_streams(ProbeOutcome::Probed);
        judged(facts, ending, evidence).truncated
    }

    #[test]
    fn no_needs_a_whole_structure_and_a_demuxer_that_reached_the_end() {
        let fine = Evidence { ends_early: false, trouble: None };
        let stopped = Evidence { ends_early: false, trouble: Some("read_in_part") };
        let early = Evidence { ends_early: true, trouble: None };
        assert_eq!(truncated(Ending::whole(), &fine), Truncated::No);
        assert_eq!(truncated(Ending::whole(), &stopped), Truncated::CannotBeKnown);
        assert_eq!(truncated(Ending::whole(), &early), Truncated::No);
        assert_eq!(truncated(Ending::unknown("x"), &fine), Truncated::CannotBeKnown);
        assert_eq!(truncated(Ending::unknown("x"), &early), Truncated::Yes);
        assert_eq!(truncated(Ending::cut("x"), &fine), Truncated::Yes);
    }

    #[test]
    fn the_extensions_are_sorted_for_readers() {
        assert!(claims_media("mp4") && claims_media("amr") && !claims_media("pdf") && !claims_media(""));
    }
}
