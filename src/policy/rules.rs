//! All the rules together: read, validated against the schema, cross-checked, digested.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cedar_policy::ffi::DetailedError;
use cedar_policy::{
    Authorizer, Effect, Entities, Policy, PolicyId, PolicySet, Schema, ValidationMode, Validator,
};

use super::category::{self, Categories};
use super::context::Names;
use super::decide::Memo;
use super::facts::Action;
use super::pack::{self, Mark, Pack};
use super::refusals::{self, RaisedBy, Refusals};
use super::scenario::{self, Catalogue, Conduct, Merchants, Probing, Scenario, ScenarioTerms};
use super::source::{COMMON, Fault, Files, PACK, REFUSALS, RulesError, SCHEMA, cedar_fault};
use super::texts::{self, Texts};
use crate::kernel::bytes::Digest;

/// The annotations a policy has, beside the two that only a `forbid` has.
const ANNOTATIONS: [&str; 3] = ["id", "source", "mark"];
/// The annotations that only a `forbid` has.
const FORBID_ANNOTATIONS: [&str; 2] = ["code", "order"];

/// What is known of one policy beside its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyNote {
    /// Its id: folder, slash, name.
    pub id: String,
    /// The refusal code of a `forbid`; `None` for a `permit`.
    pub code: Option<String>,
    /// The place of that code in the fixed order; smaller comes first.
    pub order: u16,
    /// The provision it comes from.
    pub source: String,
    /// How certain.
    pub mark: Mark,
    /// The file it stands in.
    pub file: String,
    /// The line of its id.
    pub line: usize,
}

/// The rules in force.
#[derive(Debug)]
pub struct Rules {
    pub(super) schema: Schema,
    pub(super) entities: Entities,
    pub(super) names: Names,
    pub(super) authorizer: Authorizer,
    sets: BTreeMap<String, PolicySet>,
    notes: HashMap<String, PolicyNote>,
    packs: BTreeMap<String, Pack>,
    catalogue: Catalogue,
    scenarios: BTreeMap<String, Scenario>,
    categories: Categories,
    refusals: Refusals,
    texts: Texts,
    digest: Digest,
    archive: String,
    memo: Mutex<Memo>,
}

impl Rules {
    /// The rules in this binary.
    ///
    /// # Errors
    /// Those of [`Rules::load`]; a test shows that there are none.
    pub fn embedded() -> Result<Rules, RulesError> {
        Rules::from_files(&Files::embedded())
    }

    /// The rules of a folder.
    ///
    /// # Errors
    /// Every file that cannot be read, every policy that does not fit the schema, every catalogue
    /// that does not fit another, with file and line.
    pub fn load(dir: &Path) -> Result<Rules, RulesError> {
        Rules::from_files(&Files::read(dir)?)
    }

    pub(super) fn from_files(files: &Files) -> Result<Rules, RulesError> {
        let mut faults = Vec::new();
        match assemble(files, &mut faults) {
            Some(rules) if faults.is_empty() => Ok(rules),
            _ => {
                if faults.is_empty() {
                    let message = "a file of the rules is missing".to_string();
                    faults.push(Fault { file: ".".to_string(), line: 1, message });
                }
                faults.sort();
                faults.dedup();
                Err(RulesError { faults })
            }
        }
    }

    /// SHA-256 over all files in sorted order: the set in force, named in every leaf.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Every file of the set, as a JSON object from path to text: kept for ever by digest, so that
    /// a replay uses the rules of its day (decisions.md 17).
    pub fn archive(&self) -> String {
        self.archive.clone()
    }

    /// The digest of an archive's text, whether or not this program could still read its rules.
    pub fn archive_digest(archive: &str) -> Option<Digest> {
        Files::from_archive(archive).map(|files| files.digest())
    }

    /// One pack of an archived set, whatever this program thinks of the rest of it.
    ///
    /// # Errors
    /// It does not stand there, or does not read.
    pub fn archived_pack(archive: &str, id: &str) -> Result<Pack, RulesError> {
        let mut faults = Vec::new();
        let pack = Files::from_archive(archive).and_then(|f| pack::read(&f, id, &mut faults));
        match pack {
            Some(pack) if faults.is_empty() => Ok(pack),
            _ => Err(RulesError { faults }),
        }
    }

    /// A pack by id.
    pub fn pack(&self, id: &str) -> Option<&Pack> {
        self.packs.get(id)
    }

