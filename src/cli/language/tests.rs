use std::collections::BTreeSet;
use std::path::Path;

use clap::CommandFactory as _;
use fluent_syntax::ast;

use super::*;
use crate::api::{Code, Symptom};
use crate::evidence::Damage;
use crate::model::{Reason, State};
use crate::vault::Fault;

fn strings(values: &[&str]) -> Vec<OsString> {
    values.iter().map(OsString::from).collect()
}

#[test]
fn the_option_stands_above_the_environment() {
    let chinese = |name: &str| (name == "LANG").then(|| "zh_CN.UTF-8".to_owned());
    let nothing = |_: &str| None;
    assert_eq!(Language::wanted(&strings(&["sealdock", "status"]), &chinese), Language::Zh);
    assert_eq!(Language::wanted(&strings(&["sealdock", "status"]), &nothing), Language::En);
    assert_eq!(Language::wanted(&strings(&["sealdock", "status", "--lang", "en"]), &chinese), Language::En);
    assert_eq!(Language::wanted(&strings(&["sealdock", "--lang=zh", "status"]), &nothing), Language::Zh);
    assert_eq!(Language::wanted(&strings(&["sealdock", "--lang"]), &chinese), Language::Zh);
    let overruled = |name: &str| match name {
        "LC_ALL" => Some("C".to_owned()),
        "LANG" => Some("zh_CN".to_owned()),
        _ => Some(String::new()),
    };
    assert_eq!(Language::wanted(&[], &overruled), Language::En);
}

/// Every id of a catalog, attributes as `id.attribute`, with its text.
fn ids(language: Language) -> Vec<String> {
    let resource =
        FluentResource::try_new(language.catalog().to_owned()).expect("a catalog without errors");
    let mut ids = Vec::new();
    for entry in resource.entries() {
        let ast::Entry::Message(message) = entry else { continue };
        ids.push(message.id.name.to_owned());
        ids.extend(
            message.attributes.iter().map(|attribute| format!("{}.{}", message.id.name, attribute.id.name)),
        );
    }
    ids
}

#[test]
fn both_catalogs_have_the_same_ids_and_each_once() {
    let [zh, en] = Language::ALL.map(ids);
    for ids in [&zh, &en] {
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "an id stands twice");
    }
    let missing = |from: &[String], of: &[String]| -> Vec<String> {
        of.iter().filter(|id| !from.contains(id)).cloned().collect()
    };
    assert_eq!(missing(&zh, &en), Vec::<String>::new(), "missing in zh.ftl");
    assert_eq!(missing(&en, &zh), Vec::<String>::new(), "missing in en.ftl");
}

/// The codes in arms like `Self::ItemRead(_) => "item_read"`: an act has no list of its own.
fn in_enum<'a>(source: &'a str, arm: &'a str) -> impl Iterator<Item = &'a str> {
    let arms = source.lines().filter(move |line| line.trim_start().starts_with(arm));
    arms.filter_map(|line| line.split_once(" => \"")?.1.split('"').next())
}

/// Ids that are put together from codes.
fn from_codes() -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    ids.extend(State::ALL.iter().map(|state| format!("state-{}", state.code())));
    ids.extend(Reason::ALL.iter().map(|reason| format!("reason-{}", reason.code())));
    ids.extend(Damage::ALL.iter().map(|damage| format!("damage-{}", damage.code())));
    ids.extend(Fault::ALL.iter().map(|fault| format!("fault-{}", fault.code())));
    ids.extend(in_enum(include_str!("../../model/act.rs"), "Self::").map(|kind| format!("act-{kind}")));
    ids.extend(["living", "retired"].map(|state| format!("key-{state}")));
    ids.extend(["held", "encrypted", "absent"].map(|half| format!("private-half-{half}")));
    ids.extend(["ledger", "vault"].map(|from| format!("rebuilt-from-{from}")));
    ids.insert("derivative-poster".to_owned());
    let faults = ["missing", "altered", "unreadable", "not_listed", "damaged_ledger", "other_root"];
    ids.extend(faults.map(|code| format!("backup-fault-{code}")));
    let sources = ["in_inbox", "in_archive", "put_back", "changed", "gone", "unseen"];
    ids.extend(sources.map(|source| format!("lost-source-{source}")));
    for code in Code::ALL {
        ids.extend([format!("problem-{code}"), format!("problem-{code}.next")]);
    }
    for symptom in Symptom::ALL {
        let id = format!("symptom-{}", symptom.code());
        // Whatever keeps the archive from opening says its own next step.
        ids.extend((*symptom != Symptom::DoesNotOpen).then(|| format!("{id}.next")));
        ids.insert(id);
    }
    ids
}

