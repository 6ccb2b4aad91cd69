//! Commands against a router that answers as the API does, in this process and over a socket.

mod custody;
mod getting;

use std::io;
use std::path::PathBuf;

use axum::Router;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use zeroize::Zeroizing;

use super::*;
use crate::api::{
    Answer, Asked, BackupChecked, Code, CustodyNow, CustodyState, DepositLine, DepositRequest, Failure,
    Lines, Owner, ReadingRequest, RestoreReport, Taken, UnlockRequest, Verified, house, routes,
};
use crate::audit::backup::Tell;
use crate::daemon::lock::HomeLock;
use crate::daemon::{Made, Making, NewPassphrase, Opened, RebuildFrom, Rebuilt, Restoring, socket};
use crate::model::{ArchiveId, Epoch, KeyId, LedgerIndex, Moment, Reason, Sha256, State};

const ITEM: &str = "01890000-0000-7000-8000-000000000000";

/// Works whose archive is a router of the test.
struct Fake(Router);

impl Works for Fake {
    async fn open(&self, lock: HomeLock) -> Result<Opened, Problem> {
        Ok(Opened { router: house(self.0.clone(), me()), kept: Box::new(lock) })
    }

    async fn make(&self, making: Making) -> Result<Made, Problem> {
        let unattended = matches!(making.passphrase, NewPassphrase::Unattended);
        Ok(Made {
            archive: ArchiveId::from_bytes([1; 16]),
            root_public: making.home.join("keys/root.pub.pem"),
            home: making.home,
            profile: making.profile,
            root: KeyId([u8::from(unattended); 8]),
            shares: vec![making.shares.join("share-1")],
            shares_needed: 2,
        })
    }

    async fn run(&self, _: &Path) -> Result<(), Problem> {
        Err(Problem::new(Code::AlreadyRunning, "tests run no daemon"))
    }

    async fn rebuild(&self, _: HomeLock, from: RebuildFrom) -> Result<Rebuilt, Problem> {
        Ok(Rebuilt { from: format!("{from:?}").to_lowercase(), items: 3, ledger_size: 9, epoch: Epoch(2) })
    }

    async fn check_backup(
        &self,
        _: (&Path, Option<u32>),
        _: &mut Tell<'_>,
    ) -> Result<BackupChecked, Problem> {
        Err(Problem::new(Code::NotABackup, "tests have no backup"))
    }

    async fn restore(&self, _: Restoring, _: &mut Tell<'_>) -> Result<RestoreReport, Problem> {
        Err(Problem::new(Code::NotABackup, "tests have no backup"))
    }

    fn stretch(&self) -> Result<(), Problem> {
        Ok(())
    }
}

fn me() -> Owner {
    Owner(rustix::process::geteuid().as_raw())
}

