//! What is said to people, in their language. The texts are Fluent catalogs in `messages/`; no other file
//! holds a sentence for people.

use std::ffi::OsString;

use clap::ValueEnum;
use fluent_bundle::{FluentArgs, FluentBundle, FluentResource, FluentValue};
use unic_langid::LanguageIdentifier;

/// The languages there are catalogs for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// 中文.
    Zh,
    /// English.
    En,
}

impl Language {
    const ALL: [Self; 2] = [Self::Zh, Self::En];

    fn tag(self) -> &'static str {
        match self {
            Self::Zh => "zh",
            Self::En => "en",
        }
    }

    fn catalog(self) -> &'static str {
        match self {
            Self::Zh => include_str!("messages/zh.ftl"),
            Self::En => include_str!("messages/en.ftl"),
        }
    }

    /// The language that `--lang` names, before the command line is read as a whole: its own mistakes are
    /// explained in that language too. Else the language of the environment.
    #[must_use]
    pub fn wanted(arguments: &[OsString], environment: &dyn Fn(&str) -> Option<String>) -> Self {
        named(arguments).unwrap_or_else(|| Self::of_environment(environment))
    }

    /// POSIX: `LC_ALL` stands above `LC_MESSAGES`, that above `LANG`; an empty one counts as none.
    fn of_environment(environment: &dyn Fn(&str) -> Option<String>) -> Self {
        let set = |name: &&str| environment(name).filter(|value| !value.is_empty());
        match ["LC_ALL", "LC_MESSAGES", "LANG"].iter().find_map(set) {
            Some(locale) if locale.starts_with("zh") => Self::Zh,
            _ => Self::En,
        }
    }
}

fn named(arguments: &[OsString]) -> Option<Language> {
    let mut arguments = arguments.iter().filter_map(|argument| argument.to_str());
    while let Some(argument) = arguments.next() {
        let value = match argument.strip_prefix("--lang") {
            Some("") => arguments.next()?,
            Some(rest) => rest.strip_prefix('=').unwrap_or(""),
            None => continue,
        };
        return Language::ALL.into_iter().find(|language| language.tag() == value);
    }
    None
}

/// The catalog of one language.
pub struct Messages {
    bundle: FluentBundle<FluentResource>,
}

/// Values for the placeholders of a text.
pub(super) type Values<'a> = &'a [(&'a str, FluentValue<'a>)];

impl Messages {
    /// The catalog of this language.
    #[must_use]
    pub fn of(language: Language) -> Self {
        let resource = FluentResource::try_new(language.catalog().to_owned())
            .map_err(|(_, errors)| errors)
            .expect("a test reads every catalog");
        let id: LanguageIdentifier = language.tag().parse().expect("our tags are language tags");
        let mut bundle = FluentBundle::new(vec![id]);
        // Isolating marks are for mixed directions; neither language has them, and scripts would see them.
        bundle.set_use_isolating(false);
        bundle.add_resource(resource).expect("a test finds ids that stand twice");
        Self { bundle }
    }

    /// The text of an id; `id.next` names the attribute `next` of a message.
    #[must_use]
    pub fn say(&self, id: &str) -> String {
        self.tell(id, &[])
    }

    /// The same with values in its placeholders.
    #[must_use]
    pub fn tell(&self, id: &str, values: Values<'_>) -> String {
        // A missing text is our mistake, found by a test; a person is better served by its id than by a crash.
        self.find(id, values).unwrap_or_else(|| id.to_owned())
    }

    /// The text of an id, where the catalog has it.
    #[must_use]
    pub fn find(&self, id: &str, values: Values<'_>) -> Option<String> {
        let (message, attribute) = match id.split_once('.') {
            Some((message, attribute)) => (self.bundle.get_message(message)?, Some(attribute)),
            None => (self.bundle.get_message(id)?, None),
        };
        let pattern = match attribute {
            Some(attribute) => message.get_attribute(attribute)?.value(),
            None => message.value()?,
        };
        let arguments: FluentArgs<'_> = values.iter().map(|(name, value)| (*name, value.clone())).collect();
        Some(self.bundle.format_pattern(pattern, Some(&arguments), &mut Vec::new()).into_owned())
    }
}

#[cfg(test)]
mod tests;
