//! Entries and the lines they stand in.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::model::{Act, Actor, LedgerIndex, Moment};

use super::{Error, Hash, MAX_LINE_BYTES, SignedHead, VERSION, canonical};

/// Stands before salt and content in the content's hash, so that it is the hash of nothing else.
const CONTENT_CONTEXT: &[u8] = b"sealdock/ledger/content/v1\n";

/// The part of an entry that can be dropped without changing the tree.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// Who did it.
    pub who: Actor,
    /// Why, where a person said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What was done.
    pub act: Act,
}

/// One act in the ledger. Holding one proves that it can be written and read back unchanged.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    index: LedgerIndex,
    at: Moment,
    kind: String,
    body: Body,
    content_sha256: Hash,
}

#[derive(Debug, Clone, PartialEq)]
enum Body {
    Whole { salt: Salt, content: Box<Content> },
    Dropped,
}

/// 32 random bytes: who holds only the tree cannot guess a content and compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
struct Salt(Hash);

impl Entry {
    /// An entry for this place and moment; `salt` must be fresh and random.
    ///
    /// # Errors
    /// [`Error::Unwritable`] where the content would not come back as it is, [`Error::ContentTooLong`].
    pub fn new(index: LedgerIndex, at: Moment, salt: [u8; 32], content: Content) -> Result<Self, Error> {
        Self::written_down(index, at, salt, content).map(|(entry, _)| entry)
    }

    /// The same, with its line: who appends it need not write it once more.
    ///
    /// # Errors
    /// As [`Entry::new`].
    pub fn written_down(
        index: LedgerIndex,
        at: Moment,
        salt: [u8; 32],
        content: Content,
    ) -> Result<(Self, String), Error> {
        let salt = Salt(Hash(salt));
        let content_sha256 = content_hash(salt, &content)?;
        let kind = content.act.kind().to_owned();
        let body = Body::Whole { salt, content: Box::new(content) };
        let entry = Self { index, at, kind, body, content_sha256 };
        let line = entry.line_that_comes_back()?;
        Ok((entry, line))
    }

    fn line_that_comes_back(&self) -> Result<String, Error> {
        let line = canonical::write(&WrittenLine::Entry(self.written()))?;
        if line.len() > MAX_LINE_BYTES {
            return Err(Error::ContentTooLong { bytes: line.len(), limit: MAX_LINE_BYTES });
        }
        match Line::parse(line.as_bytes()) {
            Ok(Line::Entry(read)) if read == *self => Ok(line),
            _ => Err(Error::Unwritable),
        }
    }

    /// Its place.
    #[must_use]
    pub fn index(&self) -> LedgerIndex {
        self.index
    }

    /// When it was entered.
    #[must_use]
    pub fn at(&self) -> Moment {
        self.at
    }

    /// The word for what was done; stays when the content is dropped.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Who, why and what; nothing where it was dropped.
    #[must_use]
    pub fn content(&self) -> Option<&Content> {
        match &self.body {
            Body::Whole { content, .. } => Some(content),
            Body::Dropped => None,
        }
    }

    /// The salted hash of the content.
    #[must_use]
    pub fn content_sha256(&self) -> Hash {
        self.content_sha256
    }

    /// The same entry without its content. The leaf stays what it was.
    #[must_use]
    pub fn without_content(self) -> Self {
        Self { body: Body::Dropped, ..self }
    }

    /// Its hash in the tree.
    #[must_use]
    pub fn leaf(&self) -> Hash {
        Hash::of_leaf(self.leaf_data().as_bytes())
    }

    /// The canonical text under the leaf: what may be published.
    #[must_use]
    pub fn leaf_data(&self) -> String {
        let dropped = WrittenEntry { content_sha256: Some(self.content_sha256), ..self.outline() };
        canonical::write(&dropped).expect("an outline holds no numbers but small ones")
    }

    /// Its line in the ledger, canonical JSON without the newline.
    #[must_use]
    pub fn to_line(&self) -> String {
        canonical::write(&WrittenLine::Entry(self.written())).expect("was written once already")
    }

    fn written(&self) -> WrittenEntry<'_> {
        match &self.body {
            Body::Whole { salt, content } => WrittenEntry {
                salt: Some(*salt),
                content: Some(Cow::Borrowed(&**content)),
                ..self.outline()
            },
            Body::Dropped => WrittenEntry { content_sha256: Some(self.content_sha256), ..self.outline() },
        }
    }

    fn outline(&self) -> WrittenEntry<'_> {
        WrittenEntry {
            at: self.at,
            content: None,
            content_sha256: None,
            index: self.index,
            kind: Cow::Borrowed(&self.kind),
            salt: None,
            v: VERSION,
        }
    }
}