    /// The packs by id.
    pub fn packs(&self) -> impl Iterator<Item = &Pack> {
        self.packs.values()
    }

    /// A scenario by name.
    pub fn scenario(&self, name: &str) -> Option<&Scenario> {
        self.scenarios.get(name)
    }

    /// The scenarios by name.
    pub fn scenarios(&self) -> impl Iterator<Item = &Scenario> {
        self.scenarios.values()
    }

    /// What `scenario` owes and discloses under all of `packs`; `None` when it is unknown or one
    /// of them refuses it.
    pub fn terms<'a>(
        &self,
        scenario: &str,
        packs: impl IntoIterator<Item = &'a str>,
    ) -> Option<ScenarioTerms> {
        self.scenario(scenario)?.terms(packs)
    }

    /// The spending categories.
    pub fn categories(&self) -> &Categories {
        &self.categories
    }

    /// The refusal codes.
    pub fn refusals(&self) -> &Refusals {
        &self.refusals
    }

    /// What reason codes say and bands are called.
    pub fn texts(&self) -> &Texts {
        &self.texts
    }

    /// When asking at many thresholds is probing.
    pub fn probing(&self) -> Probing {
        self.catalogue.probing
    }

    /// Who may apply as a small merchant, and what they may ask.
    pub fn merchants(&self) -> &Merchants {
        &self.catalogue.merchants
    }

    /// What is held against partners.
    pub fn conduct(&self) -> &Conduct {
        &self.catalogue.conduct
    }

    /// Every sector that a partner can be of, lenders first.
    pub fn sectors(&self) -> impl Iterator<Item = &str> {
        self.catalogue.sectors.names()
    }

    /// Whether a sector is in the catalogue.
    pub fn knows_sector(&self, name: &str) -> bool {
        self.catalogue.sectors.is_known(name)
    }

    /// Whether a sector is one of lenders (CN-10, CCD2 19(2)).
    pub fn is_lender(&self, sector: &str) -> bool {
        self.catalogue.sectors.is_lender(sector)
    }

    /// Every policy, by id.
    pub fn policies(&self) -> Vec<&PolicyNote> {
        let mut notes: Vec<_> = self.notes.values().collect();
        notes.sort_by(|a, b| a.id.cmp(&b.id));
        notes
    }

    /// What is known of one policy.
    pub fn policy(&self, id: &str) -> Option<&PolicyNote> {
        self.notes.get(id)
    }

    /// Where a rule comes from, as the console prints it: policies, clocks and deadlines.
    pub fn cite(&self, rule: &str) -> Option<String> {
        if let Some(note) = self.policy(rule) {
            return Some(note.mark.cite(&note.source));
        }
        self.packs().find_map(|pack| {
            let keep = pack.retention.keeps.iter().find(|keep| keep.id == rule);
            let hides = || pack.retention.suppressions.iter().find(|hide| hide.id == rule);
            let due = || pack.remedies()?.deadlines.iter().find(|due| due.id == rule);
            keep.map(|keep| keep.mark.cite(&keep.source))
                .or_else(|| hides().map(|hide| hide.mark.cite(&hide.source)))
                .or_else(|| due().map(|due| due.mark.cite(&due.source)))
        })
    }

    pub(super) fn set(&self, pack: &str) -> Option<(&Pack, &PolicySet)> {
        self.packs.get(pack).zip(self.sets.get(pack))
    }

    pub(super) fn memo(&self) -> MutexGuard<'_, Memo> {
        // A panic elsewhere leaves the memo whole: entries are inserted complete.
        self.memo.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Loaded {
    policy: Policy,
    note: PolicyNote,
    folder: String,
}

