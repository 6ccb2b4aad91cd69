//! Making the catalog anew, from the ledger or from the vault alone.

use super::archive::{Archive, Ground, Surroundings};
use super::lock::HomeLock;
use super::{RebuildFrom, Rebuilt};
use crate::api::{Problem, Rooms};
use crate::catalog::{self, Catalog};
use crate::evidence::Found;
use crate::ledger::Content;
use crate::model::{Act, Actor, EpochBegun, Provenance, ReadBack, Recovered};

/// Entries recorded in one go.
const BATCH: usize = 256;

/// Makes the catalog of a home anew. Where no ledger is left it is the vault that speaks.
///
/// # Errors
/// Where the ledger is damaged, or the vault cannot be read.
pub fn rebuild(lock: &HomeLock, from: RebuildFrom, world: &Surroundings) -> Result<Rebuilt, Problem> {
    let ground = Ground::open(lock, world)?;
    let home = lock.home();
    match from {
        RebuildFrom::Ledger => match Catalog::rebuild(&ground.opening) {
            Ok(catalog) => done(&Archive::furnish(ground, catalog, (home, world))?, "ledger"),
            Err(catalog::Error::NoLedger { .. }) => from_vault(ground, (home, world)),
            Err(error) => Err(error.into()),
        },
        RebuildFrom::Vault => from_vault(ground, (home, world)),
    }
}

fn from_vault(
    ground: Ground,
    (home, world): (&std::path::Path, &Surroundings),
) -> Result<Rebuilt, Problem> {
    let begun = Act::EpochBegun(EpochBegun {
        archive: ground.keyring.archive(),
        root: ground.keyring.root(),
        owner_uid: rustix::process::geteuid().as_raw(),
        epoch: Catalog::next_epoch(&ground.opening)?,
        because: "rebuilt_from_vault".to_owned(),
    });
    let catalog = Catalog::begin_epoch(&ground.opening, content(begun))?;
    let archive = Archive::furnish(ground, catalog, (home, world))?;
    bring_back(&archive.rooms)?;
    done(&archive, "vault")
}

/// Catalogues everything that the vault holds: originals first, then what was made from them.
fn bring_back(rooms: &Rooms) -> Result<(), Problem> {
    let swept = rooms.evidence.vault().look_through()?;
    let copies = rooms.evidence.vault().copies();
    let mut waiting = Vec::new();
    for ((role, item), generations) in &swept.items {
        match rooms.evidence.recatalogue((*role, *item), generations) {
            Ok(found) if has_parent(rooms, &found)? => {
                waiting.push(content(found.act((ReadBack::Disk, copies), Recovered::Vault)));
            }
            Ok(_) => {
                tracing::error!(item.id = %item, "its parent is not in the vault; it is left as it is");
            }
            Err(error) => tracing::error!(item.id = %item, %error, "damaged; it is left as it is"),
        }
        if waiting.len() >= BATCH {
            rooms.catalog.record(std::mem::take(&mut waiting))?;
        }
    }
    rooms.catalog.record(waiting)?;
    Ok(())
}

fn has_parent(rooms: &Rooms, found: &Found) -> Result<bool, Problem> {
    match &found.facts.provenance {
        Provenance::Deposited(_) => Ok(true),
        Provenance::Derived(derived) => Ok(rooms.catalog.item(derived.parent)?.is_some()),
    }
}

fn content(act: Act) -> Content {
    Content { who: Actor::Node, why: None, act }
}

fn done(archive: &Archive, from: &str) -> Result<Rebuilt, Problem> {
    let catalog = &archive.rooms.catalog;
    Ok(Rebuilt {
        from: from.to_owned(),
        items: catalog.counts()?.items,
        ledger_size: catalog.ledger_size(),
        epoch: catalog.epoch(),
    })
}
