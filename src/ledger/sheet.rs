//! One ledger file: its name, its lines, and what an interrupted write can leave at its end.

use std::io::BufRead;

use serde::de::IgnoredAny;

use crate::model::LedgerIndex;

use super::{Error, MAX_LINE_BYTES};

const SUFFIX: &str = ".jsonl";

/// Disks write whole sectors; where a file grew and its bytes did not come, zeros begin at such an edge.
const SECTOR_BYTES: u64 = 512;

/// The name of the ledger file that begins with this entry.
#[must_use]
pub fn sheet_name(first: LedgerIndex) -> String {
    format!("{:020}{SUFFIX}", first.0)
}

/// The index of the first entry of a ledger file, from its name; nothing for any other name.
#[must_use]
pub fn sheet_first(name: &str) -> Option<LedgerIndex> {
    let first = LedgerIndex(name.strip_suffix(SUFFIX)?.parse().ok()?);
    (sheet_name(first) == name).then_some(first)
}

/// The lines of one file, as they are read.
pub(super) struct Sheet<'r> {
    reader: &'r mut dyn BufRead,
    line: Vec<u8>,
    number: u64,
    offset: u64,
}

impl<'r> Sheet<'r> {
    pub(super) fn new(reader: &'r mut dyn BufRead) -> Self {
        Self { reader, line: Vec::new(), number: 0, offset: 0 }
    }

    /// The next line without its newline; nothing at the end, or where only an unfinished line is left.
    pub(super) fn next_line(&mut self) -> Result<Option<&[u8]>, Error> {
        self.line.clear();
        self.number += 1;
        let limit = u64::try_from(MAX_LINE_BYTES).expect("fits") + 1;
        let mut bounded = std::io::Read::take(&mut *self.reader, limit);
        bounded.read_until(b'\n', &mut self.line).map_err(unreadable)?;
        if self.line.last() == Some(&b'\n') {
            self.offset += u64::try_from(self.line.len()).expect("fits");
            self.line.pop();
            return Ok(Some(&self.line));
        }
        if self.line.len() > MAX_LINE_BYTES {
            return Err(Error::TooLong { bytes: self.line.len(), limit: MAX_LINE_BYTES });
        }
        Ok(None)
    }

    /// How many bytes the whole lines so far have.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// The length of the file, once what is left behind the last whole line was judged: an interrupted write
    /// leaves the beginning of a line, and zeros where the file had grown before its bytes came.
    pub(super) fn length(&self) -> Result<u64, Error> {
        let written = self.line.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let (line, zeros) = self.line.split_at(written);
        let edge = self.offset + u64::try_from(written).expect("fits");
        if !begins_a_line(line) || !(zeros.is_empty() || edge.is_multiple_of(SECTOR_BYTES)) {
            return Err(Error::StrangeTail);
        }
        Ok(edge + u64::try_from(zeros.len()).expect("fits"))
    }

    /// Adds file and line to an error; what was found before the first line is about whole files and names
    /// them itself.
    pub(super) fn locate(&self, file: &str, error: Error) -> Error {
        let file = file.to_owned();
        match error {
            Error::Unreadable { source, .. } => Error::Unreadable { file, source },
            whole if self.number == 0 => whole,
            cause => Error::Damaged { file, line: self.number, cause: Box::new(cause) },
        }
    }
}

/// The file's name is added where it is known.
fn unreadable(source: std::io::Error) -> Error {
    Error::Unreadable { file: String::new(), source }
}

/// Whether this is the beginning of a line, up to all of it but the newline.
fn begins_a_line(line: &[u8]) -> bool {
    let begins = line.starts_with(b"{\"") || line == b"{" || line.is_empty();
    begins
        && match serde_json::from_slice::<IgnoredAny>(line) {
            Ok(IgnoredAny) => true,
            Err(error) => error.is_eof(),
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_first_entries_are_one_to_one() {
        let name = sheet_name(LedgerIndex(90_125));
        assert_eq!(name, "00000000000000090125.jsonl");
        assert_eq!(sheet_first(&name), Some(LedgerIndex(90_125)));
        for other in [
            "90125.jsonl",
            "000000000000000090125.jsonl",
            "00000000000000090125.json",
            "+0000000000000090125.jsonl",
            ".00000000000000090125.jsonl.new",
            "99999999999999999999.jsonl",
        ] {
            assert_eq!(sheet_first(other), None, "{other}");
        }
    }
}
