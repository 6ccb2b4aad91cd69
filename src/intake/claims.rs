//! Checksums that docks write beside their files: claims to verify, whenever they arrive.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::{Condvar, Mutex, PoisonError};

use super::attempt::content;
use super::{Door, Intake};
use crate::evidence::{ClaimDigest, Heeding, digest_again};
use crate::inbox::{Claimed, Listing, Root, claims_about, claims_in, has_namesakes};
use crate::model::{
    Act, ClaimAlgorithm, DepositFacts, DigestClaim, ItemId, Kind, Outcome, RawName, Sha256, chain,
};
use crate::rules::checksums::{self, ClaimLine, parse_checksums};
use crate::rules::companions::{Tie, owner, tie};

/// Names in a folder that are compared with the stem of a checksum that came late: a day's folder of a busy
/// dock holds a few hundred.
const MOST_NEIGHBOURS: usize = 10_000;

/// What the sidecars beside one file claim about it, not yet compared.
#[derive(Debug, Clone, Default)]
pub(super) struct Claims(Vec<Claimed>);

/// Whether a file is alone with its stem in its folder, sidecars aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stem {
    Own,
    Shared,
}

impl Claims {
    /// Reads the sidecars that lie beside a file now.
    pub(super) fn beside(root: &Root, media: &RawName) -> Self {
        Self(claims_about(root, media))
    }

    /// The algorithms that are needed to check them.
    pub(super) fn algorithms(&self) -> Vec<ClaimAlgorithm> {
        let mut algorithms: Vec<_> = self.0.iter().map(|claim| claim.algorithm).collect();
        algorithms.sort_unstable();
        algorithms.dedup();
        algorithms
    }

    /// Compares them with the digests that were taken. `X.md5` may speak of `X.mp4` or of `X.jpg`: where the
    /// stem is shared, a difference proves nothing and the claim stays unverified. That is asked only after a
    /// difference, because it takes a look at the whole folder.
    pub(super) fn judge(&self, digests: &[ClaimDigest], stem: &dyn Fn() -> Stem) -> Vec<DigestClaim> {
        self.0
            .iter()
            .map(|claim| {
                let digest = digests.iter().find(|digest| digest.algorithm == claim.algorithm);
                let outcome = match digest {
                    None => Outcome::Unverified,
                    Some(digest) if digest.value == claim.hex => Outcome::Verified,
                    Some(_) if claim.tie == Tie::Stem && stem() == Stem::Shared => Outcome::Unverified,
                    Some(_) => Outcome::Mismatch,
                };
                let (algorithm, value) = (claim.algorithm, claim.hex.clone());
                DigestClaim { algorithm, value, from: claim.from.clone(), outcome }
            })
            .collect()
    }

    fn without(mut self, heeded: &Self) -> Self {
        self.0.retain(|claim| !heeded.0.contains(claim));
        self
    }
}

/// Whether any claim says that these are other bytes.
pub(super) fn contradicted(claims: &[DigestClaim]) -> bool {
    claims.iter().any(|claim| claim.outcome == Outcome::Mismatch)
}

/// Whether a claim that is noted already says what another would.
fn says_as_much(noted: &DigestClaim, claim: &DigestClaim) -> bool {
    DigestClaim { outcome: claim.outcome, ..noted.clone() } == *claim
        && (noted.outcome == claim.outcome || noted.outcome != Outcome::Unverified)
}

/// Things that one attempt at a time may work on; others wait for their turn. Nobody holds two turns of a kind.
#[derive(Debug)]
pub(super) struct InFlight<K> {
    held: Mutex<HashSet<K>>,
    freed: Condvar,
}

/// The right to work on one of them.
pub(super) struct Turn<'a, K: Eq + Hash> {
    all: &'a InFlight<K>,
    mine: K,
}

impl<K> Default for InFlight<K> {
    fn default() -> Self {
        Self { held: Mutex::default(), freed: Condvar::new() }
    }
}

impl<K: Eq + Hash + Clone> InFlight<K> {
    pub(super) fn turn(&self, mine: K) -> Turn<'_, K> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        while held.contains(&mine) {
            held = self.freed.wait(held).unwrap_or_else(PoisonError::into_inner);
        }
        held.insert(mine.clone());
        Turn { all: self, mine }
    }
}

impl<K: Eq + Hash> Drop for Turn<'_, K> {
    fn drop(&mut self) {
        self.all.held.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.mine);
        self.all.freed.notify_all();
    }
}

/// An item and the deposit by which it lies in an inbox.
struct Lying {
    item: ItemId,
    facts: DepositFacts,
    /// Beneath the open root.
    path: RawName,
}

