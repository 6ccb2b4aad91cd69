//! Classes: what a change does to keys, lists and readers, and every step of it failed once or for good.

use std::ops::ControlFlow;
use std::path::PathBuf;

use sealdock::catalog::{Filter, ItemRow, Origin, Sight};
use sealdock::daemon::Archive;
use sealdock::evidence::{Depth, Record};
use sealdock::keys::{Custody, Passphrase, StretchHere};
use sealdock::model::{Actor, Class, Domain, Generation, ItemId, Level, Protection};
use sealdock::reading::{self, Wanted};
use sealdock::secrecy::{Deed, Error, Outcome};
use sealdock::sys::Disk;

use super::house::{Cut, House, Manner, watched, world};

const PASSPHRASE: &str = "a passphrase that nobody needs";

/// Steps of a change, at least: two key files, each written, synced, renamed, its folder synced, its forerunner removed.
const FEWEST: usize = 12;

/// The archive with its clip, the clip's poster, a document and a checksum.
fn house() -> House {
    let house = House::new();
    house.take_in(&world(Disk::default()), || false).expect("taken in");
    house
}

fn person(name: &str, uid: u32) -> Actor {
    Actor::User { name: name.to_owned(), uid }
}

fn deed(item: ItemId, name: &str, uid: u32) -> Deed {
    Deed { item, who: person(name, uid), why: "a patient is seen".to_owned() }
}

fn private() -> Class {
    Class::protected(vec![Protection::Privacy])
}

fn rows(archive: &Archive) -> Vec<ItemRow> {
    archive.rooms.catalog.items_after(None, 100).expect("asked")
}

/// The clip and its poster.
fn clip(archive: &Archive) -> (ItemRow, ItemRow) {
    let all = rows(archive);
    let poster = all.iter().find(|row| matches!(row.origin, Origin::Derivative { .. })).expect("a poster");
    let Origin::Derivative { parent, .. } = &poster.origin else { unreachable!("it is one") };
    let clip = all.iter().find(|row| row.item == *parent).expect("the clip");
    (clip.clone(), poster.clone())
}

fn class_of(row: &ItemRow) -> Class {
    match &row.origin {
        Origin::Original(original) => original.class.clone(),
        Origin::Derivative { .. } => panic!("a derivative has none of its own"),
    }
}

fn seat(archive: &Archive) {
    let keyring = &archive.rooms.keyring;
    let passphrase = Passphrase::new(PASSPHRASE).expect("long enough");
    archive.rooms.chair.seat(Custody::unlock(keyring, &passphrase, &StretchHere).expect("unlocked"));
}

fn listed(archive: &Archive, filter: &Filter) -> Vec<ItemId> {
    let mut found = Vec::new();
    let sight = archive.rooms.secrecy.sight();
    let all = archive.rooms.catalog.find((filter, &sight), &mut |row| {
        found.push(row.item);
        ControlFlow::Continue(())
    });
    all.expect("listed");
    found
}

fn opens(archive: &Archive, row: &ItemRow) {
    let custody = archive.rooms.chair.custody();
    let checked = archive.rooms.evidence.check(&Record::from(row), Depth::Open(custody.as_deref()));
    let whole =
        |copy: &sealdock::evidence::Copy| matches!(copy.state, sealdock::evidence::CopyState::Whole { .. });
    assert!(checked.expect("checked").iter().all(whole), "{} opens", row.item);
}

fn read(archive: &Archive, item: ItemId, into: &mut dyn std::io::Write) -> Result<(), reading::Error> {
    let wanted = Wanted { item, range: None, purpose: "case 7".to_owned(), who: person("owner", 1000) };
    archive.rooms.reading.begin(&wanted)?.write_to(into)
}

