//! Names that others gave: bytes first, text for people second.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

/// The raw bytes of a file name or path. In JSON a string where the bytes are UTF-8, else
/// `{"base64": "…"}`, so that every name survives unchanged.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RawName(Vec<u8>);

impl RawName {
    /// Takes the bytes as they are.
    #[must_use]
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The name as a path of this system.
    #[must_use]
    pub fn to_path(&self) -> PathBuf {
        use std::os::unix::ffi::OsStrExt as _;
        PathBuf::from(std::ffi::OsStr::from_bytes(&self.0))
    }

    /// Whether it is a path from the root: that of a deposit by hand. Paths in an inbox are relative to it.
    #[must_use]
    pub fn is_absolute(&self) -> bool {
        self.0.starts_with(b"/")
    }

    /// What follows the last slash.
    #[must_use]
    pub fn file_name(&self) -> Self {
        let start = self.0.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
        Self(self.0[start..].to_vec())
    }

    /// What stands before the last slash; empty without one, and the root itself for what lies in the root.
    #[must_use]
    pub fn folder(&self) -> Self {
        match self.0.iter().rposition(|byte| *byte == b'/') {
            None => Self(Vec::new()),
            Some(0) => Self(b"/".to_vec()),
            Some(slash) => Self(self.0[..slash].to_vec()),
        }
    }

    /// The path of `name` in this folder; in the empty one, the name itself.
    #[must_use]
    pub fn join(&self, name: &Self) -> Self {
        if matches!(self.0.as_slice(), b"" | b"/") {
            return Self([self.0.as_slice(), name.0.as_slice()].concat());
        }
        Self([self.0.as_slice(), b"/", name.0.as_slice()].concat())
    }

    /// Text for people: bytes that are not UTF-8 become U+FFFD.
    #[must_use]
    pub fn to_text(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }
}

impl From<&Path> for RawName {
    fn from(path: &Path) -> Self {
        use std::os::unix::ffi::OsStrExt as _;
        Self(path.as_os_str().as_bytes().to_vec())
    }
}

impl fmt::Display for RawName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}

impl fmt::Debug for RawName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawName({:?})", self.to_text())
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Text(String),
    Raw { base64: String },
}

impl Serialize for RawName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(&self.0) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => Written::Raw { base64: BASE64.encode(&self.0) }.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for RawName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Written::deserialize(deserializer)? {
            Written::Text(text) => Ok(Self(text.into_bytes())),
            Written::Raw { base64 } => BASE64.decode(base64).map(Self).map_err(serde::de::Error::custom),
        }
    }
}

/// A number that may exceed 2^53 and therefore is text in JSON (RFC 8785 numbers are doubles).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wide(pub u64);

impl Serialize for Wide {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Wide {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

/// Whether a text is 1 to 64 letters (of any script), digits, `-`, `_` or `.`, not starting with a dot.
pub(super) fn is_a_name(text: &str) -> bool {
    (1..=64).contains(&text.chars().count())
        && !text.starts_with('.')
        && text.chars().all(|c| c.is_alphanumeric() || "-_.".contains(c))
}

/// The name of a dock: 1 to 64 letters (of any script), digits, `-`, `_` or `.`, not starting with a
/// dot. It names limits, entries and messages, never a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DockName(String);

/// A text that cannot name a dock.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} cannot name a dock: use 1 to 64 letters, digits, '-', '_' or '.', not starting with a dot")]
pub struct NotADock(String);

impl DockName {
    /// The dock that `deposit` uses when none is named.
    #[must_use]
    pub fn local() -> Self {
        Self("local".to_owned())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DockName {
    type Err = NotADock;

    fn from_str(text: &str) -> Result<Self, NotADock> {
        if is_a_name(text) { Ok(Self(text.to_owned())) } else { Err(NotADock(text.to_owned())) }
    }
}

impl TryFrom<String> for DockName {
    type Error = NotADock;

    fn try_from(text: String) -> Result<Self, NotADock> {
        text.parse()
    }
}

impl From<DockName> for String {
    fn from(dock: DockName) -> Self {
        dock.0
    }
}

impl fmt::Display for DockName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A place of the vault, as entries and messages call it: its folder, relative to the home where it lies within,
/// so that a home that is moved keeps its names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PlaceName(String);

impl PlaceName {
    /// The name of a folder in an archive with this home.
    #[must_use]
    pub fn of(folder: &Path, home: &Path) -> Self {
        Self(folder.strip_prefix(home).unwrap_or(folder).to_string_lossy().into_owned())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PlaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_within_the_home_are_named_from_there() {
        let home = Path::new("/srv/sealdock");
        assert_eq!(PlaceName::of(&home.join("vault"), home).as_str(), "vault");
        assert_eq!(PlaceName::of(Path::new("/mnt/second"), home).as_str(), "/mnt/second");
    }

    #[test]
    fn every_name_survives_json() {
        for bytes in [&b"clip.mp4"[..], b"\xc4\xe3\xba\xc3.mp4", b"a\nb", "现场。mp4".as_bytes(), b""] {
            let name = RawName::new(bytes);
            let json = serde_json::to_string(&name).expect("serializes");
            assert_eq!(serde_json::from_str::<RawName>(&json).expect("reads back"), name);
        }
    }

    #[test]
    fn names_split_at_the_last_slash() {
        let name = RawName::new("20190912/a/0915.mp4");
        assert_eq!(name.file_name(), RawName::new("0915.mp4"));
        assert_eq!(name.folder(), RawName::new("20190912/a"));
        assert_eq!(RawName::new("x").folder(), RawName::new(""));
        assert_eq!(RawName::new("/x").folder(), RawName::new("/"));
        for path in ["20190912/a/0915.mp4", "x", "/srv/x", "/x"].map(RawName::new) {
            assert_eq!(path.folder().join(&path.file_name()), path);
        }
    }

    #[test]
    fn docks_have_plain_names() {
        assert!("采集站-1".parse::<DockName>().is_ok());
        for bad in ["", ".receipts", "a/b", "a b", &"x".repeat(65)] {
            assert!(bad.parse::<DockName>().is_err(), "{bad}");
        }
    }
}
