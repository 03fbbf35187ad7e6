//! The population as files: identities in one, observations by furnisher, labels in another.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use ring::digest::{SHA256, digest};
use serde::Serialize;

use super::identity::Document;
use super::{Population, Sector, SyntheticPerson};
use crate::collect::observation::{Basis, BasisKind, Fact, Observation, Operation, Verification};
use crate::kernel::id;

/// What every basis of the files refers to, in place of a consent's id.
const BASIS: &str = "synthetic";

/// What `README.txt` says of every population.
const README: &str = "\
persons.ndjson              identities to enrol, and the person's id in each file below
observations-SECTOR.ndjson  what a furnisher of that sector saw, one observation a line
outcomes.csv                latent risk (thousandths of a standard deviation, higher is worse)
                            and label: 1 = 90 days past due in the twelve months after

Resident ids carry area code 9999, which was never assigned; passports begin with Z; phone
numbers are 555-01XX, set aside for fiction; Latin names have the middle name Specimen. The
basis of every observation is the word synthetic: before it can be sent, put the id of a
consent there, and the subject id that the bureau gave at enrolment.
";

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Persons.
    pub persons: u64,
    /// Persons whose label is bad.
    pub bad: u64,
    /// Observation lines over all files.
    pub observations: u64,
    /// The files, in the order in which they were opened.
    pub files: Vec<PathBuf>,
}

/// A file could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {source}", path.display())]
pub struct WriteError {
    /// Which file.
    pub path: PathBuf,
    /// Why.
    pub source: std::io::Error,
}

impl WriteError {
    /// The stable name of the error.
    pub fn code(&self) -> &'static str {
        "population_not_written"
    }
}

/// A line of `persons.ndjson`: the only file with identities in it.
#[derive(Serialize)]
struct PersonLine<'a> {
    number: u32,
    synthetic: bool,
    name: &'a str,
    document: &'a Document,
    birth_date: jiff::civil::Date,
    phone: &'a str,
    residence: &'a str,
    verifications: &'a [Verification],
    subjects: &'a BTreeMap<&'static str, String>,
}

struct Output {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Output {
    fn create(dir: &Path, name: &str) -> Result<Output, WriteError> {
        let path = dir.join(name);
        match File::create(&path) {
            Ok(file) => Ok(Output { path, file: BufWriter::with_capacity(1 << 17, file) }),
            Err(source) => Err(WriteError { path, source }),
        }
    }

    fn checked(&self, done: std::io::Result<()>) -> Result<(), WriteError> {
        done.map_err(|source| WriteError { path: self.path.clone(), source })
    }

    fn text(&mut self, text: &str) -> Result<(), WriteError> {
        let done = self.file.write_all(text.as_bytes());
        self.checked(done)
    }

    fn json(&mut self, value: &impl Serialize) -> Result<(), WriteError> {
        let done = serde_json::to_writer(&mut self.file, value)
            .map_err(std::io::Error::from)
            .and_then(|()| self.file.write_all(b"\n"));
        self.checked(done)
    }

    fn close(mut self) -> Result<PathBuf, WriteError> {
        let done = self.file.flush();
        self.checked(done)?;
        Ok(self.path)
    }
}

impl Population {
    /// Writes the whole population, from its first person, into `dir` (made if it is not there):
    /// `persons.ndjson`, `observations-<sector>.ndjson`, `outcomes.csv`, `README.txt`. Persons are
    /// made one at a time, so memory does not grow with their number; `progress` hears each
    /// number as it is done.
    ///
    /// # Errors
    /// The first file that cannot be made or written.
    pub fn write(&self, dir: &Path, progress: &mut dyn FnMut(u32)) -> Result<Written, WriteError> {
        std::fs::create_dir_all(dir)
            .map_err(|source| WriteError { path: dir.to_path_buf(), source })?;
        let mut readme = Output::create(dir, "README.txt")?;
        let mut persons = Output::create(dir, "persons.ndjson")?;
        let mut outcomes = Output::create(dir, "outcomes.csv")?;
        let mut observations = Sector::ALL
            .iter()
            .map(|s| Ok((*s, Output::create(dir, &format!("observations-{}.ndjson", s.name()))?)))
            .collect::<Result<BTreeMap<_, _>, WriteError>>()?;
        readme.text(&self.readme())?;
        outcomes.text("number,latent_risk_milli,bad\n")?;
        let mut written = Written::default();
        for number in 1..=self.subjects {
            let person = self.person(number);
            let subjects = self.subjects_of(number);
            persons.json(&line(&person, &subjects))?;
            let bad = u8::from(person.outcome_bad);
            outcomes.text(&format!("{number},{},{bad}\n", person.latent_risk))?;
            written.persons += 1;
            written.bad += u64::from(bad);
            for record in person.records {
                let subject = subjects.get(record.sector.name()).cloned().unwrap_or_default();
                if let Some(output) = observations.get_mut(&record.sector) {
                    output.json(&observation(subject, record.fact))?;
                    written.observations += 1;
                }
            }
            progress(number);
        }
        for output in [readme, persons, outcomes].into_iter().chain(observations.into_values()) {
            written.files.push(output.close()?);
        }
        Ok(written)
    }