/// A terminal that types these words, or none.
struct Typist(Option<&'static str>);

impl Terminal for Typist {
    fn is_there(&self) -> bool {
        self.0.is_some()
    }

    fn ask(&self, _: &str) -> io::Result<Zeroizing<String>> {
        self.0.map(|text| Zeroizing::new(text.to_owned())).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

struct Ended {
    exit: u8,
    out: String,
    err: String,
}

async fn command(works: &Fake, typist: &Typist, line: &[&str]) -> Ended {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let world = World {
        arguments: ["sealdock"].iter().chain(line).map(OsString::from).collect(),
        environment: &|_| None,
        out: &mut out,
        err: &mut err,
        terminal: typist,
        works,
    };
    let exit = run(world).await.number();
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Ended { exit, out: text(out), err: text(err) }
}

struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        let home = Self(tempfile::tempdir().expect("a temporary folder"));
        std::fs::write(home.0.path().join("sealdock.toml"), "").expect("written");
        home
    }

    fn path(&self) -> &str {
        self.0.path().to_str().expect("temporary folders have plain names")
    }

    async fn ask(&self, router: Router, line: &[&str]) -> Ended {
        self.ask_with(router, &Typist(None), line).await
    }

    async fn ask_with(&self, router: Router, typist: &Typist, line: &[&str]) -> Ended {
        let line: Vec<&str> = ["--home", self.path()].iter().chain(line).copied().collect();
        command(&Fake(router), typist, &line).await
    }
}

fn taken() -> Taken {
    Taken {
        item: ITEM.parse().expect("an id"),
        deposit: "01890000-0000-7000-8000-000000000001".parse().expect("an id"),
        size: 7,
        sha256: Sha256([1; 32]),
        sealed_sha256: Sha256([2; 32]),
        copies: 1,
        ledger_index: LedgerIndex(4),
        receipt: "/r/x.json".to_owned(),
    }
}

/// Answers a deposit with one line for each path, in these states in turn.
fn depositing(states: &'static [State]) -> Router {
    let answer = move |Asked(request): Asked<DepositRequest>| async move {
        let (mut lines, response) = Lines::open();
        for (path, state) in request.paths.iter().zip(states) {
            let line = DepositLine {
                path: path.shown.to_text(),
                path_raw: None,
                state: *state,
                reasons: if *state == State::Waiting { vec![Reason::Changed] } else { Vec::new() },
                taken: (*state == State::Sealed).then(taken),
            };
            lines.result(line).await.expect("the channel is long enough");
        }
        lines.end().await;
        response
    };
    Router::new().route(routes::DEPOSITS, post(answer))
}

#[tokio::test]
async fn help_and_version_are_results() {
    let fake = Fake(Router::new());
    let help = command(&fake, &Typist(None), &["--help"]).await;
    assert_eq!(help.exit, 0);
    assert!(help.out.contains("deposit") && !help.out.contains("stretch"), "{}", help.out);
    let help = command(&fake, &Typist(None), &["--lang", "zh", "get", "--help"]).await;
    assert!(help.out.contains("调阅用途"), "{}", help.out);
    let version = command(&fake, &Typist(None), &["--version"]).await;
    assert_eq!(version.out, format!("sealdock {}\n", env!("CARGO_PKG_VERSION")));
}

#[tokio::test]
async fn wrong_use_ends_with_2_and_does_nothing() {
    let fake = Fake(Router::new());
    for line in [
        &["frobnicate"][..],
        &[],
        &["status"],
        &["--home", "/h", "show", "not-an-id"],
        &["--home", "/h", "get", ITEM, "-o", "x"],
        &["--home", "/h", "get", ITEM, "-o", "x", "--purpose", " "],
        &["--home", "/h", "get", ITEM, "-o", "x", "--purpose", "p", "--range", "9-1"],
        &["--home", "/h", "verify", "--sealed", "--open"],
        &["--home", "/h", "verify", ITEM, "--all"],
        &["--home", "/h", "deposit"],
        &["--home", "/h", "find", "--kind", "film"],
        &["--home", "/h", "keys", "drill", ITEM],
    ] {
        let ended = command(&fake, &Typist(None), line).await;
        assert_eq!((ended.exit, ended.out.as_str()), (2, ""), "{line:?}");
        assert!(!ended.err.is_empty(), "{line:?}");
    }
}

#[tokio::test]
async fn deposit_prints_a_line_for_each_and_fails_for_what_waits() {
    let home = Home::new();
    let all =
        home.ask(depositing(&[State::Sealed, State::Ignored]), &["--json", "deposit", "a", "b"]).await;
    assert_eq!(all.exit, 0, "{}", all.err);
    let lines: Vec<serde_json::Value> =
        all.out.lines().map(|line| serde_json::from_str(line).expect("one object a line")).collect();
    assert_eq!(lines[0]["path"], "a");
    assert_eq!(lines[0]["item"], ITEM);
    assert_eq!(lines[0]["ledger_index"], 4);
    assert_eq!(lines[1]["state"], "ignored");
    assert!(lines[1].get("item").is_none());

    let some =
        home.ask(depositing(&[State::Sealed, State::Waiting]), &["deposit", "--quiet", "a", "b"]).await;
    assert_eq!(some.exit, 1);
    assert_eq!(some.out, "b: waiting (it changed while it was read)\n");
}

#[tokio::test]
async fn paths_travel_as_typed_and_from_the_root() {
    async fn echo(Asked(request): Asked<DepositRequest>) -> Problem {
        let path = &request.paths[0];
        Problem::new(Code::NotFound, format!("{} {}", path.shown, path.absolute))
    }
    let home = Home::new();
    let ended = home.ask(Router::new().route(routes::DEPOSITS, post(echo)), &["deposit", "./x/../y"]).await;
    let here = std::env::current_dir().expect("a folder");
    assert!(ended.err.contains(&format!("./x/../y {}/x/../y", here.display())), "{}", ended.err);
}

#[tokio::test]
async fn a_cut_answer_is_no_success() {
    async fn cut() -> Response {
        let (mut lines, response) = Lines::open();
        let line = DepositLine {
            path: "a".to_owned(),
            path_raw: None,
            state: State::Ignored,
            reasons: Vec::new(),
            taken: None,
        };
        lines.result(line).await.expect("heard");
        drop(lines);
        response
    }
    let home = Home::new();
    let ended = home.ask(Router::new().route(routes::DEPOSITS, post(cut)), &["deposit", "a"]).await;
    assert_eq!(ended.exit, 1);
    assert!(ended.err.contains("ended before"), "{}", ended.err);
}

fn verifying(result: Answer) -> Router {
    let answer = move || async move {
        let failures = match result {
            Answer::Fail => vec![Failure {
                item: ITEM.parse().ok(),
                place: None,
                code: "damaged_item".to_owned(),
                what_next: "bring it back".to_owned(),
            }],
            Answer::Pass | Answer::NotChecked => Vec::new(),
        };
        let (mut lines, response) = Lines::open();
        lines
            .result(Verified { result, items: 2, derivatives: 0, bytes_read: 9, places: vec![], failures })
            .await
            .expect("heard");
        lines.end().await;
        response
    };
    Router::new().route(routes::VERIFY, post(answer))
}

#[tokio::test]
async fn only_pass_ends_with_0() {
    let home = Home::new();
    for (result, exit, word) in
        [(Answer::Pass, 0, "pass"), (Answer::Fail, 3, "fail"), (Answer::NotChecked, 4, "not_checked")]
    {
        let ended = home.ask(verifying(result), &["verify", "--json"]).await;
        assert_eq!(ended.exit, exit);
        let json: serde_json::Value = serde_json::from_str(&ended.out).expect("one document");
        assert_eq!(json["result"], word);
        assert_eq!((&json["items"], &json["bytes_read"]), (&2.into(), &9.into()));
    }
    let silent = || async {
        let (lines, response) = Lines::<Verified>::open();
        lines.end().await;
        response
    };
    let nothing = home.ask(Router::new().route(routes::VERIFY, post(silent)), &["verify"]).await;
    assert_eq!(nothing.exit, 4, "what was not said to have passed has not been checked");
}

#[tokio::test]
async fn problems_are_told_with_the_next_step_in_both_languages() {
    let refusing = || {
        Router::new()
            .route(routes::STATUS, get(|| async { Problem::new(Code::DamagedLedger, "line 7\u{1b}[2J") }))
    };
    let home = Home::new();
    let english = home.ask(refusing(), &["status"]).await;
    assert_eq!(english.exit, 3);
    assert_eq!(english.err.lines().count(), 3, "{}", english.err);
    assert!(english.err.contains("line 7\\u{1b}") && english.err.contains("backup"), "{}", english.err);
    let chinese = home.ask(refusing(), &["--lang", "zh", "status"]).await;
    assert!(chinese.err.contains("备份"), "{}", chinese.err);
}

#[tokio::test]
async fn a_folder_without_an_archive_is_said_to_be_none() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let home = folder.path().to_str().expect("a plain name");
    let ended = command(&Fake(Router::new()), &Typist(None), &["status", "--home", home]).await;
    assert_eq!(ended.exit, 1);
    assert!(ended.err.contains("init"), "{}", ended.err);
}

