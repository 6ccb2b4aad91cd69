//! Inboxes become sightings: safe opening beneath a root, rescans, events, receipts and release.
//!
//! Whatever lies in an inbox is hostile: names are hints, links are refused, other mounts are not
//! entered, and nothing outside the inbox is listed or opened (P4). Sources are opened read-only (P1);
//! a root that is not there says nothing about its files (P12). Knows nothing of sealing or of the
//! catalog, and decides nothing: what to do with a sighting is for `rules` and `intake`.

mod claims;
mod error;
mod mode;
mod overlap;
mod receipts;
mod release;
mod root;
mod shelves;
mod walk;
mod watch;

pub use claims::{Claimed, claims_about, claims_in, has_namesakes};
pub use error::{Error, Refusal, Retry};
pub use mode::Mode;
pub use overlap::{Places, check_overlap, lies_apart};
pub use receipts::ReceiptShelf;
pub use release::{Aside, put_back, remove_aside, set_aside};
pub use root::{Listing, OpenSource, Root, Stat, Typed};
pub use shelves::{Shelf, Shelved, read_shelf};
pub use walk::{Found, Seen, Walked, walk, walk_beneath};
pub use watch::{Changed, Watcher, Watching, What, Woken};
