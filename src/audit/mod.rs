//! Verification with three answers.
