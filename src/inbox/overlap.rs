//! Inboxes, home, vault and receipts must lie apart: a vault that lies in an inbox would seal itself.

use std::collections::HashSet;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use super::error::Error;
use super::root::{Identity, RECEIPTS};
use crate::model::DockName;

/// Everything that must lie apart.
#[derive(Debug, Clone, Copy)]
pub struct Places<'a> {
    /// Each dock with its inbox.
    pub inboxes: &'a [(DockName, PathBuf)],
    /// The home.
    pub home: &'a Path,
    /// Where receipts go, if not into `.receipts` of their inbox.
    pub receipts: &'a [PathBuf],
    /// The places of the vault, which may lie outside the home.
    pub vault: &'a [PathBuf],
}

/// Checks that no inbox holds, or lies in, another one, the home, a place of the vault or one for receipts; by path and by
/// the folders themselves, so that links and bind mounts deceive nobody. Places that are not there yet
/// are compared by path.
///
/// # Errors
/// [`Error::Overlap`] or [`Error::SameDock`], naming the first two.
// P1, P4
pub fn check_overlap(places: &Places<'_>) -> Result<(), Error> {
    let mut docks = HashSet::new();
    if let Some((dock, _)) = places.inboxes.iter().find(|(dock, _)| !docks.insert(dock)) {
        return Err(Error::SameDock { dock: dock.clone() });
    }
    let inboxes: Vec<Place> = places
        .inboxes
        .iter()
        .map(|(dock, path)| Place::at(path, format!("the inbox of {dock} ({})", path.display())))
        .collect();
    let home = Place::at(places.home, format!("the home ({})", places.home.display()));
    for (index, inbox) in inboxes.iter().enumerate() {
        let others = inboxes[index + 1..].iter().chain([&home]);
        for other in others {
            inbox.must_lie_apart_from(other)?;
        }
        for place in places.vault {
            inbox.must_lie_apart_from(&Place::at(place, format!("the vault ({})", place.display())))?;
        }
        for shelf in places.receipts {
            let words = format!("the receipts ({})", shelf.display());
            let shelf = Place::at(shelf, words);
            if shelf.path != inbox.path.join(RECEIPTS) {
                inbox.must_lie_apart_from(&shelf)?;
            }
        }
    }
    Ok(())
}

/// Whether neither of two folders holds the other, by path and by the folders themselves.
#[must_use]
pub fn lies_apart(one: &Path, other: &Path) -> bool {
    let [one, other] = [one, other].map(|path| Place::at(path, String::new()));
    !one.holds(&other) && !other.holds(&one)
}

struct Place {
    words: String,
    path: PathBuf,
    /// The place itself first, then what it lies in.
    chain: Vec<Identity>,
    exists: bool,
}

impl Place {
    fn at(given: &Path, words: String) -> Self {
        let path = resolved(given);
        let chain = path
            .ancestors()
            .filter_map(|step| std::fs::metadata(step).ok())
            .map(|metadata| (metadata.dev(), metadata.ino()))
            .collect();
        Self { words, exists: path.exists(), path, chain }
    }

    fn must_lie_apart_from(&self, other: &Self) -> Result<(), Error> {
        if self.holds(other) || other.holds(self) {
            return Err(Error::Overlap { one: self.words.clone(), other: other.words.clone() });
        }
        Ok(())
    }

    fn holds(&self, other: &Self) -> bool {
        let by_path = other.path.starts_with(&self.path);
        let itself = self.chain.first().filter(|_| self.exists);
        by_path || itself.is_some_and(|identity| other.chain.contains(identity))
    }
}

/// The path without links, as far as it exists.
fn resolved(given: &Path) -> PathBuf {
    let given = std::path::absolute(given).unwrap_or_else(|_| given.to_owned());
    for existing in given.ancestors() {
        if let (Ok(real), Ok(rest)) = (existing.canonicalize(), given.strip_prefix(existing)) {
            return step_by_step(real, rest);
        }
    }
    given
}

/// What is not there has no links in it, so a step up undoes the step before it.
fn step_by_step(real: PathBuf, rest: &Path) -> PathBuf {
    rest.components().fold(real, |mut path, step| {
        match step {
            Component::ParentDir => drop(path.pop()),
            step => path.push(step),
        }
        path
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_neighbour_of_what_is_not_there_yet_lies_apart_from_it() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let home = folder.path().join("home");
        std::fs::create_dir(folder.path().join("dock")).expect("made");
        for there in [false, true] {
            if there {
                std::fs::create_dir(&home).expect("made");
            }
            assert!(lies_apart(&home.join("../dock"), &home), "there: {there}");
            assert!(!lies_apart(&home.join("../home/dock"), &home), "there: {there}");
            assert!(!lies_apart(&home.join(".."), &home), "there: {there}");
        }
    }
}
