//! Pure decisions that return their reasons.
