//! How a command line is written, in which language it is answered, and its exit codes.

use std::process::{Command, Stdio};

use super::text;
use crate::support::{SEALDOCK, Said, TestArchive};

/// The binary with nothing of this process's surroundings that it would listen to.
fn bare(arguments: &[&str]) -> Command {
    let mut command = Command::new(SEALDOCK);
    command.args(arguments).stdin(Stdio::null());
    for name in ["SEALDOCK_HOME", "LC_ALL", "LC_MESSAGES", "LANG"] {
        command.env_remove(name);
    }
    command
}

fn said(command: &mut Command) -> Said {
    Said::of(&command.output().expect("the binary runs"))
}

#[test]
fn home_and_json_stand_before_or_after_the_command() {
    let archive = TestArchive::new();
    let home = archive.home();
    let home = home.to_str().expect("UTF-8");
    let lines: [&[&str]; 6] = [
        &["--home", home, "--json", "status"],
        &["status", "--home", home, "--json"],
        &["--json", "status", "--home", home],
        &["--home", home, "status", "--json"],
        &["ledger", "verify", "--json", "--home", home],
        &["ledger", "--home", home, "--json", "verify"],
    ];
    for line in lines {
        said(&mut bare(line)).ends(0).json();
    }
    let by_environment = said(bare(&["status", "--json"]).env("SEALDOCK_HOME", home)).ends(0).json();
    let other = archive.beside("other");
    let named = said(bare(&["status", "--json", "--home", home]).env("SEALDOCK_HOME", &other));
    assert_eq!(named.ends(0).json()["archive"], by_environment["archive"], "what is typed comes first");
    let homeless = said(&mut bare(&["status"])).ends(2);
    assert!(homeless.err.contains("--home") && homeless.err.contains("SEALDOCK_HOME"), "{}", homeless.err);
}

#[test]
fn paths_in_answers_hold_for_every_reader() {
    let archive = TestArchive::new();
    archive.write("clip.bin", b"bytes");
    let folder = archive.home();
    let folder = folder.parent().expect("a folder");
    // The home is named relative to a folder that other readers do not stand in.
    let line = said(bare(&["--home", "home", "deposit", "--json", "clip.bin"]).current_dir(folder));
    let lines = line.ends(0).lines();
    assert_eq!(lines[0]["path"], "clip.bin", "the path is told as it was typed");
    assert!(std::path::Path::new(text(&lines[0], "receipt")).is_absolute(), "{}", lines[0]);
    let status = said(bare(&["--home", "home", "status", "--json"]).current_dir(folder)).ends(0).json();
    assert!(text(&status["space"][0], "place").starts_with('/'), "{status}");
}

#[test]
fn the_language_is_the_one_asked_for_else_that_of_the_environment() {
    let chinese =
        |said: &Said| said.err.contains("这里没有档案库") || said.err.chars().any(|c| c > '\u{2e80}');
    let nowhere = tempfile::tempdir().expect("a temporary folder");
    let home = nowhere.path().to_str().expect("UTF-8");
    let ask = |lang: &[&str], set: &[(&str, &str)]| {
        let mut line = vec!["--home", home, "status"];
        line.extend(lang);
        let said = said(bare(&line).envs(set.iter().copied())).ends(1);
        chinese(&said)
    };
    assert!(!ask(&[], &[]));
    assert!(ask(&[], &[("LANG", "zh_CN.UTF-8")]));
    assert!(!ask(&[], &[("LANG", "de_DE.UTF-8")]));
    assert!(ask(&[], &[("LC_ALL", "zh_TW.UTF-8"), ("LANG", "en_US.UTF-8")]));
    assert!(!ask(&["--lang", "en"], &[("LANG", "zh_CN.UTF-8")]));
    assert!(ask(&["--lang", "zh"], &[("LANG", "en_US.UTF-8")]));
    assert!(ask(&["--lang=zh"], &[]));
    said(&mut bare(&["--home", home, "--lang", "fr", "status"])).ends(2);
}

