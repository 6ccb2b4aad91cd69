//! Sealing one source: from an open descriptor to files that are durable, read back, and not yet named.

use std::io::Read;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use sha2::{Digest as _, Sha256 as Hasher};

use super::pipeline::{Segment, Segments, Stages, overlap};
use super::readback::{self, Expected, Written};
use super::{Chair, Error, Evidence};
use crate::keys::SealRequest;
use crate::model::{
    ClaimAlgorithm, Domain, Fingerprints, Generation, ItemId, Protection, Provenance, ReadBack,
    SealedFacts, Sha256,
};
use crate::seal::{self, ItemKey, Plan, Role, SealedBody, Tail};
use crate::vault::{Temporary, Unnamed};

/// One source to seal.
pub struct Sealing<'a> {
    /// Original or derivative.
    pub role: Role,
    /// The bytes, from their start.
    pub source: &'a mut dyn Read,
    /// More bytes than this are refused.
    pub limit: u64,
    /// Protections to write into the facts.
    pub protections: &'a [Protection],
    /// Domains whose keys shall all be needed to open it.
    pub domains: &'a [Domain],
    /// Digests to take besides SHA-256, because a checksum beside the file uses them.
    pub claims: &'a [ClaimAlgorithm],
    /// Says how the bytes came to be, once all are read.
    pub describe: &'a dyn Fn(&Taken) -> Provenance,
    /// Set when the process is stopping.
    pub stop: &'a AtomicBool,
    /// Who is asked for the keys that prove the key file, once there is something to prove.
    pub chair: &'a Chair,
}

/// What is known when the last byte was read.
#[derive(Debug, Clone)]
pub struct Taken {
    /// Bytes.
    pub size: u64,
    /// Their fingerprint.
    pub sha256: Sha256,
    /// The other digests that were asked for.
    pub digests: Vec<ClaimDigest>,
}

/// A digest taken to compare with a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimDigest {
    /// In which algorithm.
    pub algorithm: ClaimAlgorithm,
    /// Lower-case hex.
    pub value: String,
}

/// An item that is durable and was read back, but has no name yet. Dropping it removes its files.
#[derive(Debug)]
pub struct Unplaced {
    /// The new item.
    pub item: ItemId,
    /// What was read.
    pub taken: Taken,
    /// How it came to be, as its facts section says.
    pub provenance: Provenance,
    /// Sealed length in bytes.
    pub sealed_size: u64,
    /// Fingerprint of the sealed file.
    pub sealed_sha256: Sha256,
    /// Generation of the key file.
    pub generation: Generation,
    /// Fingerprint of the key file.
    pub keys_sha256: Sha256,
    /// How it was read back.
    pub readback: ReadBack,
    /// Whether a custodian's keys opened the key file.
    pub proven: bool,
    files: Option<Unnamed>,
}

impl Unplaced {
    /// Gives the files their names, and answers how many places have them. From here on they are the archive's (P7).
    ///
    /// # Errors
    /// Where a step fails in too many places; what a disk does not take back then stays for the next start to match.
    pub fn place(&mut self) -> Result<u32, Error> {
        Ok(self.files.take().map(Unnamed::settle).transpose()?.unwrap_or(0))
    }
}

/// A body sealed to its end, with what the file's end needs.
struct Passed {
    body: SealedBody,
    so_far: Hasher,
    taken: Taken,
}

