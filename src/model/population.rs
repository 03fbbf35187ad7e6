//! A labelled synthetic population: who a person is, what six furnishers saw, how it ended.
//!
//! One latent risk per person, in thousandths of a standard deviation (higher is worse), drives
//! everything: each of the five dimensions sees it through a factor of its own that is 0.8 of the
//! latent risk and 0.6 of chance. The outcome is drawn from the latent risk, and from how far
//! behind the person is at the end of the window: who is late rolls on. So every dimension
//! predicts, and none repeats another.
//!
//! | dimension | what is made | furnisher |
//! | --- | --- | --- |
//! | credit history | cards, mortgages, loans, pay later; inquiries | bank, consumer lender |
//! | behaviour | spending by category, payments and their returns | payment platform |
//! | performance | rent, bills, bookings, returns; income | landlord, telecom, travel; bank |
//! | identity | channels checked, tenures | bank, landlord, telecom, travel |
//! | ties | verified and reciprocal ties, each quarter | payment platform |
//!
//! The outcome is 90 days past due or worse on any credit in the twelve months *after* the window
//! (data-model.md, Scores): `P(bad) = logistic(−3.5 + 1.5 risk + roll)`, about 7 %; `roll` is 0.8
//! for days past due, 1.6 from 30, 2.6 from 60 and 3.6 from 90 in the last two months, so that
//! some three in ten roll on from 30 days, half from 60, three in four from 90. All is integer
//! arithmetic on seeded draws: the same arguments give the same bytes on any machine. Names, ids
//! and phones are nobody's ([`identity`]) and depend on nothing else.

pub mod draws;
pub mod identity;

mod conduct;
mod history;
mod write;

use jiff::civil::Date;

use self::draws::{Draws, logistic_ppm};
use self::identity::Document;
use crate::collect::observation::{AdverseNotice, Channel, Fact, Verification};
use crate::kernel::{Amount, Currency, Month, Time};

pub use self::conduct::SPENDING;
pub use self::write::{WriteError, Written};

/// The largest population that one run makes.
pub const SUBJECTS_MAX: u32 = 10_000_000;
/// The longest window, in months.
pub const MONTHS_MAX: u32 = 120;

/// The trades that furnish the population; each is one partner of the demonstration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sector {
    /// Cards, mortgages, income.
    Bank,
    /// Instalment loans and pay later.
    ConsumerLender,
    /// Rent and deposits.
    Landlord,
    /// Phone and utility bills.
    Telecom,
    /// Purchases, bills, ties.
    Payment,
    /// Bookings and returns.
    Travel,
}

impl Sector {
    /// All six, in the order of the files.
    pub const ALL: [Sector; 6] = [
        Sector::Bank,
        Sector::ConsumerLender,
        Sector::Landlord,
        Sector::Telecom,
        Sector::Payment,
        Sector::Travel,
    ];

    /// The name in files and on partners.
    pub fn name(self) -> &'static str {
        match self {
            Sector::Bank => "bank",
            Sector::ConsumerLender => "consumer_lender",
            Sector::Landlord => "landlord_platform",
            Sector::Telecom => "telecom_utility",
            Sector::Payment => "payment_platform",
            Sector::Travel => "travel_platform",
        }
    }
}

/// One fact and the furnisher who would know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntheticRecord {
    /// Who sends it.
    pub sector: Sector,
    /// What is said; always to be marked `synthetic`.
    pub fact: Fact,
}

/// One made-up person: identity, file and label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntheticPerson {
    /// The person's number in the population, from 1.
    pub number: u32,
    /// A Chinese name, or a Latin one with the middle name `Specimen`.
    pub name: String,
    /// A resident id, or a specimen passport with a Latin name.
    pub document: Document,
    /// An adult's.
    pub birth_date: Date,
    /// E.164, set aside for fiction.
    pub phone: String,
    /// Where the person lives: the rule pack that applies.
    pub residence: &'static str,
    /// What an enroller checked.
    pub verifications: Vec<Verification>,
    /// The file: all records of all furnishers, in a fixed order.
    pub records: Vec<SyntheticRecord>,
    /// The truth behind it, in thousandths of a standard deviation; higher is worse.
    pub latent_risk: i32,
    /// Whether the person went bad in the twelve months after the window.
    pub outcome_bad: bool,
}

/// A population, made person by person as it is iterated.
#[derive(Clone, Debug)]
pub struct Population {
    seed: u64,
    subjects: u32,
    months: u32,
    last_month: Month,
    currency: Currency,
    next: u32,
}

/// Why there can be no such population.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PopulationError {
    /// None, or more than [`SUBJECTS_MAX`].
    #[error("a population has 1 to {SUBJECTS_MAX} subjects")]
    Subjects,
    /// None, or more than [`MONTHS_MAX`].
    #[error("a window has 1 to {MONTHS_MAX} months")]
    Months,
}

