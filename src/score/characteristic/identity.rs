//! Is this a real, stable person? Channels verified, and how long address, phone and employer
//! have been the same. Identity gates what may be released; it moves the score little.

use super::{Characteristic, Value, View, known_or};
use crate::collect::observation::{Channel, Dimension, TenureKind};
use crate::score::ring::age;
use crate::score::slots::VerificationSlot;

const fn new(
    name: &'static str,
    unit: &'static str,
    what: &'static str,
    compute: fn(&View<'_>) -> Value,
) -> Characteristic {
    Characteristic::new(Dimension::Identity, name, unit, what, compute)
}

pub(super) static CATALOGUE: &[Characteristic] = &[
    new("identity_level", "level", "Identity level that the evidence supports", identity_level),
    new(
        "verification_channels",
        "count",
        "Different channels by which the identity was checked; questionnaires count for nothing",
        verification_channels,
    ),
    new(
        "verification_age",
        "months",
        "Months since the identity was last checked",
        verification_age,
    ),
    new("address_tenure", "months", "Months at the same address", address_tenure).immutable(),
    new("phone_tenure", "months", "Months with the same phone number", phone_tenure).immutable(),
    new("employer_tenure", "months", "Months with the same employer", employer_tenure).immutable(),
];

fn identity_level(view: &View<'_>) -> Value {
    Value::Known(i64::from(view.as_of.identity_level))
}

fn counted<'a>(view: &View<'a>) -> impl Iterator<Item = &'a VerificationSlot> + use<'a> {
    view.profile.verifications.iter().filter(|slot| slot.channel != Channel::Questionnaire)
}

fn verification_channels(view: &View<'_>) -> Value {
    let (beyond, _) = view.profile.verification_overflow;
    let mask = counted(view).fold(beyond, |mask, slot| mask | 1 << (slot.channel as u16));
    if mask == 0 { Value::NoData } else { Value::Known(i64::from(mask.count_ones())) }
}

fn verification_age(view: &View<'_>) -> Value {
    let (_, beyond) = view.profile.verification_overflow;
    let newest = counted(view).map(|slot| slot.verified).chain(beyond).max();
    known_or(newest.map(|month| age(view.month, month).max(0)), Value::NoData)
}

fn tenure(view: &View<'_>, kind: TenureKind) -> Value {
    let since = view.profile.tenure(kind).map(|slot| slot.since);
    known_or(since.map(|month| age(view.month, month).max(0)), Value::NoData)
}

fn address_tenure(view: &View<'_>) -> Value {
    tenure(view, TenureKind::Address)
}

fn phone_tenure(view: &View<'_>) -> Value {
    tenure(view, TenureKind::Phone)
}

fn employer_tenure(view: &View<'_>) -> Value {
    tenure(view, TenureKind::Employer)
}
