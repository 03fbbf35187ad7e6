//! The rules in the binary: every file of `policies/` that [`super::Rules`] reads, and nothing
//! else. A test compares this list with the folder.

macro_rules! files {
    ($($path:literal),+ $(,)?) => {
        &[$(($path, include_str!(concat!("../../policies/", $path)))),+]
    };
}

/// Path relative to `policies/`, and text.
pub(super) const FILES: &[(&str, &str)] = files![
    "bands.toml",
    "categories.toml",
    "cn/collect.cedar",
    "cn/consent.cedar",
    "cn/export.cedar",
    "cn/inquire.cedar",
    "cn/pack.toml",
    "cn/remedies.toml",
    "cn/retention.toml",
    "cn/staff.cedar",
    "common/actor.cedar",
    "common/basis.cedar",
    "common/consent.cedar",
    "common/item.cedar",
    "common/merchant.cedar",
    "common/permits.cedar",
    "common/person.cedar",
    "common/record.cedar",
    "common/scenario.cedar",
    "common/staff.cedar",
    "eu/collect.cedar",
    "eu/inquire.cedar",
    "eu/pack.toml",
    "eu/remedies.toml",
    "eu/retention.toml",
    "reasons.toml",
    "refusals.toml",
    "scenarios.toml",
    "schema.cedarschema",
    "uk/collect.cedar",
    "uk/inquire.cedar",
    "uk/pack.toml",
    "uk/remedies.toml",
    "uk/retention.toml",
    "us/collect.cedar",
    "us/inquire.cedar",
    "us/pack.toml",
    "us/remedies.toml",
    "us/retention.toml",
];

/// What the law asks, obligation by obligation. It is about the rules, and none of them.
pub(super) const OBLIGATIONS: &str = include_str!("../../policies/obligations.toml");

/// The case files, by path relative to `policies/`.
pub(super) const CASES: &[(&str, &str)] = files![
    "cases/actors.toml",
    "cases/bases.toml",
    "cases/china.toml",
    "cases/collection.toml",
    "cases/consents.toml",
    "cases/deadlines.toml",
    "cases/europe.toml",
    "cases/everyday.toml",
    "cases/items.toml",
    "cases/kingdom.toml",
    "cases/merchants.toml",
    "cases/persons.toml",
    "cases/refused.toml",
    "cases/retention.toml",
    "cases/staff.toml",
    "cases/states.toml",
];
