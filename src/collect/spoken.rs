//! Texts that a furnisher makes up itself: where what may never be collected could come in by the
//! back door (CN-01), and where a message or a contact could hide.

use super::observation::Fact;

/// So many digits in a row, spaces and dashes left out, are a phone or document number.
const NUMBER_DIGITS: usize = 7;

/// The texts of a record that its furnisher made up: names of records and remarks. Names of
/// checking sources are left out: that somebody works at a hospital says nothing of their health.
pub fn made_up(fact: &Fact) -> Vec<&str> {
    match fact {
        Fact::Account(f) => {
            let mut texts = vec![f.account_key.as_str()];
            texts.extend(f.original_creditor.as_deref());
            texts
        }
        Fact::AccountMonth(f) => {
            let mut texts = vec![f.account_key.as_str()];
            texts.extend(f.special_comment.as_deref());
            texts
        }
        Fact::InquiryHistory(f) => vec![&f.product],
        Fact::PublicRecord(f) => vec![&f.record_key],
        Fact::Obligation(f) => vec![&f.obligation_key],
        _ => Vec::new(),
    }
}

/// Whether a remark names somebody or says how to reach them: an address, a number. Remarks are
/// about an account, and neither messages nor contacts are collected.
pub fn names_somebody(fact: &Fact) -> bool {
    let Fact::AccountMonth(month) = fact else { return false };
    let Some(remark) = month.special_comment.as_deref() else { return false };
    let mut digits = 0;
    for letter in remark.chars() {
        match letter {
            '@' | '＠' => return true,
            letter if letter.is_numeric() => digits += 1,
            ' ' | '-' | '.' | '(' | ')' | '+' => {}
            _ => digits = 0,
        }
        if digits >= NUMBER_DIGITS {
            return true;
        }
    }
    false
}
