//! The escrow key and its shares.

use sealdock::keys::{Error, EscrowKey, Share};

use super::Archive;

fn copy(share: &Share) -> Share {
    Share::new(share.text())
}

#[test]
fn any_two_of_three_are_enough_and_one_is_not() {
    let archive = Archive::new();
    let [first, second, third] = &archive.shares[..] else { panic!("three shares") };
    for pair in [[first, second], [first, third], [third, second]] {
        EscrowKey::combine(&archive.keyring, &pair.map(copy)).expect("enough");
    }
    EscrowKey::combine(&archive.keyring, &archive.shares).expect("more than enough");
    for few in [vec![], vec![copy(first)], vec![copy(first), copy(first)]] {
        let have = u8::from(!few.is_empty());
        let error = EscrowKey::combine(&archive.keyring, &few).expect_err("too few");
        assert!(matches!(error, Error::MissingShares { have: h, needed: 2 } if h == have), "{error}");
    }
}

#[test]
fn a_share_that_is_not_whole_is_named() {
    let archive = Archive::new();
    let text = archive.shares[1].text();
    let (start, last) = text.split_at(text.len() - 1);
    let other = if last == "Z" { "X" } else { "Z" };
    for bad in [format!("{start}{other}"), start.to_owned(), "correct horse".to_owned(), String::new()] {
        let given = [copy(&archive.shares[0]), Share::new(&bad)];
        let error = EscrowKey::combine(&archive.keyring, &given).expect_err("not whole");
        assert!(matches!(error, Error::BadShare { place: 2, .. }), "{error}");
    }
}

#[test]
fn shares_of_another_archive_are_refused() {
    let (ours, theirs) = (Archive::new(), Archive::new());
    let mixed = [copy(&ours.shares[0]), copy(&theirs.shares[1])];
    let error = EscrowKey::combine(&ours.keyring, &mixed).expect_err("refused");
    let (wanted, found) = (ours.keyring.archive(), theirs.keyring.archive());
    assert!(matches!(error, Error::WrongArchive { wanted: w, found: f } if w == wanted && f == found));
}
