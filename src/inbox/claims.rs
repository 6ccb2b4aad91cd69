//! The checksums that lie beside a file.

use std::fs::File;

use rustix::fs::AtFlags;
use rustix::io::Errno;

use super::root::{Listing, Root};
use crate::model::{ClaimAlgorithm, RawName, Reason};
use crate::rules::checksums::{ClaimLine, MAX_BYTES, parse_checksums, speaks_of};
use crate::rules::companions::{Tie, checksum_places, owner};
use crate::rules::naming::Patterns;

/// The most claims about one file that are kept; a dock writes one.
const MAX_CLAIMS: usize = 16;

/// The most names that are looked through for another clip with the same stem.
const MAX_NEIGHBOURS: usize = 100_000;

/// A digest that somebody wrote down for a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// In which algorithm.
    pub algorithm: ClaimAlgorithm,
    /// Lower-case hex.
    pub hex: String,
    /// The sidecar that says so, relative to the inbox.
    pub from: RawName,
    /// How it names the file. Where a claim by [`Tie::Stem`] does not fit, ask [`has_namesakes`]: it may
    /// mean another file.
    pub tie: Tie,
}

/// What the checksums beside a file claim about it. A sidecar that is not there or cannot be read claims
/// nothing. Costs the same in a small folder and in a large one.
#[must_use]
pub fn claims_about(root: &Root, media: &RawName) -> Vec<Claimed> {
    let mut claims: Vec<Claimed> = Vec::new();
    // Hardly any of these names is there, and asking for one in an open folder is much less than opening it.
    let folder = root.open_folder(&media.folder());
    let may_lie =
        |sidecar: &RawName| folder.as_ref().map_or(true, |folder| may_lie_in(folder, &sidecar.file_name()));
    let places = checksum_places(media);
    let there = places.iter().filter(|sidecar| may_lie(sidecar));
    for claim in there.flat_map(|sidecar| read_claims(root, media, sidecar)) {
        let told = claims.iter().any(|known| known.hex == claim.hex && known.algorithm == claim.algorithm);
        if !told && claims.len() < MAX_CLAIMS {
            claims.push(claim);
        }
    }
    claims
}

/// Whether another clip in the folder has the same stem, so that `X.md5` may be about either of `X.mp4` and
/// `X.jpg`. Lists the folder. In one too full to tell, there is none: a checksum that does not fit is
/// worth a person's look.
#[must_use]
pub fn has_namesakes(root: &Root, media: &RawName, patterns: &Patterns) -> bool {
    let Ok(Listing::Whole(names)) = root.list(&media.folder(), MAX_NEIGHBOURS) else {
        return false;
    };
    let name = media.file_name();
    let stem = owner(&name);
    names.iter().filter(|other| **other != name && owner(other) == stem).any(|other| {
        let named = patterns.classify(&media.folder().join(other));
        named.ignored.is_none() && named.sidecar_of.is_none()
    })
}

/// Whether something may have this name. Where that cannot be told, reading it will tell.
fn may_lie_in(folder: &File, name: &RawName) -> bool {
    let found = rustix::fs::statat(folder, name.as_bytes(), AtFlags::SYMLINK_NOFOLLOW);
    found.map_or_else(|errno| errno != Errno::NOENT, |_| true)
}

fn read_claims(root: &Root, media: &RawName, sidecar: &RawName) -> Vec<Claimed> {
    let bytes = match root.read_small(sidecar, MAX_BYTES) {
        Ok(bytes) => bytes,
        Err(refusal) if refusal.reason == Reason::Vanished => return Vec::new(),
        Err(refusal) => {
            tracing::debug!(sidecar = %sidecar, reason = %refusal.reason, "a checksum cannot be read");
            return Vec::new();
        }
    };
    claims_in(&parse_checksums(&bytes, sidecar), sidecar, media)
}

/// What the lines of one sidecar claim about a file.
#[must_use]
pub fn claims_in(lines: &[ClaimLine], sidecar: &RawName, media: &RawName) -> Vec<Claimed> {
    lines
        .iter()
        .filter_map(|line| {
            let tie = speaks_of(line, sidecar, media)?;
            let ClaimLine { algorithm, hex, .. } = line.clone();
            Some(Claimed { algorithm, hex, from: sidecar.clone(), tie })
        })
        .take(MAX_CLAIMS)
        .collect()
}