impl PopulationError {
    /// The stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            PopulationError::Subjects => "population_subjects_out_of_range",
            PopulationError::Months => "population_months_out_of_range",
        }
    }
}

impl Population {
    /// The population that these arguments name: `months` complete months that end with
    /// `last_month`, amounts in `currency`.
    ///
    /// # Errors
    /// When a count is outside its limits.
    pub fn new(
        seed: u64,
        subjects: u32,
        months: u32,
        last_month: Month,
        currency: Currency,
    ) -> Result<Population, PopulationError> {
        if !(1..=SUBJECTS_MAX).contains(&subjects) {
            return Err(PopulationError::Subjects);
        }
        if !(1..=MONTHS_MAX).contains(&months) {
            return Err(PopulationError::Months);
        }
        Ok(Population { seed, subjects, months, last_month, currency, next: 1 })
    }

    /// Person `number` (from 1), alone: nobody depends on another.
    pub fn person(&self, number: u32) -> SyntheticPerson {
        let mut draws = Draws::new(&[self.seed, u64::from(number), 1]);
        let latent = draws.normal();
        let risk = Risk {
            history: factor(&mut draws, latent),
            behavior: factor(&mut draws, latent),
            performance: factor(&mut draws, latent),
            identity: factor(&mut draws, latent),
            ties: factor(&mut draws, latent),
        };
        let luck = draws.below(1_000_000) as i64;
        let first = self.last_month.plus(1 - self.months as i32);
        // One in ten came to the country, or of age, in the middle of the window.
        let late = if draws.percent(10) { draws.below(u64::from(self.months)) as i32 } else { 0 };
        let birth_date = identity::birth_date(number, first.first_day());
        let setting = Setting {
            seed: self.seed,
            number,
            first: first.plus(late),
            last: self.last_month,
            currency: self.currency,
            adult: Month::of(birth_date).plus(18 * 12),
            income: income(&mut draws, latent),
            risk,
        };
        let chinese = draws.percent(88);
        let mut records = history::records(&setting);
        records.extend(conduct::records(&setting));
        let behind = roll(&records, self.last_month);
        let outcome_bad = luck < logistic_ppm(latent * 1_500 / 1_000 - 3_500 + behind);
        SyntheticPerson {
            number,
            name: if chinese {
                identity::chinese_name(&mut draws)
            } else {
                identity::latin_name(&mut draws)
            },
            document: if chinese {
                identity::resident_id(number, birth_date)
            } else {
                identity::passport(number, "US")
            },
            birth_date,
            phone: identity::phone(number),
            residence: "CN",
            verifications: verifications(&mut draws, &setting),
            records,
            latent_risk: latent as i32,
            outcome_bad,
        }
    }
}

impl Iterator for Population {
    type Item = SyntheticPerson;

    fn next(&mut self) -> Option<SyntheticPerson> {
        // `next` stops one past the last: it never grows beyond SUBJECTS_MAX + 1.
        if self.next > self.subjects {
            return None;
        }
        let person = self.person(self.next);
        self.next += 1;
        Some(person)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = (self.subjects + 1 - self.next) as usize;
        (left, Some(left))
    }
}

/// What the outcome owes to how far behind the person is in the last two months, in thousandths of
/// log-odds.
fn roll(records: &[SyntheticRecord], last: Month) -> i64 {
    let late = records.iter().map(|record| match &record.fact {
        Fact::AccountMonth(month) if month.month >= last.plus(-1) => month.dpd,
        _ => 0,
    });
    match late.max().unwrap_or(0) {
        0 => 0,
        1..30 => 800,
        30..60 => 1_600,
        60..90 => 2_600,
        90.. => 3_600,
    }
}

/// What a dimension sees of the latent risk, in thousandths of a standard deviation.
#[derive(Clone, Copy, Debug)]
struct Risk {
    history: i64,
    behavior: i64,
    performance: i64,
    identity: i64,
    ties: i64,
}

/// What every maker of records needs to know about the person.
struct Setting {
    seed: u64,
    number: u32,
    first: Month,
    last: Month,
    currency: Currency,
    /// The month of the eighteenth birthday.
    adult: Month,
    /// Monthly, in yuan.
    income: i64,
    risk: Risk,
}

impl Setting {
    /// A stream of draws for one purpose of this person.
    fn draws(&self, purpose: u64) -> Draws {
        Draws::new(&[self.seed, u64::from(self.number), purpose])
    }

    /// All months of the window in which the person was there.
    fn months(&self) -> impl Iterator<Item = Month> + use<> {
        (self.first.0..=self.last.0).map(Month)
    }

