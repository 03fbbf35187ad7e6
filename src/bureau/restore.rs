//! Restoring a backup: checked as an outsider would check it, compared with every checkpoint that
//! is known, loaded whole or not at all, and freed of everybody who was forgotten or purged since
//! it was made, all before anything is served (decisions.md 6, 8, 9).
//!
//! What a crash means at each step: before the load is committed the database is empty and the
//! same command begins anew; after it the file `DIR/restoring` keeps every other command out, and
//! the same command goes on where it stopped.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Value, json};

use super::admission::Admission;
use super::backup::{self, BackedTable, BackupError, Checked, Told};
use super::command::erase::EndEvidence;
use super::command::keeping::Keeping;
use super::command::lapse::Lapse;
use super::command::upload::RefuseUpload;
use super::intake::lost as file_lost;
use super::keys::{BureauKeys, KeyError};
use super::start::{OpenError, Settings};
use super::{Bureau, spool, work};
use crate::collect::rows as fact_rows;
use crate::error::Problem;
use crate::kernel::Env;
use crate::ledger::body::person_key_name;
use crate::ledger::checkpoint::{Checkpoint, CheckpointError};
use crate::ledger::leaf::PublicKind;
use crate::ledger::rows as ledger_rows;
use crate::store::copy::{self, LOAD_ROWS};
use crate::store::{Store, StoreError, Target, Writer};
use crate::subject::rows::{self as subject_rows, PersonRow};

/// The file that keeps others out while a restore is not finished.
pub const RESTORING: &str = "restoring";
/// Where the published files of the old log are put when it goes on under a new name.
const OLD_LOG: &str = "log-before-restore";
/// Such folders at most.
const OLD_LOGS_MAX: u32 = 100;
/// The kind of the entry with which a log goes on under a new name.
const CONTINUED: &str = "origin_continued";

/// What is to be restored.
#[derive(Clone, Debug, Default)]
pub struct RestoreOrder {
    /// The backup.
    pub from: PathBuf,
    /// Checkpoints known from elsewhere: witnesses, auditors, an old `DIR/log/checkpoint`.
    pub known: Vec<String>,
    /// The log goes on under the configured origin, which is another than the backup's: entries
    /// that were published are not in the backup.
    pub new_origin: bool,
    /// Nobody knows any checkpoint: whether the backup lies behind what was published is not known
    /// either, and goes on record so.
    pub unwitnessed: bool,
    /// How many persons at most may be forgotten because the key store has no key that opens them.
    pub forget: u64,
}

/// Why a backup was not restored. Nothing is served in any case.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The backup.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// The keys.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The bureau does not open with what was restored.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// An entry was refused.
    #[error(transparent)]
    Refused(#[from] Problem),
    /// The file system.
    #[error("{0}: {1}")]
    Io(PathBuf, io::Error),
    /// A known checkpoint is not one of this log.
    #[error("{0}: {1}")]
    Known(String, CheckpointError),
    /// The database holds a log already.
    #[error(
        "{0} holds a log already: restore into an empty database, and keep the old one aside until \
         the restored one serves"
    )]
    NotEmpty(String),
    /// The backup is older than what was published.
    #[error(
        "the backup has {size} entries, and a checkpoint of {known} was published: going on would \
         give {lost} indices out twice. Restore a newer backup, or PostgreSQL's own archive; if \
         there is none, set another `origin` in fivefold.toml and add --new-origin: the log goes on \
         under that name, and its first entry says what is lost"
    )]
    Behind {
        /// Entries of the backup.
        size: u64,
        /// Entries that the newest known checkpoint covers.
        known: u64,
        /// The difference.
        lost: u64,
    },
    /// No checkpoint to compare with.
    #[error(
        "no checkpoint of this log is known here, so nobody can tell whether the backup lies behind \
         what was published. Name one with --trusted-checkpoint (a witness, an auditor or a partner \
         holds it), or put the old DIR/log in place; if there is none anywhere, add --unwitnessed: \
         it goes on record"
    )]
    Unwitnessed,
    /// More persons would be forgotten than was said.
    #[error(
        "the key store has no key that opens {missing} of the {persons} persons in the backup, and \
         they would be forgotten. Persons who were erased or purged since the backup are meant to \
         be among them; many more than those mean that this is not the current key store. With the \
         right one in place run the same command again; if it is the right one, add --forget \
         {missing}"
    )]
    Forgetting {
        /// Persons without a key that opens.
        missing: u64,
        /// Persons in the backup who were not forgotten before it.
        persons: u64,
    },
    /// The backup and a known checkpoint contradict each other.
    #[error(
        "the backup's first {0} entries are not those of a checkpoint that was published: it is of \
         another log, or was altered"
    )]
    Forked(u64),
    /// Origin and option do not fit.
    #[error("{0}")]
    Origin(String),
}

