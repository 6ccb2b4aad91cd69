use std::path::Path;

use super::*;

fn parse(text: &str) -> Result<Settings, Error> {
    Settings::parse(text, Path::new("/home/archive"))
}

fn good(text: &str) -> Settings {
    parse(text).expect("good settings")
}

/// The line and the words of what is wrong.
fn bad(text: &str) -> (usize, String) {
    match parse(text) {
        Err(Error::Wrong { line, problem, .. }) => (line, problem),
        other => panic!("wanted a complaint, got {other:?}"),
    }
}

/// The template with every commented key taken as written. Prose has a space after its `#`.
fn uncommented() -> String {
    let mut text = String::new();
    for line in TEMPLATE.lines() {
        let key = line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line);
        text.push_str(key);
        text.push('\n');
    }
    text
}

#[test]
fn an_empty_file_is_the_template_is_the_defaults() {
    assert_eq!(good(""), good(TEMPLATE));
    let settings = good("");
    assert_eq!(settings.profile.name, "plain");
    assert!(settings.inboxes.is_empty());
    assert_eq!(settings.vault.copies, [Path::new("/home/archive/vault")]);
    assert_eq!(settings.vault.readback, ReadBackRule::Disk);
    assert_eq!(settings.limits.probe_memory, ByteSize::mebibytes(512));
}

#[test]
fn the_templates_commented_keys_are_the_defaults() {
    let mut shown = good(&uncommented());
    let inbox = shown.inboxes.pop().expect("the example inbox");
    let backup = shown.backup.take().expect("the example backup");
    assert_eq!(shown, good(""), "what the comments call defaults");
    assert_eq!(Some(backup), good("[backup]\ndir = \"/mnt/backup/archive\"").backup);
    let silent = good("[[inbox]]\ndock = \"station-1\"\npath = \"/srv/docks/station-1\"").inboxes.remove(0);
    let receipts = Some(PathBuf::from("/srv/receipts/station-1"));
    assert_eq!(inbox, InboxSettings { receipts, ..silent });
}

#[test]
fn inboxes_can_be_added_at_the_end_of_every_template() {
    for name in Profile::names() {
        let profile = Profile::named(name).expect("ships");
        let mut text = Settings::template(&profile);
        text.push_str("[[inbox]]\ndock = \"a\"\npath = \"/a\"\n[[inbox]]\ndock = \"b\"\npath = \"/b\"\n");
        let settings = good(&text);
        assert_eq!(settings.profile, profile);
        assert_eq!(settings.inboxes.len(), 2);
        assert_eq!(settings.inboxes[0].quiet, profile.inbox.quiet);
    }
}

#[test]
fn every_key_of_an_inbox_is_read() {
    let settings = good(
        "[vault]\ncopies = [\"vault\", \"/mnt/second\"]\n[[inbox]]\ndock = \"采集站\"\npath = \"/in\"\nquiet = \"1s\"\n\
         release = \"30d\"\nmax_file = \"5MiB\"\ndefault_classes = [\"privacy\", \"work\", \"work\"]\nreceipts = \"out\"",
    );
    let inbox = &settings.inboxes[0];
    let days = Duration::from_secs(30 * 86_400);
    assert_eq!(inbox.quiet, Duration::from_secs(1));
    assert_eq!(inbox.max_file.bytes(), 5 << 20);
    assert_eq!(inbox.default_classes, [Protection::Work, Protection::Privacy]);
    assert_eq!(inbox.receipts.as_deref(), Some(Path::new("/home/archive/out")));
    assert_eq!(settings.releases(inbox), Release::After(days));
}

#[test]
fn the_upkeep_of_copies_is_read_and_has_defaults() {
    let settings = good(
        "[vault]\ncopies = [\"vault\", \"b\"]\nleast_copies = 2\nscrub = \"30d\"\nscrub_rate = \"1MiB\"",
    );
    let vault = settings.vault;
    assert_eq!((vault.least_copies, vault.scrub_rate.bytes()), (2, 1 << 20));
    assert_eq!(vault.scrub, Duration::from_secs(30 * 86_400));
    let vault = good("").vault;
    assert_eq!((vault.least_copies, vault.scrub_rate.bytes()), (1, 16 << 20));
    assert_eq!(vault.scrub, Duration::from_secs(90 * 86_400));
}

#[test]
fn with_one_copy_nothing_is_released() {
    let settings = good("[[inbox]]\ndock = \"a\"\npath = \"/a\"\nrelease = \"30d\"");
    assert_eq!(settings.releases(&settings.inboxes[0]), Release::Never);
}

#[test]
fn unknown_keys_are_named_with_line_and_remedy() {
    for (text, line, key) in [
        ("profile = \"plain\"\nprofil = 1", 2, "profil"),
        ("\n[[inbox]]\ndock = \"a\"\npath = \"/a\"\nquite = \"1s\"", 5, "quite"),
        ("[vault]\n\ncopys = []", 3, "copys"),
        ("[limits]\nfiles = 3", 2, "files"),
        ("[log]\ncolour = true", 2, "colour"),
        ("[network]\nport = 1", 1, "network"),
    ] {
        let (at, problem) = bad(text);
        assert_eq!(at, line, "{problem}");
        assert!(problem.contains(key) && problem.contains("correct the key"), "{problem}");
    }
}

