//! Backups with a defect: each is found, named, and ends with its code.

use std::path::{Path, PathBuf};

use super::{Office, check, check_in, copy, files, plain};

/// What was done to a backup, how its check must end, and a word that it must say.
struct Defect {
    name: &'static str,
    harm: fn(&Path),
    code: i32,
    says: &'static str,
}

const STATE: &str = "states/00000002";

const DEFECTS: &[Defect] = &[
    Defect {
        name: "manifest-flipped",
        harm: |backup| flip(&backup.join(STATE).join("manifest.json"), 40),
        code: 3,
        says: "manifest.json",
    },
    Defect {
        name: "manifest-signature-flipped",
        harm: |backup| flip(&backup.join(STATE).join("manifest.json.sig"), 3),
        code: 3,
        says: "no certified node key",
    },
    Defect {
        name: "manifest-signature-short",
        harm: |backup| cut(&backup.join(STATE).join("manifest.json.sig"), 63),
        code: 3,
        says: "64 bytes",
    },
    Defect {
        name: "manifest-missing",
        harm: |backup| remove(&backup.join(STATE).join("manifest.json")),
        code: 3,
        says: "is missing",
    },
    Defect {
        name: "manifest-with-a-space",
        harm: |backup| edit(&backup.join(STATE).join("manifest.json"), "{\"archive\":", "{ \"archive\":"),
        code: 3,
        says: "canonical",
    },
    Defect {
        name: "newer-format",
        harm: |backup| {
            edit(&backup.join(STATE).join("manifest.json"), "sealdock backup 1", "sealdock backup 2");
        },
        code: 1,
        says: "newer sealdock",
    },
    Defect {
        name: "manifest-of-another-state",
        harm: |backup| {
            std::fs::rename(backup.join(STATE), backup.join("states/00000009")).expect("renamed");
        },
        code: 3,
        says: "another state",
    },
    Defect {
        name: "certificate-flipped",
        harm: |backup| flip(&named(&backup.join(STATE).join("keys"), "node-", ".cert.json"), 30),
        code: 3,
        says: "node-",
    },
    Defect {
        name: "root-missing",
        harm: |backup| remove(&named(&backup.join(STATE).join("keys"), "root-", ".cert.json")),
        code: 3,
        says: "root",
    },
    Defect {
        name: "secrets-flipped",
        harm: |backup| flip(&backup.join(STATE).join("keys/node-secrets.json"), 500),
        code: 3,
        says: "node-secrets.json: not what was written",
    },
    Defect {
        name: "settings-missing",
        harm: |backup| remove(&backup.join(STATE).join("sealdock.toml")),
        code: 3,
        says: "sealdock.toml: missing",
    },
    Defect {
        name: "settings-longer",
        harm: |backup| append(&backup.join(STATE).join("sealdock.toml"), b"\n"),
        code: 3,
        says: "sealdock.toml: not what was written",
    },
    Defect {
        name: "ledger-flipped",
        harm: |backup| flip(&named(&backup.join("ledger"), "0", ".jsonl"), 700),
        code: 3,
        says: "the ledger is not whole",
    },
    Defect {
        name: "ledger-cut",
        harm: |backup| cut(&named(&backup.join("ledger"), "0", ".jsonl"), 900),
        code: 3,
        says: "not what was written",
    },
    Defect {
        name: "ledger-missing",
        harm: |backup| remove(&named(&backup.join("ledger"), "0", ".jsonl")),
        code: 3,
        says: "missing",
    },
    Defect {
        name: "ledger-longer",
        // A later backup that was cut short leaves just that.
        harm: |backup| append(&named(&backup.join("ledger"), "0", ".jsonl"), b"{\"entry\":{"),
        code: 0,
        says: "pass",
    },
    Defect {
        name: "state-unfinished",
        harm: |backup| {
            std::fs::create_dir(backup.join("states/.00000003.new")).expect("made");
            std::fs::write(backup.join("states/.00000003.new/manifest.json"), b"{}").expect("written");
        },
        code: 0,
        says: "state 2",
    },
    Defect {
        name: "sealed-file-flipped",
        harm: |backup| flip(&largest(&backup.join("vault/items")), 70_000),
        code: 3,
        says: ".seal: not what was written",
    },
    Defect {
        name: "sealed-file-cut",
        harm: |backup| cut(&largest(&backup.join("vault/items")), 4_000),
        code: 3,
        says: ".seal: not what was written",
    },
    Defect {
        name: "sealed-file-missing",
        harm: |backup| remove(&largest(&backup.join("vault/items"))),
        code: 3,
        says: ".seal: missing",
    },
    Defect {
        name: "poster-missing",
        harm: |backup| remove(&largest(&backup.join("vault/derived"))),
        code: 3,
        says: "vault/derived",
    },
    Defect {
        name: "key-file-flipped",
        harm: |backup| flip(&ending(&backup.join("vault/items"), ".keys"), 100),
        code: 3,
        says: ".keys: not what was written",
    },
    Defect {
        name: "key-file-missing",
        harm: |backup| remove(&ending(&backup.join("vault/items"), ".keys")),
        code: 3,
        says: ".keys: missing",
    },
    Defect {
        name: "list-short",
        harm: |backup| cut(&backup.join(STATE).join("SHA256SUMS"), 200),
        code: 3,
        says: "not in this backup",
    },
    Defect {
        name: "list-missing",
        harm: |backup| remove(&backup.join(STATE).join("SHA256SUMS")),
        code: 3,
        says: "SHA256SUMS: missing",
    },
    Defect {
        name: "list-a-link",
        harm: |backup| {
            let list = backup.join(STATE).join("SHA256SUMS");
            remove(&list);
            std::os::unix::fs::symlink("../00000001/SHA256SUMS", list).expect("linked");
        },
        code: 4,
        says: "SHA256SUMS: cannot be read",
    },
    Defect {
        name: "settings-a-link",
        harm: |backup| {
            let settings = backup.join(STATE).join("sealdock.toml");
            remove(&settings);
            std::os::unix::fs::symlink("../00000001/sealdock.toml", settings).expect("linked");
        },
        code: 4,
        says: "sealdock.toml: cannot be read",
    },
    Defect {
        name: "sealed-file-a-pipe",
        harm: |backup| {
            let sealed = largest(&backup.join("vault/items"));
            remove(&sealed);
            let made = std::process::Command::new("mkfifo").arg(sealed).status();
            assert!(made.is_ok_and(|status| status.success()));
        },
        code: 4,
        says: ".seal: cannot be read",
    },
    Defect {
        name: "certificate-a-pipe",
        harm: |backup| {
            let keys = std::fs::read_dir(backup.join(STATE).join("keys")).expect("keys");
            let paths = keys.map(|entry| entry.expect("listed").path());
            let mut certificates =
                paths.filter(|path| path.to_string_lossy().ends_with(".cert.json")).collect::<Vec<_>>();
            certificates.sort();
            remove(&certificates[0]);
            let made = std::process::Command::new("mkfifo").arg(&certificates[0]).status();
            assert!(made.is_ok_and(|status| status.success()));
        },
        code: 1,
        says: "it is no regular file",
    },
    Defect {
        name: "no-mark",
        harm: |backup| remove(&backup.join("backup.json")),
        code: 1,
        says: "is not a backup",
    },
    Defect {
        name: "mark-of-another-archive",
        harm: |backup| edit(&backup.join("backup.json"), "\"archive\":\"0", "\"archive\":\"1"),
        code: 3,
        says: "another state or archive",
    },
    Defect {
        name: "cut-short-before-its-first-state",
        harm: |backup| std::fs::remove_dir_all(backup.join("states")).expect("removed"),
        code: 1,
        says: "cut short",
    },
];