#[test]
fn raising_binds_at_once_and_needs_no_key_that_opens() {
    let house = house();
    house
        .open(&world(Disk::default()), async |archive| {
            let (before, poster) = clip(archive);
            assert!(archive.rooms.chair.custody().is_none(), "a seal-only node");
            let set = archive.rooms.secrecy.set(deed(before.item, "owner", 1000), private());
            assert_eq!(set.expect("raised"), Outcome::Set { generation: Generation(2) });
            let (after, poster_after) = clip(archive);
            assert_eq!(class_of(&after), private());
            for (row, old) in [(&after, &before), (&poster_after, &poster)] {
                assert_eq!(
                    row.domains,
                    [Domain::General, Domain::Personal],
                    "a layer around what was there"
                );
                assert_eq!(row.generation, Generation(2));
                let file = archive.rooms.evidence.key_file(&Record::from(row)).expect("the living one");
                let layers: Vec<Domain> = file.layers.iter().map(|layer| layer.domain).collect();
                assert_eq!(layers, row.domains);
                assert!(
                    archive.rooms.evidence.key_file(&Record::from(old)).is_err(),
                    "the old one is gone"
                );
            }
            assert_eq!(archive.rooms.catalog.counts().expect("counted").unproven, 4, "to be proven anew");
            seat(archive);
            opens(archive, &after);
            opens(archive, &poster_after);
            let mut bytes = Vec::new();
            read(archive, after.item, &mut bytes).expect("read");
            assert_eq!(bytes.len() as u64, after.size);
        })
        .expect("opens");
    house.is_sound("after raising");
}

#[test]
fn an_old_generation_that_is_put_back_is_refused() {
    let house = house();
    let keys: Vec<PathBuf> = house.vault_files("items", "keys");
    let kept: Vec<(PathBuf, Vec<u8>)> =
        keys.into_iter().map(|path| (path.clone(), std::fs::read(&path).expect("read"))).collect();
    house
        .open(&world(Disk::default()), async |archive| {
            let (row, _) = clip(archive);
            archive.rooms.secrecy.set(deed(row.item, "owner", 1000), private()).expect("raised");
        })
        .expect("opens");
    let gone: Vec<_> = kept.iter().filter(|(path, _)| !path.exists()).collect();
    assert_eq!(gone.len(), 1);
    let (old, bytes) = gone[0];
    std::fs::write(old, bytes).expect("put back");
    house
        .open(&world(Disk::default()), async |archive| {
            seat(archive);
            let (row, _) = clip(archive);
            assert_eq!(row.generation, Generation(2));
            opens(archive, &row);
            let stale = Record { generation: Generation(1), ..Record::from(&row) };
            assert!(archive.rooms.evidence.key_file(&stale).is_err(), "its hash is not the recorded one");
            let living = archive.rooms.evidence.vault().places().next().expect("a place");
            let living = living.keys(sealdock::seal::Role::Original, row.item, row.generation);
            std::fs::remove_file(&living).expect("removed");
            std::fs::write(&living, bytes).expect("the old one in its name");
            assert!(archive.rooms.evidence.key_file(&Record::from(&row)).is_err(), "nor under this name");
        })
        .expect("opens");
}

#[test]
fn lowering_needs_another_person_and_a_custodian() {
    let house = house();
    house
        .open(&world(Disk::default()), async |archive| {
            let (row, _) = clip(archive);
            let secrecy = &archive.rooms.secrecy;
            secrecy.set(deed(row.item, "wang", 1001), private()).expect("raised");
            let work = Class::protected(vec![Protection::Work]);
            let proposed = secrecy.set(deed(row.item, "wang", 1001), work.clone()).expect("proposed");
            assert!(matches!(proposed, Outcome::Proposed { .. }), "privacy would be lost");
            assert_eq!(class_of(&clip(archive).0), private().join(&work), "nothing is lost yet");
            for (name, uid) in [("wang", 1001), ("wang", 7), ("li", 1001)] {
                let own = secrecy.agree(deed(row.item, name, uid));
                assert!(matches!(own, Err(Error::NeedsAnother)), "{name} {uid}: {own:?}");
            }
            let locked = secrecy.agree(deed(row.item, "li", 1002));
            assert!(matches!(locked, Err(Error::SealOnly)), "{locked:?}");
            seat(archive);
            let agreed = secrecy.agree(deed(row.item, "li", 1002)).expect("lowered");
            assert_eq!(agreed, Outcome::Set { generation: Generation(4) });
            let (row, poster) = clip(archive);
            assert_eq!(class_of(&row), work);
            for row in [&row, &poster] {
                assert_eq!(row.domains, [Domain::General]);
                opens(archive, row);
            }
            let twice = secrecy.agree(deed(row.item, "li", 1002));
            assert!(matches!(twice, Err(Error::NothingProposed(_))), "used up: {twice:?}");
        })
        .expect("opens");
    house.is_sound("after lowering");
}

