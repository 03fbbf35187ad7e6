//! What a decision depends on: derived facts, with no id, no time and no amount in them.
//!
//! The stages before this one look things up (is the consent found, is it expired at `now`, does
//! the person's key fit?) and set plain answers here. The same situation is then the same value,
//! and its decision can be kept (decisions.md 19).
//!
//! Defaults fail safe: whatever an act *needs* starts as `false`, whatever stands *against* it as
//! `false` too, the environment is live and no pack applies. A fact nobody set never permits.
//!
//! ```
//! use fivefold::policy::{Action, ActorKind, BasisKind, Facts};
//!
//! let mut facts = Facts::new(Action::Inquire);
//! facts.actor.kind = ActorKind::Partner;
//! facts.actor.roles.asker = true;
//! facts.packs.insert("cn".into());
//! facts.scenario = Some("hotel_deposit".into());
//! facts.basis.kind = BasisKind::Consent;
//! assert!(!facts.basis.found);
//! ```

use std::collections::BTreeSet;

use super::words::words;

words! {
    /// What is to be done.
    Action {
        /// Enter a person's real-name identity.
        Enrol = "enrol",
        /// Bind the person's own public key.
        BindPersonKey = "bind_person_key",
        /// Record a consent artefact.
        GiveConsent = "give_consent",
        /// Read one.
        ReadConsent = "read_consent",
        /// Withdraw one.
        RevokeConsent = "revoke_consent",
        /// Send one observation.
        Furnish = "furnish",
        /// Ask a scenario's question about a person.
        Inquire = "inquire",
        /// Read the same signed answer again.
        ReadAnswer = "read_answer",
        /// Say what was decided and how it went.
        ReportOutcome = "report_outcome",
        /// The person's whole file.
        SeeFile = "see_file",
        /// An adverse-action notice.
        ReadNotice = "read_notice",
        /// Lock the file.
        Freeze = "freeze",
        /// Unlock it.
        Unfreeze = "unfreeze",
        /// Object to an item.
        Dispute = "dispute",
        /// See how an objection stands.
        ReadDispute = "read_dispute",
        /// A furnisher's answer to an objection.
        AnswerDispute = "answer_dispute",
        /// A furnisher says why it does not send what it was asked for.
        AnswerRequest = "answer_request",
        /// A statement that goes with an item.
        AddStatement = "add_statement",
        /// Human review of an automated decision.
        AskReview = "ask_review",
        /// A complaint about the bureau.
        Complain = "complain",
        /// Be forgotten.
        Erase = "erase",
        /// The signed pull of events.
        ReadEvents = "read_events",
        /// Counts of a partner's own use.
        Usage = "usage",
        /// A proof of inclusion in the log.
        ReadProof = "read_proof",
        /// Staff looks at a person's file.
        LookUp = "look_up",
        /// Staff settles something of a person's: a complaint, who is who, a legal hold.
        HandleCase = "handle_case",
        /// An extract or report of the bureau.
        Export = "export",
        /// Partners, keys, scorecards, packs.
        Administer = "administer",
        /// Ask to become a small merchant.
        Apply = "apply",
        /// Take a small merchant in.
        Admit = "admit",
    }
}

impl Action {
    /// Whether it touches one person's file (else the bureau as a whole).
    pub fn concerns_file(self) -> bool {
        !matches!(
            self,
            Action::ReadEvents
                | Action::Usage
                | Action::ReadProof
                | Action::Export
                | Action::Administer
                | Action::Apply
                | Action::Admit
        )
    }
}

words! {
    /// What kind of actor.
    ActorKind {
        /// A partner platform, known by its key.
        Partner = "Partner",
        /// The person, known by the key bound at enrolment.
        Person = "Person",
        /// Staff of the bureau.
        Operator = "Operator",
        /// Nobody in particular.
        Anyone = "Anyone",
    }
}

