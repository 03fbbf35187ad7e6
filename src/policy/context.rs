//! From facts to the question that Cedar is asked.

use std::collections::{BTreeSet, HashMap};
use std::str::FromStr;

use cedar_policy::{Context, EntityId, EntityTypeName, EntityUid, Request, RestrictedExpression};
use cedar_policy::{ExpressionConstructionError, Schema};

use super::facts::{Action, ActorKind, Facts};
use super::pack::Pack;
use super::rules::{Rules, action_names};
use super::scenario::Scenario;

/// Entity names, parsed once.
#[derive(Debug)]
pub(super) struct Names {
    actors: HashMap<ActorKind, EntityUid>,
    actions: HashMap<Action, EntityUid>,
    file: EntityUid,
    bureau: EntityUid,
}

impl Names {
    /// Parses the names and checks that the schema has every action of the code, and the reverse.
    pub(super) fn new(schema: &Schema) -> Result<Names, String> {
        let uid = |kind: &str, id: &str| {
            let kind = EntityTypeName::from_str(kind).map_err(|error| error.to_string())?;
            Ok::<_, String>(EntityUid::from_type_name_and_id(kind, EntityId::new(id)))
        };
        let in_schema: BTreeSet<&str> =
            schema.actions().map(|action| action.id().unescaped()).collect();
        let groups: BTreeSet<&str> =
            schema.action_groups().map(|action| action.id().unescaped()).collect();
        let in_code: BTreeSet<&str> = action_names().collect();
        if let Some(missing) = in_code.difference(&in_schema).next() {
            return Err(format!("the action `{missing}` is missing"));
        }
        if let Some(unknown) = in_schema.difference(&in_code).find(|name| !groups.contains(*name)) {
            return Err(format!("nothing does the action `{unknown}`"));
        }
        let mut names = Names {
            actors: HashMap::new(),
            actions: HashMap::new(),
            file: uid("File", "file")?,
            bureau: uid("Bureau", "bureau")?,
        };
        for kind in ActorKind::ALL {
            names.actors.insert(*kind, uid(kind.name(), "actor")?);
        }
        for action in Action::ALL {
            names.actions.insert(*action, uid("Action", action.name())?);
        }
        Ok(names)
    }
}

/// What a context is made of.
trait Expr {
    fn expr(self) -> RestrictedExpression;
}

impl Expr for bool {
    fn expr(self) -> RestrictedExpression {
        RestrictedExpression::new_bool(self)
    }
}

impl Expr for &str {
    fn expr(self) -> RestrictedExpression {
        RestrictedExpression::new_string(self.to_string())
    }
}

impl Expr for RestrictedExpression {
    fn expr(self) -> RestrictedExpression {
        self
    }
}

macro_rules! pairs {
    ($($name:ident: $value:expr),+ $(,)?) => {
        [$((stringify!($name).to_string(), Expr::expr($value))),+]
    };
}

macro_rules! record {
    ($($name:ident: $value:expr),+ $(,)?) => {
        RestrictedExpression::new_record(pairs! { $($name: $value),+ })
    };
}

/// The question under one pack, checked against the schema.
pub(super) fn request(rules: &Rules, pack: &Pack, facts: &Facts) -> Result<Request, String> {
    let names = &rules.names;
    let resource = if facts.action.concerns_file() { &names.file } else { &names.bureau };
    let missing = || "an entity has no name".to_string();
    let principal = names.actors.get(&facts.actor.kind).ok_or_else(missing)?;
    let action = names.actions.get(&facts.action).ok_or_else(missing)?;
    let context = context(rules, pack, facts).map_err(|error| error.to_string())?;
    Request::new(
        principal.clone(),
        action.clone(),
        resource.clone(),
        Context::from_pairs(context).map_err(|error| error.to_string())?,
        Some(&rules.schema),
    )
    .map_err(|error| error.to_string())
}

type Built<T> = Result<T, ExpressionConstructionError>;

fn context(
    rules: &Rules,
    pack: &Pack,
    facts: &Facts,
) -> Built<[(String, RestrictedExpression); 12]> {
    let licensed = facts.licensed;
    let known = facts.scenario.as_deref().and_then(|name| rules.scenario(name));
    Ok(pairs! {
        actor: actor(facts)?,
        scenario: scenario(rules, pack, facts, known)?,
        basis: basis(pack, facts)?,
        grant: grant(facts)?,
        person: person(facts)?,
        record: datum(pack, facts)?,
        item: item(facts)?,
        export: export(facts)?,
        applicant: applicant(facts)?,
        pack: record! {
            id: pack.id.as_str(),
            of_person: facts.lives_under.as_ref().is_none_or(|id| *id == pack.id),
            licence_required: pack.licence.required,
            erasure: pack.erasure.extent.name(),
        }?,
        environment: facts.environment.name(),
        licensed: licensed,
    })
}

