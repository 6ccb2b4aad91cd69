//! The settings of an archive: what is taken keeps every rule of config/sealdock.toml, and what is
//! refused names a line of the file and says something.
#![no_main]

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use sealdock::daemon::settings::{ByteSize, Error, ReadBackRule, Release, Settings, parse_span};

fuzz_target!(|text: &str| {
    match Settings::parse(text, Path::new("/home")) {
        Ok(settings) => {
            keeps_the_rules(&settings);
            assert_eq!(Settings::parse(text, Path::new("/home")).expect("it was taken"), settings);
        }
        Err(Error::Wrong { line, problem, .. }) => {
            assert!((1..=text.split('\n').count()).contains(&line), "line {line}");
            assert!(!problem.is_empty() && !problem.contains('\n'), "{problem:?}");
        }
        Err(error) => panic!("{error}"),
    }
    units_are_whole(text);
});

fn keeps_the_rules(settings: &Settings) {
    let docks: BTreeSet<_> = settings.inboxes.iter().map(|inbox| &inbox.dock).collect();
    let paths: BTreeSet<_> = settings.inboxes.iter().map(|inbox| &inbox.path).collect();
    assert_eq!((docks.len(), paths.len()), (settings.inboxes.len(), settings.inboxes.len()));
    let copies: BTreeSet<_> = settings.vault.copies.iter().collect();
    assert!(copies.len() == settings.vault.copies.len() && !copies.is_empty());
    assert!(paths.iter().chain(&copies).all(|path| path.is_absolute()));
    for inbox in &settings.inboxes {
        let off = settings.vault.readback == ReadBackRule::Off;
        assert!(!off || inbox.release == Release::Never, "P2");
        assert!(copies.len() > 1 || settings.releases(inbox) == Release::Never, "P1");
    }
    let limits = &settings.limits;
    assert!((1..=16).contains(&limits.files_at_once) && (1..=16).contains(&limits.probes_at_once));
    assert!(limits.inbox_files > 0 && limits.rescan >= Duration::from_secs(1));
    let small = ByteSize::of(20_000);
    assert!(limits.floor_on(small) <= ByteSize::of(1_000), "a small disk can be used at all");
}

/// Sizes and spans are texts of their own too.
fn units_are_whole(text: &str) {
    if let Ok(size) = text.parse::<ByteSize>() {
        assert_eq!(size.to_string().parse(), Ok(size));
    }
    if let Ok(span) = parse_span(text) {
        assert!(span <= Duration::from_secs(100 * 366 * 86_400));
    }
}
