//! Which roles exclude each other, and what concerns the archive as a whole: policy data of a profile.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::model::{Role, Task};

/// Who has which roles.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Offices {
    /// Whoever makes the archive begins with these.
    pub owner: Vec<Role>,
    /// Of each of these sets, nobody has two.
    pub separate: Vec<Vec<Role>>,
}

/// Two roles that the profile keeps apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this profile lets nobody be {0} and {1} at once: give one of them to another person")]
pub struct Apart(pub Role, pub Role);

impl Offices {
    /// Whether one person may have all these roles.
    ///
    /// # Errors
    /// The first two that may not meet.
    pub fn may_coincide(&self, roles: &[Role]) -> Result<(), Apart> {
        for set in &self.separate {
            let mut held = set.iter().filter(|role| roles.contains(role));
            if let (Some(one), Some(other)) = (held.next(), held.next()) {
                return Err(Apart(*one, *other));
            }
        }
        Ok(())
    }
}

/// Which roles may do what concerns no single item. Every task has its line, be it an empty one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "BTreeMap<Task, Vec<Role>>")]
pub struct Tasks(BTreeMap<Task, Vec<Role>>);

impl TryFrom<BTreeMap<Task, Vec<Role>>> for Tasks {
    type Error = String;

    fn try_from(tasks: BTreeMap<Task, Vec<Role>>) -> Result<Self, String> {
        match Task::ALL.iter().find(|task| !tasks.contains_key(task)) {
            Some(missing) => Err(format!("the task {missing} has no line: name who does it")),
            None => Ok(Self(tasks)),
        }
    }
}

impl Tasks {
    /// Whether somebody in these roles may do it.
    #[must_use]
    pub fn allow(&self, task: Task, roles: &[Role]) -> bool {
        self.0.get(&task).is_some_and(|doers| doers.iter().any(|doer| roles.contains(doer)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_has_two_roles_of_a_separate_set() {
        let offices = Offices {
            owner: vec![Role::SysAdmin],
            separate: vec![vec![Role::SysAdmin, Role::SecAdmin, Role::Auditor]],
        };
        assert_eq!(offices.may_coincide(&[Role::SysAdmin, Role::Archivist]), Ok(()));
        let both = offices.may_coincide(&[Role::Auditor, Role::SysAdmin]);
        assert_eq!(both, Err(Apart(Role::SysAdmin, Role::Auditor)));
    }

    #[test]
    fn a_forgotten_task_is_an_error() {
        let read = |text: &str| toml::from_str::<Tasks>(text);
        let error = read("backup = []").expect_err("seven are missing").to_string();
        assert!(error.contains("deposit"), "{error}");
        let all: String = Task::ALL.iter().map(|task| format!("{task} = [\"auditor\"]\n")).collect();
        let tasks = read(&all).expect("whole");
        assert!(tasks.allow(Task::Ledger, &[Role::Handler, Role::Auditor]));
        assert!(!tasks.allow(Task::Ledger, &[Role::Handler]));
        assert!(!tasks.allow(Task::Ledger, &[]));
    }
}