impl Intake {
    /// After a commit: compares claims that were not there when the attempt began. For a clip, sidecars that
    /// came meanwhile; for a checksum, the clips that were sealed before it came.
    pub(super) fn check_late(
        &self,
        door: &Door,
        path: &RawName,
        (facts, heeded): (&DepositFacts, &Claims),
    ) {
        if facts.kind != Kind::Sidecar {
            let late = Claims::beside(&door.root, path).without(heeded);
            if late.0.is_empty() {
                return;
            }
            let item = self.parts().catalog.deposit(facts.deposit).ok().flatten().map(|row| row.item);
            if let Some(item) = item {
                self.compare(door, &Lying { item, facts: facts.clone(), path: path.clone() }, &late);
            }
            return;
        }
        let Ok(bytes) = door.root.read_small(path, checksums::MAX_BYTES) else { return };
        let lines = parse_checksums(&bytes, path);
        if lines.is_empty() {
            return;
        }
        for media in self.spoken_of(door, path, &lines) {
            let recorded = door.root.written(&media);
            let Ok(found) = self.parts().catalog.deposits_at(&door.rules.dock, &recorded) else { continue };
            if found.is_empty() || self.stopping() {
                continue;
            }
            let claims = Claims(claims_in(&lines, path, &media));
            for row in found {
                let heeded = row.facts.claims.iter().any(|claim| claim.from == *path);
                if !heeded {
                    self.compare(
                        door,
                        &Lying { item: row.item, facts: row.facts, path: media.clone() },
                        &claims,
                    );
                }
            }
        }
    }

    /// The files that the lines of a sidecar may speak of: those it names, the one it is named after, and those
    /// that share its stem.
    fn spoken_of(&self, door: &Door, sidecar: &RawName, lines: &[ClaimLine]) -> Vec<RawName> {
        let folder = sidecar.folder();
        let beside = |name: &RawName| match folder.as_bytes() {
            [] => name.clone(),
            folder => RawName::new([folder, b"/", name.as_bytes()].concat()),
        };
        let named =
            lines.iter().filter_map(|line| line.name.as_ref()).map(|name| beside(&name.file_name()));
        let mut media: Vec<RawName> = named.chain(owner(sidecar).map(|name| beside(&name))).collect();
        if lines.iter().any(|line| line.name.is_none())
            && let Ok(Listing::Whole(names)) = door.root.list(&folder, MOST_NEIGHBOURS)
        {
            media.extend(names.iter().map(beside).filter(|path| tie(sidecar, path).is_some()));
        }
        media.sort_unstable();
        media.dedup();
        media
    }

    /// Whether another clip has the same stem.
    pub(super) fn stem_of(&self, door: &Door, path: &RawName) -> Stem {
        if has_namesakes(&door.root, path, &self.parts().naming.patterns) {
            Stem::Shared
        } else {
            Stem::Own
        }
    }

    /// A clip and its checksum that arrive together each find the other; whoever comes second finds the
    /// claim noted.
    fn compare(&self, door: &Door, lying: &Lying, claims: &Claims) {
        let Ok(Some(row)) = self.parts().catalog.item(lying.item) else { return };
        let _turn = self.0.in_flight.turn((door.rules.dock.clone(), row.sha256));
        let Ok(noted) = self.parts().catalog.claims_of(lying.item) else { return };
        let digests = self.digests_of(door, (lying, row.sha256), claims);
        let path = &lying.path;
        let contents: Vec<_> = claims
            .judge(&digests, &|| self.stem_of(door, path))
            .into_iter()
            .filter(|claim| !noted.iter().any(|known| says_as_much(known, claim)))
            .map(|claim| content(Act::ClaimChecked { item: lying.item, claim }))
            .collect();
        if contents.is_empty() {
            return;
        }
        if let Err(error) = self.parts().catalog.record(contents) {
            tracing::error!(item.id = %lying.item, error = %chain(&error), "a late checksum was not recorded");
        }
    }

    /// SHA-256 is known; for other algorithms the source is read again, if it is still the sealed file.
    fn digests_of(
        &self,
        door: &Door,
        (lying, sha256): (&Lying, Sha256),
        claims: &Claims,
    ) -> Vec<ClaimDigest> {
        let known = ClaimDigest { algorithm: ClaimAlgorithm::Sha256, value: sha256.to_string() };
        let algorithms = claims.algorithms();
        if algorithms.iter().all(|algorithm| *algorithm == ClaimAlgorithm::Sha256) {
            return vec![known];
        }
        match self.read_again(door, lying, &algorithms) {
            Some(digests) if digests.contains(&known) => digests,
            _ => vec![known],
        }
    }

    fn read_again(
        &self,
        door: &Door,
        lying: &Lying,
        algorithms: &[ClaimAlgorithm],
    ) -> Option<Vec<ClaimDigest>> {
        let open = door.root.open_file(&lying.path).ok()?;
        if open.source != lying.facts.source {
            return None;
        }
        let mut file = Heeding { from: &open.file, stop: &self.0.stop };
        let taken = digest_again(&mut file, algorithms).ok()?;
        door.root.check_unchanged(&lying.path, &open).ok()?;
        Some(taken.digests)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_noted_again_only_where_it_says_more() {
        let claim = |from: &str, outcome| DigestClaim {
            algorithm: ClaimAlgorithm::Md5,
            value: "d41d8cd98f00b204e9800998ecf8427e".to_owned(),
            from: RawName::new(from),
            outcome,
        };
        for (noted, wanted) in
            [(Outcome::Verified, true), (Outcome::Mismatch, true), (Outcome::Unverified, false)]
        {
            let says = says_as_much(&claim("a.md5", noted), &claim("a.md5", Outcome::Verified));
            assert_eq!(says, wanted, "{noted:?}");
        }
        let unverified = claim("a.md5", Outcome::Unverified);
        assert!(says_as_much(&unverified, &unverified));
        assert!(!says_as_much(&claim("b.md5", Outcome::Verified), &claim("a.md5", Outcome::Verified)));
    }
}
