//! The value of an answer, in the form that the scenario allows and not a member more
//! (data-model.md, "Answers, least first").

use serde_json::{Map, Value, json};

use crate::policy::{Disclosure, Form, Permit, ScenarioTerms, Terms};
use crate::score::{Assessment, Outcome, Scorecard};

/// What is answered, and what is recorded beside it.
#[derive(Debug)]
pub struct Valued {
    /// The answer's form: `score`, `band`, `threshold`, `identity_level` or `not_assessable`.
    pub form: String,
    /// The members of the answer that carry its value; they stand in the record too.
    pub value: Map<String, Value>,
    /// What supervision counts and the asker is not shown.
    pub detail: Map<String, Value>,
    /// The terms that were permitted.
    pub terms: std::sync::Arc<Terms>,
    /// Whether the question was answered: only then is a one-time consent used up.
    pub answered: bool,
}

/// What the answer depends on beside the permit.
pub struct Question<'a> {
    /// The assessment.
    pub assessment: &'a Assessment,
    /// The scorecard it was made with.
    pub scorecard: &'a Scorecard,
    /// The partner's contracted threshold, else the scenario's own.
    pub threshold: i64,
    /// The bureau's own identity level of the person.
    pub level: u8,
    /// The channels that support it.
    pub channels: Vec<String>,
    /// Whether something that it rests on is disputed.
    pub disputed: bool,
    /// Whether the person warned of fraud.
    pub fraud_alert: bool,
}

/// The model as answers and records name it.
pub fn model(scorecard: &Scorecard) -> Value {
    json!({
        "id": scorecard.id,
        "version": scorecard.version,
        "digest": crate::kernel::bytes::hex(&scorecard.digest),
    })
}

/// Spends the permit on an answer.
pub fn value(permit: Permit, question: &Question<'_>) -> Valued {
    let terms = permit.spend();
    let mut detail = Map::new();
    detail.insert("model".into(), model(question.scorecard));
    match &question.assessment.outcome {
        Outcome::Scored { score, band, .. } => {
            detail.insert("score".into(), json!(score));
            detail.insert("band".into(), json!(band));
        }
        Outcome::NotAssessable(why) => {
            detail.insert("code".into(), json!(why.code()));
        }
    }
    let Some(scenario) = &terms.scenario else {
        let (form, value) = ("not_assessable".to_string(), Map::new());
        return Valued { form, value, detail, terms, answered: false };
    };
    let (form, value, answered) = match scenario.form {
        Form::IdentityLevel => level(scenario, question),
        form => scored(form, scenario, question),
    };
    Valued { form: form.to_string(), value, detail, terms, answered }
}

fn level(
    scenario: &ScenarioTerms,
    question: &Question<'_>,
) -> (&'static str, Map<String, Value>, bool) {
    let mut value = Map::new();
    value.insert("level".into(), json!(question.level));
    if scenario.discloses(Disclosure::Channels) {
        value.insert("channels".into(), json!(question.channels));
    }
    ("identity_level", value, true)
}

fn scored(
    form: Form,
    scenario: &ScenarioTerms,
    question: &Question<'_>,
) -> (&'static str, Map<String, Value>, bool) {
    let assessment = question.assessment;
    let mut value = Map::new();
    let Outcome::Scored { score, band, .. } = &assessment.outcome else {
        if let (true, Outcome::NotAssessable(why)) = (scenario.lender_codes, &assessment.outcome) {
            value.insert("code".into(), json!(why.code()));
        }
        return ("not_assessable", value, false);
    };
    match form {
        Form::Threshold => {
            let yes = i64::from(*score) >= question.threshold;
            value.insert("outcome".into(), json!(if yes { "yes" } else { "no" }));
            ("threshold", value, true)
        }
        Form::Band => {
            value.insert("band".into(), json!(band));
            ("band", value, true)
        }
        _ => {
            let shows = |item| scenario.discloses(item);
            value.insert("score".into(), json!(score));
            if shows(Disclosure::Band) {
                value.insert("band".into(), json!(band));
            }
            if shows(Disclosure::Dimensions) {
                value.insert("dimensions".into(), dimensions(assessment));
            }
            if shows(Disclosure::Reasons) {
                value.insert("reasons".into(), reasons(assessment));
            }
            if shows(Disclosure::Completeness) {
                let permille = assessment.completeness_permille;
                value.insert("completeness".into(), json!({ "permille": permille }));
            }
            if shows(Disclosure::Disputed) {
                value.insert("disputed".into(), json!(question.disputed));
            }
            if shows(Disclosure::FraudAlert) {
                value.insert("fraud_alert".into(), json!(question.fraud_alert));
            }
            value.insert("model".into(), model(question.scorecard));
            if form == Form::File {
                // Everything else on file is too much for an answer: it is the report.
                value.insert("report_url".into(), json!("/v1/subjects/me/report"));
                return ("file", value, true);
            }
            ("score", value, true)
        }
    }
}

/// Points by dimension, as answers show them.
pub fn dimensions(assessment: &Assessment) -> Value {
    let mut map = Map::new();
    for d in &assessment.dimensions {
        map.insert(d.dimension.name().into(), json!({ "points": d.points, "of": d.of }));
    }
    Value::Object(map)
}

/// Reasons, most points lost first.
pub fn reasons(assessment: &Assessment) -> Value {
    let list = assessment.reasons.iter();
    list.map(|r| json!({ "code": r.code, "points_lost": r.lost })).collect()
}