words! {
    /// Kinds of legal basis; packs say which are allowed for what.
    BasisKind {
        /// None was stated.
        None = "none",
        /// The person's consent, recorded here.
        Consent = "consent",
        /// FCRA section 604.
        PermissiblePurpose = "permissible_purpose",
        /// A contract with the person.
        Contract = "contract",
        /// A duty by law.
        LegalObligation = "legal_obligation",
        /// GDPR article 6(1)(f).
        LegitimateInterest = "legitimate_interest",
        /// Lawfully public (CN-03).
        PublicByLaw = "public_by_law",
    }
}

words! {
    /// Where the bureau runs.
    Environment {
        /// For real.
        Live = "live",
        /// Test persons and test keys only.
        Sandbox = "sandbox",
        /// A demonstration on made-up persons.
        Demo = "demo",
    }
}

words! {
    /// What the catalogue says of a spending category.
    Category {
        /// The record carries none.
        None = "none",
        /// Listed.
        Allowed = "allowed",
        /// Neither listed nor known to be harmful.
        Unlisted = "unlisted",
        /// Reveals what may never be collected (Reg 14).
        Prohibited = "prohibited",
    }
}

/// Everything a decision depends on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Facts {
    /// What is to be done.
    pub action: Action,
    /// By whom.
    pub actor: Actor,
    /// Ids of the rule packs that apply (residence of the person, of the asker, purpose). All of
    /// them must permit; with none nothing is permitted.
    pub packs: BTreeSet<String>,
    /// The pack under which the person lives, when that is known.
    pub lives_under: Option<String>,
    /// The scenario that was named, known or not. [`Action::SeeFile`] starts as `self`.
    pub scenario: Option<String>,
    /// The basis of a collection or an inquiry.
    pub basis: Basis,
    /// The consent that is to be recorded.
    pub grant: Grant,
    /// The person it is about.
    pub person: Person,
    /// The observation that is furnished.
    pub record: Record,
    /// The existing thing that is acted on.
    pub item: Item,
    /// The export that is asked for.
    pub export: Export,
    /// Whoever asks to become a small merchant.
    pub applicant: Applicant,
    /// Where the bureau runs.
    pub environment: Environment,
    /// A licence is configured for every applicable pack that requires one
    /// ([`super::Pack::licence`]).
    pub licensed: bool,
}

impl Facts {
    /// The facts of `action` with nothing known yet; permits nothing but what is public.
    pub fn new(action: Action) -> Facts {
        Facts {
            action,
            actor: Actor::default(),
            packs: BTreeSet::new(),
            lives_under: None,
            scenario: (action == Action::SeeFile).then(|| "self".to_string()),
            basis: Basis::default(),
            grant: Grant::default(),
            person: Person::default(),
            record: Record::default(),
            item: Item::default(),
            export: Export::default(),
            applicant: Applicant::default(),
            environment: Environment::Live,
            licensed: false,
        }
    }

    /// The same, by `kind` and under `packs`.
    pub fn by<'a>(
        action: Action,
        kind: ActorKind,
        packs: impl IntoIterator<Item = &'a str>,
    ) -> Facts {
        let mut facts = Facts::new(action);
        facts.actor.kind = kind;
        facts.packs = packs.into_iter().map(str::to_string).collect();
        facts
    }
}

/// Who acts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Actor {
    /// What kind.
    pub kind: ActorKind,
    /// A partner's roles.
    pub roles: Roles,
    /// A partner's sector, one of `scenarios.toml` `[sectors]`.
    pub sector: String,
    /// The partner is suspended.
    pub suspended: bool,
    /// The key belongs to another environment (a test key in live, a live key in the sandbox).
    pub foreign_key: bool,
    /// The scenario stands in the partner's contract.
    pub holds_scenario: bool,
    /// The request is signed by the key bound to the person it is about.
    pub is_the_person: bool,
    /// A mandate of this person to this partner names this act.
    pub mandate_covers_act: bool,
    /// The asker sits under another pack than the person lives under: an answer is an export.
    pub foreign: bool,
    /// A basis for exports to this asker is on record (PIPL 38).
    pub export_basis: bool,
    /// One more threshold about this person would be too many.
    pub probing: bool,
    /// A member of staff stands in the register, and in service.
    pub staff_known: bool,
    /// A member of staff's roles.
    pub staff: StaffRoles,
    /// Staff stated a reason (CN-17).
    pub reason_given: bool,
    /// Another member of staff approved.
    pub second_approval: bool,
    /// A small merchant.
    pub merchant: bool,
}

