//! Making the catalog anew, from the ledger or from the vault alone.

use super::archive::{Archive, Ground, Surroundings};
use super::lock::HomeLock;
use super::{RebuildFrom, Rebuilt};
use crate::api::{Problem, Rooms};
use crate::catalog::{self, Catalog};
use crate::evidence::Found;
use crate::ledger::Content;
use crate::model::{Act, Actor, EpochBegun, Generation, ItemId, Provenance, ReadBack, Recovered};
use crate::seal::Role;

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
            Ok(catalog) => {
                let archive = Archive::furnish(ground, catalog, (home, world))?;
                // A crash may have left what no entry tells of, and the mark of it went with the catalog.
                archive.rooms.intake.recover()?;
                done(&archive, "ledger")
            }
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
    let catalog = begin(&ground)?;
    let archive = Archive::furnish(ground, catalog, (home, world))?;
    bring_back(&archive.rooms)?;
    archive.rooms.catalog.all_in_order();
    done(&archive, "vault")
}

/// A new epoch; or the one that was begun so before, by a rebuild that was cut short and is gone on with.
fn begin(ground: &Ground) -> Result<Catalog, Problem> {
    let begun = Act::EpochBegun(EpochBegun {
        archive: ground.keyring.archive(),
        root: ground.keyring.root(),
        owner_uid: rustix::process::geteuid().as_raw(),
        epoch: Catalog::next_epoch(&ground.opening)?,
        because: "rebuilt_from_vault".to_owned(),
        after: None,
    });
    match Catalog::begin_epoch(&ground.opening, content(begun)) {
        Err(there @ catalog::Error::AlreadyThere { .. }) => {
            let catalog = Catalog::open(&ground.opening)?;
            if catalog.began_after_a_loss()? { Ok(catalog) } else { Err(there.into()) }
        }
        begun => Ok(begun?),
    }
}

/// Catalogues everything that the vault holds and the catalog does not: originals first, then what was made
/// from them.
fn bring_back(rooms: &Rooms) -> Result<(), Problem> {
    let swept = rooms.evidence.vault().look_through()?;
    for wanted in [Role::Original, Role::Derivative] {
        let lying = swept.items().filter(|((role, _), _)| *role == wanted);
        let mut waiting = Vec::new();
        for ((role, item), generations) in lying {
            waiting.extend(act_for(rooms, (role, item), &generations)?);
            if waiting.len() >= BATCH {
                rooms.catalog.record(std::mem::take(&mut waiting))?;
            }
        }
        // A parent is looked up in the catalog: all originals are in it before the first derivative.
        rooms.catalog.record(waiting)?;
    }
    Ok(())
}

/// What catalogues one item; nothing where it is catalogued or its files are damaged.
fn act_for(
    rooms: &Rooms,
    (role, item): (Role, ItemId),
    generations: &[Generation],
) -> Result<Option<Content>, Problem> {
    if rooms.catalog.item(item)?.is_some() {
        return Ok(None);
    }
    match rooms.evidence.recatalogue((role, item), generations) {
        Ok(found) if has_parent(rooms, &found)? => {
            // Whether it was read back when it was sealed went with the ledger: old receipts still say so.
            Ok(Some(content(found.act(ReadBack::Off, Recovered::Vault))))
        }
        Ok(_) => {
            tracing::error!(item.id = %item, "its parent is not in the vault; it is left as it is");
            Ok(None)
        }
        Err(error) => {
            tracing::error!(item.id = %item, %error, "damaged; it is left as it is");
            Ok(None)
        }
    }
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