fn remove(path: &Path) {
    std::fs::remove_file(path).expect("removed");
}

fn flip(path: &Path, at: usize) {
    let mut bytes = std::fs::read(path).expect("read");
    bytes[at] ^= 1;
    write(path, &bytes);
}

fn cut(path: &Path, length: usize) {
    let bytes = std::fs::read(path).expect("read");
    write(path, &bytes[..length]);
}

fn append(path: &Path, more: &[u8]) {
    write(path, &[&std::fs::read(path).expect("read"), more].concat());
}

fn edit(path: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(path).expect("text");
    assert!(text.contains(from), "{from} is not in {}", path.display());
    write(path, text.replacen(from, to, 1).as_bytes());
}

fn write(path: &Path, bytes: &[u8]) {
    remove(path);
    std::fs::write(path, bytes).expect("written");
}

fn named(folder: &Path, start: &str, end: &str) -> PathBuf {
    let name = |path: &Path| path.file_name().expect("a name").to_string_lossy().into_owned();
    let found =
        files(folder).into_iter().find(|path| name(path).starts_with(start) && name(path).ends_with(end));
    found.expect("there")
}

fn ending(folder: &Path, end: &str) -> PathBuf {
    files(folder).into_iter().find(|path| plain(path).ends_with(end)).expect("there")
}

