//! One function for each command.

mod archive;
mod backup;
mod check;
mod class;
mod deposit;
mod get;
mod items;
mod keys;
mod status;

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use super::arguments::{Command, Keys, Ledger, Receipt};
use super::exit::Exit;
use super::session::Session;
use super::works::Works;
use crate::api::{Code, Problem};

/// Receipts, signatures and shares are a few kilobytes; a larger file is none of them.
const LARGEST: u64 = 1 << 20;

/// Does what the command says.
///
/// # Errors
/// The problem that stood in the way.
pub(super) async fn run<W: Works>(session: &mut Session<'_, W>, command: Command) -> Result<Exit, Problem> {
    match command {
        Command::Init(init) => archive::init(session, init).await,
        Command::Run => archive::run(session).await,
        Command::Rebuild(rebuild) => archive::rebuild(session, &rebuild).await,
        Command::Status => status::status(session).await,
        Command::Doctor => status::doctor(session).await,
        Command::Deposit(deposit) => deposit::deposit(session, deposit).await,
        Command::Find(find) => items::find(session, find).await,
        Command::Show(show) => items::show(session, &show).await,
        Command::Get(get) => get::get(session, &get).await,
        Command::Verify(verify) => check::verify(session, verify).await,
        Command::Ledger(Ledger::Verify) => check::ledger(session).await,
        Command::Ledger(Ledger::Prove { index }) => check::prove(session, index).await,
        Command::Receipt(Receipt::Check { file }) => check::receipt(session, &file).await,
        Command::Keys(Keys::List) => keys::list(session).await,
        Command::Keys(Keys::Unlock { passphrase_file, share }) => {
            keys::unlock(session, passphrase_file, &share).await
        }
        Command::Keys(Keys::Lock) => keys::lock(session).await,
        Command::Keys(Keys::Drill { item, shares }) => keys::drill(session, item, &shares).await,
        Command::Class(class) => class::class(session, class).await,
        Command::Backup(backup) => backup::backup(session, &backup).await,
        Command::Restore(restore) => backup::restore(session, restore).await,
        // Answered before a session is made: it has no home.
        Command::StretchPassphrase => Ok(Exit::Usage),
    }
}

/// A small file that a person named, whole.
fn bounded(path: &Path) -> Result<Vec<u8>, Problem> {
    let unreadable = |why: &dyn std::fmt::Display| {
        Problem::new(Code::UnreadableFile, format!("cannot read {}: {why}", path.display()))
    };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| unreadable(&error))?;
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
    if bytes.len() as u64 > LARGEST {
        return Err(unreadable(&"it is larger than 1 MiB"));
    }
    Ok(bytes)
}
