//! What questions are answered with.

use std::path::Path;

use sealdock::catalog::{Arrival, Catalog, Filter, Origin, Release, Sight};
use sealdock::ledger::{self, Judge, Receipt, SignedHead};
use sealdock::model::{
    Act, Clearance, ClockSource, DamageFound, DamageRepaired, Generation, KeyId, Kind, LedgerIndex,
    PlaceName, Principal, Protection, RawName, Reason, Role, Sha256, Source, SourceReleased, State, Wide,
};
use serde_json::json;

use super::house::{
    House, archive, content, deposit_id, facts, found, item, item_id, known, listed, noon, poster, print,
    probed, sealed, source, text,
};

fn named(n: u16, path: &[u8]) -> Act {
    Act::ItemSealed(item(n, facts(n, path, Kind::Video)))
}

#[test]
fn names_of_two_characters_are_found() {
    let (_house, catalog) = House::furnished();
    let paths = ["询问室/20190912_张三.mp4", "王小明 笔录.mp4", "clip.mp4"];
    for (n, path) in (1..).zip(paths) {
        catalog.record(vec![content(named(n, path.as_bytes()))]).expect("recorded");
    }
    catalog.record(vec![probed(3)]).expect("recorded");
    for (words, items) in [
        ("张三", vec![1]),
        ("小明", vec![2]),
        ("ＭＰ４", vec![1, 2, 3]),
        ("执法", vec![3]),
        ("询问 mp4", vec![1]),
        ("dock-1", vec![1, 2, 3]),
        ("李四", vec![]),
    ] {
        let items: Vec<_> = items.into_iter().map(item_id).collect();
        assert_eq!(found(&catalog, &text(words)), items, "{words}");
    }
    let name = |words: &str| Filter { name: Some(words.to_owned()), ..Filter::default() };
    assert_eq!(found(&catalog, &name("张三")), [item_id(1)]);
    assert!(found(&catalog, &name("询问")).is_empty(), "a folder is no name");
}

/// Beginnings are looked up in three ways: the index keeps the short ones, long ones of few words are spelled out,
/// and those of many words are left to SQLite.
#[test]
fn words_are_found_by_beginnings_of_every_length() {
    let (_house, catalog) = House::furnished();
    let deeds =
        (1..=40).map(|n| sealed(n, &format!("station{n:02}_{}.mp4", "a".repeat(n.into())), Kind::Video));
    catalog.record(deeds.collect()).expect("recorded");
    catalog.record(vec![sealed(41, "stadium.mp4", Kind::Video)]).expect("recorded");
    for (words, count) in [
        ("s", 41),
        ("stat", 40),
        ("statio", 40),
        ("station", 40),
        ("station0", 9),
        ("station07", 1),
        ("station071", 0),
        ("stadi", 1),
        ("aaaaa", 36),
        ("station3 aaaaa", 10),
    ] {
        assert_eq!(found(&catalog, &text(words)).len(), count, "{words}");
    }
    let since = Some(noon().plus(std::time::Duration::from_secs(39)));
    assert_eq!(found(&catalog, &Filter { since, ..text("station") }), [item_id(39), item_id(40)]);
    let until = Some(noon().plus(std::time::Duration::from_secs(3)));
    assert_eq!(found(&catalog, &Filter { until, ..text("stat") }), [item_id(1), item_id(2)]);
}

#[test]
fn words_of_informants_and_minors_are_not_indexed() {
    let (_house, catalog) = House::furnished();
    for (n, protection) in (1..).zip([Protection::Informant, Protection::Minor, Protection::Privacy]) {
        let mut sealed = item(n, facts(n, "张三.mp4".as_bytes(), Kind::Video));
        sealed.protections = vec![protection];
        catalog.record(vec![content(Act::ItemSealed(sealed)), probed(n)]).expect("recorded");
        catalog.record(vec![known(n + 10, n, "b/张三.mp4")]).expect("recorded");
    }
    assert_eq!(found(&catalog, &text("张三")), [item_id(3)]);
    assert_eq!(found(&catalog, &text("执法")), [item_id(3)]);
    assert_eq!(found(&catalog, &Filter::default()).len(), 3, "listed all the same");
}

