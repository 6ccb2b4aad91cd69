//! Whose turn it is: round robin between inboxes, with limits for each, so that one bad inbox never
//! starves another.

use std::collections::HashMap;
use std::time::Duration;

use crate::model::DockName;

/// What bounds one inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Files in hand at once.
    pub files: usize,
    /// Bytes in hand at once; a larger file goes alone.
    pub bytes: u64,
    /// Bytes a second over the long run; `None` for no bound.
    pub rate: Option<u64>,
}

/// Turns and what is in hand.
#[derive(Debug)]
pub(super) struct Rota {
    share: Share,
    order: Vec<DockName>,
    next: usize,
    accounts: HashMap<DockName, Account>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Account {
    files: usize,
    bytes: u64,
    /// With a rate: when the bytes taken so far are paid for, since boot.
    paid: Duration,
}

impl Rota {
    /// Nobody waits yet.
    #[must_use]
    pub(super) fn new(share: Share) -> Self {
        Self { share, order: Vec::new(), next: 0, accounts: HashMap::new() }
    }

    /// The docks that take turns from now on; what is in hand stays counted.
    pub(super) fn set_docks(&mut self, docks: Vec<DockName>) {
        self.order = docks;
        self.next = 0;
    }

    /// The dock whose turn it is: the next in order that has a file ready (its size as `ready` says) and is
    /// within its share. Counts the file as in hand.
    pub(super) fn pick(
        &mut self,
        now: Duration,
        mut ready: impl FnMut(&DockName) -> Option<u64>,
    ) -> Option<DockName> {
        for step in 0..self.order.len() {
            let at = (self.next + step) % self.order.len();
            let dock = &self.order[at];
            let account = self.accounts.get(dock).copied().unwrap_or_default();
            if !self.share.allows(&account, now) {
                continue;
            }
            let Some(size) = ready(dock) else { continue };
            if account.files > 0 && account.bytes.saturating_add(size) > self.share.bytes {
                continue;
            }
            let dock = dock.clone();
            let account = self.accounts.entry(dock.clone()).or_default();
            account.files += 1;
            account.bytes = account.bytes.saturating_add(size);
            account.paid = self.share.pay(account.paid.max(now), size);
            self.next = at + 1;
            return Some(dock);
        }
        None
    }

    /// A file is out of hand again.
    pub(super) fn put_back(&mut self, dock: &DockName, size: u64) {
        if let Some(account) = self.accounts.get_mut(dock) {
            account.files = account.files.saturating_sub(1);
            account.bytes = account.bytes.saturating_sub(size);
        }
    }
}

impl Share {
    fn allows(&self, account: &Account, now: Duration) -> bool {
        account.files < self.files && (self.rate.is_none() || account.paid <= now)
    }

    fn pay(&self, from: Duration, size: u64) -> Duration {
        match self.rate {
            None => from,
            // Longer than any life of a machine is as good as for ever.
            Some(rate) => from + Duration::from_secs(size / rate.max(1)).min(Duration::from_secs(1 << 30)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn docks() -> Vec<DockName> {
        ["a", "b", "c"].map(|name| name.parse().expect("a name")).to_vec()
    }

    fn rota(share: Share) -> Rota {
        let mut rota = Rota::new(share);
        rota.set_docks(docks());
        rota
    }

    const WIDE: Share = Share { files: 10, bytes: 1000, rate: None };

    #[test]
    fn everybody_gets_a_turn() {
        let mut rota = rota(WIDE);
        let picked: Vec<_> =
            (0..6).filter_map(|_| rota.pick(Duration::ZERO, |_| Some(1))).map(String::from).collect();
        assert_eq!(picked, ["a", "b", "c", "a", "b", "c"]);
    }

    #[test]
    fn a_full_inbox_is_passed_over_and_a_giant_goes_alone() {
        let mut rota = rota(Share { files: 1, ..WIDE });
        let [a, ..] = &docks()[..] else { unreachable!("three docks") };
        let only_a = |dock: &DockName| (dock == a).then_some(5000);
        assert_eq!(
            rota.pick(Duration::ZERO, only_a).as_ref(),
            Some(a),
            "a giant is taken when nothing else is"
        );
        assert_eq!(rota.pick(Duration::ZERO, only_a), None);
        rota.put_back(a, 5000);
        assert_eq!(rota.pick(Duration::ZERO, only_a).as_ref(), Some(a));
    }

    #[test]
    fn a_rate_is_kept_over_time() {
        let mut rota = rota(Share { rate: Some(100), ..WIDE });
        let [a, ..] = &docks()[..] else { unreachable!("three docks") };
        let only_a = |dock: &DockName| (dock == a).then_some(300);
        assert!(rota.pick(Duration::ZERO, only_a).is_some());
        assert!(rota.pick(Duration::from_secs(2), only_a).is_none());
        assert!(rota.pick(Duration::from_secs(3), only_a).is_some());
    }
}
