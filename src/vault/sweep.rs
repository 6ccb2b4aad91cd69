//! After a crash: what lies in the vault, and what of it belongs to nobody.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Doing as _, Error, Place, Vault};
use crate::model::{Generation, ItemId};
use crate::seal::Role;
use crate::sys::Disk;

/// What a look through the vault found.
#[derive(Debug, Default)]
pub struct Swept {
    /// Items with a sealed file, with the generations of the key files beside them.
    pub items: BTreeMap<(Role, ItemId), Vec<Generation>>,
    /// Key files without a sealed file.
    pub lone_keys: Vec<PathBuf>,
    /// Files with names that are not ours.
    pub strangers: Vec<PathBuf>,
}

impl Vault {
    /// Removes every unfinished file. Only the holder of the home's lock may call this: nobody else is
    /// writing then.
    ///
    /// # Errors
    /// Where a folder cannot be listed or a file not removed.
    pub fn sweep_unfinished(&self) -> Result<usize, Error> {
        self.taking().into_iter().map(|at| sweep(&self.slots[at].place, self.disk())).sum()
    }

    /// Lists everything, in every place that is there: what lies in one of them was read back and is whole.
    ///
    /// # Errors
    /// Where a folder cannot be listed.
    pub fn look_through(&self) -> Result<Swept, Error> {
        let mut all = Swept::default();
        for place in self.places().filter(|place| place.is_there()) {
            let Swept { items, lone_keys, strangers } = look_through(place)?;
            for (item, generations) in items {
                all.items.entry(item).or_default().extend(generations);
            }
            all.lone_keys.extend(lone_keys);
            all.strangers.extend(strangers);
        }
        Ok(all)
    }

    /// Removes a key file that no sealed file stands beside: the leftover of an attempt that a crash
    /// ended between two renames.
    ///
    /// # Errors
    /// As `unlink(2)`.
    pub fn remove_lone_key(&self, path: &Path) -> Result<(), Error> {
        self.disk().remove(path).doing("remove", path)
    }
}

/// Removes every unfinished file of a place, and answers how many there were.
pub(super) fn sweep(place: &Place, disk: &Disk) -> Result<usize, Error> {
    let unfinished = list(&place.unfinished())?;
    for path in &unfinished {
        disk.remove(path).doing("remove", path)?;
    }
    Ok(unfinished.len())
}

fn look_through(place: &Place) -> Result<Swept, Error> {
    let mut swept = Swept::default();
    let mut keys = Vec::new();
    for (role, shelf) in place.shelves() {
        for folder in list(&shelf)? {
            for path in list(&folder)? {
                match read_name(&path) {
                    Some((item, None)) => drop(swept.items.entry((role, item)).or_default()),
                    Some((item, Some(generation))) => keys.push((role, item, generation, path)),
                    None => swept.strangers.push(path),
                }
            }
        }
    }
    for (role, item, generation, path) in keys {
        match swept.items.get_mut(&(role, item)) {
            Some(generations) => generations.push(generation),
            None => swept.lone_keys.push(path),
        }
    }
    Ok(swept)
}

fn list(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = std::fs::read_dir(folder).doing("list", folder)?;
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(entry.doing("list", folder)?.path());
    }
    paths.sort();
    Ok(paths)
}

/// `<item>.seal` or `<item>.<generation>.keys`.
fn read_name(path: &Path) -> Option<(ItemId, Option<Generation>)> {
    let mut parts = path.file_name()?.to_str()?.split('.');
    let item = parts.next()?.parse().ok()?;
    match (parts.next()?, parts.next(), parts.next()) {
        ("seal", None, None) => Some((item, None)),
        (generation, Some("keys"), None) => Some((item, Some(Generation(generation.parse().ok()?)))),
        _ => None,
    }
}
