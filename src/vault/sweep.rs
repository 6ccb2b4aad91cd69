//! After a crash: what lies in the vault, and what of it belongs to nobody.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Doing as _, Error, Vault};
use crate::model::{Generation, ItemId};
use crate::seal::Role;

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
        let mut removed = 0;
        for place in self.places() {
            let folder = place.unfinished();
            for path in list(&folder)? {
                self.disk().remove(&path).doing("remove", &path)?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// Removes a key file that no sealed file stands beside: the leftover of an attempt that a crash
    /// ended between two renames.
    ///
    /// # Errors
    /// As `unlink(2)`.
    pub fn remove_lone_key(&self, path: &Path) -> Result<(), Error> {
        self.disk().remove(path).doing("remove", path)
    }

    /// Lists everything in the first place.
    ///
    /// # Errors
    /// Where a folder cannot be listed.
    pub fn look_through(&self) -> Result<Swept, Error> {
        let mut swept = Swept::default();
        let mut keys = Vec::new();
        for (role, shelf) in self.places()[0].shelves() {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Moment;
    use crate::sys::Disk;

    fn vault(home: &Path) -> Vault {
        let places = [home.join("vault")];
        Vault::create(&places, &Disk::default(), "the format").expect("made");
        Vault::open(&places, &Disk::default()).expect("opened")
    }

    #[test]
    fn files_are_found_and_leftovers_told_apart() {
        let home = tempfile::tempdir().expect("a temporary folder");
        let vault = vault(home.path());
        let [whole, half] = [1, 2].map(|byte| ItemId::new(Moment::UNIX_EPOCH, [byte; 10]));
        let one = Generation(1);
        let mut sealed = vault.begin_sealed(Role::Original, whole).expect("begun");
        let mut keys = vault.begin_keys(Role::Original, whole, one).expect("begun");
        sealed.write_all(b"sealed").expect("written");
        keys.write_all(b"keys").expect("written");
        vault.settle(&keys, &sealed).expect("settled");
        let lone = vault.places()[0].keys(Role::Original, half, one);
        std::fs::create_dir_all(lone.parent().expect("in a folder")).expect("made");
        std::fs::write(&lone, b"keys").expect("written");
        let _left = vault.begin_sealed(Role::Original, half).expect("begun");

        let swept = vault.look_through().expect("looked");
        assert_eq!(swept.items.into_iter().collect::<Vec<_>>(), [((Role::Original, whole), vec![one])]);
        assert_eq!(swept.lone_keys, [lone]);
        assert_eq!(vault.sweep_unfinished().expect("swept"), 1);
        assert_eq!(vault.read_keys(Role::Original, whole, one).expect("read"), b"keys");
    }

    #[test]
    fn a_missing_place_is_not_an_empty_vault() {
        let home = tempfile::tempdir().expect("a temporary folder");
        let error = Vault::open(&[home.path().join("gone")], &Disk::default()).expect_err("missing");
        assert!(matches!(error, Error::NotAPlace { .. }));
    }

    #[test]
    fn nothing_in_the_vault_is_replaced() {
        let home = tempfile::tempdir().expect("a temporary folder");
        let vault = vault(home.path());
        let item = ItemId::new(Moment::UNIX_EPOCH, [7; 10]);
        for attempt in 0..2 {
            let mut sealed = vault.begin_sealed(Role::Original, item).expect("begun");
            let keys = vault.begin_keys(Role::Original, item, Generation(attempt + 1)).expect("begun");
            sealed.write_all(&[u8::try_from(attempt).expect("small")]).expect("written");
            assert_eq!(vault.settle(&keys, &sealed).is_ok(), attempt == 0);
        }
        let path = vault.places()[0].sealed(Role::Original, item);
        assert_eq!(std::fs::read(path).expect("read"), [0]);
    }

    /// Takes so many steps, and none after them.
    struct StopAfter(std::sync::atomic::AtomicUsize);

    impl crate::sys::Steps for StopAfter {
        fn before(&self, _: crate::sys::Step<'_>) -> std::io::Result<()> {
            use std::sync::atomic::Ordering::SeqCst;
            match self.0.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)) {
                Ok(_) => Ok(()),
                Err(_) => Err(std::io::Error::other("cut")),
            }
        }
    }

    #[test]
    fn what_lies_in_the_first_place_lies_in_every_place_wherever_a_crash_comes() {
        let one = Generation(1);
        for steps in 0.. {
            let home = tempfile::tempdir().expect("a temporary folder");
            let places = ["first", "second"].map(|place| home.path().join(place));
            Vault::create(&places, &Disk::default(), "the format").expect("made");
            let disk = Disk::watched(std::sync::Arc::new(StopAfter(steps.into())));
            let vault = Vault::open(&places, &disk).expect("opened");
            let item = ItemId::new(Moment::UNIX_EPOCH, [7; 10]);
            let settled = vault.begin_sealed(Role::Original, item).and_then(|sealed| {
                let keys = vault.begin_keys(Role::Original, item, one)?;
                vault.settle(&keys, &sealed)
            });
            let [first, second] = [0, 1].map(|at| &vault.places()[at]);
            if first.sealed(Role::Original, item).exists() {
                let copies = [first, second]
                    .map(|at| [at.sealed(Role::Original, item), at.keys(Role::Original, item, one)]);
                assert!(copies.iter().flatten().all(|path| path.exists()), "after {steps} steps");
            }
            if settled.is_ok() {
                assert!(steps > 8, "only {steps} steps");
                break;
            }
        }
    }
}