/// SHA-256(context ‖ salt ‖ canonical content).
fn content_hash(salt: Salt, content: &Content) -> Result<Hash, Error> {
    let text = canonical::write(content)?;
    let hasher = Sha256::new().chain_update(CONTENT_CONTEXT).chain_update(salt.0.0);
    Ok(Hash(hasher.chain_update(text).finalize().into()))
}

/// A line of a ledger file.
#[derive(Debug, Clone, PartialEq)]
pub enum Line {
    /// One act.
    Entry(Entry),
    /// The tree after it, signed.
    Head {
        /// The head.
        head: SignedHead,
        /// The size of the head before it, 0 for the first: so that a head that is gone is missed.
        after: u64,
    },
}

impl Line {
    /// Reads one line, without its newline. Only the one canonical text of an entry or head is taken, and
    /// only heads with exactly their log's own signature, so that every changed byte is found.
    ///
    /// # Errors
    /// [`Error::UnknownVersion`], [`Error::NotJson`], [`Error::NotCanonical`], [`Error::WrongKind`],
    /// [`Error::HalfContent`], [`Error::NotANote`], [`Error::NotAHead`].
    pub fn parse(line: &[u8]) -> Result<Self, Error> {
        match canonical::read(line, |value| value.get("entry")?.get("v")?.as_u64())? {
            WrittenLine::Entry(written) => written.check().map(Self::Entry),
            WrittenLine::Head(written) => {
                let head = SignedHead::parse(&written.note)?.alone()?;
                Ok(Self::Head { head, after: written.after })
            }
        }
    }

    /// The line without its newline.
    #[must_use]
    pub fn to_line(&self) -> String {
        match self {
            Self::Entry(entry) => entry.to_line(),
            Self::Head { head, after } => head.to_line(*after),
        }
    }
}

impl SignedHead {
    /// Its line in the ledger, canonical JSON without the newline. `after` is the size of the head before
    /// it in the ledger, 0 for the first.
    #[must_use]
    pub fn to_line(&self, after: u64) -> String {
        let written = WrittenHead { after, note: self.note().to_owned() };
        canonical::write(&WrittenLine::Head(written)).expect("a size and a text are always writable")
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "one lives at a time, and is taken apart at once")]
enum WrittenLine<'a> {
    Entry(WrittenEntry<'a>),
    Head(WrittenHead),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenHead {
    after: u64,
    note: String,
}

/// The fields of an entry's line, and of the text under its leaf.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenEntry<'a> {
    at: Moment,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content: Option<Cow<'a, Content>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content_sha256: Option<Hash>,
    index: LedgerIndex,
    kind: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    salt: Option<Salt>,
    v: u32,
}

