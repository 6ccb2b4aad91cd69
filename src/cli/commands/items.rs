//! `find` and `show`.

use crate::api::{
    Filter, FoundRow, Pending, Problem, ShownDeposit, ShownFacts, ShownItem, ShownProbe, routes,
};
use crate::cli::arguments::{Find, Show};
use crate::cli::exit::Exit;
use crate::cli::language::Messages;
use crate::cli::out::{local, pairs, plain, row, size};
use crate::cli::progress::Bar;
use crate::cli::session::{Session, in_brackets, reasons, state, word};
use crate::cli::works::Works;
use crate::model::{Class, Kind, Level, ProbeOutcome, Protection, Recovered, StreamFacts, Truncated};

/// Prints every original that fits.
pub(super) async fn find<W: Works>(session: &mut Session<'_, W>, find: Find) -> Result<Exit, Problem> {
    let filter = Filter {
        text: (!find.text.is_empty()).then(|| find.text.join(" ")),
        kind: find.kind,
        dock: find.dock,
        state: find.state,
        sha256: find.sha256,
        since: find.since.map(|when| when.0),
        until: find.until.map(|when| when.0),
    };
    let query = serde_urlencoded::to_string(&filter)
        .map_err(|error| Problem::of(crate::api::Code::Internal, &error))?;
    let mut client = session.client().await?;
    let lines = client.get_lines(&format!("{}?{query}", routes::ITEMS)).await?;
    let bar = Bar::new(session.messages.say("bar-find"));
    let people = |line: &FoundRow, messages: &Messages| Some(vec![in_row(line, messages)]);
    session.print_lines(lines, &bar, people).await?;
    Ok(Exit::Done)
}

fn in_row(line: &FoundRow, messages: &Messages) -> String {
    let item = line.item.to_string();
    let name = format!("{} {}", plain(&line.name), reasons(&line.reasons, messages));
    row(&[
        (&item, 36),
        (&local(line.arrived_at), 26),
        (&state(line.state, messages), 12),
        (&kind(line.kind, messages), 8),
        (&size(line.size), 11),
        (name.trim_end(), 0),
    ])
}

fn kind(kind: Kind, messages: &Messages) -> String {
    let id = match kind {
        Kind::Video => "kind-video",
        Kind::Audio => "kind-audio",
        Kind::Image => "kind-image",
        Kind::Document => "kind-document",
        Kind::Sidecar => "kind-sidecar",
        Kind::Log => "kind-log",
        Kind::Opaque => "kind-opaque",
    };
    messages.say(id)
}

/// Prints everything known about one item.
pub(super) async fn show<W: Works>(session: &mut Session<'_, W>, show: &Show) -> Result<Exit, Problem> {
    let mut client = session.client().await?;
    let document = client.get(&routes::fill(routes::ITEM, &show.item)).await?;
    session.print(&document, in_words)?;
    Ok(Exit::Done)
}

fn in_words(shown: &ShownItem, messages: &Messages) -> Vec<String> {
    let mut words = about_item(shown, messages);
    words.extend(about_facts(&shown.facts, messages));
    words.extend(shown.deposits.iter().map(|deposit| about_deposit(deposit, messages)));
    for clock in &shown.clocks {
        let from = match clock.claim.from {
            crate::model::ClockSource::Name => "clock-name",
            crate::model::ClockSource::Container => "clock-container",
            crate::model::ClockSource::File => "clock-file",
            crate::model::ClockSource::Arrival => "clock-arrival",
        };
        words.push((messages.say(from), plain(&clock.claim.says)));
    }
    for derivative in &shown.derivatives {
        let path = derivative.path.as_deref().map(plain).unwrap_or_default();
        let role = word("derivative", &derivative.role, messages);
        let value = format!("{role} {} {path}", derivative.item);
        words.push((messages.say("show-derivative"), value.trim_end().to_owned()));
    }
    for (id, items) in [("show-sidecar", &shown.sidecars), ("show-sidecar-of", &shown.sidecar_of)] {
        words.extend(
            items.iter().map(|item| (messages.say(id), format!("{} {}", item.item, plain(&item.name)))),
        );
    }
    for entry in &shown.entries {
        let value = format!("{}  {}  {}", entry.index, local(entry.at), word("act", &entry.kind, messages));
        words.push((messages.say("show-entry"), value));
    }
    pairs(&words)
}

