//! What `find` looks for. What it and `show` answer has the catalog's own shapes.

use serde::{Deserialize, Serialize};

use crate::model::{DockName, Kind, Moment, Sha256, State};

/// What `find` looks for; everything given must fit.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Filter {
    /// Words in names, paths, tags and hints.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// A sort of thing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// Who deposited it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dock: Option<DockName>,
    /// `sealed` or `quarantined`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
    /// Of the bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Sha256>,
    /// Arrived then or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Moment>,
    /// Arrived before then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Moment>,
}
