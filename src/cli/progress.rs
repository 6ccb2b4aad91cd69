//! How far long work is: a bar on a terminal, nothing in a pipe.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::api::Progress;

/// Redrawn as often as a person can read.
const TICK: Duration = Duration::from_millis(200);

/// A bar on standard error; without a terminal there, nothing.
pub(super) struct Bar(ProgressBar);

impl Bar {
    /// A bar of unknown length with this word before it.
    #[must_use]
    pub(super) fn new(word: String) -> Self {
        // Draws on standard error, and only where that is a terminal.
        let bar = ProgressBar::no_length().with_message(word);
        bar.set_style(spinner());
        if !bar.is_hidden() {
            bar.enable_steady_tick(TICK);
        }
        Self(bar)
    }

    /// Shows how far the work is: in bytes where their sum is known, else in things.
    pub(super) fn show(&self, progress: &Progress) {
        let (done, total) = match (progress.total_bytes, progress.total) {
            (Some(bytes), _) => (progress.bytes, Some(bytes)),
            (None, total) => (progress.done, total),
        };
        if let Some(total) = total
            && self.0.length() != Some(total)
        {
            self.0.set_length(total);
            self.0.set_style(if progress.total_bytes.is_some() { of_bytes() } else { of_things() });
        }
        self.0.set_position(done);
    }

    /// Takes the bar away while a line is printed.
    pub(super) fn aside<T>(&self, print: impl FnOnce() -> T) -> T {
        self.0.suspend(print)
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn spinner() -> ProgressStyle {
    style("{spinner} {msg} {pos}")
}

fn of_things() -> ProgressStyle {
    style("{msg} [{bar:32}] {pos}/{len} {eta}")
}

fn of_bytes() -> ProgressStyle {
    style("{msg} [{bar:32}] {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec} {eta}")
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("a test draws each template")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_template_can_be_drawn() {
        for draw in [spinner, of_things, of_bytes] {
            drop(draw());
        }
    }

    #[test]
    fn counts_bytes_where_their_sum_is_known() {
        let bar = Bar::new("x".to_owned());
        bar.show(&Progress { done: 1, total: Some(3), bytes: 10, total_bytes: Some(40) });
        assert_eq!((bar.0.position(), bar.0.length()), (10, Some(40)));
        let bar = Bar::new("x".to_owned());
        bar.show(&Progress { done: 1, total: Some(3), bytes: 10, total_bytes: None });
        assert_eq!((bar.0.position(), bar.0.length()), (1, Some(3)));
    }
}
