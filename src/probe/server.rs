//! The running `sealdock-probe --serve`, seen from the daemon.

use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

use super::Error;
use super::wire::{self, Ask, Hello};

/// Loading libav takes 40 ms; a loaded machine gets two hundred times that.
const READY_WITHIN: Timespec = Timespec { tv_sec: 10, tv_nsec: 0 };

/// A server process. It ends by itself when this side of the socket closes; dropping also kills and reaps it.
pub(super) struct Server {
    child: Child,
    socket: OwnedFd,
    walls: Vec<String>,
}

impl Server {
    /// Starts the program and waits until it is ready, at most 10 s.
    pub(super) fn start(program: &Path) -> Result<Self, Error> {
        let run = |source| Error::Run { program: program.to_owned(), source };
        let (ours, theirs) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
                .map_err(|error| run(error.into()))?;
        // No environment: nothing of the daemon's (credentials of a supervisor, say) reaches the parser.
        // No stderr: what a clip makes a parser print is not the journal's business.
        let child = Command::new(program)
            .arg("--serve")
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(run)?;
        let mut server = Self { child, socket: ours, walls: Vec::new() };
        server.walls = server.hello().map_err(|because| not_ready(program, because))?.walls;
        Ok(server)
    }

    fn hello(&self) -> Result<Hello, String> {
        let mut line = [PollFd::new(&self.socket, PollFlags::IN)];
        let ready = poll(&mut line, Some(&READY_WITHIN)).map_err(|error| error.to_string())?;
        if ready == 0 {
            return Err("no word within 10 s".to_owned());
        }
        match wire::receive::<Hello>(&self.socket) {
            Ok(Some((hello, _))) if hello.version == wire::VERSION => Ok(hello),
            Ok(Some((hello, _))) => Err(format!(
                "it speaks version {} and this is {}; install both programs from one build",
                hello.version,
                wire::VERSION
            )),
            Ok(None) => Err("it ended at once".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// The walls that the server and all its children stand behind.
    pub(super) fn walls(&self) -> &[String] {
        &self.walls
    }

    /// Hands over a file and the two pipes to answer by.
    pub(super) fn ask(&self, ask: &Ask, descriptors: [BorrowedFd<'_>; 3]) -> io::Result<()> {
        wire::send(self.socket.as_fd(), ask, &descriptors)
    }
}

fn not_ready(program: &Path, because: String) -> Error {
    Error::NotReady { program: PathBuf::from(program), because }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Errors mean that it is gone already, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
