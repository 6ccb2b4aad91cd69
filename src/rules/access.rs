//! Who may do what with which items, by a matrix that is policy data. Default deny.
//!
//! A rule names roles, relations to the case, actions, facets of a class and purposes; what it leaves out, it does
//! not ask for. For one role, each facet of an item's class (its level, each protection, or `open` where it has
//! neither) is judged by the first rule that fits, and the strictest judgement stands. Somebody with several roles
//! acts in the one that allows most.

use serde::Deserialize;

use crate::model::{Action, Class, Clearance, Level, PrincipalName, Protection, Purpose, Relation, Role};

/// One side of a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Facet {
    /// No level, no protection.
    Open,
    /// See [`Protection::Work`].
    Work,
    /// See [`Protection::Commercial`].
    Commercial,
    /// See [`Protection::Privacy`].
    Privacy,
    /// See [`Protection::Minor`].
    Minor,
    /// See [`Protection::Informant`].
    Informant,
    /// See [`Level::Secret`].
    Secret,
    /// See [`Level::HighlySecret`].
    HighlySecret,
    /// See [`Level::TopSecret`].
    TopSecret,
}

impl From<Protection> for Facet {
    fn from(protection: Protection) -> Self {
        match protection {
            Protection::Work => Self::Work,
            Protection::Commercial => Self::Commercial,
            Protection::Privacy => Self::Privacy,
            Protection::Minor => Self::Minor,
            Protection::Informant => Self::Informant,
        }
    }
}

impl Facet {
    /// All facets of a class; at least one.
    #[must_use]
    pub fn of(class: &Class) -> Vec<Self> {
        let level = match class.level() {
            Level::None => None,
            Level::Secret => Some(Self::Secret),
            Level::HighlySecret => Some(Self::HighlySecret),
            Level::TopSecret => Some(Self::TopSecret),
        };
        let mut facets: Vec<Self> =
            class.protections().iter().copied().map(Self::from).chain(level).collect();
        if facets.is_empty() {
            facets.push(Self::Open);
        }
        facets
    }
}

/// One rule of the matrix.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    roles: Vec<Role>,
    actions: Vec<Action>,
    relations: Option<Vec<Relation>>,
    classes: Option<Vec<Facet>>,
    purposes: Option<Vec<Purpose>>,
    outcome: Outcome,
    /// Roles that must approve, in this order; exactly with `outcome = "approval"`.
    #[serde(default)]
    approvers: Vec<Role>,
    /// Where the rule comes from.
    cite: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Allow,
    Approval,
    Refuse,
}

/// The matrix of a profile.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<Rule>")]
pub struct Matrix(Vec<Rule>);

/// A matrix that contradicts itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("access rule {number} {what}")]
pub struct NoMatrix {
    number: usize,
    what: &'static str,
}

impl TryFrom<Vec<Rule>> for Matrix {
    type Error = NoMatrix;

    fn try_from(rules: Vec<Rule>) -> Result<Self, NoMatrix> {
        for (at, rule) in rules.iter().enumerate() {
            let wrong = |what| NoMatrix { number: at + 1, what };
            if (rule.outcome == Outcome::Approval) == rule.approvers.is_empty() {
                return Err(wrong(
                    "names approvers without asking for an approval, or the other way round",
                ));
            }
            if rule.outcome == Outcome::Approval && rule.actions.contains(&Action::List) {
                return Err(wrong(
                    "asks for an approval of listing: what is not listed cannot be asked for",
                ));
            }
            if rule.roles.is_empty() || rule.actions.is_empty() {
                return Err(wrong("names no role or no action, and so fits nothing"));
            }
        }
        Ok(Self(rules))
    }
}

/// Everything that a decision depends on.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// What the asker is.
    pub roles: &'a [Role],
    /// How far they are trusted.
    pub clearance: &'a Clearance,
    /// How they stand to the item's case.
    pub relation: Relation,
    /// What they want.
    pub action: Action,
    /// Of an item of this class.
    pub class: &'a Class,
    /// What for.
    pub purpose: Purpose,
    /// The roles in which others have approved this very act.
    pub approved_by: &'a [Role],
    /// The highest level that this node may hold.
    pub ceiling: Level,
}

