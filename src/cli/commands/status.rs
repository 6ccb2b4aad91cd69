//! `status` and `doctor`.

use std::collections::BTreeMap;

use crate::api::{
    BackupStatus, Code, CustodyState, Diagnosis, Finding, Grade, InboxStatus, IntakeState, PlaceState,
    Problem, SpaceStatus, Status, Symptom, routes,
};
use crate::cli::exit::Exit;
use crate::cli::language::Messages;
use crate::cli::out::{local, pairs, plain, size};
use crate::cli::session::{Session, in_brackets, reasons, state};
use crate::cli::works::Works;
use crate::daemon::settings::Settings;
use crate::model::State;

/// Prints how things stand.
pub(super) async fn status<W: Works>(session: &mut Session<'_, W>) -> Result<Exit, Problem> {
    let mut client = session.client().await?;
    let document = client.get(routes::STATUS).await?;
    session.print(&document, in_words)?;
    Ok(Exit::Done)
}

fn in_words(status: &Status, messages: &Messages) -> Vec<String> {
    let head_time = status.ledger.head_time.map(local).unwrap_or_default();
    let value = |id: &str, value: String| (messages.say(id), value);
    let custody = match status.custody {
        CustodyState::Open => "custody-open",
        CustodyState::SealOnly => "custody-seal-only",
    };
    let mut words = vec![
        value("status-archive", status.archive.to_string()),
        value("status-intake", intake(status, messages)),
        value("status-custody", messages.say(custody)),
        value("status-items", counted(&status.items, messages)),
        value("status-unproven", status.unproven.to_string()),
        value("status-ledger", format!("{}  {head_time}", status.ledger.size).trim_end().to_owned()),
    ];
    for space in &status.space {
        let values = [
            ("place", plain(&space.place.to_text()).into()),
            ("free", size(space.free_bytes).into()),
            ("total", size(space.total_bytes).into()),
        ];
        words.push(value("status-space", messages.tell("status-free", &values)));
        words.extend(about_place(space, messages).map(|text| value("status-place", text)));
    }
    if status.damaged > 0 {
        words.push(value("status-damaged", status.damaged.to_string()));
    }
    if let Some(backup) = &status.backup {
        words.push(value("status-backup", about_backup(backup, messages)));
    }
    if status.restore.is_some() {
        words.push(value("status-restore", messages.say("status-restore-waits")));
    }
    let mut lines = pairs(&words);
    lines.extend(status.inboxes.iter().flat_map(|inbox| about_inbox(inbox, messages)));
    lines
}

/// Nothing, where there is nothing to say of a place.
fn about_place(space: &SpaceStatus, messages: &Messages) -> Option<String> {
    let place = plain(&space.place.to_text());
    match space.state {
        PlaceState::Whole => None,
        PlaceState::Owing => Some(messages.tell("place-owing", &[("place", place.into())])),
        PlaceState::Away => {
            let why = space.why.as_deref().unwrap_or_default();
            let because = messages.find(&format!("fault-{why}"), &[]).unwrap_or_else(|| plain(why));
            Some(messages.tell("place-away", &[("place", place.into()), ("because", because.into())]))
        }
    }
}

fn about_backup(backup: &BackupStatus, messages: &Messages) -> String {
    let values = [
        ("folder", plain(&backup.folder.to_text()).into()),
        ("last", backup.last.map_or_else(|| messages.say("status-never"), local).into()),
    ];
    let said = messages.tell("status-backup-last", &values);
    let Some(trouble) = &backup.trouble else { return said };
    let values = [("attempts", trouble.attempts.into()), ("what", plain(&trouble.what).into())];
    format!("{said}  {}", messages.tell("status-backup-trouble", &values))
}

fn intake(status: &Status, messages: &Messages) -> String {
    let word = messages.say(match status.intake.state {
        IntakeState::Running => "intake-running",
        IntakeState::Paused => "intake-paused",
        IntakeState::Stopped => "intake-stopped",
    });
    match &status.intake.why {
        Some(why) => format!("{word} {}", in_brackets(&plain(&because(why, messages)), messages)),
        None => word,
    }
}

