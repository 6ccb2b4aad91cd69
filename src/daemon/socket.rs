//! The socket in `run/`: how commands reach the daemon of their home.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::Router;
use tokio::net::{UnixListener, UnixStream};

use super::lock::HomeLock;
use crate::api::Caller;

const FOLDER: &str = "run";
const NAME: &str = "sealdock.sock";

/// `sun_path` holds 108 bytes with its closing zero (unix(7)).
const LONGEST: usize = 107;

/// How long answers that are under way may take after a stop; half of what a stop may take at all.
const GRACE: Duration = Duration::from_secs(5);

/// Where the socket of a home lies.
#[must_use]
pub fn path(home: &Path) -> PathBuf {
    home.join(FOLDER).join(NAME)
}

/// Opens the socket of a home for its owner alone. Whoever holds the home's lock may replace the socket
/// that a killed daemon left.
///
/// # Errors
/// As `unlink(2)` and `bind(2)`.
pub fn listen(lock: &HomeLock) -> io::Result<UnixListener> {
    let path = path(lock.home());
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let reach = Reach::to(lock.home())?;
    let listener = UnixListener::bind(reach.path())?;
    // Until here the folder alone, 0700, kept others out.
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Connects to the daemon of a home.
///
/// # Errors
/// `NotFound` and `ConnectionRefused` where none is up.
pub async fn connect(home: &Path) -> io::Result<UnixStream> {
    UnixStream::connect(Reach::to(home)?.path()).await
}

/// Serves until `stop` comes, then lets answers under way end for a short while, and takes the socket away.
///
/// # Errors
/// As `accept(2)`.
pub async fn serve(
    listener: UnixListener,
    lock: &HomeLock,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let (stopped, mut stopping) = tokio::sync::watch::channel(false);
    let signal = async move {
        stop.await;
        // Nobody listens any more only where serving has ended already.
        let _ = stopped.send(true);
    };
    let service = router.into_make_service_with_connect_info::<Caller>();
    let serving = axum::serve(listener, service).with_graceful_shutdown(signal);
    let overdue = async move {
        // An error means that the sender is gone, and with it all that was to be waited for.
        let _ = stopping.wait_for(|stopped| *stopped).await;
        tokio::time::sleep(GRACE).await;
    };
    let outcome = tokio::select! {
        outcome = serving.into_future() => outcome,
        () = overdue => Ok(()),
    };
    match std::fs::remove_file(path(lock.home())) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => outcome.and(Err(error)),
        _ => outcome,
    }
}

/// A path to the socket that fits into an address, whatever the length of the home's own.
struct Reach {
    path: PathBuf,
    // Keeps the descriptor that the path names.
    _folder: Option<File>,
}

impl Reach {
    fn to(home: &Path) -> io::Result<Self> {
        let path = path(home);
        if path.as_os_str().len() <= LONGEST {
            return Ok(Self { path, _folder: None });
        }
        let folder = File::open(home.join(FOLDER))?;
        let path = PathBuf::from(format!("/proc/self/fd/{}/{NAME}", folder.as_raw_fd()));
        Ok(Self { path, _folder: Some(folder) })
    }

    fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::api::{Owner, house};

    async fn home(name: &str) -> (tempfile::TempDir, HomeLock) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let home = folder.path().join(name);
        std::fs::create_dir(&home).expect("made");
        std::fs::write(home.join("sealdock.toml"), "").expect("written");
        let lock = HomeLock::for_daemon(&home).await.expect("free");
        (folder, lock)
    }

    async fn ask(home: &Path, path: &str) -> String {
        let mut stream = connect(home).await.expect("a daemon is up");
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("written");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("read");
        answer
    }

    fn me() -> u32 {
        rustix::process::getuid().as_raw()
    }

    #[tokio::test]
    async fn serves_its_owner_and_takes_the_socket_away_at_the_end() {
        let (_folder, lock) = home("a").await;
        let listener = listen(&lock).expect("bound");
        let mode = std::fs::metadata(path(lock.home())).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let asking = async {
            assert!(ask(lock.home(), "/healthz").await.contains("\"healthy\":true"));
            stop.send(()).expect("serving");
        };
        let router = house(Router::new(), Owner(me()));
        let serving = serve(listener, &lock, router, async { drop(stopped.await) });
        let (served, ()) = tokio::join!(serving, asking);
        served.expect("served");
        assert!(!path(lock.home()).exists());
    }

    #[tokio::test]
    async fn a_stale_socket_is_replaced() {
        let (_folder, lock) = home("a").await;
        drop(listen(&lock).expect("bound"));
        assert!(path(lock.home()).exists(), "left by a killed daemon");
        assert!(connect(lock.home()).await.is_err());
        let _listener = listen(&lock).expect("bound again");
        assert!(connect(lock.home()).await.is_ok());
    }

    #[tokio::test]
    async fn a_home_with_a_long_path_has_a_socket_too() {
        let (_folder, lock) = home(&"x".repeat(200)).await;
        let _listener = listen(&lock).expect("bound");
        assert!(connect(lock.home()).await.is_ok());
    }

    #[tokio::test]
    async fn a_stop_does_not_wait_for_ever() {
        let (_folder, lock) = home("a").await;
        let listener = listen(&lock).expect("bound");
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let never = Router::new().route("/never", get(std::future::pending::<String>));
        let router = house(never, Owner(me()));
        let serving = serve(listener, &lock, router, async { drop(stopped.await) });
        let asking = async {
            let mut stream = connect(lock.home()).await.expect("up");
            stream.write_all(b"GET /never HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("written");
            tokio::time::pause();
            stop.send(()).expect("serving");
            stream
        };
        let (served, _stream) = tokio::join!(serving, asking);
        served.expect("stopped");
    }
}