impl Evidence {
    /// Seals a source in one pass, makes it durable in every place that takes files, and reads it back there.
    ///
    /// # Errors
    /// Whatever failed; nothing is left behind but what the next start sweeps.
    pub fn seal(&self, sealing: Sealing<'_>) -> Result<Unplaced, Error> {
        let key = ItemKey::from_bytes(self.entropy.bytes());
        let plan = Plan {
            archive: self.keyring.archive(),
            item: ItemId::new(self.clock.now(), self.entropy.bytes()),
            role: sealing.role,
            segment: self.segment,
            salt: self.entropy.bytes(),
        };
        let (role, item) = (plan.role, plan.item);
        let mut sealed = self.vault.begin_sealed(role, item)?;
        let (domains, stop, chair) = (sealing.domains, sealing.stop, sealing.chair);
        let (mut unplaced, written, commitment) = self.seal_body(sealing, plan, (&key, &mut sealed))?;
        sealed.sync()?;

        let key_file = self.keyring.seal_item_key(&SealRequest {
            key: &key,
            item,
            domains,
            generation: unplaced.generation,
            commitment,
            entropy: &*self.entropy,
        })?;
        let key_bytes = key_file.to_bytes();
        unplaced.keys_sha256 = Sha256(Hasher::digest(&key_bytes).into());
        let mut keys = self.vault.begin_keys((role, item, unplaced.generation), &sealed)?;
        keys.write_all(&key_bytes)?;
        keys.sync()?;

        let mut files = sealed.beside(keys)?;
        if self.reads_back() {
            let custody = chair.custody();
            let expected = Expected {
                unplaced: &unplaced,
                key: &key,
                written: &written,
                key_bytes: &key_bytes,
                custodian: custody.as_deref(),
                stop,
            };
            let seen = self.read_back(&mut files, &expected)?;
            unplaced.readback = seen.way;
            unplaced.proven = seen.proven;
        }
        unplaced.files = Some(files);
        Ok(unplaced)
    }

    fn seal_body(
        &self,
        sealing: Sealing<'_>,
        plan: Plan,
        (key, sealed): (&ItemKey, &mut Temporary),
    ) -> Result<(Unplaced, Written, [u8; 32]), Error> {
        let (archive, item) = (plan.archive, plan.item);
        let (protections, domains, describe) = (sealing.protections, sealing.domains, sealing.describe);
        let Passed { body, so_far, taken } = self.pass(sealing, plan, (key, sealed))?;
        let facts = SealedFacts {
            archive,
            item,
            size: taken.size,
            fingerprints: Fingerprints { sha256: taken.sha256 },
            protections: protections.to_vec(),
            domains: domains.to_vec(),
            provenance: describe(&taken),
        };
        let commitment = *body.header().commitment();
        let header = body.header().to_bytes();
        let end = seal::tail(Tail {
            body,
            so_far,
            facts: &facts,
            facts_key: self.keyring.facts_key(),
            signer: self.keyring.signer(),
            sign: &|message| self.keyring.sign(message),
        })?;
        sealed.write_all(&end.bytes)?;
        let unplaced = Unplaced {
            item,
            taken,
            provenance: facts.provenance,
            sealed_size: end.length,
            sealed_sha256: end.sealed_sha256,
            generation: Generation(1),
            keys_sha256: Sha256([0; 32]),
            readback: ReadBack::Off,
            proven: false,
            files: None,
        };
        Ok((unplaced, Written { header, end: end.bytes }, commitment))
    }

    /// The one pass: read and fingerprint; encrypt; fingerprint and write.
    fn pass(
        &self,
        sealing: Sealing<'_>,
        plan: Plan,
        (key, sealed): (&ItemKey, &mut Temporary),
    ) -> Result<Passed, Error> {
        let (header, mut sealer) = seal::begin(plan, key);
        let header = header.to_bytes();
        sealed.write_all(&header)?;
        let mut so_far = Hasher::new();
        so_far.update(header);
        let mut taking = Taking::new(sealing.claims);
        let mut segments = Segments::new(sealing.source, self.segment.clear());
        overlap(Stages {
            first: |spare| {
                if sealing.stop.load(Ordering::Relaxed) {
                    return Err(Error::Stopped);
                }
                let segment = segments.next(spare).map_err(Error::Source)?;
                if let Some(segment) = &segment {
                    taking.add(&segment.bytes);
                }
                if taking.size > sealing.limit {
                    return Err(Error::TooLarge { limit: sealing.limit });
                }
                Ok(segment)
            },
            second: |segment: &mut Segment| Ok(sealer.seal(&mut segment.bytes, segment.place)?),
            third: |segment: &Segment| {
                so_far.update(&segment.bytes);
                Ok(sealed.write_all(&segment.bytes)?)
            },
        })?;
        Ok(Passed { body: sealer.finish()?, so_far, taken: taking.finish() })
    }

