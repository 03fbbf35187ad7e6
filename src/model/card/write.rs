//! The TOML text of a scorecard.

use std::fmt::Write as _;

use super::scale::score_at;
use super::{About, Model, Part};
use crate::model::bins::Form;
use crate::model::boost::PairTerm;
use crate::model::table::number::{parse, ten};
use crate::score::scale::Scale;
use crate::score::scorecard::{Development, Monotone};

/// Named bands, as production has them.
const BANDS: [(&str, i32); 5] =
    [("poor", 350), ("fair", 550), ("good", 600), ("excellent", 650), ("outstanding", 700)];

/// Text as TOML writes it.
pub fn quoted(text: &str) -> String {
    toml::Value::String(text.to_string()).to_string()
}

pub fn scorecard(model: &Model, scale: &Scale, about: &About) -> String {
    let per_log = f64::from(scale.pdo) / std::f64::consts::LN_2 * f64::from(scale.unit);
    let points = |value: f64| (-value * per_log).round() as i32;
    let neutral = score_at(scale, -model.intercept) * f64::from(scale.unit);
    let ends = [scale.min, scale.max].map(|end| f64::from(end) * f64::from(scale.unit));
    let neutral = neutral.round().clamp(ends[0], ends[1]) as i32;
    let means: Vec<i32> = model.parts.iter().map(|part| mean_points(part, points)).collect();
    // the mean of a two-way table is nought: it was taken into the intercept
    let base = neutral - means.iter().sum::<i32>();
    let mut out = head(scale, about, base);
    for (place, baseline) in means.into_iter().enumerate() {
        characteristic(&mut out, &without_idle_zeros(model, place, points), baseline, points);
    }
    for pair in &model.pairs {
        let parts = pair.columns.map(|place| without_idle_zeros(model, place, points));
        two_way(&mut out, &parts, pair, points);
    }
    out
}

/// A part whose limits have no more decimals than those that are printed need, so that 0.0995 is
/// `995` of four decimals and not `99500000000` of twelve.
fn without_idle_zeros(model: &Model, place: usize, points: impl Fn(f64) -> i32) -> Part {
    let mut part = model.parts[place].clone();
    let Form::Numbers { decimals, cuts, specials } = &mut part.form else { return part };
    let of_special =
        specials.iter().filter_map(|s| parse(s.as_bytes(), false)).map(|(_, decimals)| decimals);
    let least = of_special.max().unwrap_or(0);
    let values = &part.values;
    let both = model.pairs.iter().flat_map(|pair| pair.columns.iter().zip(&pair.axes));
    let axes: Vec<&Vec<u8>> =
        both.filter(|(own, _)| **own == place).map(|(_, axis)| axis).collect();
    let printed = |i: usize| {
        let on_an_axis = axes.iter().any(|axis| axis[i] != axis[i + 1]);
        on_an_axis || points(values[i]) != points(values[i + 1])
    };
    let shown: Vec<i64> =
        cuts.iter().enumerate().filter(|(i, _)| printed(*i)).map(|(_, cut)| *cut).collect();
    let mut idle = 0;
    while *decimals - idle > least && shown.iter().all(|cut| cut % ten(idle + 1) == 0) {
        idle += 1;
    }
    *decimals -= idle;
    // limits that are not printed may lose digits
    cuts.iter_mut().for_each(|cut| *cut = cut.div_euclid(ten(idle)));
    part
}

fn mean_points(part: &Part, points: impl Fn(f64) -> i32) -> i32 {
    let total = part.rows.iter().sum::<u64>().max(1) as i128;
    let weighted = part.values.iter().zip(&part.rows);
    let sum: i128 = weighted.map(|(v, n)| i128::from(points(*v)) * i128::from(*n)).sum();
    (2 * sum + total).div_euclid(2 * total) as i32
}

