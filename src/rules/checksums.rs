//! What a checksum sidecar claims. Claims are checked against the bytes; they are never a fingerprint
//! of ours, and a sidecar that nobody can read claims nothing.
//!
//! Forms, as docks and their operators write them, one a line: bare hex; `hex  name` and `hex *name` (GNU
//! coreutils, with its `\` escapes); `MD5 (name) = hex` (BSD). A byte order mark, UTF-16, CR LF, upper case,
//! and names in GBK are understood. Any other line is skipped.

use std::borrow::Cow;

use encoding_rs::{GBK, UTF_16BE, UTF_16LE};

use super::companions::{Tie, tie};
use crate::model::{ClaimAlgorithm, RawName};

/// The most bytes of a sidecar that are read: a list of ten thousand files fits.
pub const MAX_BYTES: usize = 1024 * 1024;

/// The most lines that are heeded; what follows them claims nothing.
const MAX_LINES: usize = 10_000;

/// One line: somebody says that a file has this digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimLine {
    /// The file it names, as written; `None` for a bare digest.
    pub name: Option<RawName>,
    /// In which algorithm.
    pub algorithm: ClaimAlgorithm,
    /// Lower-case hex, as long as the algorithm's digest.
    pub hex: String,
}

/// Reads the lines of a checksum sidecar. `sidecar` is its own name: its ending tells SM3 from SHA-256,
/// which are equally long; otherwise the length of a digest tells its algorithm, whatever the ending.
#[must_use]
pub fn parse_checksums(bytes: &[u8], sidecar: &RawName) -> Vec<ClaimLine> {
    let bytes = &bytes[..bytes.len().min(MAX_BYTES)];
    let text = without_mark(bytes);
    let sm3 = sidecar.file_name().as_bytes().to_ascii_lowercase();
    let long = if sm3.ends_with(b".sm3") || sm3 == b"sm3sums" {
        ClaimAlgorithm::Sm3
    } else {
        ClaimAlgorithm::Sha256
    };
    text.split(|byte| *byte == b'\n')
        .take(MAX_LINES)
        .filter_map(|line| parse_line(line.trim_ascii_end(), long))
        .collect()
}

/// Whether a line of `sidecar` speaks of `media` (both relative to the same inbox), and how it names
/// it. A line with a name speaks of that name in the sidecar's folder; a bare digest of what the
/// sidecar belongs to.
#[must_use]
pub fn speaks_of(line: &ClaimLine, sidecar: &RawName, media: &RawName) -> Option<Tie> {
    let Some(name) = &line.name else {
        return tie(sidecar, media);
    };
    let same_folder = sidecar.folder() == media.folder();
    (same_folder && names(name, &media.file_name())).then_some(Tie::Name)
}

fn without_mark(bytes: &[u8]) -> Cow<'_, [u8]> {
    let decode = |encoding: &'static encoding_rs::Encoding| {
        Cow::Owned(encoding.decode_with_bom_removal(bytes).0.into_owned().into_bytes())
    };
    match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => Cow::Borrowed(rest),
        [0xff, 0xfe, ..] => decode(UTF_16LE),
        [0xfe, 0xff, ..] => decode(UTF_16BE),
        _ => Cow::Borrowed(bytes),
    }
}

fn parse_line(line: &[u8], long: ClaimAlgorithm) -> Option<ClaimLine> {
    bsd_line(line).or_else(|| gnu_line(line, long))
}

/// `hex`, `hex  name`, `hex *name`, `\hex  escaped name`.
fn gnu_line(line: &[u8], long: ClaimAlgorithm) -> Option<ClaimLine> {
    let (escaped, line) = match line {
        [b'\\', rest @ ..] => (true, rest),
        _ => (false, line.trim_ascii_start()),
    };
    let end = line.iter().position(|byte| !byte.is_ascii_hexdigit()).unwrap_or(line.len());
    let (hex, rest) = line.split_at(end);
    let algorithm = match hex.len() {
        32 => ClaimAlgorithm::Md5,
        40 => ClaimAlgorithm::Sha1,
        64 => long,
        _ => return None,
    };
    let name = match rest {
        [] => None,
        [b' ' | b'\t', ..] => {
            let name = rest.trim_ascii_start();
            Some(name.strip_prefix(b"*").unwrap_or(name))
        }
        _ => return None,
    };
    let name = name.map(|name| RawName::new(if escaped { unescape(name) } else { name.to_vec() }));
    Some(ClaimLine { name, algorithm, hex: lower(hex) })
}

