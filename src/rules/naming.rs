//! What a name says. Patterns are policy data, tested against their own examples before first use.
//!
//! A match yields hints: which of two numbers is the recorder and which the officer differs between
//! makers, so nothing is resolved here. Names are bytes; patterns look at bytes and never at more than
//! a name (P4). No pattern can go astray: the `regex` crate matches in linear time.

use std::collections::{BTreeMap, HashSet};

use regex::bytes::{Captures, Regex, RegexBuilder};
use serde::Deserialize;

use super::companions::is_list;
use super::kinds::{KindOfName, Kinds};
use super::{Error, name_clock};
use crate::model::{ClockClaim, ClockSource, ClockTrust, Kind, NameHints, RawName, Reason};

const SHIPPED: &str = include_str!("../../config/profiles/names.toml");

/// The group of an ignore pattern that tells "still being written" from "junk".
const IN_PROGRESS: &str = "progress";
/// The group of a media pattern that tells a vendor-encrypted original.
const ENCRYPTED: &str = "enc";
/// The group of a sidecar pattern that names what it lies beside.
const STEM: &str = "stem";

/// A checked set of patterns, in the order in which they are tried.
#[derive(Debug, Clone)]
pub struct Patterns {
    ignore: Vec<Pattern>,
    sidecar: Vec<Pattern>,
    media: Vec<Pattern>,
}

#[derive(Debug, Clone)]
struct Pattern {
    id: String,
    on: On,
    regex: Regex,
}

/// What a pattern looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum On {
    /// The last component.
    Name,
    /// The path relative to the inbox.
    Path,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Use {
    Media,
    Sidecar,
    Ignore,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    pattern: Vec<WrittenPattern>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenPattern {
    id: String,
    #[serde(rename = "title")]
    _title: String,
    #[serde(rename = "use")]
    used: Use,
    on: On,
    regex: String,
    examples: Vec<String>,
}

/// Everything the patterns say about one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Set where the name is to be left alone; then nothing else is.
    pub ignored: Option<Reason>,
    /// The file name, without extension, that this one lies beside; set for sidecars.
    pub sidecar_of: Option<RawName>,
    /// The fields of the first pattern that matched; a sidecar has those of its stem.
    pub hints: Option<NameHints>,
    /// What the recorder's clock says in the name, where it is a date of the calendar. Whether it lies
    /// in the future is for those to judge who know the time.
    pub clock: Option<ClockClaim>,
}

impl Patterns {
    /// The patterns that sealdock ships, `config/profiles/names.toml`.
    ///
    /// # Errors
    /// As [`Patterns::from_toml`].
    pub fn shipped() -> Result<Self, Error> {
        Self::from_toml(SHIPPED)
    }

    /// Reads patterns and tries each on its own examples, so that a slip in a profile stops the start
    /// and not the work.
    ///
    /// # Errors
    /// [`Error::Syntax`], or what is wrong with the first unsound pattern.
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        let written: Written = toml::from_str(text)
            .map_err(|cause| Error::Syntax { what: "the name patterns", cause: Box::new(cause) })?;
        let mut patterns = Self { ignore: Vec::new(), sidecar: Vec::new(), media: Vec::new() };
        let mut ids = HashSet::new();
        for pattern in written.pattern {
            if !ids.insert(pattern.id.clone()) {
                return Err(Error::Repeated { id: pattern.id });
            }
            let used = pattern.used;
            let checked = Pattern::check(pattern)?;
            match used {
                Use::Ignore => patterns.ignore.push(checked),
                Use::Sidecar => patterns.sidecar.push(checked),
                Use::Media => patterns.media.push(checked),
            }
        }
        Ok(patterns)
    }

    /// Why a path (relative to the inbox) is to be left alone, if it is.
    #[must_use]
    pub fn ignored(&self, path: &RawName) -> Option<Reason> {
        self.ignore.iter().find_map(|pattern| {
            let subject = pattern.subject(path);
            let found = pattern.regex.captures(subject.as_bytes())?;
            let in_progress = found.name(IN_PROGRESS).is_some();
            Some(if in_progress { Reason::InProgressName } else { Reason::IgnoredName })
        })
    }

    /// Everything the patterns say about a path (relative to the inbox). The first match wins; a
    /// sidecar is also tried by its stem, since that is how its clip is named.
    #[must_use]
    pub fn classify(&self, path: &RawName) -> Named {
        if let Some(reason) = self.ignored(path) {
            return Named { ignored: Some(reason), sidecar_of: None, hints: None, clock: None };
        }
        let sidecar_of = self.stem(path);
        let of_stem = sidecar_of.as_ref().and_then(|stem| self.hints(&path.folder().join(stem)));
        let hints = of_stem.or_else(|| self.hints(path));
        let clock = hints.as_ref().and_then(|hints| clock_claim(&hints.fields));
        Named { ignored: None, sidecar_of, hints, clock }
    }

    fn stem(&self, path: &RawName) -> Option<RawName> {
        self.sidecar.iter().find_map(|pattern| {
            let name = path.file_name();
            let found = pattern.regex.captures(name.as_bytes())?;
            Some(RawName::new(found.name(STEM)?.as_bytes()))
        })
    }

    fn hints(&self, path: &RawName) -> Option<NameHints> {
        self.media.iter().find_map(|pattern| {
            let subject = pattern.subject(path);
            let found = pattern.regex.captures(subject.as_bytes())?;
            Some(NameHints { pattern: pattern.id.clone(), fields: pattern.fields(&found) })
        })
    }
}

