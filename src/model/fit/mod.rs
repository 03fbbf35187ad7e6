//! From a table to a scorecard: read, divide, fit, join, write, and measure what was written.

mod caution;
mod order;
mod produce;
mod select;
#[cfg(test)]
mod tests;

pub use order::{Method, Order, Run, dimensions};
pub use produce::Cost;
pub use select::LeftOut;

use std::path::Path;

use serde::Serialize;
use serde_json::{Value, json};

use super::bins::{self, Coded, Fineness};
use super::boost;
use super::card::{self, About, Model, Part};
use super::error::ModelError;
use super::parallel;
use super::table::{Table, Wanted, read};
use super::target::Target;
use super::validate::Figures;
use super::validate::figures::calibration_line;
use super::woe;
use crate::kernel::bytes::hex;
use crate::score::scorecard::{Development, Monotone, Scorecard};

/// The fewest rows, and the fewest of each outcome, that anything is fitted to.
const ROWS_MIN: usize = 50;
const OUTCOMES_MIN: usize = 10;
/// Share of the score's variance that joining bins may cost.
const JOIN_SHARE: f64 = 0.0004;
/// Parts of the cross-validation of the `woe` method.
const PARTS: usize = 5;

/// What was found of one characteristic.
#[derive(Clone, Debug, Serialize)]
pub struct Characteristic {
    /// The column.
    pub name: String,
    /// Bins, with those for missing and special values.
    pub bins: usize,
    /// Information value of its bins.
    pub iv: f64,
    /// Share of the score's variance, alone.
    pub share: f64,
    /// The trend of its bins (`woe`).
    pub trend: Option<&'static str>,
    /// Coefficient of its weight of evidence (`woe`).
    pub weight: Option<f64>,
    /// Variance inflation (`woe`).
    pub vif: Option<f64>,
}

