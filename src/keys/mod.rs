//! Public keys to seal with, private keys to open with, root certificates, escrow shares.
//!
//! Says who may be trusted and opens key files; knows nothing of where key files lie, of passphrase
//! prompts, or of who may read what. Promises that sealing needs no private key (P5), that what the root
//! did not certify is refused, that no key is ever overwritten, and that secrets are zeroed and never
//! printed. Called by `evidence`, by the daemon that unlocks, and by `keys` commands. FORMAT.md beside
//! the code says every byte.

mod base32;
mod certificate;
mod certificates;
mod child;
mod custody;
mod error;
mod item_keys;
mod keyring;
mod layer;
mod making;
mod node_secrets;
mod passphrase;
mod role;
mod secret;
mod share;
mod signed;
mod stretch;

pub use certificates::{Certificates, KeyInfo, KeyState, PrivateHalf};
pub use child::{STRETCH_COMMAND, StretchInChild, stretch_stdin_to_stdout};
pub use custody::{CUSTODY_FILE, Custody};
pub use error::{Error, Retry};
pub use item_keys::SealRequest;
pub use keyring::Keyring;
pub use making::{EscrowRule, Making};
pub use node_secrets::{NODE_SECRETS_FILE, NodeSecrets};
pub use passphrase::{Passphrase, UNLOCK_FILE, read_unlock, write_unlock};
pub use role::{Algorithm, NotARole, Role};
pub use share::{EscrowKey, Share};
pub use stretch::{Cost, Stretch, StretchHere, Stretched};

/// The format text.
pub const FORMAT: &str = include_str!("FORMAT.md");
