//! The protections that an inbox gives to its files.

use serde::{Deserialize, Deserializer};

use crate::model::Protection;

/// `default_classes` of an inbox, or nothing where the key is missing.
#[derive(Debug, Default)]
pub(super) struct Classes(pub(super) Option<Vec<Protection>>);

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "expected one of \"work\", \"commercial\", \"privacy\", \"minor\", \"informant\", or \"none\""
)]
enum Word {
    Protection(Protection),
    Nothing(Nothing),
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Nothing {
    None,
}

impl<'de> Deserialize<'de> for Classes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        protections(deserializer).map(|protections| Self(Some(protections)))
    }
}

/// Reads a list of protections, in order and without repeats. `"none"` may stand alone and means the
/// empty list.
pub(super) fn protections<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Protection>, D::Error> {
    let words = Vec::<Word>::deserialize(deserializer)?;
    let count = words.len();
    let mut protections: Vec<Protection> = words
        .into_iter()
        .filter_map(|word| match word {
            Word::Protection(protection) => Some(protection),
            Word::Nothing(Nothing::None) => None,
        })
        .collect();
    if protections.len() != count && count > 1 {
        return Err(serde::de::Error::custom(
            "\"none\" contradicts the classes beside it: remove one or the other",
        ));
    }
    protections.sort_unstable();
    protections.dedup();
    Ok(protections)
}
