//! What can the person do? Object, state, have a decision looked at again, complain, and read why
//! an answer went against them; and who must hear of it.
//!
//! Each demand is a *matter* with a deadline of the person's pack. A dispute has items, each with
//! an addressee, a state and an outcome of its own under one clock (domain register, section 1.3).
//! Whom a matter concerns learns of it through *events*, a signed pull.

pub mod dispute;
pub mod rows;

pub use dispute::{Ground, ItemState, MatterKind};
