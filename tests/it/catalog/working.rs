//! Working tables: what intake keeps in mind.

use sealdock::catalog::Catalog;
use sealdock::model::{DockName, Generation, Kind, LedgerIndex};

use super::house::{House, deposit_id, item_id, noon, poster, probed, sealed};

fn dock() -> DockName {
    "dock-1".parse().expect("a name")
}

/// What nobody waits for is there once a run has ended.
fn again(house: &House, catalog: Catalog) -> Catalog {
    drop(catalog);
    house.open().expect("opened")
}

#[test]
fn queues_fill_with_entries_and_empty_as_work_is_done() {
    let (house, catalog) = House::furnished();
    catalog
        .record(vec![sealed(1, "1.mp4", Kind::Video), sealed(2, "2.mp4", Kind::Video)])
        .expect("recorded");
    catalog.record(vec![poster(9, 1)]).expect("recorded");
    let due = catalog.receipts_due(None, 10).expect("asked");
    assert_eq!(due, [(LedgerIndex(1), deposit_id(1)), (LedgerIndex(2), deposit_id(2))]);
    assert_eq!(catalog.receipts_due(Some(LedgerIndex(1)), 10).expect("asked"), due[1..]);
    assert_eq!(catalog.unprobed(None, 1).expect("asked"), [(LedgerIndex(1), item_id(1))]);
    assert_eq!(catalog.unproven(Some(item_id(1)), 10).expect("asked").len(), 2);
    catalog.receipt_delivered(deposit_id(1)).expect("noted");
    catalog.receipt_delivered(deposit_id(1)).expect("noted");
    catalog.record(vec![probed(1)]).expect("recorded");
    catalog.mark_proven(item_id(9), Generation(1)).expect("noted");
    catalog.mark_proven(item_id(1), Generation(2)).expect("another generation");
    let catalog = again(&house, catalog);
    assert_eq!(catalog.receipts_due(None, 10).expect("asked"), due[1..]);
    assert!(!catalog.is_unprobed(item_id(1)).expect("asked"));
    assert!(catalog.is_unprobed(item_id(2)).expect("asked"));
    let unproven: Vec<_> = catalog.unproven(None, 10).expect("asked");
    assert_eq!(unproven, [(item_id(1), Generation(1)), (item_id(2), Generation(1))]);
    let counts = catalog.counts().expect("counted");
    assert_eq!((counts.outbox, counts.unprobed, counts.unproven), (1, 1, 2));
}

#[test]
fn the_last_walk_of_an_inbox_is_kept() {
    let (house, catalog) = House::furnished();
    catalog.note_scan(dock(), noon()).expect("noted");
    let catalog = again(&house, catalog);
    assert_eq!(catalog.last_scan(&dock()).expect("asked"), Some(noon()));
    assert_eq!(catalog.last_scan(&DockName::local()).expect("asked"), None);
}

#[test]
fn a_run_that_was_not_closed_is_noticed() {
    let (house, catalog) = House::furnished();
    assert!(!catalog.ended_cleanly(), "there was none before");
    let copy = House::new();
    for folder in ["ledger", "catalog", "keys"] {
        std::fs::create_dir(copy.path(folder)).expect("made");
        for file in std::fs::read_dir(house.path(folder)).expect("listed") {
            let file = file.expect("listed");
            std::fs::copy(file.path(), copy.path(folder).join(file.file_name())).expect("copied");
        }
    }
    assert!(!copy.open().expect("opened").ended_cleanly());
    let catalog = again(&house, catalog);
    assert!(!catalog.ended_cleanly(), "nobody had said that vault and catalog agree");
    catalog.all_in_order();
    assert!(again(&house, catalog).ended_cleanly());
}
