//! A signed head: what is taken is kept to the byte, and comes back from a ledger line if it is fit for
//! one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealdock::ledger::{Line, MAX_SIZE, SignedHead};

fuzz_target!(|note: &str| {
    let Ok(signed) = SignedHead::parse(note) else { return };
    assert_eq!(signed.note(), note);
    let head = signed.head();
    assert!(head.size <= MAX_SIZE && !head.origin.is_empty());
    let text = note.split('\n').take(3).collect::<Vec<_>>();
    assert_eq!((text[0], text[1]), (head.origin.as_str(), head.size.to_string().as_str()));
    assert!(signed.verify(&[[0; 32], [1; 32]]).is_err(), "nobody signed with these keys");
    let line = signed.to_line(3);
    if let Ok(read) = Line::parse(line.as_bytes()) {
        assert_eq!(read, Line::Head { head: signed, after: 3 });
    }
});
