//! The records and segments of the format, field by field: number, name, width in either form.
//!
//! Numbers and names are the standard's (CDIA Credit Reporting Resource Guide, "Record Layouts"),
//! in the order in which the fields lie. Offsets follow from the widths; a test holds them to those
//! that the standard prints.

/// How a field's content is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Characters, left-justified, filled with blanks.
    Text,
    /// Digits, filled with zeros; whole dollars where it is money.
    Number,
    /// `MMDDYYYY`; zeros for none.
    Date,
    /// `MMDDYYYYHHMMSS`; zeros for none.
    Stamp,
    /// The descriptor word of a block or a record: binary where the file is packed.
    Descriptor,
}

/// One field of a record or segment.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its number in the standard: `17A`.
    pub no: &'static str,
    /// Its name in the standard.
    pub name: &'static str,
    /// How its content is written.
    pub kind: Kind,
    /// Bytes in character form.
    pub width: usize,
    /// Bytes in packed form; fewer where the content is packed decimal.
    pub packed: usize,
}

impl Field {
    /// Whether it is packed decimal in a packed record.
    pub fn is_packed(&self) -> bool {
        self.packed != self.width && self.kind != Kind::Text
    }
}

const fn text(no: &'static str, name: &'static str, width: usize) -> Field {
    Field { no, name, kind: Kind::Text, width, packed: width }
}

const fn plain(no: &'static str, name: &'static str, kind: Kind, width: usize) -> Field {
    Field { no, name, kind, width, packed: width }
}

/// Packed decimal: two digits a byte, the sign in the last half, a leading zero where that makes
/// whole bytes (9 digits in 5 bytes, 8 in 5, 10 in 6, 14 in 8).
const fn packed(no: &'static str, name: &'static str, kind: Kind, width: usize) -> Field {
    Field { no, name, kind, width, packed: width / 2 + 1 }
}

const fn number(no: &'static str, name: &'static str) -> Field {
    packed(no, name, Kind::Number, 9)
}

const fn date(no: &'static str, name: &'static str) -> Field {
    packed(no, name, Kind::Date, 8)
}

/// What stands in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names are the standard's; `title` says what each is")]
pub enum Segment {
    Header,
    Base,
    J1,
    J2,
    K1,
    K2,
    K3,
    K4,
    L1,
    N1,
    Trailer,
}

impl Segment {
    /// The appendages, in the order in which they follow a base segment.
    pub const APPENDED: [Segment; 8] = [
        Segment::J1,
        Segment::J2,
        Segment::K1,
        Segment::K2,
        Segment::K3,
        Segment::K4,
        Segment::L1,
        Segment::N1,
    ];

    /// What errors call it.
    pub fn title(self) -> &'static str {
        match self {
            Segment::Header => "header record",
            Segment::Base => "base segment",
            Segment::J1 => "J1 segment",
            Segment::J2 => "J2 segment",
            Segment::K1 => "K1 segment",
            Segment::K2 => "K2 segment",
            Segment::K3 => "K3 segment",
            Segment::K4 => "K4 segment",
            Segment::L1 => "L1 segment",
            Segment::N1 => "N1 segment",
            Segment::Trailer => "trailer record",
        }
    }

    /// What a pointer calls it, and an appendage itself.
    pub fn id(self) -> &'static str {
        match self {
            Segment::Header => "header",
            Segment::Base => "base",
            Segment::J1 => "J1",
            Segment::J2 => "J2",
            Segment::K1 => "K1",
            Segment::K2 => "K2",
            Segment::K3 => "K3",
            Segment::K4 => "K4",
            Segment::L1 => "L1",
            Segment::N1 => "N1",
            Segment::Trailer => "trailer",
        }
    }

    /// Its fields, in order.
    pub fn fields(self) -> &'static [Field] {
        match self {
            Segment::Header => HEADER,
            Segment::Base => BASE,
            Segment::J1 => J1,
            Segment::J2 => J2,
            Segment::K1 => K1,
            Segment::K2 => K2,
            Segment::K3 => K3,
            Segment::K4 => K4,
            Segment::L1 => L1,
            Segment::N1 => N1,
            Segment::Trailer => TRAILER,
        }
    }

    /// Bytes of it. Appendages are characters in either form.
    pub fn length(self, packed: bool) -> usize {
        self.fields().iter().map(|f| if packed { f.packed } else { f.width }).sum()
    }

    /// The field of this number, and where it begins in character form.
    pub fn field(self, no: &str) -> Option<(&'static Field, usize)> {
        let mut at = 0;
        for field in self.fields() {
            if field.no == no {
                return Some((field, at));
            }
            at += field.width;
        }
        None
    }
}

