//! What to try in the sandbox, and what is answered: one case for each form of answer and each
//! refusal of an inquiry that can be shown.

/// The answer that a case gets, now and always.
pub struct Expected {
    /// The HTTP status.
    pub status: u16,
    /// The answer's form, where there is an answer.
    pub form: &'static str,
    /// One more member of the answer or problem, with its value as JSON.
    pub says: (&'static str, &'static str),
}

/// Something to try. What is not said is the ordinary way: enrol the person, give a consent to the
/// scenario for a day, and ask.
pub struct Case {
    /// Its name.
    pub name: &'static str,
    /// The kind of partner that asks.
    pub asker: &'static str,
    /// The test person; empty for somebody of your own, whose passport number you make up.
    pub person: &'static str,
    /// What is asked.
    pub scenario: &'static str,
    /// What is different about the consent.
    pub consent: Consent,
    /// The answer.
    pub expected: Expected,
    /// What it shows.
    pub about: &'static str,
}

/// What is different about the consent of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    /// Nothing.
    Given,
    /// None is given: the basis is this type and reference.
    Basis(&'static str, &'static str),
    /// It is to furnish.
    ToFurnish,
    /// It is to this scenario.
    To(&'static str),
    /// It is of this person.
    Of(&'static str),
    /// It covers this dimension only.
    Only(&'static str),
    /// It begins tomorrow.
    Tomorrow,
    /// It lasts two seconds, and is used after them.
    Brief,
    /// It is revoked before it is used.
    Revoked,
    /// It was used before.
    Used,
    /// The other person consents too, and is named as counterpart.
    Mutual(&'static str),
    /// The person is enrolled under another name.
    Misnamed,
}

const fn answered(form: &'static str, says: (&'static str, &'static str)) -> Expected {
    Expected { status: 201, form, says }
}

const fn unassessable(code: &'static str) -> Expected {
    Expected { status: 201, form: "not_assessable", says: ("code", code) }
}

const fn refused(status: u16, code: &'static str) -> Expected {
    Expected { status, form: "", says: ("code", code) }
}

const fn case(
    (name, about): (&'static str, &'static str),
    (asker, person, scenario): (&'static str, &'static str, &'static str),
    consent: Consent,
    expected: Expected,
) -> Case {
    Case { name, asker, person, scenario, consent, expected, about }
}

const CREDIT: &str = "credit_application";

/// Every case.
pub const CASES: &[Case] = &[
    // Forms of answers.
    case(
        ("score", "a score with its reasons"),
        ("lender", "steady", CREDIT),
        Consent::Given,
        answered("score", ("band", "\"outstanding\"")),
    ),
    case(
        ("score-poor", "a score of somebody who is late"),
        ("lender", "late", CREDIT),
        Consent::Given,
        answered("score", ("band", "\"poor\"")),
    ),
    case(
        ("band", "a band, and nothing else"),
        ("landlord", "steady", "tenancy"),
        Consent::Given,
        answered("band", ("band", "\"outstanding\"")),
    ),
    case(
        ("threshold-yes", "yes, at the threshold of the contract"),
        ("hotel", "steady", "hotel_deposit"),
        Consent::Given,
        answered("threshold", ("outcome", "\"yes\"")),
    ),
    case(
        ("threshold-no", "no"),
        ("hotel", "late", "hotel_deposit"),
        Consent::Given,
        answered("threshold", ("outcome", "\"no\"")),
    ),
    case(
        ("threshold-frozen", "can't say: to a hotel everything that is not yes or no reads alike"),
        ("hotel", "frozen", "hotel_deposit"),
        Consent::Given,
        answered("not_assessable", ("code", "null")),
    ),
    case(
        ("identity-level", "how well the person's identity was checked"),
        ("lender", "steady", "identity_check"),
        Consent::Given,
        answered("identity_level", ("level", "2")),
    ),
    case(
        ("mutual", "two strangers who trade: both consented"),
        ("platform", "steady", "online_trade"),
        Consent::Mutual("trader"),
        answered("threshold", ("outcome", "\"yes\"")),
    ),
    // Not assessable: told to lenders with the code.
    case(
        ("insufficient-data", "too little history"),
        ("lender", "thin", CREDIT),
        Consent::Given,
        unassessable("\"insufficient_data\""),
    ),
    case(
        ("stale", "nothing was heard for half a year"),
        ("lender", "stale", CREDIT),
        Consent::Given,
        unassessable("\"stale\""),
    ),
    case(
        ("identity-level-low", "nobody checked who this is"),
        ("lender", "", CREDIT),
        Consent::Given,
        unassessable("\"identity_level_low\""),
    ),
    case(
        ("frozen", "a freeze bars new credit"),
        ("lender", "frozen", CREDIT),
        Consent::Given,
        unassessable("\"person_frozen\""),
    ),
    case(
        ("deceased", "a death is on file"),
        ("lender", "deceased", CREDIT),
        Consent::Given,
        unassessable("\"person_deceased\""),
    ),
    case(
        ("incapacity", "an incapacity is on file"),
        ("lender", "incapable", CREDIT),
        Consent::Given,
        unassessable("\"person_incapacity\""),
    ),
    case(
        ("identity-theft", "an identity theft is on file"),
        ("lender", "stolen", CREDIT),
        Consent::Given,
        unassessable("\"identity_theft_block\""),
    ),
    case(
        ("minor", "not of age"),
        ("lender", "minor", CREDIT),
        Consent::Given,
        unassessable("\"person_minor\""),
    ),
    case(
        ("mismatch", "name and passport contradict each other"),
        ("lender", "steady", CREDIT),
        Consent::Misnamed,
        unassessable("\"identity_mismatch\""),
    ),
    case(
        ("scope-insufficient", "the consent leaves out what the question needs"),
        ("lender", "steady", CREDIT),
        Consent::Only("identity"),
        unassessable("\"scope_insufficient\""),
    ),
    // Refused.
    case(
        ("consent-not-found", "no such consent of yours"),
        ("lender", "steady", CREDIT),
        Consent::Basis("consent", "con_00000000000000000000000000"),
        refused(404, "\"consent_not_found\""),
    ),
    case(
        ("basis-not-allowed", "a contract is no basis for asking, in China"),
        ("lender", "steady", CREDIT),
        Consent::Basis("contract", "contract-1"),
        refused(403, "\"basis_not_allowed\""),
    ),
    case(
        ("consent-purpose", "the consent is to furnish"),
        ("lender", "steady", CREDIT),
        Consent::ToFurnish,
        refused(403, "\"consent_purpose_mismatch\""),
    ),
    case(
        ("consent-scenario", "the consent is to another scenario"),
        ("lender", "steady", CREDIT),
        Consent::To("account_review"),
        refused(403, "\"consent_scenario_mismatch\""),
    ),
    case(
        ("consent-subject", "the consent is another person's"),
        ("lender", "steady", CREDIT),
        Consent::Of("late"),
        refused(403, "\"consent_subject_mismatch\""),
    ),
    case(
        ("consent-early", "the consent begins tomorrow"),
        ("lender", "steady", CREDIT),
        Consent::Tomorrow,
        refused(403, "\"consent_not_yet_valid\""),
    ),
    case(
        ("consent-expired", "the consent has ended"),
        ("lender", "steady", CREDIT),
        Consent::Brief,
        refused(403, "\"consent_expired\""),
    ),
    case(
        ("consent-revoked", "the consent was revoked"),
        ("lender", "steady", CREDIT),
        Consent::Revoked,
        refused(403, "\"consent_revoked\""),
    ),
    case(
        ("consent-used", "a consent for one answer was used"),
        ("hotel", "steady", "hotel_deposit"),
        Consent::Used,
        refused(403, "\"consent_used\""),
    ),
    case(
        ("counterpart", "only one of two strangers consented"),
        ("platform", "steady", "online_trade"),
        Consent::Given,
        refused(403, "\"counterpart_consent_missing\""),
    ),
    case(
        ("scenario-unknown", "there is no such scenario"),
        ("lender", "steady", "horoscope"),
        Consent::To(CREDIT),
        refused(403, "\"scenario_unknown\""),
    ),
    case(
        ("scenario-refused", "a scenario that is answered to nobody"),
        ("lender", "steady", "dating"),
        Consent::To(CREDIT),
        refused(403, "\"scenario_refused\""),
    ),
    case(
        ("scenario-not-contracted", "a scenario that is not in your contract"),
        ("lender", "steady", "wealth_management"),
        Consent::To(CREDIT),
        refused(403, "\"scenario_not_contracted\""),
    ),
    case(
        ("sector", "a scenario for lenders only"),
        ("landlord", "steady", "credit_card"),
        Consent::To("tenancy"),
        refused(403, "\"sector_not_allowed\""),
    ),
    case(
        ("file", "the file is the person's own to see"),
        ("lender", "steady", "self"),
        Consent::To(CREDIT),
        refused(403, "\"role_missing\""),
    ),
];

/// Refusals that an inquiry here does not meet, and why.
pub const UNSHOWN: &[(&str, &str)] = &[
    ("jurisdiction_unknown", "enrolment already refuses a residence without a rule pack"),
    ("policy_error", "a rule that fails is a fault of the bureau's"),
    ("policy_gap", "a question that no rule covers is a fault of the bureau's"),
    ("environment_mismatch", "a published key meets it outside the sandbox"),
    ("licence_missing", "a sandbox needs no licence"),
    ("partner_suspended", "the signature of a suspended partner is refused before: key_suspended"),
    ("staff_unknown", "staff act at the console"),
    ("staff_role_missing", "staff act at the console"),
    ("not_the_person", "an act of the person's own, not an inquiry"),
    ("mandate_missing", "an act for a person, not an inquiry"),
    ("own_key_needed", "an act for a person, not an inquiry"),
    ("reason_missing", "staff act at the console"),
    ("second_approval_missing", "staff act at the console"),
    ("examiner_key_missing", "staff act at the console"),
    ("sector_not_for_merchants", "an application, not an inquiry"),
    ("scenario_not_for_merchants", "an application, not an inquiry"),
    ("licence_number_missing", "an application, not an inquiry"),
    ("merchant_threshold_only", "visitors are no small merchants: they choose what to try"),
    ("purpose_not_permissible", "a basis of the United States; the test persons live in China"),
    ("consent_recipient_mismatch", "another partner's consent reads consent_not_found"),
    ("consent_category_not_covered", "met when records are sent, not in an inquiry"),
    ("consent_dimension_not_covered", "met when records are sent; an inquiry: scope_insufficient"),
    ("consent_record_not_covered", "met when records are sent"),
    ("consent_too_often", "met as consent_used is, under a consent that says how often"),
    ("public_record_only", "met when records are sent"),
    ("export_basis_missing", "the sandbox's partners sit where its persons live"),
    ("threshold_probing", "takes four contracted thresholds, and each stands for 30 days"),
    ("consent_recipient_unnamed", "met when a consent is given"),
    ("consent_notice_missing", "met when a consent is given"),
    ("consent_evidence_invalid", "met when a consent is given"),
    ("consent_too_long", "met when a consent is given"),
    ("consent_not_onetime", "met when a consent is given"),
    ("consent_restricted_bundled", "met when a consent is given"),
    ("synthetic_in_live", "met outside the sandbox"),
    ("synthetic_only", "met when persons or records come without the mark"),
    ("dimension_off", "met when records are sent"),
    ("category_prohibited", "met when records are sent"),
    ("category_unlisted", "met when records are sent"),
    ("past_retention", "met when records are sent"),
    ("adverse_notice_missing", "met when records are sent"),
    ("written_consent_missing", "met when records are sent"),
    ("restricted_consent_missing", "met when records are sent"),
    ("restricted_warning_missing", "met when records are sent"),
    ("item_not_found", "an act on an item, not an inquiry"),
    ("answer_expired", "GET /v1/inquiries/{id} after use.expires_at"),
    ("legal_hold", "an erasure, not an inquiry"),
    ("erasure_not_provided", "an erasure, not an inquiry"),
    ("identity_ambiguous", "enrol somebody with the documents of two persons"),
    ("person_unknown", "a consent belongs to a person, so consent_not_found comes first"),
    ("disputed", "a disputed item is left out, and the answer says `disputed`"),
];