/// `MD5 (name) = hex`.
fn bsd_line(line: &[u8]) -> Option<ClaimLine> {
    let open = line.windows(2).position(|pair| pair == b" (")?;
    let close = line.windows(4).rposition(|four| four == b") = ")?;
    let algorithm = match line[..open].to_ascii_uppercase().as_slice() {
        b"MD5" => ClaimAlgorithm::Md5,
        b"SHA1" | b"SHA-1" => ClaimAlgorithm::Sha1,
        b"SHA256" | b"SHA2-256" | b"SHA-256" => ClaimAlgorithm::Sha256,
        b"SM3" => ClaimAlgorithm::Sm3,
        _ => return None,
    };
    let (name, hex) = (line.get(open + 2..close)?, &line[close + 4..]);
    let whole = hex.len() == algorithm.hex_digits() && hex.iter().all(u8::is_ascii_hexdigit);
    whole.then(|| ClaimLine { name: Some(RawName::new(name)), algorithm, hex: lower(hex) })
}

fn lower(hex: &[u8]) -> String {
    String::from_utf8_lossy(hex).to_ascii_lowercase()
}

/// Undoes what coreutils does to names with line breaks and backslashes.
fn unescape(name: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(name.len());
    let mut bytes = name.iter();
    while let Some(byte) = bytes.next() {
        let after = if *byte == b'\\' { bytes.next() } else { Some(byte) };
        plain.extend(after.map(|after| match (byte, after) {
            (b'\\', b'n') => b'\n',
            (b'\\', b'r') => b'\r',
            (_, plain) => *plain,
        }));
    }
    plain
}

/// Whether a name in a list is that of a file: the same bytes, or the same text where one of them is in
/// GBK. Lists made on other systems hold whole paths; their last part counts.
fn names(listed: &RawName, file_name: &RawName) -> bool {
    if listed == file_name {
        return true;
    }
    match (text(listed), text(file_name)) {
        // Decoded first: in GBK the second byte of a character may be a backslash.
        (Some(listed), Some(file)) => listed.rsplit(['/', '\\']).next() == Some(&*file),
        _ => false,
    }
}