impl Pattern {
    fn check(written: WrittenPattern) -> Result<Self, Error> {
        let regex = compile(&written.regex)
            .map_err(|cause| Error::Pattern { id: written.id.clone(), cause: Box::new(cause) })?;
        if written.used == Use::Sidecar && !regex.capture_names().flatten().any(|name| name == STEM) {
            return Err(Error::NoStem { id: written.id });
        }
        if written.examples.is_empty() {
            return Err(Error::NoExample { id: written.id });
        }
        let pattern = Self { id: written.id, on: written.on, regex };
        for example in written.examples {
            if !pattern.regex.is_match(pattern.subject(&RawName::new(example.as_str())).as_bytes()) {
                return Err(Error::Example { id: pattern.id, example });
            }
        }
        Ok(pattern)
    }

    fn subject(&self, path: &RawName) -> RawName {
        match self.on {
            On::Name => path.file_name(),
            On::Path => path.clone(),
        }
    }

    fn fields(&self, found: &Captures<'_>) -> BTreeMap<String, String> {
        self.regex
            .capture_names()
            .flatten()
            .filter_map(|group| {
                let text = String::from_utf8_lossy(found.name(group)?.as_bytes()).into_owned();
                Some((group.to_owned(), text))
            })
            .collect()
    }
}

/// Names are bytes of any encoding: classes and case are ASCII, and a dot is any byte, newlines too.
fn compile(regex: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(regex).unicode(false).dot_matches_new_line(true).build()
}

fn clock_claim(fields: &BTreeMap<String, String>) -> Option<ClockClaim> {
    let says = name_clock::read(fields)?;
    Some(ClockClaim { from: ClockSource::Name, says, trust: ClockTrust::Unknown })
}

/// Patterns and kinds together: all that policy says about names.
#[derive(Debug, Clone)]
pub struct Naming {
    /// The patterns.
    pub patterns: Patterns,
    /// The table of kinds.
    pub kinds: Kinds,
}

impl Naming {
    /// What sealdock ships.
    ///
    /// # Errors
    /// Where a shipped file is unsound, which a test of ours would have found.
    pub fn shipped() -> Result<Self, Error> {
        Ok(Self { patterns: Patterns::shipped()?, kinds: Kinds::shipped()? })
    }

    /// What sort of thing a path (relative to the inbox) promises. A vendor-encrypted original is
    /// opaque, whatever its extension.
    #[must_use]
    pub fn kind_of(&self, path: &RawName, named: &Named) -> KindOfName {
        let encrypted = named.hints.as_ref().is_some_and(|hints| hints.fields.contains_key(ENCRYPTED));
        if encrypted && named.sidecar_of.is_none() {
            return KindOfName { kind: Kind::Opaque, odd: None };
        }
        if is_list(path) {
            return KindOfName { kind: Kind::Sidecar, odd: None };
        }
        self.kinds.kind_of(path)
    }
}

#[cfg(test)]
#[path = "naming_tests.rs"]
mod tests;
