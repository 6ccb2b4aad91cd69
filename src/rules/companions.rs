//! Which names lie beside which: a sidecar belongs to the clip whose name, with or without its
//! extension, is the sidecar's own without its last extension.
//!
//! `X.mp4.md5`, `X.md5` and `X.gps` belong to `X.mp4` in the same folder. Names are compared byte for
//! byte: where a dock is careless with case, that is for a person to see and not for us to guess.

use crate::model::RawName;

/// How a sidecar names its clip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tie {
    /// By its whole name: `X.mp4.md5`. One clip only.
    Name,
    /// By its stem: `X.md5`. There may be several, `X.mp4` and `X.jpg`.
    Stem,
}

/// Endings of sidecars that hold a checksum.
const CHECKSUM_ENDINGS: [&str; 8] = ["md5", "sha1", "sha256", "sm3", "MD5", "SHA1", "SHA256", "SM3"];

/// Names of lists that hold the checksums of a whole folder, as coreutils and its users name them.
/// Not `manifest.sha256`: recorders write chains of digests under that name, which are the digests of
/// no file.
const LISTS: [&str; 8] = [
    "MD5SUMS",
    "SHA1SUMS",
    "SHA256SUMS",
    "SM3SUMS",
    "checksums.md5",
    "checksums.sha1",
    "checksums.sha256",
    "checksums.sm3",
];

/// Whether one path is the sidecar of another, and by which part of its name. Both are relative to the
/// same inbox. That the first is a sidecar at all is for the patterns to say.
#[must_use]
pub fn tie(sidecar: &RawName, media: &RawName) -> Option<Tie> {
    if sidecar == media || sidecar.folder() != media.folder() {
        return None;
    }
    let names = owner(sidecar)?;
    let media = media.file_name();
    if names == media {
        return Some(Tie::Name);
    }
    (owner(&media)? == names).then_some(Tie::Stem)
}

/// Whether a name is that of a list of checksums for its whole folder.
#[must_use]
pub fn is_list(path: &RawName) -> bool {
    LISTS.iter().any(|list| list.as_bytes() == path.file_name().as_bytes())
}

/// The file name without its last extension: what a sidecar belongs to, and the stem of a clip. `None`
/// where there is no extension, or nothing before it.
#[must_use]
pub fn owner(path: &RawName) -> Option<RawName> {
    let name = path.file_name();
    let dot = name.as_bytes().iter().rposition(|byte| *byte == b'.')?;
    (dot > 0).then(|| RawName::new(&name.as_bytes()[..dot]))
}

/// The paths at which a checksum of `media` may lie: a fixed number, so that asking costs the same in a
/// folder of ten files and of a hundred thousand. Own sidecars come first, lists last.
#[must_use]
pub fn checksum_places(media: &RawName) -> Vec<RawName> {
    let name = media.file_name();
    let stems = [Some(name.clone()), owner(&name)];
    let own = stems.iter().flatten().flat_map(|stem| {
        CHECKSUM_ENDINGS.map(|ending| [stem.as_bytes(), b".", ending.as_bytes()].concat())
    });
    let places = own.chain(LISTS.map(|list| list.as_bytes().to_vec())).map(RawName::new);
    places.filter(|place| *place != name).map(|place| media.folder().join(&place)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tied(sidecar: &str, media: &str) -> Option<Tie> {
        tie(&RawName::new(sidecar), &RawName::new(media))
    }

    #[test]
    fn sidecars_lie_beside_their_clip() {
        for (sidecar, media, wanted) in [
            ("d/X.mp4.md5", "d/X.mp4", Some(Tie::Name)),
            ("X.md5", "X.mp4", Some(Tie::Stem)),
            ("X.gps", "X.mp4", Some(Tie::Stem)),
            ("X.1.md5", "X.1.mp4", Some(Tie::Stem)),
            ("X.md5", "X", Some(Tie::Name)),
            ("e/X.md5", "d/X.mp4", None),
            ("X.md5", "d/X.mp4", None),
            ("X.MD5", "x.mp4", None),
            ("X.md5", "XX.mp4", None),
            ("X.mp4", "X.mp4", None),
            ("md5", "X.mp4", None),
            (".md5", ".mp4", None),
        ] {
            assert_eq!(tied(sidecar, media), wanted, "{sidecar} {media}");
        }
    }

    #[test]
    fn names_need_not_be_utf_8() {
        let media = RawName::new(&b"\xc4\xe3/\xba\xc3.mp4"[..]);
        let sidecar = RawName::new(&b"\xc4\xe3/\xba\xc3.md5"[..]);
        assert_eq!(tie(&sidecar, &media), Some(Tie::Stem));
        assert!(checksum_places(&media).contains(&sidecar));
    }

    #[test]
    fn a_file_is_never_its_own_checksum() {
        let places = checksum_places(&RawName::new("d/SHA256SUMS"));
        assert!(!places.contains(&RawName::new("d/SHA256SUMS")));
        assert!(places.contains(&RawName::new("d/MD5SUMS")));
        assert!(places.len() <= 2 * CHECKSUM_ENDINGS.len() + LISTS.len());
    }
}