/// A fitted scorecard and what is known of it.
pub struct Trained {
    /// The TOML text.
    pub text: String,
    /// The same, read.
    pub scorecard: Scorecard,
    /// The outcome.
    pub target: Target,
    /// Figures by split: `train`, `cv`, `holdout`.
    pub splits: Vec<(&'static str, Figures)>,
    /// The characteristics, the strongest first.
    pub characteristics: Vec<Characteristic>,
    /// Columns that were not used.
    pub left_out: Vec<LeftOut>,
    /// What whoever fitted it should look at.
    pub cautions: Vec<String>,
    /// What it costs that missing cells are neutral, where they are.
    pub neutral: Option<Cost>,
    /// Characteristics of a former scorecard about which the table says nothing.
    pub unsupported: Vec<String>,
    /// What else the method tells.
    pub notes: Value,
}

/// What each split was measured on: `metrics.json` says it beside the figures.
const SPLITS: [(&str, &str); 3] = [
    ("train", "the written scorecard on the rows it was fitted to"),
    (
        "cv",
        "every row by models that had not seen it, before bins were joined and points rounded. \
         When to stop, two-way tables and calibration were chosen on the same rows, so it is a \
         little too good: rely on a holdout",
    ),
    ("holdout", "the written scorecard on rows that nothing was chosen on"),
];

impl Trained {
    /// `metrics.json`: each split with its figures, then the rest.
    pub fn metrics(&self) -> Value {
        let mut out = serde_json::Map::new();
        for (split, figures) in &self.splits {
            out.insert(split.to_string(), json!(figures));
        }
        out.insert(
            "scorecard".into(),
            json!({
                "id": self.scorecard.id, "digest": hex(&self.scorecard.digest),
            }),
        );
        out.insert(
            "outcome".into(),
            json!({
                "column": self.target.name, "bad": self.target.positive,
                "good": self.target.negative, "guessed": self.target.guessed,
            }),
        );
        out.insert("characteristics".into(), json!(self.characteristics));
        out.insert("left_out".into(), json!(self.left_out));
        out.insert("cautions".into(), json!(self.cautions));
        out.insert("neutral".into(), json!(self.neutral));
        out.insert("unsupported".into(), json!(self.unsupported));
        let of = |(split, about): &(&str, &str)| (split.to_string(), json!(about));
        let there = |(split, _): &&(&str, &str)| self.splits.iter().any(|(name, _)| name == split);
        let about: serde_json::Map<_, _> = SPLITS.iter().filter(there).map(of).collect();
        out.insert("splits".into(), Value::Object(about));
        out.insert("fit".into(), self.notes.clone());
        Value::Object(out)
    }
}

/// What a method gives.
struct Fitted {
    model: Model,
    /// Log-odds of rows by models that had not seen them.
    unseen: Vec<f64>,
    notes: Value,
    found: Vec<Characteristic>,
    left_out: Vec<LeftOut>,
}

/// Fits a scorecard to a file.
///
/// # Errors
/// The file, the columns or the outcome are not fit for it.
pub fn train(path: &Path, order: &Order) -> Result<Trained, ModelError> {
    let table = read(path, &wanted(order))?;
    let digest = digest(path)?;
    train_table(&table, &digest, order)
}

/// Fits a scorecard to a table that has been read. `digest` names its file.
///
/// # Errors
/// The columns or the outcome are not fit for it.
pub fn train_table(table: &Table, digest: &str, order: &Order) -> Result<Trained, ModelError> {
    let target = Target::read(table.column(&order.target)?, order.positive.as_deref())?;
    let (places, mut left_out) = select::select(table, order)?;
    let (rows, held) = split(&target.bad, order);
    enough(&rows, &target.bad)?;
    let fitted_columns = coded(table, &places, &rows, order)?;
    let bad: Vec<bool> = rows.iter().map(|row| target.bad[*row]).collect();
    let mut fitted = match order.method {
        Method::Woe => fit_woe(&fitted_columns, &bad, order),
        Method::Boost => fit_boost(&fitted_columns, &bad, order),
    };
    left_out.extend(fitted.left_out);
    if fitted.model.parts.is_empty() {
        return Err(caution::nothing_left(&left_out));
    }
    let cautions = caution::of(&fitted_columns, &bad, &fitted.found, order);
    let written = |model: &Model| write(model, &fitted_columns, &bad, digest, &target, order);
    let seen = produce::Seen { table, rows: &rows, held: &held, bad: &target.bad };
    let mut neutral = None;
    if order.neutral {
        let free = written(&fitted.model)?.1;
        produce::neutralise(&mut fitted.model, &fitted_columns, &bad);
        neutral = Some(seen.cost(&free, &written(&fitted.model)?.1, order)?);
    }
    let (mut text, mut scorecard) = written(&fitted.model)?;
    let mut unsupported = Vec::new();
    if let Some(former) = &order.like {
        let fitted_rows = table.take(&rows);
        let ties = order.with_ties(table);
        let ties = ties.map(|order| train_table(&fitted_rows, digest, &order)).transpose()?;
        let ties = ties.as_ref().map(|ties| &ties.scorecard);
        (text, scorecard, unsupported) = seen.produce([Some(&scorecard), ties], former, order)?;
    }
    let mut splits = Vec::new();
    let train = seen.figures(&rows, &scorecard, order)?;
    splits.extend(train.map(|figures| ("train", figures)));
    splits.extend(Figures::of_log_odds(&fitted.unseen, &bad).map(|figures| ("cv", figures)));
    if !held.is_empty() {
        let held = seen.figures(&held, &scorecard, order)?;
        splits.extend(held.map(|figures| ("holdout", figures)));
    }
    let mut characteristics = fitted.found;
    characteristics.sort_by(|a, b| b.share.total_cmp(&a.share).then(a.name.cmp(&b.name)));
    Ok(Trained {
        text,
        scorecard,
        target,
        splits,
        characteristics,
        left_out,
        cautions,
        neutral,
        unsupported,
        notes: fitted.notes,
    })
}

/// The columns to try, in codes, over the rows that are fitted to.
fn coded(
    table: &Table,
    places: &[usize],
    rows: &[usize],
    order: &Order,
) -> Result<Vec<Coded>, ModelError> {
    let columns: Vec<_> = places.iter().map(|place| &table.columns[*place]).collect();
    let of = |_: usize, column: &&super::table::Column| -> Result<Coded, ModelError> {
        let specials = order.special.get(&column.name).map_or(&[][..], Vec::as_slice);
        let part;
        let column = match rows.len() == table.rows {
            true => *column,
            false => {
                part = column.take(rows);
                &part
            }
        };
        bins::divide(column, specials, fineness(order.method, rows.len()))
    };
    parallel::map(order.threads, &columns, of).into_iter().collect()
}

/// The rows that a report on a fit is measured on, and what they are: those kept apart, else all.
///
/// # Errors
/// The file cannot be read.
pub fn measured(path: &Path, order: &Order) -> Result<(Table, &'static str), ModelError> {
    let table = read(path, &wanted(order))?;
    let target = Target::read(table.column(&order.target)?, order.positive.as_deref())?;
    let (_, held) = split(&target.bad, order);
    if held.is_empty() {
        return Ok((table, "the rows it was fitted to"));
    }
    Ok((table.take(&held), "the rows kept apart from the fit"))
}

fn wanted(order: &Order) -> Wanted<'_> {
    Wanted { categorical: &order.categorical, ..Wanted::default() }
}

