//! What is a time, an id, an amount, a key, a sealed field? No I/O happens here.
//!
//! Everything above builds on these few words, and two rules start here: the world (clock and
//! entropy) enters through [`Env`] only, and numbers are integers.

pub mod age;
pub mod bytes;
pub mod env;
pub mod id;
pub mod money;
pub mod month;
pub mod seal;
pub mod time;

pub use env::{Clock, Entropy, Env};
pub use money::{Amount, Currency};
pub use month::Month;
pub use time::Time;