fn largest(folder: &Path) -> PathBuf {
    let length = |path: &PathBuf| path.metadata().expect("looked at").len();
    files(folder).into_iter().max_by_key(length).expect("a file")
}

#[test]
fn every_defect_is_found_and_named() {
    let office = Office::lived_in();
    office.back_up(&["--items"]);
    office.back_up(&["--items"]);
    for Defect { name, harm, code, says } in DEFECTS {
        let hurt = office.archive.beside(name);
        copy(&office.backup(), &hurt);
        harm(&hurt);
        let said = check(&hurt, &[]);
        let all = format!("{}{}", said.out, said.err);
        assert_eq!(said.code, *code, "{name}: {all}");
        assert!(all.contains(says), "{name}: {all}");
        std::fs::remove_dir_all(&hurt).expect("removed");
    }
}

#[test]
fn an_older_state_is_whole_where_the_newest_is_not() {
    let office = Office::lived_in();
    office.back_up(&["--items"]);
    office.back_up(&["--items"]);
    flip(&office.backup().join(STATE).join("manifest.json"), 40);
    check(&office.backup(), &[]).ends(3);
    check(&office.backup(), &["--state", "1"]).ends(0);
    // Nothing goes on from what is hurt, and nothing falls back in silence.
    let said = office.archive.run(&["backup", plain(&office.backup())]).ends(3);
    assert!(said.err.contains("manifest.json"), "{}", said.err);
    office.lose_the_home();
    office.restore(&[]).ends(3);
    office.restore(&["--state", "1"]).ends(0);
}

#[test]
fn what_cannot_be_read_is_not_checked() {
    use std::os::unix::fs::PermissionsExt as _;
    let office = Office::lived_in();
    office.back_up(&["--items"]);
    let sealed = largest(&office.backup().join("vault/items"));
    // A folder in its place cannot be read by anybody, root included.
    remove(&sealed);
    std::fs::create_dir(&sealed).expect("made");
    std::fs::set_permissions(&sealed, std::fs::Permissions::from_mode(0o700)).expect("set");
    let said = check(&office.backup(), &["--json"]).ends(4).json();
    assert_eq!(
        (&said["result"], &said["faults"][0]["code"]),
        (&"not_checked".into(), &"unreadable".into())
    );
}

#[test]
fn both_languages_tell_what_was_checked() {
    let office = Office::lived_in();
    office.back_up(&[]);
    for (lang, words) in [
        ("en", ["pass: state 1", "Root key", "Items are NOT in it"]),
        ("zh", ["状态 1", "根密钥", "没有封存文件"]),
    ] {
        let backup = office.backup();
        let said = check_in(lang, &backup);
        for word in words {
            assert!(said.out.contains(word), "{lang}: {word}: {}{}", said.out, said.err);
        }
    }
    let members = check(&office.backup(), &["--json"]).ends(0).json();
    for member in
        ["result", "archive", "root", "state", "made", "epoch", "ledger_size", "ledger_root", "bytes_read"]
    {
        assert!(!members[member].is_null(), "no {member}: {members}");
    }
}