struct Full;

impl Write for Full {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn results_that_could_not_be_printed_are_no_success() {
    let home = Home::new();
    let mut err = Vec::new();
    let exit = run(World {
        arguments: ["sealdock", "--home", home.path(), "verify"].iter().map(OsString::from).collect(),
        environment: &|_| None,
        out: &mut Full,
        err: &mut err,
        terminal: &Typist(None),
        works: &Fake(verifying(Answer::Pass)),
    })
    .await;
    assert_eq!(exit, Exit::Failed);
}

#[tokio::test]
async fn doctor_speaks_of_settings_that_keep_the_archive_shut() {
    struct Shut;
    impl Works for Shut {
        async fn open(&self, _: HomeLock) -> Result<Opened, Problem> {
            Err(Problem::new(Code::BadSettings, "line 1"))
        }
        async fn make(&self, _: Making) -> Result<Made, Problem> {
            Err(Problem::new(Code::Internal, "not asked for"))
        }
        async fn run(&self, _: &Path) -> Result<(), Problem> {
            Err(Problem::new(Code::Internal, "not asked for"))
        }
        async fn rebuild(&self, _: HomeLock, _: RebuildFrom) -> Result<Rebuilt, Problem> {
            Err(Problem::new(Code::Internal, "not asked for"))
        }
        async fn check_backup(
            &self,
            _: (&Path, Option<u32>),
            _: &mut Tell<'_>,
        ) -> Result<BackupChecked, Problem> {
            Err(Problem::new(Code::Internal, "not asked here"))
        }

        async fn restore(&self, _: Restoring, _: &mut Tell<'_>) -> Result<RestoreReport, Problem> {
            Err(Problem::new(Code::Internal, "not asked here"))
        }

        fn stretch(&self) -> Result<(), Problem> {
            Ok(())
        }
    }
    let home = Home::new();
    std::fs::write(home.0.path().join("sealdock.toml"), "nonsense = 1").expect("written");
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let exit = run(World {
        arguments: ["sealdock", "--home", home.path(), "doctor", "--json"]
            .iter()
            .map(OsString::from)
            .collect(),
        environment: &|_| None,
        out: &mut out,
        err: &mut err,
        terminal: &Typist(None),
        works: &Shut,
    })
    .await;
    assert_eq!(exit, Exit::Failed);
    let json: serde_json::Value = serde_json::from_slice(&out).expect("one document");
    assert_eq!(json["findings"][0]["code"], "bad_settings");
    assert!(json["findings"][0]["about"].as_str().is_some_and(|about| about.contains("line 1")));
}

#[tokio::test]
async fn rebuild_asks_nothing() {
    let home = Home::new();
    for (line, from) in
        [(&["rebuild", "--json"][..], "ledger"), (&["rebuild", "--from-vault", "--json"], "vault")]
    {
        let ended = home.ask(Router::new(), line).await;
        assert_eq!(ended.exit, 0, "{}", ended.err);
        let json: Rebuilt = serde_json::from_str(&ended.out).expect("one document");
        assert_eq!(json.from, from);
    }
}

#[tokio::test]
async fn find_sends_its_filters_and_prints_lines_as_they_came() {
    async fn items(crate::api::Sought(filter): crate::api::Sought<crate::api::Filter>) -> Response {
        assert_eq!(filter.text.as_deref(), Some("询问 a&b=c"));
        let (mut lines, response) = Lines::open();
        let line = crate::api::FoundRow {
            item: ITEM.parse().expect("an id"),
            kind: filter.kind.expect("a kind"),
            name: "x\ny".to_owned(),
            name_raw: None,
            size: 3,
            sha256: Sha256([0; 32]),
            arrived_at: Moment::UNIX_EPOCH,
            state: State::Sealed,
            reasons: Vec::new(),
        };
        lines.result(line).await.expect("heard");
        lines.end().await;
        response
    }
    let home = Home::new();
    let router = || Router::new().route(routes::ITEMS, get(items));
    let line = ["find", "询问", "a&b=c", "--kind", "document"];
    let json = home.ask(router(), &[&line[..], &["--json"]].concat()).await;
    assert_eq!(json.exit, 0, "{}", json.err);
    let found: serde_json::Value = serde_json::from_str(&json.out).expect("one object");
    assert_eq!(found["name"], "x\ny");
    let text = home.ask(router(), &line).await;
    assert_eq!(text.out.lines().count(), 1, "a name cannot make a line of its own: {}", text.out);
}
