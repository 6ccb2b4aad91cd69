//! The clock, randomness, and durable file steps: the real ones, and the ones that tests steer.
//!
//! Knows nothing of sealed files or ledgers. Promises that a step it reports as done is durable
//! (P1, P2), and that every durable step can be counted, failed or cut short by a test.
//! Every room above takes these as arguments; `clippy.toml` bans the direct calls elsewhere.

mod clock;
mod disk;
mod entropy;
mod file_system;
mod together;

pub use clock::{Clock, SteeredClock, SystemClock};
pub use disk::{Disk, DurableFile, Links, Step, Steps, open_regular};
pub use entropy::{Entropy, OsEntropy};
pub use file_system::FileSystem;
