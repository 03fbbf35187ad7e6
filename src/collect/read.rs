//! From one JSON object to one [`Observation`], or every reason why not.
//!
//! Each type has one function that takes its fields, and beside it the rules between them. What
//! depends on the jurisdiction (is this basis allowed, was the notice of an adverse record early
//! enough, is written consent needed) is not decided here: rule packs do that (`policy/`).

use std::collections::BTreeSet;

use jiff::ToSpan;
use jiff::civil::Date;
use serde_json::{Map, Value};

use super::fields::{
    FieldError, Fields, amount, boolean, choice, currency, date, integer, month, object, past_date,
    positive_amount, text, time,
};
use super::metro2::kept;
use super::observation::*;
use crate::kernel::id::is_id;
use crate::kernel::{Amount, Month};

/// Longest key, reference and name, in characters.
pub const KEY_CHARS_MAX: usize = 64;
/// Longest reference to a consent, contract or piece of evidence, in characters.
pub const REFERENCE_CHARS_MAX: usize = 128;
/// Longest remark, in characters.
pub const COMMENT_CHARS_MAX: usize = 200;
/// The largest count of anything in a month that is believed.
pub const COUNT_MAX: u32 = 10_000;
/// The longest agreed duration that is believed, in months.
pub const TERM_MONTHS_MAX: u32 = 1_200;
/// The most days past due that are believed (27 years).
pub const DPD_MAX: u32 = 10_000;
/// How far ahead a promise may be due, in years.
pub const DUE_AHEAD_YEARS_MAX: i32 = 10;

/// What reading depends on beside the bytes.
#[derive(Clone, Copy, Debug)]
pub struct ReadContext<'a> {
    /// Today, at the rule pack's offset from UTC.
    pub today: Date,
    /// Nothing that ended before this date is taken: it would have to be deleted at once.
    pub oldest: Date,
    /// The rule pack's allow-list of spending categories.
    pub allowed_categories: &'a BTreeSet<String>,
}

/// Reads one observation.
///
/// # Errors
/// Everything that is wrong with `map`, never empty. Fields in the order in which they are read,
/// then rules between fields, then fields that do not exist.
pub fn read_observation(
    map: &Map<String, Value>,
    ctx: &ReadContext<'_>,
) -> Result<Observation, Vec<FieldError>> {
    let mut f = Fields::new(map, "");
    let kind = f.required("type", choice(&TYPES, |name| name));
    let subject = subject(&mut f);
    let basis = f.required("basis", object(basis));
    let op = f.or_default("op", Operation::Report, choice(&OPERATIONS, operation_name));
    let synthetic = f.or_default("synthetic", false, boolean);
    let Some(kind) = kind else {
        // Without a type nobody can say which fields are unknown.
        return Err(f.abandon());
    };
    let fact = read_fact(kind, &mut f, ctx);
    let errors = f.finish();
    match (op, subject, basis, synthetic, fact) {
        (Some(op), Some(subject), Some(basis), Some(synthetic), Some(fact))
            if errors.is_empty() =>
        {
            Ok(Observation { op, subject, basis, synthetic, fact })
        }
        _ if errors.is_empty() => {
            Err(vec![FieldError::whole("unreadable_record", "the record cannot be read")])
        }
        _ => Err(errors),
    }
}

/// The names of all types, in the order of the dictionary.
pub const TYPES: [&str; 12] = [
    "account",
    "account_month",
    "inquiry_history",
    "public_record",
    "spending",
    "payment_activity",
    "obligation",
    "capacity",
    "verification",
    "tenure",
    "ties",
    "status_event",
];

const OPERATIONS: [Operation; 3] = [Operation::Report, Operation::Correct, Operation::Delete];

fn operation_name(op: Operation) -> &'static str {
    match op {
        Operation::Report => "report",
        Operation::Correct => "correct",
        Operation::Delete => "delete",
    }
}

const BASES: [BasisKind; 6] = [
    BasisKind::Consent,
    BasisKind::PermissiblePurpose,
    BasisKind::Contract,
    BasisKind::LegalObligation,
    BasisKind::LegitimateInterest,
    BasisKind::PublicByLaw,
];

/// The wire name of a kind of basis.
pub fn basis_name(kind: BasisKind) -> &'static str {
    match kind {
        BasisKind::Consent => "consent",
        BasisKind::PermissiblePurpose => "permissible_purpose",
        BasisKind::Contract => "contract",
        BasisKind::LegalObligation => "legal_obligation",
        BasisKind::LegitimateInterest => "legitimate_interest",
        BasisKind::PublicByLaw => "public_by_law",
    }
}