fn head(scale: &Scale, about: &About, base: i32) -> String {
    let development = &about.development;
    let mut out = format!(
        "# Fitted by fivefold {} ({}) to {} rows, {} of them bad.\n\
         # Points are hundredths of a score point: score = (base_points + the points of every\n\
         # characteristic and two-way table) / {}, rounded and kept within [min, max]. A row's\n\
         # points are what it gains or loses against everybody's mean.\n\
         # Bins are half-open: `from` is in, `to` is not; both count units of the last decimal.\n\n",
        development.program, development.method, development.rows, development.bads, scale.unit,
    );
    let _ = write!(
        out,
        "id = {}\nversion = \"1\"\nstatus = \"candidate\"\nvalidated_for = []\ntarget = {}\n\n\
         [scale]\nbase_points = {base}\nmin = {}\nmax = {}\npdo = {}\nbase_odds = {}\n\
         odds_at = {}\nunit = {}\n",
        quoted(&about.id),
        quoted(&about.target),
        scale.min,
        scale.max,
        scale.pdo,
        scale.base_odds,
        scale.odds_at,
        scale.unit,
    );
    out.push_str(&self::development(development));
    for (i, (name, from)) in BANDS.iter().enumerate() {
        let _ = write!(out, "\n[[band]]\nname = \"{name}\"\nfrom = {from}\n");
        if let Some((_, to)) = BANDS.get(i + 1) {
            let _ = writeln!(out, "to = {to}");
        }
    }
    out
}

/// What a scorecard was fitted to, as TOML.
pub fn development(development: &Development) -> String {
    let deciles: Vec<String> = development.deciles.iter().map(i32::to_string).collect();
    let tenths: Vec<String> = development.tenths.iter().map(u64::to_string).collect();
    let mut out = format!(
        "\n[development]\nmethod = {}\nprogram = {}\nseed = {}\ndata = {}\noutcome = [{}, {}]\n\
         rows = {}\nbads = {}\n",
        quoted(&development.method),
        quoted(&development.program),
        development.seed,
        quoted(&development.data),
        quoted(&development.outcome[0]),
        quoted(&development.outcome[1]),
        development.rows,
        development.bads,
    );
    if development.synthetic {
        out.push_str("synthetic = true\n");
    }
    let _ = writeln!(out, "deciles = [{}]\ntenths = [{}]", deciles.join(", "), tenths.join(", "));
    out
}

/// Points, rows and bads of some codes that share a bin.
struct Tally {
    points: i32,
    rows: u64,
    bads: u64,
}

impl Tally {
    fn of(part: &Part, code: usize, points: impl Fn(f64) -> i32) -> Tally {
        let (rows, bads) = (part.rows[code], part.bads[code]);
        Tally { points: points(part.values[code]), rows, bads }
    }

    fn text(&self) -> String {
        format!("points = {}, rows = {}, bads = {}", self.points, self.rows, self.bads)
    }
}

fn characteristic(
    out: &mut String,
    part: &Part,
    baseline: i32,
    points: impl Fn(f64) -> i32 + Copy,
) {
    let name = quoted(&part.name);
    let _ = write!(out, "\n[[characteristic]]\nname = {name}\nreason = {name}\n");
    if let Some(dimension) = part.dimension {
        let _ = writeln!(out, "dimension = \"{}\"", dimension.name());
    }
    let _ = writeln!(out, "rationale = {}\nbaseline = {baseline}", quoted(&part.finding));
    let missing = Tally::of(part, part.form.missing(), points);
    let no_data = if missing.rows > 0 { missing.points } else { baseline };
    let _ = writeln!(
        out,
        "no_data = {no_data}\nno_data_rows = {}\nno_data_bads = {}\nnot_applicable = {baseline}",
        missing.rows, missing.bads
    );
    match part.monotone {
        Some(Monotone::Increasing) => out.push_str("monotone = \"increasing\"\n"),
        Some(Monotone::Decreasing) => out.push_str("monotone = \"decreasing\"\n"),
        None => {}
    }
    match &part.form {
        Form::Numbers { decimals, cuts, specials } => {
            bins(out, part, cuts, points);
            let _ =
                writeln!(out, "[characteristic.column]\nkind = \"numeric\"\ndecimals = {decimals}");
            if !specials.is_empty() {
                out.push_str("special = [\n");
                for (i, special) in specials.iter().enumerate() {
                    let mut tally = Tally::of(part, part.form.missing() + 1 + i, points);
                    tally.points = if tally.rows > 0 { tally.points } else { baseline };
                    let _ = writeln!(out, "  {{ value = {}, {} }},", quoted(special), tally.text());
                }
                out.push_str("]\n");
            }
        }
        Form::Words { categories } => groups(out, part, categories, baseline, points),
    }
}

