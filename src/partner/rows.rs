//! Partners and their keys in the database.

use diesel::prelude::*;

use super::registry::{Kind, Partner, PartnerKey, Registry};
use super::signature::PublicKey;
use super::staff::StaffMember;
use crate::kernel::Time;
use crate::store::schema::{
    alerts, applications, conduct, dead_letters, partner_keys, partners, staff, webhooks,
};
use crate::store::{AnyConn, StoreError, insert_all, on_backend, replace_all};

#[derive(Queryable, Insertable, AsChangeset)]
#[diesel(table_name = partners)]
#[diesel(treat_none_as_null = true)]
struct PartnerRow {
    id: String,
    name: String,
    sector: String,
    roles: String,
    scenarios: String,
    suspended: bool,
    created_us: i64,
    country: String,
    export_basis: Option<String>,
    quota: Option<String>,
    delivery: Option<String>,
    kind: String,
    resumed_us: Option<i64>,
}

#[derive(Queryable, Insertable)]
#[diesel(table_name = partner_keys)]
struct KeyRow {
    thumbprint: String,
    partner: String,
    jwk: String,
    added_us: i64,
    retired_us: Option<i64>,
}

#[derive(Queryable, Insertable, AsChangeset)]
#[diesel(table_name = staff)]
#[diesel(treat_none_as_null = true)]
struct StaffRow {
    name: String,
    roles: String,
    jwk: Option<String>,
    since_us: i64,
    left_us: Option<i64>,
}

/// What staff must look at.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = alerts)]
pub struct AlertRow {
    /// Index of its entry.
    pub idx: i64,
    /// What it is about: `threshold_probing`.
    pub kind: String,
    /// Whose doing.
    pub partner: String,
    /// When.
    pub at_us: i64,
}

fn broken(what: &str, id: &str) -> StoreError {
    StoreError::inconsistent(format!("partner {id} has unreadable {what}"))
}

/// Reads the whole registry: it is small, and every request needs it.
///
/// # Errors
/// The database's, or a row that does not read.
pub fn load(conn: &mut AnyConn) -> Result<Registry, StoreError> {
    let mut registry = Registry::default();
    let rows: Vec<PartnerRow> = on_backend!(conn, |c| partners::table.load(c))?;
    for row in rows {
        let roles = serde_json::from_str(&row.roles).map_err(|_| broken("roles", &row.id))?;
        let scenarios =
            serde_json::from_str(&row.scenarios).map_err(|_| broken("scenarios", &row.id))?;
        let export_basis = row.export_basis.as_deref().map(serde_json::from_str).transpose();
        let export_basis = export_basis.map_err(|_| broken("export basis", &row.id))?;
        let quota = row.quota.as_deref().map(serde_json::from_str).transpose();
        let quota = quota.map_err(|_| broken("quota", &row.id))?.unwrap_or_default();
        let delivery = row.delivery.as_deref().map(serde_json::from_str).transpose();
        let delivery = delivery.map_err(|_| broken("delivery", &row.id))?;
        let partner = Partner {
            id: row.id.clone(),
            name: row.name,
            kind: Kind::from_name(&row.kind).ok_or_else(|| broken("kind", &row.id))?,
            country: row.country,
            export_basis,
            sector: row.sector,
            roles,
            scenarios,
            quota,
            delivery,
            suspended: row.suspended,
            resumed: row.resumed_us.map(Time::from_micros),
            created: Time::from_micros(row.created_us),
        };
        registry.partners.insert(row.id, partner);
    }
    let rows: Vec<KeyRow> = on_backend!(conn, |c| partner_keys::table.load(c))?;
    for row in rows {
        let value = serde_json::from_str(&row.jwk).map_err(|_| broken("key", &row.partner))?;
        let key = PublicKey::from_jwk(&value).map_err(|_| broken("key", &row.partner))?;
        let retired = row.retired_us.map(Time::from_micros);
        registry.keys.insert(row.thumbprint, PartnerKey { partner: row.partner, key, retired });
    }
    load_staff(conn, &mut registry)?;
    Ok(registry)
}

