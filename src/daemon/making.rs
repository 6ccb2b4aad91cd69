//! Making a new archive. The settings come last: without them a folder is no archive, so a making that was cut
//! short leaves nothing that could be taken for one.

use std::path::{Path, PathBuf};

use super::archive::{Surroundings, opening};
use super::backups::format_text;
use super::settings::{FILE, Profile, Settings};
use super::{Made, Making, NewPassphrase, of_disk};
use crate::api::{Code, Problem};
use crate::catalog::Catalog;
use crate::keys::{self, EscrowRule, Keyring, Passphrase, Share, write_unlock};
use crate::ledger::Content;
use crate::model::{Act, Actor, ArchiveMade};
use crate::vault::Vault;

/// Makes the archive.
///
/// # Errors
/// Where something is there already, or a step on the disk fails.
pub fn make(making: &Making, world: &Surroundings) -> Result<Made, Problem> {
    let profile = Profile::named(&making.profile).map_err(|error| Problem::of(Code::BadRequest, &error))?;
    let home = &making.home;
    refuse_shares(&making.shares)?;
    for folder in [home.clone(), home.join("receipts")] {
        world.disk.make_folder(&folder, 0o700).map_err(|error| of_disk(&folder, &error))?;
    }
    Vault::create(&[home.join("vault")], &world.disk, &format_text())?;
    let (keyring, shares) = make_keys(making, &profile, world)?;
    let keyring = std::sync::Arc::new(keyring);
    let first = Act::ArchiveMade(ArchiveMade {
        archive: keyring.archive(),
        root: keyring.root(),
        owner_uid: rustix::process::geteuid().as_raw(),
        profile: profile.name.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    });
    let content = Content { who: Actor::Node, why: None, act: first };
    Catalog::create(&opening(home, &keyring, world), content)?.close();
    let shares = write_shares(&making.shares, &shares, world)?;
    let settings = home.join(FILE);
    world
        .disk
        .write_new(&settings, Settings::template(&profile).as_bytes(), 0o600)
        .map_err(|error| of_disk(&settings, &error))?;
    Ok(Made {
        archive: keyring.archive(),
        home: home.clone(),
        profile: profile.name.clone(),
        root: keyring.root(),
        root_public: home.join("keys/root.pub.pem"),
        shares,
        shares_needed: profile.escrow.needed,
    })
}

fn make_keys(
    making: &Making,
    profile: &Profile,
    world: &Surroundings,
) -> Result<(Keyring, Vec<Share>), Problem> {
    let passphrase = match &making.passphrase {
        NewPassphrase::Chosen(typed) => Passphrase::new(typed)?,
        NewPassphrase::Unattended => Passphrase::random(&*world.entropy),
    };
    let folder = making.home.join("keys");
    let made = Keyring::make(&keys::Making {
        folder: &folder,
        disk: &world.disk,
        entropy: &*world.entropy,
        now: world.clock.now(),
        passphrase: &passphrase,
        stretch: &*world.stretch,
        escrow: EscrowRule { needed: profile.escrow.needed, shares: profile.escrow.shares },
    })?;
    if let NewPassphrase::Unattended = making.passphrase {
        write_unlock(&folder, &world.disk, &passphrase)?;
    }
    Ok(made)
}

/// Shares of another archive are never mixed with these.
fn refuse_shares(folder: &Path) -> Result<(), Problem> {
    match std::fs::read_dir(folder).map(|mut entries| entries.next()) {
        Ok(Some(_)) => Err(Problem::new(Code::AlreadyThere, format!("{} is not empty", folder.display()))),
        _ => Ok(()),
    }
}

fn write_shares(folder: &Path, shares: &[Share], world: &Surroundings) -> Result<Vec<PathBuf>, Problem> {
    world.disk.make_folder(folder, 0o700).map_err(|error| of_disk(folder, &error))?;
    let mut paths = Vec::new();
    for (number, share) in (1..).zip(shares) {
        let path = folder.join(format!("share-{number}.txt"));
        let line = zeroize::Zeroizing::new(format!("{}\n", share.text()));
        world.disk.write_new(&path, line.as_bytes(), 0o600).map_err(|error| of_disk(&path, &error))?;
        paths.push(path);
    }
    Ok(paths)
}
