//! Classes of items: raised at once, lowered by two people, and cut off above the ceiling.
//!
//! Knows items, their key files and who acts, and deliberately nothing of HTTP or of which roles may do it. Promises:
//! a raised class binds when its entry is durable, and needs no key that opens (P5); a lower one needs a second person
//! and a custodian; every change is an entry and a new generation of the key file, of the derivatives as well (P6).
//! Called by `api`.

use std::sync::Arc;

use crate::catalog::{Catalog, ItemRow, Lowering, Origin, Sight};
use crate::evidence::{Chair, Custodian, Evidence, Record};
use crate::ledger::Content;
use crate::model::{
    Act, Actor, Class, ClassSet, Domains, Generation, ItemId, KeysMade, LedgerIndex, Level,
    LoweringProposed,
};

/// The longest reason that is written down, in bytes: a paragraph.
pub const LONGEST_REASON: usize = 2000;

/// Changes the classes of items.
#[derive(Clone)]
pub struct Secrecy {
    evidence: Evidence,
    catalog: Catalog,
    chair: Arc<Chair>,
    policy: Policy,
}

/// What policy says of classes.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// Which keys open which classes.
    pub domains: Domains,
    /// The highest level that this node may hold.
    pub ceiling: Level,
}

impl Policy {
    /// What may be seen at all: nothing above the ceiling.
    #[must_use]
    pub fn sight(&self) -> Sight {
        if self.ceiling == Level::TopSecret {
            return Sight::WHOLE;
        }
        let below = |class: &Class| class.level() <= self.ceiling;
        Sight::of(Class::all().filter(below).map(|class| class.number()).collect())
    }
}

/// Who does something to the class of an item, and why.
#[derive(Debug, Clone)]
pub struct Deed {
    /// Of which item.
    pub item: ItemId,
    /// Who.
    pub who: Actor,
    /// Why.
    pub why: String,
}

/// What became of a wish for another class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The item has the class.
    Set {
        /// The generation of its key file.
        generation: Generation,
    },
    /// It would lose something by it: another person has to agree.
    Proposed {
        /// The entry that another person names.
        index: LedgerIndex,
    },
}

/// Why a class stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such item.
    #[error("there is no item {0}")]
    Unknown(ItemId),
    /// A derivative has the class of its original.
    #[error("{item} is a derivative and has the class of its original, {parent}: change that one")]
    Derivative {
        /// Which.
        item: ItemId,
        /// Of which original.
        parent: ItemId,
    },
    /// No reason was given, or one longer than a paragraph.
    #[error("a change of class needs a reason of 1 to {LONGEST_REASON} bytes")]
    Reason,
    /// It has this class already.
    #[error("item {0} has this class already")]
    Same(ItemId),
    /// Nobody proposed anything.
    #[error("no lower class is proposed for item {0}")]
    NothingProposed(ItemId),
    /// Whoever proposed it may not agree to it.
    #[error("a lower class needs another person than the one who proposed it")]
    NeedsAnother,
    /// Lowering opens the item's key, and nobody has unlocked the custodian keys.
    #[error("lowering a class needs the custodian keys, which are not unlocked here")]
    SealOnly,
    /// The key files.
    #[error("the key files of item {item} cannot be made anew")]
    Evidence {
        /// Which item.
        item: ItemId,
        /// Why.
        #[source]
        source: crate::evidence::Error,
    },
    /// The catalog failed.
    #[error("the catalog failed")]
    Catalog(#[from] crate::catalog::Error),
}

impl Secrecy {
    /// Joins the parts.
    #[must_use]
    pub fn new(evidence: Evidence, catalog: Catalog, chair: Arc<Chair>, policy: Policy) -> Self {
        Self { evidence, catalog, chair, policy }
    }

    /// What may be seen at all on this node.
    #[must_use]
    pub fn sight(&self) -> Sight {
        self.policy.sight()
    }

    /// Gives an item another class: at once where nothing is lost by it, else as a proposal that waits for another
    /// person.
    ///
    /// # Errors
    /// Why the class stays as it is.
    pub fn set(&self, deed: Deed, class: Class) -> Result<Outcome, Error> {
        self.set_on(deed, |_| class)
    }

    /// As [`Secrecy::set`], with the class made from the one that the item has when its turn has come. What is stricter
    /// in it binds at once, though something else would be lost.
    ///
    /// # Errors
    /// As [`Secrecy::set`].
    pub fn set_on(&self, deed: Deed, wish: impl FnOnce(&Class) -> Class) -> Result<Outcome, Error> {
        let deed = deed.checked()?;
        let _turn = self.evidence.classes_change();
        self.catch_up()?;
        let (row, from) = self.original(deed.item)?;
        let class = wish(&from);
        let strict = from.join(&class);
        let raises = strict != from || !self.has_its_layers(&row, &strict)?;
        if class == strict && !raises {
            return Err(Error::Same(deed.item));
        }
        if raises {
            let raised = self.change(&row, (from, strict.clone(), None), (&deed, None))?;
            if class == strict {
                return Ok(raised);
            }
        }
        let proposal = LoweringProposed { item: deed.item, from: strict, to: class };
        let recorded = self.catalog.record(vec![deed.does(Act::LoweringProposed(proposal))])?;
        Ok(Outcome::Proposed { index: recorded.entries[0] })
    }

