//! Every step of filling a place and of mending a copy, failed once or for good.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use sealdock::audit::{Scrub, Upkeep};
use sealdock::daemon::Archive;
use sealdock::model::Moment;
use sealdock::sys::Disk;
use sealdock::vault::Standing;

use super::house::{Cut, House, Manner, are_whole, watched, world};

/// Steps of an upkeep that has all this to do, at least.
const FEWEST: usize = 30;

/// A second place that holds nothing, and a damaged file in the first.
fn house() -> House {
    let house = House::new();
    house.deposit(&world(Disk::default())).expect("deposited");
    let home = house.home();
    std::fs::create_dir(home.join("second")).expect("made");
    std::fs::copy(home.join("vault/FORMAT.md"), home.join("second/FORMAT.md")).expect("begun");
    set(&house, "\n[vault]\ncopies = [\"vault\", \"second\"]\n");
    house
}

/// Goes on writing the settings.
fn set(house: &House, toml: &str) {
    let settings = house.home().join("sealdock.toml");
    let text = std::fs::read_to_string(&settings).expect("the settings");
    std::fs::write(&settings, text + toml).expect("written");
}

fn upkeep(archive: &Archive) -> Upkeep {
    // Everything is due at once.
    let scrub = Scrub { period: Duration::from_millis(1), rate: u64::MAX };
    Upkeep::new(archive.rooms.audit.clone(), Box::new(|_| 0), scrub)
}

fn sealed_in(house: &House, place: &str) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        ["items", "derived"].iter().flat_map(|shelf| glob(&house.home().join(place).join(shelf))).collect();
    paths.sort();
    paths
}

fn glob(shelf: &std::path::Path) -> Vec<PathBuf> {
    let Ok(shards) = std::fs::read_dir(shelf) else { return Vec::new() };
    let shards = shards.map(|shard| shard.expect("listed").path());
    shards
        .flat_map(|shard| std::fs::read_dir(shard).expect("a folder"))
        .map(|file| file.expect("listed").path())
        .collect()
}

/// Works for so many pieces, as far as the disk lets it.
fn work(archive: &Archive, pieces: usize) {
    let mut upkeep = upkeep(archive);
    for piece in 1..=pieces {
        let now = Moment::from_unix(1_800_000_000 + i64::try_from(piece).expect("small"), 0);
        let _ = upkeep.work(now, &AtomicBool::new(false));
    }
}

fn hurt(house: &House) {
    use std::os::unix::fs::PermissionsExt as _;
    for path in sealed_in(house, "second").iter().take(2) {
        let mut bytes = std::fs::read(path).expect("there");
        bytes[40] ^= 1;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("ours");
        std::fs::write(path, bytes).expect("written");
    }
}

fn are_alike(house: &House, when: &str) {
    let [one, two] = ["vault", "second"].map(|place| {
        let paths = sealed_in(house, place);
        let read =
            |path: &PathBuf| (path.file_name().map(ToOwned::to_owned), std::fs::read(path).expect("there"));
        paths.iter().map(read).collect::<Vec<_>>()
    });
    assert!(one == two, "{when}: the places are alike");
    assert_eq!(one.len(), 8, "three items and a poster, each with its keys");
}

fn try_step(whole: &House, (pieces, manner, step): (usize, Manner, usize)) -> bool {
    let house = House::like(whole);
    let cut = Cut::new(manner);
    let opened = house.open(&watched(&cut), async |archive| {
        cut.at(step);
        work(archive, pieces);
    });
    opened.expect("it opens");
    let when = format!("{manner:?} at step {step}: {}", cut.what());
    let finished = house.open(&world(Disk::default()), async |archive| {
        work(archive, 12);
        are_whole(archive, &when);
        assert_eq!(archive.rooms.catalog.counts().expect("counted").damaged, 0, "{when}");
        let whole = |(_, standing)| standing == Standing::Whole;
        assert!(archive.rooms.evidence.vault().standings().all(whole), "{when}");
    });
    finished.unwrap_or_else(|| panic!("{when}: it opens again"));
    are_alike(&house, &when);
    cut.is_reached()
}