fn load_staff(conn: &mut AnyConn, registry: &mut Registry) -> Result<(), StoreError> {
    let rows: Vec<StaffRow> = on_backend!(conn, |c| staff::table.load(c))?;
    for row in rows {
        let unreadable = || StoreError::inconsistent(format!("staff {} does not read", row.name));
        let key = row.jwk.as_deref().map(PublicKey::from_json).transpose();
        let member = StaffMember {
            name: row.name.clone(),
            roles: serde_json::from_str(&row.roles).map_err(|_| unreadable())?,
            key: key.map_err(|_| unreadable())?,
            since: Time::from_micros(row.since_us),
            left: row.left_us.map(Time::from_micros),
        };
        registry.staff.insert(row.name, member);
    }
    Ok(())
}

/// Inserts or replaces a member of staff.
///
/// # Errors
/// The database's.
pub fn put_staff(conn: &mut AnyConn, member: &StaffMember) -> Result<(), StoreError> {
    let roles = serde_json::to_string(&member.roles);
    let row = StaffRow {
        name: member.name.clone(),
        roles: roles.map_err(|e| StoreError::inconsistent(e.to_string()))?,
        jwk: member.key.as_ref().map(|key| key.to_jwk().to_string()),
        since_us: member.since.micros(),
        left_us: member.left.map(Time::micros),
    };
    on_backend!(conn, |c| diesel::insert_into(staff::table)
        .values(&row)
        .on_conflict(staff::name)
        .do_update()
        .set(&row)
        .execute(c))?;
    Ok(())
}

/// Alerts about a partner since a moment.
///
/// # Errors
/// The database's.
pub fn alerts_since(
    conn: &mut AnyConn,
    partner: &str,
    kind: &str,
    since: Time,
) -> Result<u64, StoreError> {
    let count: i64 = on_backend!(conn, |c| alerts::table
        .filter(alerts::partner.eq(partner))
        .filter(alerts::kind.eq(kind))
        .filter(alerts::at_us.ge(since.micros()))
        .count()
        .get_result(c))?;
    Ok(count.unsigned_abs())
}

/// The newest alerts, newest first.
///
/// # Errors
/// The database's.
pub fn alerts(conn: &mut AnyConn, most: i64) -> Result<Vec<AlertRow>, StoreError> {
    Ok(on_backend!(conn, |c| alerts::table.order(alerts::idx.desc()).limit(most).load(c))?)
}

/// Writes alerts.
///
/// # Errors
/// The database's.
pub fn put_alerts(conn: &mut AnyConn, rows: &[AlertRow]) -> Result<(), StoreError> {
    insert_all!(conn, alerts, rows);
    Ok(())
}

/// One key, whose it is, and whether it may be used: by its thumbprint.
///
/// # Errors
/// The database's, or a row that does not read.
pub fn find_key(
    conn: &mut AnyConn,
    thumbprint: &str,
) -> Result<Option<(PartnerKey, bool)>, StoreError> {
    let row: Option<(KeyRow, bool)> = on_backend!(conn, |c| partner_keys::table
        .inner_join(partners::table.on(partners::id.eq(partner_keys::partner)))
        .filter(partner_keys::thumbprint.eq(thumbprint))
        .select((partner_keys::all_columns, partners::suspended))
        .first(c)
        .optional())?;
    let Some((row, suspended)) = row else { return Ok(None) };
    let key = PublicKey::from_json(&row.jwk).map_err(|_| broken("key", &row.partner))?;
    let retired = row.retired_us.map(Time::from_micros);
    Ok(Some((PartnerKey { partner: row.partner, key, retired }, suspended)))
}

/// Inserts or replaces a partner.
///
/// # Errors
/// The database's.
pub fn put(conn: &mut AnyConn, partner: &Partner) -> Result<(), StoreError> {
    let text = |e: serde_json::Error| StoreError::inconsistent(e.to_string());
    let row = PartnerRow {
        id: partner.id.clone(),
        name: partner.name.clone(),
        sector: partner.sector.clone(),
        roles: serde_json::to_string(&partner.roles).map_err(text)?,
        scenarios: serde_json::to_string(&partner.scenarios).map_err(text)?,
        suspended: partner.suspended,
        created_us: partner.created.micros(),
        country: partner.country.clone(),
        export_basis: partner
            .export_basis
            .as_ref()
            .map(serde_json::to_string)
            .transpose()
            .map_err(text)?,
        quota: match partner.quota.is_open() {
            true => None,
            false => Some(serde_json::to_string(&partner.quota).map_err(text)?),
        },
        delivery: partner.delivery.as_ref().map(serde_json::to_string).transpose().map_err(text)?,
        kind: partner.kind.name().to_string(),
        resumed_us: partner.resumed.map(Time::micros),
    };
    on_backend!(conn, |c| diesel::insert_into(partners::table)
        .values(&row)
        .on_conflict(partners::id)
        .do_update()
        .set(&row)
        .execute(c))?;
    Ok(())
}

