//! Whole files: round trips at every edge, and everything that can be done to the bytes afterwards.

use std::ops::Range;

use ed25519_dalek::{Signer as _, SigningKey};
use proptest::prelude::*;
use sha2::Digest as _;

use super::*;
use crate::model::{
    ArchiveId, DepositFacts, DepositId, DockName, Domain, Fingerprints, ItemId, KeyId, Kind, Moment,
    Provenance, RawName, SealedFacts, Sha256, Source, Wide,
};

const SEGMENT: SegmentSize = SegmentSize::MIN;
const SIGNER: KeyId = KeyId(*b"testnode");

/// A sealed file and all that opens it.
struct Sealed {
    bytes: Vec<u8>,
    header: Header,
    layout: Layout,
    ending: Ending,
    facts: SealedFacts,
    key: ItemKey,
}

fn node() -> SigningKey {
    SigningKey::from_bytes(&[0x11; 32])
}

fn facts_key() -> FactsKey {
    FactsKey::from_bytes([0x22; 32])
}

fn verify(signer: KeyId, message: &[u8], signature: &[u8; 64]) -> bool {
    signer == SIGNER && node().verify(message, &(*signature).into()).is_ok()
}

/// Plaintext that differs at every place.
fn clip(size: usize) -> Vec<u8> {
    (0_u32..).flat_map(|word| word.wrapping_mul(0x9e37_79b9).to_le_bytes()).take(size).collect()
}

fn facts_of(item: ItemId, clear: &[u8]) -> SealedFacts {
    let moment = Moment::from_unix(1_700_000_000, 0);
    SealedFacts {
        archive: ArchiveId::from_bytes([0xa1; 16]),
        item,
        size: clear.len() as u64,
        fingerprints: Fingerprints { sha256: Sha256(sha2::Sha256::digest(clear).into()) },
        protections: Vec::new(),
        domains: vec![Domain::General],
        provenance: Provenance::Deposited(DepositFacts {
            deposit: DepositId::from_bytes([0xd1; 16]),
            source: Source {
                dock: DockName::local(),
                path: RawName::new("20231114/现场.mp4"),
                device: Wide(1),
                inode: Wide(u64::MAX),
                size: clear.len() as u64,
                modified: moment,
                changed: moment,
            },
            arrived: moment,
            kind: Kind::Video,
            clocks: Vec::new(),
            name_hints: None,
            claims: Vec::new(),
            reasons: Vec::new(),
        }),
    }
}

fn plan(item: ItemId, salt: [u8; 32]) -> Plan {
    let archive = ArchiveId::from_bytes([0xa1; 16]);
    Plan { archive, item, role: Role::Original, segment: SEGMENT, salt }
}

/// Seals a plaintext the way `evidence` does.
fn seal_with(clear: &[u8], salt: [u8; 32]) -> Sealed {
    let item = ItemId::from_bytes([0x17; 16]);
    let key = ItemKey::from_bytes([0x33; 32]);
    let facts = facts_of(item, clear);
    let (header, mut sealer) = begin(plan(item, salt), &key);
    let mut bytes = header.to_bytes().to_vec();
    let mut parts = clear.chunks(SEGMENT.clear()).peekable();
    loop {
        let mut segment = parts.next().unwrap_or_default().to_vec();
        let place = if parts.peek().is_some() { Place::Middle } else { Place::Last };
        sealer.seal(&mut segment, place).expect("a segment of the right length");
        bytes.extend_from_slice(&segment);
        if place == Place::Last {
            break;
        }
    }
    let ending = tail(Tail {
        body: sealer.finish().expect("the last segment was sealed"),
        so_far: sha2::Sha256::new_with_prefix(&bytes),
        facts: &facts,
        facts_key: &facts_key(),
        signer: SIGNER,
        sign: &|message| node().sign(message).to_bytes(),
    })
    .expect("facts that agree");
    bytes.extend_from_slice(&ending.bytes);
    let footer = Footer::parse(&bytes).expect("just made");
    let layout = Layout::new(&header, &footer, bytes.len() as u64).expect("just made");
    Sealed { bytes, header, layout, ending, facts, key }
}

fn seal(clear: &[u8]) -> Sealed {
    seal_with(clear, [0x44; 32])
}

fn checked(bytes: &[u8]) -> Result<Checked, Error> {
    check(&mut &bytes[..], bytes.len() as u64, &verify)
}

fn cut_out(bytes: &[u8], range: Range<u64>) -> Vec<u8> {
    let at = |offset| usize::try_from(offset).expect("a small file");
    bytes[at(range.start)..at(range.end)].to_vec()
}

impl Sealed {
    fn opener(&self) -> SegmentOpener {
        unlock(&self.header, &self.key).expect("its key")
    }