#[test]
fn filters_hold_together() {
    let (_house, catalog) = House::furnished();
    for n in 1..=6 {
        let mut facts = facts(n, b"a.mp4", if n % 2 == 0 { Kind::Video } else { Kind::Log });
        facts.reasons = if n == 4 { vec![Reason::Empty] } else { vec![] };
        catalog.record(vec![content(Act::ItemSealed(item(n, facts)))]).expect("recorded");
    }
    let of = |filter: Filter| found(&catalog, &filter);
    let ids = |range: &[u16]| range.iter().copied().map(item_id).collect::<Vec<_>>();
    let at = |n: u64| Some(noon().plus(std::time::Duration::from_secs(n)));
    assert_eq!(of(Filter { kind: Some(Kind::Video), ..Filter::default() }), ids(&[2, 4, 6]));
    assert_eq!(of(Filter { state: Some(State::Quarantined), ..Filter::default() }), ids(&[4]));
    assert_eq!(of(Filter { since: at(3), until: at(5), ..Filter::default() }), ids(&[3, 4]));
    assert_eq!(of(Filter { sha256: Some(print(5)), ..Filter::default() }), ids(&[5]));
    let prefix = item_id(6).to_string().parse().ok();
    assert_eq!(of(Filter { item: prefix, ..Filter::default() }), ids(&[6]));
    let dock = "dock-2".parse().ok();
    assert!(of(Filter { dock, ..Filter::default() }).is_empty());
    let kind = Some(Kind::Video);
    assert_eq!(of(Filter { kind, since: at(4), ..text("mp4") }), ids(&[4, 6]));
}

#[test]
fn a_long_listing_comes_page_by_page_in_the_order_of_arrival() {
    let (_house, catalog) = House::furnished();
    // The last arrives first, and a hundred arrive in the same microsecond.
    let mut deeds = Vec::new();
    for n in 0..1100_u16 {
        let mut facts = facts(n, b"a.mp4", Kind::Video);
        facts.arrived = noon().plus(std::time::Duration::from_micros(u64::from((1100 - n) / 100)));
        deeds.push(content(Act::ItemSealed(item(n, facts))));
    }
    let rest = deeds.split_off(1000);
    catalog.record(deeds).expect("recorded");
    catalog.record(rest).expect("recorded");
    for filter in [Filter::default(), text("mp4")] {
        let rows = listed(&catalog, &filter);
        assert_eq!(rows.len(), 1100);
        assert!(rows.windows(2).all(|pair| pair[0].arrived_at <= pair[1].arrived_at));
        let distinct: std::collections::BTreeSet<_> = rows.iter().map(|row| row.item).collect();
        assert_eq!(distinct.len(), 1100);
    }
    let mut seen = 0;
    catalog
        .find((&Filter::default(), &Sight::WHOLE), &mut |_| {
            seen += 1;
            std::ops::ControlFlow::Break(())
        })
        .expect("found");
    assert_eq!(seen, 1);
}

#[test]
fn a_line_of_find_has_the_name_as_text_and_raw_where_it_must() {
    let (_house, catalog) = House::furnished();
    catalog.record(vec![content(named(1, b"d/\xc4\xe3.mp4"))]).expect("recorded");
    let line = serde_json::to_value(&listed(&catalog, &Filter::default())[0]).expect("serializes");
    assert_eq!(
        line,
        json!({
            "item": item_id(1).to_string(), "kind": "video", "name": "\u{fffd}\u{fffd}.mp4",
            "name_raw": "xOMubXA0", "size": 1001, "sha256": print(1).to_string(),
            "arrived_at": "2023-11-14T22:13:21Z", "state": "sealed", "reasons": []
        })
    );
}