#[test]
fn a_proposal_is_overtaken_by_another_class_and_can_be_declined() {
    let house = house();
    house
        .open(&world(Disk::default()), async |archive| {
            let (row, _) = clip(archive);
            let secrecy = &archive.rooms.secrecy;
            seat(archive);
            let same = secrecy.set(deed(row.item, "wang", 1001), Class::protected(Vec::new()));
            assert!(matches!(same, Err(Error::Same(_))), "{same:?}");
            let silent =
                secrecy.set(Deed { why: " ".to_owned(), ..deed(row.item, "wang", 1001) }, private());
            assert!(matches!(silent, Err(Error::Reason)), "{silent:?}");
            secrecy.set(deed(row.item, "wang", 1001), private()).expect("raised");
            let open = Class::protected(Vec::new());
            secrecy.set(deed(row.item, "wang", 1001), open.clone()).expect("proposed");
            let minors = private().join(&Class::protected(vec![Protection::Minor]));
            secrecy
                .set(deed(row.item, "wang", 1001), minors.clone())
                .expect("raised: the proposal is over");
            let none = secrecy.agree(deed(row.item, "li", 1002));
            assert!(matches!(none, Err(Error::NothingProposed(_))), "{none:?}");
            secrecy.set(deed(row.item, "wang", 1001), open).expect("proposed again");
            secrecy.decline(deed(row.item, "li", 1002)).expect("declined");
            let declined = secrecy.agree(deed(row.item, "li", 1002));
            assert!(matches!(declined, Err(Error::NothingProposed(_))), "{declined:?}");
            let (row, poster) = clip(archive);
            assert_eq!(class_of(&row), minors);
            assert_eq!(
                row.generation,
                Generation(3),
                "another class, another generation, though the keys stay"
            );
            let derivative = secrecy.set(deed(poster.item, "wang", 1001), private());
            assert!(matches!(derivative, Err(Error::Derivative { .. })), "{derivative:?}");
            let name = Filter { text: Some("moov".to_owned()), ..Filter::default() };
            assert!(!listed(archive, &name).contains(&row.item), "names of minors are not searched");
            assert!(listed(archive, &Filter::default()).contains(&row.item), "listed all the same");
        })
        .expect("opens");
    house.is_sound("after proposals");
}