fn about_item(shown: &ShownItem, messages: &Messages) -> Vec<(String, String)> {
    let line = &shown.line;
    let standing = format!("{} {}", state(line.state, messages), reasons(&line.reasons, messages));
    let keys = shown.keys.iter().map(|keys| {
        let domains: Vec<&str> = keys.domains.iter().map(|domain| domain.name()).collect();
        format!("{} ({})", domains.join(" + "), keys.generation)
    });
    let keys: Vec<String> = keys.collect();
    let value = |id: &str, value: String| (messages.say(id), value);
    let mut words = vec![
        value("show-item", line.item.to_string()),
        value("show-name", plain(&line.name)),
        value("show-kind", kind(line.kind, messages)),
        value("show-state", standing.trim_end().to_owned()),
        value("show-arrived", local(line.arrived_at)),
        value("show-size", size(line.size)),
        value("show-sha256", line.sha256.to_string()),
        value("show-sealed-sha256", shown.sealed_sha256.to_string()),
        value("show-copies", shown.copies.to_string()),
        value("show-keys", keys.join(", ")),
    ];
    if shown.class != Class::protected(Vec::new()) {
        words.push(value("show-class", class_in_words(&shown.class, messages)));
    }
    words.extend(shown.recovered.map(|after| {
        let id = match after {
            Recovered::Crash => "recovered-crash",
            Recovered::Vault => "recovered-vault",
        };
        value("show-recovered", messages.say(id))
    }));
    words
}

/// A class as people mark it: the level with its term (密级★期限), then the protections.
pub(super) fn class_in_words(class: &Class, messages: &Messages) -> String {
    let level = class.term_years().map(|years| {
        let level = messages.say(level(class.level()));
        messages.tell("class-level", &[("level", level.into()), ("years", years.into())])
    });
    let protections = class.protections().iter().map(|one| messages.say(protection(*one)));
    let all: Vec<String> = level.into_iter().chain(protections).collect();
    if all.is_empty() { messages.say("class-open") } else { all.join(&messages.say("list-comma")) }
}

fn level(level: Level) -> &'static str {
    match level {
        Level::None => "level-none",
        Level::Secret => "level-secret",
        Level::HighlySecret => "level-highly_secret",
        Level::TopSecret => "level-top_secret",
    }
}

fn protection(protection: Protection) -> &'static str {
    match protection {
        Protection::Work => "protection-work",
        Protection::Commercial => "protection-commercial",
        Protection::Privacy => "protection-privacy",
        Protection::Minor => "protection-minor",
        Protection::Informant => "protection-informant",
    }
}

fn about_facts(facts: &ShownFacts, messages: &Messages) -> Vec<(String, String)> {
    let mut words = vec![(messages.say("show-probe"), probe(&facts.probe, messages))];
    if let Some(container) = &facts.container {
        words.push((messages.say("show-container"), plain(container)));
    }
    if let Some(duration) = facts.duration_s {
        words.push((messages.say("show-duration"), format!("{duration:.1} s")));
    }
    words.extend(facts.place.iter().map(|place| (messages.say("show-place"), plain(place))));
    for stream in facts.streams.iter().flatten() {
        words.push((messages.say("show-stream"), about_stream(stream)));
    }
    if let Some(truncated) = facts.truncated {
        let id = match truncated {
            Truncated::Yes => "truncated-yes",
            Truncated::No => "truncated-no",
            Truncated::CannotBeKnown => "truncated-cannot-be-known",
        };
        words.push((messages.say("show-truncated"), messages.say(id)));
    }
    words
}

fn probe(probe: &ShownProbe, messages: &Messages) -> String {
    match probe {
        ShownProbe::Pending(Pending::Pending) => messages.say("probe-pending"),
        ShownProbe::Done(ProbeOutcome::Probed) => messages.say("probe-probed"),
        ShownProbe::Done(ProbeOutcome::NotMedia) => messages.say("probe-not-media"),
        ShownProbe::Done(ProbeOutcome::Failed { code, detail }) => {
            let because = format!("{code}: {}", plain(detail));
            format!("{} {}", messages.say("probe-failed"), in_brackets(&because, messages))
        }
        ShownProbe::Done(ProbeOutcome::NotProbed { code }) => {
            format!("{} {}", messages.say("probe-not-probed"), in_brackets(code, messages))
        }
    }
}

fn about_stream(stream: &StreamFacts) -> String {
    let mut words = vec![plain(&stream.codec)];
    if let (Some(width), Some(height)) = (stream.width, stream.height) {
        words.push(format!("{width}x{height}"));
    }
    words.extend(stream.frame_rate.map(|rate| format!("{rate:.2} fps")));
    words.extend(stream.sample_rate.map(|rate| format!("{rate} Hz")));
    words.join(" ")
}

fn about_deposit(deposit: &ShownDeposit, messages: &Messages) -> (String, String) {
    let value = format!(
        "{}  {}  {} {}",
        local(deposit.arrived_at),
        deposit.dock,
        plain(&deposit.path.to_text()),
        reasons(&deposit.reasons, messages)
    );
    (messages.say("show-deposit"), value.trim_end().to_owned())
}