pub(super) fn operation_names() -> Vec<&'static str> {
    OPERATIONS.into_iter().map(operation_name).collect()
}

pub(super) fn basis_names() -> Vec<&'static str> {
    BASES.into_iter().map(basis_name).collect()
}

fn subject(f: &mut Fields<'_>) -> Option<String> {
    f.required("subject", |value, at| match value.as_str().filter(|id| is_id(id, "sub")) {
        Some(id) => Some(id.to_string()),
        None => at.fault("invalid_subject", "must be a subject id of this bureau (sub_…)"),
    })
}

fn basis(f: &mut Fields<'_>) -> Option<Basis> {
    let kind = f.required("type", choice(&BASES, basis_name));
    let reference = f.required("ref", text(REFERENCE_CHARS_MAX));
    Some(Basis { kind: kind?, reference: reference? })
}

fn read_fact(kind: &str, f: &mut Fields<'_>, ctx: &ReadContext<'_>) -> Option<Fact> {
    match kind {
        "account" => account(f, ctx).map(Fact::Account),
        "account_month" => account_month(f, ctx).map(Fact::AccountMonth),
        "inquiry_history" => inquiry_history(f, ctx).map(Fact::InquiryHistory),
        "public_record" => public_record(f, ctx).map(Fact::PublicRecord),
        "spending" => spending(f, ctx).map(Fact::Spending),
        "payment_activity" => payment_activity(f, ctx).map(Fact::PaymentActivity),
        "obligation" => obligation(f, ctx).map(Fact::Obligation),
        "capacity" => capacity(f, ctx).map(Fact::Capacity),
        "verification" => verification(f, ctx).map(Fact::Verification),
        "tenure" => tenure(f, ctx).map(Fact::Tenure),
        "ties" => ties(f, ctx).map(Fact::Ties),
        "status_event" => status_event(f, ctx).map(Fact::StatusEvent),
        _ => None,
    }
}

fn account(f: &mut Fields<'_>, ctx: &ReadContext<'_>) -> Option<Account> {
    let account_key = f.required("account_key", text(KEY_CHARS_MAX));
    let portfolio = f.required("portfolio", choice(Portfolio::ALL, Portfolio::name));
    let opened = f.required("opened", past_date(ctx.today));
    let original_amount = f.optional("original_amount", positive_amount);
    let term_months = f.optional("term_months", integer(1, TERM_MONTHS_MAX));
    let limit = f.optional("limit", positive_amount);
    let currency = f.required("currency", currency);
    let original_creditor = f.optional("original_creditor", text(KEY_CHARS_MAX));
    let role = f.required("role", choice(PartyRole::ALL, PartyRole::name));
    let closed = f.optional("closed", past_date(ctx.today));
    let close_reason = f.optional("close_reason", choice(CloseReason::ALL, CloseReason::name));
    let metro2 = f.optional("metro2", object(|f| kept::account(f, ctx)));

    for (name, amount) in [("original_amount", original_amount), ("limit", limit)] {
        if amount.zip(currency).is_some_and(|(amount, own)| amount.currency != own) {
            f.fault(name, "currency_differs", "must be in the account's currency");
        }
    }
    if closed.zip(opened).is_some_and(|(closed, opened)| closed < opened) {
        f.fault("closed", "closed_before_opened", "must not lie before opened");
    }
    ends_before_oldest(f, ctx, "closed", closed);
    match (f.is_present("closed"), f.is_present("close_reason")) {
        (true, false) => f.fault("close_reason", "closed_without_reason", "required with closed"),
        (false, true) => f.fault("closed", "reason_without_closed", "required with close_reason"),
        _ => {}
    }
    Some(Account {
        account_key: account_key?,
        portfolio: portfolio?,
        opened: opened?,
        original_amount,
        term_months,
        limit,
        currency: currency?,
        original_creditor,
        role: role?,
        closed,
        close_reason,
        metro2,
    })
}

