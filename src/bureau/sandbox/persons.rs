//! The published test persons. All of them are made up.

use serde_json::{Value, json};

/// What the records of a test person say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Story {
    /// Two accounts, rent, bills and shopping, all paid, every month up to last month.
    Steady,
    /// The same accounts, 95 days past due in every month.
    Late,
    /// No records at all.
    Thin,
    /// Paid in full, and then nothing for years.
    Stale,
    /// As steady, and the file is frozen.
    Frozen,
    /// As steady, and this event is on file.
    Event(&'static str),
    /// Not of age, so that nothing is collected.
    Minor,
}

/// A test person.
pub struct TestPerson {
    /// The name by which the cases call them.
    pub key: &'static str,
    /// The name on the passport.
    pub name: &'static str,
    /// The passport's number.
    pub passport: &'static str,
    /// The date of birth.
    pub birth_date: &'static str,
    /// What is on file.
    pub story: Story,
    /// The same in words.
    pub about: &'static str,
}

const fn adult(
    key: &'static str,
    name: &'static str,
    passport: &'static str,
    story: Story,
    about: &'static str,
) -> TestPerson {
    TestPerson { key, name, passport, birth_date: "1988-04-12", story, about }
}

/// Everybody.
pub const PERSONS: [TestPerson; 11] = [
    adult(
        "steady",
        "Test Steady",
        "E90000001",
        Story::Steady,
        "two accounts, rent and bills, every month paid in full",
    ),
    adult(
        "late",
        "Test Late",
        "E90000002",
        Story::Late,
        "the same accounts, 95 days past due in every month",
    ),
    adult("thin", "Test Thin", "E90000003", Story::Thin, "well identified, and no records"),
    adult(
        "stale",
        "Test Stale",
        "E90000004",
        Story::Stale,
        "paid in full until March 2025, and nothing since",
    ),
    adult("frozen", "Test Frozen", "E90000005", Story::Frozen, "as steady, and the file is frozen"),
    adult(
        "deceased",
        "Test Deceased",
        "E90000006",
        Story::Event("death"),
        "as steady, and a death is on file",
    ),
    adult(
        "incapable",
        "Test Incapable",
        "E90000007",
        Story::Event("incapacity"),
        "as steady, and an incapacity is on file",
    ),
    adult(
        "stolen",
        "Test Stolen",
        "E90000008",
        Story::Event("identity_theft"),
        "as steady, and an identity theft is on file",
    ),
    TestPerson {
        key: "minor",
        name: "Test Minor",
        passport: "E90000009",
        birth_date: "2020-01-15",
        story: Story::Minor,
        about: "not of age before 2038",
    },
    adult(
        "trader",
        "Test Trader",
        "E90000010",
        Story::Steady,
        "as steady: the other one, where two learn of each other",
    ),
    adult(
        "owner",
        "Test Owner",
        "E90000011",
        Story::Steady,
        "as steady, and its own key is published: act as the person",
    ),
];

impl TestPerson {
    /// The person of this key.
    pub fn find(key: &str) -> Option<&'static TestPerson> {
        PERSONS.iter().find(|person| person.key == key)
    }

    /// What any partner sends to enrol them.
    pub fn enrolment(&self) -> Value {
        json!({
            "name": self.name, "residence": "CN", "birth_date": self.birth_date,
            "documents": [{ "type": "passport", "number": self.passport, "country": "CN" }],
            "verifications": [], "synthetic": true,
        })
    }
}
