//! Bytes leave the archive for a reader, after their entry.