const RDW: Field = plain("1", "Record Descriptor Word", Kind::Descriptor, 4);
const ID: Field = text("1", "Segment Identifier", 2);

const HEADER: &[Field] = &[
    RDW,
    text("2", "Record Identifier", 6),
    text("3", "Cycle Identifier", 2),
    text("4", "Innovis Program Identifier", 10),
    text("5", "Equifax Program Identifier", 10),
    text("6", "Experian Program Identifier", 5),
    text("7", "TransUnion Program Identifier", 10),
    plain("8", "Activity Date", Kind::Date, 8),
    plain("9", "Date Created", Kind::Date, 8),
    plain("10", "Program Date", Kind::Date, 8),
    plain("11", "Program Revision Date", Kind::Date, 8),
    text("12", "Reporter Name", 40),
    text("13", "Reporter Address", 96),
    plain("14", "Reporter Telephone Number", Kind::Number, 10),
    text("15", "Software Vendor Name", 40),
    text("16", "Software Version Number", 5),
    text("17", "PRBC Program Identifier", 10),
    Field { no: "18", name: "Reserved", kind: Kind::Text, width: 146, packed: 86 },
];

const BASE: &[Field] = &[
    RDW,
    plain("2", "Processing Indicator", Kind::Number, 1),
    packed("3", "Time Stamp", Kind::Stamp, 14),
    plain("4", "Correction Indicator", Kind::Number, 1),
    text("5", "Identification Number", 20),
    text("6", "Cycle Identifier", 2),
    text("7", "Consumer Account Number", 30),
    text("8", "Portfolio Type", 1),
    text("9", "Account Type", 2),
    date("10", "Date Opened"),
    number("11", "Credit Limit"),
    number("12", "Highest Credit or Original Loan Amount"),
    text("13", "Terms Duration", 3),
    text("14", "Terms Frequency", 1),
    number("15", "Scheduled Monthly Payment Amount"),
    number("16", "Actual Payment Amount"),
    text("17A", "Account Status", 2),
    text("17B", "Payment Rating", 1),
    text("18", "Payment History Profile", 24),
    text("19", "Special Comment", 2),
    text("20", "Compliance Condition Code", 2),
    number("21", "Current Balance"),
    number("22", "Amount Past Due"),
    number("23", "Original Charge-off Amount"),
    date("24", "Date of Account Information"),
    date("25", "FCRA Compliance/Date of First Delinquency"),
    date("26", "Date Closed"),
    date("27", "Date of Last Payment"),
    text("28", "Interest Type Indicator", 1),
    text("29", "Reserved", 17),
    text("30", "Surname", 25),
    text("31", "First Name", 20),
    text("32", "Middle Name", 20),
    text("33", "Generation Code", 1),
    number("34", "Social Security Number"),
    date("35", "Date of Birth"),
    packed("36", "Telephone Number", Kind::Number, 10),
    text("37", "ECOA Code", 1),
    text("38", "Consumer Information Indicator", 2),
    text("39", "Country Code", 2),
    text("40", "First Line of Address", 32),
    text("41", "Second Line of Address", 32),
    text("42", "City", 20),
    text("43", "State", 2),
    text("44", "Postal/Zip Code", 9),
    text("45", "Address Indicator", 1),
    text("46", "Residence Code", 1),
];

