//! A partner's client before the sandbox: what it does right and wrong is seen there, not told.

use fivefold::kernel::bytes::from_base64url;
use fivefold::partner::signature::PublicKey;
use serde_json::{Value, json};

use crate::program::{Serving, fivefold, told};

fn keyfile(dir: &std::path::Path) -> std::path::PathBuf {
    let env = fivefold::kernel::Env::system();
    let key = fivefold::partner::signature::SigningKey::generate(&env).expect("a key");
    let path = dir.join("bank.pem");
    std::fs::write(&path, key.to_pem().as_bytes()).expect("written");
    path
}

fn failed(report: &Value) -> Vec<&str> {
    let checks = report["checks"].as_array().expect("checks").iter();
    checks.filter(|c| c["passed"] != true).map(|c| c["check"].as_str().expect("a name")).collect()
}

#[test]
fn a_client_that_does_it_right_is_certified_and_the_log_has_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let sandbox = dir.path().join("sandbox");
    let serving = Serving::start_with(&sandbox, &["--sandbox"]);
    let (key, out) = (keyfile(dir.path()), dir.path().join("certificate.json"));
    let mut command = fivefold(&sandbox);
    command.args(["conformance", &serving.url, "--register", "Careful Bank"]);
    command.arg("--key").arg(&key).arg("--out").arg(&out);
    let report = told(&mut command);
    assert_eq!(failed(&report), Vec::<&str>::new(), "{report}");
    assert_eq!(
        (&report["passed"], &report["claimed_name"]),
        (&json!(true), &json!("Careful Bank"))
    );
    // The name is whatever the visitor said.
    assert_eq!((&report["name_checked"], report.get("name")), (&json!(false), None));

    // Anybody can check the certificate with the bureau's published key.
    let kept: Value = serde_json::from_slice(&std::fs::read(&out).expect("a file")).expect("JSON");
    assert_eq!(kept, report);
    let jws = report["jws"].as_str().expect("a JWS");
    let (input, signature) = jws.rsplit_once('.').expect("three parts");
    let mut got = ureq::get(format!("{}/.well-known/jwks.json", serving.url)).call().expect("keys");
    let keys: Value = serde_json::from_str(&got.body_mut().read_to_string().unwrap()).unwrap();
    let manifest = PublicKey::from_jwk(&keys["keys"][1]).expect("a key");
    assert!(manifest.verify(input.as_bytes(), &from_base64url(signature).expect("base64url")));
    let payload = from_base64url(input.split_once('.').expect("two parts").1).expect("base64url");
    let payload: Value = serde_json::from_slice(&payload).expect("JSON");
    assert_eq!((&payload["checks"], &payload["run"]), (&report["checks"], &report["run"]));

    // A program that sends nothing passes nothing, and is told what to do.
    let lazy = fivefold(&sandbox)
        .args(["conformance", &serving.url, "--client", "false", "--json", "--key"])
        .arg(&key)
        .output()
        .expect("it runs");
    assert_eq!(lazy.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&lazy.stdout).expect("JSON");
    assert_eq!(failed(&report).len(), report["checks"].as_array().unwrap().len(), "{report}");
    for check in report["checks"].as_array().unwrap() {
        assert!(!check["next"].as_str().unwrap().is_empty(), "{check}");
    }
    // One that prints what nobody can read is told so.
    let odd = fivefold(&sandbox)
        .args(["conformance", &serving.url, "--client", "echo hello", "--key"])
        .arg(&key)
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&odd.stderr);
    assert!(!odd.status.success() && said.contains("one JSON object"), "{said}");
    serving.stop();
    told(fivefold(&sandbox).arg("audit"));
}