/// SHA-256 of a file.
fn digest(path: &Path) -> Result<String, ModelError> {
    use std::io::Read;
    let failed = |e: std::io::Error| ModelError::unreadable(path, e);
    let mut file = std::fs::File::open(path).map_err(failed)?;
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer).map_err(failed)? {
            0 => return Ok(hex(context.finish().as_ref())),
            n => context.update(&buffer[..n]),
        }
    }
}

/// The rows that are fitted to, and those that are kept apart.
fn split(bad: &[bool], order: &Order) -> (Vec<usize>, Vec<usize>) {
    if order.holdout_permille == 0 {
        return ((0..bad.len()).collect(), Vec::new());
    }
    let all = boost::order(bad, 1_000.min(bad.len()), order.seed, u64::MAX);
    let held = bad.len() * order.holdout_permille as usize / 1_000;
    let (held, rows) = all.split_at(held);
    let sorted = |rows: &[usize]| {
        let mut rows = rows.to_vec();
        rows.sort_unstable();
        rows
    };
    (sorted(rows), sorted(held))
}

fn enough(rows: &[usize], bad: &[bool]) -> Result<(), ModelError> {
    let bads = rows.iter().filter(|row| bad[**row]).count();
    let fewer = bads.min(rows.len() - bads);
    if rows.len() < ROWS_MIN || fewer < OUTCOMES_MIN {
        return Err(ModelError::Table(format!(
            "too little to fit: {} rows, {bads} of them bad; {ROWS_MIN} rows with {OUTCOMES_MIN} \
             of each outcome are the least",
            rows.len()
        )));
    }
    Ok(())
}

fn fineness(method: Method, rows: usize) -> Fineness {
    match method {
        Method::Woe => Fineness { bins: 30, category_rows: (rows / 200).max(5) },
        Method::Boost => Fineness { bins: 128, category_rows: 3 },
    }
}

/// The direction in which the bad rate runs over the ordered codes: up in points where it falls.
fn direction(column: &Coded, bad: &[bool]) -> Monotone {
    let ordered = column.form.ordered();
    let (mut n, mut x, mut y, mut xy) = (0_i128, 0_i128, 0_i128, 0_i128);
    for (code, bad) in column.codes.iter().zip(bad) {
        if usize::from(*code) < ordered {
            let (code, bad) = (i128::from(*code), i128::from(*bad));
            (n, x, y, xy) = (n + 1, x + code, y + bad, xy + code * bad);
        }
    }
    if n * xy > x * y { Monotone::Decreasing } else { Monotone::Increasing }
}

