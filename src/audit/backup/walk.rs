//! Going over the ledger in a backup: each line is checked before it is believed.

use std::collections::HashMap;
use std::io::{BufReader, Read as _};
use std::path::Path;

use super::copying::open_regular;
use super::error::{Doing as _, Error};
use crate::ledger::{End, Entry, Replay, Step, Trust, sheet_name};
use crate::model::{Act, Generation, ItemId, LedgerIndex, Sha256};
use crate::seal::Role;

/// Bytes read at once.
const BUFFER: usize = 64 * 1024;

/// What the ledger says of the files of an item.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stored {
    pub(super) role: Role,
    pub(super) item: ItemId,
    pub(super) sealed_size: u64,
    pub(super) sealed_sha256: Sha256,
    pub(super) generation: Generation,
    pub(super) keys_sha256: Sha256,
}

/// The key files that live at the end of a ledger, of items whose class changed.
#[derive(Debug, Default)]
pub(super) struct Living(HashMap<ItemId, (Generation, Sha256)>);

impl Living {
    /// Goes over the whole ledger first: what an item was sealed with says nothing of the key file it has now.
    pub(super) fn at_the_end(files: (&Path, &[(LedgerIndex, u64)]), trust: &Trust) -> Result<Self, Error> {
        let mut living = Self::default();
        replay(files, trust, &mut |entry| {
            living.hear(entry);
            Ok(())
        })?;
        Ok(living)
    }

    fn hear(&mut self, entry: &Entry) {
        if let Some(Act::ClassSet(set)) = entry.content().map(|content| &content.act) {
            let keys = set.keys.iter().map(|made| (made.item, (made.generation, made.keys_sha256)));
            self.0.extend(keys);
        }
    }

    /// The item that an entry brings, where it brings one, with the key file that lives.
    pub(super) fn stored(&self, entry: &Entry) -> Option<Stored> {
        let stored = Stored::by(entry)?;
        Some(match self.0.get(&stored.item) {
            Some((generation, keys_sha256)) => {
                Stored { generation: *generation, keys_sha256: *keys_sha256, ..stored }
            }
            None => stored,
        })
    }
}

impl Stored {
    /// The item that an entry brings, where it brings one, as it was sealed.
    fn by(entry: &Entry) -> Option<Self> {
        match &entry.content()?.act {
            Act::ItemSealed(sealed) => Some(Self {
                role: Role::Original,
                item: sealed.item,
                sealed_size: sealed.sealed_size,
                sealed_sha256: sealed.sealed_sha256,
                generation: sealed.generation,
                keys_sha256: sealed.keys_sha256,
            }),
            Act::DerivativeSealed(sealed) => Some(Self {
                role: Role::Derivative,
                item: sealed.item,
                sealed_size: sealed.sealed_size,
                sealed_sha256: sealed.sealed_sha256,
                generation: sealed.generation,
                keys_sha256: sealed.keys_sha256,
            }),
            _ => None,
        }
    }
}

/// Reads the first bytes of each file and hands every entry on.
pub(super) fn replay(
    (folder, files): (&Path, &[(LedgerIndex, u64)]),
    trust: &Trust,
    see: &mut dyn FnMut(&Entry) -> Result<(), Error>,
) -> Result<End, Error> {
    let mut replay = Replay::new(trust);
    for (first, bytes) in files {
        let path = folder.join(sheet_name(*first));
        let file = open_regular(&path).doing("open", &path)?;
        let mut reader = BufReader::with_capacity(BUFFER, file.take(*bytes));
        replay.read_file(*first, &mut reader, &mut |step| match step {
            Step::Entry { entry, .. } => see(entry),
            Step::Head(_) => Ok(()),
        })?;
    }
    Ok(replay.finish(0)?)
}