#[test]
fn every_command_explains_itself_in_both_languages() {
    let commands: [&[&str]; 18] = [
        &[],
        &["init"],
        &["run"],
        &["status"],
        &["doctor"],
        &["deposit"],
        &["find"],
        &["show"],
        &["get"],
        &["verify"],
        &["ledger", "verify"],
        &["ledger", "prove"],
        &["receipt", "check"],
        &["rebuild"],
        &["keys", "list"],
        &["keys", "unlock"],
        &["keys", "lock"],
        &["keys", "drill"],
    ];
    for command in commands {
        let texts = ["en", "zh"].map(|lang| {
            let line = [command, &["--help", "--lang", lang]].concat();
            said(&mut bare(&line)).ends(0).out
        });
        // The languages are listed by their own names in both.
        let texts = texts.map(|text| text.replace("中文", "").replace("English", ""));
        assert!(texts[0].is_ascii(), "{}", texts[0]);
        assert!(texts[1].chars().any(|c| c > '\u{2e80}'), "{}", texts[1]);
    }
}

#[test]
fn wrong_use_ends_with_2() {
    let archive = TestArchive::new();
    let id = "01a20bc4-b1c1-7ebe-b51f-9764486f742e";
    let lines: [&[&str]; 17] = [
        &[],
        &["no-such-command"],
        &["status", "--no-such-option"],
        &["get", id, "-o", "x"],
        &["get", id, "-o", "x", "--purpose", " "],
        &["get", id, "--purpose", "case 7"],
        &["get", id, "-o", "x", "--purpose", "case 7", "--range", "9-1"],
        &["get", "no-id", "-o", "x", "--purpose", "case 7"],
        &["show"],
        &["show", "no-id"],
        &["verify", "--sealed", "--open"],
        &["verify", "--all", id],
        &["find", "--kind", "film"],
        &["deposit"],
        &["deposit", "x", "--dock", "not a dock/"],
        &["keys", "drill", id],
        &["ledger", "prove", "first"],
    ];
    for line in lines {
        let said = archive.run(line).ends(2);
        assert!(said.out.is_empty() && !said.err.is_empty(), "{line:?}: {}{}", said.out, said.err);
    }
}

#[test]
fn what_is_not_there_is_said_to_be_none() {
    let archive = TestArchive::new();
    let id = "01a20bc4-b1c1-7ebe-b51f-9764486f742e";
    let share = archive.beside("home.shares/share-1.txt");
    let other = archive.beside("home.shares/share-2.txt");
    let lines: [&[&str]; 6] = [
        &["show", id],
        &["get", id, "-o", "x", "--purpose", "case 7"],
        &["verify", id],
        &["ledger", "prove", "4711"],
        &["keys", "drill", id, share.to_str().expect("UTF-8"), other.to_str().expect("UTF-8")],
        &["receipt", "check", "/no/such/file.json"],
    ];
    for line in lines {
        let said = archive.run(line).ends(1);
        assert!(said.out.is_empty() && said.err.lines().count() == 3, "{line:?}: {}{}", said.out, said.err);
    }
}

#[test]
fn a_folder_that_is_no_archive_stays_as_it_is() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let home = folder.path().to_str().expect("UTF-8");
    let id = "01a20bc4-b1c1-7ebe-b51f-9764486f742e";
    let lines: [&[&str]; 15] = [
        &["run"],
        &["status"],
        &["doctor"],
        &["deposit", "/etc/hostname"],
        &["find"],
        &["show", id],
        &["get", id, "-o", "/dev/null", "--purpose", "case 7"],
        &["verify"],
        &["ledger", "verify"],
        &["ledger", "prove", "0"],
        &["rebuild"],
        &["rebuild", "--from-vault"],
        &["keys", "list"],
        &["keys", "unlock"],
        &["keys", "lock"],
    ];
    for line in lines {
        let line = [&["--home", home, "--lang", "en"], line].concat();
        let said = said(&mut bare(&line)).ends(1);
        assert!(said.err.contains("no archive") && said.err.contains("init"), "{line:?}: {}", said.err);
    }
    assert!(std::fs::read_dir(folder.path()).expect("listed").next().is_none(), "nothing is made there");
}
