//! A whole sealed file, checked without a key. Its digest is put right first, and its signature is
//! believed, so that whatever is behind them is reached. In one piece or in many, the answer is the
//! same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealdock::model::KeyId;
use sealdock::seal::{Checked, Checker, Error, FactsKey, Footer, Header, check};
use sha2::{Digest as _, Sha256};

/// Where the footer has its digest.
const DIGEST: std::ops::Range<usize> = 16..48;

fuzz_target!(|data: &[u8]| {
    let mut file = data.to_vec();
    put_the_digest_right(&mut file);
    let whole = check(&mut file.as_slice(), file.len() as u64, &believe);
    match (whole, in_pieces(&file)) {
        (Ok(whole), Ok(pieces)) => {
            assert_eq!(whole.layout(), pieces.layout());
            assert_eq!(whole.sealed_sha256(), pieces.sealed_sha256());
            judge(&whole, &file);
        }
        (Err(whole), Err(pieces)) => assert_eq!(whole.to_string(), pieces.to_string()),
        (whole, pieces) => panic!("whole: {whole:?}, in pieces: {pieces:?}"),
    }
});

fn put_the_digest_right(file: &mut [u8]) {
    if let Some(before) = file.len().checked_sub(Footer::LENGTH) {
        let digest = Sha256::digest(&file[..before]);
        file[before..][DIGEST].copy_from_slice(&digest);
    }
}

fn believe(_: KeyId, _: &[u8], _: &[u8; 64]) -> bool {
    true
}

fn in_pieces(file: &[u8]) -> Result<Checked, Error> {
    let mut checker = Checker::new(file.len() as u64);
    let size = usize::from(file.last().copied().unwrap_or(0) % 61) + 1;
    for piece in file.chunks(size) {
        checker.feed(piece)?;
    }
    checker.finish(&believe)
}

fn judge(checked: &Checked, file: &[u8]) {
    assert_eq!(checked.bytes_read(), file.len() as u64);
    assert_eq!(checked.sealed_sha256().0, <[u8; 32]>::from(Sha256::digest(file)));
    assert_eq!(checked.header().to_bytes(), file[..Header::LENGTH]);
    let facts = checked.layout().facts();
    let place = |at: u64| usize::try_from(at).expect("a place in the file");
    assert_eq!(checked.facts_section(), &file[place(facts.start)..place(facts.end)]);
    // The key of fixtures/seal.
    if let Ok(facts) = checked.facts(&FactsKey::from_bytes(std::array::from_fn(|at| 0x40 + at as u8))) {
        assert_eq!(facts.size, checked.layout().size());
    }
}
