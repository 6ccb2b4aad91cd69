//! Exit codes: a contract with scripts.

use std::process::ExitCode;

use crate::api::{Answer, Code, Problem};

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done,
    /// Failed.
    Failed,
    /// The command line itself was wrong.
    Usage,
    /// Bytes were found that are not what was written.
    Integrity,
    /// Nothing wrong was found, but not everything was looked at.
    NotChecked,
    /// A rule stood in the way.
    Refused,
}

impl Exit {
    /// The number that the process ends with.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Integrity => 3,
            Self::NotChecked => 4,
            Self::Refused => 5,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.number())
    }
}

impl From<Code> for Exit {
    fn from(code: Code) -> Self {
        match code {
            code if code.is_integrity() => Self::Integrity,
            code if code.is_refusal() => Self::Refused,
            Code::BadRequest => Self::Usage,
            _ => Self::Failed,
        }
    }
}

impl From<&Problem> for Exit {
    fn from(problem: &Problem) -> Self {
        problem.code.into()
    }
}

impl From<Answer> for Exit {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Pass => Self::Done,
            Answer::Fail => Self::Integrity,
            Answer::NotChecked => Self::NotChecked,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pass_is_zero() {
        let numbers =
            [Answer::Pass, Answer::Fail, Answer::NotChecked].map(|answer| Exit::from(answer).number());
        assert_eq!(numbers, [0, 3, 4]);
    }

    #[test]
    fn damage_and_refusals_have_numbers_of_their_own() {
        for (code, number) in [
            (Code::DamagedLedger, 3),
            (Code::DamagedReceipt, 3),
            (Code::RolledBack, 3),
            (Code::SealOnly, 5),
            (Code::NotAllowed, 5),
            (Code::WrongPassphrase, 1),
            (Code::NoSpace, 1),
            (Code::BadRequest, 2),
        ] {
            assert_eq!(Exit::from(code).number(), number, "{code}");
        }
    }

    #[test]
    fn no_problem_ends_with_zero() {
        assert!(Code::ALL.iter().all(|code| Exit::from(*code) != Exit::Done));
    }
}