/// A code in words, where it is a reason or a problem; else the code.
fn because(code: &str, messages: &Messages) -> String {
    let ids = [format!("reason-{code}"), format!("problem-{code}")];
    let found = ids.iter().find_map(|id| messages.find(id, &[]));
    found.map_or_else(|| code.to_owned(), |text| text.trim_end_matches(['.', '。']).to_owned())
}

fn counted(states: &BTreeMap<State, u64>, messages: &Messages) -> String {
    let words: Vec<String> =
        states.iter().map(|(word, count)| format!("{} {count}", state(*word, messages))).collect();
    words.join(&messages.say("list-comma"))
}

fn about_inbox(inbox: &InboxStatus, messages: &Messages) -> Vec<String> {
    let scan = inbox.last_full_scan.map_or_else(|| messages.say("status-never"), local);
    let mode = match inbox.mode.as_str() {
        "events" => messages.say("mode-events"),
        "poll" => messages.say("mode-poll"),
        "missing" => messages.say("mode-missing"),
        other => plain(other),
    };
    let values = [
        ("dock", inbox.dock.to_string().into()),
        ("path", plain(&inbox.path.to_text()).into()),
        ("mode", mode.into()),
        ("scan", scan.into()),
    ];
    let mut lines = vec![messages.tell("status-inbox", &values)];
    if !inbox.states.is_empty() {
        lines.push(format!("  {}", counted(&inbox.states, messages)));
    }
    for sighting in &inbox.sightings {
        let path = plain(&sighting.path.to_text());
        let standing = state(sighting.state, messages);
        lines.push(format!("  {path}: {standing} {}", reasons(&sighting.reasons, messages)));
    }
    lines
}

/// Prints what would go wrong, and the remedy. An archive that does not open is a finding too: this is the
/// command for that day.
pub(super) async fn doctor<W: Works>(session: &mut Session<'_, W>) -> Result<Exit, Problem> {
    let (diagnosis, worst) = match diagnosed(session).await {
        Ok(diagnosis) => (diagnosis, Exit::Failed),
        Err(problem) if problem.code == Code::NoArchive => return Err(problem),
        Err(problem) => (does_not_open(session, &problem), Exit::from(&problem)),
    };
    session.print_own(&diagnosis, |messages| about_findings(&diagnosis, messages));
    let is_error = |finding: &Finding| finding.grade == Grade::Error;
    Ok(if diagnosis.findings.iter().any(is_error) { worst } else { Exit::Done })
}

async fn diagnosed<W: Works>(session: &Session<'_, W>) -> Result<Diagnosis, Problem> {
    session.client().await?.get(routes::DOCTOR).await?.read()
}

/// What can be said of an archive that does not open.
fn does_not_open<W: Works>(session: &Session<'_, W>, problem: &Problem) -> Diagnosis {
    let finding = match Settings::load(session.home) {
        Err(error) => Finding {
            grade: Grade::Error,
            code: Symptom::BadSettings,
            about: Problem::of(Code::BadSettings, &error).detail,
        },
        Ok(_) => Finding {
            grade: Grade::Error,
            code: Symptom::DoesNotOpen,
            about: format!("{}: {}", problem.code, problem.detail),
        },
    };
    Diagnosis { findings: vec![finding] }
}

fn about_findings(diagnosis: &Diagnosis, messages: &Messages) -> Vec<String> {
    if diagnosis.findings.is_empty() {
        return vec![messages.say("doctor-well")];
    }
    let mut lines = Vec::new();
    for finding in &diagnosis.findings {
        let grade = match finding.grade {
            Grade::Error => "grade-error",
            Grade::Warning => "grade-warning",
        };
        let id = format!("symptom-{}", finding.code.code());
        let values = [("about", plain(&finding.about).into())];
        let values_of_line =
            [("grade", messages.say(grade).into()), ("text", messages.tell(&id, &values).into())];
        lines.push(messages.tell("doctor-line", &values_of_line));
        lines.extend(messages.find(&format!("{id}.next"), &values).map(|next| format!("  {next}")));
    }
    lines
}
