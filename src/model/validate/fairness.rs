//! How groups fare that the scorecard must not tell apart: measured, never fitted to.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::model::bins::{self, Coded, Fineness};
use crate::model::error::ModelError;
use crate::model::metrics::auc;
use crate::model::table::{Column, Table};
use crate::model::woe;
use crate::score::column::Cell;
use crate::score::scorecard::Scorecard;

/// The four-fifths rule (29 CFR 1607.4(D), borrowed by lenders).
pub const GATE_AIR: f64 = 0.80;
/// A mean that far away, in standard deviations, is looked at.
pub const GATE_SMD: f64 = 0.30;
/// A group that the characteristics tell that well is looked at.
pub const GATE_PROXY: f64 = 0.60;
/// Groups with fewer rows are not judged.
const ROWS_MIN: usize = 30;
/// The most groups of one column.
const GROUPS_MAX: usize = 12;
/// Rows that the proxy test looks at.
const PROXY_ROWS_MAX: usize = 20_000;

/// One group of a protected column.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Group {
    /// Its value.
    pub name: String,
    /// Rows.
    pub rows: u64,
    /// Share that went bad.
    pub bad_rate: f64,
    /// Mean predicted probability.
    pub predicted: f64,
    /// Share selected: at or above the cut-off.
    pub selected: f64,
    /// Adverse impact ratio: share selected against the reference group's.
    pub air: f64,
    /// Mean score against the reference group's, in standard deviations.
    pub smd: f64,
    /// Share selected among the good, less the reference group's.
    pub opportunity_gap: f64,
    /// AUC within the group, where it has both outcomes.
    pub auc: Option<f64>,
    /// How well the scorecard's characteristics tell the group from everybody else (AUC, on rows
    /// not fitted to).
    pub proxy_auc: Option<f64>,
}

/// One protected column.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fairness {
    /// The column.
    pub column: String,
    /// The score from which on a row counts as selected.
    pub cut_off: i32,
    /// The reference: the group most often selected among those with a tenth of the rows or more.
    pub reference: String,
    /// The groups, the largest first.
    pub groups: Vec<Group>,
    /// Whether every ratio passes the gate.
    pub passes: bool,
}

/// What is known of each row.
pub struct Rows<'a> {
    /// Scores.
    pub scores: &'a [i32],
    /// Probabilities of bad.
    pub probabilities: &'a [f64],
    /// Outcomes.
    pub bad: &'a [bool],
}

/// How the groups of one column fare at a cut-off.
///
/// # Errors
/// A column of the scorecard is missing.
pub fn fairness(
    scorecard: &Scorecard,
    table: &Table,
    column: &Column,
    rows: &Rows<'_>,
    threads: usize,
) -> Result<Fairness, ModelError> {
    let cut_off = cut_off(rows.scores);
    let members = members(column);
    let deviation = deviation(rows.scores);
    let coded = coded(scorecard, table, &column.name)?;
    let mut groups: Vec<(Group, f64)> = Vec::new();
    for (name, members) in &members {
        let of = |count: usize| count as f64 / members.len() as f64;
        let good: Vec<usize> = members.iter().copied().filter(|row| !rows.bad[*row]).collect();
        let is_selected = |row: &&usize| rows.scores[**row] >= cut_off;
        let chosen_good = good.iter().filter(is_selected).count();
        let pairs: Vec<(i64, bool)> =
            members.iter().map(|row| (i64::from(rows.scores[*row]), rows.bad[*row])).collect();
        let mean = pairs.iter().map(|p| p.0).sum::<i64>() as f64 / members.len() as f64;
        groups.push((
            Group {
                name: name.clone(),
                rows: members.len() as u64,
                bad_rate: of(members.len() - good.len()),
                predicted: members.iter().map(|row| rows.probabilities[*row]).sum::<f64>()
                    / members.len() as f64,
                selected: of(members.iter().filter(is_selected).count()),
                air: 1.0,
                smd: 0.0,
                opportunity_gap: chosen_good as f64 / (good.len() as f64).max(1.0),
                auc: auc(&pairs).map(|auc| auc.value),
                proxy_auc: proxy(&coded, members, table.rows, threads),
            },
            mean,
        ));
    }
    let large = |group: &Group| group.rows as usize * 10 >= table.rows;
    let reference = groups
        .iter()
        .filter(|(group, _)| large(group))
        .max_by(|a, b| a.0.selected.total_cmp(&b.0.selected).then(b.0.name.cmp(&a.0.name)))
        .or(groups.first())
        .map(|(group, mean)| (group.name.clone(), group.selected, group.opportunity_gap, *mean));
    let (reference, selected, opportunity, mean) = reference.unwrap_or_default();
    for (group, own) in &mut groups {
        group.air = if selected > 0.0 { group.selected / selected } else { 1.0 };
        group.smd = if deviation > 0.0 { (*own - mean) / deviation } else { 0.0 };
        group.opportunity_gap -= opportunity;
    }
    let groups: Vec<Group> = groups.into_iter().map(|(group, _)| group).collect();
    let passes = groups.iter().all(|group| group.air >= GATE_AIR);
    Ok(Fairness { column: column.name.clone(), cut_off, reference, groups, passes })
}

/// The score from which on half are selected; the next one up where so many share the lowest that
/// everybody would be.
fn cut_off(scores: &[i32]) -> i32 {
    let mut sorted = scores.to_vec();
    sorted.sort_unstable();
    let lowest = sorted.first().copied().unwrap_or(0);
    let median = sorted.get(sorted.len() / 2).copied().unwrap_or(0);
    match median > lowest {
        true => median,
        false => sorted.into_iter().find(|score| *score > lowest).unwrap_or(lowest),
    }
}

