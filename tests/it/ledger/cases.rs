//! The fixtures: what each one holds and what reading it must give. `fixtures.rs` writes and walks them.

use std::collections::BTreeMap;

use ed25519_dalek::{Signer as _, SigningKey};
use sealdock::ledger::{Hash, Head, Line, Receipt, origin, sheet_name};
use sealdock::model::{
    Act, ArchiveId, Epoch, EpochBegun, KeyId, LedgerIndex, MediaFacts, MediaProbed, OldHead, ProbeOutcome,
    RawName, ReadBack, Reason, RestoreConfirmed, Sha256, State, Witness,
};
use serde_json::{Value, json};

use super::desk::{
    Desk, archive, begun, head_key, item, key_id, made, moment, node_key, read, restored, sign_head,
    strange_key,
};

/// One folder under `fixtures/ledger/valid` or `invalid`.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) files: BTreeMap<String, Vec<u8>>,
    pub(super) expect: Value,
}

type Lines = Vec<String>;

pub(super) fn valid() -> Vec<Case> {
    [valid_ledgers(), torn_ledgers(), valid_receipts()].into_iter().flatten().collect()
}

pub(super) fn invalid() -> Vec<Case> {
    [
        invalid_lines(),
        invalid_orders(),
        invalid_restores(),
        invalid_heads(),
        invalid_files(),
        invalid_receipts(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The ledger and the receipt that FORMAT.md prints.
pub(super) fn worked_example() -> Desk {
    let mut desk = Desk::open(made(archive()), 1);
    desk.enter(read("案件 2026-7"));
    desk.enter(Act::CustodyClosed);
    desk.sign();
    desk
}

fn valid_ledgers() -> Vec<Case> {
    let mut raised = Desk::usual();
    raised.enter(begun(2));
    raised.epoch = Epoch(2);
    raised.sign();
    let mut rich = Desk::open(made(archive()), 1);
    rich.enter(rich_act());
    rich.sign();
    let dropped = lines_of(&Desk::usual(), |lines| lines[2] = without_content(&lines[2]));
    let usual = Desk::usual();
    let (older, newer) = usual.lines.split_at(5);
    vec![
        whole("worked-example", &worked_example()),
        whole("usual", &usual),
        whole("new-epoch", &Desk::open(begun(2), 2)),
        whole("epoch-raised", &raised),
        whole("restored", &restored_and_confirmed()),
        whole("numbers-and-raw-names", &rich),
        Case { files: files(&[(0, older.to_vec()), (3, newer.to_vec())]), ..whole("two-files", &usual) },
        Case {
            name: "dropped-content",
            files: files(&[(0, dropped)]),
            expect: json!({ "contents": "may_be_dropped", "end": end(&usual, &Value::Null) }),
        },
        Case {
            name: "empty",
            files: BTreeMap::new(),
            expect: json!({ "end": {
                "size": 0, "root": Hash::of_nothing(), "epoch": null, "torn": null
            }}),
        },
    ]
}

/// Goes on from the last head of a backup, and is confirmed.
fn restored_and_confirmed() -> Desk {
    let mut desk = Desk::usual();
    desk.enter(restored(2, Some(desk.old_head())));
    desk.epoch = Epoch(2);
    desk.sign();
    desk.enter(Act::RestoreConfirmed(RestoreConfirmed { epoch: Epoch(2), by: Witness::Shares }));
    desk.sign();
    desk
}

/// Numbers that are easily written in another way, and bytes that are no UTF-8.
fn rich_act() -> Act {
    let facts = MediaFacts {
        container: Some("mov,mp4".to_owned()),
        duration_s: Some(60.093_333_333_333_334),
        tags: [("location".to_owned(), "\u{1}\"\\/\u{7f}\u{2028}😀".to_owned())].into(),
        ..MediaFacts::without_streams(ProbeOutcome::NotProbed { code: "source_gone".to_owned() })
    };
    Act::MediaProbed(MediaProbed { item: item(), facts })
}

/// What an interrupted write can leave: never acknowledged, cut off before the next.
fn torn_ledgers() -> Vec<Case> {
    let mut desk = Desk::open(made(archive()), 1);
    let (opened, keep) = (Desk::open(made(archive()), 1), text(&desk.lines).len());
    desk.enter(read(&"a long purpose, so that the line crosses a sector; ".repeat(10)));
    let entry = text(&desk.lines);
    desk.sign();
    let all = text(&desk.lines);
    let to_sector = (keep / 512 + 1) * 512;
    let torn = |name, bytes: Vec<u8>, entries: u64| {
        let torn = json!({
            "first": 0, "keep": keep, "bytes": bytes.len() - keep, "entries": entries
        });
        let expect = json!({ "end": end(&opened, &torn) });
        Case { name, files: [(sheet_name(LedgerIndex(0)), bytes)].into(), expect }
    };
    let new_file = json!({ "first": 1, "keep": 0, "bytes": 0, "entries": 0 });
    vec![
        torn("torn-inside-entry", entry[..keep + 40].to_vec(), 0),
        torn("torn-before-head", entry.clone(), 1),
        torn("torn-inside-head", all[..all.len() - 40].to_vec(), 1),
        torn("torn-newline", all[..all.len() - 1].to_vec(), 1),
        torn("torn-with-zeros", [&entry[..to_sector], &[0; 64]].concat(), 0),
        Case {
            name: "torn-new-file",
            files: files(&[(0, opened.lines.clone()), (1, Vec::new())]),
            expect: json!({ "end": end(&opened, &new_file) }),
        },
    ]
}

fn invalid_lines() -> Vec<Case> {
    vec![
        // The line is a possible one, so it is the head that finds it.
        at_line("flipped-content", 5, "wrong_root", |l| replace(l, 2, "2026-7", "2026-8")),
        at_line("flipped-salt", 5, "wrong_root", |l| replace(l, 2, "\"0202", "\"0302")),
        at_line("flipped-moment", 5, "wrong_root", |l| replace(l, 2, ":01:00Z", ":01:01Z")),
        at_line("added-space", 3, "not_canonical", |l| replace(l, 2, "\"v\":1", "\"v\": 1")),
        at_line("other-key-order", 3, "not_canonical", |l| {
            replace(l, 2, "\"index\":1,\"kind\":\"item_read\"", "\"kind\":\"item_read\",\"index\":1");
        }),
        at_line("escaped-letter", 3, "not_canonical", |l| replace(l, 2, "owner", "\\u006fwner")),
        at_line("number-with-fraction", 3, "not_json", |l| replace(l, 2, "\"v\":1", "\"v\":1.0")),
        at_line("unknown-field", 3, "not_json", |l| replace(l, 2, "\"v\":1", "\"u\":0,\"v\":1")),
        at_line("field-twice", 3, "not_json", |l| replace(l, 2, "\"v\":1", "\"v\":1,\"v\":1")),
        at_line("line-end-of-dos", 1, "not_canonical", |l| l[0].push('\r')),
        at_line("empty-line", 3, "not_json", |l| l.insert(2, String::new())),
        at_line("version-from-the-future", 3, "unknown_version", |l| {
            replace(l, 2, "\"v\":1", "\"v\":2");
        }),
        at_line("kind-differs", 3, "wrong_kind", |l| {
            replace(l, 2, "\"kind\":\"item_read\",\"salt\"", "\"kind\":\"refused\",\"salt\"");
        }),
        at_line("salt-missing", 3, "half_content", |l| {
            let salt = format!("\"salt\":\"{}\",", "02".repeat(32));
            replace(l, 2, &salt, "");
        }),
        at_line("content-dropped-at-home", 3, "content_missing", |l| l[2] = without_content(&l[2])),
    ]
}

fn invalid_orders() -> Vec<Case> {
    let beginning = |name, first: Act, code| {
        let desk = Desk::open(first, 1);
        broken(name, &[(0, desk.lines)], (0, 1), code)
    };
    let mut twice = Desk::usual();
    twice.enter(made(archive()));
    let mut fallen = Desk::open(begun(3), 3);
    fallen.enter(begun(2));
    vec![
        at_line("entry-missing", 3, "wrong_index", |l| drop(l.remove(2))),
        at_line("entry-twice", 4, "wrong_index", |l| l.insert(3, l[2].clone())),
        at_line("entries-swapped", 3, "wrong_index", |l| l.swap(2, 3)),
        beginning("begins-with-a-read", read("x"), "wrong_beginning"),
        beginning("begins-in-another-archive", made(other_archive()), "wrong_archive"),
        beginning("begins-anew-in-epoch-1", begun(1), "wrong_epoch"),
        broken("made-twice", &[(0, twice.lines)], (0, 8), "made_twice"),
        broken("epoch-falls", &[(0, fallen.lines)], (0, 3), "wrong_epoch"),
    ]
}

/// Beginnings of an epoch that do not name the head before them.
fn invalid_restores() -> Vec<Case> {
    let after = |name, old: &dyn Fn(OldHead) -> Option<OldHead>| {
        let mut desk = Desk::usual();
        desk.enter(restored(2, old(desk.old_head())));
        broken(name, &[(0, desk.lines)], (0, 8), "wrong_old_head")
    };
    let mut unsigned = Desk::usual();
    unsigned.enter(Act::CustodyClosed);
    unsigned.enter(restored(2, Some(unsigned.old_head())));
    let mut rebuilt = Desk::usual();
    let Act::EpochBegun(begun) = begun(2) else { unreachable!("it begins an epoch") };
    rebuilt.enter(Act::EpochBegun(EpochBegun { after: Some(rebuilt.old_head()), ..begun }));
    vec![
        after("restored-from-nothing", &|_| None),
        after("restored-from-an-older-head", &|old| Some(OldHead { size: old.size - 1, ..old })),
        after("restored-from-another-root", &|old| Some(OldHead { root: Sha256([7; 32]), ..old })),
        broken("restored-behind-no-head", &[(0, unsigned.lines)], (0, 9), "wrong_old_head"),
        broken("rebuilt-naming-a-head", &[(0, rebuilt.lines)], (0, 8), "wrong_old_head"),
    ]
}

fn invalid_heads() -> Vec<Case> {
    let head_as = |name, code, change: &dyn Fn(&mut Head), key: SigningKey| {
        let mut desk = Desk::usual();
        let mut head = desk.head();
        change(&mut head);
        desk.lines[6] = sign_head(head, &key).to_line(3);
        broken(name, &[(0, desk.lines)], (0, 7), code)
    };
    let us = head_key;
    vec![
        at_line("flipped-signature", 5, "bad_head_signature", flip_signature),
        at_line("head-missing", 6, "head_missing", |l| drop(l.remove(4))),
        at_line("head-twice", 6, "head_missing", |l| l.insert(5, l[4].clone())),
        at_line("head-over-nothing-new", 6, "idle_head", |l| {
            l.insert(5, l[4].replace("\"after\":1", "\"after\":3"));
        }),
        at_line("head-with-a-witness", 5, "not_a_head", |l| {
            replace(l, 4, "=\\n\"}", "=\\n\u{2014} witness.example AAAAAAAA\\n\"}");
        }),
        head_as("head-of-unknown-key", "bad_head_signature", &|_| {}, strange_key()),
        head_as("head-too-large", "wrong_head_size", &|head| head.size = 5, us()),
        head_as("head-too-small", "wrong_head_size", &|head| head.size = 3, us()),
        head_as("head-of-another-root", "wrong_root", &|head| head.root = Hash([7; 32]), us()),
        head_as(
            "head-of-another-archive",
            "wrong_origin",
            &|head| head.origin = origin(other_archive(), Epoch(1)),
            us(),
        ),
        head_as(
            "head-of-another-epoch",
            "wrong_origin",
            &|head| head.origin = origin(archive(), Epoch(2)),
            us(),
        ),
    ]
}

fn invalid_files() -> Vec<Case> {
    let lines = Desk::usual().lines;
    let (older, newer) = (lines[..5].to_vec(), lines[5..].to_vec());
    let whole_file = |name, parts: &[(u64, Lines)], code| Case {
        name,
        files: files(parts),
        expect: json!({ "error": { "code": code } }),
    };
    let tail = |name, tail: &[u8]| {
        let bytes = [&text(&lines), tail].concat();
        let error = error("strange_tail", Some((0, 8)));
        Case { name, files: [(sheet_name(LedgerIndex(0)), bytes)].into(), expect: error }
    };
    let rolled_back = json!({ "acknowledged": 4, "error": { "code": "rolled_back" } });
    vec![
        whole_file("first-file-missing", &[(3, newer.clone())], "wrong_file"),
        whole_file("file-misnamed", &[(0, older.clone()), (4, newer.clone())], "wrong_file"),
        whole_file("file-without-its-head", &[(0, lines[..4].to_vec()), (3, newer)], "open_end"),
        tail("added-byte", b"x"),
        tail("added-zero", b"\0"),
        tail("joined-lines", b"{\"entry\":{}}{\"entry\":{}}"),
        Case { name: "rolled-back", files: files(&[(0, older)]), expect: rolled_back },
    ]
}

fn valid_receipts() -> Vec<Case> {
    let mut cosigned = receipt();
    cosigned.head.push_str("\u{2014} witness.example AAAAAAAA\n");
    vec![
        receipt_case("receipt", &receipt(), None),
        receipt_case("receipt-with-a-witness", &cosigned, None),
        receipt_case("receipt-known", &Receipt { state: State::Known, ..receipt() }, None),
        receipt_case("receipt-quarantined", &quarantined(), None),
        receipt_case(
            "receipt-without-read-back",
            &Receipt { readback: ReadBack::Off, may_erase: false, ..receipt() },
            None,
        ),
    ]
}

fn quarantined() -> Receipt {
    Receipt {
        state: State::Quarantined,
        reasons: vec![Reason::ChecksumMismatch],
        path: RawName::new(b"\xcf\xd6\xb3\xa1.mp4".to_vec()),
        ..receipt()
    }
}

fn invalid_receipts() -> Vec<Case> {
    let us = node_key();
    let stranger = strange_key();
    let claims = |name, code, change: &dyn Fn(&mut Receipt)| {
        let mut wrong = receipt();
        change(&mut wrong);
        receipt_case(name, &wrong, Some(code))
    };
    let bytes = |name, code, from: &str, to: &str| {
        let text = String::from_utf8(signed(&receipt(), &us).0).expect("text");
        assert!(text.contains(from), "{name}");
        let (text, signature) = (text.replacen(from, to, 1), signed(&receipt(), &us).1);
        Case { name, files: receipt_files(text.into_bytes(), signature), expect: error(code, None) }
    };
    let forged = signed(&receipt(), &stranger);
    vec![
        bytes("receipt-flipped-size", "bad_receipt_signature", "123456789", "123456788"),
        bytes("receipt-added-space", "not_canonical", ":123456789", ": 123456789"),
        bytes("receipt-unknown-field", "not_json", "\"version\"", "\"verdict\":1,\"version\""),
        bytes("receipt-from-the-future", "unknown_version", "\"version\":1", "\"version\":2"),
        bytes("receipt-that-may-erase-unread", "contradiction", "\"disk\"", "\"off\""),
        bytes("receipt-of-a-refusal", "contradiction", "\"sealed\"", "\"refused\""),
        bytes("receipt-without-copies", "contradiction", "\"copies\":2", "\"copies\":0"),
        Case {
            name: "receipt-by-unknown-key",
            files: receipt_files(forged.0, forged.1),
            expect: error("bad_receipt_signature", None),
        },
        claims("receipt-naming-another-key", "bad_receipt_signature", &|r| r.signer = KeyId([0; 8])),
        claims("receipt-of-another-epoch", "wrong_origin", &|r| r.epoch = Epoch(2)),
        claims("receipt-under-a-forged-head", "bad_head_signature", &|r| {
            r.head = sign_head(worked_example().head(), &strange_key()).note().to_owned();
        }),
        claims("receipt-without-head", "not_a_note", &|r| r.head.clear()),
        claims("receipt-of-another-leaf", "wrong_proof", &|r| r.leaf = Hash([7; 32])),
        claims("receipt-of-another-place", "wrong_proof", &|r| r.ledger_index = LedgerIndex(0)),
        claims("receipt-beyond-its-head", "out_of_tree", &|r| r.ledger_index = LedgerIndex(3)),
        claims("receipt-with-a-short-proof", "wrong_proof_length", &|r| r.proof.truncate(1)),
        claims("receipt-with-a-long-proof", "wrong_proof_length", &|r| r.proof.push(Hash([7; 32]))),
    ]
}

fn receipt() -> Receipt {
    worked_example().receipt()
}

/// The bytes of a receipt and its signature.
pub(super) fn signed(receipt: &Receipt, key: &SigningKey) -> (Vec<u8>, [u8; 64]) {
    let bytes = receipt.to_bytes().expect("writable");
    let signature = key.sign(&bytes).to_bytes();
    (bytes, signature)
}

fn receipt_case(name: &'static str, receipt: &Receipt, code: Option<&str>) -> Case {
    let (bytes, signature) = signed(receipt, &node_key());
    let expect = match code {
        Some(code) => error(code, None),
        None => json!({ "receipt": { "state": receipt.state, "may_erase": receipt.may_erase } }),
    };
    Case { name, files: receipt_files(bytes, signature), expect }
}

fn receipt_files(bytes: Vec<u8>, signature: [u8; 64]) -> BTreeMap<String, Vec<u8>> {
    [("receipt.json".to_owned(), bytes), ("receipt.json.sig".to_owned(), signature.to_vec())].into()
}

fn whole(name: &'static str, desk: &Desk) -> Case {
    let expect = json!({ "end": end(desk, &Value::Null) });
    Case { name, files: files(&[(0, desk.lines.clone())]), expect }
}

fn end(desk: &Desk, torn: &Value) -> Value {
    json!({ "size": desk.tree.size(), "root": desk.tree.root(), "epoch": desk.epoch, "torn": torn })
}

/// The usual ledger with one change, found at this line.
fn at_line(name: &'static str, line: u64, code: &str, change: impl Fn(&mut Lines)) -> Case {
    let lines = lines_of(&Desk::usual(), change);
    broken(name, &[(0, lines)], (0, line), code)
}

fn broken(name: &'static str, parts: &[(u64, Lines)], at: (u64, u64), code: &str) -> Case {
    Case { name, files: files(parts), expect: error(code, Some(at)) }
}

fn error(code: &str, at: Option<(u64, u64)>) -> Value {
    match at {
        Some((first, line)) => {
            json!({ "error": { "code": code, "file": sheet_name(LedgerIndex(first)), "line": line } })
        }
        None => json!({ "error": { "code": code } }),
    }
}

fn lines_of(desk: &Desk, change: impl Fn(&mut Lines)) -> Lines {
    let mut lines = desk.lines.clone();
    change(&mut lines);
    lines
}

fn files(parts: &[(u64, Lines)]) -> BTreeMap<String, Vec<u8>> {
    parts.iter().map(|(first, lines)| (sheet_name(LedgerIndex(*first)), text(lines))).collect()
}

fn text(lines: &[String]) -> Vec<u8> {
    lines.iter().flat_map(|line| [line.as_bytes(), b"\n"].concat()).collect()
}

fn replace(lines: &mut Lines, line: usize, from: &str, to: &str) {
    assert!(lines[line].contains(from), "{from} is not in {}", lines[line]);
    lines[line] = lines[line].replacen(from, to, 1);
}

fn flip_signature(lines: &mut Lines) {
    let at = lines[4].find("==\\n\"").or_else(|| lines[4].find("=\\n\"")).expect("base64") - 8;
    let flipped = if lines[4].as_bytes()[at] == b'A' { "B" } else { "A" };
    lines[4].replace_range(at..=at, flipped);
}

fn without_content(line: &str) -> String {
    match Line::parse(line.as_bytes()).expect("a line") {
        Line::Entry(entry) => entry.without_content().to_line(),
        head @ Line::Head { .. } => head.to_line(),
    }
}

fn other_archive() -> ArchiveId {
    ArchiveId::new(moment(5), [0xf0; 10])
}

/// What a reader of the fixtures must trust.
pub(super) fn trust() -> Value {
    let hex = |key: &SigningKey| hex::encode(key.verifying_key().as_bytes());
    json!({
        "archive": archive(),
        "heads": [hex(&head_key())],
        "nodes": { key_id(&node_key()).to_string(): hex(&node_key()) },
    })
}
