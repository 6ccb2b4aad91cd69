//! What the system asks of a running daemon.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// One wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// SIGTERM or SIGINT: finish or abandon what is in hand, and end with 0.
    Stop,
    /// SIGHUP: read the inboxes of the settings again.
    Reload,
}

/// The signals a daemon listens to. From its making on, none of them kills the process.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    /// Begins to listen; must be called within the runtime.
    ///
    /// # Errors
    /// As `sigaction(2)`.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// The next wish.
    pub async fn next(&mut self) -> Wish {
        tokio::select! {
            _ = self.terminate.recv() => Wish::Stop,
            _ = self.interrupt.recv() => Wish::Stop,
            _ = self.hang_up.recv() => Wish::Reload,
        }
    }
}

#[cfg(test)]
mod tests {
    use rustix::process::{Signal as Number, getpid, kill_process};

    use super::*;

    #[tokio::test]
    async fn each_signal_is_its_wish() {
        let mut signals = Signals::listen().expect("listening");
        for (number, wish) in
            [(Number::HUP, Wish::Reload), (Number::TERM, Wish::Stop), (Number::INT, Wish::Stop)]
        {
            kill_process(getpid(), number).expect("sent to ourselves");
            assert_eq!(signals.next().await, wish);
        }
    }
}