/// Inserts a key, or changes when it was retired.
///
/// # Errors
/// The database's.
pub fn put_key(
    conn: &mut AnyConn,
    thumbprint: &str,
    key: &PartnerKey,
    added: Time,
) -> Result<(), StoreError> {
    let row = KeyRow {
        thumbprint: thumbprint.to_string(),
        partner: key.partner.clone(),
        jwk: key.key.to_jwk().to_string(),
        added_us: added.micros(),
        retired_us: key.retired.map(Time::micros),
    };
    on_backend!(conn, |c| diesel::insert_into(partner_keys::table)
        .values(&row)
        .on_conflict(partner_keys::thumbprint)
        .do_update()
        .set(partner_keys::retired_us.eq(row.retired_us))
        .execute(c))?;
    Ok(())
}

/// Where a partner's events are sent, and how far that has come.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable, AsChangeset)]
#[diesel(table_name = webhooks, treat_none_as_null = true)]
pub struct WebhookRow {
    /// Whose.
    pub partner: String,
    /// The address.
    pub url: String,
    /// Index of the entry that says so.
    pub idx: i64,
    /// The last event that is delivered, or given up.
    pub sent: i64,
    /// Attempts at the next events.
    pub attempts: i64,
    /// When to try next.
    pub next_us: i64,
    /// Why the last attempt failed.
    pub error: Option<String>,
}

/// Events that were given up.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = dead_letters)]
pub struct DeadLetterRow {
    /// Whose.
    pub partner: String,
    /// The first of them.
    pub first_event: i64,
    /// The last of them.
    pub last_event: i64,
    /// Why the last attempt failed.
    pub error: String,
    /// When they were given up.
    pub at_us: i64,
}

/// Every webhook, by partner.
///
/// # Errors
/// The database's, here and below.
pub fn webhooks(conn: &mut AnyConn) -> Result<Vec<WebhookRow>, StoreError> {
    Ok(on_backend!(conn, |c| webhooks::table.order(webhooks::partner).load(c))?)
}

/// Webhooks that are due.
pub fn webhooks_due(conn: &mut AnyConn, now: Time) -> Result<Vec<WebhookRow>, StoreError> {
    Ok(on_backend!(conn, |c| webhooks::table
        .filter(webhooks::next_us.le(now.micros()))
        .order((webhooks::next_us, webhooks::partner))
        .load(c))?)
}

/// Sets a webhook, beginning anew; or takes it away.
pub fn put_webhook(
    conn: &mut AnyConn,
    partner: &str,
    row: Option<&WebhookRow>,
) -> Result<(), StoreError> {
    on_backend!(conn, |c| diesel::delete(webhooks::table.filter(webhooks::partner.eq(partner)))
        .execute(c))?;
    if let Some(row) = row {
        on_backend!(conn, |c| diesel::insert_into(webhooks::table).values(row).execute(c))?;
    }
    Ok(())
}

/// Takes the next delivery of a webhook for this process until `until`: `false` when it is no
/// longer as it was read, so that somebody else has it, or it was set anew.
pub fn claim_webhook(
    conn: &mut AnyConn,
    was: &WebhookRow,
    until: Time,
) -> Result<bool, StoreError> {
    let next = WebhookRow { next_us: until.micros(), ..was.clone() };
    advance_webhook(conn, was, &next)
}

/// Writes how far the sending has come. `false`, and nothing is written, when it is no longer as
/// `was`: another address was set, it was set back, or somebody else delivers.
pub fn advance_webhook(
    conn: &mut AnyConn,
    was: &WebhookRow,
    row: &WebhookRow,
) -> Result<bool, StoreError> {
    let changed = on_backend!(conn, |c| diesel::update(
        webhooks::table
            .filter(webhooks::partner.eq(&was.partner))
            .filter(webhooks::idx.eq(was.idx))
            .filter(webhooks::sent.eq(was.sent))
            .filter(webhooks::attempts.eq(was.attempts))
            .filter(webhooks::next_us.eq(was.next_us))
    )
    .set(row)
    .execute(c))?;
    Ok(changed > 0)
}

