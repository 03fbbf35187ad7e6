//! What the service writes about itself never holds a personal value.

use std::io::Write;
use std::sync::{Arc, Mutex};

use http::Method;
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use super::house::{House, consent, months, person};

#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Page {
    type Writer = Page;

    fn make_writer(&'a self) -> Page {
        self.clone()
    }
}

#[test]
fn no_trace_metric_or_problem_holds_a_personal_value() {
    let page = Page::default();
    // The whole binary writes to this page from here on: more to find a value in.
    let all = tracing_subscriber::fmt().json().with_max_level(tracing::Level::TRACE);
    let _ = all.with_writer(page.clone()).try_init();
    let house = House::open();
    let bank = house.partner("Bank One", "bank", &["credit_application"]);
    let got = house.post(&bank, "/v1/subjects", &person(), "e1");
    let subject = got.json()["subject"].as_str().unwrap().to_string();
    let artefact = consent(&house, &bank, &subject, "furnish", None);
    let given = house.post(&bank, "/v1/consents", &artefact, "c1").json();
    let furnish = given["consent"].as_str().unwrap().to_string();
    let lines = months(&subject, &furnish, 45);
    house.ask(&bank, Method::POST, "/v1/observations", lines.as_bytes(), "o1");
    house.ask(&bank, Method::GET, &format!("/v1/consents/{furnish}"), b"", "");
    let mut wrong = person();
    wrong["documents"][0]["number"] = json!("110105194912310021");
    wrong["name"] = json!("王小明<script>");
    let problem = house.post(&bank, "/v1/subjects", &wrong, "e2");
    assert_eq!(problem.status.as_u16(), 422);
    let metrics = house.send(&Method::GET, "/metrics", &[], b"");
    let traced = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
    assert!(traced.contains("/v1/subjects"), "requests are traced, by their route");
    let ids = [subject.as_str(), furnish.as_str()];
    let planted = ["王小明", "11010519491231002", "3000.00"];
    for value in planted.iter().chain(&ids) {
        assert!(!traced.contains(value), "a trace holds {value}");
        let metrics = String::from_utf8_lossy(&metrics.body);
        assert!(!metrics.contains(value), "a metric holds {value}");
    }
    for value in planted {
        assert!(!String::from_utf8_lossy(&problem.body).contains(value), "{value} in a problem");
    }
}
