use proptest::prelude::*;

use super::*;
use crate::ledger::samples::{
    Writing, archive_made, by_node, contents, head_key, item_read, public_of, signs, trust,
};
use crate::ledger::{Content, Hash, Head};
use crate::model::EpochBegun;

/// Reads files in order and returns how the ledger ends, and the words for what was handed on.
fn replayed(files: &[(u64, &[u8])]) -> Result<(End, Vec<String>), Error> {
    let trust = trust();
    let mut replay = Replay::new(&trust);
    let mut seen = Vec::new();
    for (first, bytes) in files {
        replay.read_file(LedgerIndex(*first), &mut &**bytes, &mut |step| {
            seen.push(match step {
                Step::Entry { entry, .. } => entry.kind().to_owned(),
                Step::Head(head) => format!("head {}", head.head().size),
            });
            Ok::<(), Error>(())
        })?;
    }
    Ok((replay.finish(0)?, seen))
}

fn code_of(bytes: &[u8]) -> String {
    match replayed(&[(0, bytes)]) {
        Ok((end, _)) => format!("read, {} entries", end.tree.size()),
        Err(error) => error.code().to_owned(),
    }
}

fn two_heads() -> Writing {
    let mut writing = Writing::begun();
    writing.enter(item_read("案件 7"));
    writing.enter(by_node(Act::CustodyClosed));
    writing.sign();
    writing
}

fn begins(epoch: u32) -> Content {
    by_node(Act::EpochBegun(EpochBegun {
        archive: crate::ledger::samples::ARCHIVE.parse().expect("an id"),
        root: crate::model::KeyId([9; 8]),
        owner_uid: 1000,
        epoch: Epoch(epoch),
        because: "rebuilt_from_vault".to_owned(),
        after: None,
    }))
}

#[test]
fn a_whole_ledger_is_handed_on_in_order() {
    let writing = two_heads();
    let (end, seen) = replayed(&[(0, &writing.bytes)]).expect("whole");
    assert_eq!(seen, ["archive_made", "head 1", "item_read", "custody_closed", "head 3"]);
    assert_eq!((end.tree, end.epoch, end.torn), (writing.tree, Some(Epoch(1)), None));
    assert_eq!(end.head.map(|head| head.head().size), Some(3));
}

#[test]
fn files_follow_one_another_and_a_replay_can_begin_at_the_last() {
    let first = Writing::begun();
    let cut = first.bytes.len();
    let whole = two_heads();
    let (older, newest) = whole.bytes.split_at(cut);
    let (end, _) = replayed(&[(0, older), (1, newest)]).expect("whole");
    let trust = trust();
    let mut resumed = Replay::resume(&trust, Resume { tree: first.tree, epoch: Epoch(1) });
    resumed
        .read_file(LedgerIndex(1), &mut &*newest, &mut |_| Ok::<(), Error>(()))
        .expect("the newest file");
    assert_eq!(resumed.finish(3).expect("whole"), end);
    for files in [&[(1, newest)][..], &[(0, older), (2, newest)], &[(0, older), (0, older)]] {
        assert_eq!(replayed(files).expect_err("misplaced").code(), "wrong_file");
    }
}

#[test]
fn every_cut_of_the_last_write_is_a_torn_tail() {
    let kept = Writing::begun().bytes.len();
    let whole = two_heads().bytes;
    for length in kept + 1..whole.len() {
        let (end, _) = replayed(&[(0, &whole[..length])]).expect("torn is not damaged");
        let torn = end.torn.expect("torn");
        assert_eq!((torn.keep, torn.bytes), (kept as u64, (length - kept) as u64));
        assert_eq!(end.tree.size(), 1);
    }
}

#[test]
fn a_torn_tail_before_the_acknowledged_end_is_a_rollback() {
    let whole = two_heads().bytes;
    let trust = trust();
    for (length, outcome) in [(whole.len(), "whole"), (whole.len() - 1, "rolled_back")] {
        let mut replay = Replay::new(&trust);
        let mut reader = &whole[..length];
        replay.read_file(LedgerIndex(0), &mut reader, &mut |_| Ok::<(), Error>(())).expect("readable");
        assert_eq!(replay.finish(3).map_or_else(|error| error.code(), |_| "whole"), outcome);
    }
}

#[test]
fn a_torn_tail_is_the_beginning_of_a_line_and_nothing_else() {
    let begun = Writing::begun().bytes;
    for tail in [&b"garbage"[..], b"{\"entry\":{}}x", b"12", b"{\"entry\":\x01", b"\0", b"{\"en\0"] {
        assert_eq!(code_of(&[&begun[..], tail].concat()), "strange_tail", "{tail:?}");
    }
    assert_eq!(code_of(&[&begun[..], b"{\"ent"].concat()), "read, 1 entries");
}

