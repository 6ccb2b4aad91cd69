//! The command line. Its texts are in the message catalogs, see [`super::help`].

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::language::Language;
use super::values::{ByteRange, When};
use crate::model::{DockName, ItemId, Kind, LedgerIndex, Level, Sha256, State};

/// The whole command line.
#[derive(Debug, Parser)]
#[command(name = "sealdock", version, disable_help_subcommand = true)]
pub(super) struct Arguments {
    /// The folder of the archive.
    #[arg(long, global = true, env = "SEALDOCK_HOME", value_name = "DIR")]
    pub home: Option<PathBuf>,
    /// JSON for scripts instead of text for people.
    #[arg(long, global = true)]
    pub json: bool,
    /// The language of texts; read before the rest, by [`Language::wanted`].
    #[arg(long, global = true, value_enum, value_name = "LANG", hide_possible_values = true)]
    pub lang: Option<Language>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make an archive.
    Init(Init),
    /// Be the daemon.
    Run,
    /// How things stand.
    Status,
    /// What would go wrong, and the remedy.
    Doctor,
    /// Take files in, once.
    Deposit(Deposit),
    /// Search.
    Find(Find),
    /// Everything known about one item.
    Show(Show),
    /// Read an original.
    Get(Get),
    /// Look whether everything is as written.
    Verify(Verify),
    /// The ledger.
    #[command(subcommand)]
    Ledger(Ledger),
    /// Receipts.
    #[command(subcommand)]
    Receipt(Receipt),
    /// Make the catalog anew.
    Rebuild(Rebuild),
    /// Keys and custody.
    #[command(subcommand)]
    Keys(Keys),
    /// Classes of items.
    #[command(subcommand)]
    Class(Class),
    /// Make a backup.
    Backup(Backup),
    /// Bring an archive back from a backup.
    Restore(Restore),
    /// Argon2id in a process of its own, so that the daemon never holds its memory; not for people.
    #[command(hide = true)]
    StretchPassphrase,
}

/// `init`.
#[derive(Debug, Args)]
pub(super) struct Init {
    /// The policy data to begin with.
    #[arg(long, value_name = "PROFILE", default_value = crate::daemon::settings::Profile::DEFAULT)]
    pub profile: String,
    /// Ask nothing; the passphrase is random and lies beside the keys.
    #[arg(long)]
    pub unattended: bool,
    /// Where the escrow shares go.
    #[arg(long, value_name = "DIR")]
    pub shares: Option<PathBuf>,
    /// A file whose first line is the passphrase.
    #[arg(long, value_name = "FILE", conflicts_with = "unattended")]
    pub passphrase_file: Option<PathBuf>,
}

/// `deposit`.
#[derive(Debug, Args)]
pub(super) struct Deposit {
    /// Files, and folders with everything beneath.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// On whose behalf.
    #[arg(long, value_name = "DOCK", default_value = "local")]
    pub dock: DockName,
    /// Print only what was not taken.
    #[arg(long)]
    pub quiet: bool,
}

/// `find`.
#[derive(Debug, Args)]
pub(super) struct Find {
    /// Words in names, paths, tags and hints.
    #[arg(value_name = "TEXT")]
    pub text: Vec<String>,
    /// A sort of thing.
    #[arg(long, value_name = "KIND", value_parser = super::values::word::<Kind>)]
    pub kind: Option<Kind>,
    /// Who deposited it.
    #[arg(long, value_name = "DOCK")]
    pub dock: Option<DockName>,
    /// `sealed` or `quarantined`.
    #[arg(long, value_name = "STATE", value_parser = super::values::word::<State>)]
    pub state: Option<State>,
    /// Of the bytes.
    #[arg(long, value_name = "HEX")]
    pub sha256: Option<Sha256>,
    /// Arrived then or later.
    #[arg(long, value_name = "TIME")]
    pub since: Option<When>,
    /// Arrived before then.
    #[arg(long, value_name = "TIME")]
    pub until: Option<When>,
}

/// `show`.
#[derive(Debug, Args)]
pub(super) struct Show {
    /// Which.
    #[arg(value_name = "ITEM")]
    pub item: ItemId,
}

/// `get`.
#[derive(Debug, Args)]
pub(super) struct Get {
    /// Which.
    #[arg(value_name = "ITEM")]
    pub item: ItemId,
    /// Where the bytes go; `-` is standard output.
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// First and last byte.
    #[arg(long, value_name = "A-B")]
    pub range: Option<ByteRange>,
    /// What for.
    #[arg(long, value_name = "TEXT", value_parser = super::values::some_text)]
    pub purpose: String,
    /// A file whose first line is the passphrase, where no daemon is up.
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
}

/// `verify`.
#[derive(Debug, Args)]
pub(super) struct Verify {
    /// Which; all where none is named.
    #[arg(value_name = "ITEM", conflicts_with = "all")]
    pub items: Vec<ItemId>,
    /// Every item.
    #[arg(long)]
    pub all: bool,
    /// Sealed bytes only; needs no key.
    #[arg(long, conflicts_with = "open")]
    pub sealed: bool,
    /// Open every item.
    #[arg(long)]
    pub open: bool,
    /// Pass only where every place of the vault has every item.
    #[arg(long)]
    pub copies: bool,
    /// A file whose first line is the passphrase, where no daemon is up.
    #[arg(long, value_name = "FILE", conflicts_with = "sealed")]
    pub passphrase_file: Option<PathBuf>,
    /// A backup, alone; no home is needed.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["items", "all", "sealed", "open", "passphrase_file"])]
    pub backup: Option<PathBuf>,
    /// Which state of it.
    #[arg(long, value_name = "NUMBER", requires = "backup")]
    pub state: Option<u32>,
}

