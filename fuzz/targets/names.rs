//! Names of files, any bytes: they give hints and nothing else, sidecars name what may lie beside them,
//! and a time in a name is one of the calendar.
#![no_main]

use std::sync::LazyLock;

use jiff::civil::{Date, DateTime};
use libfuzzer_sys::fuzz_target;
use sealdock::model::{Kind, RawName};
use sealdock::rules::companions::{checksum_places, tie};
use sealdock::rules::naming::{Named, Naming};

static NAMING: LazyLock<Naming> = LazyLock::new(|| Naming::shipped().expect("sound"));

fuzz_target!(|data: &[u8]| {
    let path = RawName::new(data);
    let named = NAMING.patterns.classify(&path);
    let kind = NAMING.kind_of(&path, &named);
    if named.ignored.is_some() {
        assert!(named.sidecar_of.is_none() && named.hints.is_none() && named.clock.is_none());
    }
    if let Some(stem) = &named.sidecar_of {
        assert!(path.file_name().as_bytes().starts_with(stem.as_bytes()), "a stem begins the name");
    }
    the_clock_is_a_time(&named);
    // Of slashes in a row at the very beginning one is enough.
    assert!(path.folder().join(&path.file_name()) == path || data.starts_with(b"//"));
    companions(&path);
    comes_back_from_json(&path);
    // Odd names are opaque, whatever they end in.
    assert!(kind.odd.is_none() || kind.kind == Kind::Opaque);
});

fn the_clock_is_a_time(named: &Named) {
    if let Some(clock) = &named.clock {
        let says = clock.says.as_str();
        assert!(says.parse::<DateTime>().is_ok() || says.parse::<Date>().is_ok(), "{says}");
        assert!(named.hints.is_some(), "a clock is read from fields");
    }
}

fn companions(path: &RawName) {
    for place in checksum_places(path) {
        assert_ne!(place, *path, "a file is never its own checksum");
        assert_eq!(place.folder(), path.folder());
        let own = place.as_bytes().strip_prefix(path.as_bytes()).is_some_and(|rest| rest.starts_with(b"."));
        if own && !path.file_name().as_bytes().is_empty() {
            assert!(tie(&place, path).is_some(), "{place:?} of {path:?}");
        }
    }
}

fn comes_back_from_json(path: &RawName) {
    let json = serde_json::to_vec(path).expect("every name can be written");
    assert_eq!(serde_json::from_slice::<RawName>(&json).expect("its own text"), *path);
}
