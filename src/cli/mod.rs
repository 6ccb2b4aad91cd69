//! Thin commands, clients of the API.