#[test]
fn a_file_seen_again_unchanged_is_the_same_deposit() {
    let (_house, catalog) = House::furnished();
    catalog.record(vec![sealed(1, "a.mp4", Kind::Video)]).expect("recorded");
    catalog.record(vec![known(2, 1, "b.mp4")]).expect("recorded");
    let mut seen = source(1, b"a.mp4");
    seen.device = Wide(99);
    let row = catalog.deposit_of_source(&seen).expect("asked").expect("the same");
    assert_eq!((row.deposit(), row.item, row.arrival), (deposit_id(1), item_id(1), Arrival::Sealed));
    assert_eq!((row.index, row.state(), row.release), (LedgerIndex(1), State::Sealed, Release::InPlace));
    let row = catalog.deposit_of_source(&source(2, b"b.mp4")).expect("asked").expect("the same");
    assert_eq!((row.item, row.state()), (item_id(1), State::Known));
    let state = |source: &Source| catalog.state_of_source(source).expect("asked").map(|found| found.state);
    assert_eq!(state(&seen), Some(State::Sealed));
    assert_eq!(state(&source(2, b"b.mp4")), Some(State::Known));
    for change in 0..5 {
        let mut other = source(1, b"a.mp4");
        match change {
            0 => other.dock = "dock-2".parse().expect("a name"),
            1 => other.path = RawName::new("A.mp4"),
            2 => other.inode = Wide(1),
            3 => other.size += 1,
            _ => other.changed = other.modified,
        }
        assert!(catalog.deposit_of_source(&other).expect("asked").is_none(), "{change}");
        assert_eq!(state(&other), None, "{change}");
    }
}

#[test]
fn bytes_are_known_to_the_dock_that_brought_them() {
    let (_house, catalog) = House::furnished();
    catalog.record(vec![sealed(1, "a.mp4", Kind::Video)]).expect("recorded");
    let dock = "dock-1".parse().expect("a name");
    let row = catalog.item_with(&dock, &print(1)).expect("asked").expect("known");
    assert_eq!(row.item, item_id(1));
    assert!(catalog.item_with(&dock, &Sha256([0; 32])).expect("asked").is_none());
    assert!(catalog.item_with(&"dock-2".parse().expect("a name"), &print(1)).expect("asked").is_none());
}

#[test]
fn going_over_everything_meets_originals_and_derivatives_once() {
    let (_house, catalog) = House::furnished();
    for n in 1..=5 {
        catalog.record(vec![sealed(n, "a.mp4", Kind::Video), poster(n + 100, n)]).expect("recorded");
    }
    let mut met = Vec::new();
    while let page = catalog.items_after(met.last().copied(), 3).expect("asked")
        && !page.is_empty()
    {
        met.extend(page.iter().map(|row| row.item));
    }
    assert_eq!(met.len(), 10);
    assert!(met.is_sorted());
    let row = catalog.item(item_id(101)).expect("asked").expect("there");
    assert!(matches!(row.origin, Origin::Derivative { parent, .. } if parent == item_id(1)));
    assert_eq!(catalog.derivatives_of(item_id(2)).expect("asked")[0].item, item_id(102));
    assert!(catalog.item(item_id(77)).expect("asked").is_none());
}

fn tied(catalog: &Catalog, n: u16) -> (Vec<String>, Vec<String>) {
    let shown = catalog.show(item_id(n), &Sight::WHOLE).expect("asked").expect("there");
    let names = |ties: Vec<sealdock::catalog::ShownTie>| ties.into_iter().map(|tie| tie.name).collect();
    (names(shown.sidecars), names(shown.sidecar_of))
}

#[test]
fn sidecars_are_tied_to_their_clips_in_whichever_order_they_come() {
    let clip = |n| sealed(n, "d/0915.MP4", Kind::Video);
    let sidecars = |catalog: &Catalog| {
        let paths = [
            "d/0915.MP4.md5",
            "d/0915.gps",
            "e/0915.gps",
            "d/0916.gps",
            "d/0915.mp4.md5",
            "d/0915.gps.md5",
        ];
        for (n, path) in (2..).zip(paths) {
            catalog.record(vec![sealed(n, path, Kind::Sidecar)]).expect("recorded");
        }
    };
    let (_house, catalog) = House::furnished();
    catalog.record(vec![clip(1)]).expect("recorded");
    sidecars(&catalog);
    let (_other, late) = House::furnished();
    sidecars(&late);
    late.record(vec![clip(1)]).expect("recorded");
    for catalog in [catalog, late] {
        let clip = || vec!["0915.MP4".to_owned()];
        let track = || vec!["0915.gps".to_owned()];
        let nothing = || (vec![], vec![]);
        assert_eq!(tied(&catalog, 1), (vec!["0915.MP4.md5".to_owned(), "0915.gps".to_owned()], vec![]));
        assert_eq!(tied(&catalog, 2), (vec![], clip()));
        assert_eq!(tied(&catalog, 3), (vec!["0915.gps.md5".to_owned()], clip()));
        assert_eq!(tied(&catalog, 4), nothing(), "another folder");
        assert_eq!(tied(&catalog, 5), nothing(), "another name");
        assert_eq!(tied(&catalog, 6), nothing(), "another case");
        assert_eq!(tied(&catalog, 7), (vec![], track()));
    }
}

