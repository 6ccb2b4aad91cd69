//! Profiles: policy data that ships with sealdock and fills in what the settings leave out.

use std::time::Duration;

use serde::Deserialize;

use super::classes::{self, Classes};
use super::units::{self, ByteSize};
use crate::model::{Domains, Protection};
use crate::rules::access::Matrix;
use crate::rules::offices::{Offices, Tasks};

const SHIPPED: [(&str, &str); 2] = [
    ("plain", include_str!("../../../config/profiles/plain.toml")),
    ("cn-health-county", include_str!("../../../config/profiles/cn-health-county.toml")),
];

/// One profile.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Its name in settings and in the first entry of the ledger.
    pub name: String,
    /// What an inbox gets where its table is silent.
    pub inbox: InboxDefaults,
    /// How escrow shares are made.
    pub escrow: Escrow,
    /// Which keys open which classes.
    pub domains: Domains,
    /// Who has which roles.
    pub people: Offices,
    /// Who does what concerns no single item.
    pub tasks: Tasks,
    /// Who does what with which items.
    pub access: Matrix,
}

/// What an inbox gets where its table is silent.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InboxDefaults {
    /// A file is taken when it has not changed for this long.
    #[serde(deserialize_with = "units::span")]
    pub quiet: Duration,
    /// A larger file is left where it is.
    pub max_file: ByteSize,
    /// Protections that every file arrives with.
    #[serde(deserialize_with = "classes::protections")]
    pub default_classes: Vec<Protection>,
}

/// How many of how many shares open an item without custodian keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Escrow {
    /// So many are enough.
    pub needed: u8,
    /// So many are made.
    pub shares: u8,
}

/// A name that no profile has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no profile {name:?}: use one of {known}")]
pub struct NoProfile {
    name: String,
    known: String,
}

impl Profile {
    /// The name of the profile that `init` takes when none is named.
    pub const DEFAULT: &'static str = SHIPPED[0].0;

    /// The profile with this name.
    ///
    /// # Errors
    /// When none has it; the error lists those there are.
    pub fn named(name: &str) -> Result<Self, NoProfile> {
        let found = SHIPPED.into_iter().find(|(shipped, _)| *shipped == name);
        let (_, text) =
            found.ok_or_else(|| NoProfile { name: name.to_owned(), known: Self::names().join(", ") })?;
        Ok(toml::from_str(text).expect("a test reads every profile that ships"))
    }

    /// The text of this profile as it ships, for whoever reads an archive without this program.
    #[must_use]
    pub fn text(&self) -> &'static str {
        let found = SHIPPED.into_iter().find(|(shipped, _)| *shipped == self.name);
        found.expect("a profile is one that ships").1
    }

    /// The names of all profiles.
    #[must_use]
    pub fn names() -> Vec<&'static str> {
        SHIPPED.into_iter().map(|(name, _)| name).collect()
    }
}

impl Classes {
    /// What the profile says where the inbox says nothing.
    pub(super) fn or_default(self, profile: &InboxDefaults) -> Vec<Protection> {
        self.0.unwrap_or_else(|| profile.default_classes.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_profile_that_ships_can_be_read_and_bears_its_name() {
        for name in Profile::names() {
            let profile = Profile::named(name).expect("ships");
            assert_eq!(profile.name, name);
            let Escrow { needed, shares } = profile.escrow;
            assert!(2 <= needed && needed <= shares, "{name}: one share alone must never be enough");
            assert_eq!(profile.people.may_coincide(&profile.people.owner), Ok(()), "{name}");
        }
    }

    #[test]
    fn an_unknown_profile_is_answered_with_the_known_ones() {
        let error = Profile::named("plane").expect_err("no such profile").to_string();
        assert!(error.contains("plain") && error.contains("cn-health-county"), "{error}");
    }
}