fn text(name: &RawName) -> Option<Cow<'_, str>> {
    match std::str::from_utf8(name.as_bytes()) {
        Ok(text) => Some(Cow::Borrowed(text)),
        Err(_) => GBK.decode_without_bom_handling_and_without_replacement(name.as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MD5: &str = "d41d8cd98f00b204e9800998ecf8427e";
    const LONG: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn parsed(bytes: &[u8], sidecar: &str) -> Vec<ClaimLine> {
        parse_checksums(bytes, &RawName::new(sidecar))
    }

    fn claim(name: Option<&[u8]>, algorithm: ClaimAlgorithm, hex: &str) -> ClaimLine {
        ClaimLine { name: name.map(RawName::new), algorithm, hex: hex.to_owned() }
    }

    #[test]
    fn every_form_is_read() {
        let md5 = |name| [claim(name, ClaimAlgorithm::Md5, MD5)];
        for (line, name) in [
            (MD5.to_owned(), None),
            (format!("{MD5}\r\n"), None),
            (format!("\u{feff}{}\n", MD5.to_uppercase()), None),
            (format!("{MD5}  a b.mp4\n"), Some(&b"a b.mp4"[..])),
            (format!("{MD5} *a.mp4\r\n"), Some(b"a.mp4")),
            (format!("\\{MD5}  a\\nb\\\\c\n"), Some(b"a\nb\\c")),
            (format!("MD5 (a (1).mp4) = {MD5}\n"), Some(b"a (1).mp4")),
        ] {
            assert_eq!(parsed(line.as_bytes(), "a.md5"), md5(name), "{line:?}");
        }
    }

    #[test]
    fn lists_of_other_systems_are_read() {
        let utf16: Vec<u8> =
            "\u{feff}".chars().chain(MD5.chars()).flat_map(|c| (c as u16).to_le_bytes()).collect();
        assert_eq!(parsed(&utf16, "a.md5"), [claim(None, ClaimAlgorithm::Md5, MD5)]);
        let certutil = format!("MD5 hash of a.mp4:\r\n{MD5}\r\nCertUtil: done.\r\n");
        assert_eq!(parsed(certutil.as_bytes(), "a.md5"), [claim(None, ClaimAlgorithm::Md5, MD5)]);
        let many = format!("; made by a station\n{MD5} *a\n\n{LONG}  b\n");
        assert_eq!(parsed(many.as_bytes(), "checksums.md5").len(), 2);
    }

    #[test]
    fn the_ending_tells_sm3_and_the_length_the_rest() {
        assert_eq!(parsed(LONG.as_bytes(), "a.SM3")[0].algorithm, ClaimAlgorithm::Sm3);
        assert_eq!(parsed(LONG.as_bytes(), "a.md5")[0].algorithm, ClaimAlgorithm::Sha256);
        assert_eq!(parsed(MD5.as_bytes(), "a.sha256")[0].algorithm, ClaimAlgorithm::Md5);
    }

    #[test]
    fn what_is_no_claim_is_skipped() {
        for junk in ["", "hello", &MD5[1..], &format!("{MD5}0"), &format!("{MD5}x a"), "MD5 (a) = 00"] {
            assert_eq!(parsed(junk.as_bytes(), "a.md5"), [], "{junk:?}");
        }
        let flood = format!("{MD5}  a\n").repeat(MAX_LINES + 5);
        assert_eq!(parsed(flood.as_bytes(), "a.md5").len(), MAX_LINES);
    }

    #[test]
    fn lines_speak_of_the_name_they_hold_and_bare_ones_of_their_owner() {
        let speaks = |name: Option<&[u8]>, sidecar: &str, media: &[u8]| {
            let line = claim(name, ClaimAlgorithm::Md5, MD5);
            speaks_of(&line, &RawName::new(sidecar), &RawName::new(media))
        };
        assert_eq!(speaks(None, "d/a.md5", b"d/a.mp4"), Some(Tie::Stem));
        assert_eq!(speaks(None, "d/a.mp4.md5", b"d/a.mp4"), Some(Tie::Name));
        assert_eq!(speaks(None, "d/MD5SUMS", b"d/a.mp4"), None);
        assert_eq!(speaks(Some(b"a.mp4"), "d/MD5SUMS", b"d/a.mp4"), Some(Tie::Name));
        assert_eq!(speaks(Some(b"D:\\DCIM\\a.mp4"), "d/a.md5", b"d/a.mp4"), Some(Tie::Name));
        assert_eq!(speaks(Some(b"/mnt/sd/a.mp4"), "d/a.md5", b"d/a.mp4"), Some(Tie::Name));
        assert_eq!(speaks(Some(b"b.mp4"), "d/a.md5", b"d/a.mp4"), None);
        assert_eq!(speaks(Some(b"a.mp4"), "e/MD5SUMS", b"d/a.mp4"), None);
    }

    #[test]
    fn names_in_gbk_are_the_same_names() {
        let (gbk, utf8) = (&b"\xcf\xd6\xb3\xa1.mp4"[..], "现场.mp4");
        for (listed, file) in [(gbk, utf8.as_bytes()), (utf8.as_bytes(), gbk), (gbk, gbk)] {
            assert!(names(&RawName::new(listed), &RawName::new(file)));
        }
        assert!(!names(&RawName::new(gbk), &RawName::new("现象.mp4")));
        // 乗 is 0x81 0x5C in GBK: its second byte is a backslash and divides nothing.
        assert!(names(&RawName::new(&b"\x81\x5c.mp4"[..]), &RawName::new("乗.mp4")));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_are_too_strange(bytes: Vec<u8>, sidecar: Vec<u8>) {
            for line in parse_checksums(&bytes, &RawName::new(sidecar)) {
                proptest::prop_assert_eq!(line.hex.len(), line.algorithm.hex_digits());
            }
        }
    }
}