const J1: &[Field] = &[
    ID,
    text("2", "Reserved", 1),
    text("3", "Surname", 25),
    text("4", "First Name", 20),
    text("5", "Middle Name", 20),
    text("6", "Generation Code", 1),
    plain("7", "Social Security Number", Kind::Number, 9),
    plain("8", "Date of Birth", Kind::Date, 8),
    plain("9", "Telephone Number", Kind::Number, 10),
    text("10", "ECOA Code", 1),
    text("11", "Consumer Information Indicator", 2),
    text("12", "Reserved", 1),
];

const J2: &[Field] = &[
    ID,
    text("2", "Reserved", 1),
    text("3", "Surname", 25),
    text("4", "First Name", 20),
    text("5", "Middle Name", 20),
    text("6", "Generation Code", 1),
    plain("7", "Social Security Number", Kind::Number, 9),
    plain("8", "Date of Birth", Kind::Date, 8),
    plain("9", "Telephone Number", Kind::Number, 10),
    text("10", "ECOA Code", 1),
    text("11", "Consumer Information Indicator", 2),
    text("12", "Country Code", 2),
    text("13", "First Line of Address", 32),
    text("14", "Second Line of Address", 32),
    text("15", "City", 20),
    text("16", "State", 2),
    text("17", "Postal/Zip Code", 9),
    text("18", "Address Indicator", 1),
    text("19", "Residence Code", 1),
    text("20", "Reserved", 2),
];

const K1: &[Field] = &[
    ID,
    text("2", "Original Creditor Name", 30),
    plain("3", "Creditor Classification", Kind::Number, 2),
];

const K2: &[Field] = &[
    ID,
    plain("2", "Purchased From/Sold To Indicator", Kind::Number, 1),
    text("3", "Purchased From or Sold To Name", 30),
    text("4", "Reserved", 1),
];

const K3: &[Field] = &[
    ID,
    plain("2", "Agency Identifier", Kind::Number, 2),
    text("3", "Account Number", 18),
    text("4", "Mortgage Identification Number", 18),
];

const K4: &[Field] = &[
    ID,
    plain("2", "Specialized Payment Indicator", Kind::Number, 2),
    plain("3", "Deferred Payment Start Date", Kind::Date, 8),
    plain("4", "Balloon Payment Due Date", Kind::Date, 8),
    plain("5", "Balloon Payment Amount", Kind::Number, 9),
    text("6", "Reserved", 1),
];

const L1: &[Field] = &[
    ID,
    plain("2", "Change Indicator", Kind::Number, 1),
    text("3", "New Consumer Account Number", 30),
    text("4", "New Identification Number", 20),
    text("5", "Reserved", 1),
];

const N1: &[Field] = &[
    ID,
    text("2", "Employer Name", 30),
    text("3", "First Line of Employer Address", 32),
    text("4", "Second Line of Employer Address", 32),
    text("5", "Employer City", 20),
    text("6", "Employer State", 2),
    text("7", "Employer Postal/Zip Code", 9),
    text("8", "Occupation", 18),
    text("9", "Reserved", 1),
];