/// The direction asked for a column, if any was.
fn asked(column: &Coded, bad: &[bool], order: &Order) -> Option<Monotone> {
    let all = order.monotone_all && column.form.ordered() > 0;
    match order.monotone.get(&column.name).copied().or(all.then_some(Run::Auto))? {
        Run::Up => Some(Monotone::Increasing),
        Run::Down => Some(Monotone::Decreasing),
        Run::Auto => Some(direction(column, bad)),
    }
}

fn finding(found: &Characteristic) -> String {
    let trend = found.trend.map(|t| format!(", {t}")).unwrap_or_default();
    format!(
        "Fitted, not yet argued by an expert. Information value {:.3}{trend}; alone {:.1} % of the \
         score's variance.",
        found.iv,
        found.share * 100.0
    )
}

/// Information value of the bins that a part's values make.
fn information(part: &Part) -> (f64, usize) {
    let mut bins: Vec<(u64, u64, u64)> = Vec::new();
    for ((value, rows), bads) in part.values.iter().zip(&part.rows).zip(&part.bads) {
        let bits = value.to_bits();
        match bins.iter_mut().find(|bin| bin.0 == bits) {
            Some(bin) => (bin.1, bin.2) = (bin.1 + rows, bin.2 + bads),
            None if *rows > 0 => bins.push((bits, *rows, *bads)),
            None => {}
        }
    }
    let all: u64 = part.rows.iter().sum();
    let bad: u64 = part.bads.iter().sum();
    let good = all - bad;
    let iv = bins.iter().map(|(_, rows, bads)| {
        let b = (*bads as f64 + 0.5) / (bad as f64 + 1.0);
        let g = ((rows - bads) as f64 + 0.5) / (good as f64 + 1.0);
        (b - g) * libm::log(b / g)
    });
    (iv.sum(), bins.len())
}

/// Keeps the parts that say anything, with what is found of them.
fn keep(
    parts: Vec<Part>,
    columns: &[Coded],
    bad: &[bool],
    pairs: &mut [boost::PairTerm],
    order: &Order,
) -> (Vec<Part>, Vec<Characteristic>, Vec<LeftOut>) {
    let total: f64 = parts.iter().map(Part::variance).sum::<f64>().max(1e-12);
    let mut kept = Vec::new();
    let mut found = Vec::new();
    let mut left_out = Vec::new();
    let mut places = vec![0; parts.len()];
    for (place, (mut part, column)) in parts.into_iter().zip(columns).enumerate() {
        let share = part.variance() / total;
        let paired = pairs.iter().any(|pair| pair.columns.contains(&place));
        if share < 1e-6 && !paired {
            left_out.push(LeftOut { name: part.name, why: "says nothing".to_string() });
            continue;
        }
        let (iv, bins) = information(&part);
        let name = part.name.clone();
        let own = Characteristic { name, bins, iv, share, trend: None, weight: None, vif: None };
        part.monotone = asked(column, bad, order);
        part.dimension = order.dimensions.get(&part.name).copied();
        part.finding = finding(&own);
        places[place] = kept.len();
        found.push(own);
        kept.push(part);
    }
    for pair in pairs {
        pair.columns = pair.columns.map(|place| places[place]);
    }
    (kept, found, left_out)
}

