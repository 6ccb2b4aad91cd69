//! Backups by the real binary: made, checked alone, and restored from nothing.

mod accounting;
mod checking;
mod making;
mod restoring;
mod timer;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::{SEALDOCK, Said, TestArchive};

/// An archive with one inbox and a folder for its backup.
struct Office {
    archive: TestArchive,
    inbox: PathBuf,
}

impl Office {
    fn new() -> Self {
        let archive = TestArchive::new();
        let inbox = archive.add_inbox("dock");
        Self { archive, inbox }
    }

    /// With three items: a clip with a poster, a document, and something of more than one segment.
    fn lived_in() -> Self {
        let office = Self::new();
        let film = std::fs::read("fixtures/media/valid/moov-front.mp4").expect("a fixture");
        for (name, bytes) in
            [("film.mp4", film), ("note.pdf", b"note".to_vec()), ("raw.bin", vec![7; 1_500_000])]
        {
            office.archive.deposit(&office.archive.write(&format!("in/{name}"), &bytes));
        }
        office
    }

    fn backup(&self) -> PathBuf {
        self.archive.beside("backup")
    }

    /// Makes a backup and answers what it said.
    #[track_caller]
    fn back_up(&self, more: &[&str]) -> Value {
        let backup = self.backup();
        let line = [&["backup", "--json", plain(&backup)], more].concat();
        self.archive.run(&line).ends(0).json()
    }

    /// The passphrase's file, taken out of the home before that is lost.
    fn passphrase(&self) -> PathBuf {
        let kept = self.archive.beside("passphrase");
        if !kept.exists() {
            std::fs::copy(self.archive.home().join("keys/unlock"), &kept).expect("copied");
        }
        kept
    }

    /// The home burns.
    fn lose_the_home(&self) {
        self.passphrase();
        std::fs::remove_dir_all(self.archive.home()).expect("removed");
    }

    /// Restores into the place of the old home.
    fn restore(&self, more: &[&str]) -> Said {
        let (backup, passphrase) = (self.backup(), self.passphrase());
        let line = ["restore", "--json", plain(&backup), "--passphrase-file", plain(&passphrase)];
        self.archive.run(&[&line[..], more].concat())
    }

    fn share(&self, number: u32) -> String {
        let path = self.archive.beside(&format!("home.shares/share-{number}.txt"));
        plain(&path).to_owned()
    }

    /// Opens a restored archive again, and puts the passphrase back beside the keys.
    fn confirm(&self) {
        let (one, two) = (self.share(1), self.share(2));
        self.archive.run(&["restore", "confirm", "--share", &one, "--share", &two]).ends(0);
        std::fs::copy(self.passphrase(), self.archive.home().join("keys/unlock")).expect("copied");
    }
}

fn plain(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// Checks a backup alone, with no home in sight.
fn check(backup: &Path, more: &[&str]) -> Said {
    alone("en", backup, more)
}

/// The same in a language.
fn check_in(lang: &str, backup: &Path) -> Said {
    alone(lang, backup, &[])
}

fn alone(lang: &str, backup: &Path, more: &[&str]) -> Said {
    let mut command = Command::new(SEALDOCK);
    command.args(["--lang", lang, "verify", "--backup"]).arg(backup).args(more);
    Said::of(&command.env_remove("SEALDOCK_HOME").output().expect("the binary runs"))
}

/// Every file beneath a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let walked = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter();
    walked.map(|entry| entry.expect("listed").into_path()).filter(|path| path.is_file()).collect()
}

/// Copies a folder with everything in it.
fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status();
    assert!(copied.is_ok_and(|status| status.success()));
}