/// Why something is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refusal {
    /// The item is above what this node may hold: it is cut off for everybody.
    AboveCeiling,
    /// The item is beyond the asker's clearance.
    BeyondClearance,
    /// A rule refuses it.
    ByRule,
    /// No rule allows it.
    NoRule,
}

impl Refusal {
    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::AboveCeiling => "above_ceiling",
            Self::BeyondClearance => "beyond_clearance",
            Self::ByRule => "by_rule",
            Self::NoRule => "no_rule",
        }
    }
}

/// What is decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// Yes, by these rules.
    Allowed {
        /// Where they come from.
        cites: Vec<&'a str>,
    },
    /// Not before somebody in each of these roles has approved it, in this order.
    Needs {
        /// Who still has to.
        approvers: Vec<Role>,
        /// Where the rules come from.
        cites: Vec<&'a str>,
    },
    /// No.
    Refused(Refusal),
}

impl Verdict<'_> {
    /// Whether it is a yes.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        matches!(self, Self::Allowed { .. })
    }

    /// Less is better for the asker.
    fn rank(&self) -> usize {
        match self {
            Self::Allowed { .. } => 0,
            Self::Needs { approvers, .. } => approvers.len(),
            Self::Refused(_) => usize::MAX,
        }
    }
}

impl Matrix {
    /// Decides.
    #[must_use]
    pub fn decide(&self, question: &Question<'_>) -> Verdict<'_> {
        if question.class.level() > question.ceiling {
            return Verdict::Refused(Refusal::AboveCeiling);
        }
        if !question.clearance.covers(question.class) {
            return Verdict::Refused(Refusal::BeyondClearance);
        }
        let as_each = question.roles.iter().map(|role| self.decide_as(*role, question));
        as_each.min_by_key(Verdict::rank).unwrap_or(Verdict::Refused(Refusal::NoRule))
    }

    fn decide_as(&self, role: Role, question: &Question<'_>) -> Verdict<'_> {
        let (mut cites, mut missing) = (Vec::new(), Vec::new());
        for facet in Facet::of(question.class) {
            let Some(rule) = self.0.iter().find(|rule| rule.fits(role, facet, question)) else {
                return Verdict::Refused(Refusal::NoRule);
            };
            match rule.outcome {
                Outcome::Refuse => return Verdict::Refused(Refusal::ByRule),
                Outcome::Allow | Outcome::Approval => {}
            }
            let open = rule.approvers.iter().filter(|approver| !question.approved_by.contains(approver));
            for approver in open {
                if !missing.contains(approver) {
                    missing.push(*approver);
                }
            }
            if !cites.contains(&rule.cite.as_str()) {
                cites.push(rule.cite.as_str());
            }
        }
        if missing.is_empty() {
            Verdict::Allowed { cites }
        } else {
            Verdict::Needs { approvers: missing, cites }
        }
    }

    /// The numbers of the classes of which somebody may learn that items are there, for the predicate that stands
    /// inside every query.
    #[must_use]
    pub fn listed(
        &self,
        roles: &[Role],
        clearance: &Clearance,
        (relation, ceiling): (Relation, Level),
    ) -> Vec<u8> {
        let may = |class: &Class| {
            let question = Question {
                roles,
                clearance,
                relation,
                action: Action::List,
                class,
                purpose: Purpose::Other,
                approved_by: &[],
                ceiling,
            };
            self.decide(&question).is_allowed()
        };
        Class::all().filter(|class| may(class)).map(|class| class.number()).collect()
    }
}

impl Rule {
    fn fits(&self, role: Role, facet: Facet, question: &Question<'_>) -> bool {
        fn named<T: PartialEq>(names: Option<&Vec<T>>, one: &T) -> bool {
            names.is_none_or(|names| names.contains(one))
        }
        self.roles.contains(&role)
            && self.actions.contains(&question.action)
            && named(self.relations.as_ref(), &question.relation)
            && named(self.classes.as_ref(), &facet)
            && named(self.purposes.as_ref(), &question.purpose)
    }
}

/// Whether somebody may do the second half of an act: nobody approves or witnesses an act of their own, under any
/// profile.
#[must_use]
pub fn may_second(first: &PrincipalName, second: &PrincipalName) -> bool {
    first != second
}

#[cfg(test)]
#[path = "access_tests.rs"]
mod tests;
