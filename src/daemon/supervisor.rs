//! What systemd is told (sd_notify(3)). Without a supervisor these do nothing.

use sd_notify::NotifyState;

/// Start-up is over: files are taken and commands answered.
pub fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// The settings are being read again; [`ready`] ends this.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => tracing::warn!(error = %error, "cannot read the clock that systemd wants"),
    }
}

/// The stop has begun.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// A line for `systemctl status`.
pub fn status(text: &str) {
    tell(&[NotifyState::Status(text)]);
}

fn tell(states: &[NotifyState<'_>]) {
    // A supervisor that cannot be told takes nothing from the archive.
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(error = %error, "cannot tell the supervisor");
    }
}
