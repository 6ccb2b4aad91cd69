//! The journal: events by `tracing`, on standard error, as text or JSON.

use std::io::IsTerminal as _;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, Registry, fmt};

use super::settings::{LogFormat, LogLevel, LogSettings};

/// Starts the journal of this process. A second call changes nothing.
pub fn start(settings: LogSettings) {
    // An error means that the process has a journal already.
    let _ = subscriber(settings, std::io::stderr).try_init();
}

fn subscriber<W>(settings: LogSettings, writer: W) -> impl tracing::Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let layer = match settings.format {
        LogFormat::Json => fmt::layer().json().flatten_event(true).with_writer(writer).boxed(),
        LogFormat::Text => {
            fmt::layer().with_ansi(std::io::stderr().is_terminal()).with_writer(writer).boxed()
        }
    };
    Registry::default().with(layer.with_filter(filter(settings.level)))
}

/// Libraries speak only of what needs attention; their debugging may name what a log must not hold.
fn filter(level: LogLevel) -> Targets {
    let level = LevelFilter::from(level);
    Targets::new().with_default(level.min(LevelFilter::WARN)).with_target("sealdock", level)
}

impl From<LogLevel> for LevelFilter {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Error => Self::ERROR,
            LogLevel::Warn => Self::WARN,
            LogLevel::Info => Self::INFO,
            LogLevel::Debug => Self::DEBUG,
            LogLevel::Trace => Self::TRACE,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("no test panics while it holds this").write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(settings: LogSettings) -> String {
        let kept = Kept::default();
        let writer = kept.clone();
        let subscriber = subscriber(settings, move || writer.clone());
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(target: "sealdock::intake", { item.id = "a", size_bytes = 7 }, "sealed");
            tracing::debug!(target: "sealdock::intake", "detail");
            tracing::info!(target: "hyper", "chatter");
        });
        let bytes = kept.0.lock().expect("no test panics while it holds this").clone();
        String::from_utf8(bytes).expect("text")
    }

    #[test]
    fn json_is_one_object_a_line_and_libraries_are_quiet() {
        let text = logged(LogSettings { format: LogFormat::Json, level: LogLevel::Info });
        let event: serde_json::Value = serde_json::from_str(text.trim()).expect("one object");
        assert_eq!(event["message"], "sealed");
        assert_eq!(event["item.id"], "a");
        assert_eq!(event["size_bytes"], 7);
    }

    #[test]
    fn the_level_is_heeded() {
        let text = logged(LogSettings { format: LogFormat::Text, level: LogLevel::Debug });
        assert_eq!(text.lines().count(), 2, "{text}");
        let text = logged(LogSettings { format: LogFormat::Text, level: LogLevel::Error });
        assert_eq!(text, "");
    }
}