#[test]
fn show_tells_everything_and_nothing_of_damage() {
    let (_house, catalog) = House::furnished();
    catalog.record(vec![sealed(1, "a/b.mp4", Kind::Video)]).expect("recorded");
    let before = catalog.show(item_id(1), &Sight::WHOLE).expect("asked").expect("there");
    let facts = serde_json::to_value(&before.facts).expect("serializes");
    assert_eq!(facts["probe"], json!({ "result": "pending" }));
    for member in ["container", "duration_s", "streams", "truncated"] {
        assert!(facts[member].is_null(), "{member}: no answer yet is not an empty one");
    }
    catalog.record(vec![probed(1), poster(9, 1), known(2, 1, "c.mp4")]).expect("recorded");
    let place = PlaceName::of(Path::new("/h/vault"), Path::new("/h"));
    let damage =
        DamageFound { item: item_id(1), code: "sealed_digest".to_owned(), place: Some(place.clone()) };
    catalog.damage_found(damage.clone(), Generation(1)).expect("recorded");
    assert!(catalog.is_damage_known(&damage).expect("asked"));
    let size = catalog.ledger_size();
    catalog.damage_found(damage.clone(), Generation(1)).expect("known");
    assert_eq!((catalog.ledger_size(), catalog.counts().expect("asked").damaged), (size, 1), "once");
    let repaired =
        DamageRepaired { item: item_id(1), code: damage.code.clone(), place: place.clone(), from: place };
    catalog.record(vec![content(Act::DamageRepaired(repaired))]).expect("recorded");
    assert_eq!(catalog.counts().expect("asked").damaged, 0);
    catalog.damage_found(damage, Generation(1)).expect("recorded");
    assert_eq!(catalog.counts().expect("asked").damaged, 1, "the same again, later, is news");
    let shown = catalog.show(item_id(1), &Sight::WHOLE).expect("asked").expect("there");
    let json = serde_json::to_value(&shown).expect("serializes");
    assert_eq!(json["facts"]["duration_s"], 12.5);
    assert_eq!(json["facts"]["probe"]["result"], "probed");
    assert_eq!(json["deposits"][0]["path"], "a/b.mp4");
    assert_eq!(json["deposits"][1]["state"], "known");
    assert_eq!(json["keys"][0]["generation"], 1);
    assert_eq!(json["derivatives"][0]["role"], "poster");
    let clocks: Vec<_> = shown.clocks.iter().map(|clock| clock.claim.from).collect();
    assert_eq!(clocks, [ClockSource::Name, ClockSource::Name, ClockSource::Container]);
    let kinds: Vec<_> = shown.entries.iter().map(|entry| entry.kind.as_str()).collect();
    assert_eq!(kinds, ["item_sealed", "media_probed", "derivative_sealed", "known_deposit"]);
    assert!(catalog.show(item_id(9), &Sight::WHOLE).expect("asked").is_none(), "its original shows it");
}

#[test]
fn a_release_is_followed_step_by_step() {
    let (_house, catalog) = House::furnished();
    catalog.record(vec![sealed(1, "a.mp4", Kind::Video)]).expect("recorded");
    let release = |step: &str, remove_after| {
        let released = SourceReleased { deposit: deposit_id(1), step: step.to_owned(), remove_after };
        catalog.record(vec![content(Act::SourceReleased(released))]).expect("recorded");
    };
    release("set_aside", Some(noon()));
    let rows = catalog.set_aside_after(None, 10).expect("asked");
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].release, Release::SetAside { remove_after: Some(noon()) });
    release("removed", None);
    assert!(catalog.set_aside_after(None, 10).expect("asked").is_empty());
    assert_eq!(catalog.deposits_after(None, 10).expect("asked")[0].release, Release::Removed);
}