#[test]
fn a_cut_at_any_step_of_filling_a_place_is_made_good() {
    let whole = house();
    for manner in [Manner::FromThenOn, Manner::Once] {
        let reached = (0..).step_by(2).find(|step| !try_step(&whole, (6, manner, *step))).expect("it ends");
        assert!(reached >= FEWEST, "only {reached} steps");
    }
}

#[test]
fn a_cut_at_any_step_of_mending_a_copy_is_made_good() {
    let whole = house();
    whole.open(&world(Disk::default()), async |archive| work(archive, 12)).expect("it opens");
    hurt(&whole);
    for manner in [Manner::FromThenOn, Manner::Once] {
        let reached = (0..).step_by(2).find(|step| !try_step(&whole, (6, manner, *step))).expect("it ends");
        assert!(reached >= FEWEST / 2, "only {reached} steps");
    }
}

#[test]
fn a_place_that_takes_no_copy_is_not_tried_without_rest() {
    let house = house();
    set(&house, "least_copies = 2");
    let cut = Cut::new(Manner::FromThenOn);
    let rested = house.open(&watched(&cut), async |archive| {
        cut.at(0);
        let scrub = Scrub { period: Duration::from_secs(90 * 86_400), rate: 1 };
        let mut upkeep = Upkeep::new(archive.rooms.audit.clone(), Box::new(|_| 0), scrub);
        let work = |upkeep: &mut Upkeep| {
            upkeep
                .work(Moment::from_unix(1_800_000_000, 0), &AtomicBool::new(false))
                .expect("the catalog answers")
        };
        [work(&mut upkeep), work(&mut upkeep)]
    });
    let rested = rested.expect("it opens");
    assert!(cut.is_reached() && rested.iter().all(|rest| *rest >= Duration::from_secs(1)), "{rested:?}");
}

#[test]
fn a_large_copy_is_read_in_pieces_at_the_rate_that_is_set() {
    const MIB: u64 = 1 << 20;
    let house = House::new();
    let bytes: Vec<u8> = (0..20 * MIB).map(|at| u8::try_from(at % 251).expect("small")).collect();
    std::fs::write(house.inbox().join("large.bin"), bytes).expect("written");
    house.deposit(&world(Disk::default())).expect("deposited");
    let (slept, pieces, unheard) = house
        .open(&world(Disk::default()), async |archive| {
            let scrub = Scrub { period: Duration::from_millis(1), rate: 4 * MIB };
            let mut upkeep = Upkeep::new(archive.rooms.audit.clone(), Box::new(|_| 0), scrub);
            let stop = AtomicBool::new(true);
            let mut now = Moment::from_unix(1_800_000_000, 0);
            upkeep.work(now, &stop).expect("the catalog answers");
            let name = archive.rooms.evidence.vault().places().next().expect("one place").name().clone();
            let unheard = archive.rooms.catalog.round(&name).expect("asked").after.is_some();
            stop.store(false, std::sync::atomic::Ordering::Relaxed);
            let (mut slept, mut pieces) = (Duration::ZERO, 0);
            let begun = now;
            while archive
                .rooms
                .catalog
                .round(&name)
                .expect("asked")
                .began
                .is_none_or(|began| began <= begun)
            {
                let rest = upkeep.work(now, &stop).expect("the catalog answers");
                assert!(rest <= Duration::from_secs(1), "places are looked at in between: {rest:?}");
                now = now.plus(rest.max(Duration::from_millis(10)));
                slept += rest;
                pieces += 1;
                assert!(pieces < 1000, "the round never ends");
            }
            (slept, pieces, unheard)
        })
        .expect("it opens");
    assert!(!unheard, "nothing is read once a stop is heard");
    assert!(slept >= Duration::from_secs(4), "20 MiB at 4 MiB a second took {slept:?}, {pieces} pieces");
}
