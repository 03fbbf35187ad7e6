//! A scorecard for where a dimension is switched off: a table of its own, with its own name and
//! digest, in which nothing of that dimension stands. Nobody there is scored by a table that could
//! have used it.

use super::ScoreError;
use super::scorecard::Scorecard;
use crate::collect::observation::Dimension;

/// Stands between a scorecard's id and the dimensions that an edition is without.
const WITHOUT: &str = "-without-";

/// Whether a scorecard of this name is an edition of another.
pub fn is_edition(name: &str) -> bool {
    name.contains(WITHOUT)
}

/// An edition, and the text that it is read from.
#[derive(Clone)]
pub struct Edition {
    /// The dimensions that it is without.
    pub without: Vec<Dimension>,
    /// The scorecard.
    pub scorecard: Scorecard,
    /// Its text, kept for ever.
    pub text: String,
}

/// The edition of the scorecard `text` without these dimensions. What everybody has there on
/// average goes into the base, so that the neutral score stays; the same text gives the same
/// bytes.
///
/// # Errors
/// The text is no scorecard, or nothing is left of it.
pub fn edition(text: &str, without: &[Dimension]) -> Result<Edition, ScoreError> {
    let unreadable = |what: &str| ScoreError::Unreadable(what.to_string());
    let mut file: toml::Table =
        toml::from_str(text).map_err(|e| ScoreError::Unreadable(e.to_string()))?;
    let off = |entry: &toml::Value| {
        let dimension = entry.get("dimension").and_then(toml::Value::as_str);
        dimension.is_some_and(|name| without.iter().any(|one| one.name() == name))
    };
    let all = file.get_mut("characteristic").and_then(toml::Value::as_array_mut);
    let all = all.ok_or_else(|| unreadable("there are no characteristics"))?;
    let baseline = |entry: &toml::Value| entry.get("baseline").and_then(toml::Value::as_integer);
    let moved: i64 = all.iter().filter(|entry| off(entry)).filter_map(baseline).sum();
    all.retain(|entry| !off(entry));
    let base = file.get_mut("scale").and_then(|scale| scale.get_mut("base_points"));
    let base = base.ok_or_else(|| unreadable("there are no base points"))?;
    *base = toml::Value::Integer(base.as_integer().unwrap_or_default() + moved);
    let names: Vec<&str> = without.iter().map(|one| one.name()).collect();
    let id = file.get("id").and_then(toml::Value::as_str).unwrap_or_default();
    let id = format!("{id}{WITHOUT}{}", names.join("-"));
    file.insert("id".to_string(), toml::Value::String(id));
    let text = toml::to_string(&file).map_err(|e| ScoreError::Unreadable(e.to_string()))?;
    let scorecard = Scorecard::load(text.as_bytes())?;
    Ok(Edition { without: without.to_vec(), scorecard, text })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = include_str!("../../policies/scorecards/fivefold-general-2.toml");

    #[test]
    fn an_edition_has_nothing_of_what_is_off_and_the_same_neutral_score() {
        let whole = Scorecard::load(TEXT.as_bytes()).expect("a scorecard");
        for without in Dimension::ALL {
            let made = edition(TEXT, &[without]).expect("an edition");
            let card = &made.scorecard;
            assert!(card.characteristics.iter().all(|entry| entry.dimension != Some(without)));
            let left = whole.characteristics.iter().filter(|e| e.dimension != Some(without));
            let (left, own): (Vec<_>, Vec<_>) = (
                left.map(|e| &e.name).collect(),
                card.characteristics.iter().map(|e| &e.name).collect(),
            );
            assert_eq!(left, own);
            assert_eq!(card.neutral(), whole.neutral(), "{}", without.name());
            assert_ne!(card.digest, whole.digest);
            assert_eq!(edition(TEXT, &[without]).expect("again").text, made.text);
        }
    }
}