fn deviation(scores: &[i32]) -> f64 {
    let n = (scores.len() as f64).max(1.0);
    let mean = scores.iter().map(|s| i64::from(*s)).sum::<i64>() as f64 / n;
    let squares: f64 = scores.iter().map(|s| (f64::from(*s) - mean) * (f64::from(*s) - mean)).sum();
    (squares / n).sqrt()
}

/// The groups of a column, the largest first: each value, or fifths of the numbers where there are
/// many; small groups, and those beyond the largest, are judged together.
fn members(column: &Column) -> Vec<(String, Vec<usize>)> {
    let mut by_value: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let mut numbers: Vec<(crate::score::column::Decimal, usize)> = Vec::new();
    for row in 0..column.len() {
        let name = match column.cell(row) {
            Cell::Missing => "missing".to_string(),
            Cell::Number(number) => {
                numbers.push((number, row));
                number.text()
            }
            Cell::Text(text) => text.to_string(),
        };
        by_value.entry(name).or_default().push(row);
    }
    let mut groups: Vec<(String, Vec<usize>)> = by_value.into_iter().collect();
    if groups.len() > GROUPS_MAX && !numbers.is_empty() {
        numbers.sort_by(|a, b| a.0.compare(b.0).then(a.1.cmp(&b.1)));
        groups = fifths(&numbers);
    }
    groups.sort_by(|a, b| b.1.len().cmp(&a.1.len()).then(a.0.cmp(&b.0)));
    let large = groups.iter().take_while(|group| group.1.len() >= ROWS_MIN).count();
    let rest = groups.split_off(large.min(GROUPS_MAX));
    let mut together: Vec<usize> = rest.into_iter().flat_map(|(_, rows)| rows).collect();
    together.sort_unstable();
    // fewer cannot be judged even so
    if together.len() >= ROWS_MIN {
        groups.push(("all others".to_string(), together));
    }
    groups
}

fn fifths(numbers: &[(crate::score::column::Decimal, usize)]) -> Vec<(String, Vec<usize>)> {
    let n = numbers.len();
    let mut out: Vec<(String, Vec<usize>)> = Vec::new();
    let mut at = 0;
    for fifth in 1..=5 {
        let mut end = (fifth * n / 5).max(at);
        // equal numbers stay together
        while end > at && end < n && numbers[end].0 == numbers[end - 1].0 {
            end += 1;
        }
        if end > at {
            let name = format!("{} to {}", numbers[at].0.text(), numbers[end - 1].0.text());
            out.push((name, numbers[at..end].iter().map(|(_, row)| *row).collect()));
            at = end;
        }
    }
    out
}

/// The scorecard's columns in codes, without the protected one.
fn coded(scorecard: &Scorecard, table: &Table, protected: &str) -> Result<Vec<Coded>, ModelError> {
    let step = table.rows.div_ceil(PROXY_ROWS_MAX).max(1);
    let fineness = Fineness { bins: 32, category_rows: 20 };
    let mut out = Vec::new();
    for entry in scorecard.characteristics.iter().filter(|entry| entry.name != protected) {
        let specials: Vec<String> = entry.specials().iter().map(|s| s.value.clone()).collect();
        let mut coded = bins::divide(table.column(&entry.name)?, &specials, fineness)?;
        coded.codes = coded.codes.into_iter().step_by(step).collect();
        out.push(coded);
    }
    Ok(out)
}

/// How well the columns tell a group: fitted on one half of the rows, judged on the other.
fn proxy(columns: &[Coded], members: &[usize], rows: usize, threads: usize) -> Option<f64> {
    let mut is_member = vec![false; rows];
    members.iter().for_each(|row| is_member[*row] = true);
    let step = rows.div_ceil(PROXY_ROWS_MAX).max(1);
    let inside: Vec<bool> = is_member.into_iter().step_by(step).collect();
    let half = |odd: usize| -> (Vec<Coded>, Vec<bool>) {
        let of = |c: &Coded| Coded {
            name: c.name.clone(),
            form: c.form.clone(),
            codes: c.codes.iter().copied().skip(odd).step_by(2).collect(),
        };
        let inside = inside.iter().copied().skip(odd).step_by(2).collect();
        (columns.iter().map(of).collect(), inside)
    };
    let ((fitted_to, group), (judged_on, other)) = (half(0), half(1));
    let both = |group: &[bool]| {
        let count = group.iter().filter(|g| **g).count();
        count >= 10 && group.len() - count >= 10
    };
    if !both(&group) || !both(&other) {
        return None;
    }
    let model = woe::fit(&fitted_to, &group, &[], &woe::Settings::new(1, threads));
    let score = |row: usize| -> f64 {
        let shapes = judged_on.iter().zip(&model.shapes);
        shapes.map(|(c, shape)| shape[usize::from(c.codes[row])]).sum()
    };
    let pairs: Vec<(i64, bool)> = other
        .iter()
        .enumerate()
        .map(|(row, inside)| ((-score(row) * 1e9) as i64, *inside))
        .collect();
    auc(&pairs).map(|auc| auc.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_off_selects_some_and_not_all() {
        assert_eq!(cut_off(&[350, 350, 350, 400, 500]), 400);
        assert_eq!(cut_off(&[300, 400, 500, 600]), 500);
        assert_eq!(cut_off(&[350; 4]), 350);
    }
}
