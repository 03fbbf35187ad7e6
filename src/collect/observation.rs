//! What a furnisher can say about a person: the observation types of the five dimensions.
//!
//! An observation that exists as a value of these types has been read and checked
//! ([`super::read`]). It is serialised once, as the personal part of a ledger entry, and every
//! later score is folded from that text: a field may be added here, never renamed.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

pub use super::metro2::{Metro2Account, Metro2Month};
pub use super::terms::{
    AccountStatus, CapacityCategory, Channel, CloseReason, ObligationKind, PartyRole, PaymentKind,
    Portfolio, Promise, PublicRecordKind, StatusKind, TenureKind,
};
use crate::kernel::{Amount, Currency, Month, Time};

/// One accepted observation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// What this does to the record that (furnisher, type, reference, period) names.
    pub op: Operation,
    /// The furnisher's own opaque id of the person (`sub_…`).
    pub subject: String,
    /// Why the furnisher may send it.
    pub basis: Basis,
    /// Made up for a demonstration or a test; said wherever the record appears.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub synthetic: bool,
    /// What is said.
    #[serde(flatten)]
    pub fact: Fact,
}

/// What an observation does to the record it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// A first report. Different bytes under a known identity are a conflict.
    Report,
    /// Replaces the record of the same identity; never edits it.
    Correct,
    /// Takes the record back.
    Delete,
}

/// The legal basis of a collection or an inquiry, and the record that shows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Basis {
    /// Which kind of basis.
    #[serde(rename = "type")]
    pub kind: BasisKind,
    /// The consent's id, the contract's number, the provision: what shows the basis.
    #[serde(rename = "ref")]
    pub reference: String,
}

/// Kinds of legal basis (data-model.md; rule packs say which are allowed).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BasisKind {
    /// The person's consent; `ref` is a consent id of this bureau.
    Consent,
    /// FCRA section 604.
    PermissiblePurpose,
    /// A contract with the person.
    Contract,
    /// A duty by law.
    LegalObligation,
    /// GDPR article 6(1)(f).
    LegitimateInterest,
    /// Lawfully public (CN-03).
    PublicByLaw,
}

/// The five dimensions of a score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dimension {
    /// Were debts repaid?
    CreditHistory,
    /// How is money used, steadily or not?
    Behavior,
    /// Are promises kept, and can they be?
    Performance,
    /// Is this a real, stable person?
    Identity,
    /// Verified, reciprocal ties, as counts about the subject only.
    Relationships,
}

impl Dimension {
    /// All five, in the order they are shown.
    pub const ALL: [Dimension; 5] = [
        Dimension::CreditHistory,
        Dimension::Behavior,
        Dimension::Performance,
        Dimension::Identity,
        Dimension::Relationships,
    ];

    /// The name used in JSON, TOML and Parquet.
    pub fn name(self) -> &'static str {
        match self {
            Dimension::CreditHistory => "credit_history",
            Dimension::Behavior => "behavior",
            Dimension::Performance => "performance",
            Dimension::Identity => "identity",
            Dimension::Relationships => "relationships",
        }
    }
}

/// What an observation says, by type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Fact {
    /// An account as opened, changed or closed.
    Account(Account),
    /// One account in one month.
    AccountMonth(AccountMonth),
    /// Hard inquiries made elsewhere, as a count (a bureau's or lender's transfer).
    InquiryHistory(InquiryHistory),
    /// A judgment, an enforcement, a bankruptcy, a penalty.
    PublicRecord(PublicRecord),
    /// Spending of a month in one allowed category.
    Spending(Spending),
    /// Payments of a month by kind.
    PaymentActivity(PaymentActivity),
    /// A promise with a due date: a bill, rent, a deposit, a booking, a return.
    Obligation(Obligation),
    /// A restricted amount (CN-02): income, deposits and the like.
    Capacity(Capacity),
    /// A check that the person is who they say.
    Verification(Verification),
    /// Since when an address, phone or employer is the person's.
    Tenure(Tenure),
    /// Verified ties, counted.
    Ties(Ties),
    /// Death, incapacity, insolvency, identity theft.
    StatusEvent(StatusEvent),
}

