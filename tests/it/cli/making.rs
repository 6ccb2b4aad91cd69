//! `init`.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{keys, text};
use crate::support::{SEALDOCK, Said, TestArchive};

fn init(folder: &Path, more: &[&str]) -> Said {
    let mut command = Command::new(SEALDOCK);
    command.args(["--home", "home", "--lang", "en", "init"]).args(more);
    command.current_dir(folder).stdin(Stdio::null()).env_remove("SEALDOCK_HOME");
    Said::of(&command.output().expect("the binary runs"))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let all = walkdir::WalkDir::new(folder).sort_by_file_name();
    all.into_iter().map(|entry| entry.expect("listed").into_path()).collect()
}

fn mode(path: &Path) -> u32 {
    std::fs::symlink_metadata(path).expect("there").permissions().mode() & 0o777
}

#[test]
fn an_archive_is_made_with_its_shares_beside_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let made = init(folder.path(), &["--unattended", "--json"]).ends(0).json();
    assert_eq!(
        keys(&made),
        ["archive", "home", "profile", "root", "root_public", "shares", "shares_needed"]
    );
    let (home, beside) = (folder.path().join("home"), folder.path().join("home.shares"));
    assert_eq!(mode(&home), 0o700);
    assert_eq!(mode(&beside), 0o700);
    assert_eq!(made["shares_needed"], 2, "escrow defaults to 2 of 3");
    let shares: Vec<PathBuf> = files(&beside).into_iter().filter(|path| path.is_file()).collect();
    assert_eq!(shares.len(), 3);
    assert_eq!(made["shares"].as_array().expect("a list").len(), 3);
    let texts: Vec<String> = shares
        .iter()
        .map(|share| {
            assert_eq!(mode(share), 0o600);
            std::fs::read_to_string(share).expect("read").trim().to_owned()
        })
        .collect();
    for path in files(&home).into_iter().filter(|path| path.is_file()) {
        let bytes = std::fs::read(&path).expect("read");
        for share in &texts {
            let found = bytes.windows(share.len()).any(|window| window == share.as_bytes());
            assert!(!found, "{} holds a share", path.display());
        }
        let name = path.file_name().expect("a file").to_string_lossy().into_owned();
        if name == "unlock" || name.ends_with(".secret") || name == "custody.json" {
            assert_eq!(mode(&path), 0o600, "{}", path.display());
        }
    }
    let passphrase = std::fs::read_to_string(home.join("keys/unlock")).expect("a passphrase");
    assert!(passphrase.trim().len() >= 20, "long enough to be random");
    let settings = std::fs::read_to_string(home.join("sealdock.toml")).expect("settings");
    let table: toml::Table = settings.parse().expect("TOML");
    assert!(!table.contains_key("inbox"), "[[inbox]] tables can be appended");
}

#[test]
fn shares_go_where_they_are_wanted_and_never_into_the_home() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path();
    std::os::unix::fs::symlink("home", path.join("alias")).expect("linked");
    for inside in ["home", "home/shares", "home/keys/../x", "alias/x", "./home"] {
        let said = init(path, &["--unattended", "--shares", inside]);
        assert!([1, 2].contains(&said.code), "{inside}: {}", said.err);
        assert!(!path.join("home").exists(), "{inside}: nothing may be made");
    }
    std::fs::create_dir(path.join("full")).expect("made");
    std::fs::write(path.join("full/share-1.txt"), "another archive's").expect("written");
    init(path, &["--unattended", "--shares", "full"]).ends(1);
    assert!(!path.join("home").exists(), "refused before anything is made");
    init(path, &["--unattended", "--shares", "elsewhere/deep"]).ends(0);
    assert_eq!(files(&path.join("elsewhere/deep")).len(), 4);
    assert!(!path.join("home.shares").exists());
}

#[test]
fn init_touches_nothing_that_exists() {
    let archive = TestArchive::new();
    let folder = archive.home();
    let folder = folder.parent().expect("a folder");
    let before: Vec<(PathBuf, Vec<u8>)> = contents(&archive.home());
    for more in [&["--unattended"][..], &["--unattended", "--shares", "new"]] {
        let said = init(folder, more).ends(1);
        assert_eq!(said.err.lines().count(), 3, "one sentence, the thing, the next step: {}", said.err);
    }
    assert!(contents(&archive.home()) == before);
    assert!(!folder.join("new").exists());

    let other = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(other.path().join("home"), "a file").expect("written");
    init(other.path(), &["--unattended"]).ends(1);
    assert_eq!(std::fs::read_to_string(other.path().join("home")).expect("read"), "a file");
    std::fs::remove_file(other.path().join("home")).expect("removed");
    std::os::unix::fs::symlink("nowhere", other.path().join("home")).expect("linked");
    init(other.path(), &["--unattended"]).ends(1);
    assert_eq!(
        files(other.path()).len(),
        2,
        "a link to nowhere is something too: {:?}",
        files(other.path())
    );
}

fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let paths = files(folder).into_iter().filter(|path| path.is_file());
    paths.map(|path| (path.clone(), std::fs::read(path).expect("read"))).collect()
}

#[test]
fn without_a_terminal_init_asks_nothing_and_makes_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let said = init(folder.path(), &[]).ends(1);
    assert!(said.err.contains("--unattended"), "{}", said.err);
    init(folder.path(), &["--unattended", "--profile", "none-such"]).ends(2);
    assert!(files(folder.path()).len() == 1, "nothing may be made");
}

#[test]
fn a_chosen_passphrase_lies_nowhere() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("passphrase"), "correct horse battery\n").expect("written");
    init(folder.path(), &["--passphrase-file", "passphrase"]).ends(0);
    let home = folder.path().join("home");
    assert!(!home.join("keys/unlock").exists());
    for (path, bytes) in contents(&home) {
        let found = bytes.windows(13).any(|window| window == b"correct horse");
        assert!(!found, "{}", path.display());
    }
}

#[test]
fn the_doctor_warns_of_a_passphrase_beside_the_keys() {
    let archive = TestArchive::new();
    let warned = |archive: &TestArchive| {
        let findings = archive.run(&["doctor", "--json"]).ends(0).json();
        let findings = findings["findings"].as_array().expect("a list").clone();
        findings.iter().any(|finding| text(finding, "code") == "passphrase_beside_keys")
    };
    assert!(warned(&archive));
    std::fs::remove_file(archive.home().join("keys/unlock")).expect("removed");
    assert!(!warned(&archive));
}
