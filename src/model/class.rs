//! Classes, and the key domains they map to.

use serde::{Deserialize, Serialize};

use super::reason::codes;

codes! {
    /// A reason to keep an item from eyes; secrecy levels stand beside these, not among them.
    Protection {
        /// 工作秘密.
        Work = "work",
        /// 商业秘密.
        Commercial = "commercial",
        /// 个人隐私.
        Privacy = "privacy",
        /// 未成年人.
        Minor = "minor",
        /// 举报人.
        Informant = "informant",
    }
}

codes! {
    /// How secret a thing is to the state (密级), from the lowest. The English words are those of the law's
    /// translation by the National People's Congress: 机密 is "highly secret", not "secret".
    #[derive(Default)]
    Level {
        /// No state secret.
        #[default]
        None = "none",
        /// 秘密.
        Secret = "secret",
        /// 机密.
        HighlySecret = "highly_secret",
        /// 绝密.
        TopSecret = "top_secret",
    }
}

impl Level {
    /// Whether there is no secret of the state.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::None
    }

    /// The longest term the law allows, in years; nothing where there is no secret to keep.
    #[must_use]
    pub fn longest_term(self) -> Option<u8> {
        match self {
            Self::None => None,
            Self::Secret => Some(10),
            Self::HighlySecret => Some(20),
            Self::TopSecret => Some(30),
        }
    }
}

/// Who may know of a thing: its secrecy level with the term, and the protections it is under.
///
/// A value keeps these rules by itself: no term without a level, none longer than the law allows, a missing one is
/// the longest; protections in order, each once.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct Class {
    level: Level,
    term_years: Option<u8>,
    protections: Vec<Protection>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    level: Level,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    term_years: Option<u8>,
    protections: Vec<Protection>,
}

impl From<Written> for Class {
    fn from(written: Written) -> Self {
        Self::new(written.level, written.term_years, written.protections)
    }
}

impl From<Class> for Written {
    fn from(class: Class) -> Self {
        let Class { level, term_years, protections } = class;
        Self { level, term_years, protections }
    }
}

impl Class {
    /// How many classes there are, terms apart.
    pub const COUNT: usize = Level::ALL.len() << Protection::ALL.len();

    /// A class, put in order.
    #[must_use]
    pub fn new(level: Level, term_years: Option<u8>, mut protections: Vec<Protection>) -> Self {
        protections.sort_unstable();
        protections.dedup();
        let longest = level.longest_term();
        let term_years = longest.map(|most| term_years.map_or(most, |years| years.clamp(1, most)));
        Self { level, term_years, protections }
    }

    /// Without a level.
    #[must_use]
    pub fn protected(protections: Vec<Protection>) -> Self {
        Self::new(Level::None, None, protections)
    }

    /// Its secrecy level.
    #[must_use]
    pub fn level(&self) -> Level {
        self.level
    }

    /// For how long, where it has a level.
    #[must_use]
    pub fn term_years(&self) -> Option<u8> {
        self.term_years
    }

    /// Its protections, in order.
    #[must_use]
    pub fn protections(&self) -> &[Protection] {
        &self.protections
    }

    /// The least class that is at least as strict as both: the highest level, the longest term, all protections.
    #[must_use]
    pub fn join(&self, other: &Self) -> Self {
        let protections = [self.protections.as_slice(), &other.protections].concat();
        Self::new(self.level.max(other.level), self.term_years.max(other.term_years), protections)
    }

    /// Whether nothing of `other` is lost with this class in its place: then a change to it only raises.
    #[must_use]
    pub fn is_at_least(&self, other: &Self) -> bool {
        self.join(other) == *self
    }

    /// Its number, terms apart: one bit a protection, above them the level.
    #[must_use]
    pub fn number(&self) -> u8 {
        let bits = self.protections.iter().fold(0, |bits, protection| bits | 1 << *protection as u8);
        bits | (self.level as u8) << Protection::ALL.len()
    }

