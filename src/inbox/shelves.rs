//! Reading what lies on receipt shelves, as hostile as anything in an inbox: believed in nothing (P4).

use super::error::{Error, Refusal};
use super::root::{RECEIPTS, Root, entries};
use crate::model::{RawName, Reason};

const ENDING: &[u8] = b".json";

/// A file that is named like a receipt, with the signature beside it.
#[derive(Debug)]
pub struct Shelved {
    /// Beneath the root.
    pub path: RawName,
    /// Its bytes and those of its signature; a refusal where they cannot be had.
    pub read: Result<(Vec<u8>, Vec<u8>), Refusal>,
}

/// Where receipts lie beneath a root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shelf {
    /// In the folder of an inbox that is made for them.
    InInbox,
    /// In the root itself.
    Root,
}

/// Shows every file that is named like a receipt, one after the other. A shelf that is not there holds none.
/// `max` is the longest receipt.
///
/// # Errors
/// [`Error::Open`] where the shelf cannot be listed.
pub fn read_shelf(
    root: &Root,
    (shelf, max): (Shelf, usize),
    see: &mut dyn FnMut(Shelved),
) -> Result<(), Error> {
    let folder = match shelf {
        Shelf::InInbox => RawName::new(RECEIPTS),
        Shelf::Root => RawName::new(""),
    };
    let opened = match root.open_folder(&folder) {
        Ok(opened) => opened,
        Err(refusal) if refusal.reason == Reason::Vanished => return Ok(()),
        Err(refusal) => return Err(refusal.into()),
    };
    for entry in entries(&opened) {
        let entry = entry.map_err(|cause| Refusal::of_io(&folder, cause))?;
        let name = RawName::from(std::path::Path::new(entry.file_name()));
        if !name.as_bytes().ends_with(ENDING) || name.as_bytes().starts_with(b".") {
            continue;
        }
        let path = if folder.as_bytes().is_empty() { name } else { folder.join(&name) };
        let signature = RawName::new([path.as_bytes(), b".sig"].concat());
        let read = root
            .read_small(&path, max)
            .and_then(|bytes| root.read_small(&signature, 64).map(|signature| (bytes, signature)));
        see(Shelved { path, read });
    }
    Ok(())
}
