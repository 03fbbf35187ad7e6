//! Partners, staff and what they are told to look at, in the unit of work.

use super::Work;
use crate::kernel::Time;
use crate::partner::rows::{
    self as partner_rows, AlertRow, ApplicationRow, ConductRow, WebhookRow,
};
use crate::partner::{Partner, PartnerKey, StaffMember};
use crate::store::StoreError;

impl Work<'_> {
    /// Writes a partner.
    pub fn put_partner(&mut self, partner: Partner) {
        self.engine.quotas.agree(&partner);
        self.registry.partners.insert(partner.id.clone(), partner.clone());
        self.pending.partners.push(partner);
    }

    /// Writes a partner's key.
    pub fn put_partner_key(&mut self, thumbprint: &str, key: PartnerKey) {
        self.registry.keys.insert(thumbprint.to_string(), key.clone());
        self.pending.partner_keys.push((thumbprint.to_string(), key));
    }

    /// Writes a member of staff.
    pub fn put_staff(&mut self, member: StaffMember) {
        self.registry.staff.insert(member.name.clone(), member.clone());
        self.pending.staff.push(member);
    }

    /// Writes what staff must look at.
    pub fn put_alert(&mut self, row: AlertRow) {
        self.pending.alerts.push(row);
    }

    /// Alerts of this kind about a partner since a moment, this batch's included.
    ///
    /// # Errors
    /// The database's.
    pub fn alerts_since(
        &mut self,
        partner: &str,
        kind: &str,
        since: Time,
    ) -> Result<u64, StoreError> {
        let same = |row: &&AlertRow| row.partner == partner && row.kind == kind;
        let fresh = self.pending.alerts.iter().filter(same).count() as u64;
        Ok(fresh + partner_rows::alerts_since(self.conn, partner, kind, since)?)
    }

    /// Writes where a partner's events are sent; `None` for nowhere.
    pub fn put_webhook(&mut self, partner: &str, row: Option<WebhookRow>) {
        self.pending.webhooks.push((partner.to_string(), row));
    }

    /// Writes an application.
    pub fn put_application(&mut self, row: ApplicationRow) {
        self.pending.applications.insert(row.id.clone(), row);
    }

    /// One application, as this batch has it.
    ///
    /// # Errors
    /// The database's.
    pub fn application(&mut self, id: &str) -> Result<Option<ApplicationRow>, StoreError> {
        match self.pending.applications.get(id) {
            Some(row) => Ok(Some(row.clone())),
            None => partner_rows::application(self.conn, id),
        }
    }

    /// The newest application of a key, as this batch has it.
    ///
    /// # Errors
    /// The database's.
    pub fn application_of(&mut self, keyid: &str) -> Result<Option<ApplicationRow>, StoreError> {
        let fresh = self.pending.applications.values().filter(|row| row.keyid == keyid);
        match fresh.max_by_key(|row| row.idx) {
            Some(row) => Ok(Some(row.clone())),
            None => partner_rows::application_of(self.conn, keyid),
        }
    }

    /// How many applications wait for staff; those that this batch brought are counted as well.
    ///
    /// # Errors
    /// The database's.
    pub fn applications_pending(&mut self) -> Result<u64, StoreError> {
        let fresh = self.pending.applications.len() as u64;
        Ok(fresh + partner_rows::applications_pending(self.conn)?)
    }

    /// Writes what is on record against a partner.
    pub fn put_conduct(&mut self, row: ConductRow) {
        self.pending.conduct.push(row);
    }

    /// The points on record against a partner since a moment, this batch's included.
    ///
    /// # Errors
    /// The database's.
    pub fn conduct_since(&mut self, partner: &str, since: Time) -> Result<u64, StoreError> {
        let mut rows = partner_rows::conduct_of(self.conn, Some(partner), since)?;
        rows.extend(self.pending.conduct.iter().filter(|row| row.partner == partner).cloned());
        Ok(rows.iter().map(|row| row.points.unsigned_abs()).sum())
    }
}
