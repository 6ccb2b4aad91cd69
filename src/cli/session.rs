//! What every command holds in its hands.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::client::{Client, Document, LineReader};
use super::language::Messages;
use super::out::{Out, plain};
use super::progress::Bar;
use super::terminal::{Terminal, passphrase_in};
use super::works::Works;
use crate::api::{Code, CustodyNow, Line, Problem, UnlockRequest, routes};
use crate::daemon::lock::{self, HomeLock, Way};
use crate::daemon::of_lock;
use crate::model::{Reason, State};

/// Whom results are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// JSON.
    Scripts,
    /// Text.
    People,
}

/// What every command holds in its hands.
pub(super) struct Session<'a, W> {
    /// What is said.
    pub messages: &'a Messages,
    /// To whom.
    pub format: Format,
    /// Results.
    pub out: Out<'a>,
    /// The archive's folder.
    pub home: &'a Path,
    /// The daemon room.
    pub works: &'a W,
    /// Where secrets are typed.
    pub terminal: &'a dyn Terminal,
}

impl<W: Works> Session<'_, W> {
    /// A client of the archive: of its daemon, or in this process where none is up.
    ///
    /// # Errors
    /// Where the home is none, held by another command, or does not open.
    pub(super) async fn client(&self) -> Result<Client, Problem> {
        match lock::way_in(self.home).await.map_err(|error| of_lock(&error))? {
            Way::Daemon(stream) => Client::of_daemon(stream).await,
            Way::Own(lock) => self.works.open(lock).await.map(Client::of_opened),
        }
    }

    /// A client that can open items where that is possible: in this process custodian keys are locked, and
    /// opened by the passphrase in the file, or by one that is typed.
    ///
    /// # Errors
    /// As [`Session::client`], and where the passphrase opens nothing.
    pub(super) async fn custodian(&self, file: Option<&PathBuf>) -> Result<Client, Problem> {
        let mut client = self.client().await?;
        if let Some(file) = file {
            let request =
                UnlockRequest { passphrase: passphrase_in(file)?.to_string(), shares: Vec::new() };
            unlock(&mut client, &request).await?;
        }
        Ok(client)
    }

    /// Asks for the passphrase where custody is closed only in this process and somebody sits at the
    /// terminal. Answers whether it is worth trying again.
    ///
    /// # Errors
    /// The first problem itself where nothing can be asked.
    pub(super) async fn open_custody(&self, client: &mut Client, problem: Problem) -> Result<(), Problem> {
        if problem.code != Code::CustodyClosed || !client.is_here() || !self.terminal.is_there() {
            return Err(problem);
        }
        let typed = self.terminal.ask(&self.messages.say("ask-passphrase")).map_err(|_| problem)?;
        unlock(client, &UnlockRequest { passphrase: typed.to_string(), shares: Vec::new() }).await.map(drop)
    }

    /// The home, held alone.
    ///
    /// # Errors
    /// Where a daemon is up, or another command holds it.
    pub(super) async fn alone(&self) -> Result<HomeLock, Problem> {
        HomeLock::alone(self.home).await.map_err(|error| of_lock(&error))
    }

    /// Prints one document: as it came, or as `people` says it.
    ///
    /// # Errors
    /// When it is not what was asked for.
    pub(super) fn print<T: DeserializeOwned>(
        &mut self,
        document: &Document,
        people: impl FnOnce(&T, &Messages) -> Vec<String>,
    ) -> Result<T, Problem> {
        let value = document.read()?;
        match self.format {
            Format::Scripts => self.out.json(document.raw()?),
            Format::People => self.say_lines(&people(&value, self.messages)),
        }
        Ok(value)
    }

    /// Prints a value that was made here.
    pub(super) fn print_own<T: Serialize>(
        &mut self,
        value: &T,
        people: impl FnOnce(&Messages) -> Vec<String>,
    ) {
        match self.format {
            Format::Scripts => self.out.json(value),
            Format::People => self.say_lines(&people(self.messages)),
        }
    }

    /// Reads lines to their end, the progress on a bar, and prints each result that `people` finds words
    /// for: as it came, or in those words.
    ///
    /// # Errors
    /// As [`LineReader::next`].
    pub(super) async fn print_lines<T: DeserializeOwned>(
        &mut self,
        mut lines: LineReader,
        bar: &Bar,
        mut people: impl FnMut(&T, &Messages) -> Option<Vec<String>>,
    ) -> Result<(), Problem> {
        while let Some(line) = lines.next().await? {
            match line {
                Line::Progress(progress) => bar.show(&progress),
                Line::Result(raw) => {
                    let value: T = serde_json::from_str(raw.get()).map_err(|error| {
                        Problem::new(Code::Internal, format!("a line was not understood: {error}"))
                    })?;
                    let Some(words) = people(&value, self.messages) else { continue };
                    bar.aside(|| match self.format {
                        Format::Scripts => self.out.json(&raw),
                        Format::People => words.iter().for_each(|line| self.out.line(line)),
                    });
                }
                Line::Problem(_) | Line::End { .. } => {}
            }
        }
        Ok(())
    }

    fn say_lines(&mut self, lines: &[String]) {
        lines.iter().for_each(|line| self.out.line(line));
    }
}

/// Hands a passphrase over.
///
/// # Errors
/// Where it opens nothing, or there is nothing to open.
pub(super) async fn unlock(client: &mut Client, request: &UnlockRequest) -> Result<CustodyNow, Problem> {
    client.post(routes::UNLOCK, request).await?.read()
}

/// A state in words.
#[must_use]
pub(super) fn state(state: State, messages: &Messages) -> String {
    messages.say(&format!("state-{}", state.code()))
}

/// Reasons in words, in brackets; nothing where there are none.
#[must_use]
pub(super) fn reasons(reasons: &[Reason], messages: &Messages) -> String {
    if reasons.is_empty() {
        return String::new();
    }
    let words: Vec<String> =
        reasons.iter().map(|reason| messages.say(&format!("reason-{}", reason.code()))).collect();
    in_brackets(&words.join(&messages.say("list-comma")), messages)
}

/// A text in the brackets of its language.
#[must_use]
pub(super) fn in_brackets(text: &str, messages: &Messages) -> String {
    messages.tell("in-brackets", &[("text", text.into())])
}

/// A code in words, where the catalog has them beneath this prefix; else the code itself.
#[must_use]
pub(super) fn word(prefix: &str, code: &str, messages: &Messages) -> String {
    messages.find(&format!("{prefix}-{code}"), &[]).unwrap_or_else(|| plain(code))
}
