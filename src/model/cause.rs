//! Errors with what caused them.

/// An error's text with those of all its causes, for a journal or a detail: `cannot write x: disk full`. Each
/// error says only its own part (its cause is not repeated in its text).
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot write x")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn every_cause_is_told_once() {
        assert_eq!(chain(&Outer(std::io::Error::other("disk full"))), "cannot write x: disk full");
    }
}
