//! `backup`, `verify --backup` and `restore`.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::archive::absolute;
use super::check::answer;
use super::keys::read;
use crate::api::{
    Answer, BackupChecked, BackupContent, BackupFault, BackupMade, BackupRequest, Code, ConfirmRequest,
    ItemsIn, Lost, Problem, Progress, RestoreConfirmed, RestoreReport, routes,
};
use crate::audit;
use crate::cli::arguments::{Backup, Restore, RestoreCommand};
use crate::cli::exit::Exit;
use crate::cli::language::Messages;
use crate::cli::out::{local, plain, size};
use crate::cli::progress::Bar;
use crate::cli::session::{Session, word};
use crate::cli::terminal::passphrase_in;
use crate::cli::works::Works;
use crate::daemon::{OpenedBy, Restoring};
use crate::model::Witness;

/// Lines of one list that are printed for people; `--json` and the report in the home have them all.
const LINES: usize = 100;

/// Makes a backup.
pub(super) async fn backup<W: Works>(
    session: &mut Session<'_, W>,
    backup: &Backup,
) -> Result<Exit, Problem> {
    let content = if backup.items { BackupContent::Items } else { BackupContent::Books };
    let request = BackupRequest { folder: absolute(&backup.dir)?, content };
    let mut client = session.client().await?;
    let lines = client.post_lines(routes::BACKUPS, &request).await?;
    let bar = Bar::new(session.messages.say("bar-backup"));
    let mut exit = Exit::NotChecked;
    let people = |made: &BackupMade, messages: &Messages| {
        exit = made.result.into();
        Some(about_made(made, messages))
    };
    session.print_lines(lines, &bar, people).await?;
    Ok(exit)
}

fn about_made(made: &BackupMade, messages: &Messages) -> Vec<String> {
    let values = [
        ("folder", plain(&made.folder.display().to_string()).into()),
        ("state", made.state.into()),
        ("size", made.ledger_size.into()),
        ("files", made.copied_files.into()),
        ("bytes", size(made.copied_bytes).into()),
    ];
    let mut words = vec![messages.tell("backup-done", &values), items(made.items, messages)];
    for failure in &made.failures {
        let item = failure.item.map_or_else(|| "-".to_owned(), |item| item.to_string());
        let values = [("item", item.into()), ("code", plain(&failure.code).into())];
        words.push(messages.tell("backup-damaged", &values));
    }
    words
}

fn items(items: Option<ItemsIn>, messages: &Messages) -> String {
    match items {
        Some(items) => messages.tell("backup-items", &[("items", items.items.into())]),
        None => messages.say("backup-no-items"),
    }
}

/// Checks a backup alone.
pub(super) async fn verify<W: Works>(
    session: &mut Session<'_, W>,
    (backup, state): (&Path, Option<u32>),
) -> Result<Exit, Problem> {
    let backup = absolute(backup)?;
    let bar = Bar::new(session.messages.say("bar-verify"));
    let checked =
        session.works.check_backup((&backup, state), &mut |progress| shown(&bar, progress)).await?;
    drop(bar);
    session.print_own(&checked, |messages| about_checked(&checked, messages));
    Ok(checked.result.into())
}

fn shown(bar: &Bar, progress: audit::Progress) -> std::ops::ControlFlow<()> {
    let (done, bytes) = (progress.items, progress.bytes_read);
    let total = (progress.of > done).then_some(progress.of);
    bar.show(&Progress { done, total, bytes, total_bytes: None });
    std::ops::ControlFlow::Continue(())
}

fn about_checked(checked: &BackupChecked, messages: &Messages) -> Vec<String> {
    let values = [
        ("answer", answer(checked.result, messages).into()),
        ("archive", checked.archive.to_string().into()),
        ("root", checked.root.to_string().into()),
        ("state", checked.state.into()),
        ("made", local(checked.made).into()),
        ("size", checked.ledger_size.into()),
        ("head", checked.ledger_root.clone().into()),
        ("epoch", checked.epoch.0.into()),
        ("bytes", size(checked.bytes_read).into()),
    ];
    let mut words: Vec<String> =
        ["backup-checked", "backup-root", "backup-head"].map(|id| messages.tell(id, &values)).to_vec();
    words.push(items(checked.items, messages));
    words.extend(faults(&checked.faults, messages));
    words
}

fn faults(faults: &[BackupFault], messages: &Messages) -> Vec<String> {
    let line = |fault: &BackupFault| {
        format!("  {}: {}", plain(&fault.path), word("backup-fault", &fault.code, messages))
    };
    some(faults, messages, line)
}

/// The first lines of a list, and how many more there are.
fn some<T>(list: &[T], messages: &Messages, line: impl Fn(&T) -> String) -> Vec<String> {
    let mut lines: Vec<String> = list.iter().take(LINES).map(line).collect();
    if list.len() > LINES {
        lines.push(messages.tell("and-more", &[("count", (list.len() - LINES).into())]));
    }
    lines
}

