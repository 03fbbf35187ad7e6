//! The data dictionary: every field that can be sent, with its type, unit, values and an example.
//!
//! The examples of one type, put together, are a record that [`super::read_observation`] accepts;
//! a test holds the table to that, and to the fields that the reader asks for.

use serde::Serialize;
use serde_json::{Map, Value};

use super::observation::*;
use super::read::{TYPES, basis_names, operation_names};

/// One field of one type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DictionaryEntry {
    /// The observation type, or `*` for the fields that all types have.
    pub observation: &'static str,
    /// The field; nested fields have dotted names.
    pub field: &'static str,
    /// text, id, date, month, time, amount, currency, integer, boolean or enum.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The unit of a number; empty where there is none.
    pub unit: &'static str,
    /// Whether it must be there (a nested field: if its parent is).
    pub required: bool,
    /// The values of an enum.
    pub values: Vec<&'static str>,
    /// An example, as JSON.
    pub example: Value,
    /// The dimension that it feeds; none for the common fields.
    pub dimension: Option<Dimension>,
    /// The rule that asks for it or limits it, where there is one (domain register).
    pub law: &'static str,
    /// What it says.
    pub about: &'static str,
}

/// The whole dictionary: common fields, then each type in the order of [`TYPES`].
pub fn dictionary() -> Vec<DictionaryEntry> {
    let common = ("*", None, COMMON);
    let types = TYPES.into_iter().filter_map(|name| {
        let (dimension, rows) = rows_of(name)?;
        Some((name, Some(dimension), rows))
    });
    let entry = |observation, dimension, row: &Row| DictionaryEntry {
        observation,
        field: row.field,
        kind: row.kind,
        unit: row.unit,
        required: row.required,
        values: (row.values)(),
        example: serde_json::from_str(row.example).unwrap_or(Value::Null),
        dimension,
        law: row.law,
        about: row.about,
    };
    std::iter::once(common)
        .chain(types)
        .flat_map(|(name, dimension, rows)| rows.iter().map(move |row| entry(name, dimension, row)))
        .collect()
}

/// A whole record of `observation`, put together from the examples; `None` for an unknown type.
pub fn example(observation: &str) -> Option<Map<String, Value>> {
    let (_, rows) = rows_of(observation)?;
    let mut record = Map::new();
    record.insert("type".to_string(), Value::from(observation));
    for row in COMMON.iter().skip(1).chain(rows) {
        let value = serde_json::from_str(row.example).unwrap_or(Value::Null);
        match row.field.split_once('.') {
            None => drop(record.insert(row.field.to_string(), value)),
            Some((outer, inner)) => {
                let object = record.entry(outer).or_insert_with(|| Value::Object(Map::new()));
                if let Some(object) = object.as_object_mut() {
                    object.insert(inner.to_string(), value);
                }
            }
        }
    }
    Some(record)
}

/// One line of the table below.
struct Row {
    field: &'static str,
    kind: &'static str,
    unit: &'static str,
    required: bool,
    values: fn() -> Vec<&'static str>,
    example: &'static str,
    law: &'static str,
    about: &'static str,
}

impl Row {
    const fn optional(self) -> Row {
        Row { required: false, ..self }
    }

    const fn unit(self, unit: &'static str) -> Row {
        Row { unit, ..self }
    }

    const fn law(self, law: &'static str) -> Row {
        Row { law, ..self }
    }
}

const fn row(
    field: &'static str,
    kind: &'static str,
    example: &'static str,
    about: &'static str,
) -> Row {
    Row { field, kind, unit: "", required: true, values: Vec::new, example, law: "", about }
}

const fn one_of(
    field: &'static str,
    values: fn() -> Vec<&'static str>,
    example: &'static str,
    about: &'static str,
) -> Row {
    Row { values, ..row(field, "enum", example, about) }
}

macro_rules! names {
    ($kind:ident) => {
        || $kind::ALL.iter().map(|value| value.name()).collect()
    };
}

