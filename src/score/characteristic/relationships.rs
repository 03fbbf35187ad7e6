//! Verified, reciprocal ties, as counts about the subject only: never a contact's score.

use super::{Characteristic, Value, View, known_or, permille};
use crate::collect::observation::Dimension;

pub(super) static CATALOGUE: &[Characteristic] = &[
    Characteristic::new(
        Dimension::Relationships,
        "ties_verified",
        "count",
        "Verified ties as last counted",
        ties_verified,
    ),
    Characteristic::new(
        Dimension::Relationships,
        "ties_reciprocal",
        "permille",
        "Reciprocal of the verified ties",
        ties_reciprocal,
    ),
];

fn ties_verified(view: &View<'_>) -> Value {
    known_or(view.profile.ties.map(|ties| i64::from(ties.verified)), Value::NoData)
}

fn ties_reciprocal(view: &View<'_>) -> Value {
    let ratio = view
        .profile
        .ties
        .and_then(|ties| permille(i128::from(ties.reciprocal), i128::from(ties.verified)));
    known_or(ratio, Value::NoData)
}
