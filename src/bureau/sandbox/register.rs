//! A visitor becomes a partner of the sandbox, with a key of their own, in a second.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{HOUSE, KINDS, STAFF, kind};
use crate::bureau::Bureau;
use crate::bureau::admission::Admission;
use crate::bureau::command::governance::{AddPartner, Change, ChangePartner};
use crate::error::{Problem, Reason};
use crate::partner::rows as partner_rows;
use crate::partner::signature::PublicKey;
use crate::partner::{Contract, Partner, Registry};
use crate::subject::rows as subject_rows;

/// Visitors that a sandbox has at most. One more takes the place of the oldest who did nothing, so
/// that whoever fills it keeps nobody out.
pub const VISITORS_MAX: usize = 5_000;

/// `POST /sandbox/partners`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registration {
    /// A name nobody else has.
    pub name: String,
    /// `lender`, `landlord`, `hotel` or `platform`.
    pub kind: String,
    /// The public key: PEM as a text, or a JWK.
    pub key: Value,
}

fn fault(pointer: &str, code: &str, text: impl Into<String>) -> Problem {
    Problem::invalid(vec![Reason::new(pointer, code, text)])
}

fn shown(partner: &Partner, keyid: &str, kind: &str) -> Value {
    json!({
        "partner": partner.id, "name": partner.name, "kind": kind, "sector": partner.sector,
        "roles": partner.roles, "scenarios": partner.scenarios.keys().collect::<Vec<_>>(),
        "keyid": keyid,
    })
}

impl Bureau {
    /// Registers a visitor; the same key again is the same partner again.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn register_visitor(&self, sent: &Registration) -> Result<Value, Problem> {
        self.register_visitor_among(sent, VISITORS_MAX)
    }

    /// The same where so many visitors may be.
    ///
    /// # Errors
    /// As [`Bureau::register_visitor`].
    pub fn register_visitor_among(
        &self,
        sent: &Registration,
        visitors_max: usize,
    ) -> Result<Value, Problem> {
        let Some(kind) = kind(&sent.kind) else {
            let names: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
            return Err(fault("/kind", "unknown_value", format!("one of {}", names.join(", "))));
        };
        let key = match &sent.key {
            Value::String(pem) => PublicKey::from_pem(pem),
            jwk => PublicKey::from_jwk(jwk),
        };
        let key = key.map_err(|e| fault("/key", e.code(), e.to_string()))?;
        let keyid = key.thumbprint();
        let registry = self.store.read(partner_rows::load).map_err(|error| {
            tracing::error!(%error, "the registry could not be read");
            Problem::internal()
        })?;
        if let Some(known) = registry.keys.get(&keyid)
            && let Some(partner) = registry.partners.get(&known.partner)
        {
            return Ok(shown(partner, &keyid, kind.name));
        }
        self.make_room(&registry, visitors_max)?;
        let command = AddPartner {
            admission: Admission::operator(STAFF, "a visitor registered a key"),
            name: sent.name.clone(),
            sector: kind.sector.to_string(),
            country: String::new(),
            roles: kind.roles.to_vec(),
            scenarios: kind
                .scenarios
                .iter()
                .map(|name| (name.to_string(), Contract::default()))
                .collect(),
            key,
        };
        let added = self.run(command).value()?;
        Ok(json!({
            "partner": added["partner"], "name": added["name"], "kind": kind.name,
            "sector": added["sector"], "roles": added["roles"], "scenarios": kind.scenarios,
            "keyid": keyid,
        }))
    }

    /// Retires visitors until there is room for one more: who enrolled nobody before who did, and
    /// the oldest first.
    fn make_room(&self, registry: &Registry, visitors_max: usize) -> Result<(), Problem> {
        let own = |name: &str| name == HOUSE || KINDS.iter().any(|kind| kind.partner == name);
        let mut visitors: Vec<&Partner> = registry
            .partners
            .values()
            .filter(|partner| !partner.suspended && !own(&partner.name))
            .collect();
        let over = (visitors.len() + 1).saturating_sub(visitors_max);
        if over == 0 {
            return Ok(());
        }
        let busy = self.store.read(subject_rows::enrollers).map_err(|error| {
            tracing::error!(%error, "who enrolled somebody could not be read");
            Problem::internal()
        })?;
        visitors.sort_by_key(|visitor| (busy.contains(&visitor.id), visitor.created, &visitor.id));
        for visitor in visitors.into_iter().take(over) {
            let command = ChangePartner {
                admission: Admission::operator(STAFF, "made room for another visitor"),
                partner: visitor.id.clone(),
                change: Change::Suspend,
            };
            self.run(command).value()?;
        }
        Ok(())
    }
}
