//! Makes the vectors of key files. Onion and escrow copy are any bytes here: `keys` opens them, this
//! room knows their place.

use ed25519_dalek::Signer as _;
use sealdock::model::Sha256;
use sha2::Digest as _;

use super::super::by_hand::ByHand;
use super::super::judge::{Outcome, Step, Vector};
use super::{Folder, file};

/// Every field of a key file, free to be wrong.
#[derive(Clone)]
struct Keys {
    magic: [u8; 8],
    version: u16,
    kem: u16,
    generation: u32,
    layer_count: u8,
    domains: Vec<u8>,
    onion: Vec<u8>,
    onion_length: u32,
    escrow: Vec<u8>,
    signed_by: ByHand,
}

fn keys(domains: &[u8]) -> Keys {
    let onion = vec![0x0e; 32 + 1136 * domains.len()];
    Keys {
        magic: *b"SEALKEYS",
        version: 1,
        kem: 0x647a,
        generation: 1,
        layer_count: u8::try_from(domains.len()).expect("few"),
        domains: domains.to_vec(),
        onion_length: u32::try_from(onion.len()).expect("short"),
        onion,
        escrow: vec![0x5c; 1168],
        signed_by: file(0),
    }
}

impl Keys {
    fn to_bytes(&self) -> Vec<u8> {
        let node = &self.signed_by;
        let mut out = self.magic.to_vec();
        out.extend(self.version.to_be_bytes());
        out.extend(self.kem.to_be_bytes());
        out.extend(node.archive);
        out.extend(node.item);
        out.extend(self.generation.to_be_bytes());
        out.extend(node.commitment());
        out.push(self.layer_count);
        for domain in &self.domains {
            out.push(*domain);
            out.extend([0xd0 + domain; 8]);
        }
        out.extend(self.onion_length.to_be_bytes());
        out.extend(&self.onion);
        out.extend([0xe5; 8]);
        out.extend(u32::try_from(self.escrow.len()).expect("short").to_be_bytes());
        out.extend(&self.escrow);
        out.extend(node.signer());
        let signature = node.signing_key().sign(&out).to_bytes();
        out.extend(signature);
        out
    }
}

fn vector(about: &str, expected: Outcome) -> Vector {
    let node_public = hex::encode(file(0).signing_key().verifying_key().as_bytes());
    Vector { about: about.to_owned(), node_public, item_key: None, facts_key: None, expected }
}

fn hold(out: &mut Folder, name: &str, keys: &Keys) {
    let bytes = keys.to_bytes();
    let names = ["general", "commercial", "personal", "state"];
    let expected = Outcome::Holds {
        generation: keys.generation,
        layers: keys.domains.iter().map(|domain| names[usize::from(*domain) - 1].to_owned()).collect(),
        sha256: Sha256(sha2::Sha256::digest(&bytes).into()),
    };
    out.add(&format!("{name}.keys"), bytes, &vector("Holds.", expected));
}

fn refuse(out: &mut Folder, case: &str, (step, code): (Step, &str), bytes: Vec<u8>) {
    let (name, about) = case.split_once(": ").expect("a name and a sentence");
    let expected = Outcome::Refused { step, code: code.to_owned() };
    out.add(&format!("{name}.keys"), bytes, &vector(about, expected));
}

pub(super) fn add(out: &mut Folder) {
    hold(out, "one-layer", &keys(&[1]));
    hold(out, "four-layers", &keys(&[1, 2, 3, 4]));
    hold(out, "raised", &Keys { generation: 2, ..keys(&[3, 2]) });
    wrong_fields(out);
    wrong_bytes(out);
}

fn wrong_fields(out: &mut Folder) {
    let base = keys(&[1]);
    let cases = [
        (
            "keys-magic: The magic number of a sealed file.",
            "magic",
            Keys { magic: *b"SEALDOCK", ..base.clone() },
        ),
        (
            "keys-version-2: A version of the future.",
            "unknown_version",
            Keys { version: 2, ..base.clone() },
        ),
        (
            "keys-kem: X25519 alone, which version 1 does not take.",
            "unknown_kem",
            Keys { kem: 0x0020, ..base.clone() },
        ),
        ("keys-generation-0: Generations begin with 1.", "field", Keys { generation: 0, ..base.clone() }),
        ("keys-no-layers: The item key would lie open.", "field", keys(&[])),
        ("keys-five-layers: There are four domains.", "field", keys(&[1, 2, 3, 4, 5])),
        ("keys-domain-5: No domain has number 5.", "field", keys(&[5])),
        ("keys-domain-twice: One domain has two layers.", "field", keys(&[1, 1])),
        (
            "keys-no-escrow: The escrow copy has no byte.",
            "field",
            Keys { escrow: Vec::new(), ..base.clone() },
        ),
        (
            "keys-no-onion: The onion has no byte.",
            "field",
            Keys { onion: Vec::new(), onion_length: 0, ..base.clone() },
        ),
        (
            "keys-onion-length: The onion is longer than the file.",
            "cut",
            Keys { onion_length: u32::MAX, ..base.clone() },
        ),
        (
            "keys-too-large: More than 64 KiB.",
            "key_file_too_large",
            Keys { escrow: vec![0; 64 << 10], ..base },
        ),
    ];
    for (case, code, keys) in cases {
        refuse(out, case, (Step::Check, code), keys.to_bytes());
    }
}

fn wrong_bytes(out: &mut Folder) {
    let whole = keys(&[1]).to_bytes();
    let cut = whole[..whole.len() - 1].to_vec();
    refuse(out, "keys-cut: The last byte is missing.", (Step::Check, "cut"), cut);
    let longer = [&whole[..], b"\0"].concat();
    refuse(
        out,
        "keys-byte-after-end: A zero byte follows the signature.",
        (Step::Check, "surplus"),
        longer,
    );
    for (place, at) in [("item", 28), ("commitment", 48), ("onion", 200), ("signature", whole.len() - 1)] {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        let case = format!("keys-flipped-{place}: The lowest bit of byte {at} was turned.");
        refuse(out, &case, (Step::Signature, "signature"), bytes);
    }
    let stranger = Keys { signed_by: ByHand { node: [0x12; 32], ..file(0) }, ..keys(&[1]) };
    let case = "keys-signed-by-a-stranger: Nobody certified this node key.";
    refuse(out, case, (Step::Signature, "signature"), stranger.to_bytes());
}