fn rows_of(observation: &str) -> Option<(Dimension, &'static [Row])> {
    Some(match observation {
        "account" => (Dimension::CreditHistory, ACCOUNT),
        "account_month" => (Dimension::CreditHistory, ACCOUNT_MONTH),
        "inquiry_history" => (Dimension::CreditHistory, INQUIRY_HISTORY),
        "public_record" => (Dimension::CreditHistory, PUBLIC_RECORD),
        "spending" => (Dimension::Behavior, SPENDING),
        "payment_activity" => (Dimension::Behavior, PAYMENT_ACTIVITY),
        "obligation" => (Dimension::Performance, OBLIGATION),
        "capacity" => (Dimension::Performance, CAPACITY),
        "verification" => (Dimension::Identity, VERIFICATION),
        "tenure" => (Dimension::Identity, TENURE),
        "ties" => (Dimension::Relationships, TIES),
        "status_event" => (Dimension::Identity, STATUS_EVENT),
        _ => return None,
    })
}

const COMMON: &[Row] = &[
    one_of("type", || TYPES.to_vec(), r#""account_month""#, "What is said."),
    row(
        "subject",
        "id",
        r#""sub_00000000000000000000000001""#,
        "The sender's own opaque id of the person.",
    ),
    one_of("basis.type", basis_names, r#""consent""#, "Why it may be sent.").law("CN-03"),
    row("basis.ref", "text", r#""con_00000000000000000000000001""#, "What shows the basis."),
    one_of("op", operation_names, r#""report""#, "Report, replace or take back.").optional(),
    row("synthetic", "boolean", "true", "Made up, for a demonstration or a test.").optional(),
];

const NOTICE_CHANNEL: Row =
    row("adverse_notice.channel", "text", r#""sms""#, "How the person was told before.")
        .law("CN-08");
const NOTICE_SENT: Row =
    row("adverse_notice.sent_at", "time", r#""2026-09-20T08:00:00Z""#, "When.").law("CN-08");
const NOTICE_TEMPLATE: Row =
    row("adverse_notice.template", "text", r#""late-v3""#, "Which text.").law("CN-08");

const ACCOUNT: &[Row] = &[
    row("account_key", "text", r#""a-1001""#, "The sender's key of the account, always the same."),
    one_of("portfolio", names!(Portfolio), r#""revolving""#, "How the debt is repaid."),
    row("opened", "date", r#""2021-04-01""#, "First opened; survives transfer and refinancing."),
    row("original_amount", "amount", r#"{"amount":"20000.00","currency":"CNY"}"#, "First lent.")
        .optional(),
    row("term_months", "integer", "24", "Agreed duration.").unit("months").optional(),
    row("limit", "amount", r#"{"amount":"30000.00","currency":"CNY"}"#, "Credit limit.").optional(),
    row("currency", "currency", r#""CNY""#, "The account's currency."),
    row("original_creditor", "text", r#""Example Bank""#, "Who lent first, if another.").optional(),
    one_of("role", names!(PartyRole), r#""sole""#, "The person's part in the account."),
    row("closed", "date", r#""2026-08-31""#, "When it was closed.").optional(),
    one_of("close_reason", names!(CloseReason), r#""paid""#, "Why; goes with closed.").optional(),
    row("metro2.segment", "text", r#""base""#, "Metro 2: base, J1 or J2."),
    row("metro2.identification_number", "text", r#""BRANCH01""#, "Metro 2 field 5."),
    row("metro2.portfolio_type", "text", r#""R""#, "Metro 2 field 8."),
    row("metro2.account_type", "text", r#""18""#, "Metro 2 field 9."),
    row("metro2.terms_duration", "text", r#""REV""#, "Metro 2 field 13."),
    row("metro2.terms_frequency", "text", r#""M""#, "Metro 2 field 14.").optional(),
    row("metro2.interest_type", "text", r#""F""#, "Metro 2 field 28.").optional(),
    row("metro2.ecoa_code", "text", r#""1""#, "Metro 2 field 37.").law("Reg B 1002.10"),
    row("metro2.date_closed", "date", r#""2026-08-31""#, "Metro 2 field 26.").optional(),
];

const ACCOUNT_MONTH: &[Row] = &[
    row("account_key", "text", r#""a-1001""#, "The account's key."),
    row("month", "month", r#""2026-09""#, "The month it is about."),
    row("date_of_information", "date", r#""2026-09-30""#, "All below is as of this date."),
    row(
        "balance",
        "amount",
        r#"{"amount":"5200.00","currency":"CNY"}"#,
        "Owed; negative for a credit balance.",
    ),
    row("due", "amount", r#"{"amount":"800.00","currency":"CNY"}"#, "To be paid this month.")
        .optional(),
    row("paid", "amount", r#"{"amount":"300.00","currency":"CNY"}"#, "Paid this month.").optional(),
    row("past_due", "amount", r#"{"amount":"500.00","currency":"CNY"}"#, "Overdue.").optional(),
    row("dpd", "integer", "35", "As-of date less the oldest unpaid due date.").unit("days"),
    one_of("status", names!(AccountStatus), r#""late""#, "State of the account.").law("CN-09"),
    row("special_comment", "text", r#""in forbearance""#, "A remark, while it holds.").optional(),
    row("written_consent", "text", r#""wc-77""#, "The person's written consent, for lenders.")
        .optional()
        .law("CN-10"),
    NOTICE_CHANNEL,
    NOTICE_SENT,
    NOTICE_TEMPLATE,
    row("metro2.account_status", "text", r#""71""#, "Metro 2 field 17A."),
    row("metro2.payment_rating", "text", r#""1""#, "Metro 2 field 17B.").optional(),
    row(
        "metro2.payment_history",
        "text",
        r#""000000000000BBBBBBBBBBBB""#,
        "Metro 2 field 18: 24 months, newest first; no score reads it.",
    ),
    row("metro2.compliance_condition", "text", r#""XB""#, "Metro 2 field 20.")
        .optional()
        .law("FCRA 623(a)(3)"),
    row("metro2.consumer_information", "text", r#""A""#, "Metro 2 field 38.").optional(),
    row(
        "metro2.highest_credit",
        "amount",
        r#"{"amount":"9000.00","currency":"CNY"}"#,
        "Metro 2 field 12 of revolving credit.",
    )
    .optional(),
    row(
        "metro2.charge_off_amount",
        "amount",
        r#"{"amount":"500.00","currency":"CNY"}"#,
        "Metro 2 field 23.",
    )
    .optional(),
    row("metro2.first_delinquency", "date", r#""2026-09-20""#, "Metro 2 field 25.")
        .optional()
        .law("FCRA 623(a)(5)"),
    row("metro2.last_payment", "date", r#""2026-09-05""#, "Metro 2 field 27.").optional(),
];

const INQUIRY_HISTORY: &[Row] = &[
    row("product", "text", r#""card""#, "What was applied for."),
    row("month", "month", r#""2026-09""#, "The month."),
    row("count", "integer", "2", "Hard inquiries.").unit("inquiries"),
];

const PUBLIC_RECORD: &[Row] = &[
    row("record_key", "text", r#""2025-civ-0042""#, "The court's or agency's number."),
    one_of("kind", names!(PublicRecordKind), r#""judgment""#, "Its kind.").law("CN-09"),
    row("filed", "date", r#""2025-02-10""#, "When it was filed."),
    row("ended", "date", r#""2026-01-15""#, "Paid, discharged or enforced.")
        .optional()
        .law("CN-11"),
    row("amount", "amount", r#"{"amount":"1500.00","currency":"CNY"}"#, "The sum in question.")
        .optional(),
];

const SPENDING: &[Row] = &[
    row("month", "month", r#""2026-09""#, "The month."),
    row("category", "text", r#""groceries""#, "A category of the rule pack's allow-list.")
        .law("CN-01"),
    row("amount", "amount", r#"{"amount":"1830.50","currency":"CNY"}"#, "Total spent."),
    row("count", "integer", "21", "How many purchases.").unit("purchases"),
];

const PAYMENT_ACTIVITY: &[Row] = &[
    row("month", "month", r#""2026-09""#, "The month."),
    one_of("kind", names!(PaymentKind), r#""bill""#, "The kind of payment."),
    row("amount", "amount", r#"{"amount":"640.00","currency":"CNY"}"#, "Total paid."),
    row("count", "integer", "4", "How many payments.").unit("payments"),
    row("returned", "integer", "1", "Of them, returned for want of funds.")
        .unit("payments")
        .optional(),
];

const OBLIGATION: &[Row] = &[
    row("obligation_key", "text", r#""rent-2026-09""#, "The sender's key of the promise."),
    one_of("kind", names!(ObligationKind), r#""rent""#, "Its kind."),
    row("due", "date", r#""2026-09-05""#, "When it was due."),
    row("fulfilled", "date", r#""2026-09-12""#, "When it was kept; only if kept or late.")
        .optional(),
    row("amount", "amount", r#"{"amount":"3500.00","currency":"CNY"}"#, "What it was about."),
    one_of("outcome", names!(Promise), r#""late""#, "What became of it.").law("CN-09"),
    NOTICE_CHANNEL,
    NOTICE_SENT,
    NOTICE_TEMPLATE,
];

const CAPACITY: &[Row] = &[
    one_of("category", names!(CapacityCategory), r#""income""#, "The restricted category.")
        .law("CN-02"),
    row("month", "month", r#""2026-09""#, "The month it is about."),
    row("amount", "amount", r#"{"amount":"12000.00","currency":"CNY"}"#, "The amount.")
        .law("CN-02"),
    row("verified", "boolean", "true", "Whether the sender saw proof of it."),
];

const VERIFICATION: &[Row] = &[
    one_of("channel", names!(Channel), r#""card""#, "How the identity was checked.")
        .law("PBC 2015 No. 43"),
    row("source", "text", r#""Example Bank""#, "By whom."),
    row("verified", "date", r#""2026-03-02""#, "When."),
];

const TENURE: &[Row] = &[
    one_of("kind", names!(TenureKind), r#""address""#, "What is the person's."),
    row("since", "date", r#""2019-06-01""#, "Since when."),
    row("confirmed", "date", r#""2026-09-01""#, "Last confirmed when."),
];

const TIES: &[Row] = &[
    row("month", "month", r#""2026-09""#, "The month they were counted in."),
    row("verified", "integer", "12", "Verified ties; never whose.").unit("persons"),
    row("reciprocal", "integer", "9", "Of them, reciprocal.").unit("persons"),
];

const STATUS_EVENT: &[Row] = &[
    one_of("event", names!(StatusKind), r#""identity_theft""#, "What happened."),
    row("since", "date", r#""2026-07-20""#, "Since when."),
    row("evidence", "text", r#""police report 881""#, "What shows it."),
    row(
        "second_source",
        "text",
        r#""card issuer's fraud desk""#,
        "The second, independent source.",
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use jiff::civil::date;

    use super::*;
    use crate::collect::read::fields_of;
    use crate::collect::{ReadContext, read_observation};

    #[test]
    fn every_example_is_accepted_and_says_its_dimension() {
        let allowed = BTreeSet::from(["groceries".to_string()]);
        let (today, oldest) = (date(2026, 10, 15), date(2021, 10, 15));
        let ctx = ReadContext { today, oldest, allowed_categories: &allowed };
        for name in TYPES {
            let record = example(name).expect("a known type");
            let read = read_observation(&record, &ctx);
            let observation = read.unwrap_or_else(|errors| panic!("{name}: {errors:?}"));
            assert_eq!(observation.fact.type_name(), name);
            assert_eq!(rows_of(name).map(|(d, _)| d), Some(observation.fact.dimension()));
        }
        assert!(example("batch").is_none());
    }

    #[test]
    fn the_dictionary_lists_exactly_the_fields_that_are_read() {
        for name in TYPES {
            let (_, rows) = rows_of(name).expect("a known type");
            let top = |row: &&Row| !row.field.contains('.');
            let listed: BTreeSet<&str> =
                rows.iter().map(|row| row.field.split('.').next().unwrap_or("")).collect();
            let required: BTreeSet<String> = rows
                .iter()
                .filter(top)
                .filter(|row| row.required)
                .map(|row| row.field.to_string())
                .collect();
            assert_eq!((listed, required), fields_of(name), "{name}");
        }
    }

    #[test]
    fn enums_list_their_values_and_the_example_is_one_of_them() {
        for entry in dictionary() {
            assert!(!entry.about.is_empty() && !entry.example.is_null(), "{}", entry.field);
            assert_eq!(entry.kind == "enum", !entry.values.is_empty(), "{}", entry.field);
            if entry.kind == "enum" && entry.field != "type" {
                let example = entry.example.as_str().expect("a text");
                assert!(entry.values.contains(&example), "{}", entry.field);
            }
        }
    }
}