#[test]
fn contradictions_and_nonsense_are_refused_with_their_line() {
    let inbox = "[[inbox]]\ndock = \"a\"\npath = \"/a\"\n";
    for (text, line, word) in [
        (format!("{inbox}[[inbox]]\ndock = \"a\"\npath = \"/b\""), 5, "another name"),
        (format!("{inbox}[[inbox]]\ndock = \"b\"\npath = \"/a\""), 6, "path already"),
        (format!("{inbox}release = \"1d\"\n[vault]\nreadback = \"off\""), 4, "readback"),
        (format!("{inbox}quiet = 10"), 4, "string"),
        (format!("{inbox}quiet = \"10\""), 4, "for instance"),
        (format!("{inbox}max_file = \"64GB\""), 4, "GiB"),
        (format!("{inbox}default_classes = [\"none\", \"minor\"]"), 4, "contradicts"),
        (format!("{inbox}default_classes = [\"secret\"]"), 4, "privacy"),
        ("[[inbox]]\npath = \"/a\"".to_owned(), 1, "dock"),
        ("[[inbox]]\ndock = \"a/b\"\npath = \"/a\"".to_owned(), 2, "cannot name a dock"),
        ("[vault]\ncopies = []".to_owned(), 2, "1 to 8"),
        ("[vault]\ncopies = [\"vault\", \"/home/archive/vault\"]".to_owned(), 2, "twice"),
        ("[vault]\nreadback = \"maybe\"".to_owned(), 2, "disk"),
        ("[vault]\nleast_copies = 2".to_owned(), 2, "1 to 1"),
        ("[vault]\ncopies = [\"a\", \"b\"]\nleast_copies = 0".to_owned(), 3, "1 to 2"),
        ("[vault]\nscrub_rate = \"0B\"".to_owned(), 2, "reads nothing"),
        ("[vault]\nscrub = \"soon\"".to_owned(), 2, "for instance"),
        ("[limits]\nfiles_at_once = 0".to_owned(), 1, "1 to 16"),
        ("[limits]\nrescan = \"0s\"".to_owned(), 1, "at least"),
        ("[limits]\ninbox_rate = \"0B\"".to_owned(), 1, "unlimited"),
        ("profile = \"plane\"".to_owned(), 1, "cn-health-county"),
        ("profile = \"plain\"\nprofile = \"plain\"".to_owned(), 2, "keep one"),
        ("x = [".to_owned(), 1, ""),
    ] {
        let (at, problem) = bad(&text);
        assert_eq!(at, line, "{text}: {problem}");
        assert!(problem.contains(word), "{text}: {problem}");
    }
}

#[test]
fn the_error_says_file_and_line() {
    let error = parse("nonsense = 1").expect_err("unknown key").to_string();
    assert!(error.starts_with("/home/archive/sealdock.toml, line 1: "), "{error}");
}

#[test]
fn the_floor_is_never_more_than_a_twentieth_of_the_disk() {
    let limits = Limits::default();
    assert_eq!(limits.floor_on(ByteSize::gibibytes(1000)), ByteSize::gibibytes(1));
    assert_eq!(limits.floor_on(ByteSize::mebibytes(100)), ByteSize::mebibytes(5));
}

#[test]
fn a_reload_knows_when_more_than_inboxes_changed() {
    let old = good("");
    let inboxes = good("[[inbox]]\ndock = \"a\"\npath = \"/a\"");
    assert!(!old.differ_beyond_inboxes(&inboxes));
    assert!(old.differ_beyond_inboxes(&good("[log]\nlevel = \"debug\"")));
}

#[test]
fn a_missing_file_and_a_monstrous_one_are_read_errors() {
    let home = tempfile::tempdir().expect("a temporary folder");
    let error = Settings::load(home.path()).expect_err("no file");
    assert!(matches!(error, Error::Read { .. }), "{error:?}");
    std::fs::write(home.path().join(FILE), "#".repeat((1 << 20) + 1)).expect("written");
    let error = Settings::load(home.path()).expect_err("too large");
    assert!(matches!(error, Error::Read { .. }), "{error:?}");
}

#[test]
fn a_backup_is_made_where_its_folder_is_named_and_nowhere_else() {
    assert_eq!(good("[backup]").backup, None);
    let named = good("[backup]\ndir = \"/mnt/b\"").backup.expect("named");
    assert_eq!(
        named,
        BackupSettings {
            dir: PathBuf::from("/mnt/b"),
            every: Duration::from_secs(86_400),
            content: BackupContent::Books,
        }
    );
    let full = good("[backup]\ndir = \"/mnt/b\"\nevery = \"6h\"\nitems = true").backup.expect("named");
    assert_eq!((full.every, full.content), (Duration::from_secs(21_600), BackupContent::Items));
    for (text, says) in [
        ("[backup]\nitems = true", "add dir"),
        ("[backup]\nevery = \"1d\"", "add dir"),
        ("[backup]\ndir = \"\"", "dir is empty"),
        ("[backup]\ndir = \"/b\"\nevery = \"10ms\"", "at least"),
        ("[backup]\ndir = \"/b\"\nfolder = \"/b\"", "unknown field"),
    ] {
        let (line, what) = bad(text);
        assert!(line >= 1 && what.contains(says), "{text}: line {line}: {what}");
    }
}
