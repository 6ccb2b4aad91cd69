//! Names that are hard on programs.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use base64::Engine as _;

use super::{Served, text};
use crate::support::{TestArchive, wait_until};

/// Names as a hostile dock might choose them.
fn names() -> Vec<Vec<u8>> {
    vec![
        b"line\nbreak.bin".to_vec(),
        b"tab\tand \x1b[2J.bin".to_vec(),
        "全角：ＡＢＣ１２３．ｂｉｎ".as_bytes().to_vec(),
        "现场 执法.bin".as_bytes().to_vec(),
        b"\xff\xfe not utf-8.bin".to_vec(),
        "\u{202e}nib.exe".as_bytes().to_vec(),
        [b"x".repeat(251), b".bin".to_vec()].concat(),
        "长".repeat(85).into_bytes(),
        b"-rf".to_vec(),
        b"'; DROP TABLE items; --".to_vec(),
        b"\xc0\xaf".to_vec(),
        b"%2e%2e%2f".to_vec(),
        b" ".to_vec(),
    ]
}

fn fill(folder: &std::path::Path) {
    std::fs::create_dir_all(folder).expect("made");
    for (number, name) in names().iter().enumerate() {
        std::fs::write(folder.join(OsStr::from_bytes(name)), format!("bytes {number}")).expect("written");
    }
}

#[test]
fn hard_names_come_through_a_deposit_and_an_inbox() {
    for served in Served::BOTH {
        let archive = TestArchive::new();
        let inbox = archive.add_inbox("dock-1");
        match served {
            Served::Here => {
                fill(&archive.beside("in"));
                assert_eq!(archive.deposit(&archive.beside("in")).len(), names().len());
            }
            Served::ByDaemon => {
                fill(&inbox);
                let _daemon = archive.daemon();
                wait_until("all are receipted", || {
                    TestArchive::receipts(&inbox.join(".receipts")).len() == names().len()
                });
            }
        }
        let items = archive.items();
        assert_eq!(items.len(), names().len());
        for (number, name) in names().iter().enumerate() {
            let raw = base64::engine::general_purpose::STANDARD.encode(name);
            let lossy = String::from_utf8_lossy(name);
            let is_it = |item: &&serde_json::Value| match std::str::from_utf8(name) {
                Ok(name) => item["name"] == name,
                Err(_) => item["name_raw"] == raw,
            };
            let item = items.iter().find(is_it).unwrap_or_else(|| panic!("{lossy:?} in {items:#?}"));
            let id = text(item, "item");
            archive.show(id);
            if number % 4 == 0 {
                assert_eq!(archive.get(id), format!("bytes {number}").into_bytes(), "{lossy:?}");
            }
        }
        let people = archive.run(&["find"]).ends(0).out;
        assert_eq!(people.lines().count(), names().len(), "a name is never more than its line: {people}");
        assert!(!people.contains('\u{1b}') && !people.contains('\u{202e}'), "nor steers a terminal");
        assert_eq!(archive.run(&["find", "现场"]).ends(0).out.lines().count(), 1);
        archive.run(&["verify"]).ends(0);
        let before = archive.run(&["find", "--json"]).ends(0).out;
        archive.run(&["rebuild"]).ends(0);
        assert_eq!(archive.run(&["find", "--json"]).ends(0).out, before);
    }
}
