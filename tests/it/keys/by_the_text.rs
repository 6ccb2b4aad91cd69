//! Opens the fixture as `FORMAT.md` says, with cryptographic libraries and none of this project's code:
//! what the text promises to a reader of the far future.

use std::path::Path;

use aes_gcm::aead::{Aead as _, Payload};
use aes_gcm::{Aes256Gcm, KeyInit as _};
use argon2::{Algorithm, Argon2, Params, Version};
use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::XWing;
use hpke::{Deserializable as _, Kem, OpModeR, Serializable as _};
use serde_json::Value;

fn read(name: &str) -> Vec<u8> {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/keys");
    std::fs::read(fixture.join(name)).expect("the fixture is whole")
}

fn json(name: &str) -> Value {
    serde_json::from_slice(&read(name)).expect("JSON")
}

fn text<'a>(document: &'a Value, field: &str) -> &'a str {
    document[field].as_str().expect("text")
}

fn bytes(document: &Value, field: &str) -> Vec<u8> {
    hex::decode(text(document, field)).expect("hex")
}

/// Section 4: the seeds in the custody file, with their ids.
fn seeds() -> Vec<(String, [u8; 32])> {
    let document = json("archive/custody.json");
    let head = &document["head"];
    let cost = |field: &str| u32::try_from(head["cost"][field].as_u64().expect("a number")).expect("small");
    let params = Params::new(cost("memory_kib"), cost("passes"), cost("lanes"), None).expect("a cost");
    let mut key = [0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(
            text(&json("expected.json"), "passphrase").as_bytes(),
            &bytes(head, "salt"),
            &mut key,
        )
        .expect("stretched");
    let aad = serde_json_canonicalizer::to_vec(head).expect("canonical");
    let nonce: [u8; 12] = bytes(head, "nonce").try_into().expect("12 bytes");
    let payload = Payload { msg: &bytes(&document, "sealed"), aad: &aad };
    let seeds = Aes256Gcm::new(&key.into()).decrypt(&nonce.into(), payload).expect("the tag fits");
    let keys = head["keys"].as_array().expect("a list");
    assert_eq!(seeds.len(), 32 * keys.len());
    let ids = keys.iter().map(|key| text(key, "id").to_owned());
    ids.zip(seeds.chunks(32).map(|seed| seed.try_into().expect("32 bytes"))).collect()
}

/// The fields of the key file, by the byte table in `src/seal/FORMAT.md`.
struct KeyFile {
    archive: Vec<u8>,
    item: Vec<u8>,
    commitment: Vec<u8>,
    layers: Vec<(u8, Vec<u8>)>,
    onion: Vec<u8>,
    escrow_key: Vec<u8>,
    escrow: Vec<u8>,
}

fn key_file() -> KeyFile {
    let bytes = read("item.keys");
    let mut rest = bytes.as_slice();
    let mut take = |count: usize| {
        let (field, after) = rest.split_at(count);
        rest = after;
        field.to_vec()
    };
    let length = |bytes: Vec<u8>| u32::from_be_bytes(bytes.try_into().expect("4 bytes")) as usize;
    assert_eq!(take(12), b"SEALKEYS\x00\x01\x64\x7a");
    let (archive, item, _generation, commitment) = (take(16), take(16), take(4), take(32));
    let count = take(1)[0];
    let layers = (0..count).map(|_| (take(1)[0], take(8))).collect();
    let onion_length = length(take(4));
    let (onion, escrow_key) = (take(onion_length), take(8));
    let escrow_length = length(take(4));
    KeyFile { archive, item, commitment, layers, onion, escrow_key, escrow: take(escrow_length) }
}

/// Section 5: a layer, with the id and the seed of its key; place is domain number and depth.
fn open(layer: &[u8], (key, seed): (&[u8], &[u8; 32]), file: &KeyFile, place: [u8; 2]) -> Vec<u8> {
    let (encapsulated, sealed) = layer.split_at(1120);
    hpke::single_shot_open::<AesGcm256, HkdfSha256, XWing>(
        &OpModeR::Base,
        &<XWing as Kem>::PrivateKey::from_bytes(seed).expect("a seed"),
        &<XWing as Kem>::EncappedKey::from_bytes(encapsulated).expect("an encapsulation"),
        &[b"sealdock key layer 1\0", file.archive.as_slice(), key].concat(),
        sealed,
        &[file.item.as_slice(), &file.commitment, &place].concat(),
    )
    .expect("the layer opens")
}

#[test]
fn a_custodian_opens_the_onion() {
    let seeds = seeds();
    let file = key_file();
    let mut content = file.onion.clone();
    for (depth, (domain, key)) in file.layers.iter().enumerate().rev() {
        let (_, seed) = seeds.iter().find(|(id, _)| *id == hex::encode(key)).expect("a custodian key");
        content = open(&content, (key, seed), &file, [*domain, u8::try_from(depth).expect("few")]);
    }
    assert_eq!(hex::encode(content), text(&json("expected.json"), "item_key"));
}

#[test]
fn shares_give_the_escrow_key_which_opens_its_copy() {
    let expected = json("expected.json");
    let shares = expected["shares"].as_array().expect("a list");
    let points: Vec<Vec<u8>> =
        shares.iter().take(2).map(|share| share_bytes(share.as_str().expect("text"))).collect();
    let seed: Vec<u8> = (27..59).map(|place| at_zero(&points, place)).collect();
    let seed: [u8; 32] = seed.try_into().expect("32 bytes");

    let file = key_file();
    let certificate = json(&format!("archive/escrow-{}.cert.json", hex::encode(&file.escrow_key)));
    let private = <XWing as Kem>::PrivateKey::from_bytes(&seed).expect("a seed");
    assert_eq!(XWing::sk_to_pk(&private).to_bytes().to_vec(), bytes(&certificate, "public"));
    let content = open(&file.escrow, (&file.escrow_key, &seed), &file, [0, 0]);
    assert_eq!(hex::encode(content), text(&expected, "item_key"));
}

/// Section 6: the 65 bytes behind the characters of a share.
fn share_bytes(share: &str) -> Vec<u8> {
    let digits = share.strip_prefix("sealdock-share-1-").expect("the prefix").replace('-', "");
    let alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let bits: String = digits
        .chars()
        .map(|digit| format!("{:05b}", alphabet.find(digit).expect("a digit of the alphabet")))
        .collect();
    (0..bits.len() / 8)
        .map(|place| u8::from_str_radix(&bits[8 * place..8 * place + 8], 2).expect("eight bits"))
        .collect()
}

/// Lagrange's interpolation at 0 of one byte of the value; a share's number is its byte 26.
fn at_zero(points: &[Vec<u8>], place: usize) -> u8 {
    let mut sum = 0;
    for this in points {
        let mut term = this[place];
        for other in points.iter().filter(|other| other[26] != this[26]) {
            term = times(term, times(other[26], inverse(other[26] ^ this[26])));
        }
        sum ^= term;
    }
    sum
}

/// Multiplication in GF(2^8) with x^8+x^4+x^3+x^2+1.
fn times(left: u8, right: u8) -> u8 {
    let mut product = 0;
    let mut shifted = left;
    for bit in 0..8 {
        if right >> bit & 1 == 1 {
            product ^= shifted;
        }
        shifted = if shifted & 0x80 == 0 { shifted << 1 } else { shifted << 1 ^ 0x1d };
    }
    product
}

fn inverse(value: u8) -> u8 {
    (1..=255).find(|candidate| times(value, *candidate) == 1).expect("every value but 0 has an inverse")
}