    /// Agrees to a lower class that another person proposed.
    ///
    /// # Errors
    /// Why the class stays as it is.
    pub fn agree(&self, deed: Deed) -> Result<Outcome, Error> {
        let deed = deed.checked()?;
        let _turn = self.evidence.classes_change();
        self.catch_up()?;
        let (row, from) = self.original(deed.item)?;
        let Lowering { index, proposed, who, why: _ } = self.lowering(deed.item)?;
        if is_same_person(&who, &deed.who) {
            self.catalog.record(vec![deed.does(refusal(deed.item, "own_act"))])?;
            return Err(Error::NeedsAnother);
        }
        let Some(custody) = self.chair.custody() else {
            self.catalog.record(vec![deed.does(refusal(deed.item, "seal_only"))])?;
            return Err(Error::SealOnly);
        };
        self.change(&row, (from, proposed.to, Some(index)), (&deed, Some(&custody)))
    }

    /// Turns down a lower class that was proposed, or withdraws one's own proposal.
    ///
    /// # Errors
    /// Where none was.
    pub fn decline(&self, deed: Deed) -> Result<(), Error> {
        let deed = deed.checked()?;
        let _turn = self.evidence.classes_change();
        self.catch_up()?;
        self.original(deed.item)?;
        let proposed = self.lowering(deed.item)?.index;
        self.catalog.record(vec![deed.does(Act::LoweringDeclined { proposed })])?;
        Ok(())
    }

    fn lowering(&self, item: ItemId) -> Result<Lowering, Error> {
        self.catalog.lowering(item)?.ok_or(Error::NothingProposed(item))
    }

    /// Entries that stand and that the view does not have yet: key files that they name are living ones.
    fn catch_up(&self) -> Result<(), Error> {
        self.catalog.record(Vec::new())?;
        Ok(())
    }

    /// Whether the key files of an item and of its derivatives have the layers of its class. Those of one that was
    /// damaged or out of reach when the class was raised have not.
    fn has_its_layers(&self, row: &ItemRow, class: &Class) -> Result<bool, Error> {
        let wanted = self.policy.domains.of(class);
        let has = |row: &ItemRow| wanted.iter().all(|domain| row.domains.contains(domain));
        Ok(has(row) && self.catalog.derivatives_of(row.item)?.iter().all(has))
    }

    fn original(&self, item: ItemId) -> Result<(ItemRow, Class), Error> {
        let row = self.catalog.item_seen(item, &self.sight())?.ok_or(Error::Unknown(item))?;
        match &row.origin {
            Origin::Original(original) => {
                let class = original.class.clone();
                Ok((row, class))
            }
            Origin::Derivative { parent, .. } => Err(Error::Derivative { item, parent: *parent }),
        }
    }

    /// New key files, then the entry, then the old ones go. A crash before the entry leaves the class as it was, and key
    /// files that no entry names: the next start removes those.
    fn change(
        &self,
        row: &ItemRow,
        (from, to, proposed): (Class, Class, Option<LedgerIndex>),
        (deed, custodian): (&Deed, Custodian<'_>),
    ) -> Result<Outcome, Error> {
        let wanted = self.policy.domains.of(&to);
        let item = row.item;
        let mut rows = vec![row.clone()];
        rows.extend(self.catalog.derivatives_of(item)?);
        let mut made = Vec::new();
        for row in &rows {
            let record = Record::from(row);
            let mut domains = wanted.clone();
            if proposed.is_none() {
                // Nothing is lost by it, not even a layer that the class alone would not ask for.
                domains.extend(row.domains.iter().filter(|domain| !wanted.contains(domain)));
            }
            match self.evidence.rekey(&record, &domains, custodian) {
                Ok(keys) => made.push((record, keys)),
                // It opens nothing as it is; a stricter class binds all the same.
                Err(error) if proposed.is_none() && error.damage().is_some() => {
                    tracing::error!(item.id = %row.item, %error, "a raised class has no key file to go with it");
                }
                Err(source) => {
                    self.catalog.look_again();
                    return Err(match source {
                        crate::evidence::Error::SealOnly => Error::SealOnly,
                        source => Error::Evidence { item, source },
                    });
                }
            }
        }
        let keys: Vec<KeysMade> = made.iter().map(|(_, keys)| keys.clone()).collect();
        let of_item = keys.iter().find(|keys| keys.item == item);
        let generation = of_item.map_or(row.generation, |keys| keys.generation);
        let act = Act::ClassSet(ClassSet { item, from, to, keys, proposed });
        if let Err(error) = self.catalog.record(vec![deed.does(act)]) {
            self.catalog.look_again();
            return Err(error.into());
        }
        for (record, keys) in &made {
            let living = record.with_keys(keys);
            let before: Vec<Generation> = living.generation.before().collect();
            if let Err(error) = self.evidence.retire(&living, &before) {
                // It opens nothing by itself any more; the next start removes it.
                self.catalog.look_again();
                tracing::warn!(item.id = %record.item, %error, "an old key file stays for now");
            }
        }
        Ok(Outcome::Set { generation })
    }
}

impl Deed {
    fn checked(mut self) -> Result<Self, Error> {
        self.why = self.why.trim().to_owned();
        if self.why.is_empty() || self.why.len() > LONGEST_REASON { Err(Error::Reason) } else { Ok(self) }
    }

    fn does(&self, act: Act) -> Content {
        Content { who: self.who.clone(), why: Some(self.why.clone()), act }
    }
}

/// By name and by account: one person with two of either is still one person.
fn is_same_person(one: &Actor, other: &Actor) -> bool {
    match (one, other) {
        (Actor::User { name, uid }, Actor::User { name: other, uid: other_uid }) => {
            name == other || uid == other_uid
        }
        (Actor::Node, _) | (_, Actor::Node) => true,
    }
}

fn refusal(item: ItemId, because: &str) -> Act {
    Act::Refused { action: "class".to_owned(), item: Some(item), because: because.to_owned() }
}
