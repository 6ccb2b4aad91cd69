//! `[backup]`: the backup that the daemon makes by itself.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::units;
use super::written::{Problem, problem};

/// Once a day, where nothing else is said.
const EVERY: Duration = Duration::from_secs(24 * 60 * 60);

/// `[backup]`, where it names a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupSettings {
    /// The folder.
    pub dir: PathBuf,
    /// How often.
    pub every: Duration,
    /// What goes into it.
    pub content: BackupContent,
}

/// What goes into a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackupContent {
    /// Ledger, settings, policy and keys.
    Books,
    /// And every sealed file and key file.
    Items,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct WrittenBackup {
    dir: Option<Spanned<PathBuf>>,
    #[serde(deserialize_with = "units::some_span")]
    every: Option<Duration>,
    items: Option<bool>,
}

impl WrittenBackup {
    pub(super) fn settle(self, at: Range<usize>, home: &Path) -> Result<Option<BackupSettings>, Problem> {
        let Some(dir) = self.dir else {
            return match (self.every, self.items) {
                (None, None) => Ok(None),
                _ => Err(problem(
                    at,
                    "[backup] says how backups are made, but not where: add dir, or remove the table",
                )),
            };
        };
        if dir.get_ref().as_os_str().is_empty() {
            return Err(problem(dir.span(), "dir is empty; name the folder that the backup goes to"));
        }
        let every = self.every.unwrap_or(EVERY);
        if every < Duration::from_secs(1) {
            return Err(problem(at, "[backup] every must be at least \"1s\""));
        }
        let content = if self.items.unwrap_or(false) { BackupContent::Items } else { BackupContent::Books };
        Ok(Some(BackupSettings { dir: home.join(dir.into_inner()), every, content }))
    }
}
