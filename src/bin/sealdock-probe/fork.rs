//! Children. The only unsafe code of sealdock stands here and in `walls`.

use std::io;
use std::marker::PhantomData;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};

use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, WaitStatus, pidfd_open, pidfd_send_signal, waitpid,
};

/// Proof that this process has one thread. It cannot leave that thread, and nothing here starts another.
pub(crate) struct SingleThreaded(PhantomData<*const ()>);

impl SingleThreaded {
    /// Counts the threads.
    ///
    /// # Errors
    /// `Other` with more than one; as `readdir(3)` without `/proc`.
    pub(crate) fn check() -> io::Result<Self> {
        match std::fs::read_dir("/proc/self/task")?.count() {
            1 => Ok(Self(PhantomData)),
            count => Err(io::Error::other(format!("{count} threads; a server that forks must have one"))),
        }
    }
}

/// A child process that has not been waited for.
pub(crate) struct Child {
    pid: Pid,
    handle: OwnedFd,
}

impl Child {
    /// Becomes readable when the child is gone.
    pub(crate) fn handle(&self) -> &OwnedFd {
        &self.handle
    }

    /// Kills it; one that is gone already is no error.
    pub(crate) fn kill(&self) {
        let _ = pidfd_send_signal(&self.handle, Signal::KILL);
    }

    /// Waits for its end.
    pub(crate) fn wait(self) -> io::Result<WaitStatus> {
        loop {
            match waitpid(Some(self.pid), WaitOptions::empty()) {
                Ok(Some((_, status))) => return Ok(status),
                Ok(None) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Runs `body` in a new process and exits there with what it returns, or with 101 if it panics.
///
/// # Errors
/// As `fork(2)` and `pidfd_open(2)`.
pub(crate) fn in_child(alone: &SingleThreaded, body: impl FnOnce() -> i32) -> io::Result<Child> {
    match fork(alone)? {
        None => std::process::exit(catch_unwind(AssertUnwindSafe(body)).unwrap_or(101)),
        Some(pid) => match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(handle) => Ok(Child { pid, handle }),
            Err(error) => {
                // A child that cannot be watched must not run.
                let _ = rustix::process::kill_process(pid, Signal::KILL);
                let _ = waitpid(Some(pid), WaitOptions::empty());
                Err(error.into())
            }
        },
    }
}

/// Closes every descriptor but the standard ones: whatever a careless supervisor left open would be open in
/// every child too. Kernels before 5.9 cannot, and there they stay.
///
/// To be called before anything else in this process opens a descriptor.
#[expect(unsafe_code, reason = "closing descriptors that nothing here owns has no safe form")]
pub(crate) fn close_inherited() {
    // SAFETY: closing is unsafe because an owner could go on using the number. These have no owner: they came
    // with the process, and nothing has been opened yet.
    unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0) };
}

/// `fork(2)`: the child gets `None`, the parent the child's id.
#[expect(
    unsafe_code,
    reason = "no safe call makes a process without loading libav anew, which takes 40 ms"
)]
fn fork(_: &SingleThreaded) -> io::Result<Option<Pid>> {
    // SAFETY: what makes fork dangerous is another thread that holds a lock, or is half through a change, at
    // that moment. `SingleThreaded` proves that there is none, so the child is a whole copy of its parent.
    let pid = unsafe { libc::fork() };
    if pid < 0 { Err(io::Error::last_os_error()) } else { Ok(Pid::from_raw(pid)) }
}
