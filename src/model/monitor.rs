//! Does a scorecard in use still hold? PSI of the score, CSI of its characteristics, Gini against
//! what came later, and challengers beside it (domain.md 5.2).

use super::governance::Watch;
use super::metrics::discrimination;
use super::validate::stability::{Shift, of_score, shift};
use crate::score::edition::is_edition;
use crate::score::{Scorecard, Value, Vector};

/// Fewer scores than this say nothing.
pub const SCORES_MIN: usize = 100;
/// Fewer bad outcomes than this say nothing.
const BADS_MIN: u64 = 20;
/// Index above which somebody must look, and act, in thousandths, if it is beyond chance.
const LOOK_MILLI: i64 = 100;
const ACT_MILLI: i64 = 250;
/// Relative fall of Gini since validation at which somebody must look, and act, in per cent.
const FALL_LOOK: i64 = 10;
const FALL_ACT: i64 = 20;

/// One score that was given.
#[derive(Clone, Debug)]
pub struct Given {
    /// The score.
    pub score: i32,
    /// What it was made of.
    pub vector: Vector,
    /// Whether it ended badly, once that is known.
    pub bad: Option<bool>,
    /// What challengers said, by digest.
    pub shadows: Vec<(String, i32)>,
}

fn milli(x: f64) -> i64 {
    (x * 1_000.0).round() as i64
}

/// What a look at the scores given by `card` finds. `gini_milli` is Gini at validation. Of an
/// edition nobody knows how its scores should be spread: the whole card was fitted to other
/// persons. Its characteristics are looked at, and how its scores have gone.
pub fn watch(card: &Scorecard, given: &[Given], gini_milli: Option<i64>) -> Watch {
    let scores: Vec<i32> = given.iter().map(|one| one.score).collect();
    let mut found = Watch { scores: given.len() as u64, ..Watch::default() };
    let mut worst = 0;
    let mut judge = |level: u8, why: String| {
        worst = worst.max(level);
        found.why.push(why);
    };
    let score = of_score(card, &scores).filter(|_| !is_edition(&card.id));
    let moved = shifts(card, given);
    for shift in score.iter().chain(&moved) {
        let psi = milli(shift.psi);
        if psi >= LOOK_MILLI && shift.p_value <= 0.01 {
            let level = if psi >= ACT_MILLI { 2 } else { 1 };
            judge(level, format!("{} has moved: index {:.2}", shift.of, shift.psi));
        }
    }
    let gini = |of: &dyn Fn(&Given) -> Option<i32>| {
        let known = given.iter().filter_map(|one| Some((i64::from(of(one)?), one.bad?)));
        discrimination(&known.collect::<Vec<_>>()).filter(|found| found.n_bad >= BADS_MIN)
    };
    let own = gini(&|one| Some(one.score));
    if let (Some(now), Some(then)) = (&own, gini_milli.filter(|then| *then > 0)) {
        let fall = (then - milli(now.gini.value)) * 100 / then;
        if fall >= FALL_LOOK {
            let level = if fall >= FALL_ACT { 2 } else { 1 };
            judge(level, format!("Gini has fallen by {fall} % since validation"));
        }
    }
    let mut digests: Vec<&String> =
        given.iter().flat_map(|one| &one.shadows).map(|(digest, _)| digest).collect();
    digests.sort_unstable();
    digests.dedup();
    for digest in digests {
        let of =
            |one: &Given| one.shadows.iter().find(|(d, _)| d == digest).map(|(_, score)| *score);
        // both on the persons whom both have scored
        let champion = gini(&|one| of(one).map(|_| one.score));
        if let (Some(theirs), Some(own)) = (gini(&of), champion) {
            let lead = milli(theirs.gini.value - own.gini.value);
            found.challengers.push((digest.clone(), lead));
        }
    }
    found.psi_milli = score.map(|shift| milli(shift.psi));
    found.worst = moved.first().map(|shift| (shift.of.clone(), milli(shift.psi)));
    found.outcomes = given.iter().filter(|one| one.bad.is_some()).count() as u64;
    found.gini_milli = own.map(|own| milli(own.gini.value));
    found.verdict = ["ok", "look", "act"][usize::from(worst)].to_string();
    found
}

