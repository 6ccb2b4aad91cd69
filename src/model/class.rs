//! Protections and the key domains they map to.

use serde::{Deserialize, Serialize};

/// A reason to keep an item from eyes; secrecy levels stand beside these, not among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protection {
    /// 工作秘密.
    Work,
    /// 商业秘密.
    Commercial,
    /// 个人隐私.
    Privacy,
    /// 未成年人.
    Minor,
    /// 举报人.
    Informant,
}

/// A set of items that share custodian keys. The order is the order of onion layers, innermost first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Domain {
    /// What has no protection, or work secrets only.
    General,
    /// Commercial secrets.
    Commercial,
    /// Privacy, minors, informants.
    Personal,
    /// State secrets; nothing maps here by default.
    State,
}

impl Domain {
    /// Every domain, in layer order.
    pub const ALL: [Self; 4] = [Self::General, Self::Commercial, Self::Personal, Self::State];

    /// The name in files and settings.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::General => "general",
            Self::Commercial => "commercial",
            Self::Personal => "personal",
            Self::State => "state",
        }
    }

    /// The number in files, from 1.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::General => 1,
            Self::Commercial => 2,
            Self::Personal => 3,
            Self::State => 4,
        }
    }

    /// The domain with this number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|domain| domain.number() == number)
    }
}

/// The domains whose keys must all be at hand to open an item with these protections, in layer order,
/// without repeats.
#[must_use]
pub fn domains_of(protections: &[Protection]) -> Vec<Domain> {
    let mut domains: Vec<Domain> = protections
        .iter()
        .map(|protection| match protection {
            Protection::Work => Domain::General,
            Protection::Commercial => Domain::Commercial,
            Protection::Privacy | Protection::Minor | Protection::Informant => Domain::Personal,
        })
        .collect();
    if domains.is_empty() {
        domains.push(Domain::General);
    }
    domains.sort_unstable();
    domains.dedup();
    domains
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_map_to_domains_in_layer_order() {
        use Protection::{Commercial, Informant, Minor, Privacy, Work};
        assert_eq!(domains_of(&[]), [Domain::General]);
        assert_eq!(domains_of(&[Work]), [Domain::General]);
        assert_eq!(domains_of(&[Privacy, Minor, Informant]), [Domain::Personal]);
        assert_eq!(domains_of(&[Privacy, Commercial]), [Domain::Commercial, Domain::Personal]);
    }

    #[test]
    fn numbers_name_domains_one_to_one() {
        for domain in Domain::ALL {
            assert_eq!(Domain::from_number(domain.number()), Some(domain));
        }
        assert_eq!(Domain::from_number(0), None);
    }
}
