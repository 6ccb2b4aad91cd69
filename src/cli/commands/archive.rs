//! `init`, `run` and `rebuild`: what works on a home itself.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use crate::api::{Code, Problem};
use crate::cli::arguments::{Init, Rebuild};
use crate::cli::exit::Exit;
use crate::cli::out::plain;
use crate::cli::session::{Session, word};
use crate::cli::terminal::passphrase_in;
use crate::cli::works::Works;
use crate::daemon::settings::Profile;
use crate::daemon::{Making, NewPassphrase, RebuildFrom};

/// Makes an archive.
pub(super) async fn init<W: Works>(session: &mut Session<'_, W>, init: Init) -> Result<Exit, Problem> {
    let home = session.home.to_owned();
    refuse_what_is_there(&home)?;
    Profile::named(&init.profile).map_err(|error| Problem::of(Code::BadRequest, &error))?;
    let shares = place_of_shares(&home, init.shares.as_deref())?;
    // Asked last, when nothing else can go wrong any more that a person could have known.
    let passphrase = new_passphrase(session, &init)?;
    let making = Making { home, profile: init.profile, passphrase, shares };
    let made = session.works.make(making).await?;
    session.print_own(&made, |messages| {
        let text = |path: &Path| plain(&path.display().to_string());
        let values = [
            ("home", text(&made.home).into()),
            ("archive", made.archive.to_string().into()),
            ("root", made.root.to_string().into()),
            ("public", text(&made.root_public).into()),
            ("needed", made.shares_needed.into()),
            ("count", made.shares.len().into()),
        ];
        let mut lines = vec![
            messages.tell("init-done", &values),
            messages.tell("init-root", &values),
            messages.tell("init-shares", &values),
        ];
        lines.extend(made.shares.iter().map(|share| format!("  {}", text(share))));
        lines
    });
    Ok(Exit::Done)
}

pub(super) fn absolute(path: &Path) -> Result<PathBuf, Problem> {
    crate::cli::absolute(path)
        .map_err(|error| Problem::new(Code::BadRequest, format!("{} is no path: {error}", path.display())))
}

/// `init` touches nothing that exists; an empty folder holds nothing to touch.
fn refuse_what_is_there(home: &Path) -> Result<(), Problem> {
    let there = |what: &str| Err(Problem::new(Code::AlreadyThere, format!("{} {what}", home.display())));
    match std::fs::read_dir(home) {
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) if home.join(crate::daemon::settings::FILE).exists() => there("is an archive already"),
            Some(_) => there("is not empty"),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => there(&format!("cannot be used: {error}")),
    }
}

/// Where the shares go: as said, else into a folder beside the home, never into the home: who steals the home
/// must not get them with it.
fn place_of_shares(home: &Path, said: Option<&Path>) -> Result<PathBuf, Problem> {
    let place = match said {
        Some(said) => absolute(said)?,
        None => {
            let mut name: OsString = home
                .file_name()
                .ok_or_else(|| {
                    Problem::new(Code::BadRequest, "name a folder for the shares with --shares")
                })?
                .to_owned();
            name.push(".shares");
            home.with_file_name(name)
        }
    };
    if resolved(&place).starts_with(resolved(home)) {
        let detail = format!("{} lies in the home; name another folder with --shares", place.display());
        return Err(Problem::new(Code::BadRequest, detail));
    }
    Ok(place)
}

/// The path with its links followed, those to what is not there yet among them.
fn resolved(path: &Path) -> PathBuf {
    // As many links as the kernel follows in one path.
    let mut path = path.to_owned();
    for _ in 0..40 {
        let Some((parent, name)) = path.parent().zip(path.file_name()) else { return path };
        if let Ok(there) = path.canonicalize() {
            return there;
        }
        let parent = resolved(parent);
        match std::fs::read_link(&path) {
            Ok(to) => path = parent.join(to),
            Err(_) => return parent.join(name),
        }
    }
    path
}

fn new_passphrase<W: Works>(session: &Session<'_, W>, init: &Init) -> Result<NewPassphrase, Problem> {
    if init.unattended {
        return Ok(NewPassphrase::Unattended);
    }
    if let Some(file) = &init.passphrase_file {
        return passphrase_in(file).map(NewPassphrase::Chosen);
    }
    if !session.terminal.is_there() {
        return Err(Problem::new(Code::NoTerminal, "init needs a passphrase"));
    }
    let ask = |id: &str| {
        let asked = session.terminal.ask(&session.messages.say(id));
        asked.map_err(|error| Problem::of(Code::NoTerminal, &error))
    };
    let chosen = ask("ask-new-passphrase")?;
    if chosen.is_empty() {
        return Err(Problem::new(Code::BadRequest, "an empty passphrase locks nothing"));
    }
    if ask("ask-passphrase-again")? != chosen {
        return Err(Problem::new(Code::BadRequest, "the two passphrases differ; nothing was made"));
    }
    Ok(NewPassphrase::Chosen(chosen))
}

/// Is the daemon.
pub(super) async fn run<W: Works>(session: &mut Session<'_, W>) -> Result<Exit, Problem> {
    session.works.run(session.home).await.map(|()| Exit::Done)
}

/// Makes the catalog anew.
pub(super) async fn rebuild<W: Works>(
    session: &mut Session<'_, W>,
    rebuild: &Rebuild,
) -> Result<Exit, Problem> {
    let from = if rebuild.from_vault { RebuildFrom::Vault } else { RebuildFrom::Ledger };
    let lock = session.alone().await?;
    let rebuilt = session.works.rebuild(lock, from).await?;
    session.print_own(&rebuilt, |messages| {
        let values = [
            ("from", word("rebuilt-from", &rebuilt.from, messages).into()),
            ("items", rebuilt.items.into()),
            ("size", rebuilt.ledger_size.into()),
            ("epoch", rebuilt.epoch.0.into()),
        ];
        vec![messages.tell("rebuild-done", &values)]
    });
    Ok(Exit::Done)
}
