//! Reason codes and the states of a sighting. Codes are stable; people read the message catalogs.
macro_rules! codes {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $code:literal,)* }) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ::serde::Serialize, ::serde::Deserialize,
        )]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $code)] $variant,)*
        }

        impl $name {
            /// Every one, for tests of the message catalogs.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable code.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.code())
            }
        }
    };
}
pub(super) use codes;

codes! {
    /// How a sighting stands; `deposit --json` prints these words.
    State {
        /// A new item.
        Sealed = "sealed",
        /// Bytes, or a file, that this dock had deposited before.
        Known = "known",
        /// Sealed, and waiting for a person.
        Quarantined = "quarantined",
        /// Left alone by an ignore pattern.
        Ignored = "ignored",
        /// Not yet; tried again by itself.
        Waiting = "waiting",
        /// Not as it is; looked at again when it changes.
        Refused = "refused",
    }
}

codes! {
    /// Why a sighting is in its state, or what should be noticed about an item.
    Reason {
        /// A checksum beside it claims other bytes.
        ChecksumMismatch = "checksum_mismatch",
        /// A type this archive does not expect.
        OddType = "odd_type",
        /// No bytes at all.
        Empty = "empty",
        /// More than one name points to the file: it is never released.
        HardLink = "hard_link",
        /// A link, or a link on the way to it.
        Symlink = "symlink",
        /// A folder, device, pipe or socket where a file was wanted.
        NotRegular = "not_regular",
        /// Over the inbox's limit.
        TooLarge = "too_large",
        /// Longer than this system can name.
        NameTooLong = "name_too_long",
        /// Lies on another mount than its inbox.
        OtherMount = "other_mount",
        /// Junk or private names.
        IgnoredName = "ignored_name",
        /// A name that docks use while they write.
        InProgressName = "in_progress_name",
        /// Not yet quiet for long enough.
        NotQuiet = "not_quiet",
        /// It changed while it was read.
        Changed = "changed",
        /// It was gone when it was opened.
        Vanished = "vanished",
        /// The system refuses to open it.
        Unreadable = "unreadable",
        /// Reading it failed.
        ReadError = "read_error",
        /// Another process holds it.
        Busy = "busy",
        /// The vault has no room for it.
        NoSpace = "no_space",
        /// The vault could not be written.
        WriteError = "write_error",
        /// What was written could not be read back as it was.
        ReadbackFailed = "readback_failed",
        /// Stopped by a shutdown.
        Stopped = "stopped",
        /// The inbox itself is not there.
        InboxMissing = "inbox_missing",
    }
}

impl Reason {
    /// Whether an item with this reason waits for a person.
    #[must_use]
    pub fn quarantines(self) -> bool {
        matches!(self, Self::ChecksumMismatch | Self::OddType | Self::Empty)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_what_json_says() {
        for reason in Reason::ALL {
            assert_eq!(serde_json::to_string(reason).expect("serializes"), format!("{:?}", reason.code()));
        }
        for state in State::ALL {
            assert_eq!(serde_json::to_string(state).expect("serializes"), format!("{:?}", state.code()));
        }
    }
}
