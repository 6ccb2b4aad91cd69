//! A ledger file. Its heads are signed anew over what stands before them, so that mutated entries are
//! reached. A file that is taken ends in a head or is torn; cut where it says, it is whole and holds
//! the same tree.
#![no_main]

use std::sync::LazyLock;

use ed25519_dalek::{Signer as _, SigningKey};
use libfuzzer_sys::fuzz_target;
use sealdock::ledger::{
    Contents, End, Entry, Error, Head, Line, Replay, SignedHead, Step, Tree, Trust, origin,
};
use sealdock::model::{Act, Epoch, LedgerIndex};

/// The archive of fixtures/ledger.
const ARCHIVE: &str = "01a05bfb-7000-70a0-a0a0-a0a0a0a0a0a0";

static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::from_bytes(&[1; 32]));

fuzz_target!(|data: &[u8]| {
    let file = signed_anew(data);
    // Each input asks one of the two questions: signatures are what this target spends its time on.
    let contents = if data.len().is_multiple_of(2) { Contents::Whole } else { Contents::MayBeDropped };
    let Ok((end, entries)) = replayed(&file, contents) else { return };
    let torn = end.torn.as_ref().map_or(0, |torn| torn.entries);
    assert_eq!(entries, end.tree.size() + torn, "every entry is under a head or torn");
    let Some(torn) = &end.torn else { return };
    let kept = &file[..usize::try_from(torn.keep).expect("a place in the file")];
    let (again, _) = replayed(kept, contents).expect("what is kept is whole");
    assert_eq!((&again.tree, &again.head), (&end.tree, &end.head));
    assert!(again.torn.is_none_or(|torn| torn.keep == 0 && torn.bytes == 0));
});

fn replayed(mut file: &[u8], contents: Contents) -> Result<(End, u64), Error> {
    let archive = ARCHIVE.parse().expect("an id");
    let trust = Trust { archive, heads: vec![KEY.verifying_key().to_bytes()], contents };
    let mut replay = Replay::new(&trust);
    let mut entries = 0;
    replay.read_file::<Error>(LedgerIndex(0), &mut file, &mut |step| {
        entries += u64::from(matches!(step, Step::Entry { .. }));
        Ok(())
    })?;
    Ok((replay.finish(0)?, entries))
}

/// The same file, each of its heads replaced by a true one.
fn signed_anew(data: &[u8]) -> Vec<u8> {
    let mut signed = Signed { file: Vec::new(), tree: Tree::new(), epoch: Epoch(1), covered: 0 };
    for line in data.split_inclusive(|byte| *byte == b'\n') {
        signed.take(line);
    }
    signed.file
}

struct Signed {
    file: Vec<u8>,
    tree: Tree,
    epoch: Epoch,
    covered: u64,
}

impl Signed {
    fn take(&mut self, line: &[u8]) {
        match line.strip_suffix(b"\n").map(Line::parse) {
            Some(Ok(Line::Head { .. })) => self.head(),
            Some(Ok(Line::Entry(entry))) => {
                self.entry(&entry);
                self.file.extend_from_slice(line);
            }
            _ => self.file.extend_from_slice(line),
        }
    }

    fn entry(&mut self, entry: &Entry) {
        if let Some(Act::EpochBegun(begun)) = entry.content().map(|content| &content.act) {
            self.epoch = begun.epoch;
        }
        self.tree.append(entry.leaf());
    }

    fn head(&mut self) {
        let head = Head::of(origin(ARCHIVE.parse().expect("an id"), self.epoch), &self.tree);
        let sign = |text: &[u8]| KEY.sign(text).to_bytes();
        let signed = SignedHead::sign(head, &KEY.verifying_key().to_bytes(), &sign);
        self.file.extend_from_slice(signed.to_line(self.covered).as_bytes());
        self.file.push(b'\n');
        self.covered = self.tree.size();
    }
}