fn fit_woe(columns: &[Coded], bad: &[bool], order: &Order) -> Fitted {
    let settings = woe::Settings::new(order.seed, order.threads);
    let trends: Vec<woe::optimal::Trend> = columns
        .iter()
        .map(|column| match asked(column, bad, order) {
            // a falling bad rate is rising points
            Some(Monotone::Increasing) => woe::optimal::Trend::Falling,
            Some(Monotone::Decreasing) => woe::optimal::Trend::Rising,
            None => woe::optimal::Trend::Auto,
        })
        .collect();
    let fitted = woe::fit(columns, bad, &trends, &settings);
    // the parts of the cross-validation keep the penalty that was chosen on everything
    let penalty = Some(fitted.penalty / bad.len() as f64);
    let unseen = woe_unseen(columns, bad, &trends, &woe::Settings { penalty, ..settings });
    let parts: Vec<Part> =
        columns.iter().zip(&fitted.shapes).map(|(c, s)| Part::new(c, s.clone(), bad)).collect();
    let (mut parts, mut found, mut left_out) = keep(parts, columns, bad, &mut [], order);
    for (part, own) in parts.iter_mut().zip(&mut found) {
        let finding_of = columns.iter().position(|c| c.name == own.name);
        let Some(f) = finding_of.and_then(|i| fitted.findings.get(i)) else { continue };
        own.iv = f.iv;
        own.bins = f.counts.iter().filter(|c| c.rows > 0).count();
        own.trend = (f.trend != woe::optimal::Trend::Free).then_some(f.trend.name());
        own.weight = Some(f.weight);
        own.vif = Some(f.inflation);
        part.finding = finding(own);
    }
    for out in &mut left_out {
        let place = columns.iter().position(|c| c.name == out.name);
        if let Some(f) = place.and_then(|i| fitted.findings.get(i)) {
            let why = f.left_out.unwrap_or("says nothing beside the others");
            out.why = format!("{why} (information value {:.4})", f.iv);
        }
    }
    let model = Model { intercept: fitted.intercept, parts, pairs: Vec::new() };
    let notes = json!({ "method": "woe", "penalty": fitted.penalty, "cv_parts": PARTS });
    Fitted { model, unseen, notes, found, left_out }
}

/// The log-odds of each part of the rows by a model fitted to the others.
fn woe_unseen(
    columns: &[Coded],
    bad: &[bool],
    trends: &[woe::optimal::Trend],
    settings: &woe::Settings,
) -> Vec<f64> {
    let n = bad.len();
    let all = boost::order(bad, PARTS, settings.seed, 1);
    let parts: Vec<usize> = (0..PARTS).collect();
    let single = woe::Settings { threads: 1, ..*settings };
    let scored = parallel::map(settings.threads, &parts, |_, part| {
        let held = part * n / PARTS..(part + 1) * n / PARTS;
        let rest: Vec<usize> = all[..held.start].iter().chain(&all[held.end..]).copied().collect();
        let taken: Vec<Coded> = columns
            .iter()
            .map(|c| Coded {
                name: c.name.clone(),
                form: c.form.clone(),
                codes: rest.iter().map(|row| c.codes[*row]).collect(),
            })
            .collect();
        let outcomes: Vec<bool> = rest.iter().map(|row| bad[*row]).collect();
        let fitted = woe::fit(&taken, &outcomes, trends, &single);
        let score = |row: &usize| {
            let codes = columns.iter().zip(&fitted.shapes);
            let sum: f64 = codes.map(|(c, shape)| shape[usize::from(c.codes[*row])]).sum();
            (*row, fitted.intercept + sum)
        };
        all[held].iter().map(score).collect::<Vec<_>>()
    });
    let mut out = vec![0.0; n];
    scored.into_iter().flatten().for_each(|(row, score)| out[row] = score);
    out
}

