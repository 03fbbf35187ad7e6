//! The rules in the binary: every file of `policies/` that [`super::Rules`] reads, and nothing
//! else. A test compares this list with the folder.

macro_rules! files {
    ($($path:literal),+ $(,)?) => {
        &[$(($path, include_str!(concat!("../../policies/", $path)))),+]
    };
}

/// Path relative to `policies/`, and text.
pub(super) const FILES: &[(&str, &str)] = files![
    "categories.toml",
    "cn/collect.cedar",
    "cn/consent.cedar",
    "cn/inquire.cedar",
    "cn/pack.toml",
    "cn/staff.cedar",
    "common/actor.cedar",
    "common/basis.cedar",
    "common/consent.cedar",
    "common/item.cedar",
    "common/permits.cedar",
    "common/person.cedar",
    "common/record.cedar",
    "common/scenario.cedar",
    "eu/collect.cedar",
    "eu/inquire.cedar",
    "eu/pack.toml",
    "refusals.toml",
    "scenarios.toml",
    "schema.cedarschema",
    "uk/collect.cedar",
    "uk/inquire.cedar",
    "uk/pack.toml",
    "us/collect.cedar",
    "us/inquire.cedar",
    "us/pack.toml",
];
