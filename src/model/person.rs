//! Principals: who may act, in which roles, and how they stand to what they act on.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::reason::codes;
use super::{Class, Level, Protection};

codes! {
    /// What somebody is to the archive. One person may have several where the profile lets them coincide.
    Role {
        /// 系统管理员: keeps the machine running.
        SysAdmin = "sysadmin",
        /// 安全保密管理员: people, rights, spills.
        SecAdmin = "secadmin",
        /// 安全审计员: reads what was done.
        Auditor = "auditor",
        /// 档案员.
        Archivist = "archivist",
        /// 承办人: an officer who handles cases.
        Handler = "handler",
        /// 法制审核人员; approves copies for handlers.
        LegalReviewer = "legal_reviewer",
        /// 机关主要负责人.
        AgencyHead = "agency_head",
        /// A program that manages cases.
        CaseSystem = "case_system",
        /// A docking station.
        Dock = "dock",
    }
}

codes! {
    /// How somebody stands to the case that an item belongs to.
    Relation {
        /// They handle it.
        Own = "own",
        /// They review it.
        Reviewing = "reviewing",
        /// Neither, or the item belongs to no case.
        Other = "other",
    }
}

codes! {
    /// What somebody wants to do with an item.
    Action {
        /// Learn that it is there: lists, counts, search.
        List = "list",
        /// See what is known about it.
        SeeFacts = "see_facts",
        /// See its poster.
        SeePoster = "see_poster",
        /// Watch, hear or read it here (调阅).
        View = "view",
        /// Take its bytes away (复制).
        Copy = "copy",
        /// Hand it out in a package.
        Export = "export",
        /// Change its class.
        Class = "class",
        /// Tie it to a case, an activity or a document.
        Link = "link",
        /// Keep it from being destroyed.
        Hold = "hold",
        /// Permit what another person asked for.
        Approve = "approve",
    }
}

codes! {
    /// What concerns the archive and no single item.
    Task {
        /// Making backups, confirming a restore.
        Backup = "backup",
        /// Handing files in.
        Deposit = "deposit",
        /// Unlocking, locking, drilling.
        Keys = "keys",
        /// Reading entries and heads, and checking them.
        Ledger = "ledger",
        /// Making and changing principals, giving them rights.
        People = "people",
        /// What was judged above the ceiling.
        Spills = "spills",
        /// How things stand.
        Status = "status",
        /// Checking items against what was sealed.
        Verify = "verify",
    }
}

codes! {
    /// What somebody reads for, as far as rules go by it; the words they state beside it are free.
    Purpose {
        /// 办案.
        Handling = "handling",
        /// 法制审核.
        Review = "review",
        /// 执法监督, 案卷评查.
        Oversight = "oversight",
        /// A request from outside the agency.
        Request = "request",
        /// Keeping the archive.
        Upkeep = "upkeep",
        /// Anything else.
        Other = "other",
    }
}

/// The name of a principal: 1 to 64 letters (of any script), digits, `-`, `_` or `.`, not starting with a dot. It is
/// in entries for ever, so that it is never given to anybody else.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PrincipalName(String);

/// A text that cannot name a principal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} cannot name anybody: use 1 to 64 letters, digits, '-', '_' or '.', not starting with a dot")]
pub struct NotAPrincipal(String);

impl PrincipalName {
    /// Whoever made the archive.
    #[must_use]
    pub fn owner() -> Self {
        Self("owner".to_owned())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PrincipalName {
    type Err = NotAPrincipal;

    fn from_str(text: &str) -> Result<Self, NotAPrincipal> {
        let fits = super::name::is_a_name(text);
        if fits { Ok(Self(text.to_owned())) } else { Err(NotAPrincipal(text.chars().take(80).collect())) }
    }
}

impl TryFrom<String> for PrincipalName {
    type Error = NotAPrincipal;

    fn try_from(text: String) -> Result<Self, NotAPrincipal> {
        text.parse()
    }
}

impl From<PrincipalName> for String {
    fn from(name: PrincipalName) -> Self {
        name.0
    }
}

impl fmt::Display for PrincipalName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How far somebody is trusted whatever their roles: nothing beyond it is there for them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clearance {
    /// The highest level.
    pub level: Level,
    /// The protections.
    pub protections: Vec<Protection>,
}

impl Clearance {
    /// Every protection, and no state secret.
    #[must_use]
    pub fn staff() -> Self {
        Self { level: Level::None, protections: Protection::ALL.to_vec() }
    }

    /// Whether a class lies within it.
    #[must_use]
    pub fn covers(&self, class: &Class) -> bool {
        class.level() <= self.level
            && class.protections().iter().all(|protection| self.protections.contains(protection))
    }
}

/// Who may act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Principal {
    /// Under this name.
    pub name: PrincipalName,
    /// In these roles, each once, in order.
    pub roles: Vec<Role>,
    /// Never beyond this.
    pub clearance: Clearance,
    /// The local user who is this principal, where it is a person with an account on this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// Whether it may act at all; nobody is ever removed.
    pub active: bool,
}

impl Principal {
    /// Whether it has this role.
    #[must_use]
    pub fn is(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clearance_bounds_levels_and_protections() {
        let clearance = Clearance { level: Level::Secret, protections: vec![Protection::Work] };
        let class = |level, protections: &[Protection]| Class::new(level, None, protections.to_vec());
        assert!(clearance.covers(&class(Level::None, &[])));
        assert!(clearance.covers(&class(Level::Secret, &[Protection::Work])));
        assert!(!clearance.covers(&class(Level::HighlySecret, &[])));
        assert!(!clearance.covers(&class(Level::None, &[Protection::Work, Protection::Minor])));
        assert!(
            Class::all()
                .filter(|class| class.level() == Level::None)
                .all(|c| Clearance::staff().covers(&c))
        );
    }

    #[test]
    fn names_are_short_and_plain() {
        for good in ["owner", "王芳", "wang.fang-2"] {
            assert!(good.parse::<PrincipalName>().is_ok(), "{good}");
        }
        for bad in ["", ".x", "a b", "a/b", "x\n", &"x".repeat(65)] {
            assert!(bad.parse::<PrincipalName>().is_err(), "{bad}");
        }
    }
}