#[test]
fn receipts_are_proved_and_are_the_same_after_a_rebuild() {
    let (house, catalog) = House::furnished();
    for n in 1..=9 {
        catalog.record(vec![sealed(n, "a.mp4", Kind::Video)]).expect("recorded");
        catalog.record(vec![probed(n)]).expect("recorded");
    }
    catalog.record(vec![known(20, 3, "b.mp4")]).expect("recorded");
    catalog.record(vec![content(Act::CustodyOpened)]).expect("recorded");
    let all = |catalog: &Catalog| -> Vec<Receipt> {
        let receipt = |n| catalog.receipt(deposit_id(n), KeyId([2; 8])).expect("asked").expect("there");
        (1..=9).chain([20]).map(receipt).collect()
    };
    let receipts = all(&catalog);
    let public = house.opening().signer.public();
    for receipt in &receipts {
        let judge = Judge { node: &|_, _, _| true, heads: &[public] };
        receipt.check(&[0; 64], judge).expect("proved");
        assert_eq!(receipt.archive, archive());
        let head = SignedHead::parse(&receipt.head).expect("a head");
        assert_eq!(head.head().size, receipt.ledger_index.0 + 1, "the first head over it");
    }
    assert_eq!(receipts[9].state, State::Known);
    assert!(catalog.receipt(deposit_id(99), KeyId([2; 8])).expect("asked").is_none());
    drop(catalog);
    let catalog = Catalog::rebuild(&house.opening()).expect("rebuilt");
    assert_eq!(all(&catalog), receipts);
}

#[test]
fn proofs_of_every_entry_and_between_all_sizes_hold() {
    let (_house, catalog) = House::furnished();
    let mut roots = vec![catalog.head().head().tree()];
    for _ in 0..40 {
        catalog.record(vec![content(Act::CustodyOpened)]).expect("recorded");
        roots.push(catalog.head().head().tree());
    }
    for (newest, root) in roots.iter().enumerate() {
        for index in 0..root.size {
            let leaf = catalog.leaf(LedgerIndex(index)).expect("asked").expect("there");
            let proof = catalog.prove(LedgerIndex(index), root.size).expect("proved");
            ledger::verify_inclusion(leaf, index, &proof, *root).expect("holds");
        }
        for old in &roots[..newest] {
            let proof = catalog.prove_consistency(old.size, root.size).expect("proved");
            ledger::verify_consistency(*old, *root, &proof).expect("holds");
        }
    }
    assert!(catalog.prove(LedgerIndex(41), 41).is_err());
    assert!(catalog.prove(LedgerIndex(0), 42).is_err());
}

#[test]
fn principals_are_as_the_last_entry_says_and_one_account_is_one_principal() {
    let (house, catalog) = House::furnished();
    let principal = |name: &str, uid: Option<u32>, active: bool| Principal {
        name: name.parse().expect("a name"),
        roles: vec![Role::Handler],
        clearance: Clearance::staff(),
        uid,
        active,
    };
    let set = |principal: &Principal| catalog.record(vec![content(Act::PrincipalSet(principal.clone()))]);
    let wang = principal("wang", Some(1001), true);
    set(&wang).expect("recorded");
    assert_eq!(catalog.principal(&wang.name).expect("asked"), Some(wang.clone()));
    assert_eq!(catalog.principal_of_uid(1001).expect("asked"), Some(wang));
    let li = principal("li", Some(1001), true);
    assert!(set(&li).is_err(), "the account is wang's");
    let wang = principal("wang", None, false);
    set(&wang).expect("recorded");
    set(&li).expect("free again");
    let system = principal("cases", None, true);
    set(&system).expect("any number without an account");
    assert_eq!(catalog.principals().expect("asked"), [system, li.clone(), wang]);
    let before = house.dump();
    catalog.close();
    drop(catalog);
    let again = Catalog::rebuild(&house.opening()).expect("rebuilt");
    assert_eq!(again.principal_of_uid(1001).expect("asked"), Some(li));
    assert_eq!(house.dump()["principals"], before["principals"]);
}