/// What was judged above the ceiling is nowhere: not in lists and searches, not shown, not read, nor is its poster.
#[test]
fn above_the_ceiling_everything_is_cut_off() {
    let house = house();
    house
        .open(&world(Disk::default()), async |archive| {
            seat(archive);
            let (row, poster) = clip(archive);
            let secret = Class::new(Level::Secret, None, vec![Protection::Work]);
            assert_eq!(listed(archive, &Filter::default()).len(), 3);
            archive.rooms.secrecy.set(deed(row.item, "wang", 1001), secret).expect("raised");
            assert_eq!(listed(archive, &Filter::default()).len(), 2);
            for filter in [
                Filter { text: Some("moov".to_owned()), ..Filter::default() },
                Filter { sha256: Some(row.sha256), ..Filter::default() },
                Filter { item: row.item.to_string().parse().ok(), ..Filter::default() },
            ] {
                assert!(!listed(archive, &filter).contains(&row.item), "{filter:?}");
            }
            let sight = archive.rooms.secrecy.sight();
            let catalog = &archive.rooms.catalog;
            assert!(catalog.show(row.item, &sight).expect("asked").is_none());
            for other in listed(archive, &Filter::default()) {
                let shown = catalog.show(other, &sight).expect("asked").expect("seen");
                let said = serde_json::to_string(&shown).expect("JSON");
                assert!(!said.contains(&row.item.to_string()), "its checksum does not name it: {said}");
            }
            for item in [row.item, poster.item] {
                let refused = read(archive, item, &mut Vec::new());
                assert!(matches!(refused, Err(reading::Error::Unknown(_))), "{item}");
            }
            let more = archive.rooms.secrecy.set(deed(row.item, "wang", 1001), private());
            assert!(matches!(more, Err(Error::Unknown(_))), "{more:?}");
            assert!(catalog.show(row.item, &Sight::WHOLE).expect("asked").is_some(), "it is kept");
        })
        .expect("opens");
    house.is_sound("after a spill");
}

#[test]
fn a_stricter_class_binds_though_a_key_file_is_gone() {
    let house = house();
    house
        .open(&world(Disk::default()), async |archive| {
            let (row, poster) = clip(archive);
            let place = archive.rooms.evidence.vault().places().next().expect("a place");
            let lost = place.keys(sealdock::seal::Role::Original, row.item, row.generation);
            std::fs::remove_file(&lost).expect("removed");
            let secret = Class::new(Level::Secret, None, Vec::new());
            let set = archive.rooms.secrecy.set(deed(row.item, "wang", 1001), secret).expect("raised");
            assert_eq!(set, Outcome::Set { generation: Generation(1) }, "there was none to make anew");
            assert_eq!(listed(archive, &Filter::default()).len(), 2);
            let (row, poster_after) = clip(archive);
            assert_eq!(
                (row.generation, poster_after.generation),
                (Generation(1), poster.generation.next())
            );
        })
        .expect("opens");
}

/// Raises its item above the ceiling once the first bytes have come.
struct Interrupting<'a> {
    archive: &'a Archive,
    item: ItemId,
    taken: u64,
}

impl std::io::Write for Interrupting<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.taken == 0 {
            let secret = Class::new(Level::Secret, None, Vec::new());
            self.archive.rooms.secrecy.set(deed(self.item, "wang", 1001), secret).expect("raised");
        }
        self.taken += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_reading_under_way_ends_when_its_item_is_cut_off() {
    let house = House::new();
    std::fs::write(house.inbox().join("long.bin"), vec![7; 20 << 20]).expect("written");
    house.deposit(&world(Disk::default())).expect("deposited");
    house
        .open(&world(Disk::default()), async |archive| {
            seat(archive);
            let row = rows(archive).into_iter().find(|row| row.size == 20 << 20).expect("the long one");
            let mut sink = Interrupting { archive, item: row.item, taken: 0 };
            let ended = read(archive, row.item, &mut sink);
            assert!(matches!(ended, Err(reading::Error::Evidence { .. })), "{ended:?}");
            assert!(sink.taken <= 4 << 20, "{} bytes left after it was cut off", sink.taken);
        })
        .expect("opens");
}

/// Whether the class and the layers of the clip are both as before or both as after the change.
fn is_one_or_the_other(row: &ItemRow) -> bool {
    let both = [Domain::General, Domain::Personal];
    (class_of(row) == private() && row.domains == both)
        || (class_of(row) == Class::protected(Vec::new()) && row.domains == [Domain::General])
}