fn assemble(files: &Files, faults: &mut Vec<Fault>) -> Option<Rules> {
    let schema = read_schema(files, faults);
    let loaded = read_policies(files, faults);
    let ids: BTreeSet<&str> = files.packs().collect();
    let mut packs = BTreeMap::new();
    for id in &ids {
        if let Some(pack) = pack::read(files, id, faults) {
            packs.insert(id.to_string(), pack);
        }
    }
    let scenarios = scenario::read(files, &packs, faults);
    let categories = category::read(files, faults);
    let refusals = refusals::read(files, faults);
    let texts = texts::read(files, faults);
    if let Some(refusals) = &refusals {
        check_codes(files, &loaded, refusals, faults);
    }
    let (schema, refusals, categories) = (schema?, refusals?, categories?);
    let (catalogue, scenarios) = scenarios?;
    let entities = match schema.action_entities() {
        Ok(entities) => entities,
        Err(error) => return whole(faults, SCHEMA, &error.to_string()),
    };
    let names = match Names::new(&schema) {
        Ok(names) => names,
        Err(message) => return whole(faults, SCHEMA, &message),
    };
    let sets = join(files, &schema, &ids, &loaded, faults)?;
    Some(Rules {
        schema,
        entities,
        names,
        authorizer: Authorizer::new(),
        sets,
        notes: loaded.into_iter().map(|one| (one.note.id.clone(), one.note)).collect(),
        packs,
        catalogue,
        scenarios,
        categories,
        refusals,
        texts,
        digest: files.digest(),
        archive: files.archive(),
        memo: Mutex::new(Memo::default()),
    })
}

fn whole<T>(faults: &mut Vec<Fault>, file: &str, message: &str) -> Option<T> {
    faults.push(Fault { file: file.to_string(), line: 1, message: message.to_string() });
    None
}

fn read_schema(files: &Files, faults: &mut Vec<Fault>) -> Option<Schema> {
    let text = files.text(SCHEMA)?;
    match Schema::from_cedarschema_str(text) {
        Ok((schema, warnings)) => {
            for warning in warnings {
                faults.push(cedar_fault(SCHEMA, text, DetailedError::from(&warning)));
            }
            Some(schema)
        }
        Err(error) => {
            faults.push(cedar_fault(SCHEMA, text, DetailedError::from(&error)));
            None
        }
    }
}

fn read_policies(files: &Files, faults: &mut Vec<Fault>) -> Vec<Loaded> {
    let mut loaded: Vec<Loaded> = Vec::new();
    for (folder, path, text) in files.policies() {
        let set = match PolicySet::from_str(text) {
            Ok(set) => set,
            Err(error) => {
                faults.push(cedar_fault(path, text, DetailedError::from(&error)));
                continue;
            }
        };
        if set.num_of_templates() > 0 {
            let message = "templates are not used here".to_string();
            faults.push(Fault { file: path.to_string(), line: 1, message });
        }
        for policy in set.policies() {
            match annotate(files, folder, path, policy) {
                Ok(note) => {
                    if let Some(twin) = loaded.iter().find(|one| one.note.id == note.id) {
                        let message = format!("`{}` stands in {} too", note.id, twin.note.file);
                        faults.push(Fault { file: note.file, line: note.line, message });
                        continue;
                    }
                    let policy = policy.new_id(PolicyId::new(&note.id));
                    loaded.push(Loaded { policy, note, folder: folder.to_string() });
                }
                Err(fault) => faults.push(fault),
            }
        }
    }
    loaded
}

/// Reads what a policy says of itself; every policy says where it comes from.
fn annotate(files: &Files, folder: &str, path: &str, policy: &Policy) -> Result<PolicyNote, Fault> {
    let id = policy.annotation("id").unwrap_or_default().to_string();
    let line = files.line_with(path, &format!("@id(\"{id}\")"));
    let fault = |message: String| Fault { file: path.to_string(), line, message };
    if id.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/')).is_none() {
        return Err(fault(format!("the id `{id}` does not begin with `{folder}/`")));
    }
    let forbids = policy.effect() == Effect::Forbid;
    let known =
        |name: &str| ANNOTATIONS.contains(&name) || (forbids && FORBID_ANNOTATIONS.contains(&name));
    if let Some((name, _)) = policy.annotations().find(|(name, _)| !known(name)) {
        return Err(fault(format!("`{id}`: the annotation @{name} does not belong here")));
    }
    let text = |name: &str| match policy.annotation(name) {
        Some(text) if !text.is_empty() => Ok(text.to_string()),
        _ => Err(fault(format!("`{id}`: the annotation @{name} is missing"))),
    };
    let (source, mark) = (text("source")?, text("mark")?);
    let mark = Mark::from_name(&mark)
        .ok_or_else(|| fault(format!("`{id}`: @mark is V, V2, U or D, not `{mark}`")))?;
    let (code, order) = match forbids {
        true => {
            let order = text("order")?;
            let order: u16 = order
                .parse()
                .map_err(|_| fault(format!("`{id}`: @order is a number, not `{order}`")))?;
            (Some(text("code")?), order)
        }
        false => (None, 0),
    };
    Ok(PolicyNote { id, code, order, source, mark, file: path.to_string(), line })
}

