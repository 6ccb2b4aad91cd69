//! Whose turn it is: round robin between inboxes, with limits for each, so that one bad inbox never
//! starves another.

use std::collections::HashMap;
use std::time::Duration;

use super::hands::{PARTS, parts_of};
use crate::model::DockName;

/// What bounds one inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Files in hand at once; several small ones count as one.
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
    hands: usize,
    order: Vec<DockName>,
    next: usize,
    accounts: HashMap<DockName, Account>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Account {
    /// Files in hand, in parts of places.
    parts: usize,
    bytes: u64,
    /// With a rate: when the bytes taken so far are paid for, since boot.
    paid: Duration,
}

impl Rota {
    /// Nobody waits yet; so many hands take files.
    #[must_use]
    pub(super) fn new(share: Share, hands: usize) -> Self {
        Self { share, hands, order: Vec::new(), next: 0, accounts: HashMap::new() }
    }

    /// The docks that take turns from now on; what is in hand stays counted.
    pub(super) fn set_docks(&mut self, docks: Vec<DockName>) {
        self.order = docks;
        self.next = 0;
    }

    /// The dock whose turn it is: the next in order that is within its share and has a file ready. `take`
    /// takes that file in hand and answers its size, if the question it is given allows the size. Counts it as
    /// in hand.
    pub(super) fn pick(
        &mut self,
        now: Duration,
        mut take: impl FnMut(&DockName, &dyn Fn(u64) -> bool) -> Option<u64>,
    ) -> Option<DockName> {
        for step in 0..self.order.len() {
            let at = (self.next + step) % self.order.len();
            let dock = &self.order[at];
            let account = self.accounts.get(dock).copied().unwrap_or_default();
            if !self.share.allows(&account, now) || !self.has_room(&account) {
                continue;
            }
            let fits = |size| account.parts == 0 || account.bytes.saturating_add(size) <= self.share.bytes;
            let Some(size) = take(dock, &fits) else { continue };
            let dock = dock.clone();
            let account = self.accounts.entry(dock.clone()).or_default();
            account.parts += parts_of(size);
            account.bytes = account.bytes.saturating_add(size);
            account.paid = self.share.pay(account.paid.max(now), size);
            self.next = at + 1;
            return Some(dock);
        }
        None
    }

    /// Whether there is a hand for one more file. The last one is kept for a dock that has nothing in hand: one
    /// dock with a few giants, or on a disk that hangs, would else keep all others waiting. A large file needs no
    /// more than part of a hand to be free, or small ones of other docks could keep it waiting for ever.
    fn has_room(&self, account: &Account) -> bool {
        let in_hand: usize = self.accounts.values().map(|account| account.parts).sum();
        let is_alone = self.order.len() <= 1;
        let kept = if account.parts == 0 || is_alone { 0 } else { PARTS };
        in_hand + kept < self.hands * PARTS
    }

    /// A file is out of hand again.
    pub(super) fn put_back(&mut self, dock: &DockName, size: u64) {
        if let Some(account) = self.accounts.get_mut(dock) {
            account.parts = account.parts.saturating_sub(parts_of(size));
            account.bytes = account.bytes.saturating_sub(size);
        }
    }
}

impl Share {
    fn allows(&self, account: &Account, now: Duration) -> bool {
        account.parts < self.files * PARTS && (self.rate.is_none() || account.paid <= now)
    }

    fn pay(&self, from: Duration, size: u64) -> Duration {
        match self.rate {
            None => from,
            Some(rate) => {
                /// Longer than any life of a machine is as good as for ever.
                const FOR_EVER: u128 = 1 << 60;
                let nanoseconds = u128::from(size) * 1_000_000_000 / u128::from(rate.max(1));
                let nanoseconds = u64::try_from(nanoseconds.min(FOR_EVER)).expect("it was bounded");
                from + Duration::from_nanos(nanoseconds)
            }
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
        let mut rota = Rota::new(share, 10);
        rota.set_docks(docks());
        rota
    }

    const WIDE: Share = Share { files: 10, bytes: 1000, rate: None };
    const LARGE: u64 = 1 << 30;

    #[test]
    fn small_files_share_a_hand_and_a_large_one_is_not_kept_from_it() {
        let mut rota = Rota::new(WIDE, 3);
        rota.set_docks(docks());
        let from = |wanted: &'static str, size: u64| {
            move |dock: &DockName, _: &dyn Fn(u64) -> bool| (dock.as_str() == wanted).then_some(size)
        };
        let taken = (0..100).filter(|_| rota.pick(Duration::ZERO, from("a", 1)).is_some()).count();
        assert_eq!(taken, 2 * PARTS, "the last hand is kept");
        assert!(rota.pick(Duration::ZERO, from("b", 1)).is_some());
        assert!(rota.pick(Duration::ZERO, from("c", LARGE)).is_some(), "in what is left of a hand");
        rota.put_back(&docks()[1], 1);
        assert!(rota.pick(Duration::ZERO, from("b", 1)).is_none(), "now all hands are full");
    }