impl RestoreError {
    /// Stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            RestoreError::Backup(error) => error.code(),
            RestoreError::Key(_) => "key_unusable",
            RestoreError::Store(_) => "database_unavailable",
            RestoreError::Open(_) => "cannot_start",
            RestoreError::Refused(_) => "refused",
            RestoreError::Io(..) => "file_unwritable",
            RestoreError::Known(_, error) => error.code(),
            RestoreError::NotEmpty(_) => "database_not_empty",
            RestoreError::Behind { .. } => "backup_behind",
            RestoreError::Unwitnessed => "checkpoint_needed",
            RestoreError::Forgetting { .. } => "keys_missing",
            RestoreError::Forked(_) => "backup_forked",
            RestoreError::Origin(_) => "origin_differs",
        }
    }
}

/// What a restore did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RestoreReport {
    /// Entries that the backup had.
    pub entries: u64,
    /// Rows that were loaded.
    pub rows: u64,
    /// Persons who were forgotten, or purged, after the backup was made: nothing of theirs is left.
    pub lapsed: u64,
    /// Evidence about forgotten persons whose time has ended since.
    pub evidence_ended: u64,
    /// Entries that were published and are lost.
    pub lost: u64,
    /// The log's new name, if it goes on under one.
    pub continued_as: Option<String>,
}

