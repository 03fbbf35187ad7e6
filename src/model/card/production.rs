//! From a fitted table of points to a production scorecard: the characteristics of a former one,
//! with its reasons, directions and rules, under new points.
//!
//! Production keeps rules that a fit does not know (data-model.md, Scores): points are whole, the
//! baseline is what everybody has on average, silence is the baseline, what does not apply is
//! never less, ties only add and little. What the fit found is brought under these rules, and the
//! sum is then moved so that the mean probability is what was observed.

use std::fmt::Write as _;

use super::write::quoted;
use crate::collect::observation::Dimension;
use crate::score::column::NOT_APPLICABLE;
use crate::score::scale::Scale;
use crate::score::scorecard::{Bin, Development, Entry, Monotone, Scorecard};

/// The most that all ties together may add.
const TIES_MAX: i32 = 10;

/// What the new scorecard is called, and what it was fitted to.
pub struct Frame<'a> {
    /// The scorecard whose characteristics, reasons and rules it keeps.
    pub former: &'a Scorecard,
    /// Its id.
    pub id: &'a str,
    /// What it was fitted to.
    pub development: Development,
}

/// The fitted points of the characteristics that the former scorecard has, whole, about the mean.
pub struct Points<'a> {
    entries: Vec<Fitted<'a>>,
    /// Characteristics of the former scorecard about which the data say nothing.
    pub unsupported: Vec<&'a str>,
}

struct Fitted<'a> {
    former: &'a Entry,
    bins: Vec<Bin>,
    baseline: i32,
    not_applicable: i32,
    no_data: [u64; 2],
}

impl<'a> Points<'a> {
    /// The points of two fits over the columns of a training table: the first for everything but
    /// ties, the second for ties.
    pub fn of(fitted: [Option<&Scorecard>; 2], former: &'a Scorecard) -> Points<'a> {
        let mut points = Points { entries: Vec::new(), unsupported: Vec::new() };
        for entry in &former.characteristics {
            let ties = entry.dimension == Some(Dimension::Relationships);
            let found = fitted[usize::from(ties)].and_then(|card| {
                let own = card.characteristics.iter().find(|one| one.name == entry.name)?;
                Some(whole(own, entry, card.scale.unit))
            });
            match found {
                Some(one) if one.says_something() => points.entries.push(one),
                _ => points.unsupported.push(&entry.name),
            }
        }
        points.bound_ties();
        points
    }

    /// The sum of all baselines.
    pub fn baselines(&self) -> i32 {
        self.entries.iter().map(|one| one.baseline).sum()
    }

    /// Ties only add, and all together little: they lose their mean, and are scaled down.
    fn bound_ties(&mut self) {
        let is_ties =
            |one: &&mut Fitted<'_>| one.former.dimension == Some(Dimension::Relationships);
        let mut most = 0;
        for one in self.entries.iter_mut().filter(is_ties) {
            let least = one.bins.iter().map(|bin| bin.points).min().unwrap_or(0);
            one.bins.iter_mut().for_each(|bin| bin.points -= least);
            most += one.bins.iter().map(|bin| bin.points).max().unwrap_or(0);
        }
        for one in self.entries.iter_mut().filter(is_ties) {
            for bin in &mut one.bins {
                bin.points = bin.points * TIES_MAX / most.max(TIES_MAX);
            }
            (one.baseline, one.not_applicable) = (0, 0);
            one.join();
        }
        self.entries.retain(Fitted::says_something);
    }
}

/// Hundredths of a point, or whatever `unit` is, as whole points.
fn rounded(points: i32, unit: i32) -> i32 {
    (2 * points + unit).div_euclid(2 * unit)
}

fn whole<'a>(found: &Entry, former: &'a Entry, unit: i32) -> Fitted<'a> {
    let special = found.specials().iter().find(|s| s.value == NOT_APPLICABLE.to_string());
    let special = special.filter(|s| s.rows > 0);
    let known = || found.bins.iter().map(|bin| (bin.points, bin.rows));
    let all = || known().chain(special.map(|s| (s.points, s.rows)));
    let rows: i64 = all().map(|(_, rows)| rows as i64).sum();
    let sum: i64 = all().map(|(points, rows)| i64::from(points) * rows as i64).sum();
    let mean = (sum.div_euclid(rows.max(1))) as i32;
    let mut bins = found.bins.clone();
    bins.iter_mut().for_each(|bin| bin.points = rounded(bin.points - mean, unit));
    let applicable = special.map(|s| rounded(s.points - mean, unit));
    let mut fitted = Fitted {
        former,
        bins,
        baseline: 0,
        not_applicable: 0,
        no_data: [found.no_data_rows, found.no_data_bads],
    };
    // What does not apply never costs: where it would, it is raised, and with it the mean. Two
    // rounds settle it, since a mean of whole points moves by one at most.
    for _ in 0..2 {
        fitted.not_applicable = applicable.unwrap_or(fitted.baseline).max(fitted.baseline);
        let given = fitted.bins.iter().map(|bin| (i64::from(bin.points), bin.rows as i64));
        let other = special.map(|s| (i64::from(fitted.not_applicable), s.rows as i64));
        let (sum, rows) = given
            .chain(other)
            .fold((0, 0), |(sum, n), (points, rows)| (sum + points * rows, n + rows));
        fitted.baseline = (2 * sum + rows).div_euclid((2 * rows).max(1)) as i32;
    }
    fitted.not_applicable = fitted.not_applicable.max(fitted.baseline);
    fitted.join();
    fitted
}

