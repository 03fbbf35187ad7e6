//! As many persons as wanted, made of one: for what must be measured at sizes that nobody would
//! wait for. Rows as the bureau writes them, each sealed under a key of its own; they stand in no
//! entry, so nothing here may be audited.

use fivefold::bureau::folded::open_profile;
use fivefold::kernel::Env;
use fivefold::kernel::seal::{Place, SealKey};
use fivefold::score::Profile;
use fivefold::score::rows::{self as score_rows, ProfileRow};
use fivefold::subject::rows::{self as subject_rows, Change, PersonRow};

use crate::stage::Stage;

/// Rows of one transaction.
const AT_ONCE: usize = 2_000;

/// Copies the stage's first person, with these numbers. Gives that person's profile.
pub fn copy(env: &Env, stage: &Stage, numbers: std::ops::Range<usize>) -> Profile {
    let bureau = &stage.bureau;
    let ids = bureau.persons_after("").unwrap();
    let first = ids.into_iter().find(|id| !id.starts_with("per_zz")).unwrap();
    let name = format!("person:{first}");
    let key = bureau.keystore().get([name.as_str()]).unwrap().remove(&name).unwrap();
    let (person, profile) = bureau
        .store
        .read(|conn| {
            let person = subject_rows::persons(conn, &[first.as_str()])?.remove(0);
            Ok((person, score_rows::profiles(conn, &[first.as_str()])?.remove(0)))
        })
        .unwrap();
    let vault_index = person.idx as u64;
    let vault = Place { table: "persons", column: "vault", row: &first, index: vault_index };
    let vault = key.open(vault, &person.vault).unwrap();
    let folded = open_profile(&profile, &key).unwrap();
    let plain = folded.profile.encode();
    let mut writer = bureau.store.writer();
    let end = numbers.end;
    for from in numbers.step_by(AT_ONCE) {
        let mut keys = Vec::new();
        let mut change = Change::default();
        let mut profiles = Vec::new();
        for n in from..end.min(from + AT_ONCE) {
            let id = format!("per_zz{n:012}");
            let key = SealKey::generate(env);
            let place = Place { table: "persons", column: "vault", row: &id, index: vault_index };
            let vault = key.seal(env, place, &vault);
            let index = profile.idx as u64;
            let place = Place { table: "profiles", column: "sealed", row: &id, index };
            let sealed = key.seal(env, place, &plain);
            change.persons.push(PersonRow { id: id.clone(), vault, ..person.clone() });
            profiles.push(ProfileRow { person: id.clone(), sealed, ..profile.clone() });
            keys.push((format!("person:{id}"), key));
        }
        bureau.keystore().put(env, &keys).unwrap();
        writer
            .write(
                "copies",
                |conn| {
                    subject_rows::write(conn, &change)?;
                    score_rows::write(conn, &profiles, &[])
                },
                |_, ()| Ok(false),
            )
            .unwrap();
    }
    folded.profile
}
