use std::process::Command;

use lopdf::{Document, Object};
use proptest::prelude::*;

use super::*;
use crate::report::consumer::sample;
use crate::report::consumer::view::*;

/// All the text of a file, through its /ToUnicode tables, as any reader would get it.
fn text(file: &[u8]) -> String {
    let doc = Document::load_mem(file).unwrap();
    let pages: Vec<u32> = doc.get_pages().into_keys().collect();
    doc.extract_text(&pages).unwrap().replace('\n', "")
}

fn dict<'d>(doc: &'d Document, object: &'d Object) -> &'d lopdf::Dictionary {
    doc.dereference(object).unwrap().1.as_dict().unwrap()
}

#[test]
fn same_view_same_bytes() {
    // every document of a process draws other ids in printpdf and other hash seeds in std: what
    // depended on either would differ here as it would between processes
    let first = render(&sample::rich(), &Fonts::load(None).unwrap()).unwrap();
    let second = render(&sample::rich(), &Fonts::load(None).unwrap()).unwrap();
    assert!(first == second);
    let mut other = sample::rich();
    other.quota = Some("Free report 2 of 2 in 2026".to_string());
    assert!(first != render(&other, &Fonts::load(None).unwrap()).unwrap());
}

#[test]
fn every_page_says_which_of_how_many() {
    let fonts = Fonts::built_in().unwrap();
    for (view, least) in [(sample::rich(), 5), (sample::empty(), 2), (sample::latin(), 2)] {
        let file = render(&view, &fonts).unwrap();
        let pages = Document::load_mem(&file).unwrap().get_pages().len();
        let text = text(&file);
        assert!(pages >= least, "{pages} pages");
        for page in 1..=pages {
            assert_eq!(text.matches(&format!("page {page} of {pages}")).count(), 1);
        }
        let bands = text.matches("SYNTHETIC").count();
        assert_eq!(bands, if view.synthetic { pages } else { 0 });
    }
}

#[test]
fn what_the_view_says_can_be_read_in_the_file() {
    let view = sample::latin();
    let text = text(&render(&view, &Fonts::built_in().unwrap()).unwrap());
    for said in ["Żółkiewska", "947", "CH01", "Sparbanken Övre Norrland", "Harbour View Hotels"]
    {
        assert!(text.contains(said), "{said}");
    }
    assert!(text.contains(&view.log.root) && text.contains(&view.report_number));
}

#[test]
fn an_empty_file_says_so_and_gives_no_number() {
    let text = text(&render(&sample::empty(), &Fonts::built_in().unwrap()).unwrap());
    assert!(text.contains("Not assessable") && text.contains("insufficient_data"));
    assert!(text.matches("Nothing on record.").count() >= 5);
    assert!(!text.contains("on a scale from"));
}

#[test]
fn chinese_is_set_where_a_font_has_it_and_spelt_out_where_none_has() {
    let view = sample::rich();
    let bare = text(&render(&view, &Fonts::built_in().unwrap()).unwrap());
    assert!(bare.contains("[U+6B27][U+9633]") && bare.contains("no installed font has"));
    let fonts = Fonts::load(None).unwrap();
    if fonts.has_han() {
        let full = text(&render(&view, &fonts).unwrap());
        assert!(full.contains("欧阳") && full.contains("江南商业银行"));
    }
}

#[test]
fn head_of_a_table_is_repeated_on_every_page_it_reaches() {
    let fonts = Fonts::built_in().unwrap();
    let mut view = sample::latin();
    view.inquiries = (0..200).map(|_| view.inquiries[0].clone()).collect();
    let text = text(&render(&view, &fonts).unwrap());
    assert_eq!(text.matches("Harbour View Hotels").count(), 202 - 1);
    assert!(text.matches("Asked by").count() >= 6);
}

