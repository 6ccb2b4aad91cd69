//! The file as it is written: the shape serde reads, and the checks that turn it into [`Settings`].

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::backup::WrittenBackup;
use super::{
    ByteSize, InboxDefaults, InboxSettings, Limits, LogSettings, NodeSettings, Profile, Rate, ReadBackRule,
    Release, Settings, VaultSettings, classes, units,
};
use crate::model::DockName;

/// Inboxes and copies are each watched or written by tasks of their own; these bounds keep them countable.
const MAX_INBOXES: usize = 256;
const MAX_COPIES: usize = 8;

/// What the file may hold; `settle` fills in the defaults and checks the rest.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    #[serde(default)]
    profile: Option<Spanned<String>>,
    #[serde(default)]
    inbox: Vec<Spanned<WrittenInbox>>,
    #[serde(default)]
    vault: WrittenVault,
    #[serde(default)]
    limits: Option<Spanned<Limits>>,
    #[serde(default)]
    log: LogSettings,
    #[serde(default)]
    backup: Option<Spanned<WrittenBackup>>,
    #[serde(default)]
    node: NodeSettings,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenInbox {
    dock: Spanned<DockName>,
    path: Spanned<PathBuf>,
    #[serde(default, deserialize_with = "units::some_span")]
    quiet: Option<Duration>,
    #[serde(default)]
    release: Option<Spanned<Release>>,
    #[serde(default)]
    max_file: Option<ByteSize>,
    #[serde(default)]
    default_classes: classes::Classes,
    #[serde(default)]
    receipts: Option<Spanned<PathBuf>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenVault {
    #[serde(default)]
    copies: Option<Spanned<Vec<PathBuf>>>,
    #[serde(default)]
    least_copies: Option<Spanned<usize>>,
    #[serde(default)]
    readback: ReadBackRule,
    #[serde(default, deserialize_with = "units::some_span")]
    scrub: Option<Duration>,
    #[serde(default)]
    scrub_rate: Option<Spanned<ByteSize>>,
}

/// Every copy is read four times a year: long enough to be no load, short enough that a failing disk is noticed
/// before its twin fails as well.
const SCRUB: Duration = Duration::from_secs(90 * 24 * 3600);

/// A tenth of what one hard disk gives.
const SCRUB_RATE: ByteSize = ByteSize::mebibytes(16);

impl Written {
    pub(super) fn settle(self, home: &Path) -> Result<Settings, Problem> {
        let profile = settle_profile(self.profile)?;
        let vault = self.vault.settle(home)?;
        let limits = self.limits.map_or_else(|| Ok(Limits::default()), settle_limits)?;
        if let Some(extra) = self.inbox.get(MAX_INBOXES) {
            return Err(problem(extra.span(), format!("more than {MAX_INBOXES} inboxes; remove some")));
        }
        let mut seen = Seen::default();
        let mut inboxes = Vec::with_capacity(self.inbox.len());
        for inbox in self.inbox {
            let inbox = inbox.into_inner();
            seen.note(&inbox, home)?;
            inboxes.push(inbox.settle(home, &profile.inbox, vault.readback)?);
        }
        let backup = match self.backup {
            None => None,
            Some(written) => {
                let at = written.span();
                written.into_inner().settle(at, home)?
            }
        };
        Ok(Settings { profile, node: self.node, inboxes, vault, limits, log: self.log, backup })
    }
}

pub(super) fn problem(at: Range<usize>, what: impl Into<String>) -> Problem {
    Problem { at, what: what.into() }
}

fn settle_profile(written: Option<Spanned<String>>) -> Result<Profile, Problem> {
    let Some(written) = written else {
        return Ok(Profile::named(Profile::DEFAULT).expect("the default profile ships"));
    };
    Profile::named(written.get_ref()).map_err(|error| problem(written.span(), error.to_string()))
}

fn settle_limits(written: Spanned<Limits>) -> Result<Limits, Problem> {
    let at = written.span();
    let limits = written.into_inner();
    let counts = [
        ("files_at_once", limits.files_at_once, 16),
        ("inbox_files", limits.inbox_files, u16::MAX),
        ("probes_at_once", limits.probes_at_once, 16),
    ];
    if let Some((key, _, most)) = counts.into_iter().find(|(_, count, most)| !(1..=*most).contains(count)) {
        return Err(problem(at, format!("[limits] {key} must be 1 to {most}")));
    }
    let spans =
        [("rescan", limits.rescan), ("poll", limits.poll), ("probe_deadline", limits.probe_deadline)];
    if let Some((key, _)) = spans.into_iter().find(|(_, span)| *span < Duration::from_secs(1)) {
        return Err(problem(at, format!("[limits] {key} must be at least \"1s\"")));
    }
    // Loading the parser's libraries takes most of 64 MiB of address space by itself.
    if limits.probe_memory < ByteSize::mebibytes(128) {
        return Err(problem(at, "[limits] probe_memory must be at least \"128MiB\""));
    }
    if limits.inbox_rate == Rate::PerSecond(ByteSize::of(0)) {
        return Err(problem(
            at,
            "[limits] inbox_rate of nothing takes no file; write \"unlimited\" or a size",
        ));
    }
    Ok(limits)
}

impl WrittenVault {
    fn settle(self, home: &Path) -> Result<VaultSettings, Problem> {
        let copies = match self.copies {
            None => vec![home.join("vault")],
            Some(written) => settle_copies(written, home)?,
        };
        let least_copies = match self.least_copies {
            None => 1,
            Some(written) if (1..=copies.len()).contains(written.get_ref()) => written.into_inner(),
            Some(written) => {
                let most = copies.len();
                return Err(problem(
                    written.span(),
                    format!("least_copies must be 1 to {most}, as copies names {most}"),
                ));
            }
        };
        let scrub = self.scrub.unwrap_or(SCRUB);
        let scrub_rate = match self.scrub_rate {
            None => SCRUB_RATE,
            Some(written) if *written.get_ref() > ByteSize::of(0) => written.into_inner(),
            Some(written) => {
                return Err(problem(
                    written.span(),
                    "scrub_rate of nothing reads nothing; write a size, for instance \"16MiB\"",
                ));
            }
        };
        Ok(VaultSettings { copies, least_copies, readback: self.readback, scrub, scrub_rate })
    }
}

fn settle_copies(written: Spanned<Vec<PathBuf>>, home: &Path) -> Result<Vec<PathBuf>, Problem> {
    let at = written.span();
    let copies: Vec<PathBuf> = written.into_inner().iter().map(|place| home.join(place)).collect();
    if copies.is_empty() || copies.len() > MAX_COPIES {
        return Err(problem(
            at,
            format!("copies must name 1 to {MAX_COPIES} places, for instance [\"vault\"]"),
        ));
    }
    if copies.iter().collect::<BTreeSet<_>>().len() < copies.len() {
        return Err(problem(at, "copies names the same place twice; one place is one copy"));
    }
    Ok(copies)
}

impl WrittenInbox {
    fn settle(
        self,
        home: &Path,
        defaults: &InboxDefaults,
        readback: ReadBackRule,
    ) -> Result<InboxSettings, Problem> {
        let release = self.settle_release(readback)?;
        Ok(InboxSettings {
            path: home.join(self.path.into_inner()),
            dock: self.dock.into_inner(),
            quiet: self.quiet.unwrap_or(defaults.quiet),
            release,
            max_file: self.max_file.unwrap_or(defaults.max_file),
            default_classes: self.default_classes.or_default(defaults),
            receipts: self.receipts.map(|receipts| home.join(receipts.into_inner())),
        })
    }

    fn settle_release(&self, readback: ReadBackRule) -> Result<Release, Problem> {
        let Some(written) = &self.release else { return Ok(Release::Never) };
        match (*written.get_ref(), readback) {
            (Release::After(_), ReadBackRule::Off) => Err(problem(
                written.span(),
                "release contradicts readback = \"off\" in [vault]: nothing may be erased on a receipt \
                 without read-back; write release = \"never\" or readback = \"disk\"",
            )),
            (release, _) => Ok(release),
        }
    }
}

/// What earlier inboxes of the file have taken.
#[derive(Default)]
struct Seen {
    docks: BTreeSet<DockName>,
    folders: BTreeSet<PathBuf>,
}

impl Seen {
    fn note(&mut self, inbox: &WrittenInbox, home: &Path) -> Result<(), Problem> {
        if !self.docks.insert(inbox.dock.get_ref().clone()) {
            let what = format!(
                "dock \"{}\" has an inbox already; give this one another name",
                inbox.dock.get_ref()
            );
            return Err(problem(inbox.dock.span(), what));
        }
        if inbox.path.get_ref().as_os_str().is_empty() {
            return Err(problem(inbox.path.span(), "path is empty; name the folder that the dock fills"));
        }
        if !self.folders.insert(home.join(inbox.path.get_ref())) {
            return Err(problem(
                inbox.path.span(),
                "another inbox has this path already; give each dock its own",
            ));
        }
        Ok(())
    }
}

/// Something wrong between two offsets of the text.
pub(super) struct Problem {
    pub(super) at: Range<usize>,
    pub(super) what: String,
}

impl From<toml::de::Error> for Problem {
    fn from(error: toml::de::Error) -> Self {
        Self { at: error.span().unwrap_or(0..0), what: with_remedy(error.message()) }
    }
}

/// serde names the keys it knows; a person also wants to hear what to do.
fn with_remedy(message: &str) -> String {
    let message = message.replace('\n', " ");
    if message.starts_with("unknown field") {
        format!("{message}; correct the key or remove the line")
    } else if message.starts_with("duplicate key") {
        format!("{message}; keep one of the two")
    } else {
        message
    }
}
