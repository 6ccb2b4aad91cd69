//! The sandboxed parser: the only binary that links libav.

fn main() {}
