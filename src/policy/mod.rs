//! May this be done, for this purpose, on this basis, under this law, now?
//!
//! The law is a folder, `policies/`: Cedar policies say what is permitted and forbidden, each with
//! the provision it comes from; TOML beside them holds the catalogues (packs, scenarios, spending
//! categories, refusals). [`Rules`] reads and cross-checks all of it, or refuses to start.
//! [`decide()`] turns derived [`Facts`] into a [`Permit`], the only key to everything that is
//! answered, recorded or changed, or into a [`Refusal`] that names the rules which were not met.
//!
//! | which API | for which need |
//! | --- | --- |
//! | [`Rules::embedded`], [`Rules::load`] | the rules of this binary, or of a folder |
//! | [`decide()`] | one act |
//! | [`Refusal::outward`], [`Rules::outward`] | what the asker may hear of a refusal |
//! | [`Rules::terms`] | what a scenario owes and discloses under several packs at once |
//! | [`Pack::retention`], [`Pack::remedies`] | how long, and by when |
//! | [`cases::run`], [`law::document`] | every rule at work, and the law as a page |
//! | [`Categories::judge`] | is this spending category allowed, unlisted, prohibited? |

pub mod cases;
pub mod category;
mod context;
pub mod decide;
mod embedded;
pub mod facts;
pub mod law;
pub mod named;
pub mod outward;
pub mod pack;
pub mod refusals;
pub mod remedies;
pub mod retention;
pub mod rules;
pub mod scenario;
mod source;
pub mod texts;
mod words;

#[cfg(test)]
mod tests;

pub use category::Categories;
pub use decide::{Cause, Decision, PackRef, Permit, Refusal, Terms, decide};
pub use facts::{
    Action, Actor, ActorKind, Basis, BasisKind, Category, Environment, Export, Facts, Grant, Item,
    Person, Record, Roles, StaffRoles,
};
pub use outward::{Outward, OutwardForm};
pub use pack::{DIMENSIONS, Erasure, Mark, Pack};
pub use refusals::{FixedBy, RaisedBy, RefusalText, Refusals, Told};
pub use remedies::{Contested, Deadlined, Remedies, Unverifiable};
pub use retention::{AtEnd, ClockStart, Keep, Kept, Overdue, Retention};
pub use rules::{PolicyNote, Rules};
pub use scenario::{
    Conduct, Disclosure, Form, Merchants, Probing, Pull, Row, Scenario, ScenarioTerms,
};
pub use source::{Fault, RulesError};
