//! Makes files that a certified node signed and should not have: the keyless check passes, and what comes
//! after it must find them.

use serde_json::{Value, json};

use super::super::by_hand::ByHand;
use super::super::judge::Step;
use super::{Folder, SEGMENT, file, of, with_facts};

pub(super) fn add(out: &mut Folder) {
    wrong_facts(out);
    facts_that_disagree(out);
    wrong_keys(out);
    wrong_segments(out);
}

/// Facts sections that do not open, or hold another form than the one allowed.
fn wrong_facts(out: &mut Folder) {
    let base = file(100);
    let with_section = |section: &[u8]| base.join(&base.header(), &base.segments(), section);
    let with_text = |text: &[u8]| ByHand { facts: text.to_vec(), ..base.clone() }.sealed();
    let mut changed = base.facts_section();
    changed[8] ^= 1;
    let moved = ByHand { salt: [0x5b; 32], ..base.clone() }.facts_section();
    let other_key = ByHand { facts_key: [0x77; 32], ..base.clone() }.sealed();
    let spaced = [b" ", &base.facts[..]].concat();
    let more = with_facts(|facts| facts["mood"] = json!("good")).sealed();
    let less = with_facts(|facts| facts["size"] = Value::Null).sealed();
    let cases = [
        ("facts-changed: A byte of the facts was turned before signing.", "facts", with_section(&changed)),
        ("facts-of-another-salt: Facts sealed for another header.", "facts", with_section(&moved)),
        ("facts-under-another-key: Sealed under another facts key.", "wrong_facts_key", other_key),
        ("facts-not-json: The facts are no JSON.", "facts_form", with_text(b"facts")),
        ("facts-not-canonical: A space stands before the facts.", "facts_form", with_text(&spaced)),
        ("facts-with-unknown-field: A field that version 1 does not have.", "facts_form", more),
        ("facts-without-size: The size is null.", "facts_form", less),
    ];
    for (case, code, bytes) in cases {
        out.refuse(case, (Step::Facts, code), bytes);
    }
}

/// Facts that speak of another file than the one they stand in.
fn facts_that_disagree(out: &mut Folder) {
    let other = || json!("018bcfe5-687b-7a5d-8002-000000000009");
    let cases = [
        (
            "facts-of-another-item: The facts name another item.",
            with_facts(|facts| facts["item"] = other()),
        ),
        (
            "facts-of-another-archive: The facts name another archive.",
            with_facts(|facts| facts["archive"] = other()),
        ),
        (
            "facts-with-another-size: The facts name another size.",
            with_facts(|facts| facts["size"] = 101.into()),
        ),
        (
            "facts-of-another-role: A derivative says that it was deposited.",
            ByHand { role: 2, ..file(100) },
        ),
    ];
    for (case, file) in cases {
        out.refuse(case, (Step::Facts, "facts_disagree"), file.sealed());
    }
    let false_print = with_facts(|facts| facts["fingerprints"]["sha256"] = json!("00".repeat(32)));
    out.refuse(
        "fingerprint-false: The content opens and is not what the facts say.",
        (Step::Compare, "fingerprint"),
        false_print.sealed(),
    );
}

/// Headers that the item key was not made for.
fn wrong_keys(out: &mut Folder) {
    let wrong = (Step::Unlock, "wrong_key");
    let other = ByHand { item_key: [0x78; 32], ..file(100) };
    out.refuse("item-key-of-another-file: The header commits to another item key.", wrong, other.sealed());
    let forged = |at: usize, file: ByHand| {
        let mut header = file.header();
        header[at] ^= 1;
        file.join(&header, &file.segments(), &file.facts_section_for(&header))
    };
    let commitment = forged(119, file(100));
    out.refuse("commitment-changed: The commitment was changed before signing.", wrong, commitment);
    let facts = with_facts(|facts| facts["item"] = json!("018bcfe5-687b-7a5d-8002-000000000003"));
    out.refuse("item-id-changed: The item id was changed before signing.", wrong, forged(55, facts));
}

/// Segments that were moved about.
fn wrong_segments(out: &mut Folder) {
    let base = file(2 * SEGMENT + 100);
    let [one, two, three] = &base.segments()[..] else { unreachable!("two segments and a rest") };
    let other = ByHand { salt: [0x5b; 32], ..base.clone() }.segments();
    let full = |index, last| base.seal(index, last, &base.clear[..SEGMENT]);
    let end = |index, last| base.seal(index, last, &base.clear[2 * SEGMENT..]);
    let mut tag = three.clone();
    tag[115] ^= 1;
    let cases = [
        ("segments-swapped: The first two segments changed places.", [two, one, three]),
        ("segment-repeated: The first segment stands twice.", [one, one, three]),
        (
            "segment-of-another-file: The second comes from a file with another salt.",
            [one, &other[1], three],
        ),
        ("last-flag-missing: The last segment says that another follows.", [one, two, &end(2, 0)]),
        ("last-flag-early: The first segment says that it is the last.", [&full(0, 1), two, three]),
        ("segments-from-one: The segments are numbered from 1.", [&full(1, 0), &full(2, 0), &end(3, 1)]),
        ("last-tag-changed: A byte of the last tag was turned.", [one, two, &tag]),
    ];
    for (case, segments) in cases {
        let bytes = base.join(&base.header(), &segments.map(Clone::clone), &base.facts_section());
        out.refuse(case, (Step::Open, "segment"), bytes);
    }
    let cut = of(base.clear[..2 * SEGMENT].to_vec());
    out.refuse(
        "cut-at-a-segment: The last segment is gone; lengths and facts are made to fit.",
        (Step::Open, "segment"),
        base.join(&base.header(), &[one.clone(), two.clone()], &cut.facts_section()),
    );
}