const TRAILER: &[Field] = &[
    RDW,
    text("2", "Record Identifier", 7),
    number("3", "Total Base Records"),
    Field { no: "4", name: "Reserved", kind: Kind::Text, width: 9, packed: 5 },
    number("5", "Total of Status Code DF"),
    number("6", "Total Associated Consumer Segments (J1)"),
    number("7", "Total Associated Consumer Segments (J2)"),
    number("8", "Block Count"),
    number("9", "Total of Status Code DA"),
    number("10", "Total of Status Code 05"),
    number("11", "Total of Status Code 11"),
    number("12", "Total of Status Code 13"),
    number("13", "Total of Status Code 61"),
    number("14", "Total of Status Code 62"),
    number("15", "Total of Status Code 63"),
    number("16", "Total of Status Code 64"),
    number("17", "Total of Status Code 65"),
    number("18", "Total of Status Code 71"),
    number("19", "Total of Status Code 78"),
    number("20", "Total of Status Code 80"),
    number("21", "Total of Status Code 82"),
    number("22", "Total of Status Code 83"),
    number("23", "Total of Status Code 84"),
    number("24", "Total of Status Code 88"),
    number("25", "Total of Status Code 89"),
    number("26", "Total of Status Code 93"),
    number("27", "Total of Status Code 94"),
    number("28", "Total of Status Code 95"),
    number("29", "Total of Status Code 96"),
    number("30", "Total of Status Code 97"),
    number("31", "Total of ECOA Code Z (All Segments)"),
    number("32", "Total Employment Segments"),
    number("33", "Total Original Creditor Segments"),
    number("34", "Total Purchased From/Sold To Segments"),
    number("35", "Total Mortgage Information Segments"),
    number("36", "Total Specialized Payment Information Segments"),
    number("37", "Total Change Segments"),
    number("38", "Total Social Security Numbers (All Segments)"),
    number("39", "Total Social Security Numbers (Base Segments)"),
    number("40", "Total Social Security Numbers (J1 Segments)"),
    number("41", "Total Social Security Numbers (J2 Segments)"),
    number("42", "Total Dates of Birth (All Segments)"),
    number("43", "Total Dates of Birth (Base Segments)"),
    number("44", "Total Dates of Birth (J1 Segments)"),
    number("45", "Total Dates of Birth (J2 Segments)"),
    number("46", "Total Telephone Numbers (All Segments)"),
    Field { no: "47", name: "Reserved", kind: Kind::Text, width: 19, packed: 135 },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_and_segments_have_the_standards_lengths() {
        for (segment, characters, packed) in [
            (Segment::Header, 426, 366),
            (Segment::Base, 426, 366),
            (Segment::Trailer, 426, 366),
            (Segment::J1, 100, 100),
            (Segment::J2, 200, 200),
            (Segment::K1, 34, 34),
            (Segment::K2, 34, 34),
            (Segment::K3, 40, 40),
            (Segment::K4, 30, 30),
            (Segment::L1, 54, 54),
            (Segment::N1, 146, 146),
        ] {
            let lengths = (segment.length(false), segment.length(true));
            assert_eq!(lengths, (characters, packed), "{}", segment.title());
        }
    }

    #[test]
    fn fields_lie_where_the_standard_puts_them() {
        // Offsets from 0, in character and in packed form.
        for (segment, no, characters, packed) in [
            (Segment::Header, "12", 79, 79),
            (Segment::Header, "18", 280, 280),
            (Segment::Base, "4", 19, 13),
            (Segment::Base, "7", 42, 36),
            (Segment::Base, "10", 75, 69),
            (Segment::Base, "17A", 123, 98),
            (Segment::Base, "18", 126, 101),
            (Segment::Base, "24", 181, 144),
            (Segment::Base, "25", 189, 149),
            (Segment::Base, "30", 231, 182),
            (Segment::Base, "34", 297, 248),
            (Segment::Base, "36", 314, 258),
            (Segment::Base, "37", 324, 264),
            (Segment::Base, "46", 425, 365),
            (Segment::J2, "13", 101, 101),
            (Segment::Trailer, "8", 56, 36),
            (Segment::Trailer, "31", 263, 151),
            (Segment::Trailer, "46", 398, 226),
        ] {
            let (_, at) = segment.field(no).expect("a field");
            let before = segment.fields().iter().take_while(|f| f.no != no);
            let in_packed: usize = before.map(|f| f.packed).sum();
            assert_eq!((at, in_packed), (characters, packed), "{} {no}", segment.title());
        }
    }
}
