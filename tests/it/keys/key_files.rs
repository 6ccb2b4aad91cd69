//! Sealing item keys and opening them again.

use sealdock::keys::{Custody, Error, EscrowKey, Role};
use sealdock::model::{ArchiveId, Domain, Generation, KeyId};
use sealdock::seal::KeyFile;
use sealdock::sys::OsEntropy;

use super::{Archive, Cheap, passphrase};

fn every_set() -> impl Iterator<Item = Vec<Domain>> {
    (1..16_u8).map(|set| {
        let chosen = |domain: &Domain| set & 1 << (domain.number() - 1) != 0;
        Domain::ALL.into_iter().filter(chosen).collect()
    })
}

fn custody(archive: &Archive) -> Custody {
    Custody::unlock(&archive.keyring, &passphrase(), &Cheap).expect("unlocked")
}

#[test]
fn custodians_and_escrow_open_every_set_of_domains() {
    let archive = Archive::new();
    let custody = custody(&archive);
    let escrow = EscrowKey::combine(&archive.keyring, &archive.shares[..2]).expect("enough");
    let mut sets = 0;
    for domains in every_set() {
        let (key, file) = archive.seal(&domains);
        let read = KeyFile::parse(&file.to_bytes()).expect("a key file");
        assert_eq!(read, file);
        assert_eq!(read.layers.iter().map(|layer| layer.domain).collect::<Vec<_>>(), domains);
        assert_eq!(*custody.open(&archive.keyring, &read).expect("opened").expose(), key);
        assert_eq!(*escrow.open(&archive.keyring, &read).expect("opened").expose(), key);
        sets += 1;
    }
    assert_eq!(sets, 15);
}

#[test]
fn raising_wraps_what_is_there_in_one_more_layer() {
    let archive = Archive::new();
    let (key, first) = archive.seal(&[Domain::Personal]);
    let second = archive.keyring.raise(&first, &[Domain::General], &OsEntropy).expect("raised");
    let third = archive.keyring.raise(&second, &[Domain::State], &OsEntropy).expect("raised");
    assert_eq!((second.generation, third.generation), (Generation(2), Generation(3)));
    assert_eq!(third.escrow, first.escrow, "the escrow copy stays");
    let read = KeyFile::parse(&third.to_bytes()).expect("a key file");
    assert_eq!(*custody(&archive).open(&archive.keyring, &read).expect("opened").expose(), key);

    let again = archive.keyring.raise(&third, &[Domain::State], &OsEntropy);
    assert!(matches!(again, Err(Error::BadDomains { .. })));
}

#[test]
fn no_domain_and_one_twice_are_refused() {
    let archive = Archive::new();
    let (_, mut file) = archive.seal(&[Domain::General, Domain::Personal]);
    file.layers[1].domain = Domain::General;
    assert!(matches!(
        archive.keyring.verify_key_file(&archive.resign(file.clone())),
        Err(Error::BadDomains { .. })
    ));
    file.layers.clear();
    assert!(matches!(
        archive.keyring.verify_key_file(&archive.resign(file)),
        Err(Error::BadDomains { .. })
    ));
}

#[test]
fn any_flipped_bit_is_found_without_any_private_key() {
    let archive = Archive::new();
    let (_, file) = archive.seal(&[Domain::General, Domain::Commercial]);
    let whole = file.to_bytes();
    for place in 0..whole.len() {
        let mut bad = whole.clone();
        bad[place] ^= 1 << (place % 8);
        let accepted =
            KeyFile::parse(&bad).is_ok_and(|file| archive.keyring.verify_key_file(&file).is_ok());
        assert!(!accepted, "byte {place}");
    }
    for length in 0..whole.len() {
        assert!(KeyFile::parse(&whole[..length]).is_err(), "{length} bytes");
    }
}

/// The node key alone must not be enough to move a key from one item to another.
#[test]
fn a_thief_of_the_node_key_cannot_swap_keys_between_items() {
    let archive = Archive::new();
    let custody = custody(&archive);
    let escrow = EscrowKey::combine(&archive.keyring, &archive.shares).expect("enough");
    let (_, ours) = archive.seal(&[Domain::General, Domain::Personal]);
    let (_, theirs) = archive.seal(&[Domain::General, Domain::Personal]);
    for swapped in [
        KeyFile { item: ours.item, ..theirs.clone() },
        KeyFile { commitment: ours.commitment, ..theirs.clone() },
        KeyFile { onion: ours.onion, escrow: ours.escrow, ..theirs },
    ] {
        let swapped = archive.resign(swapped);
        archive.keyring.verify_key_file(&swapped).expect("the signature is right");
        let opened = custody.open(&archive.keyring, &swapped);
        assert!(matches!(opened, Err(Error::DoesNotOpen { .. })));
        assert!(matches!(escrow.open(&archive.keyring, &swapped), Err(Error::DoesNotOpen { .. })));
    }
}