#[test]
fn file_is_pdf_1_7_with_metadata_intent_and_the_data_attached() {
    let view = sample::latin();
    let file = render(&view, &Fonts::built_in().unwrap()).unwrap();
    assert!(file.starts_with(b"%PDF-1.7\n"));
    let doc = Document::load_mem(&file).unwrap();
    let catalog = doc.catalog().unwrap();
    for key in ["Lang", "MarkInfo", "ViewerPreferences", "OutputIntents", "Outlines", "AF"] {
        assert!(catalog.has(key.as_bytes()), "{key}");
    }
    let packet = catalog.get(b"Metadata").unwrap().as_reference().unwrap();
    let packet = doc.get_object(packet).unwrap().as_stream().unwrap();
    let packet = String::from_utf8(packet.content.clone()).unwrap();
    assert!(packet.contains("<pdfaid:part>3</pdfaid:part>"));
    assert!(packet.contains("<xmp:CreateDate>2026-11-01T08:30:05Z</xmp:CreateDate>"));

    let spec = dict(&doc, &catalog.get(b"AF").unwrap().as_array().unwrap()[0]);
    assert_eq!(spec.get(b"AFRelationship").unwrap().as_name().unwrap(), b"Data");
    let stream = dict(&doc, spec.get(b"EF").unwrap()).get(b"F").unwrap().as_reference().unwrap();
    let stream = doc.get_object(stream).unwrap().as_stream().unwrap();
    let data: serde_json::Value =
        serde_json::from_slice(&stream.decompressed_content().unwrap()).unwrap();
    assert_eq!(data, serde_json::to_value(&view).unwrap());
}

#[test]
fn every_font_is_embedded_and_cut_down() {
    let doc = Document::load_mem(&render(&sample::rich(), &Fonts::load(None).unwrap()).unwrap());
    let mut fonts = 0;
    for object in doc.unwrap().objects.values() {
        let Ok(font) = object.as_dict() else { continue };
        if font.has_type(b"FontDescriptor") {
            assert!(font.has(b"FontFile2") || font.has(b"FontFile3"));
            let name = font.get(b"FontName").and_then(Object::as_name).unwrap();
            assert!(name.starts_with(b"FF") && name[6] == b'+');
            fonts += 1;
        }
    }
    assert!(fonts >= 2);
}

#[test]
fn others_find_no_fault_with_the_file() {
    let folder = tempfile::tempdir().unwrap();
    for (name, view) in [("rich", sample::rich()), ("empty", sample::empty())] {
        let path = folder.path().join(name);
        std::fs::write(&path, render(&view, &Fonts::load(None).unwrap()).unwrap()).unwrap();
        // qpdf is not everywhere; where it is, it must agree
        if let Ok(out) = Command::new("qpdf").arg("--check").arg(&path).output() {
            assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        }
    }
}

/// For looking at: `cargo test --lib samples_to_look_at -- --ignored --nocapture`.
#[test]
#[ignore = "writes files to look at"]
fn samples_to_look_at() {
    let folder = tempfile::tempdir().unwrap().keep();
    let fonts = Fonts::load(None).unwrap();
    let bare = Fonts::built_in().unwrap();
    for (name, view, fonts) in [
        ("rich.pdf", sample::rich(), &fonts),
        ("empty.pdf", sample::empty(), &fonts),
        ("latin.pdf", sample::latin(), &fonts),
        ("bare.pdf", sample::rich(), &bare),
    ] {
        std::fs::write(folder.join(name), render(&view, fonts).unwrap()).unwrap();
    }
    println!("{}", folder.display());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn odd_texts_and_numbers_still_make_a_file(
        texts in prop::collection::vec(any::<String>(), 8),
        numbers in prop::collection::vec(any::<i32>(), 6),
        level in any::<u8>(),
        long in 0usize..9_000,
    ) {
        let mut view = sample::latin();
        view.person.display_name = texts[0].clone();
        view.person.document = texts[1].repeat(9);
        view.person.identity_level = level;
        view.bureau = texts[2].clone();
        view.report_number = texts[3].clone();
        view.tradelines[0].history = texts[4].clone();
        view.tradelines[0].furnisher = "銀W".repeat(long);
        view.tradelines[0].statement = Some(texts[5].clone());
        view.inquiries[0].answer = texts[6].clone();
        view.rights[0].text = texts[7].clone();
        if let ScorePart::Assessed(score) = &mut view.score {
            score.value = numbers[0];
            score.scale.min = numbers[1];
            score.scale.max = numbers[2];
            score.dimensions[0].points = numbers[3];
            score.dimensions[0].of = numbers[4];
            score.dimensions.truncate(numbers[5].unsigned_abs() as usize % 6);
        }
        let file = render(&view, &Fonts::built_in().unwrap()).unwrap();
        prop_assert!(!Document::load_mem(&file).unwrap().get_pages().is_empty());
    }
}