/// Neighbouring codes with the same points are one bin.
fn bins(out: &mut String, part: &Part, cuts: &[i64], points: impl Fn(f64) -> i32 + Copy) {
    out.push_str("bins = [\n");
    let mut from: Option<i64> = None;
    let mut held: Option<Tally> = None;
    for code in 0..=cuts.len() {
        let mut tally = Tally::of(part, code, points);
        if let Some(held) = held.take() {
            tally.rows += held.rows;
            tally.bads += held.bads;
        }
        let to = cuts.get(code).copied();
        let same = to.is_some() && points(part.values[code + 1]) == tally.points;
        if same {
            held = Some(tally);
            continue;
        }
        let limits = match (from, to) {
            (Some(from), Some(to)) => format!("from = {from}, to = {to}, "),
            (Some(from), None) => format!("from = {from}, "),
            (None, Some(to)) => format!("to = {to}, "),
            (None, None) => String::new(),
        };
        let _ = writeln!(out, "  {{ {limits}{} }},", tally.text());
        from = to;
    }
    out.push_str("]\n");
}

/// Categories with the same points are one group, the riskiest first.
fn groups(
    out: &mut String,
    part: &Part,
    categories: &[String],
    baseline: i32,
    points: impl Fn(f64) -> i32 + Copy,
) {
    let mut order: Vec<usize> = (0..categories.len()).collect();
    order.sort_by_key(|code| (points(part.values[*code]), *code));
    let mut other = Tally::of(part, categories.len(), points);
    other.points = if other.rows > 0 { other.points } else { baseline };
    let _ = writeln!(
        out,
        "[characteristic.column]\nkind = \"category\"\nother = {}\nother_rows = {}\n\
         other_bads = {}\ngroup = [",
        other.points, other.rows, other.bads
    );
    for group in order.chunk_by(|a, b| points(part.values[*a]) == points(part.values[*b])) {
        let mut tally = Tally { points: points(part.values[group[0]]), rows: 0, bads: 0 };
        for code in group {
            tally.rows += part.rows[*code];
            tally.bads += part.bads[*code];
        }
        let names: Vec<String> = group.iter().map(|code| quoted(&categories[*code])).collect();
        let _ = writeln!(out, "  {{ values = [{}], {} }},", names.join(", "), tally.text());
    }
    out.push_str("]\n");
}

fn two_way(
    out: &mut String,
    [a, b]: &[Part; 2],
    pair: &PairTerm,
    points: impl Fn(f64) -> i32 + Copy,
) {
    let reason = quoted(&format!("{} and {}", a.name, b.name));
    let _ = write!(
        out,
        "\n[[pair]]\nof = [{}, {}]\nreason = {reason}\n",
        quoted(&a.name),
        quoted(&b.name)
    );
    if let Some(dimension) = a.dimension {
        let _ = writeln!(out, "dimension = \"{}\"", dimension.name());
    }
    let _ = writeln!(
        out,
        "rationale = \"What the two say together beyond what each says alone; from the data.\"\n\
         baseline = 0\naxes = [\n  {},\n  {},\n]\npoints = [",
        axis(a, &pair.axes[0]),
        axis(b, &pair.axes[1])
    );
    for row in pair.values.chunks(pair.sizes[1]) {
        let row: Vec<String> = row.iter().map(|value| points(*value).to_string()).collect();
        let _ = writeln!(out, "  [{}],", row.join(", "));
    }
    out.push_str("]\n");
}

/// How an axis divides its column: the limits, or the categories of each place.
fn axis(part: &Part, places: &[u8]) -> String {
    match &part.form {
        Form::Numbers { cuts, .. } => {
            let limits = cuts.iter().enumerate().filter(|(i, _)| places[*i] != places[i + 1]);
            let limits: Vec<String> = limits.map(|(_, cut)| cut.to_string()).collect();
            format!("{{ cuts = [{}] }}", limits.join(", "))
        }
        Form::Words { categories } => {
            let other = usize::from(places[categories.len()]);
            let groups: Vec<String> = (0..other)
                .map(|place| {
                    let inside = categories.iter().enumerate();
                    let inside = inside.filter(|(code, _)| usize::from(places[*code]) == place);
                    let names: Vec<String> = inside.map(|(_, name)| quoted(name)).collect();
                    format!("[{}]", names.join(", "))
                })
                .collect();
            format!("{{ groups = [{}] }}", groups.join(", "))
        }
    }
}