    #[test]
    fn everybody_gets_a_turn() {
        let mut rota = rota(WIDE);
        let picked: Vec<_> =
            (0..6).filter_map(|_| rota.pick(Duration::ZERO, |_, _| Some(1))).map(String::from).collect();
        assert_eq!(picked, ["a", "b", "c", "a", "b", "c"]);
    }

    #[test]
    fn a_full_inbox_is_passed_over_and_a_giant_goes_alone() {
        let mut rota = rota(Share { files: 1, ..WIDE });
        let [a, ..] = &docks()[..] else { unreachable!("three docks") };
        let only_a =
            |dock: &DockName, fits: &dyn Fn(u64) -> bool| (dock == a && fits(5000)).then_some(5000);
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
    fn a_giant_goes_alone_in_its_dock() {
        let mut rota = rota(WIDE);
        let mut sizes = vec![2, 5000, 1];
        let mut take = |dock: &DockName, fits: &dyn Fn(u64) -> bool| {
            if dock.as_str() == "a" && fits(*sizes.last()?) { sizes.pop() } else { None }
        };
        assert!(rota.pick(Duration::ZERO, &mut take).is_some());
        assert!(rota.pick(Duration::ZERO, &mut take).is_none(), "the giant waits for its neighbour");
        rota.put_back(&docks()[0], 1);
        assert!(rota.pick(Duration::ZERO, &mut take).is_some());
        assert!(rota.pick(Duration::ZERO, &mut take).is_none(), "and its neighbour for the giant");
    }

    #[test]
    fn one_dock_never_has_all_hands_while_there_are_others() {
        let mut rota = Rota::new(WIDE, 3);
        rota.set_docks(docks());
        let from = |wanted: &'static str| {
            move |dock: &DockName, _: &dyn Fn(u64) -> bool| (dock.as_str() == wanted).then_some(LARGE)
        };
        assert!(rota.pick(Duration::ZERO, from("a")).is_some());
        assert!(rota.pick(Duration::ZERO, from("a")).is_some());
        assert!(rota.pick(Duration::ZERO, from("a")).is_none(), "the last hand is kept");
        assert!(rota.pick(Duration::ZERO, from("b")).is_some());
        rota.put_back(&docks()[1], LARGE);
        rota.set_docks(docks()[..1].to_vec());
        assert!(rota.pick(Duration::ZERO, from("a")).is_some(), "nobody else is there");
    }

    #[test]
    fn a_rate_is_kept_over_time() {
        let mut rota = rota(Share { rate: Some(100), ..WIDE });
        let [a, ..] = &docks()[..] else { unreachable!("three docks") };
        let only_a = |dock: &DockName, fits: &dyn Fn(u64) -> bool| (dock == a && fits(300)).then_some(300);
        assert!(rota.pick(Duration::ZERO, only_a).is_some());
        assert!(rota.pick(Duration::from_secs(2), only_a).is_none());
        assert!(rota.pick(Duration::from_secs(3), only_a).is_some());
    }

    #[test]
    fn a_rate_counts_files_smaller_than_a_second_of_it() {
        let mut rota = rota(Share { rate: Some(1000), ..WIDE });
        let [a, ..] = &docks()[..] else { unreachable!("three docks") };
        let only_a = |dock: &DockName, fits: &dyn Fn(u64) -> bool| (dock == a && fits(100)).then_some(100);
        let mut taken = 0;
        for step in 0..1000_u64 {
            if let Some(dock) = rota.pick(Duration::from_millis(step), only_a) {
                rota.put_back(&dock, 100);
                taken += 1;
            }
        }
        assert_eq!(taken, 10, "a thousand bytes a second are ten files of a hundred");
    }
}
