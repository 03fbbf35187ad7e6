//! Where a partner's events are sent.

use serde_json::{Value, json};

use super::{Answer, Command, Fault, needs_of_admission};
use crate::bureau::admission::Admission;
use crate::bureau::needs::Needs;
use crate::bureau::webhook::address;
use crate::bureau::work::Work;
use crate::error::{Problem, Reason};
use crate::ledger::body::Draft;
use crate::ledger::leaf::PublicKind;
use crate::partner::rows::WebhookRow;

/// Sets it, or takes it away.
pub struct SetWebhook {
    /// The partner.
    pub admission: Admission,
    /// The address; none to send nothing any more.
    pub url: Option<String>,
    /// The last event that the partner knows: what follows is sent. All of them when absent.
    pub after: Option<i64>,
}

impl Command for SetWebhook {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of_admission(&self.admission, needs);
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        let partner = self.admission.principal.key();
        if !work.registry.partners.contains_key(&partner) {
            let text = "Events of partners are sent; a person pulls theirs.";
            return Err(Problem::new("role_missing", text).into());
        }
        if let Some(url) = &self.url {
            let loopback = work.engine.sends_to_itself();
            address::check(url, loopback).map_err(|text| {
                Problem::invalid(vec![Reason::new("/url", "address_refused", text)])
            })?;
        }
        let draft = Draft::new("partner_webhook", PublicKind::Governance)
            .says("by", partner.clone())
            .says("partner", partner.clone())
            .says("url", self.url.clone().map_or(Value::Null, Value::from));
        let recorded = work.append(draft)?;
        let row = self.url.as_ref().map(|url| WebhookRow {
            partner: partner.clone(),
            url: url.clone(),
            idx: recorded.index as i64,
            sent: self.after.unwrap_or(-1),
            attempts: 0,
            next_us: work.now.micros(),
            error: None,
        });
        work.put_webhook(&partner, row);
        let body = json!({ "url": self.url, "after": self.after, "index": recorded.index });
        Ok(Answer::ok(&body, None))
    }
}