impl Default for Actor {
    fn default() -> Actor {
        Actor {
            kind: ActorKind::Anyone,
            roles: Roles::default(),
            sector: String::new(),
            suspended: false,
            foreign_key: false,
            holds_scenario: false,
            is_the_person: false,
            mandate_covers_act: false,
            foreign: false,
            export_basis: false,
            probing: false,
            staff_known: false,
            staff: StaffRoles::default(),
            reason_given: false,
            second_approval: false,
            merchant: false,
        }
    }
}

/// Whoever asks to become a small merchant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Applicant {
    /// The trade is one of the catalogue's for small merchants.
    pub sector_allowed: bool,
    /// The scenario is answered by a yes or a no, and by no lenders only.
    pub scenario_allowed: bool,
    /// A licence number was given.
    pub licence_given: bool,
}

/// A partner's roles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Roles {
    /// Sends observations.
    pub furnisher: bool,
    /// Asks.
    pub asker: bool,
    /// Enters identities.
    pub enroller: bool,
    /// Acts for persons under mandates.
    pub agent: bool,
    /// Binds persons' own keys.
    pub registrar: bool,
}

impl Roles {
    /// The names of the roles held.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        [
            (self.furnisher, "furnisher"),
            (self.asker, "asker"),
            (self.enroller, "enroller"),
            (self.registrar, "registrar"),
            (self.agent, "agent"),
        ]
        .into_iter()
        .filter_map(|(held, name)| held.then_some(name))
    }
}

/// A member of staff's roles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct StaffRoles {
    /// Looks persons up.
    pub viewer: bool,
    /// Takes tables out.
    pub analyst: bool,
    /// Settles what persons and the law demand.
    pub compliance: bool,
    /// The regulator's: reads everything, changes nothing.
    pub examiner: bool,
    /// Partners, staff, scorecards.
    pub administrator: bool,
}

impl StaffRoles {
    /// Every role.
    pub const ALL: StaffRoles = StaffRoles {
        viewer: true,
        analyst: true,
        compliance: true,
        examiner: true,
        administrator: true,
    };

    /// The names of the roles held.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        [
            (self.viewer, "viewer"),
            (self.analyst, "analyst"),
            (self.compliance, "compliance"),
            (self.examiner, "examiner"),
            (self.administrator, "administrator"),
        ]
        .into_iter()
        .filter_map(|(held, name)| held.then_some(name))
    }
}

/// The legal basis of a collection or an inquiry.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Basis {
    /// Which kind was stated.
    pub kind: BasisKind,
    /// The consent exists and this partner may know of it; another partner's is not found.
    pub found: bool,
    /// It names this partner: as recipient for an inquiry, as provider for furnishing.
    pub recipient_matches: bool,
    /// It is about this subject.
    pub subject_matches: bool,
    /// It was given to furnish or to inquire, as the act is; for a permissible purpose: the named
    /// provision is one of the scenario's [`ScenarioTerms::purposes`](super::ScenarioTerms).
    pub purpose_matches: bool,
    /// It names this scenario.
    pub scenario_matches: bool,
    /// It begins later.
    pub not_yet_valid: bool,
    /// It has ended.
    pub expired: bool,
    /// It was withdrawn.
    pub revoked: bool,
    /// It was for one time, and an answer was given on it; `not_assessable` and `refused` do not
    /// use it up (decisions.md 20).
    pub used_up: bool,
    /// As many answers were given on it this month as it allows.
    pub too_often: bool,
    /// Furnishing: it covers the record's category (`true` when the record carries none).
    pub covers_category: bool,
    /// Furnishing: it covers the record's dimension. Inquiry: it covers every dimension the
    /// scenario [`needs`](super::Scenario::needs).
    pub covers_dimension: bool,
    /// Furnishing: it covers the record's account and days (`true` where it names none).
    pub covers_record: bool,
    /// Inquiry: the other person of a mutual scenario consented to the same asker.
    pub counterpart_consents: bool,
}