    /// An amount of that many yuan.
    fn yuan(&self, yuan: i64) -> Amount {
        scaled(yuan, self.currency)
    }

    fn key(&self, name: &str) -> String {
        format!("s{}-{:07}-{name}", self.seed, self.number)
    }
}

/// `yuan` brought to a plausible size in another currency. A fixed scale, not an exchange rate:
/// one person's amounts only ever meet amounts of the same currency.
pub fn scaled(yuan: i64, currency: Currency) -> Amount {
    let minor_per_yuan = match currency.as_str() {
        "CNY" => 100,
        "TWD" => 440,
        "USD" | "EUR" | "GBP" => 14,
        "JPY" => 20,
        _ => 100,
    };
    Amount { minor: yuan * minor_per_yuan, currency }
}

/// The notice that a person was given on the day before `day` (CN-08).
pub fn notice_before(day: Date, template: &str) -> AdverseNotice {
    let eve = day.yesterday().unwrap_or(day);
    let sent_at = Time::from_micros(0).plus_days(days_between(Date::constant(1970, 1, 1), eve));
    AdverseNotice {
        channel: "sms".to_string(),
        sent_at: sent_at.plus_seconds(2 * 3600),
        template: template.to_string(),
    }
}

/// Days from `from` to `to`; negative when `to` is earlier.
pub fn days_between(from: Date, to: Date) -> i64 {
    to.duration_since(from).as_hours() / 24
}

/// The `day`th of `month`, or its last day when it is shorter.
pub fn day_of(month: Month, day: i8) -> Date {
    let first = month.first_day();
    let day = day.clamp(1, first.days_in_month());
    Date::new(first.year(), first.month(), day).unwrap_or(first)
}

/// Eight tenths of the latent risk and six tenths of chance: again of deviation one.
fn factor(draws: &mut Draws, latent: i64) -> i64 {
    (latent * 800 + draws.normal() * 600) / 1_000
}

/// Monthly income in yuan: skewed, and a little lower with risk.
fn income(draws: &mut Draws, latent: i64) -> i64 {
    let mut base = draws.between(3_500, 11_000);
    if draws.percent(25) {
        base += draws.between(2_000, 24_000);
    }
    base * (1_000 - latent.clamp(-2_500, 2_500) / 20) / 1_000
}

