//! The text of a facts section, encrypted with the right key: only canonical text about this very file
//! is taken, and sealing what was read gives the same section again. The input is the text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealdock::model::{ArchiveId, ItemId, KeyId, Provenance, SealedFacts};
use sealdock::seal::{
    Aes256GcmSha256, FactsKey, Footer, Header, ItemKey, Place, Plan, Role, SegmentSize, Suite, Tail, begin,
    read_facts, tail,
};
use sealdock_fuzz::is_canonical;

/// Plaintext is made to be sealed with the facts; no more than this.
const MOST_CONTENT: u64 = 4096;

fuzz_target!(|text: &[u8]| {
    let key = FactsKey::from_bytes([1; 32]);
    let (header, _) = begin(plan(text), &ItemKey::from_bytes([2; 32]));
    let section = section(&header, text, &key);
    let Ok(facts) = read_facts(&header, &section, &key) else { return };
    assert!(is_canonical(text), "one content has one form");
    assert_eq!((facts.archive, facts.item), (header.archive(), header.item()));
    if facts.size <= MOST_CONTENT {
        assert_eq!(sealed_again(plan(text), &facts, &key), section);
    }
});

/// A plan for a file that the text speaks of, where it does.
fn plan(text: &[u8]) -> Plan {
    let said: Option<SealedFacts> = serde_json::from_slice(text).ok();
    let role = match said.as_ref().map(|facts| &facts.provenance) {
        Some(Provenance::Derived(_)) => Role::Derivative,
        _ => Role::Original,
    };
    Plan {
        archive: said.as_ref().map_or(ArchiveId::from_bytes([3; 16]), |facts| facts.archive),
        item: said.as_ref().map_or(ItemId::from_bytes([4; 16]), |facts| facts.item),
        role,
        segment: SegmentSize::MIN,
        salt: [5; 32],
    }
}

/// By the letter of `src/seal/FORMAT.md`.
fn section(header: &Header, text: &[u8], key: &FactsKey) -> Vec<u8> {
    let info: [&[u8]; 2] = [b"sealdock seal v1 facts section\0", &header.to_bytes()];
    let cipher = Aes256GcmSha256::keyed(&Aes256GcmSha256::derive(key.expose(), header.salt(), &info));
    let mut sealed = text.to_vec();
    let tag = cipher.seal(&[0; 12], &mut sealed);
    [&key.id().0, sealed.as_slice(), &tag].concat()
}

fn sealed_again(plan: Plan, facts: &SealedFacts, facts_key: &FactsKey) -> Vec<u8> {
    let (_, mut sealer) = begin(plan, &ItemKey::from_bytes([2; 32]));
    let mut content = vec![0; usize::try_from(facts.size).expect("bounded")];
    sealer.seal(&mut content, Place::Last).expect("one segment");
    let body = sealer.finish().expect("it was the last");
    let so_far = sha2::Sha256::default();
    let ending = tail(Tail { body, so_far, facts, facts_key, signer: KeyId([6; 8]), sign: &|_| [7; 64] });
    let mut bytes = ending.expect("facts that were read can be sealed").bytes;
    bytes.truncate(bytes.len() - Footer::LENGTH);
    bytes
}
