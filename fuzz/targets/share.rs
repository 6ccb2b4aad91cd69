//! A share of the escrow key, as someone typed it: with a true one beside it, it brings back the key or
//! is refused. The input is a text, or the content of one with a true checksum to be put to it.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sealdock::keys::{EscrowKey, SealRequest, Share};
use sealdock::model::{Domain, Generation, ItemId};
use sealdock::seal::{ItemKey, KeyFile};
use sealdock::sys::OsEntropy;
use sealdock_fuzz::House;
use sha2::{Digest as _, Sha256};

const PREFIX: &str = "sealdock-share-1-";
/// What a checksum is over, and its length.
const CONTENT: usize = 59;
const CHECKSUM: usize = 6;

struct Held {
    house: House,
    file: KeyFile,
}

static HELD: LazyLock<Held> = LazyLock::new(|| {
    let house = House::build();
    let request = SealRequest {
        key: &ItemKey::from_bytes([1; 32]),
        item: ItemId::from_bytes([2; 16]),
        domains: &[Domain::General],
        generation: Generation(1),
        commitment: [3; 32],
        entropy: &OsEntropy,
    };
    let file = house.keyring.seal_item_key(&request).expect("sealed");
    Held { house, file }
});

fuzz_target!(|data: &[u8]| {
    let Held { house, file } = &*HELD;
    for text in texts(data, house) {
        let shares = [Share::new(&text), Share::new(house.shares[1].text())];
        if let Ok(key) = EscrowKey::combine(&house.keyring, &shares) {
            assert_eq!(*key.open(&house.keyring, file).expect("the key opens").expose(), [1; 32]);
        }
    }
});

/// The input as a text, and as a content: its first bytes over those of the first true share.
fn texts(data: &[u8], house: &House) -> [String; 2] {
    let mut content = decoded(&house.shares[0]);
    for (place, byte) in content.iter_mut().take(CONTENT).zip(data) {
        *place ^= *byte;
    }
    content.truncate(CONTENT);
    let sum = Sha256::new().chain_update(PREFIX).chain_update(&content).finalize();
    content.extend_from_slice(&sum[..CHECKSUM]);
    [String::from_utf8_lossy(data).into_owned(), format!("{PREFIX}{}", encoded(&content))]
}

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

fn decoded(share: &Share) -> Vec<u8> {
    let digits: Vec<u8> = share.text()[PREFIX.len()..].bytes().filter(|byte| *byte != b'-').collect();
    let value = |digit: &u8| ALPHABET.iter().position(|letter| letter == digit).expect("a digit") as u64;
    let groups = digits.chunks(8).map(|group| group.iter().fold(0, |bits, digit| bits << 5 | value(digit)));
    groups.flat_map(|bits: u64| bits.to_be_bytes()[3..].to_vec()).collect()
}

fn encoded(bytes: &[u8]) -> String {
    let groups =
        bytes.chunks(5).map(|group| group.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte)));
    groups
        .flat_map(|bits| {
            (0..8).rev().map(move |place| char::from(ALPHABET[(bits >> (5 * place)) as usize & 31]))
        })
        .collect()
}