/// The channels of the bank that enrolled the person: fewer where identity is weak.
fn verifications(draws: &mut Draws, setting: &Setting) -> Vec<Verification> {
    let weak = setting.risk.identity / 100;
    let channels = [
        (Channel::DocumentPhoto, "bank-onboarding", 100),
        (Channel::Card, "card-network", 96 - weak / 4),
        (Channel::Telecom, "operator-real-name", 94 - weak / 4),
        (Channel::Face, "bank-face-check", 75 - weak),
        (Channel::Authority, "identity-authority", 45 - weak),
        (Channel::InPerson, "bank-branch", 25 - weak / 2),
    ];
    let opened = setting.first.plus(-1);
    channels
        .into_iter()
        .filter(|(_, _, percent)| draws.percent(*percent))
        .map(|(channel, source, _)| Verification {
            channel,
            source: source.to_string(),
            verified: day_of(opened, 12),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::metrics::discrimination;
    use jiff::civil::date;
    use proptest::prelude::*;
    use std::collections::{HashMap, HashSet};

    fn population(seed: u64, subjects: u32, months: u32) -> Population {
        let last = Month::of(date(2026, 10, 1));
        Population::new(seed, subjects, months, last, Currency::CNY).expect("in range")
    }

    #[test]
    fn counts_out_of_range_are_refused() {
        let last = Month::of(date(2026, 10, 1));
        let code = |subjects, months| {
            Population::new(1, subjects, months, last, Currency::CNY).err().map(|e| e.code())
        };
        assert_eq!(code(0, 12), Some("population_subjects_out_of_range"));
        assert_eq!(code(SUBJECTS_MAX + 1, 12), Some("population_subjects_out_of_range"));
        assert_eq!(code(1, 0), Some("population_months_out_of_range"));
        assert_eq!(code(1, MONTHS_MAX + 1), Some("population_months_out_of_range"));
        assert_eq!(code(1, MONTHS_MAX), None);
    }

    #[test]
    fn latent_risk_orders_outcomes_and_outcomes_are_rare() {
        let sample: Vec<(i64, bool)> =
            population(11, 4_000, 1).map(|p| (-i64::from(p.latent_risk), p.outcome_bad)).collect();
        let found = discrimination(&sample).expect("both outcomes");
        assert!(found.auc.low > 0.7, "{found:?}");
        assert!((150..500).contains(&found.n_bad), "{found:?}");
    }

    /// A crude figure per dimension, higher is better, must predict the outcome by itself.
    #[test]
    fn each_dimension_alone_predicts_the_outcome() {
        let mut samples: HashMap<&str, Vec<(i64, bool)>> = HashMap::new();
        for person in population(5, 1_500, 12) {
            let mut figures: HashMap<&str, i64> = HashMap::new();
            for record in &person.records {
                let (name, figure) = match &record.fact {
                    Fact::AccountMonth(f) => ("history", -i64::from(f.dpd.min(90))),
                    Fact::PaymentActivity(f) => ("behavior", -i64::from(f.returned)),
                    Fact::Obligation(f) if f.adverse_notice.is_some() => ("performance", -1),
                    Fact::Tenure(f) => ("identity", days_between(f.since, f.confirmed)),
                    Fact::Ties(f) => ("ties", i64::from(f.verified)),
                    _ => continue,
                };
                *figures.entry(name).or_default() += figure;
            }
            for (name, figure) in figures {
                samples.entry(name).or_default().push((figure, person.outcome_bad));
            }
        }
        assert_eq!(samples.len(), 5);
        for (name, sample) in samples {
            let auc = discrimination(&sample).expect("both outcomes").auc;
            assert!(auc.value > 0.53, "{name}: {auc:?}");
        }
    }

    #[test]
    fn six_sectors_speak_of_five_dimensions() {
        let mut sectors = HashSet::new();
        let mut dimensions = HashSet::new();
        for record in population(2, 30, 12).flat_map(|p| p.records) {
            sectors.insert(record.sector);
            dimensions.insert(record.fact.dimension());
        }
        assert_eq!((sectors.len(), dimensions.len()), (6, 5));
    }

    fn check_account_month(fact: &crate::collect::observation::AccountMonth) {
        assert_eq!(Month::of(fact.date_of_information), fact.month);
        assert!(fact.balance.minor >= 0);
        assert!(fact.past_due.is_none_or(|p| p.minor <= fact.balance.minor), "{fact:?}");
        assert_eq!(fact.dpd > 0, fact.past_due.is_some(), "{fact:?}");
        assert_eq!(fact.dpd > 0, fact.status.is_adverse(), "{fact:?}");
        assert!(fact.paid.is_none_or(|p| p.minor >= 0), "{fact:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn any_person_is_an_adult_with_a_consistent_file_inside_the_window(
            seed in any::<u64>(), number in 1_u32..=SUBJECTS_MAX, months in 1_u32..=MONTHS_MAX,
        ) {
            let population = population(seed, SUBJECTS_MAX, months);
            let person = population.person(number);
            prop_assert_eq!(&person, &population.person(number));
            let end = date(2026, 10, 31);
            let start = population.last_month.plus(1 - months as i32);
            prop_assert!(days_between(person.birth_date, start.first_day()) >= 20 * 365);
            if let Document::ResidentId { number } = &person.document {
                prop_assert!(number.ends_with(identity::resident_id_check(&number[..17]).unwrap()));
                prop_assert_eq!(&number[2..6], "9999");
                prop_assert_eq!(&number[6..14], person.birth_date.strftime("%Y%m%d").to_string());
            }
            let mut seen = HashSet::new();
            for record in &person.records {
                let key = (record.sector, record.fact.type_name(), record.fact.identity());
                prop_assert!(seen.insert(key), "{:?} twice", record.fact);
                let notice = record.fact.adverse_notice();
                prop_assert_eq!(record.fact.is_adverse(), notice.is_some());
                prop_assert!(notice.is_none_or(|n| n.sent_at.date_at(8) <= end));
                match &record.fact {
                    Fact::AccountMonth(f) => {
                        prop_assert!(f.month >= start && f.date_of_information <= end);
                        check_account_month(f);
                    }
                    Fact::Account(f) => {
                        prop_assert!(f.opened <= end && f.closed.is_none_or(|c| c >= f.opened));
                        prop_assert!(days_between(person.birth_date, f.opened) > 18 * 365);
                    }
                    Fact::Obligation(f) => {
                        prop_assert!(f.due <= end && f.fulfilled.is_none_or(|d| d <= end));
                        prop_assert_eq!(
                            f.outcome == crate::collect::observation::Promise::Late,
                            f.fulfilled.is_some_and(|d| d > f.due)
                        );
                    }
                    Fact::Tenure(f) => {
                        prop_assert!(f.since <= f.confirmed && f.confirmed <= end);
                        prop_assert!(days_between(person.birth_date, f.since) > 17 * 365);
                    }
                    Fact::Verification(f) => prop_assert!(f.verified <= end),
                    _ => {}
                }
            }
        }
    }
}
