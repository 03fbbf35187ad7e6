//! What the standard says more finely than this bureau's own terms, kept as it was sent.
//!
//! No score reads it. It is shown with the record, goes into the furnisher's own file
//! (`fivefold report metro2`), and may be sent in NDJSON as well.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::collect::fields::{Fields, Place, past_date, positive_amount, text};
use crate::collect::read::ReadContext;
use crate::kernel::Amount;

/// The fixed part of an account in the standard's codes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metro2Account {
    /// In which segment the person stood: `base`, `J1` or `J2`.
    pub segment: String,
    /// Field 5.
    pub identification_number: String,
    /// Field 8.
    pub portfolio_type: String,
    /// Field 9.
    pub account_type: String,
    /// Field 13.
    pub terms_duration: String,
    /// Field 14.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms_frequency: Option<String>,
    /// Field 28.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interest_type: Option<String>,
    /// Field 37, or 10 of a J1 or J2 segment.
    pub ecoa_code: String,
    /// Field 26, also where no reason of closing can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date_closed: Option<Date>,
}

/// One month of an account in the standard's codes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metro2Month {
    /// Field 17A.
    pub account_status: String,
    /// Field 17B.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_rating: Option<String>,
    /// Field 18: 24 months before the date of information, newest first.
    pub payment_history: String,
    /// Field 20: `XB` and the like. It stands until another or `XR` is reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compliance_condition: Option<String>,
    /// Field 38, or 11 of a J1 or J2 segment: bankruptcy and the like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consumer_information: Option<String>,
    /// Field 12 of what is used and repaid at will.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub highest_credit: Option<Amount>,
    /// Field 23.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charge_off_amount: Option<Amount>,
    /// Field 25: from it the time counts after which a delinquency must go (FCRA 605(c)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_delinquency: Option<Date>,
    /// Field 27.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_payment: Option<Date>,
}

/// One of the standard's codes: up to `chars_max` capitals and digits.
fn code(chars_max: usize) -> impl Fn(&Value, &mut Place<'_>) -> Option<String> {
    move |value, at| {
        let code = text(chars_max)(value, at)?;
        match code.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()) {
            true => Some(code),
            false => at.fault("unknown_value", "must be a code of capitals and digits"),
        }
    }
}

const SEGMENTS: [&str; 3] = ["base", "J1", "J2"];

/// Reads the object `metro2` of an `account`.
pub fn account(f: &mut Fields<'_>, ctx: &ReadContext<'_>) -> Option<Metro2Account> {
    let segment = f.required("segment", |value, at| {
        match value.as_str().filter(|name| SEGMENTS.contains(name)) {
            Some(name) => Some(name.to_string()),
            None => at.fault("unknown_value", format!("must be one of {}", SEGMENTS.join(", "))),
        }
    });
    let identification_number = f.required("identification_number", text(20));
    let portfolio_type = f.required("portfolio_type", code(1));
    let account_type = f.required("account_type", code(2));
    let terms_duration = f.required("terms_duration", code(3));
    let terms_frequency = f.optional("terms_frequency", code(1));
    let interest_type = f.optional("interest_type", code(1));
    let ecoa_code = f.required("ecoa_code", code(1));
    let date_closed = f.optional("date_closed", past_date(ctx.today));
    Some(Metro2Account {
        segment: segment?,
        identification_number: identification_number?,
        portfolio_type: portfolio_type?,
        account_type: account_type?,
        terms_duration: terms_duration?,
        terms_frequency,
        interest_type,
        ecoa_code: ecoa_code?,
        date_closed,
    })
}

/// Reads the object `metro2` of an `account_month`.
pub fn month(f: &mut Fields<'_>, ctx: &ReadContext<'_>) -> Option<Metro2Month> {
    let account_status = f.required("account_status", code(2));
    let payment_rating = f.optional("payment_rating", code(1));
    let payment_history = f.required("payment_history", code(24));
    let compliance_condition = f.optional("compliance_condition", code(2));
    let consumer_information = f.optional("consumer_information", code(2));
    let highest_credit = f.optional("highest_credit", positive_amount);
    let charge_off_amount = f.optional("charge_off_amount", positive_amount);
    let first_delinquency = f.optional("first_delinquency", past_date(ctx.today));
    let last_payment = f.optional("last_payment", past_date(ctx.today));
    Some(Metro2Month {
        account_status: account_status?,
        payment_rating,
        payment_history: payment_history?,
        compliance_condition,
        consumer_information,
        highest_credit,
        charge_off_amount,
        first_delinquency,
        last_payment,
    })
}
