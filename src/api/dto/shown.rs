//! From what the catalog shows to what travels.

use std::path::PathBuf;

use super::items::{
    ClockShown, DepositShown, DerivativeShown, EntryShown, Facts, ItemLine, KeyFileShown, Shown, TieShown,
};
use crate::catalog::{
    ShownClock, ShownDeposit, ShownDerivative, ShownEntry, ShownFacts, ShownItem, ShownKeys, ShownTie,
};
use crate::model::ItemId;

impl Shown {
    /// What travels; `path_of` says where the sealed file of a derivative lies.
    #[must_use]
    pub fn of(item: ShownItem, path_of: &dyn Fn(ItemId) -> PathBuf) -> Self {
        let derivative = |shown: ShownDerivative| {
            let path = path_of(shown.item).to_string_lossy().into_owned();
            derivative_at(shown, path)
        };
        Self {
            line: ItemLine {
                item: item.item,
                kind: item.kind,
                name: item.name,
                name_raw: item.name_raw,
                size: item.size,
                sha256: item.sha256,
                arrived_at: item.arrived_at,
                state: item.state,
                reasons: item.reasons,
            },
            sealed_size: item.sealed_size,
            sealed_sha256: item.sealed_sha256,
            copies: item.copies,
            readback: item.readback,
            recovered: item.recovered,
            protections: item.protections,
            facts: match item.facts {
                ShownFacts::Known(facts) => (*facts).into(),
                ShownFacts::Pending(_) => Facts::pending(),
            },
            deposits: item.deposits.into_iter().map(Into::into).collect(),
            clocks: item.clocks.into_iter().map(Into::into).collect(),
            claims: item.claims,
            keys: item.keys.into_iter().map(Into::into).collect(),
            derivatives: item.derivatives.into_iter().map(derivative).collect(),
            sidecars: item.sidecars.into_iter().map(Into::into).collect(),
            sidecar_of: item.sidecar_of.into_iter().map(Into::into).collect(),
            entries: item.entries.into_iter().map(Into::into).collect(),
        }
    }
}

fn derivative_at(shown: ShownDerivative, path: String) -> DerivativeShown {
    let ShownDerivative { item, role, media_type, size, sha256, sealed_sha256, tool, reason, made } = shown;
    DerivativeShown { item, role, media_type, size, sha256, sealed_sha256, tool, reason, made, path }
}

impl From<ShownDeposit> for DepositShown {
    fn from(shown: ShownDeposit) -> Self {
        let ShownDeposit { deposit, dock, path, arrived_at, state, reasons, source, claims, .. } = shown;
        let (name_hints, ledger_index) = (shown.name_hints, shown.ledger_index);
        Self { deposit, dock, path, arrived_at, state, source, claims, reasons, name_hints, ledger_index }
    }
}

impl From<ShownClock> for ClockShown {
    fn from(ShownClock { claim, deposit }: ShownClock) -> Self {
        Self { claim, deposit }
    }
}

impl From<ShownKeys> for KeyFileShown {
    fn from(ShownKeys { generation, sha256, domains }: ShownKeys) -> Self {
        Self { generation, sha256, domains }
    }
}

impl From<ShownTie> for TieShown {
    fn from(ShownTie { item, name }: ShownTie) -> Self {
        Self { item, name }
    }
}

impl From<ShownEntry> for EntryShown {
    fn from(ShownEntry { index, at, kind }: ShownEntry) -> Self {
        Self { index, at, kind }
    }
}