/// Brings an archive back from a backup, or confirms that somebody did.
pub(super) async fn restore<W: Works>(
    session: &mut Session<'_, W>,
    restore: Restore,
) -> Result<Exit, Problem> {
    if let Some(RestoreCommand::Confirm { share }) = &restore.command {
        return confirm(session, share).await;
    }
    let Some(dir) = &restore.dir else { return Ok(Exit::Usage) };
    let restoring = Restoring {
        backup: absolute(dir)?,
        state: restore.state,
        home: session.home.to_owned(),
        opened_by: opened_by(session, &restore)?,
        settings: restore.settings.as_deref().map(absolute).transpose()?,
        receipts: restore.receipts.iter().map(|folder| absolute(folder)).collect::<Result<_, _>>()?,
    };
    let bar = Bar::new(session.messages.say("bar-restore"));
    let report = session.works.restore(restoring, &mut |progress| shown(&bar, progress)).await?;
    drop(bar);
    session.print_own(&report, |messages| about_restored(&report, messages));
    Ok(report.result.into())
}

fn opened_by<W: Works>(session: &Session<'_, W>, restore: &Restore) -> Result<OpenedBy, Problem> {
    if !restore.share.is_empty() {
        let shares = restore.share.iter().map(|share| read(share).map(Zeroizing::new));
        return Ok(OpenedBy::Shares(shares.collect::<Result<_, _>>()?));
    }
    if let Some(file) = &restore.passphrase_file {
        return passphrase_in(file).map(OpenedBy::Passphrase);
    }
    if !session.terminal.is_there() {
        return Err(Problem::new(Code::NoTerminal, "restore needs the passphrase, or shares with --share"));
    }
    let asked = session.terminal.ask(&session.messages.say("ask-passphrase"));
    asked.map(OpenedBy::Passphrase).map_err(|error| Problem::of(Code::NoTerminal, &error))
}

fn about_restored(report: &RestoreReport, messages: &Messages) -> Vec<String> {
    let values = [
        ("home", plain(&report.home.display().to_string()).into()),
        ("archive", report.archive.to_string().into()),
        ("root", report.root.to_string().into()),
        ("state", report.state.into()),
        ("made", local(report.made).into()),
        ("size", report.ledger_size.into()),
        ("head", report.ledger_root.clone().into()),
        ("epoch", report.epoch.0.into()),
        ("answer", answer(report.result, messages).into()),
        ("receipts", report.receipts.into()),
        ("lost", report.lost.len().into()),
        ("items", report.items_missing.into()),
        ("recovered", report.items_recovered.into()),
        ("strange", report.strange_receipts.len().into()),
    ];
    let say = |id: &str| messages.tell(id, &values);
    let mut words =
        vec![say("restore-done"), say("backup-root"), say("backup-head"), say("restore-compared")];
    words.extend((report.items_recovered > 0).then(|| say("restore-recovered")));
    words.extend((report.items_missing > 0).then(|| say("restore-items-missing")));
    if !report.damaged.is_empty() {
        words.push(say("restore-damaged"));
        words.extend(faults(&report.damaged, messages));
    }
    words.extend(report.unseen.iter().map(|place| {
        let values =
            [("path", plain(&place.path.display().to_string()).into()), ("why", plain(&place.why).into())];
        messages.tell("restore-unseen", &values)
    }));
    words.extend((!report.strange_receipts.is_empty()).then(|| say("restore-strange")));
    words.extend(some(&report.lost, messages, |lost| about_lost(lost, messages)));
    words.push(say("restore-closed"));
    words
}

fn about_lost(lost: &Lost, messages: &Messages) -> String {
    let values = [
        ("dock", lost.dock.to_string().into()),
        ("path", plain(&lost.path.to_text()).into()),
        ("size", size(lost.size).into()),
        ("sha256", lost.sha256.to_string().into()),
        ("at", local(lost.entered_at).into()),
        ("source", word("lost-source", lost.source.code(), messages).into()),
    ];
    messages.tell("restore-lost", &values)
}

async fn confirm<W: Works>(session: &mut Session<'_, W>, shares: &[PathBuf]) -> Result<Exit, Problem> {
    let shares = shares.iter().map(|share| read(share)).collect::<Result<_, _>>()?;
    let mut client = session.client().await?;
    let document = client.post(routes::RESTORE_CONFIRM, &ConfirmRequest { shares }).await?;
    session.print(&document, |confirmed: &RestoreConfirmed, messages| {
        let by = match confirmed.by {
            Witness::AnotherUser => "confirmed-by-another",
            Witness::Shares => "confirmed-by-shares",
        };
        let values = [("epoch", confirmed.epoch.0.into()), ("by", messages.say(by).into())];
        vec![messages.tell("restore-confirmed", &values)]
    })?;
    Ok(Answer::Pass.into())
}