/// `ledger`.
#[derive(Debug, Subcommand)]
pub(super) enum Ledger {
    /// Read it whole.
    Verify,
    /// The proof of one entry.
    Prove {
        /// Which.
        #[arg(value_name = "INDEX", value_parser = super::values::index)]
        index: LedgerIndex,
    },
}

/// `receipt`.
#[derive(Debug, Subcommand)]
pub(super) enum Receipt {
    /// Whether it is what this archive signed.
    Check {
        /// The `.json`; its signature lies beside it.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

/// `rebuild`.
#[derive(Debug, Args)]
pub(super) struct Rebuild {
    /// Not from the ledger but from the sealed files alone.
    #[arg(long)]
    pub from_vault: bool,
}

/// `keys`.
#[derive(Debug, Subcommand)]
pub(super) enum Keys {
    /// All of them.
    List,
    /// Make custodian keys usable in the daemon.
    Unlock {
        /// A file whose first line is the passphrase.
        #[arg(long, value_name = "FILE", conflicts_with = "share")]
        passphrase_file: Option<PathBuf>,
        /// Share files, or the shares' text.
        #[arg(long, value_name = "SHARE")]
        share: Vec<PathBuf>,
    },
    /// Put custodian keys away in the daemon.
    Lock,
    /// Prove that shares open a real item.
    Drill {
        /// Which.
        #[arg(value_name = "ITEM")]
        item: ItemId,
        /// Share files, or the shares' text.
        #[arg(value_name = "SHARE", required = true)]
        shares: Vec<PathBuf>,
    },
}

/// `class`.
#[derive(Debug, Subcommand)]
pub(super) enum Class {
    /// Give an item another class.
    Set {
        /// Which.
        #[arg(value_name = "ITEM")]
        item: ItemId,
        /// The secrecy level.
        #[arg(long, value_name = "LEVEL", value_parser = super::values::word::<Level>)]
        level: Option<Level>,
        /// For how many years.
        #[arg(long, value_name = "YEARS", value_parser = clap::value_parser!(u8).range(1..=30))]
        term: Option<u8>,
        /// All its protections; `none` for none.
        #[arg(long, value_name = "WORDS", value_parser = super::values::protections)]
        protections: Option<super::values::Protections>,
        /// Why.
        #[arg(long, value_name = "TEXT", value_parser = super::values::some_text)]
        reason: String,
    },
    /// Agree to a lower class that another person proposed.
    Agree(Second),
    /// Turn a proposed class down, or withdraw one's own.
    Decline {
        /// Which.
        #[arg(value_name = "ITEM")]
        item: ItemId,
        /// Why.
        #[arg(long, value_name = "TEXT", value_parser = super::values::some_text)]
        reason: String,
    },
}

/// `class agree`.
#[derive(Debug, Args)]
pub(super) struct Second {
    /// Which.
    #[arg(value_name = "ITEM")]
    pub item: ItemId,
    /// Why.
    #[arg(long, value_name = "TEXT", value_parser = super::values::some_text)]
    pub reason: String,
    /// A file whose first line is the passphrase, where no daemon is up.
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
}

/// `backup`.
#[derive(Debug, Args)]
pub(super) struct Backup {
    /// Where.
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// With the sealed files.
    #[arg(long)]
    pub items: bool,
}

/// `restore`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct Restore {
    /// The backup.
    #[arg(value_name = "DIR", required = true)]
    pub dir: Option<PathBuf>,
    /// Which state of it.
    #[arg(long, value_name = "NUMBER")]
    pub state: Option<u32>,
    /// A file whose first line is the passphrase.
    #[arg(long, value_name = "FILE", conflicts_with = "share")]
    pub passphrase_file: Option<PathBuf>,
    /// Share files, or the shares' text.
    #[arg(long, value_name = "SHARE")]
    pub share: Vec<PathBuf>,
    /// Settings to use in place of those in the backup.
    #[arg(long, value_name = "FILE")]
    pub settings: Option<PathBuf>,
    /// Further folders that hold receipts.
    #[arg(long, value_name = "DIR")]
    pub receipts: Vec<PathBuf>,
    /// What else.
    #[command(subcommand)]
    pub command: Option<RestoreCommand>,
}

/// `restore confirm`.
#[derive(Debug, Subcommand)]
pub(super) enum RestoreCommand {
    /// Let a restored archive serve again.
    Confirm {
        /// Share files, or the shares' text.
        #[arg(long, value_name = "SHARE")]
        share: Vec<PathBuf>,
    },
}

impl Command {
    /// Whether it works on a home at all.
    pub(super) fn needs_home(&self) -> bool {
        !matches!(self, Self::Verify(Verify { backup: Some(_), .. }))
    }
}
