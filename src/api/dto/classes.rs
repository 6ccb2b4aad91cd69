//! Classes of items.

use serde::{Deserialize, Serialize};

use crate::model::{Class, Generation, ItemId, LedgerIndex, Level, Protection};

/// Another class for an item; what is left out stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassRequest {
    /// The secrecy level.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,
    /// For how many years; clamped to what the law allows for the level.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub term_years: Option<u8>,
    /// The protections, all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protections: Option<Vec<Protection>>,
    /// Why.
    pub reason: String,
}

impl ClassRequest {
    /// The class that is wanted in the place of this one.
    #[must_use]
    pub fn on(&self, now: &Class) -> Class {
        let level = self.level.unwrap_or(now.level());
        // A new level begins with its own longest term.
        let kept = if level == now.level() { now.term_years() } else { None };
        let protections = self.protections.clone().unwrap_or_else(|| now.protections().to_vec());
        Class::new(level, self.term_years.or(kept), protections)
    }
}

/// The word of a second person on a lower class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecondWord {
    /// Why.
    pub reason: String,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassAnswer {
    /// The item.
    pub item: ItemId,
    /// How it ended.
    pub outcome: ClassOutcome,
    /// The class it has now.
    #[serde(flatten)]
    pub class: Class,
    /// The generation of its key file.
    pub generation: Generation,
    /// The entry of the proposal, where one waits for another person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposal: Option<LedgerIndex>,
}

/// How a wish for another class ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClassOutcome {
    /// The class is another.
    Set,
    /// Something would be lost by it: another person has to agree.
    Proposed,
    /// A proposal was turned down.
    Declined,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_stays() {
        let now = Class::new(Level::Secret, Some(3), vec![Protection::Work]);
        let wish = ClassRequest { reason: "x".to_owned(), ..ClassRequest::default() };
        assert_eq!(wish.on(&now), now);
        let higher = ClassRequest { level: Some(Level::TopSecret), ..wish.clone() };
        assert_eq!(higher.on(&now), Class::new(Level::TopSecret, None, vec![Protection::Work]));
        let bare = ClassRequest { protections: Some(Vec::new()), ..wish };
        assert_eq!(bare.on(&now), Class::new(Level::Secret, Some(3), Vec::new()));
    }
}