impl Default for Basis {
    fn default() -> Basis {
        Basis {
            kind: BasisKind::None,
            found: false,
            recipient_matches: false,
            subject_matches: false,
            purpose_matches: false,
            scenario_matches: false,
            not_yet_valid: false,
            expired: false,
            revoked: false,
            used_up: false,
            too_often: false,
            covers_category: false,
            covers_dimension: false,
            covers_record: false,
            counterpart_consents: false,
        }
    }
}

/// A consent that is to be recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Grant {
    /// It names exactly one recipient.
    pub recipient_named: bool,
    /// Version, digest and time of the notice are there.
    pub notice_shown: bool,
    /// Signed with a key bound to the person, or attested by a partner that can produce it.
    pub evidence_valid: bool,
    /// Not longer than [`ScenarioTerms::consent_hours_max`](super::ScenarioTerms).
    pub within_validity: bool,
    /// Its fetch is ONETIME.
    pub onetime: bool,
    /// It is a consent to restricted data (CN-02).
    pub restricted: bool,
    /// It names one restricted category.
    pub one_category: bool,
    /// The warning (version, digest, time) is there.
    pub warning_shown: bool,
}

/// The person an act is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Person {
    /// The subject id leads to one person.
    pub known: bool,
    /// Name and document do not belong together.
    pub mismatch: bool,
    /// Several candidates fit.
    pub ambiguous: bool,
    /// The file is frozen.
    pub frozen: bool,
    /// Dead.
    pub deceased: bool,
    /// Cannot act for themself.
    pub incapacity: bool,
    /// Under [`Pack::adult_age`](super::Pack) of any applicable pack.
    pub minor: bool,
    /// The identity was reported stolen, and the block stands.
    pub identity_theft: bool,
    /// A key of their own is bound and in use.
    pub own_key: bool,
}

/// An observation that is furnished.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Record {
    /// The observation's type name; empty for other acts.
    pub observation: &'static str,
    /// The dimension it feeds, one of [`super::DIMENSIONS`]; empty for other acts.
    pub dimension: &'static str,
    /// What the catalogue says of its category.
    pub category: Category,
    /// Adverse information (Reg 44(3)).
    pub adverse: bool,
    /// The person was told before it was sent: the notice's time is before the submission's.
    pub notice_given: bool,
    /// A restricted amount (CN-02).
    pub restricted: bool,
    /// A restricted consent of exactly this category stands.
    pub restricted_consent_matches: bool,
    /// That consent shows which warning the person saw.
    pub warning_shown: bool,
    /// The furnisher is a lender (CN-10).
    pub furnisher_is_lender: bool,
    /// The record refers to the person's prior written consent.
    pub written_consent: bool,
    /// Made up for a demonstration or a test.
    pub synthetic: bool,
    /// By what it says itself, the law of the person's residence keeps it no longer.
    pub past_retention: bool,
}

impl Default for Record {
    fn default() -> Record {
        Record {
            observation: "",
            dimension: "",
            category: Category::None,
            adverse: false,
            notice_given: false,
            restricted: false,
            restricted_consent_matches: false,
            warning_shown: false,
            furnisher_is_lender: false,
            written_consent: false,
            synthetic: false,
            past_retention: false,
        }
    }
}

/// A thing that exists already: a consent, an inquiry, a notice, a freeze, a dispute, a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Item {
    /// It exists.
    pub found: bool,
    /// It is this actor's: its own inquiry, a consent it holds or gave, its own notice, a dispute
    /// it raised or has to answer.
    pub own: bool,
    /// Its use has expired.
    pub expired: bool,
    /// A legal hold stands (CN-30).
    pub held: bool,
}

/// An export by staff.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Export {
    /// Opens personal tables (decisions.md 2).
    pub personal: bool,
    /// Concerns many files.
    pub bulk: bool,
    /// Is sealed to a named examiner's key.
    pub examiner_key: bool,
}