#[test]
fn layers_cannot_be_reordered_dropped_or_renamed() {
    let archive = Archive::new();
    let custody = custody(&archive);
    let (_, file) = archive.seal(&[Domain::General, Domain::Personal]);
    let mut reordered = file.clone();
    reordered.layers.reverse();
    let mut dropped = file.clone();
    dropped.layers.pop();
    for bad in [reordered, dropped] {
        let bad = archive.resign(bad);
        assert!(matches!(custody.open(&archive.keyring, &bad), Err(Error::DoesNotOpen { .. })));
    }
    let mut renamed = file;
    renamed.layers[0].domain = Domain::State;
    let error = custody.open(&archive.keyring, &archive.resign(renamed)).expect_err("refused");
    assert!(matches!(error, Error::NotCertified { role: Role::Domain(Domain::State), .. }));
}

#[test]
fn keys_that_the_root_did_not_certify_are_refused() {
    let archive = Archive::new();
    let (_, file) = archive.seal(&[Domain::General]);
    let stranger = KeyId([9; 8]);

    let mut layer = file.clone();
    layer.layers[0].key = stranger;
    let escrow = KeyFile { escrow_key: stranger, ..file.clone() };
    // Certified, but for something else.
    let mut other_role = file.clone();
    other_role.layers[0].key = archive.keyring.head_signer();
    for bad in [layer, escrow, other_role] {
        let error = archive.keyring.verify_key_file(&archive.resign(bad)).expect_err("refused");
        assert!(matches!(error, Error::NotCertified { .. }) && error.is_integrity(), "{error}");
    }
    for signer in [stranger, archive.keyring.head_signer(), archive.keyring.root()] {
        let error =
            archive.keyring.verify_key_file(&KeyFile { signer, ..file.clone() }).expect_err("refused");
        assert!(matches!(error, Error::NotCertified { role: Role::Node, .. }), "{error}");
    }
}

#[test]
fn another_archives_key_files_are_refused() {
    let (ours, theirs) = (Archive::new(), Archive::new());
    let (_, file) = theirs.seal(&[Domain::General]);
    assert!(matches!(ours.keyring.verify_key_file(&file), Err(Error::WrongArchive { .. })));
    let claimed = KeyFile { archive: ours.keyring.archive(), ..file };
    assert!(matches!(ours.keyring.verify_key_file(&claimed), Err(Error::NotCertified { .. })));
    let moved = KeyFile { archive: ArchiveId::from_bytes([7; 16]), ..ours.seal(&[Domain::General]).1 };
    assert!(matches!(ours.keyring.verify_key_file(&moved), Err(Error::WrongArchive { .. })));
}

#[test]
fn only_certified_node_keys_verify() {
    let archive = Archive::new();
    let keyring = &archive.keyring;
    let signature = keyring.sign(b"message");
    assert!(keyring.verify(keyring.signer(), b"message", &signature));
    assert!(!keyring.verify(keyring.signer(), b"massage", &signature));
    assert!(!keyring.verify(keyring.head_signer(), b"message", &keyring.sign_head(b"message")));
    assert!(!keyring.verify(KeyId([0; 8]), b"message", &signature));
    assert_eq!(keyring.head_publics(), [keyring.head_public()]);
}

#[test]
fn nothing_secret_is_printed() {
    let archive = Archive::new();
    let custody = custody(&archive);
    let escrow = EscrowKey::combine(&archive.keyring, &archive.shares).expect("enough");
    let printed = format!("{:?} {custody:?} {escrow:?} {:?}", archive.keyring, archive.shares);
    assert!(printed.contains("Share(secret)"));
    let facts = archive.keyring.facts_key().expose();
    for secret in [hex::encode(facts), format!("{facts:?}"), archive.shares[0].text().to_owned()] {
        assert!(!printed.contains(&secret));
    }
}
