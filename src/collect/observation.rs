//! What a furnisher can say about a person: the observation types of the five dimensions.
//!
//! An observation that exists as a value of these types has been read and checked
//! ([`super::read`]). It is serialised once, as the personal part of a ledger entry, and every
//! later score is folded from that text: a field may be added here, never renamed.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

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

macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $text)] $variant),+ }

        impl $name {
            /// Every value, in the order of the dictionary.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The name on the wire.
            pub fn name(self) -> &'static str {
                match self { $($name::$variant => $text),+ }
            }

            /// The value with this name.
            pub fn from_name(text: &str) -> Option<$name> {
                match text { $($text => Some($name::$variant),)+ _ => None }
            }
        }
    };
}

named! {
    /// How a debt is repaid (Metro 2 field 8).
    Portfolio {
        /// A fixed schedule of payments.
        Instalment = "instalment",
        /// A limit used and repaid at will.
        Revolving = "revolving",
        /// Secured on a home.
        Mortgage = "mortgage",
        /// Due in full each period.
        Open = "open",
        /// A lease.
        Lease = "lease",
        /// Pay later, a few small instalments.
        PayLater = "pay_later",
    }
}

named! {
    /// The person's part in an account.
    PartyRole {
        /// Alone.
        Sole = "sole",
        /// With others.
        Joint = "joint",
        /// Stands in for another's debt.
        Guarantor = "guarantor",
        /// May use it, does not owe.
        AuthorisedUser = "authorised_user",
    }
}

named! {
    /// Why an account was closed.
    CloseReason {
        /// Paid to the end.
        Paid = "paid",
        /// At the person's wish.
        ByConsumer = "by_consumer",
        /// By the lender.
        ByLender = "by_lender",
        /// Settled for less than owed.
        SettledLess = "settled_less",
        /// Written off.
        ChargedOff = "charged_off",
        /// Sold or transferred to another creditor.
        Transferred = "transferred",
    }
}

named! {
    /// The account's state at the date of information (Metro 2 field 17A, coarsened).
    AccountStatus {
        /// As agreed.
        Current = "current",
        /// Past due; `dpd` says by how much.
        Late = "late",
        /// With a collector.
        Collection = "collection",
        /// Written off.
        ChargedOff = "charged_off",
        /// Settled for less than owed.
        SettledLess = "settled_less",
        /// Closed, nothing owed.
        Closed = "closed",
        /// Passed to another creditor.
        Transferred = "transferred",
    }
}

impl AccountStatus {
    /// Whether the status itself says that the debt was not repaid as agreed.
    pub fn is_adverse(self) -> bool {
        matches!(
            self,
            AccountStatus::Late
                | AccountStatus::Collection
                | AccountStatus::ChargedOff
                | AccountStatus::SettledLess
        )
    }
}

named! {
    /// Kinds of public record.
    PublicRecordKind {
        /// A civil judgment for a sum.
        Judgment = "judgment",
        /// Enforcement of a judgment.
        Enforcement = "enforcement",
        /// Bankruptcy or insolvency.
        Bankruptcy = "bankruptcy",
        /// An administrative penalty.
        AdministrativePenalty = "administrative_penalty",
        /// A tax lien.
        TaxLien = "tax_lien",
    }
}

named! {
    /// Kinds of payment.
    PaymentKind {
        /// Household and other bills.
        Bill = "bill",
        /// Purchases.
        Purchase = "purchase",
        /// Transfers out.
        Transfer = "transfer",
        /// Money put in.
        TopUp = "top_up",
    }
}

named! {
    /// Kinds of promise.
    ObligationKind {
        /// A bill.
        Bill = "bill",
        /// Rent.
        Rent = "rent",
        /// Gas, water, electricity.
        Utility = "utility",
        /// Phone or data, paid afterwards.
        Telecom = "telecom",
        /// A deposit to be made good.
        Deposit = "deposit",
        /// A booking to be honoured.
        Booking = "booking",
        /// A thing to be brought back.
        Return = "return",
    }
}

named! {
    /// What became of a promise.
    Promise {
        /// Not due yet.
        Open = "open",
        /// Kept in time.
        Kept = "kept",
        /// Kept, but late.
        Late = "late",
        /// Not kept.
        Broken = "broken",
    }
}

named! {
    /// The restricted categories of Reg 14 paragraph 2 (CN-02).
    CapacityCategory {
        /// Income.
        Income = "income",
        /// Deposits.
        Deposits = "deposits",
        /// Securities.
        Securities = "securities",
        /// Commercial insurance.
        Insurance = "insurance",
        /// Real estate.
        RealEstate = "real_estate",
        /// Tax paid.
        Tax = "tax",
    }
}

named! {
    /// How an identity was checked (PBC 2015 No. 43 speaks of external channels).
    Channel {
        /// A bank card of the person.
        Card = "card",
        /// A photo of the document.
        DocumentPhoto = "document_photo",
        /// A face compared with the document.
        Face = "face",
        /// The issuing authority's record.
        Authority = "authority",
        /// A utility bill.
        UtilityBill = "utility_bill",
        /// A travel ticket in the real name.
        Ticket = "ticket",
        /// The phone operator's real-name record.
        Telecom = "telecom",
        /// The employer's or school's confirmation.
        Employer = "employer",
        /// In person, face to face.
        InPerson = "in_person",
        /// Questions answered: recorded, and counts for nothing.
        Questionnaire = "questionnaire",
    }
}

named! {
    /// What a tenure is about.
    TenureKind {
        /// Home address.
        Address = "address",
        /// Phone number.
        Phone = "phone",
        /// Employer.
        Employer = "employer",
    }
}

named! {
    /// Events that change how a person may be scored at all.
    StatusKind {
        /// The person died.
        Death = "death",
        /// The person cannot act for themself.
        Incapacity = "incapacity",
        /// Insolvency proceedings.
        Insolvency = "insolvency",
        /// The identity was stolen.
        IdentityTheft = "identity_theft",
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
