//! The real binary, driven as its users drive it.

use crate::support::TestArchive;

#[test]
fn a_clip_goes_in_and_comes_back_byte_for_byte() {
    let archive = TestArchive::new();
    let clip = archive.write("clip.bin", &[7; 100_000]);
    let lines = archive.deposit(&clip);
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["state"], "sealed");
    assert!(archive.get(lines[0]["item"].as_str().expect("an id")) == [7; 100_000]);
}

#[test]
fn a_dropped_file_is_receipted_by_the_daemon() {
    let archive = TestArchive::new();
    let inbox = archive.add_inbox("dock-1");
    let daemon = archive.daemon();
    std::fs::write(inbox.join("20190912_091530.wav"), b"not really sound").expect("written");
    crate::support::wait_until("the receipt lies there", || {
        !TestArchive::receipts(&inbox.join(".receipts")).is_empty()
    });
    assert_eq!(daemon.stop(), Some(0));
    assert_eq!(archive.items().len(), 1);
}
