//! From what a child said and how it ended to facts.

use super::bounds::within_bounds;
use super::prober::Report;
use super::structure::Ending;
use super::wire::{Part, Poster, Verdict};
use crate::model::{MediaFacts, ProbeOutcome, Truncated};

/// The longest side of a poster, in pixels.
const POSTER_SIDE_MAX: u32 = 640;

/// What is left when the facts never came.
struct Said {
    facts: Option<MediaFacts>,
    ending: Ending,
    poster: Option<Poster>,
    walls: Vec<String>,
}

/// Judges an answer: bytes that a child wrote, whom a clip may have taken over, and how it ended. Whatever
/// they are, the facts stay [within bounds](within_bounds). `walls` are the server's, said before any media
/// byte was read.
#[must_use]
pub fn assemble(answer: &[u8], verdict: &Verdict, walls: &[String]) -> Report {
    let said = listen(answer, walls);
    let facts = said.facts.unwrap_or_else(|| {
        // A structure that is whole is half an answer: nobody got to the end.
        let ending = match said.ending.truncated {
            Truncated::No => Ending::unknown("not_read"),
            Truncated::Yes | Truncated::CannotBeKnown => said.ending,
        };
        let mut facts = MediaFacts::without_streams(outcome_of(verdict));
        facts.truncated = ending.truncated;
        facts.truncated_because = ending.because;
        facts
    });
    let mut facts = within_bounds(facts);
    facts.walls = said.walls;
    Report { facts, poster: said.poster.filter(is_sound) }
}

fn listen(answer: &[u8], walls: &[String]) -> Said {
    let mut said =
        Said { facts: None, ending: Ending::unknown("not_examined"), poster: None, walls: walls.to_vec() };
    for part in Part::read_all(answer) {
        match part {
            Part::Walls(more) => add_known_walls(&mut said.walls, more),
            Part::Ending(ending) => said.ending = ending,
            // That nobody could look is never a parser's to say.
            Part::Facts(facts) if matches!(facts.probe, ProbeOutcome::NotProbed { .. }) => {}
            Part::Facts(facts) => said.facts = Some(*facts),
            Part::Poster(poster) => said.poster = Some(poster),
        }
    }
    said
}

/// The walls that a child may add to the server's, each once.
fn add_known_walls(walls: &mut Vec<String>, more: Vec<String>) {
    for wall in more {
        if matches!(wall.as_str(), "rlimits" | "seccomp") && !walls.contains(&wall) {
            walls.push(wall);
        }
    }
}

fn outcome_of(verdict: &Verdict) -> ProbeOutcome {
    let failed = |code: &str, detail: String| ProbeOutcome::Failed { code: code.to_owned(), detail };
    match verdict {
        // Whoever ends well has sent facts; who has not was stopped while writing.
        Verdict::Ended { code } => failed("crashed", format!("exit code {code} without facts")),
        Verdict::TimedOut => failed("timed_out", "stopped at the deadline".to_owned()),
        Verdict::Killed { signal } if *signal == libc::SIGXCPU => {
            failed("timed_out", "used up its processor time".to_owned())
        }
        // Nobody but the kernel sends this one, and only when memory is short.
        Verdict::Killed { signal } if *signal == libc::SIGKILL => {
            failed("out_of_memory", "killed by the kernel".to_owned())
        }
        Verdict::Killed { signal } => failed("crashed", format!("signal {signal}")),
        Verdict::NotStarted { .. } => ProbeOutcome::NotProbed { code: "no_prober".to_owned() },
    }
}

fn is_sound(poster: &Poster) -> bool {
    let sides = 1..=POSTER_SIDE_MAX;
    sides.contains(&poster.width)
        && sides.contains(&poster.height)
        && poster.bytes.starts_with(&[0xff, 0xd8, 0xff])
        && poster.bytes.ends_with(&[0xff, 0xd9])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(parts: &[Part]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for part in parts {
            part.write(&mut bytes).expect("a vector takes all");
        }
        bytes
    }

    fn code_of(verdict: &Verdict) -> String {
        match assemble(&[], verdict, &[]).facts.probe {
            ProbeOutcome::Failed { code, .. } | ProbeOutcome::NotProbed { code } => code,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_way_to_die_has_its_code() {
        assert_eq!(code_of(&Verdict::TimedOut), "timed_out");
        assert_eq!(code_of(&Verdict::Killed { signal: libc::SIGSEGV }), "crashed");
        assert_eq!(code_of(&Verdict::Killed { signal: libc::SIGKILL }), "out_of_memory");
        assert_eq!(code_of(&Verdict::Ended { code: 101 }), "crashed");
        assert_eq!(code_of(&Verdict::NotStarted { because: String::new() }), "no_prober");
    }

    #[test]
    fn what_was_said_before_a_crash_is_kept() {
        let cut = Part::Ending(Ending::cut("mp4_box_past_end"));
        let crash = Verdict::Killed { signal: libc::SIGSEGV };
        let report = assemble(&written(std::slice::from_ref(&cut)), &crash, &[]);
        assert_eq!(report.facts.truncated, Truncated::Yes);
        assert_eq!(report.facts.truncated_because, ["mp4_box_past_end"]);
        let whole = assemble(&written(&[Part::Ending(Ending::whole())]), &crash, &[]);
        assert_eq!(whole.facts.truncated, Truncated::CannotBeKnown);
        let facts = Part::Facts(Box::new(MediaFacts::without_streams(ProbeOutcome::Probed)));
        let report = assemble(&written(&[cut, facts]), &crash, &[]);
        assert_eq!(report.facts.probe, ProbeOutcome::Probed, "only the poster was lost");
    }

    #[test]
    fn a_child_cannot_say_that_nobody_looked() {
        let excuse = ProbeOutcome::NotProbed { code: "source_gone".to_owned() };
        let facts = Part::Facts(Box::new(MediaFacts::without_streams(excuse)));
        let report = assemble(&written(&[facts]), &Verdict::Ended { code: 0 }, &[]);
        assert!(matches!(report.facts.probe, ProbeOutcome::Failed { .. }), "{:?}", report.facts.probe);
    }

    #[test]
    fn a_child_cannot_boast_of_walls_or_send_what_is_no_picture() {
        let boast = Part::Walls(vec!["landlock".to_owned(), "seccomp".to_owned()]);
        let poster = |bytes: &[u8], width| Part::Poster(Poster { bytes: bytes.to_vec(), width, height: 1 });
        let ended = Verdict::Ended { code: 0 };
        let report = assemble(&written(&[boast, poster(b"<script>", 1)]), &ended, &["rlimits".to_owned()]);
        assert_eq!(report.facts.walls, ["rlimits", "seccomp"]);
        assert_eq!(report.poster, None);
        let chatter = vec![Part::Walls(vec!["seccomp".to_owned(), "rlimits".to_owned()]); 1000];
        let report = assemble(&written(&chatter), &ended, &["landlock".to_owned()]);
        assert_eq!(report.facts.walls, ["landlock", "seccomp", "rlimits"], "each wall is said once");
        let jpeg = b"\xff\xd8\xff\xe0\xff\xd9";
        assert_eq!(assemble(&written(&[poster(jpeg, 641)]), &ended, &[]).poster, None);
        assert!(assemble(&written(&[poster(jpeg, 640)]), &ended, &[]).poster.is_some());
    }
}
