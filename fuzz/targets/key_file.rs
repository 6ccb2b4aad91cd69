//! A key file: one value has one form, and not one byte of it is left over or unread.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealdock::seal::{Error, KeyFile, MAX_KEY_FILE};

fuzz_target!(|data: &[u8]| {
    let Ok(file) = KeyFile::parse(data) else { return };
    assert_eq!(file.to_bytes(), data, "one key file has one form");
    assert!(data.len() <= MAX_KEY_FILE && (1..=4).contains(&file.layers.len()) && file.generation.0 > 0);
    assert!(!file.onion.is_empty() && !file.escrow.is_empty());
    let longer = [data, b"\0"].concat();
    assert!(matches!(KeyFile::parse(&longer), Err(Error::Surplus { .. } | Error::KeyFileTooLarge(_))));
    let cut = usize::from(data[data.len() - 1]) * data.len() / 256;
    assert!(matches!(KeyFile::parse(&data[..cut]), Err(Error::Ends { .. })));
});
