//! Name patterns and kinds as a profile brings them: what is taken matches every one of its examples,
//! and looks at any name without a fault.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealdock::model::RawName;
use sealdock::rules::kinds::Kinds;
use sealdock::rules::naming::Patterns;

/// What docks write, and what nobody should.
const NAMES: [&[u8]; 5] = [
    b"20190912/0012345_530123_20190912_093001.mp4",
    b"a.mp4.md5",
    b"~$x.part",
    b"\xc4\xe3/\xff\x00.\n",
    b"",
];

fuzz_target!(|text: &str| {
    if let Ok(patterns) = Patterns::from_toml(text) {
        for name in NAMES.map(RawName::new) {
            let named = patterns.classify(&name);
            assert_eq!(named.ignored, patterns.ignored(&name));
        }
        examples_match(text, &patterns);
    }
    if let Ok(kinds) = Kinds::from_toml(text) {
        for name in NAMES.map(RawName::new) {
            let _ = kinds.kind_of(&name);
        }
    }
});

/// An example for ignoring is ignored; one of a sidecar that nothing ignores lies beside something.
fn examples_match(text: &str, patterns: &Patterns) {
    let table: toml::Table = toml::from_str(text).expect("it was taken");
    for pattern in table["pattern"].as_array().expect("it was taken") {
        for example in pattern["examples"].as_array().expect("it was taken") {
            let name = RawName::new(example.as_str().expect("it was taken"));
            let named = patterns.classify(&name);
            match pattern["use"].as_str() {
                Some("ignore") => assert!(named.ignored.is_some()),
                Some("media") => assert!(named.ignored.is_some() || named.hints.is_some()),
                _ => {}
            }
        }
    }
}
