//! Put, open and check one item.
