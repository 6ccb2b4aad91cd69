//! After a crash: what lies in the vault, and what of it belongs to nobody.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{Doing as _, Error, Place, Vault};
use crate::model::{Generation, ItemId};
use crate::seal::Role;
use crate::sys::Disk;

/// What a look through the vault found.
#[derive(Debug, Default)]
pub struct Swept {
    /// Sealed files with each key file beside them, in order: a line for each, because there may be a million.
    lying: Vec<(Role, ItemId, Generation)>,
    /// Key files without a sealed file.
    pub lone_keys: Vec<PathBuf>,
    /// Files with names that are not ours.
    pub strangers: Vec<PathBuf>,
}

/// Stands for the sealed file itself; no key file has this generation.
const NONE: Generation = Generation(0);

impl Swept {
    /// Items with a sealed file, in their order, with the generations of the key files beside them.
    pub fn items(&self) -> impl Iterator<Item = ((Role, ItemId), Vec<Generation>)> {
        let of_item = self.lying.chunk_by(|one, other| (one.0, one.1) == (other.0, other.1));
        of_item.map(|lines| {
            let generations = lines.iter().map(|line| line.2).filter(|generation| *generation != NONE);
            ((lines[0].0, lines[0].1), generations.collect())
        })
    }

    /// Whether a sealed file of this item was found.
    #[must_use]
    pub fn holds(&self, role: Role, item: ItemId) -> bool {
        self.lying.binary_search(&(role, item, NONE)).is_ok()
    }

    fn take_over(&mut self, other: Self) {
        self.lying.extend(other.lying);
        self.lying.sort_unstable();
        self.lying.dedup();
        self.lone_keys.extend(other.lone_keys);
        self.strangers.extend(other.strangers);
    }
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
            all.take_over(look_through(place)?);
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
    for (role, shelf) in place.shelves() {
        for folder in list(&shelf)? {
            look_into(role, &folder, &mut swept)?;
        }
    }
    Ok(swept)
}

/// Key files lie in the same folder as their sealed file.
fn look_into(role: Role, folder: &Path, swept: &mut Swept) -> Result<(), Error> {
    let mut sealed = BTreeSet::new();
    let mut keys = Vec::new();
    for path in list(folder)? {
        match read_name(&path) {
            Some((item, None)) => drop(sealed.insert(item)),
            Some((item, Some(generation))) => keys.push((item, generation, path)),
            None => swept.strangers.push(path),
        }
    }
    swept.lying.extend(sealed.iter().map(|item| (role, *item, NONE)));
    for (item, generation, path) in keys {
        if sealed.contains(&item) {
            swept.lying.push((role, item, generation));
        } else {
            swept.lone_keys.push(path);
        }
    }
    Ok(())
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
