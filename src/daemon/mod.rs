//! Settings, rooms wired together, tasks, shutdown.