/// The newest checkpoint that anybody is known to have seen, and all of them for comparison.
fn known(
    settings: &Settings,
    order: &RestoreOrder,
    origin: &str,
    keys: &BureauKeys,
) -> Result<Vec<(Checkpoint, String)>, RestoreError> {
    let mut notes: Vec<(String, String)> =
        order.known.iter().map(|note| ("--trusted-checkpoint".into(), note.clone())).collect();
    let folders = std::iter::once(settings.dir.join("log")).chain(old_logs(&settings.dir));
    for folder in folders {
        let path = folder.join("checkpoint");
        match fs::read_to_string(&path) {
            // A log of another name: one that went on after a restore, or an older one.
            Ok(note) if note.lines().next() != Some(origin) => {}
            Ok(note) => notes.push((path.display().to_string(), note)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(RestoreError::Io(path, error)),
        }
    }
    let keys = keys.log_verifiers_ever();
    let mut found = Vec::new();
    for (from, note) in notes {
        let opened = Checkpoint::open(&note, &keys, &[]);
        let opened = opened.map_err(|error| RestoreError::Known(from, error))?;
        found.push((opened.checkpoint, note));
    }
    found.sort_by_key(|(checkpoint, _)| checkpoint.size);
    Ok(found)
}

/// Refuses a backup that contradicts what was published, and says how much of that it lacks.
fn lost(
    checked: &Checked,
    known: &[(Checkpoint, String)],
    order: &RestoreOrder,
) -> Result<u64, RestoreError> {
    let size = checked.checkpoint.size;
    for (checkpoint, _) in known.iter().filter(|(one, _)| (1..=size).contains(&one.size)) {
        if !checked.roots.contains(&(checkpoint.size, checkpoint.root)) {
            return Err(RestoreError::Forked(checkpoint.size));
        }
    }
    let newest = known.last().map_or(0, |(checkpoint, _)| checkpoint.size);
    let lost = newest.saturating_sub(size);
    if lost > 0 && !order.new_origin {
        return Err(RestoreError::Behind { size, known: newest, lost });
    }
    Ok(lost)
}

fn origin_fits(
    settings: &Settings,
    origin: &str,
    order: &RestoreOrder,
) -> Result<(), RestoreError> {
    let same = settings.origin == origin;
    let text = match (same, order.new_origin) {
        (true, false) | (false, true) => return Ok(()),
        (true, true) => format!(
            "--new-origin needs another name: set `origin` in fivefold.toml to one that was never \
             used; {origin} is that of the log that is lost"
        ),
        (false, false) => format!(
            "the backup is of {origin}, the configuration says {}: set `origin` to the backup's, \
             or, where entries that were published are lost, add --new-origin",
            settings.origin
        ),
    };
    Err(RestoreError::Origin(text))
}

/// Whether the database holds a log.
fn holds_a_log(target: &Target) -> Result<bool, StoreError> {
    let mut conn = target.connect()?;
    if !copy::tables(&mut conn)?.iter().any(|name| name == "log_head") {
        return Ok(false);
    }
    let mut rows = 0;
    copy::write_rows(&mut conn, ("log_head", "id"), &mut |_| {
        rows += 1;
        Ok(())
    })?;
    Ok(rows > 0)
}

/// Loads every table in one transaction, at the schema that the rows have, then migrates.
fn load(
    target: &Target,
    from: &Path,
    checked: &Checked,
    told: Told<'_>,
) -> Result<u64, RestoreError> {
    Store::migrate_to(target, &checked.manifest.schema)?;
    let mut broken = None;
    let loaded = Writer::to(target.clone()).write(
        "restore",
        |conn| {
            copy::without_haste(conn)?;
            let mut all = 0;
            for table in &checked.manifest.tables {
                let mut load = |lines: &mut Vec<String>| -> Result<(), StoreError> {
                    copy::read_rows(conn, &table.name, &table.columns, lines)?;
                    all += lines.len() as u64;
                    told(&table.name, all);
                    lines.clear();
                    Ok(())
                };
                match load_table(from, table, &mut load) {
                    Ok(()) => {}
                    Err(BackupError::Store(error)) => return Err(error),
                    Err(error) => {
                        broken = Some(error);
                        return Err(StoreError::Refused("the backup does not read".into()));
                    }
                }
            }
            Ok(all)
        },
        // Not committed for certain means again from the start: the database must be empty then.
        |_, _| Ok(false),
    );
    if let Some(error) = broken {
        return Err(error.into());
    }
    let rows = loaded?;
    Store::migrate(target)?;
    Ok(rows)
}

fn load_table(
    from: &Path,
    table: &BackedTable,
    load: &mut dyn FnMut(&mut Vec<String>) -> Result<(), StoreError>,
) -> Result<(), BackupError> {
    let mut lines = Vec::with_capacity(LOAD_ROWS);
    backup::read_table(from, table, &mut |line| {
        lines.push(line.to_string());
        match lines.len() {
            LOAD_ROWS => Ok(load(&mut lines)?),
            _ => Ok(()),
        }
    })?;
    if lines.is_empty() { Ok(()) } else { Ok(load(&mut lines)?) }
}

/// Marks what is begun, durably and before a row is loaded: what was loaded and not yet compared
/// with the key store must never be served, whatever ends in between.
fn mark(marker: &Path, digest: &str) -> io::Result<()> {
    let fresh = marker.with_extension("new");
    let mut file = File::create(&fresh)?;
    writeln!(file, "{digest}")?;
    file.sync_all()?;
    fs::rename(&fresh, marker)?;
    File::open(marker.parent().unwrap_or(Path::new(".")))?.sync_all()
}

/// Where published files of logs before this one may lie: one folder for each restore under a new
/// name.
fn old_logs(dir: &Path) -> impl Iterator<Item = PathBuf> {
    let numbered = (1..OLD_LOGS_MAX).map(|n| match n {
        1 => OLD_LOG.to_string(),
        n => format!("{OLD_LOG}-{n}"),
    });
    let dir = dir.to_path_buf();
    numbered.map(move |name| dir.join(name))
}

/// The published files of the old log step aside, and the head takes the new name.
fn rename_log(settings: &Settings) -> Result<(), RestoreError> {
    let log = settings.dir.join("log");
    let note = fs::read_to_string(log.join("checkpoint")).unwrap_or_default();
    // Where this is run again, the new log may be published already.
    let own = note.lines().next() == Some(&settings.origin);
    if log.is_dir() && !own {
        let free = old_logs(&settings.dir).find(|folder| !folder.exists());
        let free = free.ok_or_else(|| {
            let full = io::Error::other("too many logs of before: move some of them elsewhere");
            RestoreError::Io(settings.dir.clone(), full)
        })?;
        fs::rename(&log, &free).map_err(|e| RestoreError::Io(log, e))?;
    }
    Writer::to(settings.database.clone()).write(
        "log.rename",
        |conn| ledger_rows::rename_log(conn, &settings.origin),
        |_, ()| Ok(false),
    )?;
    Ok(())
}

impl Bureau {
    /// Restores a backup into the empty database that `settings` names. The bureau's keys and the
    /// key store must be in place already: they are in no backup.
    ///
    /// # Errors
    /// [`RestoreError`]: each says what to do. Nothing is served in any case.
    pub fn restore(
        env: &Env,
        settings: &Settings,
        order: &RestoreOrder,
        told: Told<'_>,
    ) -> Result<(Bureau, RestoreReport), RestoreError> {
        let origin = backup::origin_of(&order.from)?;
        origin_fits(settings, &origin, order)?;
        let keys = BureauKeys::load(&settings.dir.join("keys"), &origin)?;
        let known = known(settings, order, &origin, &keys)?;
        let held: Vec<u64> = known.iter().map(|(checkpoint, _)| checkpoint.size).collect();
        let checked = backup::check(&order.from, &keys.log_verifiers_ever(), &held, &mut *told)?;
        let marker = settings.dir.join(RESTORING);
        let begun = fs::read_to_string(&marker).is_ok_and(|text| text.trim() == checked.digest);
        let holds = holds_a_log(&settings.database)?;
        if holds && !begun {
            return Err(RestoreError::NotEmpty(settings.database.shown()));
        }
        let entries = checked.checkpoint.size;
        let mut report = RestoreReport { entries, ..RestoreReport::default() };
        // Where it goes on, entries of its own may be published already: the database, which the
        // start compares with what was published, has them.
        if !holds && known.is_empty() && !order.unwitnessed {
            return Err(RestoreError::Unwitnessed);
        }
        if !holds || order.new_origin {
            report.lost = lost(&checked, &known, order)?;
        }
        if !holds {
            mark(&marker, &checked.digest).map_err(|e| RestoreError::Io(marker.clone(), e))?;
            report.rows = load(&settings.database, &order.from, &checked, told)?;
        }
        if order.new_origin {
            rename_log(settings)?;
            report.continued_as = Some(settings.origin.clone());
        }
        let bureau = Bureau::begin(env, settings)?;
        // Before anything is written: with another key store the same command goes on.
        let (missing, persons) = bureau.without_key()?;
        if missing > order.forget {
            return Err(RestoreError::Forgetting { missing, persons });
        }
        // nobody else is at work on what is restored
        bureau.agree_on_packs(true)?;
        let newest = known.last().map(|(_, note)| note.as_str());
        bureau.continued(&checked, newest, &report)?;
        bureau.settle()?;
        bureau.lapse(&mut report)?;
        bureau.refuse_uploads()?;
        bureau.restored(&checked, &report, known.len())?;
        bureau.publish().map_err(OpenError::Log)?;
        fs::remove_file(&marker).map_err(|e| RestoreError::Io(marker, e))?;
        Ok((bureau, report))
    }

    fn keep(&self, kind: &'static str, says: Vec<(&'static str, Value)>) -> Result<(), Problem> {
        let admission = Admission::operator("bureau", "restored from a backup");
        let public = PublicKind::Governance;
        self.run(Keeping { admission, kind, public, says }).value().map(|_| ())
    }

    /// The entry with which a log goes on under a new name: it commits to the old one's head.
    fn continued(
        &self,
        checked: &Checked,
        newest: Option<&str>,
        report: &RestoreReport,
    ) -> Result<(), RestoreError> {
        let from = checked.checkpoint.size;
        let head = self.store.read(ledger_rows::read_head)?.map_or(0, |head| head.size);
        // Where this is run again it may stand there, behind new packs perhaps.
        let since = self.store.read(|conn| ledger_rows::bodies(conn, from, head.min(from + 4)))?;
        if report.continued_as.is_none() || since.iter().any(|row| row.kind == CONTINUED) {
            return Ok(());
        }
        let newest = newest.unwrap_or(&checked.manifest.checkpoint);
        let says = vec![
            ("origin_before", json!(checked.manifest.origin)),
            ("checkpoint_before", json!(newest)),
            ("entries_lost", json!(report.lost)),
        ];
        Ok(self.keep(CONTINUED, says)?)
    }

    fn restored(
        &self,
        checked: &Checked,
        report: &RestoreReport,
        known: usize,
    ) -> Result<(), RestoreError> {
        let says = vec![
            ("checkpoints_known", json!(known)),
            ("manifest", json!(checked.digest)),
            ("backup_at", json!(checked.manifest.at)),
            ("entries", json!(report.entries)),
            ("lapsed", json!(report.lapsed)),
        ];
        Ok(self.keep("origin_restored", says)?)
    }

    /// Persons whose key is not in the key store, or opens nothing, and persons in all; without
    /// those who were forgotten before.
    fn without_key(&self) -> Result<(u64, u64), StoreError> {
        let (mut missing, mut persons) = (0, 0);
        self.each_person(&mut |opens, _| {
            persons += 1;
            missing += u64::from(!opens);
            Ok::<(), StoreError>(())
        })?;
        Ok((missing, persons))
    }

    /// Everybody who was not forgotten, and whether their key opens.
    fn each_person<E: From<StoreError>>(
        &self,
        each: &mut dyn FnMut(bool, &PersonRow) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut after = String::new();
        loop {
            let rows = self.store.read(|conn| subject_rows::persons_page(conn, &after))?;
            let Some(last) = rows.last() else { return Ok(()) };
            after.clone_from(&last.id);
            let names: Vec<String> = rows.iter().map(|row| person_key_name(&row.id)).collect();
            let keys = self.keystore.get(names.iter().map(String::as_str))?;
            for row in rows.iter().filter(|row| row.erased_idx.is_none()) {
                let key = keys.get(&person_key_name(&row.id));
                each(key.is_some_and(|key| work::open_identity(row, key).is_ok()), row)?;
            }
        }
    }

    /// Whoever's key is destroyed, or another since, is forgotten here too.
    fn lapse(&self, report: &mut RestoreReport) -> Result<(), RestoreError> {
        self.each_person::<RestoreError>(&mut |opens, row| {
            if !opens {
                let admission = Admission::operator("bureau", "restored from a backup");
                self.run(Lapse { admission, person: row.id.clone() }).value()?;
                report.lapsed += 1;
            }
            Ok(())
        })?;
        for name in self.store.read(ledger_rows::evidence_names)? {
            if self.keystore.get([person_key_name(&name).as_str()])?.is_empty() {
                let admission = Admission::operator("bureau", "restored from a backup");
                self.run(EndEvidence { admission, name }).value()?;
                report.evidence_ended += 1;
            }
        }
        Ok(())
    }

    /// Files that were taken and not finished lay beside the old database: their senders are told.
    fn refuse_uploads(&self) -> Result<(), RestoreError> {
        for row in self.store.read(fact_rows::open_uploads)? {
            if spool::path(&self.dir, &row.id).exists() {
                continue;
            }
            let admission = Admission::operator("bureau", "restored from a backup");
            self.run(RefuseUpload { admission, upload: row.id, problem: file_lost() }).value()?;
        }
        Ok(())
    }
}