#[test]
fn a_torn_tail_may_end_in_zeros_from_the_edge_of_a_sector() {
    let mut writing = Writing::begun();
    let kept = writing.bytes.len();
    writing.enter(item_read(&"x".repeat(2000)));
    let edge = (kept / 512 + 2) * 512;
    for (written, outcome) in [(edge, "torn"), (edge + 1, "strange_tail"), (edge - 1, "strange_tail")] {
        let bytes = [&writing.bytes[..written], &[0; 4096]].concat();
        let read = replayed(&[(0, &bytes)]);
        if let Ok((end, _)) = &read {
            assert_eq!(end.torn.as_ref().map(|torn| torn.bytes), Some((bytes.len() - kept) as u64));
        }
        assert_eq!(read.map_or_else(|error| error.code(), |_| "torn"), outcome);
    }
}

#[test]
fn a_torn_file_is_the_last() {
    let begun = Writing::begun().bytes;
    for older in [&begun[..begun.len() - 1], b""] {
        let error = replayed(&[(0, older), (0, &begun)]).expect_err("torn in the middle");
        assert_eq!(error.code(), "open_end");
        assert!(error.to_string().contains("00000000000000000000.jsonl"), "{error}");
    }
    let (end, _) = replayed(&[(0, &begun), (1, b"")]).expect("a new file that nothing was written to");
    let torn = end.torn.expect("to be cut to nothing");
    assert_eq!((torn.first, torn.keep, torn.bytes), (LedgerIndex(1), 0, 0));
}

#[test]
fn damage_is_named_by_file_line_and_cause() {
    let text = String::from_utf8(two_heads().bytes).expect("text");
    let error = replayed(&[(0, text.replace("案件 7", "案件 8").as_bytes())]).expect_err("changed");
    assert_eq!(error.to_string(), "ledger file 00000000000000000000.jsonl is damaged at line 5");
    assert_eq!(error.code(), "wrong_root");
    assert!(error.is_integrity());
}

#[test]
fn the_beginning_and_the_epochs_have_rules() {
    let ledger = |contents: &[Content], epoch| {
        let mut writing = Writing::new();
        writing.epoch = Epoch(epoch);
        for content in contents {
            writing.enter(content.clone());
        }
        writing.sign();
        code_of(&writing.bytes)
    };
    let made = archive_made();
    assert_eq!(ledger(&[by_node(Act::CustodyOpened)], 1), "wrong_beginning");
    assert_eq!(ledger(&[made.clone(), made.clone()], 1), "made_twice");
    assert_eq!(ledger(&[begins(1)], 1), "wrong_epoch");
    assert_eq!(ledger(&[begins(3), begins(2)], 2), "wrong_epoch");
    assert_eq!(ledger(std::slice::from_ref(&made), 2), "wrong_origin");
    assert_eq!(ledger(&[made.clone(), begins(2)], 1), "wrong_origin");
    assert_eq!(ledger(&[made, begins(2)], 2), "read, 2 entries");
    assert_eq!(ledger(&[begins(4)], 4), "read, 1 entries");
}

#[test]
fn heads_must_count_and_cover_what_stands_before_them() {
    let head = |size, root| {
        let mut writing = Writing::begun();
        writing.enter(item_read("x"));
        let origin = origin(trust().archive, Epoch(1));
        let root = if root { writing.tree.root() } else { Hash::of_nothing() };
        let key = head_key();
        let signed = SignedHead::sign(Head { origin, size, root }, &public_of(&key), &signs(&key));
        writing.bytes.extend_from_slice(format!("{}\n", signed.to_line(1)).as_bytes());
        code_of(&writing.bytes)
    };
    assert_eq!(head(2, true), "read, 2 entries");
    assert_eq!(head(3, true), "wrong_head_size");
    assert_eq!(head(1, true), "wrong_head_size");
    assert_eq!(head(2, false), "wrong_root");
    let mut idle = Writing::begun();
    idle.sign();
    assert_eq!(code_of(&idle.bytes), "idle_head");
}

#[test]
fn a_head_that_is_gone_is_missed() {
    let mut writing = two_heads();
    writing.enter(item_read("y"));
    writing.sign();
    let text = String::from_utf8(writing.bytes).expect("text");
    let without: String =
        text.lines().enumerate().filter(|(n, _)| *n != 4).map(|(_, l)| format!("{l}\n")).collect();
    let error = replayed(&[(0, without.as_bytes())]).expect_err("missed");
    assert_eq!(error.code(), "head_missing");
}

