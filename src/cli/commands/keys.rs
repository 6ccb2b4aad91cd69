//! `keys`.

use std::path::{Path, PathBuf};

use zeroize::Zeroize as _;

use crate::api::{
    Code, CustodyNow, CustodyState, DrillRequest, Drilled, Keys, Problem, UnlockRequest, routes,
};
use crate::cli::client::Client;
use crate::cli::exit::Exit;
use crate::cli::language::Messages;
use crate::cli::out::{local, plain, row};
use crate::cli::session::{self, Session, word};
use crate::cli::terminal::passphrase_in;
use crate::cli::works::Works;
use crate::daemon::{lock, of_lock, socket};
use crate::model::ItemId;

/// Prints every key.
pub(super) async fn list<W: Works>(session: &mut Session<'_, W>) -> Result<Exit, Problem> {
    let mut client = session.client().await?;
    let document = client.get(routes::KEYS).await?;
    session.print(&document, |keys: &Keys, messages| {
        let mut lines: Vec<String> = keys
            .keys
            .iter()
            .map(|key| {
                let id = key.id.to_string();
                let (role, made) = (plain(&key.role), local(key.made));
                let state = word("key", &key.state, messages);
                let private = word("private-half", &key.private, messages);
                row(&[(&id, 16), (&role, 18), (&state, 8), (&private, 10), (&made, 0)])
            })
            .collect();
        lines.push(custody(keys.custody, messages));
        lines
    })?;
    Ok(Exit::Done)
}

/// Makes custodian keys usable in the daemon.
pub(super) async fn unlock<W: Works>(
    session: &mut Session<'_, W>,
    file: Option<PathBuf>,
    shares: &[PathBuf],
) -> Result<Exit, Problem> {
    // The daemon first: nobody should type a passphrase for nothing.
    let mut client = daemon(session).await?;
    if !shares.is_empty() {
        let shares = shares.iter().map(|share| read(share)).collect::<Result<_, _>>()?;
        let request = UnlockRequest { passphrase: String::new(), shares };
        let now = session::unlock(&mut client, &request).await?;
        tell_custody(session, &now);
        return Ok(Exit::Done);
    }
    let passphrase = match file {
        Some(file) => passphrase_in(&file)?,
        None if session.terminal.is_there() => session
            .terminal
            .ask(&session.messages.say("ask-passphrase"))
            .map_err(|error| Problem::of(Code::NoTerminal, &error))?,
        None => return Err(Problem::new(Code::NoTerminal, "keys unlock needs a passphrase")),
    };
    let request = UnlockRequest { passphrase: passphrase.to_string(), shares: Vec::new() };
    let now = session::unlock(&mut client, &request).await?;
    tell_custody(session, &now);
    Ok(Exit::Done)
}

/// Puts custodian keys away in the daemon.
pub(super) async fn lock<W: Works>(session: &mut Session<'_, W>) -> Result<Exit, Problem> {
    let now: CustodyNow = daemon(session).await?.post(routes::LOCK, &()).await?.read()?;
    tell_custody(session, &now);
    Ok(Exit::Done)
}

fn tell_custody<W: Works>(session: &mut Session<'_, W>, now: &CustodyNow) {
    session.print_own(now, |messages| vec![custody(now.custody, messages)]);
}

fn custody(custody: CustodyState, messages: &Messages) -> String {
    messages.say(match custody {
        CustodyState::Open => "custody-open",
        CustodyState::SealOnly => "custody-seal-only",
    })
}

/// A client of the daemon and of nothing else: what a process unlocks is locked again when it ends.
async fn daemon<W: Works>(session: &Session<'_, W>) -> Result<Client, Problem> {
    match socket::connect(session.home).await {
        Ok(stream) => Client::of_daemon(stream).await,
        Err(_) if lock::is_home(session.home) => {
            let home = session.home.display();
            Err(Problem::new(Code::NoDaemon, format!("no daemon answers on {home}")))
        }
        Err(_) => Err(of_lock(&lock::Error::NoArchive { home: session.home.to_owned() })),
    }
}

/// Proves that shares open a real item.
pub(super) async fn drill<W: Works>(
    session: &mut Session<'_, W>,
    item: ItemId,
    shares: &[PathBuf],
) -> Result<Exit, Problem> {
    let request =
        DrillRequest { item, shares: shares.iter().map(|share| read(share)).collect::<Result<_, _>>()? };
    let mut client = session.client().await?;
    let document = client.post(routes::DRILL, &request).await?;
    let drilled = session.print(&document, |drilled: &Drilled, messages| {
        let values = [("item", drilled.item.to_string().into()), ("shares", drilled.shares.into())];
        vec![messages.tell("drill-done", &values)]
    })?;
    Ok(drilled.result.into())
}

/// A share: the text itself, or a file that holds it.
pub(super) fn read(share: &Path) -> Result<String, Problem> {
    if let Some(text) = share.to_str()
        && text.starts_with("sealdock-share-")
        && !share.exists()
    {
        return Ok(text.to_owned());
    }
    let mut bytes = super::bounded(share)?;
    match std::str::from_utf8(&bytes) {
        Ok(text) => {
            let share = text.trim().to_owned();
            bytes.zeroize();
            Ok(share)
        }
        Err(_) => Err(Problem::new(Code::BadShare, format!("{} is no text", share.display()))),
    }
}