fn try_step(whole: &House, (manner, step): (Manner, usize), change: &dyn Fn(&Archive)) -> bool {
    let house = House::like(whole);
    let cut = Cut::new(manner);
    let opened = house.open(&watched(&cut), async |archive| {
        seat(archive);
        cut.at(step);
        change(archive);
        // Whoever was told of a failure tries again.
        change(archive);
    });
    opened.expect("it opens");
    let when = format!("{manner:?} at step {step}: {}", cut.what());
    house
        .open(&world(Disk::default()), async |archive| {
            seat(archive);
            for row in rows(archive) {
                opens(archive, &row);
            }
            let (row, poster) = clip(archive);
            assert_eq!(row.domains, poster.domains, "{when}: its poster goes with it");
            assert!(is_one_or_the_other(&row), "{when}: {:?} {:?}", class_of(&row), row.domains);
        })
        .unwrap_or_else(|| panic!("{when}: it opens again"));
    for (folder, count) in [("items", 3), ("derived", 1)] {
        let keys = house.vault_files(folder, "keys");
        assert_eq!(keys.len(), count, "{when}: one living generation each, {keys:?}");
    }
    house.is_sound(&when);
    cut.is_reached()
}

#[test]
fn a_cut_at_any_step_of_raising_a_class_is_made_good() {
    let whole = house();
    let raise = |archive: &Archive| {
        let _ = archive.rooms.secrecy.set(deed(clip(archive).0.item, "wang", 1001), private());
    };
    for manner in [Manner::FromThenOn, Manner::Once] {
        let reached = (0..).find(|step| !try_step(&whole, (manner, *step), &raise)).expect("it ends");
        assert!(reached >= FEWEST, "only {reached} steps");
    }
}

#[test]
fn a_cut_at_any_step_of_lowering_a_class_is_made_good() {
    let whole = house();
    whole
        .open(&world(Disk::default()), async |archive| {
            let item = clip(archive).0.item;
            archive.rooms.secrecy.set(deed(item, "wang", 1001), private()).expect("raised");
            let open = Class::protected(Vec::new());
            archive.rooms.secrecy.set(deed(item, "wang", 1001), open).expect("proposed");
        })
        .expect("opens");
    let agree = |archive: &Archive| {
        let _ = archive.rooms.secrecy.agree(deed(clip(archive).0.item, "li", 1002));
    };
    for manner in [Manner::FromThenOn, Manner::Once] {
        let reached = (0..).find(|step| !try_step(&whole, (manner, *step), &agree)).expect("it ends");
        assert!(reached >= FEWEST, "only {reached} steps");
    }
}

#[test]
fn what_is_stricter_in_a_wish_binds_though_something_else_would_be_lost() {
    let house = house();
    house
        .open(&world(Disk::default()), async |archive| {
            let item = clip(archive).0.item;
            archive.rooms.secrecy.set(deed(item, "wang", 1001), private()).expect("raised");
            let wish = Class::new(Level::Secret, None, Vec::new());
            let proposed =
                archive.rooms.secrecy.set(deed(item, "wang", 1001), wish.clone()).expect("proposed");
            assert!(matches!(proposed, Outcome::Proposed { .. }));
            assert_eq!(class_of(&clip(archive).0), private().join(&wish), "the level binds");
            assert_eq!(listed(archive, &Filter::default()).len(), 2);
        })
        .expect("opens");
}

/// Without the ledger, the layers of the key files still tell that a class was raised.
#[test]
fn a_raised_class_survives_the_loss_of_the_books() {
    let house = house();
    house
        .open(&world(Disk::default()), async |archive| {
            let item = clip(archive).0.item;
            archive.rooms.secrecy.set(deed(item, "wang", 1001), private()).expect("raised");
        })
        .expect("opens");
    house.lose_the_books();
    assert!(house.rebuild(sealdock::daemon::RebuildFrom::Vault, &world(Disk::default())));
    house
        .open(&world(Disk::default()), async |archive| {
            seat(archive);
            let (row, _) = clip(archive);
            assert_eq!(row.domains, [Domain::General, Domain::Personal]);
            assert!(class_of(&row).is_at_least(&private()), "{:?}", class_of(&row));
            opens(archive, &row);
        })
        .expect("opens");
}
