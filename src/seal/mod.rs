//! The bytes of a sealed file and of a key file; FORMAT.md beside the code says them.