#[test]
fn no_run_is_opened_elsewhere_or_for_others() {
    use crate::house::House;
    use fivefold::policy::Environment;
    use http::Method;
    let demo = House::open();
    let bank = demo.partner("Bank", "bank", &[]);
    let got = demo.post(&bank, "/v1/conformance", &json!({}), "c1");
    assert_eq!(got.status, http::StatusCode::NOT_FOUND);

    let house = House::open_as(Environment::Sandbox);
    let (bank, other) = (house.partner("Bank", "bank", &[]), house.partner("Other", "bank", &[]));
    let begun = house.post(&bank, "/v1/conformance", &json!({}), "c1").json();
    let run = begun["run"].as_str().expect("a run").to_string();
    let path = format!("/v1/conformance/{run}/signed");
    assert_eq!(house.ask(&other, Method::GET, &path, b"", "").code(), "run_not_found");
    assert_eq!(house.ask(&bank, Method::GET, &path, b"", "").status, http::StatusCode::OK);
    // Somebody's failure at this run's door is seen as well.
    let got = house.send(&Method::GET, &path, &[], b"");
    assert_eq!(got.code(), "signature_missing");
    let path = format!("/v1/conformance/{run}/finish");
    let report = house.post(&bank, &path, &json!({}), "c2").json();
    assert_eq!(report["passed"], false);
    assert!(report["checks"][0]["seen"].as_str().unwrap().contains("signature_missing"));
    let again = house.post(&bank, &path, &json!({}), "c2").json();
    assert_eq!(again, report, "certified once");
}

#[test]
fn only_a_client_that_verifies_tells_genuine_answers() {
    use crate::house::{Client, Got, House};
    use fivefold::partner::signature::{RequestSeen, sign_request, verify_response};
    use fivefold::policy::Environment;
    use http::{HeaderName, HeaderValue, Method};
    let house = House::open_as(Environment::Sandbox);
    let bank = house.partner("Bank", "bank", &[]);
    let begun = house.post(&bank, "/v1/conformance", &json!({}), "c1").json();
    let run = begun["run"].as_str().expect("a run").to_string();
    let count = begun["steps"].as_array().expect("steps").iter();
    let count = count.filter_map(|step| step["count"].as_u64()).next().expect("a count");
    let bureau = house.bureau.engine.keys.response().public();
    // Signs and sends, and says whether the answer's signature holds.
    let get = |who: &Client, path: &str| -> (Got, bool) {
        let (method, target) = (Method::GET, format!("{}{path}", house.url()));
        let nonce = fivefold::kernel::bytes::hex(&house.env.random::<16>());
        let extra: [(HeaderName, HeaderValue); 0] = [];
        let now = house.env.now();
        let sent = sign_request(&who.key, &method, &target, &extra, b"", now, &nonce);
        let sent = sent.expect("signed");
        let got = house.send(&method, path, &sent, b"");
        let seen = RequestSeen::of_signed(&method, &target, &sent);
        let holds = verify_response(&bureau, &seen, got.status, &got.headers, &got.body).is_ok();
        (got, holds)
    };
    let told = |verifies: bool, key: &str| {
        let mut codes = Vec::new();
        for place in 0..count {
            let (got, holds) = get(&bank, &format!("/v1/conformance/{run}/answers/{place}"));
            if holds || !verifies {
                codes.push(got.json()["code"].clone());
            }
        }
        let verdict = json!({ "codes": codes });
        let got = house.post(&bank, &format!("/v1/conformance/{run}/verdict"), &verdict, key);
        (got.json()["right"].clone(), codes.len() as u64)
    };
    assert_eq!(told(false, "v1"), (json!(false), count), "it believes everything");
    let (right, genuine) = told(true, "v2");
    assert_eq!(right, true);
    assert!((1..count).contains(&genuine), "some are forged, and some are not");
    let checks = get(&bank, &format!("/v1/conformance/{run}")).0.json()["checks"].clone();
    let check = checks.as_array().expect("checks").iter();
    let check = check.clone().find(|check| check["check"] == "verification").expect("a check");
    assert_eq!(check["passed"], true, "the last attempt counts: {check}");
}