/// Every code is catalogued, has one order, in the catalogue's order; every catalogued code that a
/// policy raises is raised by one.
fn check_codes(files: &Files, loaded: &[Loaded], refusals: &Refusals, faults: &mut Vec<Fault>) {
    let mut orders: BTreeMap<&str, u16> = BTreeMap::new();
    for note in loaded.iter().map(|one| &one.note) {
        let Some(code) = note.code.as_deref() else { continue };
        let mut wrong = |message: String| {
            faults.push(Fault { file: note.file.clone(), line: note.line, message });
        };
        match refusals.get(code) {
            None => wrong(format!("the code `{code}` is not in {REFUSALS}")),
            Some(entry) if entry.by != RaisedBy::Policy => {
                wrong(format!("the code `{code}` is not raised by policies"));
            }
            Some(_) => {}
        }
        let order = *orders.entry(code).or_insert(note.order);
        if order != note.order {
            wrong(format!("the code `{code}` has the order {order} elsewhere"));
        }
    }
    let mut by_order: Vec<(u16, &str)> =
        orders.iter().map(|(code, order)| (*order, *code)).collect();
    by_order.sort_unstable();
    for pair in by_order.windows(2) {
        let [(first_order, first), (next_order, next)] = pair else { continue };
        let in_place = refusals.place(first) < refusals.place(next);
        if first_order == next_order || !in_place {
            let line = files.line_with(REFUSALS, &format!("code = \"{next}\""));
            let message = format!(
                "`{first}` (@order {first_order}) and `{next}` ({next_order}) \
                 do not stand in that order here"
            );
            faults.push(Fault { file: REFUSALS.to_string(), line, message });
        }
    }
    for entry in refusals.iter().filter(|entry| entry.by == RaisedBy::Policy) {
        if !orders.contains_key(entry.code.as_str()) {
            let line = files.line_with(REFUSALS, &format!("code = \"{}\"", entry.code));
            let message = format!("no policy raises `{}`", entry.code);
            faults.push(Fault { file: REFUSALS.to_string(), line, message });
        }
    }
}

/// Validates all policies strictly, and joins each pack's own with the common ones.
fn join(
    files: &Files,
    schema: &Schema,
    packs: &BTreeSet<&str>,
    loaded: &[Loaded],
    faults: &mut Vec<Fault>,
) -> Option<BTreeMap<String, PolicySet>> {
    let collect = |folders: &[&str]| {
        let chosen = loaded.iter().filter(|one| folders.contains(&one.folder.as_str()));
        PolicySet::from_policies(chosen.map(|one| one.policy.clone())).map_err(|e| e.to_string())
    };
    let mut folders: Vec<&str> = packs.iter().copied().collect();
    folders.push(COMMON);
    if let Some(stray) = loaded.iter().find(|one| !folders.contains(&one.folder.as_str())) {
        return whole(faults, &stray.note.file, &format!("a policy in a folder without {PACK}"));
    }
    let all = match collect(&folders) {
        Ok(all) => all,
        Err(error) => return whole(faults, COMMON, &error),
    };
    let result = Validator::new(schema.clone()).validate(&all, ValidationMode::Strict);
    let errors = result.validation_errors().map(|e| (e.policy_id(), DetailedError::from(e)));
    // A warning says that a policy can never apply, or hides letters: a rule that was not meant.
    let warnings = result.validation_warnings().map(|w| (w.policy_id(), DetailedError::from(w)));
    for (id, error) in errors.chain(warnings) {
        let note = loaded.iter().map(|one| &one.note).find(|note| PolicyId::new(&note.id) == *id);
        let file = note.map_or(COMMON, |note| note.file.as_str());
        let text = files.text(file).unwrap_or_default();
        let mut fault = cedar_fault(file, text, error);
        fault.line = fault.line.max(note.map_or(1, |note| note.line));
        faults.push(fault);
    }
    let mut sets = BTreeMap::new();
    for id in packs {
        match collect(&[COMMON, id]) {
            Ok(set) => sets.insert(id.to_string(), set),
            Err(error) => return whole(faults, id, &error),
        };
    }
    Some(sets)
}

/// Every action the code knows, for the check that the schema knows them too.
pub(super) fn action_names() -> impl Iterator<Item = &'static str> {
    Action::ALL.iter().map(|action| action.name())
}