fn account_month(f: &mut Fields<'_>, ctx: &ReadContext<'_>) -> Option<AccountMonth> {
    let account_key = f.required("account_key", text(KEY_CHARS_MAX));
    let month = reported_month(f, ctx);
    let date_of_information = f.required("date_of_information", past_date(ctx.today));
    let balance = f.required("balance", amount);
    let due = f.optional("due", positive_amount);
    let paid = f.optional("paid", positive_amount);
    let past_due = f.optional("past_due", positive_amount);
    let dpd = f.required("dpd", integer(0, DPD_MAX)).and_then(|n| u16::try_from(n).ok());
    let status = f.required("status", choice(AccountStatus::ALL, AccountStatus::name));
    let special_comment = f.optional("special_comment", text(COMMENT_CHARS_MAX));
    let written_consent = f.optional("written_consent", text(REFERENCE_CHARS_MAX));
    let adverse_notice = adverse_notice(f, ctx);
    let metro2 = f.optional("metro2", object(|f| kept::month(f, ctx)));

    if date_of_information.zip(month).is_some_and(|(d, m)| Month::of(d).since(m).abs() > 1) {
        let message = "must lie in the month, the one before or the one after";
        f.fault("date_of_information", "date_outside_month", message);
    }
    for (name, amount) in [("due", due), ("paid", paid), ("past_due", past_due)] {
        if amount.zip(balance).is_some_and(|(amount, own)| amount.currency != own.currency) {
            f.fault(name, "currency_differs", "must be in the balance's currency");
        }
    }
    if let Some((dpd, status)) = dpd.zip(status) {
        contradictions(f, dpd, status, balance, past_due);
    }
    Some(AccountMonth {
        account_key: account_key?,
        month: month?,
        date_of_information: date_of_information?,
        balance: balance?,
        due,
        paid,
        past_due,
        dpd: dpd?,
        status: status?,
        special_comment,
        written_consent,
        adverse_notice,
        metro2,
    })
}

/// Status, days past due and amounts must tell one story.
fn contradictions(
    f: &mut Fields<'_>,
    dpd: u16,
    status: AccountStatus,
    balance: Option<Amount>,
    past_due: Option<Amount>,
) {
    let in_order = matches!(status, AccountStatus::Current | AccountStatus::Closed);
    if in_order && dpd > 0 {
        f.fault("dpd", "status_contradicts_dpd", "must be 0 when current or closed");
    }
    if status == AccountStatus::Late && dpd == 0 {
        f.fault("dpd", "status_contradicts_dpd", "must be over 0 when late");
    }
    // A debt written off or with a collector may have no count of days any more.
    let counted = in_order || status == AccountStatus::Late;
    if counted && dpd == 0 && past_due.is_some_and(|amount| amount.minor > 0) {
        f.fault("past_due", "past_due_without_dpd", "must be 0 when no day is past due");
    }
    if status == AccountStatus::Closed && balance.is_some_and(|amount| amount.minor > 0) {
        f.fault("balance", "status_contradicts_balance", "nothing is owed on a closed account");
    }
}

fn inquiry_history(f: &mut Fields<'_>, ctx: &ReadContext<'_>) -> Option<InquiryHistory> {
    let product = f.required("product", text(KEY_CHARS_MAX));
    let month = reported_month(f, ctx);
    let count = f.required("count", integer(0, COUNT_MAX));
    Some(InquiryHistory { product: product?, month: month?, count: count? })
}

fn public_record(f: &mut Fields<'_>, ctx: &ReadContext<'_>) -> Option<PublicRecord> {
    let record_key = f.required("record_key", text(KEY_CHARS_MAX));
    let kind = f.required("kind", choice(PublicRecordKind::ALL, PublicRecordKind::name));
    let filed = f.required("filed", past_date(ctx.today));
    let ended = f.optional("ended", past_date(ctx.today));
    let amount = f.optional("amount", positive_amount);
    if ended.zip(filed).is_some_and(|(ended, filed)| ended < filed) {
        f.fault("ended", "ended_before_filed", "must not lie before filed");
    }
    ends_before_oldest(f, ctx, "ended", ended);
    Some(PublicRecord { record_key: record_key?, kind: kind?, filed: filed?, ended, amount })
}

fn spending(f: &mut Fields<'_>, ctx: &ReadContext<'_>) -> Option<Spending> {
    let month = reported_month(f, ctx);
    let category = f.required("category", |value, at| {
        let category = text(KEY_CHARS_MAX)(value, at)?;
        if ctx.allowed_categories.contains(&category) {
            return Some(category);
        }
        at.fault("category_not_allowed", "not a category of the rule pack's allow-list")
    });
    let amount = f.required("amount", positive_amount);
    let count = f.required("count", integer(0, COUNT_MAX));
    amount_needs_count(f, amount, count);
    Some(Spending { month: month?, category: category?, amount: amount?, count: count? })
}

