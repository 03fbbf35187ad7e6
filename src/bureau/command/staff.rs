//! Who works for the bureau: they come, in which roles, and they leave. Each an entry.

use serde_json::json;

use super::{Answer, Command, Fault, needs_of_admission};
use crate::bureau::admission::Admission;
use crate::bureau::approval::{self, APPROVING, Approval};
use crate::bureau::authority;
use crate::bureau::needs::Needs;
use crate::bureau::work::Work;
use crate::error::{Problem, Reason};
use crate::ledger::body::Draft;
use crate::ledger::leaf::PublicKind;
use crate::partner::signature::PublicKey;
use crate::partner::staff::OWN_NAMES;
use crate::partner::{StaffMember, StaffRole};
use crate::policy::{Action, Environment};

/// What changes about a member of staff.
pub enum StaffChange {
    /// They come, or get other roles or another key.
    Is {
        /// What they may do.
        roles: Vec<StaffRole>,
        /// The key with which they show who they are.
        key: Option<PublicKey>,
    },
    /// They leave: from now on nothing is done in their name.
    Leaves,
}

/// Somebody of staff comes, changes or leaves.
pub struct ChangeStaff {
    /// Which member of staff says so, and why.
    pub admission: Admission,
    /// Whom it is about.
    pub name: String,
    /// What changes.
    pub change: StaffChange,
    /// That another member of staff agrees.
    pub approval: Option<Approval>,
}

fn is_plausible(name: &str) -> bool {
    let dotted = |c: char| c.is_alphanumeric() || "._-".contains(c);
    (1..=60).contains(&name.chars().count()) && name.chars().all(dotted)
}

impl ChangeStaff {
    fn faults(&self, work: &Work<'_>) -> Vec<Reason> {
        let mut faults = Vec::new();
        if !is_plausible(&self.name) || OWN_NAMES.contains(&self.name.as_str()) {
            let text = "1 to 60 letters, digits, dots, dashes; none of bureau, intake, sweep";
            faults.push(Reason::new("/name", "name_implausible", text));
        }
        let StaffChange::Is { roles, key } = &self.change else { return faults };
        if roles.is_empty() {
            faults.push(Reason::new("/role", "required", "at least one role"));
        }
        let taken = |thumb: &str| {
            let staff = work.registry.staff.values();
            let mut others = staff.filter(|m| m.name != self.name).filter_map(|m| m.key.as_ref());
            others.any(|k| k.thumbprint() == thumb) || work.registry.keys.contains_key(thumb)
        };
        let earlier = work.registry.staff.get(&self.name).filter(|member| member.left.is_none());
        let live = work.engine.environment == Environment::Live;
        if live && key.is_none() && earlier.is_none_or(|member| member.key.is_none()) {
            let text = "in a live bureau everybody has a key: a name alone is anybody's";
            faults.push(Reason::new("/key", "required", text));
        }
        if key.as_ref().is_some_and(|key| taken(&key.thumbprint())) {
            let text = "somebody else has this key: make another";
            faults.push(Reason::new("/key", "key_taken", text));
        }
        faults
    }

    /// Whether it makes somebody who can agree to what others do, or gives such a one another key:
    /// alone, an administrator could then be two persons.
    fn makes_an_approver(&self, work: &Work<'_>) -> bool {
        let StaffChange::Is { roles, key } = &self.change else { return false };
        let earlier = work.registry.staff.get(&self.name);
        let approves = APPROVING.iter().any(|role| roles.contains(role));
        approves
            && (key.is_some() || earlier.is_none_or(|m| !APPROVING.iter().any(|r| m.holds(*r))))
    }

    /// In a live bureau a second one agrees to that, once there is one who can.
    fn agreed(&self, work: &mut Work<'_>) -> Result<(), Fault> {
        let asker = self.admission.principal.key();
        let can = |member: &&StaffMember| {
            let other = format!("staff:{}", member.name) != asker && member.name != self.name;
            other && member.key.is_some() && APPROVING.iter().any(|role| member.holds(*role))
        };
        let live = work.engine.environment == Environment::Live;
        if !live || !self.makes_an_approver(work) || !work.registry.staff.values().any(|m| can(&m))
        {
            return Ok(());
        }
        let act = format!("staff add {}", self.name);
        if approval::agreed(work, &self.admission, &act, self.approval.as_ref())? {
            return Ok(());
        }
        let text = format!("A second one agrees: `fivefold staff approve --act '{act}'`.");
        Err(Problem::new("second_approval_missing", text).into())
    }

    /// Somebody must be left who can register others.
    fn locks_out(&self, work: &Work<'_>) -> bool {
        let administers = |member: &StaffMember| member.holds(StaffRole::Administrator);
        let stays = match &self.change {
            StaffChange::Is { roles, .. } => roles.contains(&StaffRole::Administrator),
            StaffChange::Leaves => false,
        };
        let others = work.registry.staff.values().filter(|member| member.name != self.name);
        !stays && !others.into_iter().any(administers)
    }
}

impl Command for ChangeStaff {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn needs(&self, needs: &mut Needs) {
        needs_of_admission(&self.admission, needs);
    }

    fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Fault> {
        authority::permit_staff(work, &self.admission, Action::Administer)?;
        let faults = self.faults(work);
        if !faults.is_empty() {
            return Err(Problem::invalid(faults).into());
        }
        self.agreed(work)?;
        if self.locks_out(work) {
            let text = "Nobody would be left who administers: register an administrator first.";
            return Err(Problem::new("last_administrator", text).into());
        }
        let earlier = work.registry.staff.get(&self.name).filter(|m| m.left.is_none()).cloned();
        let member = match (&self.change, earlier) {
            // Who comes back brings a key of now.
            (StaffChange::Is { roles, key }, earlier) => StaffMember {
                name: self.name.clone(),
                roles: roles.iter().copied().collect(),
                key: key.clone().or_else(|| earlier.as_ref().and_then(|m| m.key.clone())),
                since: earlier.map_or(work.now, |m| m.since),
                left: None,
            },
            (StaffChange::Leaves, Some(earlier)) => StaffMember { left: Some(work.now), ..earlier },
            (StaffChange::Leaves, None) => {
                let text = "Nobody of this name works here. `fivefold staff list` shows who does.";
                return Err(Problem::new("staff_not_found", text).into());
            }
        };
        let (actor, _) = authority::actor(work, &self.admission);
        let kind = if member.left.is_some() { "staff_left" } else { "staff_registered" };
        let draft = Draft::new(kind, PublicKind::Governance)
            .says("by", actor)
            .says("name", member.name.clone())
            .says("roles", json!(member.roles))
            .says("key", json!(member.key.as_ref().map(PublicKey::to_jwk)))
            .says("approval", json!(self.approval.as_ref().and_then(Approval::shown)))
            .says("reason", self.admission.reason());
        let recorded = work.append(draft)?;
        let body = json!({
            "name": member.name, "roles": member.roles,
            "keyid": member.key.as_ref().map(PublicKey::thumbprint),
            "index": recorded.index,
        });
        work.put_staff(member);
        Ok(Answer::created(&body, None))
    }
}
