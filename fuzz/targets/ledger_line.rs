//! A line of the ledger: what is taken is canonical, is written as the same bytes again, and keeps its
//! leaf when its content goes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealdock::ledger::{Entry, Line};
use sealdock_fuzz::is_canonical;

fuzz_target!(|data: &[u8]| {
    match Line::parse(data) {
        Ok(line) => {
            assert!(is_canonical(data), "one line has one form");
            assert_eq!(line.to_line().as_bytes(), data);
            if let Line::Entry(entry) = line {
                content_can_go(entry);
            }
        }
        Err(error) => assert!(!error.code().is_empty() && error.is_integrity(), "{error}"),
    }
});

fn content_can_go(entry: Entry) {
    let leaf = entry.leaf();
    if let Some(content) = entry.content() {
        assert_eq!(content.act.kind(), entry.kind());
        let anew = Entry::new(entry.index(), entry.at(), [9; 32], content.clone());
        assert_ne!(anew.expect("what was read can be written").leaf(), leaf, "the salt is in the leaf");
    }
    let dropped = entry.without_content();
    assert_eq!(
        Line::parse(dropped.to_line().as_bytes()).expect("its own line"),
        Line::Entry(dropped.clone())
    );
    assert_eq!(dropped.leaf(), leaf);
}