/// What was given up for a partner, or for all, oldest first.
pub fn dead_letters(
    conn: &mut AnyConn,
    partner: Option<&str>,
) -> Result<Vec<DeadLetterRow>, StoreError> {
    let order = (dead_letters::partner, dead_letters::first_event);
    Ok(match partner {
        Some(partner) => on_backend!(conn, |c| dead_letters::table
            .filter(dead_letters::partner.eq(partner))
            .order(order)
            .load(c))?,
        None => on_backend!(conn, |c| dead_letters::table.order(order).load(c))?,
    })
}

/// Keeps what was given up.
pub fn put_dead_letter(conn: &mut AnyConn, row: &DeadLetterRow) -> Result<(), StoreError> {
    on_backend!(conn, |c| diesel::insert_into(dead_letters::table)
        .values(row)
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(())
}

/// Forgets what was given up for a partner: it is sent again.
pub fn clear_dead_letters(conn: &mut AnyConn, partner: &str) -> Result<(), StoreError> {
    on_backend!(conn, |c| diesel::delete(
        dead_letters::table.filter(dead_letters::partner.eq(partner))
    )
    .execute(c))?;
    Ok(())
}

/// Somebody who asked to become a small merchant.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = applications, treat_none_as_default_value = false)]
#[allow(missing_docs, reason = "the columns are documented in migrations/")]
pub struct ApplicationRow {
    pub id: String,
    pub keyid: String,
    pub jwk: String,
    pub name: String,
    pub sector: String,
    pub country: String,
    pub scenario: String,
    pub licence: String,
    pub state: String,
    pub reason: String,
    pub partner: Option<String>,
    pub at_us: i64,
    pub decided_us: Option<i64>,
    pub idx: i64,
}

/// Something that staff put on record against a partner.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = conduct)]
pub struct ConductRow {
    /// Index of its entry.
    pub idx: i64,
    /// Whose.
    pub partner: String,
    /// What, of the catalogue.
    pub kind: String,
    /// How much it counts.
    pub points: i64,
    /// When.
    pub at_us: i64,
}

/// Every application, oldest first.
pub fn applications(conn: &mut AnyConn) -> Result<Vec<ApplicationRow>, StoreError> {
    Ok(on_backend!(conn, |c| applications::table.order(applications::idx).load(c))?)
}

/// One application.
pub fn application(conn: &mut AnyConn, id: &str) -> Result<Option<ApplicationRow>, StoreError> {
    Ok(on_backend!(conn, |c| applications::table
        .filter(applications::id.eq(id))
        .first(c)
        .optional())?)
}

/// The newest application of a key.
pub fn application_of(
    conn: &mut AnyConn,
    keyid: &str,
) -> Result<Option<ApplicationRow>, StoreError> {
    Ok(on_backend!(conn, |c| applications::table
        .filter(applications::keyid.eq(keyid))
        .order(applications::idx.desc())
        .first(c)
        .optional())?)
}

/// How many applications wait for staff.
pub fn applications_pending(conn: &mut AnyConn) -> Result<u64, StoreError> {
    let count: i64 = on_backend!(conn, |c| applications::table
        .filter(applications::state.eq("pending"))
        .count()
        .get_result(c))?;
    Ok(count.unsigned_abs())
}

/// Writes applications.
pub fn put_applications(conn: &mut AnyConn, rows: &[ApplicationRow]) -> Result<(), StoreError> {
    replace_all!(conn, applications, id, rows);
    Ok(())
}

/// What is on record against partners, oldest first; against one when it is named.
pub fn conduct_of(
    conn: &mut AnyConn,
    partner: Option<&str>,
    since: Time,
) -> Result<Vec<ConductRow>, StoreError> {
    let rows: Vec<ConductRow> = on_backend!(conn, |c| conduct::table
        .filter(conduct::at_us.ge(since.micros()))
        .order(conduct::idx)
        .load(c))?;
    let whose = |row: &ConductRow| partner.is_none_or(|partner| row.partner == partner);
    Ok(rows.into_iter().filter(whose).collect())
}

/// Writes what is on record against partners.
pub fn put_conduct(conn: &mut AnyConn, rows: &[ConductRow]) -> Result<(), StoreError> {
    insert_all!(conn, conduct, rows);
    Ok(())
}
