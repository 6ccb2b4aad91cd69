//! What the first bytes say.

/// As many first bytes as [`sniff`] wants to see; fewer where the file is shorter.
pub const SNIFF_LENGTH: usize = 1024;

/// A family of media formats, as far as the structure matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// ISO base media and QuickTime (ISO/IEC 14496-12).
    Mp4,
    /// Matroska and WebM (RFC 9559).
    Matroska,
    /// WAV, AVI, WebP, and their 64-bit kin (EBU Tech 3306).
    Riff,
    /// JPEG (ITU-T T.81).
    Jpeg,
    /// PNG (ISO/IEC 15948).
    Png,
    /// Ogg (RFC 3533).
    Ogg,
    /// ASF: WMV and WMA.
    Asf,
    /// Flash video.
    Flv,
    /// MPEG transport stream (ISO/IEC 13818-1).
    TransportStream {
        /// Bytes from one packet to the next: 188, or 192 with a time stamp before each.
        packet: u8,
        /// Where in it the sync byte stands.
        sync: u8,
    },
    /// Media whose structure says nothing about its end: MP3, AMR, AAC, FLAC, program streams, TIFF, GIF, BMP.
    Untold,
}

/// What the first bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sniffed {
    /// Media.
    Media(Format),
    /// A document, an archive or text: no parser of media need see it.
    Document,
    /// Nothing.
    Unknown,
}

/// Tells by the first bytes.
#[must_use]
pub fn sniff(first: &[u8]) -> Sniffed {
    if let Some(format) = media(first) {
        return Sniffed::Media(format);
    }
    if is_document(first) { Sniffed::Document } else { Sniffed::Unknown }
}

fn media(first: &[u8]) -> Option<Format> {
    let starts = |magic: &[u8]| first.starts_with(magic);
    if is_mp4(first) {
        return Some(Format::Mp4);
    }
    let format = match first {
        _ if starts(b"\x1a\x45\xdf\xa3") => Format::Matroska,
        _ if starts(b"RIFF") || starts(b"RF64") || starts(b"BW64") => Format::Riff,
        _ if starts(b"\xff\xd8\xff") => Format::Jpeg,
        _ if starts(b"\x89PNG\r\n\x1a\n") => Format::Png,
        _ if starts(b"OggS") => Format::Ogg,
        _ if starts(b"\x30\x26\xb2\x75\x8e\x66\xcf\x11") => Format::Asf,
        _ if starts(b"FLV\x01") => Format::Flv,
        _ if has_sync(first, 0, 188) => Format::TransportStream { packet: 188, sync: 0 },
        _ if has_sync(first, 4, 192) => Format::TransportStream { packet: 192, sync: 4 },
        _ if UNTOLD.iter().any(|magic| starts(magic)) => Format::Untold,
        _ => return None,
    };
    Some(format)
}

/// ID3, AMR, FLAC, MPEG program stream, TIFF (both orders), GIF, Dahua recorders, AIFF, CAF.
const UNTOLD: [&[u8]; 10] =
    [b"ID3", b"#!AMR", b"fLaC", b"\0\0\x01\xba", b"II*\0", b"MM\0*", b"GIF8", b"DHAV", b"FORM", b"caff"];

fn is_mp4(first: &[u8]) -> bool {
    const FIRST_BOXES: [&[u8; 4]; 11] =
        [b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"styp", b"moof", b"sidx", b"pnot", b"uuid"];
    first.get(4..8).is_some_and(|name| FIRST_BOXES.iter().any(|known| known.as_slice() == name))
}

/// Three packets in a row that start as they must; fewer would take many a text for a stream.
fn has_sync(first: &[u8], sync: usize, packet: usize) -> bool {
    (0..3).all(|n| first.get(sync + n * packet) == Some(&0x47))
}

fn is_document(first: &[u8]) -> bool {
    // PDF, ZIP (docx, ofd), OLE (doc), RTF, gzip, 7z, RAR.
    const MAGIC: [&[u8]; 7] =
        [b"%PDF", b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"{\\rtf", b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!"];
    MAGIC.iter().any(|magic| first.starts_with(magic)) || is_text(first)
}

/// UTF-8 (perhaps cut in its last character) or an older encoding, without control characters.
fn is_text(first: &[u8]) -> bool {
    let plain = |byte: &u8| *byte >= 0x20 && *byte != 0x7f || matches!(byte, b'\t' | b'\r' | b'\n');
    let Some(checked) = first.get(..first.len().min(512)).filter(|bytes| !bytes.is_empty()) else {
        return false;
    };
    if !checked.iter().all(plain) {
        return false;
    }
    match std::str::from_utf8(checked) {
        Ok(_) => true,
        // Mostly ASCII with some bytes of GBK: a log or a sidecar. Half of media bytes are above 0x7f,
        // and their control characters were refused above.
        Err(error) => error.error_len().is_none() || checked.len() >= 16,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_and_text_never_reach_a_media_parser() {
        let gbk = b"\xc9\xe8\xb1\xb8\xb1\xe0\xba\xc5: 12345678\r\n";
        let documents: [&[u8]; 8] = [
            b"%PDF-1.7",
            b"PK\x03\x04....",
            b"<?xml version='1.0'?>",
            b"#EXTM3U\nfile:///etc/passwd\n",
            b"ffconcat version 1.0\n",
            b"d41d8cd98f00b204e9800998ecf8427e  a.mp4\n",
            "位置".as_bytes(),
            gbk,
        ];
        for first in documents {
            assert_eq!(sniff(first), Sniffed::Document, "{:?}", String::from_utf8_lossy(first));
        }
    }

    #[test]
    fn nothing_is_made_of_nothing() {
        assert_eq!(sniff(b""), Sniffed::Unknown);
        assert_eq!(sniff(&[0; 64]), Sniffed::Unknown);
        assert_eq!(sniff(b"\xff\xfb\x90\x00"), Sniffed::Unknown, "a bare MP3 frame may be anything");
    }

    #[test]
    fn media_is_known_by_its_magic() {
        let mut ts = vec![0; 3 * 192];
        for n in 0..3 {
            ts[4 + n * 192] = 0x47;
        }
        assert_eq!(sniff(&ts), Sniffed::Media(Format::TransportStream { packet: 192, sync: 4 }));
        assert_eq!(sniff(b"\0\0\0\x18ftypisom"), Sniffed::Media(Format::Mp4));
        assert_eq!(sniff(b"#!AMR\n"), Sniffed::Media(Format::Untold));
    }
}