/// The shift of each characteristic over its bins, the largest first; those that do not say how
/// many persons each bin was fitted to have none.
fn shifts(card: &Scorecard, given: &[Given]) -> Vec<Shift> {
    let mut out: Vec<Shift> = card
        .characteristics
        .iter()
        .filter_map(|entry| {
            let expected: Vec<u64> = entry.bins.iter().map(|bin| bin.rows).collect();
            let mut actual = vec![0; expected.len()];
            for one in given {
                let value = one.vector.values.iter().find(|(name, _)| *name == entry.name);
                if let Some((_, Value::Known(value))) = value
                    && let Some(count) = actual.get_mut(entry.bin(*value))
                {
                    *count += 1;
                }
            }
            let fitted = expected.iter().any(|rows| *rows > 0);
            shift(&entry.name, &expected, &actual).filter(|_| fitted)
        })
        .collect();
    out.sort_by(|a, b| b.psi.total_cmp(&a.psi).then(a.of.cmp(&b.of)));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::assess::Gate;

    const CARD: &str = "id = \"m\"\nversion = \"1\"\nstatus = \"candidate\"\n\
        validated_for = []\ntarget = \"t\"\n[scale]\nbase_points = 600\nmin = 350\nmax = 950\n\
        pdo = 50\nbase_odds = 20\nodds_at = 600\n[[band]]\nname = \"all\"\nfrom = 350\n\
        [development]\nmethod = \"boost\"\nprogram = \"0\"\nseed = 1\ndata = \"d\"\n\
        outcome = [\"o\", \"bad\"]\nrows = 1000\nbads = 100\ndeciles = [600]\n\
        tenths = [500, 500]\n\
        [[characteristic]]\nname = \"worst_dpd_12m\"\nreason = \"R\"\nrationale = \"r\"\n\
        baseline = 0\nno_data = 0\nnot_applicable = 0\nbins = [\n\
        { to = 30, points = 20, rows = 500 }, { from = 30, points = -20, rows = 500 } ]\n";

    fn given(late: usize, of: usize, flip: bool) -> Vec<Given> {
        (0..of)
            .map(|i| {
                let is_late = i < late;
                let score = if is_late { 580 } else { 620 };
                let value = Value::Known(if is_late { 60 } else { 0 });
                Given {
                    score,
                    vector: Vector {
                        gate: Gate::default(),
                        values: vec![("worst_dpd_12m".into(), value)],
                    },
                    bad: Some((i % 4 == 0) == (is_late != flip)),
                    shadows: vec![("c".to_string(), -score)],
                }
            })
            .collect()
    }

    #[test]
    fn a_population_that_has_not_moved_is_let_be_and_one_that_has_is_not() {
        let card = Scorecard::read(CARD.as_bytes()).expect("a scorecard");
        let same = watch(&card, &given(200, 400, false), None);
        assert_eq!((same.verdict.as_str(), same.psi_milli), ("ok", Some(0)), "{same:?}");
        let moved = watch(&card, &given(380, 400, false), None);
        assert_eq!(moved.verdict, "act", "{moved:?}");
        assert_eq!(moved.worst.map(|w| w.0), Some("worst_dpd_12m".to_string()));
    }

    #[test]
    fn a_score_that_no_longer_tells_and_a_challenger_that_would_are_said() {
        let card = Scorecard::read(CARD.as_bytes()).expect("a scorecard");
        let good = watch(&card, &given(200, 400, true), Some(500));
        assert_eq!(good.verdict, "ok", "{good:?}");
        let turned = watch(&card, &given(200, 400, false), Some(500));
        assert_eq!(turned.verdict, "act", "{turned:?}");
        assert!(turned.why.iter().any(|why| why.starts_with("Gini has fallen")), "{turned:?}");
        let [(digest, lead)] = &turned.challengers[..] else { panic!("{turned:?}") };
        assert!(digest == "c" && *lead > 500, "{turned:?}");
    }
}
