//! Damage to ledger files, and a catalog that does not fit them.

use std::fs;

use sealdock::catalog::{Catalog, Error, LedgerReport};
use sealdock::ledger::Content;
use sealdock::model::{Act, Actor, Epoch, EpochBegun, KeyId, Kind};

use super::house::{House, archive, content, known, made, sealed};

fn verify(catalog: &Catalog) -> Result<LedgerReport, Error> {
    catalog.verify_ledger(&mut |_| {})
}

fn assert_integrity<T: std::fmt::Debug>(outcome: Result<T, Error>) {
    let error = outcome.expect_err("damage is found");
    assert!(error.is_integrity(), "{error:?}");
}

/// A house whose ledger has three files: one call fills the first, another the second.
fn long_ledger() -> House {
    let (house, catalog) = House::furnished();
    for n in 0..2 {
        let long = (0..90).map(|_| Content {
            who: Actor::Node,
            why: Some("x".repeat(100_000)),
            act: Act::CustodyOpened,
        });
        catalog.record(long.collect()).expect("recorded");
        catalog.record(vec![sealed(n, &format!("{n}.mp4"), Kind::Video)]).expect("recorded");
    }
    catalog.close();
    assert_eq!(house.ledger_files().len(), 3);
    house
}

#[test]
fn any_flipped_byte_in_the_newest_file_is_found_at_the_next_start() {
    let (house, catalog) = House::furnished();
    catalog.record(vec![sealed(1, "a.mp4", Kind::Video)]).expect("recorded");
    catalog.record(vec![known(2, 1, "b.mp4")]).expect("recorded");
    drop(catalog);
    let file = house.newest_file();
    let whole = fs::read(&file).expect("read");
    let mut places: Vec<usize> = (0..whole.len()).step_by(7).collect();
    places.push(whole.len() - 1);
    for place in places {
        let mut flipped = whole.clone();
        flipped[place] ^= 1;
        fs::write(&file, &flipped).expect("written");
        assert_integrity(house.open());
        assert_eq!(fs::read(&file).expect("read"), flipped, "what is damaged is left as it is");
    }
    fs::write(&file, &whole).expect("written");
    verify(&house.open().expect("whole again")).expect("whole");
}

#[test]
fn a_check_of_the_whole_ledger_finds_a_flipped_byte_in_any_file() {
    let house = long_ledger();
    let catalog = house.open().expect("opened");
    let report = verify(&catalog).expect("whole");
    assert_eq!((report.entries, report.heads, report.files), (183, 5, 3));
    for file in house.ledger_files() {
        let whole = fs::read(&file).expect("read");
        for place in [30, whole.len() - 1] {
            let mut flipped = whole.clone();
            flipped[place] ^= 1;
            fs::write(&file, &flipped).expect("written");
            assert_integrity(verify(&catalog));
        }
        fs::write(&file, &whole).expect("written");
    }
    verify(&catalog).expect("whole again");
}

#[test]
fn older_files_must_be_there_and_as_long_as_they_were() {
    let house = long_ledger();
    let older = house.ledger_files().swap_remove(1);
    let whole = fs::read(&older).expect("read");
    fs::write(&older, &whole[..whole.len() - 1]).expect("written");
    assert_integrity(house.open());
    fs::remove_file(&older).expect("removed");
    assert_integrity(house.open());
    fs::write(&older, &whole).expect("written");
    let other = older.with_file_name("00000000000000000005.jsonl");
    fs::write(&other, b"").expect("written");
    assert_integrity(house.open());
    fs::remove_file(&other).expect("removed");
    house.open().expect("whole again");
}

#[test]
fn a_ledger_that_was_rolled_back_is_refused() {
    let (house, catalog) = House::furnished();
    let file = house.newest_file();
    let before = fs::read(&file).expect("read");
    catalog.record(vec![sealed(1, "a.mp4", Kind::Video)]).expect("recorded");
    drop(catalog);
    fs::write(&file, &before).expect("written");
    assert_integrity(house.open());
    fs::remove_file(&file).expect("removed");
    assert_integrity(house.open());
}

#[test]
fn another_ledger_of_the_same_length_is_refused() {
    let (house, catalog) = House::furnished();
    let file = house.newest_file();
    let before = fs::read(&file).expect("read");
    catalog.record(vec![sealed(1, "a.mp4", Kind::Video)]).expect("recorded");
    drop(catalog);
    let other = House::new();
    fs::create_dir(other.path("ledger")).expect("made");
    fs::write(other.path("ledger").join(file.file_name().expect("a name")), &before).expect("written");
    let catalog = other.open().expect("opened");
    catalog.record(vec![sealed(2, "b.mp4", Kind::Video)]).expect("recorded");
    drop(catalog);
    fs::copy(other.newest_file(), &file).expect("copied");
    assert!(matches!(house.open(), Err(Error::Differs { .. })));
}

