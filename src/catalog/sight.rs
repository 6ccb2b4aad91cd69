//! Who may learn that an item is there, as a condition inside every query (P9): what it hides is not left out of an
//! answer, it was never in one.

use std::fmt::Write as _;

/// Of which items somebody may learn that they are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// Their numbers (`Class::number`); nothing where all are seen.
    classes: Option<Vec<u8>>,
}

impl Sight {
    /// The archive itself, when it keeps its own order.
    pub const WHOLE: Self = Self { classes: None };

    /// Items of these classes, by number.
    #[must_use]
    pub fn of(classes: Vec<u8>) -> Self {
        Self { classes: Some(classes) }
    }

    /// The condition on the rows of `items`. Numbers stand in the text, so that SQLite plans with them.
    pub(super) fn condition(&self) -> String {
        let Some(classes) = &self.classes else { return "true".to_owned() };
        let mut condition = "items.class IN (".to_owned();
        for (at, class) in classes.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            let _ = write!(condition, "{comma}{class}");
        }
        condition.push(')');
        condition
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sight_of_nothing_sees_nothing() {
        assert_eq!(Sight::of(Vec::new()).condition(), "items.class IN ()");
        assert_eq!(Sight::of(vec![0, 5]).condition(), "items.class IN (0, 5)");
        assert_eq!(Sight::WHOLE.condition(), "true");
    }
}