fn fit_boost(columns: &[Coded], bad: &[bool], order: &Order) -> Fitted {
    let mut settings = boost::Settings::suited(bad.len(), order.seed, order.threads);
    if let Some(pairs) = order.pairs {
        settings.pairs = pairs;
    }
    let asked: Vec<Option<Monotone>> = columns.iter().map(|c| asked(c, bad, order)).collect();
    let may_pair = |a: usize, b: usize| {
        let of = |place: usize| order.dimensions.get(&columns[place].name);
        asked[a].is_none() && asked[b].is_none() && of(a) == of(b)
    };
    let slopes: Vec<Option<boost::Slope>> = asked
        .iter()
        .map(|run| match run {
            // rising points are falling log-odds of bad
            Some(Monotone::Increasing) => Some(boost::Slope::Falling),
            Some(Monotone::Decreasing) => Some(boost::Slope::Rising),
            None => None,
        })
        .collect();
    let mut fitted = boost::fit(columns, bad, &slopes, &settings, may_pair);
    let (shift, slope) = calibration_line(&fitted.unseen, bad);
    let slope = slope.clamp(0.2, 3.0);
    let unseen: Vec<f64> = fitted.unseen.iter().map(|x| shift + slope * x).collect();
    let parts: Vec<Part> =
        columns.iter().zip(&fitted.shapes).map(|(c, s)| Part::new(c, s.clone(), bad)).collect();
    let mut pairs = std::mem::take(&mut fitted.pairs);
    let (parts, mut found, left_out) = keep(parts, columns, bad, &mut pairs, order);
    let mut model = Model { intercept: fitted.intercept, parts, pairs };
    model.stretch(slope, shift);
    let codes = codes_of(&model, columns);
    let spread = variance(&model.log_odds(&codes));
    card::compress(&mut model, spread, JOIN_SHARE);
    card::settle_pairs(&mut model, &codes, spread * JOIN_SHARE);
    for (part, own) in model.parts.iter().zip(&mut found) {
        (own.iv, own.bins) = information(part);
    }
    let named = model.pairs.iter().map(|p| p.columns.map(|i| &model.parts[i].name));
    let notes = json!({
        "method": "boost", "rounds": fitted.rounds,
        "members": settings.parts * settings.divisions,
        "calibration": { "shift": shift, "slope": slope },
        "pairs": named.collect::<Vec<_>>(),
    });
    Fitted { model, unseen, notes, found, left_out }
}

fn codes_of<'a>(model: &Model, columns: &'a [Coded]) -> Vec<&'a [u8]> {
    let find = |part: &Part| columns.iter().find(|c| c.name == part.name);
    model.parts.iter().filter_map(|part| find(part).map(|c| c.codes.as_slice())).collect()
}

fn variance(values: &[f64]) -> f64 {
    let n = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / n;
    values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n
}

/// Writes the scorecard and reads it back: what is measured is what was written.
fn write(
    model: &Model,
    columns: &[Coded],
    bad: &[bool],
    digest: &str,
    target: &Target,
    order: &Order,
) -> Result<(String, Scorecard), ModelError> {
    let mut model = Model {
        intercept: model.intercept,
        parts: model.parts.iter().map(Part::clone).collect(),
        pairs: model.pairs.clone(),
    };
    model.centre();
    let log_odds = model.log_odds(&codes_of(&model, columns));
    let scale = card::choose(&log_odds, &order.scale);
    let mut scores: Vec<i32> = log_odds
        .iter()
        .map(|x| (card::score_at(&scale, -x).round() as i32).clamp(scale.min, scale.max))
        .collect();
    scores.sort_unstable();
    let deciles: Vec<i32> =
        (1..10).filter_map(|i| scores.get(i * scores.len() / 10).copied()).collect();
    let tenths = Development::tenths_of(&deciles, &scores);
    let bads = bad.iter().filter(|bad| **bad).count();
    let about = About {
        id: order.id.clone(),
        target: format!("{} = {}", target.name, target.positive),
        development: Development {
            method: order.method.name().to_string(),
            program: env!("CARGO_PKG_VERSION").to_string(),
            seed: order.seed,
            data: digest.to_string(),
            outcome: [target.name.clone(), target.positive.clone()],
            rows: bad.len() as u64,
            bads: bads as u64,
            synthetic: false,
            deciles,
            tenths,
        },
    };
    let text = model.write(&scale, &about);
    let scorecard = Scorecard::read(text.as_bytes())?;
    Ok((text, scorecard))
}
