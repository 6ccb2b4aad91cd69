//! Makes files that the keyless check refuses.

use super::super::by_hand::ByHand;
use super::super::judge::Step;
use super::{Folder, SEGMENT, file};

pub(super) fn add(out: &mut Folder) {
    wrong_lengths(out);
    wrong_headers(out);
    wrong_footers(out);
    changed_bytes(out);
}

fn wrong_lengths(out: &mut Folder) {
    let whole = file(SEGMENT + 100).sealed();
    let cut = |length: usize| whole[..length].to_vec();
    let check = |code| (Step::Check, code);
    out.refuse("no-bytes: A file without a byte.", check("cut"), Vec::new());
    out.refuse("cut-in-header: It ends within the header.", check("cut"), cut(60));
    out.refuse("cut-after-header: It ends after the header.", check("cut"), cut(120));
    out.refuse("cut-in-body: It ends within the body.", check("magic"), cut(2000));
    out.refuse("cut-by-one-byte: The last byte is missing.", check("magic"), cut(whole.len() - 1));
    out.refuse("cut-footer: The footer is missing.", check("magic"), cut(whole.len() - 128));
    let longer = [&whole[..], b"\0"].concat();
    out.refuse("byte-after-end: A zero byte follows the footer.", check("magic"), longer);
    let mut stuffed = whole.clone();
    stuffed.insert(200, 0);
    out.refuse("byte-in-body: A zero byte was put into the body.", check("layout"), stuffed);
    out.refuse("two-files: The same file twice in a row.", check("layout"), whole.repeat(2));
}

fn wrong_headers(out: &mut Folder) {
    type Change = fn(&mut ByHand);
    let base = file(100);
    let cases: [(&str, &str, Change); 9] = [
        ("magic: The magic number is another.", "magic", |file| file.magic = *b"SEALDUCK"),
        ("version-0: Version 0 never was.", "unknown_version", |file| file.version = 0),
        ("version-2: A version of the future.", "unknown_version", |file| file.version = 2),
        ("suite-2: A suite of the future.", "unknown_suite", |file| file.suite = 2),
        ("segment-not-a-power: 12 KiB is no power of two.", "segment_size", |file| file.segment = 12 << 10),
        ("segment-too-small: 2 KiB is below the smallest.", "segment_size", |file| file.segment = 2 << 10),
        ("segment-too-large: 32 MiB is above the largest.", "segment_size", |file| file.segment = 32 << 20),
        ("role-3: No role has number 3.", "field", |file| file.role = 3),
        ("reserved-space-used: A reserved byte is not zero.", "field", |file| file.reserved[6] = 1),
    ];
    for (case, code, change) in cases {
        let mut file = base.clone();
        change(&mut file);
        out.refuse(case, (Step::Check, code), file.sealed());
    }
}

fn wrong_footers(out: &mut Folder) {
    let base = file(SEGMENT + 100);
    let (header, segments, facts) = (base.header(), base.segments(), base.facts_section());
    let before = [&header[..], &segments.concat(), &facts].concat();
    let lengths = [segments.concat().len() as u64, facts.len() as u64];
    let layout = (Step::Check, "layout");
    out.refuse(
        "body-length-wraps: The lengths add up only modulo 2^64.",
        layout,
        base.signed(&before, [u64::MAX, lengths[0] + lengths[1] + 1]),
    );
    let shifted = base.signed(&before, [lengths[0] - 1, lengths[1] + 1]);
    out.refuse(
        "body-length-less-one: The digest holds, the first tag does not.",
        (Step::Facts, "wrong_facts_key"),
        shifted,
    );
    let all = base.signed(&before, [lengths[0] + lengths[1], 0]);
    out.refuse("no-facts: The facts section has no byte.", layout, all);
    let short = base.join(&header, &segments, &facts[..23]);
    out.refuse("facts-without-tag: The facts section is shorter than key id and tag.", layout, short);
    let none = base.join(&header, &[], &facts);
    out.refuse("no-segments: The body has no byte.", layout, none);
    let stub = base.join(&header, &[vec![0; 15]], &facts);
    out.refuse("body-shorter-than-a-tag: No segment has 15 bytes.", layout, stub);
    let empty_last = [base.seal(0, 0, &base.clear[..SEGMENT]), base.seal(1, 1, b"")];
    out.refuse(
        "empty-last-segment: An empty segment follows a full one.",
        layout,
        base.join(&header, &empty_last, &facts),
    );
    let stranger = ByHand { node: [0x12; 32], ..base.clone() };
    out.refuse(
        "signed-by-a-stranger: Nobody certified this node key.",
        (Step::Check, "signature"),
        stranger.sealed(),
    );
    out.refuse("footer-of-another-file: A true footer for other bytes.", (Step::Check, "digest"), {
        let other = file(SEGMENT + 100);
        let other = ByHand { salt: [0x5b; 32], ..other }.sealed();
        [&before[..], &other[other.len() - 128..]].concat()
    });
    out.refuse(
        "signature-of-another-file: The digest is true, the signature is not.",
        (Step::Check, "signature"),
        {
            let (mut one, other) = (base.sealed(), ByHand { salt: [0x5b; 32], ..base }.sealed());
            let signature = one.len() - 72..one.len() - 8;
            one[signature.clone()].copy_from_slice(&other[signature]);
            one
        },
    );
}

/// One bit turned in each part of a true file.
fn changed_bytes(out: &mut Folder) {
    let whole = file(SEGMENT + 100).sealed();
    let footer = whole.len() - 128;
    let places = [
        ("header-salt", 60, "digest"),
        ("header-commitment", 100, "digest"),
        ("first-segment", 200, "digest"),
        ("last-tag", 120 + SEGMENT + 16 + 100 + 15, "digest"),
        ("facts", footer - 1, "digest"),
        ("body-length", footer + 7, "layout"),
        ("facts-length", footer + 15, "layout"),
        ("digest", footer + 16, "digest"),
        ("signer", footer + 48, "signature"),
        ("signature", footer + 56, "signature"),
        ("end-magic", whole.len() - 1, "magic"),
    ];
    for (place, at, code) in places {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        out.refuse(
            &format!("flipped-{place}: The lowest bit of byte {at} was turned."),
            (Step::Check, code),
            bytes,
        );
    }
}