impl Fitted<'_> {
    /// Neighbours with the same points are one bin.
    fn join(&mut self) {
        let mut joined: Vec<Bin> = Vec::new();
        for bin in self.bins.drain(..) {
            match joined.last_mut() {
                Some(last) if last.points == bin.points => {
                    last.to = bin.to;
                    last.rows += bin.rows;
                    last.bads += bin.bads;
                }
                _ => joined.push(bin),
            }
        }
        self.bins = joined;
    }

    fn says_something(&self) -> bool {
        self.bins.len() > 1 || self.not_applicable != self.baseline
    }
}

/// The text of the scorecard with these points and `base_points`.
pub fn production(points: &Points<'_>, frame: &Frame<'_>, base_points: i32) -> String {
    let mut out = head(frame, base_points);
    for one in &points.entries {
        let (entry, baseline) = (one.former, one.baseline);
        let _ = write!(
            out,
            "\n[[characteristic]]\nname = {}\ndimension = \"{}\"\nreason = {}\n\
             rationale = \"\"\"\n{}\"\"\"\nbaseline = {baseline}\nno_data = {baseline}\n\
             no_data_rows = {}\nno_data_bads = {}\nnot_applicable = {}\n",
            quoted(&entry.name),
            entry.dimension.map_or("", Dimension::name),
            quoted(&entry.reason),
            entry.rationale.trim().replace('\\', "\\\\").replace('"', "\\\""),
            one.no_data[0],
            one.no_data[1],
            one.not_applicable,
        );
        match entry.monotone {
            Some(Monotone::Increasing) => out.push_str("monotone = \"increasing\"\n"),
            Some(Monotone::Decreasing) => out.push_str("monotone = \"decreasing\"\n"),
            None => {}
        }
        out.push_str("bins = [\n");
        for bin in &one.bins {
            let from = bin.from.map(|from| format!("from = {from}, ")).unwrap_or_default();
            let to = bin.to.map(|to| format!("to = {to}, ")).unwrap_or_default();
            let _ = writeln!(
                out,
                "  {{ {from}{to}points = {}, rows = {}, bads = {} }},",
                bin.points, bin.rows, bin.bads
            );
        }
        out.push_str("]\n");
    }
    out
}

fn head(frame: &Frame<'_>, base_points: i32) -> String {
    let (former, development) = (frame.former, &frame.development);
    let status = if development.synthetic { "demonstration" } else { "candidate" };
    let made_up = match development.synthetic {
        true => {
            "# Some of these persons are made up, so it may serve in demonstrations and sandboxes\n\
             # only, and `validated_for` is empty: no probability is given with a score.\n"
        }
        false => "",
    };
    let mut out = format!(
        "# Points fitted by fivefold {} ({}) to {} persons, {} of them bad. The characteristics,\n\
         # their reasons and directions are those of {} {}; the points are not.\n{made_up}#\n\
         # score = base_points + the points of every characteristic, clamped to [min, max].\n\
         # `baseline` is what everybody has on average: what no data and no consent give, and what\n\
         # losses are counted from. Bins are half-open: `from` is in, `to` is not. `rows` and\n\
         # `bads` are the persons that a bin was fitted to.\n\n",
        development.program,
        development.method,
        development.rows,
        development.bads,
        former.id,
        former.version,
    );
    let _ = write!(
        out,
        "id = {}\nversion = \"1.0.0\"\nstatus = \"{status}\"\nvalidated_for = []\n\
         target = \"\"\"\n{}\"\"\"\ninquiry_reason = {}\nmonth_turn_points_max = {}\n",
        quoted(frame.id),
        former.target.trim(),
        quoted(&former.inquiry_reason),
        // A fitted table is steeper in places than the one whose form it takes.
        (former.month_turn_points_max * 4 + 2) / 3,
    );
    scale(&mut out, &former.scale, base_points);
    let assessable = &former.assessable;
    let _ = write!(
        out,
        "\n[assessable]\nidentity_level = {}\nhistory_months = {}\nupdate_months = {}\n\
         thin_below_months = {}\n\n[reference_income]\n",
        assessable.identity_level,
        assessable.history_months,
        assessable.update_months,
        assessable.thin_below_months,
    );
    for (currency, income) in &former.reference_income {
        let _ = writeln!(out, "{currency} = {income}");
    }
    out.push_str(&super::write::development(development));
    for band in &former.bands {
        let _ = write!(out, "\n[[band]]\nname = {}\nfrom = {}\n", quoted(&band.name), band.from);
        if let Some(to) = band.to {
            let _ = writeln!(out, "to = {to}");
        }
    }
    out
}

fn scale(out: &mut String, scale: &Scale, base_points: i32) {
    let _ = write!(
        out,
        "\n[scale]\nbase_points = {base_points}\nmin = {}\nmax = {}\npdo = {}\nbase_odds = {}\n\
         odds_at = {}\n",
        scale.min, scale.max, scale.pdo, scale.base_odds, scale.odds_at,
    );
}