    /// The person's id at each furnisher: pairwise, so that two files cannot be joined on it
    /// without `persons.ndjson`.
    fn subjects_of(&self, number: u32) -> BTreeMap<&'static str, String> {
        let id_at = |sector: &Sector| {
            let name = format!("fivefold-simulate/1|{}|{}|{number}", self.seed, sector.name());
            let hash = digest(&SHA256, name.as_bytes());
            let bits = hash.as_ref().iter().take(16).fold(0, |n, b| n << 8 | u128::from(*b));
            (sector.name(), id::encode("sub", bits))
        };
        Sector::ALL.iter().map(id_at).collect()
    }

    fn readme(&self) -> String {
        let head = format!(
            "SYNTHETIC DATA. No line in this folder describes a real person.\n\n\
             Made by: fivefold simulate --subjects {} --months {} --seed {}\n\
             Window: {} months that end with {}; amounts in {}.\n\
             The same arguments give the same bytes on any machine.\n\n",
            self.subjects, self.months, self.seed, self.months, self.last_month, self.currency
        );
        head + README
    }
}

fn line<'a>(
    person: &'a SyntheticPerson,
    subjects: &'a BTreeMap<&'static str, String>,
) -> PersonLine<'a> {
    PersonLine {
        number: person.number,
        synthetic: true,
        name: &person.name,
        document: &person.document,
        birth_date: person.birth_date,
        phone: &person.phone,
        residence: person.residence,
        verifications: &person.verifications,
        subjects,
    }
}

fn observation(subject: String, fact: Fact) -> Observation {
    Observation {
        op: Operation::Report,
        subject,
        basis: Basis { kind: BasisKind::Consent, reference: BASIS.to_string() },
        synthetic: true,
        fact,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{Currency, Month};

    fn files(population: &Population) -> (Written, Vec<(String, String)>) {
        let dir = tempfile::tempdir().expect("a folder");
        let mut heard = Vec::new();
        let written = population.write(dir.path(), &mut |n| heard.push(n)).expect("written");
        assert_eq!(heard.len() as u64, written.persons);
        let read = |path: &PathBuf| {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            (name, std::fs::read_to_string(path).expect("text"))
        };
        let files = written.files.iter().map(read).collect();
        (written, files)
    }

    fn small(seed: u64) -> Population {
        let last = Month::of(jiff::civil::date(2026, 10, 1));
        Population::new(seed, 12, 14, last, Currency::CNY).expect("in range")
    }

    fn fingerprint(files: &[(String, String)]) -> String {
        let all: String = files.iter().map(|(n, t)| format!("{n} {}\n{t}", t.len())).collect();
        hex::encode(digest(&SHA256, all.as_bytes()))
    }

    #[test]
    fn a_seed_names_the_same_bytes_for_ever() {
        let (_, files_of_1) = files(&small(1));
        assert_eq!(fingerprint(&files_of_1), GOLDEN);
        let (_, files_of_2) = files(&small(2));
        assert_ne!(fingerprint(&files_of_2), GOLDEN);
    }

    /// SHA-256 over the names, lengths and texts of the files of `small(1)`.
    const GOLDEN: &str = "f89f2903fe09cba2bc4cb82bcfedc51a236cdd8770af828fc8937c08a024553d";

    #[test]
    fn every_observation_line_reads_back_and_says_that_it_is_synthetic() {
        let (written, files) = files(&small(3));
        let mut lines = 0;
        for (name, text) in files.iter().filter(|f| f.0.starts_with("observations-")) {
            assert!(!text.is_empty(), "{name}");
            for line in text.lines() {
                let read: Observation = serde_json::from_str(line).expect("an observation");
                assert!(read.synthetic);
                assert_eq!(serde_json::to_string(&read).expect("text"), line);
                lines += 1;
            }
        }
        assert_eq!(lines, written.observations);
    }

    #[test]
    fn identities_stand_in_the_persons_file_only() {
        let population = small(4);
        let (_, files) = files(&population);
        for person in population {
            let number = match person.document {
                Document::ResidentId { number } | Document::Passport { number, .. } => number,
            };
            for (name, text) in &files {
                let expected = name == "persons.ndjson";
                for value in [&number, &person.name, &person.phone] {
                    assert_eq!(text.contains(value.as_str()), expected, "{name}: {value}");
                }
            }
        }
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let error = small(1).write(file.path(), &mut |_| {}).expect_err("not a folder");
        assert_eq!(error.code(), "population_not_written");
        assert_eq!(error.path, file.path());
    }
}