fn payment_activity(f: &mut Fields<'_>, ctx: &ReadContext<'_>) -> Option<PaymentActivity> {
    let month = reported_month(f, ctx);
    let kind = f.required("kind", choice(PaymentKind::ALL, PaymentKind::name));
    let amount = f.required("amount", positive_amount);
    let count = f.required("count", integer(0, COUNT_MAX));
    let returned = f.or_default("returned", 0, integer(0, COUNT_MAX));
    amount_needs_count(f, amount, count);
    if returned.zip(count).is_some_and(|(returned, count)| returned > count) {
        f.fault("returned", "returned_exceeds_count", "must not exceed count");
    }
    Some(PaymentActivity {
        month: month?,
        kind: kind?,
        amount: amount?,
        count: count?,
        returned: returned?,
    })
}

fn obligation(f: &mut Fields<'_>, ctx: &ReadContext<'_>) -> Option<Obligation> {
    let obligation_key = f.required("obligation_key", text(KEY_CHARS_MAX));
    let kind = f.required("kind", choice(ObligationKind::ALL, ObligationKind::name));
    let due = f.required("due", date);
    let fulfilled = f.optional("fulfilled", past_date(ctx.today));
    let amount = f.required("amount", positive_amount);
    let outcome = f.required("outcome", choice(Promise::ALL, Promise::name));
    let adverse_notice = adverse_notice(f, ctx);

    let ahead = ctx.today.checked_add(DUE_AHEAD_YEARS_MAX.years()).unwrap_or(Date::MAX);
    if due.is_some_and(|due| due > ahead) {
        f.fault("due", "date_absurd", format!("over {DUE_AHEAD_YEARS_MAX} years ahead"));
    }
    if let Some(outcome) = outcome {
        promise_rules(f, ctx, due, fulfilled, outcome);
    }
    Some(Obligation {
        obligation_key: obligation_key?,
        kind: kind?,
        due: due?,
        fulfilled,
        amount: amount?,
        outcome: outcome?,
        adverse_notice,
    })
}

/// A promise kept or kept late has a day on which it was; an open or broken one has none. Kept
/// after the due date is possible: days of grace are the furnisher's to know.
fn promise_rules(
    f: &mut Fields<'_>,
    ctx: &ReadContext<'_>,
    due: Option<Date>,
    fulfilled: Option<Date>,
    outcome: Promise,
) {
    let done = matches!(outcome, Promise::Kept | Promise::Late);
    if done && !f.is_present("fulfilled") {
        f.fault("fulfilled", "outcome_without_date", "required when kept or late");
    }
    if !done && f.is_present("fulfilled") {
        f.fault("fulfilled", "date_contradicts_outcome", "only when kept or late");
    }
    let adverse = matches!(outcome, Promise::Late | Promise::Broken);
    if adverse && due.is_some_and(|due| due > ctx.today) {
        f.fault("outcome", "outcome_before_due", "neither late nor broken before it is due");
    }
    if outcome == Promise::Late && due.zip(fulfilled).is_some_and(|(due, day)| day <= due) {
        f.fault("fulfilled", "late_before_due", "must lie after due when late");
    }
    // What is still broken has not ended, and no clock runs on it (CN-11).
    let ended = if outcome == Promise::Broken { None } else { fulfilled.or(due) };
    ends_before_oldest(f, ctx, if f.is_present("fulfilled") { "fulfilled" } else { "due" }, ended);
}

fn capacity(f: &mut Fields<'_>, ctx: &ReadContext<'_>) -> Option<Capacity> {
    let category = f.required("category", choice(CapacityCategory::ALL, CapacityCategory::name));
    let month = reported_month(f, ctx);
    let amount = f.required("amount", positive_amount);
    let verified = f.required("verified", boolean);
    Some(Capacity { category: category?, month: month?, amount: amount?, verified: verified? })
}

fn verification(f: &mut Fields<'_>, ctx: &ReadContext<'_>) -> Option<Verification> {
    let channel = f.required("channel", choice(Channel::ALL, Channel::name));
    let source = f.required("source", text(KEY_CHARS_MAX));
    let verified = f.required("verified", past_date(ctx.today));
    ends_before_oldest(f, ctx, "verified", verified);
    Some(Verification { channel: channel?, source: source?, verified: verified? })
}

fn tenure(f: &mut Fields<'_>, ctx: &ReadContext<'_>) -> Option<Tenure> {
    let kind = f.required("kind", choice(TenureKind::ALL, TenureKind::name));
    let since = f.required("since", past_date(ctx.today));
    let confirmed = f.required("confirmed", past_date(ctx.today));
    if confirmed.zip(since).is_some_and(|(confirmed, since)| confirmed < since) {
        f.fault("confirmed", "confirmed_before_since", "must not lie before since");
    }
    ends_before_oldest(f, ctx, "confirmed", confirmed);
    Some(Tenure { kind: kind?, since: since?, confirmed: confirmed? })
}

