//! A custody file that the root signed: every byte of it is bound to what it holds, so none but the
//! true one is opened. The input is the document, after an even byte; or, after an odd one, edits of
//! the true document: two bytes for a place, one to change the byte there with.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sealdock::keys::{CUSTODY_FILE, Custody};
use sealdock_fuzz::{Cheap, House, edited, passphrase};

struct Held {
    house: House,
    document: Vec<u8>,
}

static HELD: LazyLock<Held> = LazyLock::new(|| {
    let house = House::build();
    let document = std::fs::read(house.folder.join(CUSTODY_FILE)).expect("read");
    Held { house, document }
});

fuzz_target!(|input: &[u8]| {
    let Held { house, document: true_one } = &*HELD;
    let Some((first, rest)) = input.split_first() else { return };
    let document = if first % 2 == 0 { rest.to_vec() } else { edited(true_one, rest) };
    house.sign_and_write(&house.folder.join(CUSTODY_FILE), &document);
    let opened = Custody::unlock(&house.keyring, &passphrase(), &Cheap);
    assert_eq!(opened.is_ok(), document == *true_one, "{:?}", opened.err());
    assert!(house.keyring.list().len() > 8, "what cannot be read hides no key");
});