fn actor(facts: &Facts) -> Built<RestrictedExpression> {
    let actor = &facts.actor;
    record! {
        roles: RestrictedExpression::new_set(actor.roles.names().map(Expr::expr)),
        sector: actor.sector.as_str(),
        suspended: actor.suspended,
        foreign_key: actor.foreign_key,
        holds_scenario: actor.holds_scenario,
        is_the_person: actor.is_the_person,
        mandate_covers_act: actor.mandate_covers_act,
        foreign: actor.foreign,
        export_basis: actor.export_basis,
        probing: actor.probing,
        staff_known: actor.staff_known,
        staff_roles: RestrictedExpression::new_set(actor.staff.names().map(Expr::expr)),
        reason_given: actor.reason_given,
        second_approval: actor.second_approval,
        merchant: actor.merchant,
    }
}

fn scenario(
    rules: &Rules,
    pack: &Pack,
    facts: &Facts,
    known: Option<&Scenario>,
) -> Built<RestrictedExpression> {
    let row = known.and_then(|scenario| scenario.row(&pack.id));
    let lenders_only = known.is_some_and(|scenario| scenario.lenders_only);
    record! {
        name: known.map_or("", |scenario| scenario.name.as_str()),
        named: facts.scenario.is_some(),
        known: known.is_some(),
        allowed: row.is_some_and(|row| row.allowed),
        form: row.map_or("none", |row| row.form.name()),
        sector_allowed: !lenders_only || rules.is_lender(&facts.actor.sector),
        new_credit: row.is_some_and(|row| row.new_credit),
        mutual: known.is_some_and(|scenario| scenario.mutual),
        single_use: known.is_some_and(|scenario| scenario.single_use),
        consent_limited: row.is_some_and(|row| row.consent_hours_max.is_some()),
    }
}

fn basis(pack: &Pack, facts: &Facts) -> Built<RestrictedExpression> {
    let basis = &facts.basis;
    record! {
        kind: basis.kind.name(),
        allowed: pack.allows_basis(facts.action, basis.kind),
        found: basis.found,
        recipient_matches: basis.recipient_matches,
        subject_matches: basis.subject_matches,
        purpose_matches: basis.purpose_matches,
        scenario_matches: basis.scenario_matches,
        not_yet_valid: basis.not_yet_valid,
        expired: basis.expired,
        revoked: basis.revoked,
        used_up: basis.used_up,
        too_often: basis.too_often,
        covers_category: basis.covers_category,
        covers_dimension: basis.covers_dimension,
        covers_record: basis.covers_record,
        counterpart_consents: basis.counterpart_consents,
    }
}

fn grant(facts: &Facts) -> Built<RestrictedExpression> {
    let grant = &facts.grant;
    record! {
        recipient_named: grant.recipient_named,
        notice_shown: grant.notice_shown,
        evidence_valid: grant.evidence_valid,
        within_validity: grant.within_validity,
        onetime: grant.onetime,
        restricted: grant.restricted,
        one_category: grant.one_category,
        warning_shown: grant.warning_shown,
    }
}

fn person(facts: &Facts) -> Built<RestrictedExpression> {
    let person = &facts.person;
    record! {
        known: person.known,
        mismatch: person.mismatch,
        ambiguous: person.ambiguous,
        frozen: person.frozen,
        deceased: person.deceased,
        incapacity: person.incapacity,
        minor: person.minor,
        identity_theft: person.identity_theft,
        own_key: person.own_key,
    }
}

fn datum(pack: &Pack, facts: &Facts) -> Built<RestrictedExpression> {
    let datum = &facts.record;
    record! {
        observation: datum.observation,
        dimension: datum.dimension,
        dimension_on: pack.has_dimension(datum.dimension),
        category: datum.category.name(),
        adverse: datum.adverse,
        notice_given: datum.notice_given,
        restricted: datum.restricted,
        restricted_consent_matches: datum.restricted_consent_matches,
        warning_shown: datum.warning_shown,
        furnisher_is_lender: datum.furnisher_is_lender,
        written_consent: datum.written_consent,
        synthetic: datum.synthetic,
        past_retention: datum.past_retention,
    }
}

fn item(facts: &Facts) -> Built<RestrictedExpression> {
    let item = &facts.item;
    record! { found: item.found, own: item.own, expired: item.expired, held: item.held }
}

fn export(facts: &Facts) -> Built<RestrictedExpression> {
    let export = &facts.export;
    record! { personal: export.personal, bulk: export.bulk, examiner_key: export.examiner_key }
}

fn applicant(facts: &Facts) -> Built<RestrictedExpression> {
    let applicant = &facts.applicant;
    record! {
        sector_allowed: applicant.sector_allowed,
        scenario_allowed: applicant.scenario_allowed,
        licence_given: applicant.licence_given,
    }
}
