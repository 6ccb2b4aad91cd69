//! What the sandboxed parser says. A hostile clip may have taken it over, so any bytes may come: they
//! give facts that stay within their bounds and can be entered in the ledger, and a picture or none.
//! The input is a verdict and an answer.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealdock::ledger::{Content, Entry};
use sealdock::model::{Act, Actor, ItemId, LedgerIndex, MediaFacts, MediaProbed, Moment, ProbeOutcome};
use sealdock::probe::wire::{Part, Verdict};
use sealdock::probe::{Report, assemble, within_bounds};

fuzz_target!(|data: &[u8]| {
    let Some((first, answer)) = data.split_first() else { return };
    parts_read_back(answer);
    let report = assemble(answer, &verdict(*first), &["landlock".to_owned()]);
    assert_eq!(report.facts.walls[0], "landlock", "the server's word comes first");
    assert!(report.facts.walls.len() <= 3, "a child adds two walls at most");
    is_bounded(&report);
    can_be_entered(report.facts);
});

fn verdict(first: u8) -> Verdict {
    match first % 5 {
        0 => Verdict::Ended { code: i32::from(first) },
        1 => Verdict::Killed { signal: i32::from(first) },
        2 => Verdict::TimedOut,
        3 => Verdict::NotStarted { because: "no room".to_owned() },
        _ => Verdict::Ended { code: 0 },
    }
}

/// The most that facts take as text: 32 KiB of tags and some texts, each byte written as six.
const FACTS_MOST: usize = 512 << 10;

/// What was read is written as something that reads the same. Compared as text, since facts may hold any
/// number.
fn parts_read_back(answer: &[u8]) {
    let parts = Part::read_all(answer);
    let mut bytes = Vec::new();
    for part in &parts {
        part.write(&mut bytes).expect("a vector takes all");
    }
    assert_eq!(format!("{:?}", Part::read_all(&bytes)), format!("{parts:?}"));
}

fn is_bounded(report: &Report) {
    let mut same = report.facts.clone();
    let walls = std::mem::take(&mut same.walls);
    assert_eq!(within_bounds(same.clone()), same, "what was cut needs no more cutting");
    assert!(walls.iter().all(|wall| wall.len() <= 64));
    let text = serde_json::to_vec(&same).expect("facts are text");
    assert!(text.len() <= FACTS_MOST, "{} bytes of facts", text.len());
    if let ProbeOutcome::Failed { code, .. } | ProbeOutcome::NotProbed { code } = &same.probe {
        assert!(code.len() <= 64, "a code of {} bytes", code.len());
    }
    if let Some(poster) = &report.poster {
        assert!(poster.bytes.starts_with(&[0xff, 0xd8, 0xff]) && (1..=640).contains(&poster.width));
    }
}

fn can_be_entered(facts: MediaFacts) {
    let act = Act::MediaProbed(MediaProbed { item: ItemId::from_bytes([1; 16]), facts });
    let content = Content { who: Actor::Node, why: None, act };
    if let Err(error) = Entry::new(LedgerIndex(7), Moment::UNIX_EPOCH, [5; 32], content) {
        panic!("facts that the ledger does not take: {error}");
    }
}