impl Fact {
    /// The type's name on the wire.
    pub fn type_name(&self) -> &'static str {
        match self {
            Fact::Account(_) => "account",
            Fact::AccountMonth(_) => "account_month",
            Fact::InquiryHistory(_) => "inquiry_history",
            Fact::PublicRecord(_) => "public_record",
            Fact::Spending(_) => "spending",
            Fact::PaymentActivity(_) => "payment_activity",
            Fact::Obligation(_) => "obligation",
            Fact::Capacity(_) => "capacity",
            Fact::Verification(_) => "verification",
            Fact::Tenure(_) => "tenure",
            Fact::Ties(_) => "ties",
            Fact::StatusEvent(_) => "status_event",
        }
    }

    /// The dimension it feeds. A status event feeds none and reads as identity.
    pub fn dimension(&self) -> Dimension {
        match self {
            Fact::Account(_)
            | Fact::AccountMonth(_)
            | Fact::InquiryHistory(_)
            | Fact::PublicRecord(_) => Dimension::CreditHistory,
            Fact::Spending(_) | Fact::PaymentActivity(_) => Dimension::Behavior,
            Fact::Obligation(_) | Fact::Capacity(_) => Dimension::Performance,
            Fact::Verification(_) | Fact::Tenure(_) | Fact::StatusEvent(_) => Dimension::Identity,
            Fact::Ties(_) => Dimension::Relationships,
        }
    }

    /// What, beside furnisher and type, names the record: (reference, period) of decisions.md 14.
    pub fn identity(&self) -> (String, String) {
        match self {
            Fact::Account(f) => (f.account_key.clone(), String::new()),
            Fact::AccountMonth(f) => (f.account_key.clone(), f.month.to_string()),
            Fact::InquiryHistory(f) => (f.product.clone(), f.month.to_string()),
            Fact::PublicRecord(f) => (f.record_key.clone(), String::new()),
            Fact::Spending(f) => (f.category.clone(), f.month.to_string()),
            Fact::PaymentActivity(f) => (f.kind.name().to_string(), f.month.to_string()),
            Fact::Obligation(f) => (f.obligation_key.clone(), f.due.to_string()),
            Fact::Capacity(f) => (f.category.name().to_string(), f.month.to_string()),
            Fact::Verification(f) => (f.channel.name().to_string(), f.source.clone()),
            Fact::Tenure(f) => (f.kind.name().to_string(), f.since.to_string()),
            Fact::Ties(f) => (String::new(), f.month.to_string()),
            Fact::StatusEvent(f) => (f.event.name().to_string(), f.since.to_string()),
        }
    }

    /// The key of the account that it is about.
    pub fn account_key(&self) -> Option<&str> {
        match self {
            Fact::Account(f) => Some(&f.account_key),
            Fact::AccountMonth(f) => Some(&f.account_key),
            _ => None,
        }
    }

    /// The first and the last day of which it speaks; `None` for what has no day but a beginning.
    pub fn days(&self) -> Option<(Date, Date)> {
        let month = |m: Month| Some((m.first_day(), m.plus(1).first_day().yesterday().ok()?));
        match self {
            Fact::AccountMonth(f) => month(f.month),
            Fact::InquiryHistory(f) => month(f.month),
            Fact::Spending(f) => month(f.month),
            Fact::PaymentActivity(f) => month(f.month),
            Fact::Capacity(f) => month(f.month),
            Fact::Ties(f) => month(f.month),
            Fact::Obligation(f) => Some((f.due, f.fulfilled.unwrap_or(f.due).max(f.due))),
            Fact::PublicRecord(f) => Some((f.filed, f.ended.unwrap_or(f.filed).max(f.filed))),
            Fact::StatusEvent(f) => Some((f.since, f.since)),
            Fact::Verification(f) => Some((f.verified, f.verified)),
            Fact::Account(_) | Fact::Tenure(_) => None,
        }
    }

    /// The month that it is about, where it is about one.
    pub fn month(&self) -> Option<Month> {
        match self {
            Fact::AccountMonth(f) => Some(f.month),
            Fact::InquiryHistory(f) => Some(f.month),
            Fact::Spending(f) => Some(f.month),
            Fact::PaymentActivity(f) => Some(f.month),
            Fact::Capacity(f) => Some(f.month),
            Fact::Ties(f) => Some(f.month),
            _ => None,
        }
    }

    /// The day up to which it speaks, from which the furnisher's delay is counted; `None` where no
    /// day of sending is expected.
    pub fn speaks_until(&self) -> Option<Date> {
        let end = |month: Month| month.plus(1).first_day().yesterday().ok();
        match self {
            Fact::AccountMonth(f) => Some(f.date_of_information),
            Fact::Obligation(f) => Some(f.fulfilled.unwrap_or(f.due)),
            Fact::InquiryHistory(f) => end(f.month),
            Fact::Spending(f) => end(f.month),
            Fact::PaymentActivity(f) => end(f.month),
            Fact::Capacity(f) => end(f.month),
            Fact::Ties(f) => end(f.month),
            _ => None,
        }
    }

    /// Whether it is adverse information in the sense of Reg 44(3): a person must have been told
    /// before it was sent (CN-08).
    pub fn is_adverse(&self) -> bool {
        match self {
            Fact::AccountMonth(f) => f.dpd > 0 || f.status.is_adverse(),
            Fact::PublicRecord(_) => true,
            Fact::Obligation(f) => matches!(f.outcome, Promise::Late | Promise::Broken),
            _ => false,
        }
    }

    /// The notice given before an adverse record was sent, where the type carries one.
    pub fn adverse_notice(&self) -> Option<&AdverseNotice> {
        match self {
            Fact::AccountMonth(f) => f.adverse_notice.as_ref(),
            Fact::Obligation(f) => f.adverse_notice.as_ref(),
            _ => None,
        }
    }
}

