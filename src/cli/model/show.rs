//! What the laboratory prints.

use crate::cli::output::{self, Failure};
use crate::model::fit::Trained;
use crate::model::metrics::Interval;
use crate::model::validate::Figures;

/// Figures, one split a row.
pub fn figures(splits: &[(&str, Figures)]) -> Result<(), Failure> {
    let interval = |i: &Interval| format!("{:.4} ({:.4}–{:.4})", i.value, i.low, i.high);
    let rows: Vec<Vec<String>> = splits
        .iter()
        .map(|(split, f)| {
            let measured = [&f.auc, &f.gini, &f.ks, &f.brier, &f.log_loss].map(interval);
            let head = [split.to_string(), f.n.to_string(), f.n_bad.to_string()];
            head.into_iter().chain(measured).collect()
        })
        .collect();
    output::table(&["Split", "Rows", "Bad", "AUC", "Gini", "KS", "Brier", "Log loss"], &rows)
}

/// A fitted scorecard.
pub fn trained(trained: &Trained) -> Result<(), Failure> {
    let target = &trained.target;
    if target.guessed {
        output::note(&format!(
            "taking {} = {} as bad; --positive {} would turn it round",
            target.name, target.positive, target.negative
        ));
    }
    figures(&trained.splits)?;
    output::text("\n")?;
    let number = |value: Option<f64>| value.map_or(String::new(), |value| format!("{value:.2}"));
    let rows: Vec<Vec<String>> = trained
        .characteristics
        .iter()
        .map(|c| {
            vec![
                c.name.clone(),
                c.bins.to_string(),
                format!("{:.3}", c.iv),
                format!("{:.1} %", c.share * 100.0),
                c.trend.unwrap_or_default().to_string(),
                number(c.weight),
                number(c.vif),
            ]
        })
        .collect();
    let header = ["Characteristic", "Bins", "IV", "Share", "Trend", "Weight", "VIF"];
    output::table(&header, &rows)?;
    for pair in &trained.scorecard.pairs {
        output::note(&format!("two-way: {} and {}", pair.of[0], pair.of[1]));
    }
    if let Some(cost) = &trained.neutral {
        output::note(&cost.said());
    }
    if !trained.unsupported.is_empty() {
        output::note(&format!("without support in the data: {}", trained.unsupported.join(", ")));
    }
    for caution in &trained.cautions {
        output::note(&format!("look at this: {caution}"));
    }
    for out in &trained.left_out {
        output::note(&format!("left out: {}: {}", out.name, out.why));
    }
    Ok(())
}
