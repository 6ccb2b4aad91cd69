//! The header of a sealed file: one header has one form, and every cut of it is told as a cut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealdock::seal::{Error, Header};

fuzz_target!(|data: &[u8]| {
    let Ok(header) = Header::parse(data) else { return };
    let bytes = header.to_bytes();
    assert_eq!(bytes, data[..Header::LENGTH], "one header has one form");
    assert_eq!(Header::parse(&bytes).expect("its own bytes"), header);
    let cut = usize::from(bytes[119]) % Header::LENGTH;
    assert!(matches!(Header::parse(&bytes[..cut]), Err(Error::Ends { at }) if at == cut as u64));
});