    fn segment(&self, index: u32) -> Vec<u8> {
        cut_out(&self.bytes, self.layout.sealed_range(index))
    }

    /// Plaintext bytes, read through the layout as a viewer does.
    fn read(&self, wanted: Range<u64>) -> Vec<u8> {
        let (opener, mut out) = (self.opener(), Vec::new());
        let mut at = wanted.start;
        while let Some(index) = self.layout.segment_at(at).filter(|_| at < wanted.end) {
            let mut segment = self.segment(index);
            opener.open(index, self.layout.place(index), &mut segment).expect("untouched");
            let plain = self.layout.plain_range(index);
            let end = wanted.end.min(plain.end);
            out.extend(cut_out(&segment, at - plain.start..end - plain.start));
            at = end;
        }
        out
    }
}

/// Sizes at and around the edges of segments.
fn edge() -> impl Strategy<Value = usize> {
    (0..4_usize, -2..=2_isize)
        .prop_map(|(segments, off)| (segments * SEGMENT.clear()).saturating_add_signed(off))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_size_comes_back(size in edge()) {
        let clear = clip(size);
        let sealed = seal(&clear);
        let checked = checked(&sealed.bytes).expect("untouched");
        prop_assert_eq!(sealed.read(0..size as u64), clear);
        prop_assert_eq!(checked.facts(&facts_key()).expect("its key"), sealed.facts);
        prop_assert_eq!(checked.layout().size(), size as u64);
        prop_assert_eq!(checked.bytes_read(), sealed.bytes.len() as u64);
        prop_assert_eq!(sealed.ending.length, sealed.bytes.len() as u64);
        let whole = Sha256(sha2::Sha256::digest(&sealed.bytes).into());
        prop_assert_eq!(checked.sealed_sha256(), whole);
        prop_assert_eq!(sealed.ending.sealed_sha256, whole);
    }

    #[test]
    fn any_range_comes_back(size in edge(), ends in any::<[prop::sample::Index; 2]>()) {
        let clear = clip(size);
        let mut ends = ends.map(|end| end.index(size + 1));
        ends.sort_unstable();
        let read = seal(&clear).read(ends[0] as u64..ends[1] as u64);
        prop_assert_eq!(read, &clear[ends[0]..ends[1]]);
    }

    #[test]
    fn any_flipped_bit_is_found(size in edge(), at in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let mut bytes = seal(&clip(size)).bytes;
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert!(checked(&bytes).expect_err("a changed byte").is_integrity());
    }

    #[test]
    fn any_cut_is_found(size in edge(), at in any::<prop::sample::Index>()) {
        let bytes = seal(&clip(size)).bytes;
        let cut = &bytes[..at.index(bytes.len())];
        prop_assert!(checked(cut).expect_err("a cut file").is_integrity());
        let error = check(&mut &cut[..], bytes.len() as u64, &verify).expect_err("a cut file");
        assert!(matches!(error, Error::Ends { at } if at == cut.len() as u64));
    }

    #[test]
    fn any_addition_is_found(size in edge(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = seal(&clip(size)).bytes;
        let length = bytes.len() as u64;
        bytes.insert(at.index(bytes.len() + 1), byte);
        prop_assert!(checked(&bytes).expect_err("a longer file").is_integrity());
        let error = check(&mut &bytes[..], length, &verify).expect_err("a longer file");
        prop_assert!(error.is_integrity());
    }

    /// Whoever forges digest and signature still meets the tag of each segment.
    #[test]
    fn any_flipped_bit_in_a_segment_is_found_by_its_tag(size in edge(), at in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let sealed = seal(&clip(size));
        let index = sealed.layout.last();
        let mut segment = sealed.segment(index);
        let at = at.index(segment.len());
        segment[at] ^= 1 << bit;
        let before = segment.clone();
        let error = sealed.opener().open(index, Place::Last, &mut segment).expect_err("a changed byte");
        assert!(matches!(error, Error::Segment { index: found, at }
            if found == index && at == sealed.layout.sealed_range(index).start));
        prop_assert_eq!(segment, before);
    }

    #[test]
    fn any_flipped_bit_in_the_header_changes_every_key(at in 0..Header::LENGTH, bit in 0..8_u8) {
        let sealed = seal(&clip(10));
        let mut bytes = sealed.header.to_bytes();
        bytes[at] ^= 1 << bit;
        if let Ok(header) = Header::parse(&bytes) {
            assert!(matches!(unlock(&header, &sealed.key), Err(Error::WrongKey)));
            let section = cut_out(&sealed.bytes, sealed.layout.facts());
            assert!(matches!(read_facts(&header, &section, &facts_key()), Err(Error::Facts)));
        }
    }

    #[test]
    fn any_flipped_bit_in_the_facts_is_found(at in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let sealed = seal(&clip(10));
        let mut section = cut_out(&sealed.bytes, sealed.layout.facts());
        let at = at.index(section.len());
        section[at] ^= 1 << bit;
        let error = read_facts(&sealed.header, &section, &facts_key()).expect_err("a changed byte");
        assert!(matches!((error, at), (Error::WrongFactsKey { .. }, 0..8) | (Error::Facts, 8..)));
    }

    #[test]
    fn any_pieces_are_checked_like_the_whole(size in edge(), pieces in prop::collection::vec(1..5000_usize, 1..8)) {
        let bytes = seal(&clip(size)).bytes;
        let mut checker = Checker::new(bytes.len() as u64);
        let (mut rest, mut pieces) = (&bytes[..], pieces.into_iter().cycle());
        while let Some(piece) = pieces.next().filter(|_| !rest.is_empty()) {
            let (now, later) = rest.split_at(piece.min(rest.len()));
            checker.feed(now).expect("untouched");
            rest = later;
        }
        let pieced = checker.finish(&verify).expect("untouched");
        prop_assert_eq!(pieced.sealed_sha256(), checked(&bytes).expect("untouched").sealed_sha256());
    }

    #[test]
    fn no_bytes_break_a_reader(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(checked(&bytes).is_err());
        let with_magic = [&seal(b"").bytes[..Header::LENGTH], &bytes[..]].concat();
        prop_assert!(checked(&with_magic).is_err());
        let _ = Footer::parse(&bytes);
        prop_assert!(read_facts(&seal(b"").header, &bytes, &facts_key()).is_err());
    }
}

#[test]
fn segments_open_only_in_their_place() {
    let sealed = seal(&clip(3 * SEGMENT.clear() - 1));
    let opener = sealed.opener();
    for from in 0..3 {
        for (to, place) in [0, 1, 2].into_iter().flat_map(|to| [(to, Place::Middle), (to, Place::Last)]) {
            let mut segment = sealed.segment(from);
            let opened = opener.open(to, place, &mut segment).is_ok();
            assert_eq!(
                opened,
                from == to && place == sealed.layout.place(from),
                "{from} at {to}, {place:?}"
            );
        }
    }
}

#[test]
fn parts_of_another_file_do_not_open() {
    let (one, other) = (seal(&clip(100)), seal_with(&clip(100), [0x45; 32]));
    let mut segment = other.segment(0);
    assert!(one.opener().open(0, Place::Last, &mut segment).is_err());
    let section = cut_out(&other.bytes, other.layout.facts());
    assert!(matches!(read_facts(&one.header, &section, &facts_key()), Err(Error::Facts)));
    assert!(matches!(unlock(&one.header, &ItemKey::from_bytes([0x34; 32])), Err(Error::WrongKey)));
    let mut grafted = one.bytes[..Header::LENGTH].to_vec();
    grafted.extend_from_slice(&other.bytes[Header::LENGTH..]);
    assert!(matches!(checked(&grafted), Err(Error::Digest)));
}

/// Larger than what a check keeps in memory.
#[test]
fn large_files_are_checked_without_being_held() {
    let clear = clip(2 * MAX_FACTS + 5);
    let sealed = seal(&clear);
    let good = checked(&sealed.bytes).expect("untouched");
    assert_eq!(good.sealed_sha256(), sealed.ending.sealed_sha256);
    assert_eq!(good.facts(&facts_key()).expect("its key"), sealed.facts);
    let end = sealed.bytes.len() - MAX_FACTS - Footer::LENGTH;
    for at in [Header::LENGTH, end - 1, end, sealed.layout.facts().start as usize] {
        let mut bytes = sealed.bytes.clone();
        bytes[at] ^= 1;
        assert!(matches!(checked(&bytes), Err(Error::Digest)), "{at}");
    }
}

#[test]
fn a_longer_file_than_said_is_found_after_its_header() {
    let mut bytes = seal(b"clip").bytes;
    for length in [0, 119, 120, bytes.len() as u64 - 1] {
        let longer = check(&mut &bytes[..], length, &verify);
        assert!(matches!(longer, Err(Error::Surplus { at }) if at == length), "{length}: {longer:?}");
    }
    bytes[0] ^= 1;
    assert!(matches!(check(&mut &bytes[..], 119, &verify), Err(Error::Magic(_))));
}

#[test]
fn only_certified_signers_count() {
    let bytes = seal(b"clip").bytes;
    let refused = check(&mut &bytes[..], bytes.len() as u64, &|_, _, _| false);
    assert!(matches!(refused, Err(Error::Signature { signer: SIGNER })));
}

#[test]
fn the_sealer_keeps_its_order() {
    let (_, mut sealer) = begin(plan(ItemId::from_bytes([1; 16]), [0; 32]), &ItemKey::from_bytes([1; 32]));
    let full = SEGMENT.clear();
    let mut wrong = |length: usize, place| {
        let mut segment = vec![7; length];
        let error = sealer.seal(&mut segment, place).expect_err("not allowed");
        assert_eq!(segment, vec![7; length], "left alone");
        error
    };
    assert!(matches!(wrong(full - 1, Place::Middle), Error::SegmentLength { index: 0, .. }));
    assert!(matches!(wrong(full + 1, Place::Middle), Error::SegmentLength { .. }));
    assert!(matches!(wrong(full + 1, Place::Last), Error::SegmentLength { .. }));
    sealer.seal(&mut vec![7; full], Place::Middle).expect("full");
    let empty = sealer.seal(&mut Vec::new(), Place::Last);
    assert!(matches!(empty, Err(Error::SegmentLength { index: 1, length: 0 })));
    sealer.seal(&mut vec![7], Place::Last).expect("one byte");
    let after = sealer.seal(&mut vec![7], Place::Last);
    assert!(matches!(after, Err(Error::NoMoreSegments(1))));
    assert_eq!(sealer.finish().expect("ended").size(), full as u64 + 1);
}

#[test]
fn a_body_is_closed_only_after_its_last_segment() {
    let (_, mut sealer) = begin(plan(ItemId::from_bytes([1; 16]), [0; 32]), &ItemKey::from_bytes([1; 32]));
    sealer.seal(&mut vec![7; SEGMENT.clear()], Place::Middle).expect("full");
    assert!(matches!(sealer.finish(), Err(Error::Unfinished)));
}

#[test]
fn openers_are_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<SegmentOpener>();
    shared::<SegmentSealer>();
}