/// Ids that are put together from the command line.
fn from_commands(command: &clap::Command, name: &str, ids: &mut BTreeSet<String>) {
    ids.insert(format!("help-{name}"));
    for argument in command.get_arguments() {
        ids.insert(format!("help-{name}.{}", argument.get_id().as_str().replace('_', "-")));
    }
    for sub in command.get_subcommands() {
        from_commands(sub, &format!("{name}-{}", sub.get_name()), ids);
    }
}

/// Every string in the room's sources that looks like an id of a catalog.
fn in_sources(folder: &Path, known: &BTreeSet<String>, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).expect("the room's sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            in_sources(&path, known, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = std::fs::read_to_string(&path).expect("a source");
            found.extend(text.split('"').filter(|piece| known.contains(*piece)).map(str::to_owned));
        }
    }
}

#[test]
fn no_text_is_missing_and_none_is_unused() {
    let known: BTreeSet<String> = ids(Language::En).into_iter().collect();
    let mut wanted = from_codes();
    let command = crate::cli::arguments::Arguments::command();
    from_commands(&command, "sealdock", &mut wanted);
    wanted.extend(["help-sealdock.help", "help-sealdock.version"].map(str::to_owned));
    let missing: Vec<_> = wanted.difference(&known).collect();
    assert!(missing.is_empty(), "without a text: {missing:?}");
    let room = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli");
    in_sources(&room, &known, &mut wanted);
    let unused: Vec<_> = known.difference(&wanted).collect();
    assert!(unused.is_empty(), "nobody says: {unused:?}");
}

#[test]
fn every_text_that_is_said_is_there() {
    let known: BTreeSet<String> = ids(Language::En).into_iter().collect();
    let room = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli");
    let mut said = BTreeSet::new();
    said_in(&room, &mut said);
    let missing: Vec<_> = said.difference(&known).collect();
    assert!(!said.is_empty() && missing.is_empty(), "without a text: {missing:?}");
}

/// What stands as a plain string behind `say(` or `tell(`.
fn said_in(folder: &Path, said: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).expect("the room's sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            said_in(&path, said);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = std::fs::read_to_string(&path).expect("a source");
            for call in ["say(\"", "tell(\""] {
                let behind = text.split(call).skip(1);
                said.extend(behind.filter_map(|rest| rest.split('"').next()).map(str::to_owned));
            }
        }
    }
}

#[test]
fn placeholders_are_the_same_in_both() {
    let placeholders = |language: Language| -> Vec<(String, BTreeSet<String>)> {
        let mut messages: Vec<_> = language
            .catalog()
            .split("\n")
            .filter_map(|line| line.split_once(" = "))
            .map(|(id, text)| {
                let names = text.split("{ $").skip(1).filter_map(|rest| rest.split(' ').next());
                (id.trim().to_owned(), names.map(str::to_owned).collect())
            })
            .collect();
        messages.sort();
        messages
    };
    assert_eq!(placeholders(Language::En), placeholders(Language::Zh));
}

#[test]
fn values_are_put_in_their_places() {
    let english = Messages::of(Language::En);
    assert_eq!(english.tell("get-done", &[("file", "a".into()), ("size", "7 B".into())]), "a: 7 B");
    assert_eq!(
        english.find("problem-no_space.next", &[]).map(|text| text.starts_with("Make room")),
        Some(true)
    );
    assert_eq!(english.find("nonsense", &[]), None);
    assert_eq!(Messages::of(Language::Zh).say("state-sealed"), "已封存");
}
