//! Where sealed files live.