fn ties(f: &mut Fields<'_>, ctx: &ReadContext<'_>) -> Option<Ties> {
    let month = reported_month(f, ctx);
    let verified = f.required("verified", integer(0, COUNT_MAX));
    let reciprocal = f.required("reciprocal", integer(0, COUNT_MAX));
    if reciprocal.zip(verified).is_some_and(|(reciprocal, verified)| reciprocal > verified) {
        f.fault("reciprocal", "reciprocal_exceeds_verified", "must not exceed verified");
    }
    Some(Ties { month: month?, verified: verified?, reciprocal: reciprocal? })
}

fn status_event(f: &mut Fields<'_>, ctx: &ReadContext<'_>) -> Option<StatusEvent> {
    let event = f.required("event", choice(StatusKind::ALL, StatusKind::name));
    let since = f.required("since", past_date(ctx.today));
    let evidence = f.required("evidence", text(REFERENCE_CHARS_MAX));
    let second_source = f.required("second_source", text(REFERENCE_CHARS_MAX));
    let same = |(a, b): (&String, &String)| a.to_lowercase() == b.to_lowercase();
    if evidence.as_ref().zip(second_source.as_ref()).is_some_and(same) {
        f.fault("second_source", "same_source_twice", "must be another source than evidence");
    }
    Some(StatusEvent {
        event: event?,
        since: since?,
        evidence: evidence?,
        second_source: second_source?,
    })
}

fn adverse_notice(f: &mut Fields<'_>, ctx: &ReadContext<'_>) -> Option<AdverseNotice> {
    // The hour is judged where the pack's offset is known; here a day's difference is let pass.
    let tomorrow = ctx.today.tomorrow().unwrap_or(Date::MAX);
    let read = object(|n: &mut Fields<'_>| {
        let channel = n.required("channel", text(KEY_CHARS_MAX));
        let sent_at = n.required("sent_at", |value, at| match time(value, at)? {
            sent if sent.date_at(0) > tomorrow => {
                at.fault("date_in_future", "must not lie in the future")
            }
            sent if sent.date_at(0).year() < super::fields::YEAR_MIN => {
                at.fault("date_absurd", format!("before {}", super::fields::YEAR_MIN))
            }
            sent => Some(sent),
        });
        let template = n.required("template", text(KEY_CHARS_MAX));
        Some(AdverseNotice { channel: channel?, sent_at: sent_at?, template: template? })
    });
    f.optional("adverse_notice", read)
}

/// The month a record is about: not in the future, not so old that it would be deleted at once.
fn reported_month(f: &mut Fields<'_>, ctx: &ReadContext<'_>) -> Option<Month> {
    f.required("month", |value, at| match month(value, at)? {
        month if month > Month::of(ctx.today) => {
            at.fault("month_in_future", "must not lie in the future")
        }
        month if month < Month::of(ctx.oldest) => {
            at.fault("too_old", "older than anything that may be kept")
        }
        month => Some(month),
    })
}

fn ends_before_oldest(
    f: &mut Fields<'_>,
    ctx: &ReadContext<'_>,
    name: &'static str,
    ended: Option<Date>,
) {
    if ended.is_some_and(|ended| ended < ctx.oldest) {
        f.fault(name, "too_old", "older than anything that may be kept");
    }
}

fn amount_needs_count(f: &mut Fields<'_>, amount: Option<Amount>, count: Option<u32>) {
    if count == Some(0) && amount.is_some_and(|amount| amount.minor > 0) {
        f.fault("count", "amount_without_count", "must be over 0 when there is an amount");
    }
}

/// The fields that `kind` takes beside the envelope, and of them those it requires.
#[cfg(test)]
pub(super) fn fields_of(kind: &str) -> (BTreeSet<&'static str>, BTreeSet<String>) {
    let (map, none) = (Map::new(), BTreeSet::new());
    let day = jiff::civil::date(2026, 10, 15);
    let ctx = ReadContext { today: day, oldest: day, allowed_categories: &none };
    let mut f = Fields::new(&map, "");
    let _ = read_fact(kind, &mut f, &ctx);
    let taken = f.taken().iter().copied().collect();
    let missing = f.finish().into_iter().map(|e| e.pointer.trim_start_matches('/').to_string());
    (taken, missing.collect())
}
