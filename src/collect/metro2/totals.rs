//! What a trailer counts, counted again.

use std::collections::BTreeMap;

use super::cut::Form;
use super::layout::Segment;
use super::record::{Part, Where};
use crate::collect::fields::FieldError;

/// Account statuses and the trailer's field for each.
pub const COUNTED_STATUSES: [(&str, &str); 23] = [
    ("DF", "5"),
    ("DA", "9"),
    ("05", "10"),
    ("11", "11"),
    ("13", "12"),
    ("61", "13"),
    ("62", "14"),
    ("63", "15"),
    ("64", "16"),
    ("65", "17"),
    ("71", "18"),
    ("78", "19"),
    ("80", "20"),
    ("82", "21"),
    ("83", "22"),
    ("84", "23"),
    ("88", "24"),
    ("89", "25"),
    ("93", "26"),
    ("94", "27"),
    ("95", "28"),
    ("96", "29"),
    ("97", "30"),
];

/// Counts of a file, by the trailer's field number.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    by_field: BTreeMap<&'static str, u64>,
    /// Records whose segments could not all be told.
    unreadable: u64,
}

impl Counts {
    fn one(&mut self, no: &'static str) {
        *self.by_field.entry(no).or_default() += 1;
    }

    /// How many there are of what field `no` counts.
    pub fn get(&self, no: &str) -> u64 {
        self.by_field.get(no).copied().unwrap_or_default()
    }

    /// The fields that count something.
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.by_field.iter().map(|(no, count)| (*no, *count))
    }

    /// Counts one data record; `whole` when all of its segments could be told.
    pub fn add(&mut self, parts: &[Part], whole: bool) {
        self.one("3");
        self.unreadable += u64::from(!whole);
        for part in parts {
            match part.segment {
                Segment::Base => self.base(part),
                Segment::J1 => self.consumer(part, "6", ["40", "44"], ["7", "8", "9", "10"]),
                Segment::J2 => self.consumer(part, "7", ["41", "45"], ["7", "8", "9", "10"]),
                Segment::N1 => self.one("32"),
                Segment::K1 => self.one("33"),
                Segment::K2 => self.one("34"),
                Segment::K3 => self.one("35"),
                Segment::K4 => self.one("36"),
                Segment::L1 => self.one("37"),
                Segment::Header | Segment::Trailer => {}
            }
        }
    }

    fn base(&mut self, part: &Part) {
        let status = part.get("17A");
        if let Some((_, no)) = COUNTED_STATUSES.into_iter().find(|(code, _)| *code == status) {
            self.one(no);
        }
        self.person(part, ["39", "43"], ["34", "35", "36", "37"]);
    }

    fn consumer(
        &mut self,
        part: &Part,
        no: &'static str,
        own: [&'static str; 2],
        fields: [&str; 4],
    ) {
        self.one(no);
        self.person(part, own, fields);
    }

    /// Who is named in a segment: number, date of birth, telephone number, ECOA code.
    fn person(&mut self, part: &Part, own: [&'static str; 2], fields: [&str; 4]) {
        let [ssn, birth, phone, ecoa] = fields;
        let [ssns, births] = own;
        if part.has_ssn(ssn) {
            self.one("38");
            self.one(ssns);
        }
        if part.has_digits(birth) {
            self.one("42");
            self.one(births);
        }
        if part.has_digits(phone) {
            self.one("46");
        }
        if part.get(ecoa) == "Z" {
            self.one("31");
        }
    }

    /// Holds a trailer against what came before it. A count of zero declares nothing, but for the
    /// base records: fields that are not used are filled with zeros. What a record that cannot be
    /// read holds nobody knows, so that only the number of records is compared then.
    ///
    /// # Errors
    /// `control_total_mismatch` for each count that differs, with what was counted here.
    pub fn check(
        &self,
        record: u64,
        trailer: &Part,
        form: Form,
        blocks: u64,
    ) -> Result<(), Vec<FieldError>> {
        let mut errors = Vec::new();
        let at = Where::of(record, trailer);
        for field in Segment::Trailer.fields() {
            let no = field.no;
            if matches!(no, "1" | "2" | "4" | "47") {
                continue;
            }
            let declared = trailer.get(no);
            let number = match declared {
                "" => Some(0),
                digits => digits.parse::<u64>().ok(),
            };
            let counted = match no {
                "8" if form.blocked => blocks,
                // Without blocks each record is one.
                "8" => record,
                _ => self.get(no),
            };
            let compared = no == "3" || (number != Some(0) && self.unreadable == 0);
            if number.is_none() || (compared && number != Some(counted)) {
                let text = format!("counted here: {counted}");
                errors.push(at.field(no, "control_total_mismatch", &text));
            }
        }
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }
}
