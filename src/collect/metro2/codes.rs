//! The standard's codes, and what this bureau's own terms make of them.

use crate::collect::terms::{AccountStatus, CloseReason, PartyRole, Portfolio};

/// Field 8, and the bureau's word for it.
pub const PORTFOLIOS: [(&str, Portfolio); 6] = [
    ("C", Portfolio::Revolving),
    ("I", Portfolio::Instalment),
    ("L", Portfolio::Lease),
    ("M", Portfolio::Mortgage),
    ("O", Portfolio::Open),
    ("R", Portfolio::Revolving),
];

/// Field 17A.
pub struct Status {
    /// The code.
    pub code: &'static str,
    /// The bureau's word; `None` where the record takes the account back.
    pub status: Option<AccountStatus>,
    /// The least days past due that the code speaks of.
    pub dpd: u16,
    /// Whether field 17B must say how the account stood before.
    pub rated: bool,
    /// Whether it is a delinquency, with a date of the first one.
    pub delinquent: bool,
}

const fn status(
    code: &'static str,
    status: Option<AccountStatus>,
    dpd: u16,
    rated: bool,
    delinquent: bool,
) -> Status {
    Status { code, status, dpd, rated, delinquent }
}

/// Every account status. Where collateral was taken or a claim filed, the debt is being collected.
pub const STATUSES: [Status; 23] = [
    status("05", Some(AccountStatus::Transferred), 0, true, false),
    status("11", Some(AccountStatus::Current), 0, false, false),
    status("13", Some(AccountStatus::Closed), 0, true, false),
    status("61", Some(AccountStatus::Closed), 0, false, true),
    status("62", Some(AccountStatus::Closed), 0, false, true),
    status("63", Some(AccountStatus::Closed), 0, false, true),
    status("64", Some(AccountStatus::Closed), 0, false, true),
    status("65", Some(AccountStatus::Closed), 0, true, true),
    status("71", Some(AccountStatus::Late), 30, false, true),
    status("78", Some(AccountStatus::Late), 60, false, true),
    status("80", Some(AccountStatus::Late), 90, false, true),
    status("82", Some(AccountStatus::Late), 120, false, true),
    status("83", Some(AccountStatus::Late), 150, false, true),
    status("84", Some(AccountStatus::Late), 180, false, true),
    status("88", Some(AccountStatus::Collection), 0, true, true),
    status("89", Some(AccountStatus::SettledLess), 0, true, true),
    status("93", Some(AccountStatus::Collection), 0, false, true),
    status("94", Some(AccountStatus::Collection), 0, true, true),
    status("95", Some(AccountStatus::Collection), 0, true, true),
    status("96", Some(AccountStatus::Collection), 0, false, true),
    status("97", Some(AccountStatus::ChargedOff), 0, false, true),
    status("DA", None, 0, false, false),
    status("DF", None, 0, false, false),
];

/// Field 17B, and the least days past due that it speaks of.
pub const RATINGS: [(&str, u16); 9] = [
    ("0", 0),
    ("1", 30),
    ("2", 60),
    ("3", 90),
    ("4", 120),
    ("5", 150),
    ("6", 180),
    ("G", 0),
    ("L", 0),
];

/// What a month of the payment history may say.
pub const HISTORY: &str = "0123456BDEGHJKLZ";

/// Field 14.
pub const FREQUENCIES: [&str; 11] = ["B", "D", "E", "L", "M", "P", "Q", "S", "T", "W", "Y"];

/// Field 20.
pub const CONDITIONS: [&str; 10] = ["XA", "XB", "XC", "XD", "XE", "XF", "XG", "XH", "XJ", "XR"];

/// Field 28.
pub const INTEREST: [&str; 2] = ["F", "V"];

/// The codes that say who a person is to an account, and the bureau's word. `T` (no longer
/// connected) and `Z` (delete this consumer) are told apart elsewhere.
pub const ECOA: [(&str, PartyRole); 7] = [
    ("1", PartyRole::Sole),
    ("2", PartyRole::Joint),
    ("3", PartyRole::AuthorisedUser),
    ("5", PartyRole::Guarantor),
    ("7", PartyRole::Sole),
    ("W", PartyRole::Sole),
    ("X", PartyRole::Sole),
];

/// Field 38: bankruptcy petitions (A–D, Z) and discharges (E–H), dismissals (I–L), withdrawals
/// (M–P), removals (Q, S, U), reaffirmation (R, V–Y), whereabouts (T, U), receivership (1A), lease
/// assumed (2A).
pub const INFORMATION: [&str; 28] = [
    "A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L", "M", "N", "O", "P", "Q", "R", "S",
    "T", "U", "V", "W", "X", "Y", "Z", "1A", "2A",
];

/// Whether an indicator speaks of a bankruptcy or receivership that is dated by field 25 where
/// the account is current.
pub fn is_bankruptcy(indicator: &str) -> bool {
    matches!(
        indicator,
        "A" | "B" | "C" | "D" | "E" | "F" | "G" | "H" | "Z" | "1A" | "V" | "W" | "X" | "Y"
    )
}

/// Why an account was closed, as far as status, special comment and condition tell.
pub fn close_reason(status: &str, comment: &str, condition: &str) -> Option<CloseReason> {
    Some(match (status, comment, condition) {
        // AU: paid in full for less than the full balance. AH, AT and O: sold or transferred.
        (_, "AU", _) | ("89", ..) => CloseReason::SettledLess,
        ("05", ..) => CloseReason::Transferred,
        ("97", ..) => CloseReason::ChargedOff,
        ("13" | "61" | "62" | "63" | "64" | "65", ..) => CloseReason::Paid,
        (_, _, "XA" | "XD" | "XE" | "XJ") => CloseReason::ByConsumer,
        // M: closed at the credit grantor's request.
        (_, "M", _) => CloseReason::ByLender,
        _ => return None,
    })
}