impl WrittenEntry<'_> {
    fn check(self) -> Result<Entry, Error> {
        if self.v != VERSION {
            return Err(Error::UnknownVersion(self.v.into()));
        }
        let (body, content_sha256) = match (self.salt, self.content, self.content_sha256) {
            (Some(salt), Some(content), None) => {
                let hash = content_hash(salt, &content)?;
                (Body::Whole { salt, content: Box::new(content.into_owned()) }, hash)
            }
            (None, None, Some(hash)) => (Body::Dropped, hash),
            _ => return Err(Error::HalfContent),
        };
        if let Body::Whole { content, .. } = &body
            && content.act.kind() != self.kind
        {
            let is = content.act.kind().to_owned();
            return Err(Error::WrongKind { said: self.kind.into_owned(), is });
        }
        let kind = self.kind.into_owned();
        Ok(Entry { index: self.index, at: self.at, kind, body, content_sha256 })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::ledger::samples::{at, by_node, contents, item_read, probed};

    fn entry(content: Content) -> Result<Entry, Error> {
        Entry::new(LedgerIndex(7), at(0), [5; 32], content)
    }

    fn parsed(line: &str) -> Result<Entry, Error> {
        match Line::parse(line.as_bytes())? {
            Line::Entry(entry) => Ok(entry),
            Line::Head { head, .. } => panic!("a head: {head:?}"),
        }
    }

    #[test]
    fn a_line_has_its_fields_in_order() {
        let line = entry(by_node(Act::CustodyOpened)).expect("writable").to_line();
        let salt = "05".repeat(32);
        let wanted = format!(
            "{{\"entry\":{{\"at\":\"2026-09-21T14:13:20.00025Z\",\"content\":{{\"act\":{{\"kind\":\
             \"custody_opened\"}},\"who\":{{\"is\":\"node\"}}}},\"index\":7,\"kind\":\"custody_opened\",\
             \"salt\":\"{salt}\",\"v\":1}}}}"
        );
        assert_eq!(line, wanted);
    }

    #[test]
    fn dropping_a_content_keeps_the_leaf() {
        let whole = entry(item_read("案件 7")).expect("writable");
        let dropped = parsed(&whole.clone().without_content().to_line()).expect("a line");
        assert_eq!(dropped.leaf(), whole.leaf());
        assert_eq!(dropped.content(), None);
        assert_eq!((dropped.kind(), dropped.index(), dropped.at()), ("item_read", LedgerIndex(7), at(0)));
        assert!(!dropped.to_line().contains("案件"));
    }

    #[test]
    fn the_salt_hides_equal_contents() {
        let one = entry(item_read("x")).expect("writable");
        let two = Entry::new(LedgerIndex(7), at(0), [6; 32], item_read("x")).expect("writable");
        assert_ne!(one.content_sha256(), two.content_sha256());
        assert_ne!(one.leaf(), two.leaf());
    }

    #[test]
    fn what_would_not_come_back_is_refused_before_it_is_written() {
        for seconds in [f64::NAN, f64::INFINITY] {
            let error = entry(probed(seconds, BTreeMap::new())).expect_err("not finite");
            assert_eq!(error.code(), "unwritable");
        }
        let mut wide = item_read("x");
        let Act::ItemRead(read) = &mut wide.act else { panic!("an item_read") };
        read.to = (1 << 53) + 1;
        assert_eq!(entry(wide).expect_err("rounded").code(), "unwritable");
        let beyond = Entry::new(LedgerIndex((1 << 53) + 1), at(0), [5; 32], item_read("x"));
        assert_eq!(beyond.expect_err("rounded").code(), "unwritable");
        let long = entry(item_read(&"x".repeat(MAX_LINE_BYTES)));
        assert_eq!(long.expect_err("too long").code(), "content_too_long");
    }

    #[test]
    fn other_texts_of_the_same_entry_are_refused() {
        let line = entry(item_read("x")).expect("writable").to_line();
        for (from, to, code) in [
            ("\"v\":1", "\"v\":1 ", "not_canonical"),
            ("\"v\":1", "\"v\":1.0", "not_json"),
            ("\"v\":1", "\"v\":2", "unknown_version"),
            ("\"v\":1", "\"v\":0", "unknown_version"),
            ("\"v\":1", "\"v\":1,\"w\":1", "not_json"),
            ("\"v\":1", "\"v\":1,\"v\":1", "not_json"),
            ("\"v\":1", "\"v\":2,\"w\":1", "unknown_version"),
            ("\"salt\":\"05", "\"salt\":\"0A", "not_canonical"),
            ("\"uid\":1000", "\"extra\":1,\"uid\":1000", "not_canonical"),
            ("00025Z", "000250Z", "not_canonical"),
            ("\"from\":0", "\"from\":-0", "not_json"),
            ("\"kind\":\"item_read\",\"salt\"", "\"kind\":\"refused\",\"salt\"", "wrong_kind"),
            ("\"content\"", "\"content_sha256\"", "not_json"),
            ("owner", "\\u006fwner", "not_canonical"),
        ] {
            let other = line.replace(from, to);
            assert_ne!(other, line, "{from}");
            assert_eq!(parsed(&other).expect_err(to).code(), code, "{to}");
        }
    }

    proptest! {
        #[test]
        fn every_entry_comes_back(content in contents(), index in 0..crate::ledger::MAX_SIZE) {
            let entry = Entry::new(LedgerIndex(index), at(3), [8; 32], content).expect("writable");
            let read = parsed(&entry.to_line()).expect("its own line");
            prop_assert_eq!(&read, &entry);
            prop_assert_eq!(read.leaf(), entry.leaf());
        }

        #[test]
        fn a_flipped_bit_gives_no_line_or_another_leaf(content in contents(), at in any::<usize>()) {
            let entry = entry(content).expect("writable");
            let mut bytes = entry.to_line().into_bytes();
            let place = at % (bytes.len() * 8);
            bytes[place / 8] ^= 1 << (place % 8);
            if let Ok(Line::Entry(other)) = Line::parse(&bytes) {
                prop_assert_ne!(other.leaf(), entry.leaf());
            }
        }
    }
}
