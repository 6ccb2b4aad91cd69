//! What can be wrong with policy data.

/// A profile file that cannot be used. Every variant names the place to mend.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not TOML, or a key that is unknown or missing; the cause names the line.
    #[error("reading {what}")]
    Syntax {
        /// Which profile file.
        what: &'static str,
        /// Line and reason.
        #[source]
        cause: Box<toml::de::Error>,
    },
    /// Two patterns with one id.
    #[error("pattern {id:?} is given twice; rename one")]
    Repeated {
        /// The id.
        id: String,
    },
    /// A pattern that does not compile.
    #[error("compiling pattern {id:?}")]
    Pattern {
        /// The id.
        id: String,
        /// What is wrong with it.
        #[source]
        cause: Box<regex::Error>,
    },
    /// A pattern that nobody could check.
    #[error("pattern {id:?} has no example; give at least one")]
    NoExample {
        /// The id.
        id: String,
    },
    /// A pattern that does not do what its example says.
    #[error("pattern {id:?} does not match its example {example:?}; mend the one or the other")]
    Example {
        /// The id.
        id: String,
        /// The example.
        example: String,
    },
    /// A sidecar pattern that does not say which part is the stem.
    #[error("pattern {id:?} is for sidecars and has no group named \"stem\"; add one")]
    NoStem {
        /// The id.
        id: String,
    },
    /// An extension that stands for two kinds.
    #[error("extension {extension:?} is listed twice; strike one")]
    Extension {
        /// The extension.
        extension: String,
    },
}