    /// The class with this number, with the longest term.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        let level = Level::ALL.get(usize::from(number >> Protection::ALL.len()))?;
        let has = |protection: &Protection| number >> *protection as u8 & 1 == 1;
        Some(Self::new(*level, None, Protection::ALL.iter().copied().filter(has).collect()))
    }

    /// Every class, terms apart, by number.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..=u8::MAX).map_while(Self::from_number)
    }
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

    /// The class that is meant where nothing but the domain is known: in doubt the strictest.
    #[must_use]
    pub fn strictest(self) -> Class {
        match self {
            Self::General => Class::protected(vec![Protection::Work]),
            Self::Commercial => Class::protected(vec![Protection::Commercial]),
            Self::Personal => {
                Class::protected(vec![Protection::Privacy, Protection::Minor, Protection::Informant])
            }
            Self::State => Class::new(Level::TopSecret, None, Vec::new()),
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

/// Which classes belong to which domains: policy data of a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Domains {
    work: Domain,
    commercial: Domain,
    privacy: Domain,
    minor: Domain,
    informant: Domain,
    /// Of every secrecy level.
    state_secrets: Domain,
}

impl Default for Domains {
    fn default() -> Self {
        Self {
            work: Domain::General,
            commercial: Domain::Commercial,
            privacy: Domain::Personal,
            minor: Domain::Personal,
            informant: Domain::Personal,
            state_secrets: Domain::State,
        }
    }
}

impl Domains {
    /// The domains whose keys must all be at hand to open an item of this class, in layer order, without repeats.
    #[must_use]
    pub fn of(&self, class: &Class) -> Vec<Domain> {
        let of_one = |protection: &Protection| match protection {
            Protection::Work => self.work,
            Protection::Commercial => self.commercial,
            Protection::Privacy => self.privacy,
            Protection::Minor => self.minor,
            Protection::Informant => self.informant,
        };
        let mut domains: Vec<Domain> = class.protections().iter().map(of_one).collect();
        if class.level() != Level::None {
            domains.push(self.state_secrets);
        }
        if domains.is_empty() {
            domains.push(Domain::General);
        }
        domains.sort_unstable();
        domains.dedup();
        domains
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_map_to_domains_in_layer_order() {
        use Protection::{Commercial, Informant, Minor, Privacy, Work};
        let of = |level, protections: &[_]| {
            Domains::default().of(&Class::new(level, None, protections.to_vec()))
        };
        assert_eq!(of(Level::None, &[]), [Domain::General]);
        assert_eq!(of(Level::None, &[Work]), [Domain::General]);
        assert_eq!(of(Level::None, &[Privacy, Minor, Informant]), [Domain::Personal]);
        assert_eq!(of(Level::None, &[Privacy, Commercial]), [Domain::Commercial, Domain::Personal]);
        assert_eq!(of(Level::Secret, &[Work]), [Domain::General, Domain::State]);
        assert_eq!(of(Level::TopSecret, &[]), [Domain::State]);
    }

    #[test]
    fn numbers_name_classes_one_to_one() {
        let all: Vec<Class> = Class::all().collect();
        assert_eq!(all.len(), Class::COUNT);
        for (number, class) in all.iter().enumerate() {
            assert_eq!(usize::from(class.number()), number);
        }
        assert_eq!(Class::from_number(128), None);
    }

    #[test]
    fn terms_are_clamped_and_a_missing_one_is_the_longest() {
        let term = |level, years| Class::new(level, years, Vec::new()).term_years();
        assert_eq!(term(Level::None, Some(5)), None);
        assert_eq!(term(Level::Secret, None), Some(10));
        assert_eq!(term(Level::Secret, Some(3)), Some(3));
        assert_eq!(term(Level::HighlySecret, Some(25)), Some(20));
        assert_eq!(term(Level::TopSecret, Some(0)), Some(1));
        let read: Class = serde_json::from_str(
            r#"{"level": "top_secret", "term_years": 99, "protections": ["minor", "work", "minor"]}"#,
        )
        .expect("a class");
        assert_eq!(read, Class::new(Level::TopSecret, None, vec![Protection::Work, Protection::Minor]));
    }

    #[test]
    fn a_whole_takes_the_strictest_of_its_parts() {
        let secret = Class::new(Level::Secret, Some(3), vec![Protection::Work]);
        let longer = Class::new(Level::Secret, Some(8), Vec::new());
        let joined = secret.join(&longer);
        assert_eq!(joined, Class::new(Level::Secret, Some(8), vec![Protection::Work]));
        assert!(joined.is_at_least(&secret) && joined.is_at_least(&longer));
        assert!(!secret.is_at_least(&longer) && !longer.is_at_least(&secret));
        for one in Class::all() {
            for other in Class::all() {
                let joined = one.join(&other);
                assert_eq!(joined, other.join(&one));
                assert_eq!(one.is_at_least(&other), joined == one);
            }
        }
    }

    #[test]
    fn numbers_name_domains_one_to_one() {
        for domain in Domain::ALL {
            assert_eq!(Domain::from_number(domain.number()), Some(domain));
        }
        assert_eq!(Domain::from_number(0), None);
    }
}