#[test]
fn a_roomy_buffer_is_not_moved() {
    let (_, mut sealer) = begin(plan(ItemId::from_bytes([1; 16]), [0; 32]), &ItemKey::from_bytes([1; 32]));
    let mut segment = Vec::with_capacity(SEGMENT.sealed());
    segment.resize(SEGMENT.clear(), 7);
    let before = segment.as_ptr();
    sealer.seal(&mut segment, Place::Middle).expect("full");
    assert_eq!(segment.as_ptr(), before);
    assert_eq!(segment.len(), SEGMENT.sealed());
}

/// Closes an empty file with these facts.
fn close_with(facts: &SealedFacts) -> Result<Ending, Error> {
    let item = ItemId::from_bytes([0x17; 16]);
    let (header, mut sealer) = begin(plan(item, [0; 32]), &ItemKey::from_bytes([1; 32]));
    let mut segment = Vec::new();
    sealer.seal(&mut segment, Place::Last)?;
    tail(Tail {
        body: sealer.finish()?,
        so_far: sha2::Sha256::new_with_prefix([&header.to_bytes()[..], &segment].concat()),
        facts,
        facts_key: &facts_key(),
        signer: SIGNER,
        sign: &|message| node().sign(message).to_bytes(),
    })
}

#[test]
fn facts_must_speak_of_their_file() {
    let item = ItemId::from_bytes([0x17; 16]);
    let true_facts = facts_of(item, b"");
    close_with(&true_facts).expect("true facts");
    let refused = |facts: SealedFacts| match close_with(&facts) {
        Err(Error::FactsDisagree(what)) => what,
        other => panic!("not refused: {other:?}"),
    };
    assert_eq!(refused(SealedFacts { size: 1, ..true_facts.clone() }), "size");
    assert_eq!(refused(SealedFacts { item: ItemId::from_bytes([0x18; 16]), ..true_facts.clone() }), "item");
    let archive = ArchiveId::from_bytes([0xa2; 16]);
    assert_eq!(refused(SealedFacts { archive, ..true_facts }), "archive");
}

#[test]
fn facts_have_a_limit() {
    let mut facts = facts_of(ItemId::from_bytes([0x17; 16]), b"");
    let Provenance::Deposited(deposit) = &mut facts.provenance else { unreachable!("deposited above") };
    deposit.source.path = RawName::new(vec![b'x'; MAX_FACTS]);
    assert!(matches!(close_with(&facts), Err(Error::FactsTooLarge(length)) if length > MAX_FACTS as u64));
}

/// A reader that fails.
struct Broken;

impl std::io::Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        Err(std::io::ErrorKind::InvalidData.into())
    }
}

#[test]
fn a_failing_disk_is_no_integrity_fault() {
    let bytes = seal(b"clip").bytes;
    let mut reader = std::io::Read::chain(&bytes[..50], Broken);
    let error = check(&mut reader, bytes.len() as u64, &verify).expect_err("it fails");
    assert!(matches!(&error, Error::Read { at: 50, .. }));
    assert!(!error.is_integrity());
}
