//! What sort of thing a name promises: a table from extension to kind, which is policy data.

use std::collections::HashMap;

use serde::Deserialize;

use super::Error;
use crate::model::{Kind, RawName, Reason};

const SHIPPED: &str = include_str!("../../config/profiles/kinds.toml");

/// The table.
#[derive(Debug, Clone)]
pub struct Kinds {
    by_extension: HashMap<Vec<u8>, Kind>,
}

/// What a name promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KindOfName {
    /// The kind.
    pub kind: Kind,
    /// Set where the type is not one that this archive expects.
    pub odd: Option<Reason>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    kind: Vec<WrittenKind>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenKind {
    is: Kind,
    extensions: Vec<String>,
}

impl Kinds {
    /// The table that sealdock ships, `config/profiles/kinds.toml`.
    ///
    /// # Errors
    /// As [`Kinds::from_toml`].
    pub fn shipped() -> Result<Self, Error> {
        Self::from_toml(SHIPPED)
    }

    /// Reads a table: `[[kind]]` with `is` and `extensions`, which are compared without case.
    ///
    /// # Errors
    /// [`Error::Syntax`], or [`Error::Extension`] for an extension that stands twice.
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        let written: Written = toml::from_str(text)
            .map_err(|cause| Error::Syntax { what: "the table of kinds", cause: Box::new(cause) })?;
        let mut by_extension = HashMap::new();
        for kind in written.kind {
            for extension in kind.extensions {
                let key = extension.to_ascii_lowercase().into_bytes();
                if by_extension.insert(key, kind.is).is_some() {
                    return Err(Error::Extension { extension });
                }
            }
        }
        Ok(Self { by_extension })
    }

    /// What a name promises, by its extension. A name without one promises nothing and is opaque; a
    /// type that is not in the table is opaque and odd.
    #[must_use]
    pub fn kind_of(&self, name: &RawName) -> KindOfName {
        let Some(extension) = extension(name) else {
            return KindOfName { kind: Kind::Opaque, odd: None };
        };
        match self.by_extension.get(&extension) {
            Some(kind) => KindOfName { kind: *kind, odd: None },
            None => KindOfName { kind: Kind::Opaque, odd: Some(Reason::OddType) },
        }
    }
}

/// What follows the last dot of the file name, in lower case. Docks that write to FAT leave spaces and
/// dots at the end, which say nothing.
fn extension(name: &RawName) -> Option<Vec<u8>> {
    let file_name = name.file_name();
    let bytes = file_name.as_bytes();
    let end = bytes.iter().rposition(|byte| !matches!(byte, b'.' | b' '))? + 1;
    let dot = bytes[..end].iter().rposition(|byte| *byte == b'.')?;
    (dot > 0).then(|| bytes[dot + 1..end].to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(name: &[u8]) -> KindOfName {
        Kinds::shipped().expect("the shipped table is sound").kind_of(&RawName::new(name))
    }

    #[test]
    fn names_promise_kinds() {
        for (name, wanted) in [
            (&b"a/b.MP4"[..], Kind::Video),
            (b"x.wav", Kind::Audio),
            (b"x.JPG ", Kind::Image),
            (b"\xc4\xe3.docx", Kind::Document),
            (b"x.mp4.md5", Kind::Sidecar),
            (b"x.log", Kind::Log),
            (b"x.dav.enc", Kind::Opaque),
            (b"no extension", Kind::Opaque),
            (b".hidden", Kind::Opaque),
        ] {
            assert_eq!(kind(name), KindOfName { kind: wanted, odd: None }, "{name:?}");
        }
    }

    #[test]
    fn what_nobody_expects_is_odd() {
        for name in [&b"setup.exe"[..], b"a.mp4.scr", b"x.xyz123"] {
            let wanted = KindOfName { kind: Kind::Opaque, odd: Some(Reason::OddType) };
            assert_eq!(kind(name), wanted, "{name:?}");
        }
    }

    #[test]
    fn an_extension_stands_for_one_kind() {
        let twice = "[[kind]]\nis = \"video\"\nextensions = [\"mp4\", \"MP4\"]\n";
        assert!(matches!(Kinds::from_toml(twice), Err(Error::Extension { .. })));
        assert!(matches!(Kinds::from_toml("[[kind]]\nis = \"film\""), Err(Error::Syntax { .. })));
    }
}
