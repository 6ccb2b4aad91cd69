//! Reads a vector the way `FORMAT.md` says to, and says where it failed.

use ed25519_dalek::{SigningKey, VerifyingKey};
use sealdock::model::{ArchiveId, ItemId, KeyId, SealedFacts, Sha256};
use sealdock::seal::{
    Checked, Error, FactsKey, ItemKey, KeyFile, Place, Plan, Role, SegmentOpener, SegmentSize, Tail, begin,
    check, tail, unlock,
};
use serde::{Deserialize, Serialize};
use sha2::Digest as _;

use super::by_hand::ByHand;

/// What stands in the JSON beside a vector.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Vector {
    /// One sentence.
    pub(super) about: String,
    /// The only certified node key (Ed25519), 32 bytes in hex.
    pub(super) node_public: String,
    /// 32 bytes in hex; none for a key file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) item_key: Option<String>,
    /// 32 bytes in hex; none for a key file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) facts_key: Option<String>,
    /// What reading it gives.
    pub(super) expected: Outcome,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Outcome {
    /// A sealed file that opens.
    Opens { size: u64, segments: u64, sha256: Sha256, sealed_sha256: Sha256 },
    /// A key file whose form and signature are right.
    Holds { generation: u32, layers: Vec<String>, sha256: Sha256 },
    /// Not taken.
    Refused { step: Step, code: String },
}

impl Outcome {
    pub(super) fn is_valid(&self) -> bool {
        !matches!(self, Self::Refused { .. })
    }
}

/// The steps of reading, in their order; a key file has the first and the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Step {
    Check,
    Facts,
    Unlock,
    Open,
    Compare,
    Signature,
}

fn refused(step: Step) -> impl Fn(Error) -> Outcome {
    move |error| Outcome::Refused { step, code: error.code().to_owned() }
}

pub(super) fn sealed_file(bytes: &[u8], vector: &Vector) -> Outcome {
    open(bytes, vector).unwrap_or_else(|refusal| refusal)
}

fn open(bytes: &[u8], vector: &Vector) -> Result<Outcome, Outcome> {
    let key = |text: &Option<String>| unhex(text.as_deref().expect("sealed files have keys"));
    let verify = |signer, message: &[u8], signature: &[u8; 64]| verify(vector, signer, message, signature);
    let length = bytes.len() as u64;
    let checked = check(&mut &bytes[..], length, &verify).map_err(refused(Step::Check))?;
    let facts_key = FactsKey::from_bytes(key(&vector.facts_key));
    let facts = checked.facts(&facts_key).map_err(refused(Step::Facts))?;
    let item_key = ItemKey::from_bytes(key(&vector.item_key));
    let opener = unlock(checked.header(), &item_key).map_err(refused(Step::Unlock))?;
    let clear = content(bytes, &checked, &opener).map_err(refused(Step::Open))?;
    let sha256 = Sha256(sha2::Sha256::digest(&clear).into());
    if sha256 != facts.fingerprints.sha256 {
        return Err(Outcome::Refused { step: Step::Compare, code: "fingerprint".to_owned() });
    }
    assert_eq!(clear.len() as u64, checked.layout().size());
    Ok(Outcome::Opens {
        size: clear.len() as u64,
        segments: checked.layout().segments(),
        sha256,
        sealed_sha256: checked.sealed_sha256(),
    })
}

fn content(bytes: &[u8], checked: &Checked, opener: &SegmentOpener) -> Result<Vec<u8>, Error> {
    let layout = checked.layout();
    let mut clear = Vec::new();
    for index in 0..=layout.last() {
        let range = layout.sealed_range(index);
        let at = |offset| usize::try_from(offset).expect("a small file");
        let mut segment = bytes[at(range.start)..at(range.end)].to_vec();
        opener.open(index, layout.place(index), &mut segment)?;
        clear.append(&mut segment);
    }
    Ok(clear)
}

pub(super) fn key_file(bytes: &[u8], vector: &Vector) -> Outcome {
    let file = match KeyFile::parse(bytes) {
        Ok(file) => file,
        Err(error) => return refused(Step::Check)(error),
    };
    assert_eq!(file.to_bytes(), bytes, "a key file has one form");
    if !verify(vector, file.signer, &file.signed_bytes(), &file.signature) {
        return Outcome::Refused { step: Step::Signature, code: "signature".to_owned() };
    }
    Outcome::Holds {
        generation: file.generation.0,
        layers: file.layers.iter().map(|layer| layer.domain.name().to_owned()).collect(),
        sha256: Sha256(sha2::Sha256::digest(bytes).into()),
    }
}

/// The vector's node key is the only one that is certified.
fn verify(vector: &Vector, signer: KeyId, message: &[u8], signature: &[u8; 64]) -> bool {
    let public: [u8; 32] = unhex(&vector.node_public);
    let key = VerifyingKey::from_bytes(&public).expect("a public key");
    let id = sha2::Sha256::digest(public);
    signer.0 == id[..8] && key.verify_strict(message, &(*signature).into()).is_ok()
}

fn unhex(text: &str) -> [u8; 32] {
    hex::decode(text).expect("hex").try_into().expect("32 bytes")
}

/// The file that the library makes of the same content and keys.
pub(super) fn seal_with_library(file: &ByHand) -> Vec<u8> {
    let facts: SealedFacts = serde_json::from_slice(&file.facts).expect("true facts");
    let plan = Plan {
        archive: ArchiveId::from_bytes(file.archive),
        item: ItemId::from_bytes(file.item),
        role: if file.role == 1 { Role::Original } else { Role::Derivative },
        segment: SegmentSize::new(file.segment).expect("an allowed size"),
        salt: file.salt,
    };
    let (header, mut sealer) = begin(plan, &ItemKey::from_bytes(file.item_key));
    let mut bytes = header.to_bytes().to_vec();
    let count = file.clear.len().div_ceil(file.segment as usize).max(1);
    for index in 0..count {
        let rest = &file.clear[index * file.segment as usize..];
        let mut segment = rest[..rest.len().min(file.segment as usize)].to_vec();
        let place = if index + 1 == count { Place::Last } else { Place::Middle };
        sealer.seal(&mut segment, place).expect("a segment of the right length");
        bytes.extend_from_slice(&segment);
    }
    let node = SigningKey::from_bytes(&file.node);
    let ending = tail(Tail {
        body: sealer.finish().expect("the last segment was sealed"),
        so_far: sha2::Sha256::new_with_prefix(&bytes),
        facts: &facts,
        facts_key: &FactsKey::from_bytes(file.facts_key),
        signer: KeyId(file.signer()),
        sign: &|message| ed25519_dalek::Signer::sign(&node, message).to_bytes(),
    });
    bytes.extend_from_slice(&ending.expect("facts that agree").bytes);
    bytes
}
