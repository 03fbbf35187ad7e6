//! The register of staff: who works for the bureau, in which roles, and until when.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::signature::PublicKey;
use crate::kernel::Time;

/// The names under which the program itself acts; nobody can be registered under them.
pub const OWN_NAMES: [&str; 4] = ["bureau", "intake", "sandbox", "sweep"];

/// What a member of staff may do; policies say when (`policies/common/staff.cedar`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StaffRole {
    /// Looks persons up.
    Viewer,
    /// Takes tables out.
    Analyst,
    /// Settles what persons and the law demand.
    Compliance,
    /// The regulator's: reads everything, changes nothing.
    Examiner,
    /// Partners, staff, scorecards.
    Administrator,
}

impl StaffRole {
    /// Every role.
    pub const ALL: [StaffRole; 5] = [
        StaffRole::Viewer,
        StaffRole::Analyst,
        StaffRole::Compliance,
        StaffRole::Examiner,
        StaffRole::Administrator,
    ];

    /// The role's name.
    pub fn name(self) -> &'static str {
        match self {
            StaffRole::Viewer => "viewer",
            StaffRole::Analyst => "analyst",
            StaffRole::Compliance => "compliance",
            StaffRole::Examiner => "examiner",
            StaffRole::Administrator => "administrator",
        }
    }

    /// Reads a role's name.
    pub fn from_name(text: &str) -> Option<StaffRole> {
        StaffRole::ALL.into_iter().find(|role| role.name() == text)
    }
}

/// A member of staff.
#[derive(Clone, Debug)]
pub struct StaffMember {
    /// The name that entries carry.
    pub name: String,
    /// What they may do.
    pub roles: BTreeSet<StaffRole>,
    /// The key with which they show who they are, and approve what others do.
    pub key: Option<PublicKey>,
    /// Since when.
    pub since: Time,
    /// Until when, for those who left.
    pub left: Option<Time>,
}

impl StaffMember {
    /// Whether they are in service and hold the role.
    pub fn holds(&self, role: StaffRole) -> bool {
        self.left.is_none() && self.roles.contains(&role)
    }
}