    /// The first copy is opened; the others must be the same bytes. The weakest way of reading counts.
    fn read_back(&self, files: &mut Unnamed, expected: &Expected<'_>) -> Result<readback::Seen, Error> {
        let mut seen: Option<readback::Seen> = None;
        let look = |(sealed, keys): (&Path, &Path)| {
            self.vault.disk().step(crate::sys::Step::ReadBack(sealed)).map_err(readback::unreadable)?;
            let now = match &seen {
                None => readback::look(&self.keyring, (sealed, keys), expected)?,
                Some(first) => first.and(readback::look_again((sealed, keys), expected)?),
            };
            seen = Some(now);
            Ok(())
        };
        let is_of_the_place =
            |error: &Error| matches!(error, Error::ReadBack(_) | Error::Damaged(_) | Error::Seal(_));
        files.look(look, is_of_the_place)?;
        seen.ok_or(Error::ReadBack("no place"))
    }
}

/// Counts and fingerprints what is read.
struct Taking {
    size: u64,
    sha256: Hasher,
    others: Vec<Other>,
}

enum Other {
    Md5(md5::Md5),
    Sha1(sha1::Sha1),
    Sm3(sm3::Sm3),
}

impl Taking {
    fn new(claims: &[ClaimAlgorithm]) -> Self {
        let others = claims
            .iter()
            .filter_map(|algorithm| match algorithm {
                ClaimAlgorithm::Md5 => Some(Other::Md5(md5::Md5::default())),
                ClaimAlgorithm::Sha1 => Some(Other::Sha1(sha1::Sha1::default())),
                ClaimAlgorithm::Sm3 => Some(Other::Sm3(sm3::Sm3::default())),
                ClaimAlgorithm::Sha256 => None,
            })
            .collect();
        Self { size: 0, sha256: Hasher::new(), others }
    }

    fn add(&mut self, bytes: &[u8]) {
        self.size += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.sha256.update(bytes);
        for other in &mut self.others {
            match other {
                Other::Md5(hasher) => hasher.update(bytes),
                Other::Sha1(hasher) => hasher.update(bytes),
                Other::Sm3(hasher) => hasher.update(bytes),
            }
        }
    }

    fn finish(self) -> Taken {
        let sha256 = Sha256(self.sha256.finalize().into());
        let mut digests =
            vec![ClaimDigest { algorithm: ClaimAlgorithm::Sha256, value: sha256.to_string() }];
        digests.extend(self.others.into_iter().map(|other| match other {
            Other::Md5(hasher) => {
                ClaimDigest { algorithm: ClaimAlgorithm::Md5, value: hex::encode(hasher.finalize()) }
            }
            Other::Sha1(hasher) => {
                ClaimDigest { algorithm: ClaimAlgorithm::Sha1, value: hex::encode(hasher.finalize()) }
            }
            Other::Sm3(hasher) => {
                ClaimDigest { algorithm: ClaimAlgorithm::Sm3, value: hex::encode(hasher.finalize()) }
            }
        }));
        Taken { size: self.size, sha256, digests }
    }
}

/// Length and digests of all that is still to be read, SHA-256 among them.
///
/// # Errors
/// As `read(2)`.
pub fn digest_again(source: &mut dyn Read, claims: &[ClaimAlgorithm]) -> std::io::Result<Taken> {
    let mut taking = Taking::new(claims);
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match source.read(&mut buffer) {
            Ok(0) => return Ok(taking.finish()),
            Ok(read) => taking.add(&buffer[..read]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