#[test]
fn what_an_interrupted_write_left_is_cut_off() {
    let (house, catalog) = House::furnished();
    let file = house.newest_file();
    catalog.record(vec![sealed(1, "a.mp4", Kind::Video)]).expect("recorded");
    let short = fs::read(&file).expect("read").len();
    catalog
        .record(vec![sealed(2, "b.mp4", Kind::Video), sealed(3, "c.mp4", Kind::Video)])
        .expect("recorded");
    drop(catalog);
    let whole = fs::read(&file).expect("read");
    for length in (short..whole.len()).step_by(13) {
        // Nobody heard of these entries: the catalog does not have them either.
        let other = House::new();
        fs::create_dir(other.path("ledger")).expect("made");
        let copy = other.path("ledger").join(file.file_name().expect("a name"));
        fs::write(&copy, &whole[..length]).expect("written");
        let catalog = other.open().expect("opened");
        assert_eq!(catalog.ledger_size(), 2, "cut at {length}");
        assert_eq!(fs::read(&copy).expect("read"), whole[..short]);
        catalog.record(vec![sealed(4, "d.mp4", Kind::Video)]).expect("goes on");
        verify(&catalog).expect("whole");
    }
}

#[test]
fn a_missing_catalog_is_made_anew_and_a_missing_ledger_is_not() {
    let house = long_ledger();
    drop(house.open().expect("opened"));
    let before = house.dump();
    fs::remove_file(house.database()).expect("removed");
    drop(house.open().expect("opened"));
    assert_eq!(house.dump(), before);
    drop(Catalog::rebuild(&house.opening()).expect("rebuilt"));
    assert_eq!(house.dump(), before);
    for file in house.ledger_files() {
        fs::remove_file(file).expect("removed");
    }
    assert!(matches!(Catalog::rebuild(&house.opening()), Err(Error::NoLedger { .. })));
    assert!(house.database().exists(), "a catalog is not thrown away for nothing");
    assert_integrity(house.open());
}

#[test]
fn nothing_is_made_where_something_is() {
    let (house, catalog) = House::furnished();
    drop(catalog);
    let error = Catalog::create(&house.opening(), made()).expect_err("there is a ledger");
    assert!(matches!(error, Error::AlreadyThere { .. }));
    let error = House::new().open().expect_err("there is none");
    assert!(matches!(error, Error::NoLedger { .. }));
}

#[test]
fn a_catalog_from_the_future_is_refused() {
    let (house, catalog) = House::furnished();
    drop(catalog);
    let db = rusqlite::Connection::open(house.database()).expect("opens");
    db.pragma_update(None, "user_version", 99).expect("set");
    drop(db);
    let error = house.open().expect_err("from the future");
    assert!(matches!(error, Error::FromTheFuture { found: 99, .. }), "{error:?}");
    assert!(!error.is_integrity());
}

#[test]
fn a_new_epoch_begins_where_the_ledger_is_gone_and_old_ledgers_do_not_come_back() {
    let (house, catalog) = House::furnished();
    catalog.record(vec![sealed(1, "a.mp4", Kind::Video)]).expect("recorded");
    drop(catalog);
    let file = house.newest_file();
    let old = fs::read(&file).expect("read");
    let epoch = Catalog::next_epoch(&house.opening()).expect("asked");
    assert_eq!(epoch, Epoch(2));
    let begun = |epoch| {
        content(Act::EpochBegun(EpochBegun {
            archive: archive(),
            root: KeyId([1; 8]),
            owner_uid: 1001,
            epoch,
            because: "rebuilt_from_vault".to_owned(),
            after: None,
        }))
    };
    assert!(matches!(
        Catalog::begin_epoch(&house.opening(), begun(epoch)),
        Err(Error::AlreadyThere { .. })
    ));
    fs::remove_file(&file).expect("removed");
    let catalog = Catalog::begin_epoch(&house.opening(), begun(epoch)).expect("begun");
    assert_eq!((catalog.epoch(), catalog.ledger_size()), (Epoch(2), 1));
    assert!(catalog.head().head().origin.ends_with("/2"));
    assert_eq!(catalog.owner_uid().expect("asked"), Some(1001));
    drop(catalog);
    drop(house.open().expect("opened"));
    fs::write(&file, &old).expect("written");
    fs::remove_file(house.database()).expect("removed");
    assert!(matches!(house.open(), Err(Error::WrongEpoch { .. })));
}
