//! Escrow: the private half of the escrow key in shares (Shamir), and what enough of them open.

use std::fmt;

use blahaj::Sharks;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::custody::item_key;
use super::layer::{Binding, Dice, Place, public_of, recipient, unwrap};
use super::secret::Seed;
use super::{Certificates, Error, EscrowRule, Role, base32};
use crate::model::{ArchiveId, KeyId};
use crate::seal::{ItemKey, KeyFile};
use crate::sys::Entropy;

const PREFIX: &str = "sealdock-share-1-";
/// Archive, key, needed, shares, number, value: what the checksum is over.
const CONTENT: usize = 16 + 8 + 3 + Seed::LENGTH;
/// 48 bits: a slip of the pen passes once in 10^14.
const CHECKSUM: usize = 6;

/// One share, as text for paper: a prefix, then 13 groups of 8 letters and digits. Zeroed when dropped;
/// printed only by whoever asks for its text.
pub struct Share(Zeroizing<String>);

impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Share(secret)")
    }
}

impl Share {
    /// Takes what someone typed or a file held; whether it is a share is seen when shares are combined.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(Zeroizing::new(text.trim().to_owned()))
    }

    /// The text to write down.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    fn of(parts: &Parts) -> Self {
        let mut bytes = Zeroizing::new(Vec::with_capacity(CONTENT + CHECKSUM));
        bytes.extend_from_slice(parts.archive.as_bytes());
        bytes.extend_from_slice(&parts.key.0);
        bytes.extend_from_slice(&[parts.rule.needed, parts.rule.shares, parts.number]);
        bytes.extend_from_slice(parts.value.expose());
        let sum = checksum(&bytes);
        bytes.extend_from_slice(&sum);
        let digits = base32::encode(&bytes);
        let mut text = Zeroizing::new(String::with_capacity(PREFIX.len() + digits.len() * 9 / 8));
        text.push_str(PREFIX);
        for (place, group) in digits.as_bytes().chunks(8).enumerate() {
            if place > 0 {
                text.push('-');
            }
            text.extend(group.iter().map(|digit| char::from(*digit)));
        }
        Self(text)
    }

    fn parts(&self) -> Result<Parts, &'static str> {
        let start = self.0.get(..PREFIX.len()).filter(|start| start.eq_ignore_ascii_case(PREFIX));
        start.ok_or("it does not begin with sealdock-share-1-")?;
        let mut digits = Zeroizing::new(String::with_capacity(self.0.len()));
        let is_spacing = |letter: &char| *letter == '-' || letter.is_ascii_whitespace();
        digits.extend(self.0[PREFIX.len()..].chars().filter(|letter| !is_spacing(letter)));
        let bytes = base32::decode(&digits).ok_or("a letter or digit is wrong or missing")?;
        if bytes.len() != CONTENT + CHECKSUM {
            return Err("it has too few or too many letters and digits");
        }
        let (content, sum) = bytes.split_at(CONTENT);
        if checksum(content) != sum {
            return Err("its checksum does not fit: a letter or digit is wrong");
        }
        Ok(Parts::read(content))
    }
}

fn checksum(content: &[u8]) -> [u8; CHECKSUM] {
    let digest = Sha256::new().chain_update(PREFIX).chain_update(content).finalize();
    std::array::from_fn(|place| digest[place])
}

/// What a share says.
struct Parts {
    archive: ArchiveId,
    key: KeyId,
    rule: EscrowRule,
    /// From 1.
    number: u8,
    value: Seed,
}

impl Parts {
    fn read(content: &[u8]) -> Self {
        fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
            bytes.try_into().expect("the content has its length, and the fields add up to it")
        }
        Self {
            archive: ArchiveId::from_bytes(array(&content[..16])),
            key: KeyId(array(&content[16..24])),
            rule: EscrowRule { needed: content[24], shares: content[25] },
            number: content[26],
            value: Seed::copied(&content[27..]).expect("the value is the last 32 bytes"),
        }
    }

    fn point(&self) -> blahaj::Share {
        let mut bytes = Zeroizing::new([0; 1 + Seed::LENGTH]);
        bytes[0] = self.number;
        bytes[1..].copy_from_slice(self.value.expose());
        blahaj::Share::try_from(bytes.as_slice()).expect("a point has 2 bytes or more")
    }
}

/// What is split, and how.
#[derive(Clone, Copy)]
pub(super) struct Splitting {
    pub(super) archive: ArchiveId,
    pub(super) key: KeyId,
    pub(super) rule: EscrowRule,
}

/// Splits the private escrow key. Fewer shares than are needed say nothing about it.
pub(super) fn split(private: &Seed, splitting: Splitting, entropy: &dyn Entropy) -> Vec<Share> {
    let Splitting { archive, key, rule } = splitting;
    Sharks(rule.needed)
        .dealer_rng(private.expose(), &mut Dice(entropy))
        .take(usize::from(rule.shares))
        .map(|point| {
            let bytes = Zeroizing::new(Vec::from(&point));
            let value =
                Seed::copied(&bytes[1..]).expect("a point is a number and as many bytes as the secret");
            Share::of(&Parts { archive, key, rule, number: bytes[0], value })
        })
        .collect()
}

