//! The view made live is the view made from the ledger.

use std::path::Path;

use proptest::prelude::*;
use sealdock::catalog::{Catalog, Filter, ShownItem, Sight};
use sealdock::ledger::Content;
use sealdock::model::{
    Act, ClaimAlgorithm, CopiesMade, DamageFound, DamageRepaired, DigestClaim, ItemId, ItemRead, Kind,
    MediaFacts, MediaProbed, NameHints, Outcome, PlaceBack, PlaceLost, PlaceName, ProbeOutcome, Protection,
    RawName, Reason, SourceReleased,
};

use super::house::{
    House, content, deposit_id, facts, found, item, item_id, known, listed, poster, probed, text,
};

const WORDS: [&str; 5] = ["张三", "clip", "执法", "笔录", "0915"];

const PATHS: [&str; 8] = [
    "20190912/0915.mp4",
    "20190912/0915.mp4.md5",
    "20190912/0915.gps",
    "20190913/0915.mp4",
    "张三/笔录.docx",
    "张三/clip.MP4",
    "张三/CLIP.md5",
    "x",
];

fn place() -> PlaceName {
    PlaceName::of(Path::new("/h/vault"), Path::new("/h"))
}

fn damage(n: u16) -> DamageFound {
    DamageFound { item: item_id(n), code: "x".to_owned(), place: Some(place()) }
}

fn kind_of(path: &str) -> Kind {
    if path.ends_with("md5") || path.ends_with("gps") { Kind::Sidecar } else { Kind::Video }
}

fn reasons() -> impl Strategy<Value = Vec<Reason>> {
    proptest::sample::subsequence(vec![Reason::Empty, Reason::HardLink, Reason::OddType], 0..=2)
}

fn protections() -> impl Strategy<Value = Vec<Protection>> {
    proptest::sample::subsequence(vec![Protection::Privacy, Protection::Informant], 0..=1)
}

/// Acts over the ids 0 to 19; some of them contradict what was done before and are refused.
fn acts() -> impl Strategy<Value = Act> {
    let id = 0_u16..20;
    prop_oneof![
        4 => (id.clone(), proptest::sample::select(&PATHS[..]), reasons(), protections())
            .prop_map(|(n, path, reasons, protections)| sealed_act(n, path, (reasons, protections))),
        2 => (100_u16..120, id.clone(), proptest::sample::select(&PATHS[..]))
            .prop_map(|(n, of, path)| known(n, of, path).act),
        2 => (id.clone(), any::<bool>()).prop_map(|(n, tagged)| if tagged { probed(n).act } else { bare(n) }),
        1 => (200_u16..210, id.clone()).prop_map(|(n, of)| poster(n, of).act),
        1 => (id.clone(), any::<bool>()).prop_map(|(n, good)| claim(n, good)),
        1 => id.clone().prop_map(|n| Act::Noticed { item: item_id(n), reason: Reason::HardLink }),
        1 => id.clone().prop_map(|n| Act::DamageFound(damage(n))),
        1 => id.clone().prop_map(|n| {
            let DamageFound { item, code, place } = damage(n);
            let place = place.expect("in a place");
            Act::DamageRepaired(DamageRepaired { item, code, from: place.clone(), place })
        }),
        1 => id.clone().prop_map(|n| {
            Act::CopiesMade(CopiesMade { place: place(), of: 2, items: vec![item_id(n), item_id(200)] })
        }),
        1 => Just(Act::PlaceLost(PlaceLost { place: place(), because: "missing".to_owned() })),
        1 => Just(Act::PlaceBack(PlaceBack { place: place() })),
        1 => id.clone().prop_map(|n| Act::ItemRead(ItemRead {
            item: item_id(n), from: 0, to: 5, purpose: "test".to_owned()
        })),
        1 => (id, proptest::sample::select(&["set_aside", "removed", "kept"][..])).prop_map(|(n, step)| {
            Act::SourceReleased(SourceReleased { deposit: deposit_id(n), step: step.to_owned(), remove_after: None })
        }),
        1 => Just(Act::CustodyOpened),
    ]
}

fn sealed_act(n: u16, path: &str, (reasons, protections): (Vec<Reason>, Vec<Protection>)) -> Act {
    let mut facts = facts(n, path.as_bytes(), kind_of(path));
    facts.reasons = reasons;
    facts.name_hints = Some(NameHints {
        pattern: "test".to_owned(),
        fields: [("officer".to_owned(), WORDS[usize::from(n) % WORDS.len()].to_owned())].into(),
    });
    let mut item = item(n, facts);
    item.protections = protections;
    Act::ItemSealed(item)
}

fn bare(n: u16) -> Act {
    let facts = MediaFacts::without_streams(ProbeOutcome::NotMedia);
    Act::MediaProbed(MediaProbed { item: item_id(n), facts })
}

fn claim(n: u16, good: bool) -> Act {
    let outcome = if good { Outcome::Verified } else { Outcome::Mismatch };
    let claim = DigestClaim {
        algorithm: ClaimAlgorithm::Md5,
        value: "0".repeat(32),
        from: RawName::new("x.md5"),
        outcome,
    };
    Act::ClaimChecked { item: item_id(n), claim }
}

/// All that people are shown.
fn answers(catalog: &Catalog) -> (Vec<String>, Vec<ShownItem>, Vec<Vec<ItemId>>) {
    let rows = listed(catalog, &Filter::default());
    let shown = rows
        .iter()
        .map(|row| catalog.show(row.item, &Sight::WHOLE).expect("asked").expect("there"))
        .collect();
    let lines = rows.iter().map(|row| serde_json::to_string(row).expect("serializes")).collect();
    (lines, shown, WORDS.iter().map(|word| found(catalog, &text(word))).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_replay_gives_the_same_view(
        groups in proptest::collection::vec(proptest::collection::vec(acts(), 1..4), 1..25)
    ) {
        let (house, catalog) = House::furnished();
        let mut size = 1;
        for group in groups {
            let contents: Vec<Content> = group.into_iter().map(content).collect();
            let count = u64::try_from(contents.len()).expect("fits");
            // What contradicts is refused as a whole and leaves no entry.
            if catalog.record(contents).is_ok() {
                size += count;
            }
            prop_assert_eq!(catalog.ledger_size(), size);
        }
        let live = answers(&catalog);
        catalog.verify_ledger(&mut |_| {}).expect("whole");
        drop(catalog);
        let before = house.dump();
        let catalog = Catalog::rebuild(&house.opening()).expect("rebuilt");
        prop_assert_eq!(answers(&catalog), live);
        drop(catalog);
        prop_assert_eq!(house.dump(), before);
    }
}
