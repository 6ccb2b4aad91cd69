//! A checksum file: every claim has a whole digest, and says the same when it is written the way GNU
//! coreutils would. The input is the sidecar's name, a newline, and its content.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealdock::model::RawName;
use sealdock::rules::checksums::{ClaimLine, parse_checksums, speaks_of};

fuzz_target!(|data: &[u8]| {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (name, content) = (&data[..end], data.get(end + 1..).unwrap_or_default());
    let sidecar = RawName::new(name);
    let claims = parse_checksums(content, &sidecar);
    assert!(claims.len() <= 10_000);
    for claim in &claims {
        assert_eq!(claim.hex.len(), claim.algorithm.hex_digits());
        assert!(claim.hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')));
        let media = sidecar.folder().join(claim.name.as_ref().unwrap_or(&sidecar));
        let _ = speaks_of(claim, &sidecar, &media);
    }
    if let Some(claim) = claims.first() {
        reads_back(claim, &sidecar);
    }
});

fn reads_back(claim: &ClaimLine, sidecar: &RawName) {
    let Some(name) = &claim.name else { return };
    let name = name.as_bytes();
    // Spaces around a name and a star before it are taken for layout; docks write none.
    let is_layout = |byte: &u8| byte.is_ascii_whitespace() || *byte == b'*';
    if name.is_empty() || name.first().is_some_and(is_layout) || name.last().is_some_and(is_layout) {
        return;
    }
    let mut line = [b"\\", claim.hex.as_bytes(), b"  "].concat();
    for byte in name {
        match byte {
            b'\\' => line.extend_from_slice(b"\\\\"),
            b'\n' => line.extend_from_slice(b"\\n"),
            b'\r' => line.extend_from_slice(b"\\r"),
            other => line.push(*other),
        }
    }
    let again = parse_checksums(&line, sidecar);
    assert_eq!((again.len(), &again[0].name, &again[0].hex), (1, &claim.name, &claim.hex));
}