#[test]
fn a_dropped_content_is_damage_at_home_and_none_for_strangers() {
    let mut writing = Writing::begun();
    writing.enter(item_read("x"));
    writing.sign();
    let dropped: String = String::from_utf8(writing.bytes)
        .expect("text")
        .lines()
        .map(|line| match Line::parse(line.as_bytes()).expect("a line") {
            Line::Entry(entry) if entry.index().0 == 1 => entry.without_content().to_line() + "\n",
            _ => format!("{line}\n"),
        })
        .collect();
    assert_eq!(code_of(dropped.as_bytes()), "content_missing");
    let stranger = Trust { contents: Contents::MayBeDropped, ..trust() };
    let mut replay = Replay::new(&stranger);
    replay
        .read_file(LedgerIndex(0), &mut dropped.as_bytes(), &mut |_| Ok::<(), Error>(()))
        .expect("the tree is the same");
    assert_eq!(replay.finish(2).expect("whole").tree, writing.tree);
}

#[test]
fn the_callers_own_error_ends_the_reading() {
    #[derive(Debug, PartialEq)]
    enum Stop {
        Enough,
        Ledger(String),
    }
    impl From<Error> for Stop {
        fn from(error: Error) -> Self {
            Self::Ledger(error.to_string())
        }
    }
    let (trust, bytes) = (trust(), two_heads().bytes);
    let outcome = Replay::new(&trust).read_file(LedgerIndex(0), &mut &*bytes, &mut |_| Err(Stop::Enough));
    assert_eq!(outcome, Err(Stop::Enough));
}

struct Broken;

impl std::io::Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        Err(std::io::Error::other("the disk is gone"))
    }
}

#[test]
fn a_failed_read_is_no_damage() {
    let trust = trust();
    let mut reader = std::io::BufReader::new(Broken);
    let error = Replay::new(&trust)
        .read_file(LedgerIndex(4), &mut reader, &mut |_| Ok::<(), Error>(()))
        .expect_err("unreadable");
    assert_eq!(error.code(), "wrong_file", "judged before anything is read");
    let error = Replay::new(&trust)
        .read_file(LedgerIndex(0), &mut reader, &mut |_| Ok::<(), Error>(()))
        .expect_err("unreadable");
    assert_eq!(error.to_string(), "reading ledger file 00000000000000000000.jsonl failed");
    assert!(!error.is_integrity());
}

#[test]
fn a_line_without_end_is_not_held_in_memory() {
    let endless = std::io::Read::take(std::io::repeat(b'['), 1 << 30);
    let trust = trust();
    let error = Replay::new(&trust)
        .read_file(LedgerIndex(0), &mut std::io::BufReader::new(endless), &mut |_| Ok::<(), Error>(()))
        .expect_err("too long");
    assert_eq!(error.code(), "too_long");
}

/// A ledger of some batches of random contents.
fn ledgers() -> impl Strategy<Value = Writing> {
    let batch = proptest::collection::vec(contents(), 1..4);
    proptest::collection::vec(batch, 0..4).prop_map(|batches| {
        let mut writing = Writing::begun();
        for batch in batches {
            for content in batch {
                writing.enter(content);
            }
            writing.sign();
        }
        writing
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_was_written_is_read(writing in ledgers()) {
        let (end, _) = replayed(&[(0, &writing.bytes)]).expect("whole");
        prop_assert_eq!(end.tree, writing.tree);
        prop_assert_eq!(end.torn, None);
    }

    #[test]
    fn any_changed_cut_or_added_byte_is_found(
        writing in ledgers(), at in any::<usize>(), bit in 0..8_u32, added in any::<u8>(),
    ) {
        let place = at % writing.bytes.len();
        let mut flipped = writing.bytes.clone();
        flipped[place] ^= 1 << bit;
        let mut missing = writing.bytes.clone();
        missing.remove(place);
        let mut more = writing.bytes.clone();
        more.insert(place, added);
        for bytes in [flipped, missing, more] {
            prop_assert!(is_found(&bytes, &writing), "{place}");
        }
    }
}

/// Damage is found by the replay, or, where it looks like a torn tail, by who knows what was acknowledged;
/// a ledger that reads whole must be the one that was written.
fn is_found(bytes: &[u8], written: &Writing) -> bool {
    let trust = trust();
    let mut replay = Replay::new(&trust);
    let read = replay.read_file(LedgerIndex(0), &mut &*bytes, &mut |_| Ok::<(), Error>(()));
    let outcome = read.and_then(|()| replay.finish(written.tree.size()));
    match outcome {
        Err(error) => error.is_integrity(),
        Ok(_) => bytes == written.bytes,
    }
}