/// The private escrow key, brought back from shares. Zeroed when dropped; cannot be printed.
pub struct EscrowKey {
    id: KeyId,
    private: Seed,
}

impl fmt::Debug for EscrowKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EscrowKey").field("id", &self.id).finish_non_exhaustive()
    }
}

impl EscrowKey {
    /// Combines shares; every one that is given takes part, so that a drill proves them all. The outcome
    /// is compared with the certified public key.
    ///
    /// # Errors
    /// [`Error::BadShare`] for one that is not whole or not of the same key, [`Error::WrongArchive`],
    /// [`Error::MissingShares`], [`Error::NotCertified`] for a key that is not this archive's,
    /// [`Error::SharesDisagree`] where whole shares do not give the key.
    pub fn combine(certificates: &Certificates, shares: &[Share]) -> Result<Self, Error> {
        let parts = read_all(certificates, shares)?;
        let Some(first) = parts.first() else {
            let (id, _) = certificates.recipient(Role::Escrow);
            return Err(Error::MissingShares { have: 0, needed: rule_of(certificates, id)?.needed });
        };
        let (id, rule) = (first.key, rule_of(certificates, first.key)?);
        let have = u8::try_from(parts.len()).expect("different numbers of one byte");
        if have < rule.needed {
            return Err(Error::MissingShares { have, needed: rule.needed });
        }
        let points: Vec<blahaj::Share> = parts.iter().map(Parts::point).collect();
        let secret = Sharks(rule.needed).recover(&points).map_err(|_| Error::SharesDisagree)?;
        let private = Seed::copied(&Zeroizing::new(secret)).ok_or(Error::SharesDisagree)?;
        let certified = certificates.certified(Role::Escrow, id)?.sealing();
        if recipient(&public_of(&private)).as_ref() != certified {
            return Err(Error::SharesDisagree);
        }
        Ok(Self { id, private })
    }

    /// The private half of this very key.
    pub(super) fn private(&self, id: KeyId) -> Option<&Seed> {
        (self.id == id).then_some(&self.private)
    }

    /// Opens the escrow copy in a key file. The key it gives is checked against the commitment by
    /// `seal::unlock`.
    ///
    /// # Errors
    /// What [`Certificates::verify_key_file`] refuses; [`Error::DoesNotOpen`], also where the file was sealed to
    /// another escrow key.
    pub fn open(&self, certificates: &Certificates, file: &KeyFile) -> Result<ItemKey, Error> {
        certificates.verify_key_file(file)?;
        // Bound to the id of this key, so that a copy made for another escrow key fails here.
        let binding = Binding::of(file, self.id, Place::Escrow);
        let content = unwrap(&self.private, binding, &file.escrow)
            .ok_or(Error::DoesNotOpen { item: file.item, id: self.id })?;
        item_key(file, &content)
    }
}

fn rule_of(certificates: &Certificates, id: KeyId) -> Result<EscrowRule, Error> {
    let certified = certificates.certified(Role::Escrow, id)?;
    Ok(certified.escrow_rule().expect("open() wants a rule in every escrow certificate"))
}

