//! A receipt: what is taken is canonical, is written as the same bytes again, and passes its check only
//! with a proof. Node signatures are believed, so that the head and the proof behind them are reached.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealdock::ledger::{Judge, Receipt, SignedHead, verify_inclusion};
use sealdock_fuzz::is_canonical;

/// The head key of fixtures/ledger.
const HEADS: [[u8; 32]; 1] = [[
    0xd0, 0x4a, 0xb2, 0x32, 0x74, 0x2b, 0xb4, 0xab, 0x3a, 0x13, 0x68, 0xbd, 0x46, 0x15, 0xe4, 0xe6, 0xd0,
    0x22, 0x4a, 0xb7, 0x1a, 0x01, 0x6b, 0xaf, 0x85, 0x20, 0xa3, 0x32, 0xc9, 0x77, 0x87, 0x37,
]];

fuzz_target!(|data: &[u8]| {
    let Ok(receipt) = Receipt::parse(data) else { return };
    assert!(is_canonical(data), "one receipt has one form");
    assert_eq!(receipt.to_bytes().expect("what was read can be written"), data);
    let judge = Judge { node: &|_, _, _| true, heads: &HEADS };
    if receipt.check(&[0; 64], judge).is_ok() {
        let head = SignedHead::parse(&receipt.head).expect("it was checked");
        head.verify(&HEADS).expect("it was checked");
        let (leaf, at) = (receipt.leaf, receipt.ledger_index.0);
        verify_inclusion(leaf, at, &receipt.proof, head.head().tree()).expect("it was checked");
    }
    let nobody = Judge { node: &|_, _, _| false, heads: &HEADS };
    assert!(receipt.check(&[0; 64], nobody).is_err());
});
