//! Checking a whole file without any key: one pass, bounded memory.

use std::io::Read;

use sha2::Digest as _;

use super::facts::MAX_FACTS;
use super::{Error, FactsKey, Footer, Header, Layout, read_facts};
use crate::model::{KeyId, SealedFacts, Sha256};

/// How much [`check`] reads at a time.
const CHUNK: usize = 256 << 10;

/// Says whether a certified node key made this signature (Ed25519) over this message.
type Verify<'a> = &'a dyn Fn(KeyId, &[u8], &[u8; 64]) -> bool;

/// A file whose every byte is what a certified node signed. Made by [`Checker::finish`] alone.
#[derive(Debug)]
pub struct Checked {
    header: Header,
    layout: Layout,
    facts_section: Vec<u8>,
    signer: KeyId,
    sealed_sha256: Sha256,
    bytes_read: u64,
}

impl Checked {
    /// The header.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Where the parts lie.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The facts section, still sealed.
    #[must_use]
    pub fn facts_section(&self) -> &[u8] {
        &self.facts_section
    }

    /// The node key that signed.
    #[must_use]
    pub fn signer(&self) -> KeyId {
        self.signer
    }

    /// SHA-256 of the whole file.
    #[must_use]
    pub fn sealed_sha256(&self) -> Sha256 {
        self.sealed_sha256
    }

    /// How many bytes were looked at: all of them (P10).
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// What the facts section says.
    ///
    /// # Errors
    /// Those of [`read_facts`], and [`Error::FactsDisagree`] when the size is not the file's.
    pub fn facts(&self, key: &FactsKey) -> Result<SealedFacts, Error> {
        let facts = read_facts(&self.header, &self.facts_section, key)?;
        if facts.size != self.layout.size() {
            return Err(Error::FactsDisagree("size"));
        }
        Ok(facts)
    }
}

/// Checks a file whose bytes are handed to it in their order, for callers that do more with the same
/// bytes. Holds at most a facts section and a footer.
pub struct Checker {
    length: u64,
    fed: u64,
    hasher: sha2::Sha256,
    start: Vec<u8>,
    header: Option<Header>,
    end: Vec<u8>,
}

impl Checker {
    /// For a file of `length` bytes.
    #[must_use]
    pub fn new(length: u64) -> Self {
        let start = Vec::with_capacity(Header::LENGTH);
        Self { length, fed: 0, hasher: sha2::Sha256::new(), start, header: None, end: Vec::new() }
    }

    /// Takes the next bytes, in pieces of any length.
    ///
    /// # Errors
    /// What [`Header::parse`] finds, as soon as the header is complete; [`Error::Surplus`] beyond the
    /// length.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let rest = self.feed_start(bytes)?;
        if self.fed + rest.len() as u64 > self.length {
            return Err(Error::Surplus { at: self.length });
        }
        let hashed = rest.len().min(usize::try_from(self.before_end()).unwrap_or(usize::MAX));
        let (middle, end) = rest.split_at(hashed);
        self.hasher.update(middle);
        self.end.extend_from_slice(end);
        self.fed += rest.len() as u64;
        Ok(())
    }

    /// Takes what belongs to the header and gives back what follows it.
    fn feed_start<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], Error> {
        let missing = Header::LENGTH - self.start.len();
        let (start, rest) = bytes.split_at(missing.min(bytes.len()));
        if !start.is_empty() {
            self.start.extend_from_slice(start);
            self.hasher.update(start);
            self.fed += start.len() as u64;
        }
        if self.header.is_none() && self.start.len() == Header::LENGTH {
            self.header = Some(Header::parse(&self.start)?);
        }
        Ok(rest)
    }

    /// How many bytes still come before those that may be facts or footer.
    fn before_end(&self) -> u64 {
        self.length.saturating_sub((MAX_FACTS + Footer::LENGTH) as u64).saturating_sub(self.fed)
    }

    /// Adds everything up after the last byte.
    ///
    /// # Errors
    /// In this order: [`Error::Ends`]; those of [`Footer::parse`] and [`Layout::new`];
    /// [`Error::Digest`]; [`Error::Signature`] when `verify` says no.
    pub fn finish(mut self, verify: Verify<'_>) -> Result<Checked, Error> {
        let whole = self.fed == self.length && self.end.len() >= Footer::LENGTH;
        let header = self.header.filter(|_| whole).ok_or(Error::Ends { at: self.fed })?;
        let footer = Footer::parse(&self.end)?;
        let layout = Layout::new(&header, &footer, self.length)?;
        let (rest, footer_bytes) = self.end.split_at(self.end.len() - Footer::LENGTH);
        self.hasher.update(rest);
        if Sha256(self.hasher.clone().finalize().into()) != footer.digest() {
            return Err(Error::Digest);
        }
        if !verify(footer.signer(), &footer.message(), footer.signature()) {
            return Err(Error::Signature { signer: footer.signer() });
        }
        self.hasher.update(footer_bytes);
        let facts_start =
            rest.len() - usize::try_from(footer.facts_length()).expect("bounded by the layout");
        Ok(Checked {
            facts_section: rest[facts_start..].to_vec(),
            header,
            layout,
            signer: footer.signer(),
            sealed_sha256: Sha256(self.hasher.finalize().into()),
            bytes_read: self.fed,
        })
    }
}

/// Reads a whole file of `length` bytes and checks it: header, layout, digest, signature. Needs no key
/// (P10); `verify` says whether a certified node key made a signature.
///
/// # Errors
/// [`Error::Read`], and those of [`Checker::feed`] and [`Checker::finish`].
pub fn check(file: &mut dyn Read, length: u64, verify: Verify<'_>) -> Result<Checked, Error> {
    let mut checker = Checker::new(length);
    let mut chunk = vec![0; CHUNK];
    let mut at = 0;
    loop {
        match file.read(&mut chunk) {
            Ok(0) => return checker.finish(verify),
            Ok(read) => {
                checker.feed(&chunk[..read])?;
                at += read as u64;
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(source) => return Err(Error::Read { at, source }),
        }
    }
}
