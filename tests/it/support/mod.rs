//! What outside tests share: an archive of their own, the real binary, a daemon that is always ended.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

/// The real binary.
pub(crate) const SEALDOCK: &str = env!("CARGO_BIN_EXE_sealdock");

/// How long a condition may take to come true: generous, since machines are shared; nothing waits that long
/// when all is well.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// Waits for a condition, looking again and again; panics after [`DEADLINE`].
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let mut waited = Duration::ZERO;
    let pause = Duration::from_millis(20);
    while !holds() {
        assert!(waited < DEADLINE, "waited in vain until {what}");
        std::thread::sleep(pause);
        waited += pause;
    }
}

/// Says that a test did not run, and why: a tool or a right is wanting here.
#[expect(clippy::print_stderr, reason = "for whoever reads the output of the tests")]
pub(crate) fn not_tested(why: &str) {
    eprintln!("not tested: {why}");
}

/// An archive in a folder of its own, with room beside it for inboxes.
pub(crate) struct TestArchive {
    folder: tempfile::TempDir,
}

/// What a command said and how it ended.
pub(crate) struct Said {
    /// The exit code.
    pub(crate) code: i32,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) err: String,
}

impl Said {
    /// What a command left behind.
    pub(crate) fn of(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Asserts the exit code, and goes on.
    #[track_caller]
    pub(crate) fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout: {}\nstderr: {}", self.out, self.err);
        self
    }

    /// The one JSON document it printed.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out)
            .unwrap_or_else(|error| panic!("{error}: {}\n{}", self.out, self.err))
    }

    /// Its JSON documents, one a line.
    #[track_caller]
    pub(crate) fn lines(&self) -> Vec<Value> {
        let parse = |line: &str| {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}\n{}", self.err))
        };
        self.out.lines().map(parse).collect()
    }
}

impl TestArchive {
    /// A new archive, made unattended by the binary.
    pub(crate) fn new() -> Self {
        Self::in_folder(tempfile::tempdir().expect("a temporary folder"))
    }

    /// The same in a folder of the caller's choice, for instance on another file system.
    pub(crate) fn in_folder(folder: tempfile::TempDir) -> Self {
        let archive = Self { folder };
        archive.run(&["init", "--unattended"]).ends(0);
        archive
    }

    /// The home.
    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// A path beside the home.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file beside the home, with its folders.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.beside(name);
        std::fs::create_dir_all(path.parent().expect("in a folder")).expect("made");
        std::fs::write(&path, bytes).expect("written");
        path
    }

    /// Appends to the settings.
    pub(crate) fn set(&self, toml: &str) {
        use std::io::Write as _;
        let path = self.home().join("sealdock.toml");
        let mut file = std::fs::OpenOptions::new().append(true).open(path).expect("the settings");
        writeln!(file, "\n{toml}").expect("written");
    }

    /// Adds an inbox that settles after half a second; answers its folder.
    pub(crate) fn add_inbox(&self, dock: &str) -> PathBuf {
        let path = self.beside(dock);
        std::fs::create_dir_all(&path).expect("made");
        self.set(&format!("[[inbox]]\ndock = {dock:?}\npath = {path:?}\nquiet = \"500ms\""));
        path
    }

    /// A command of this archive, not yet run.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(SEALDOCK);
        command.arg("--home").arg(self.home()).args(["--lang", "en"]).args(arguments);
        command.stdin(Stdio::null()).env_remove("SEALDOCK_HOME");
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        Said::of(&self.command(arguments).output().expect("the binary runs"))
    }

    /// Deposits a path and answers its lines.
    #[track_caller]
    pub(crate) fn deposit(&self, path: &Path) -> Vec<Value> {
        self.run(&["deposit", "--json", path.to_str().expect("UTF-8")]).ends(0).lines()
    }

    /// The originals, as `find --json` prints them.
    #[track_caller]
    pub(crate) fn items(&self) -> Vec<Value> {
        self.run(&["find", "--json"]).ends(0).lines()
    }

    /// Everything known about one item.
    #[track_caller]
    pub(crate) fn show(&self, item: &str) -> Value {
        self.run(&["show", "--json", item]).ends(0).json()
    }

    /// The bytes of an item.
    #[track_caller]
    pub(crate) fn get(&self, item: &str) -> Vec<u8> {
        let to = self.beside("got");
        let to = to.to_str().expect("UTF-8");
        self.run(&["get", item, "-o", to, "--purpose", "a test"]).ends(0);
        std::fs::read(to).expect("got")
    }

    /// The receipts in a folder, by their file names.
    pub(crate) fn receipts(folder: &Path) -> Vec<Value> {
        let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("listed").path()).collect();
        paths.sort();
        paths
            .iter()
            .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
            .map(|path| serde_json::from_slice(&std::fs::read(path).expect("read")).expect("JSON"))
            .collect()
    }

    /// Starts the daemon and waits until it answers.
    pub(crate) fn daemon(&self) -> Daemon {
        let journal = std::fs::File::create(self.beside("journal")).expect("a journal");
        let child = self.command(&["run"]).stderr(journal).stdout(Stdio::null()).spawn();
        let mut daemon = Daemon { child: child.expect("the binary runs") };
        let socket = self.home().join("run/sealdock.sock");
        wait_until("the daemon answers", || {
            if let Some(status) = daemon.child.try_wait().expect("asked") {
                panic!("the daemon ended with {status}: {}", self.journal());
            }
            std::os::unix::net::UnixStream::connect(&socket).is_ok()
        });
        daemon
    }

    /// What the daemon wrote into its journal.
    pub(crate) fn journal(&self) -> String {
        let mut text = String::new();
        if let Ok(mut file) = std::fs::File::open(self.beside("journal")) {
            file.read_to_string(&mut text).expect("text");
        }
        text
    }
}

/// A running daemon. Dropped, it is killed.
pub(crate) struct Daemon {
    child: Child,
}

impl Daemon {
    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, signal).expect("it is ours");
    }

    /// Asks it to read its settings again.
    pub(crate) fn reload(&self) {
        self.signal(rustix::process::Signal::HUP);
    }

    /// Asks it to end, and answers its exit code.
    pub(crate) fn stop(mut self) -> Option<i32> {
        self.signal(rustix::process::Signal::TERM);
        self.child.wait().expect("it ends").code()
    }

    /// Kills it as a power cut would.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it is ours");
        self.child.wait().expect("it ends");
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Ended already is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