/// An account: the fixed part of a tradeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The furnisher's key of the account, stable month to month.
    pub account_key: String,
    /// How it is repaid.
    pub portfolio: Portfolio,
    /// The date it was first opened; survives transfer and refinancing.
    pub opened: Date,
    /// Amount originally lent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original_amount: Option<Amount>,
    /// Agreed duration in months.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub term_months: Option<u32>,
    /// Credit limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Amount>,
    /// The account's currency.
    pub currency: Currency,
    /// Who lent first, where that was another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original_creditor: Option<String>,
    /// The person's part in it.
    pub role: PartyRole,
    /// When it was closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<Date>,
    /// Why it was closed; present with `closed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub close_reason: Option<CloseReason>,
    /// The codes of Metro 2, where it came in them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metro2: Option<Metro2Account>,
}

/// One account in one month: the moving part of a tradeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountMonth {
    /// The account's key.
    pub account_key: String,
    /// The month it is about.
    pub month: Month,
    /// Everything below is as of this date; never in the future (Metro 2 field 24).
    pub date_of_information: Date,
    /// What is owed; negative for a credit balance.
    pub balance: Amount,
    /// What was to be paid this month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Amount>,
    /// What was paid this month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid: Option<Amount>,
    /// What is overdue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub past_due: Option<Amount>,
    /// Days past due: as-of date less the oldest unpaid due date.
    pub dpd: u16,
    /// The state of the account.
    pub status: AccountStatus,
    /// A remark, repeated monthly while it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub special_comment: Option<String>,
    /// The person's prior written consent, for lenders (CN-10).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written_consent: Option<String>,
    /// The notice given before an adverse month was sent (CN-08).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adverse_notice: Option<AdverseNotice>,
    /// The codes of Metro 2, where it came in them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metro2: Option<Metro2Month>,
}

/// Evidence that the person was told before adverse information was sent (Reg 15).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdverseNotice {
    /// How: sms, email, letter, app.
    pub channel: String,
    /// When.
    pub sent_at: Time,
    /// Which text.
    pub template: String,
}

/// Hard inquiries made elsewhere in one month, counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InquiryHistory {
    /// What was applied for.
    pub product: String,
    /// The month.
    pub month: Month,
    /// How many.
    pub count: u32,
}

/// A public record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicRecord {
    /// The court's or agency's number.
    pub record_key: String,
    /// Its kind.
    pub kind: PublicRecordKind,
    /// When it was filed.
    pub filed: Date,
    /// When it ended: paid, discharged, enforced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Date>,
    /// The sum in question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Amount>,
}

/// Spending of a month in one allowed category.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spending {
    /// The month.
    pub month: Month,
    /// A category of the pack's allow-list.
    pub category: String,
    /// Total spent.
    pub amount: Amount,
    /// How many purchases.
    pub count: u32,
}

/// Payments of a month by kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentActivity {
    /// The month.
    pub month: Month,
    /// The kind.
    pub kind: PaymentKind,
    /// Total paid.
    pub amount: Amount,
    /// How many payments.
    pub count: u32,
    /// How many were returned for want of funds.
    #[serde(default)]
    pub returned: u32,
}

/// A promise and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Obligation {
    /// The furnisher's key of the promise.
    pub obligation_key: String,
    /// Its kind.
    pub kind: ObligationKind,
    /// When it was due.
    pub due: Date,
    /// When it was fulfilled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fulfilled: Option<Date>,
    /// What it was about, in money.
    pub amount: Amount,
    /// What became of it.
    pub outcome: Promise,
    /// The notice given before a broken promise was sent (CN-08).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adverse_notice: Option<AdverseNotice>,
}

/// A restricted amount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capacity {
    /// Which restricted category.
    pub category: CapacityCategory,
    /// The month it is about.
    pub month: Month,
    /// The amount: monthly income, balance at month end and so on.
    pub amount: Amount,
    /// Whether the furnisher saw proof of it.
    pub verified: bool,
}

/// A check of the person's identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// How.
    pub channel: Channel,
    /// By whom: the checking source's name.
    pub source: String,
    /// When.
    pub verified: Date,
}

/// Since when something is the person's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenure {
    /// What.
    pub kind: TenureKind,
    /// Since when.
    pub since: Date,
    /// Last confirmed when.
    pub confirmed: Date,
}

/// Verified ties of the subject, as counts; never a contact's identity, score or message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ties {
    /// The month they were counted in.
    pub month: Month,
    /// Verified ties.
    pub verified: u32,
    /// Of them, reciprocal.
    pub reciprocal: u32,
}

/// An event that changes how the person may be scored at all; reversible by `delete`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusEvent {
    /// Which.
    pub event: StatusKind,
    /// Since when.
    pub since: Date,
    /// What shows it.
    pub evidence: String,
    /// The second, independent source.
    pub second_source: String,
}