/// The different shares among those given, each whole and of one key of this archive.
fn read_all(certificates: &Certificates, shares: &[Share]) -> Result<Vec<Parts>, Error> {
    let mut all: Vec<Parts> = Vec::new();
    for (before, share) in shares.iter().enumerate() {
        let bad = |what| Error::BadShare { place: before + 1, what };
        let parts = share.parts().map_err(bad)?;
        if parts.archive != certificates.archive() {
            return Err(Error::WrongArchive { wanted: certificates.archive(), found: parts.archive });
        }
        let rule = rule_of(certificates, parts.key)?;
        if parts.rule != rule || parts.number == 0 || parts.number > rule.shares {
            return Err(bad("it does not keep the rule that the root certified"));
        }
        if all.first().is_some_and(|first| first.key != parts.key) {
            return Err(bad("it is of another escrow key than the first"));
        }
        match all.iter().find(|other| other.number == parts.number) {
            Some(other) if other.value.expose() == parts.value.expose() => {}
            Some(_) => return Err(bad("another share has the same number")),
            None => all.push(parts),
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Keyring, Making, Passphrase, StretchHere};
    use super::*;
    use crate::model::Moment;
    use crate::sys::{Disk, OsEntropy};

    fn splitting(needed: u8, shares: u8) -> Splitting {
        Splitting {
            archive: ArchiveId::from_bytes([1; 16]),
            key: KeyId([2; 8]),
            rule: EscrowRule { needed, shares },
        }
    }

    fn recovered(shares: &[&Share], needed: u8) -> Vec<u8> {
        let points: Vec<_> = shares.iter().map(|share| share.parts().expect("whole").point()).collect();
        Sharks(needed).recover(&points).expect("enough points")
    }

    #[test]
    fn a_share_names_archive_key_and_rule() {
        let private = Seed::fresh(&OsEntropy);
        for (before, share) in split(&private, splitting(2, 3), &OsEntropy).iter().enumerate() {
            let parts = share.parts().expect("whole");
            assert_eq!(parts.archive, ArchiveId::from_bytes([1; 16]));
            assert_eq!(parts.key, KeyId([2; 8]));
            assert_eq!(parts.rule, EscrowRule { needed: 2, shares: 3 });
            assert_eq!(usize::from(parts.number), before + 1);
            assert_ne!(parts.value.expose(), private.expose());
            assert_eq!(share.text().len(), PREFIX.len() + 13 * 9 - 1);
        }
    }

    #[test]
    fn people_may_write_it_their_way() {
        let share = &split(&Seed::fresh(&OsEntropy), splitting(2, 2), &OsEntropy)[0];
        let (start, digits) = share.text().split_at(PREFIX.len());
        let spaced = Share::new(&format!("  {start}{}\n", digits.replace('-', " ").to_lowercase()));
        let value = |share: &Share| *share.parts().expect("whole").value.expose();
        assert_eq!(value(&spaced), value(share));
    }

    #[test]
    fn every_single_wrong_letter_is_noticed() {
        let share = &split(&Seed::fresh(&OsEntropy), splitting(2, 2), &OsEntropy)[0];
        for place in 0..share.text().len() {
            let mut letters: Vec<char> = share.text().chars().collect();
            letters[place] = if letters[place] == 'Z' { 'X' } else { 'Z' };
            let bad = Share::new(&letters.iter().collect::<String>());
            assert!(bad.parts().is_err(), "letter {place}");
            letters.truncate(place);
            let cut = Share::new(&letters.iter().collect::<String>());
            assert!(cut.parts().is_err(), "cut at {place}");
        }
    }

    /// A keyring, and what its first two shares say.
    fn archive(home: &std::path::Path) -> (Keyring, [Parts; 2]) {
        let (keyring, shares) = Keyring::make(&Making {
            folder: &home.join("keys"),
            disk: &Disk::default(),
            entropy: &OsEntropy,
            now: Moment::UNIX_EPOCH,
            passphrase: &Passphrase::new("a phrase").expect("taken"),
            stretch: &StretchHere,
            escrow: EscrowRule::DEFAULT,
        })
        .expect("made");
        (keyring, [0, 1].map(|place: usize| shares[place].parts().expect("whole")))
    }

    #[test]
    fn shares_that_were_made_up_are_refused_though_their_checksums_fit() {
        let home = tempfile::tempdir().expect("a temporary folder");
        let (keyring, [first, second]) = archive(home.path());
        let with = |change: &dyn Fn(&mut Parts)| {
            let mut parts = Parts::read(&[0; CONTENT]);
            (parts.archive, parts.key, parts.rule) = (second.archive, second.key, second.rule);
            (parts.number, parts.value) = (second.number, seed(*second.value.expose()));
            change(&mut parts);
            EscrowKey::combine(&keyring, &[Share::of(&first), Share::of(&parts)])
        };
        assert!(with(&|_| {}).is_ok());
        assert!(matches!(with(&|parts| parts.value = seed([7; 32])), Err(Error::SharesDisagree)));
        assert!(matches!(with(&|parts| parts.key = KeyId([7; 8])), Err(Error::NotCertified { .. })));
        let bad: [&dyn Fn(&mut Parts); 5] = [
            &|parts| parts.number = 1,
            &|parts| parts.number = 0,
            &|parts| parts.number = 4,
            &|parts| parts.rule.needed = 1,
            &|parts| parts.rule.shares = 200,
        ];
        for change in bad {
            assert!(matches!(with(change), Err(Error::BadShare { place: 2, .. })));
        }
    }

    fn seed(bytes: [u8; 32]) -> Seed {
        Seed::copied(&bytes).expect("32 bytes")
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn enough_shares_give_the_secret_and_fewer_do_not(needed in 2_u8..=16, extra in 0_u8..=15) {
            let shares = needed.saturating_add(extra).min(16);
            let private = Seed::fresh(&OsEntropy);
            let all = split(&private, splitting(needed, shares), &OsEntropy);
            prop_assert_eq!(all.len(), usize::from(shares));
            let last: Vec<&Share> = all.iter().rev().take(usize::from(needed)).collect();
            prop_assert_eq!(recovered(&last, needed), private.expose().to_vec());
            let fewer = &last[1..];
            prop_assert_ne!(recovered(fewer, needed - 1), private.expose().to_vec());
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,200}", digits in "[0-9A-Z-]{0,140}") {
            let _ = Share::new(&text).parts();
            let _ = Share::new(&format!("{PREFIX}{digits}")).parts();
        }
    }
}
