//! Three people who do not exist: one with a full file, one with an empty one, one in between.

use super::view::*;
use crate::kernel::id::encode;

fn scale() -> Scale {
    let bands = [("Poor", 350), ("Fair", 550), ("Good", 600), ("Very good", 650), ("Best", 700)];
    let bands = bands.map(|(name, from)| BandMark { name: name.to_string(), from });
    Scale { min: 350, max: 950, bands: bands.to_vec() }
}

fn right(title: &str, text: &str) -> Right {
    Right { title: title.to_string(), text: text.to_string() }
}

/// A person of whom nothing is known.
pub(super) fn empty() -> ConsumerView {
    ConsumerView {
        bureau: "Fivefold".to_string(),
        report_number: "rpt_01KEMPTY0000000000000000".to_string(),
        generated_at: "2026-11-01T08:30:05Z".parse().unwrap(),
        jurisdiction: "cn".to_string(),
        language: "en".to_string(),
        synthetic: false,
        quota: None,
        person: Person {
            display_name: "Ola Nordmann".to_string(),
            document: "Passport ·····419".to_string(),
            birth_year: None,
            identity_level: 1,
            channels: Vec::new(),
        },
        score: ScorePart::NotAssessable {
            code: "insufficient_data".to_string(),
            text: "There is less than six months of credit or performance history on record, \
                   and the identity level is below 2."
                .to_string(),
            scale: scale(),
        },
        tradelines: Vec::new(),
        obligations: Vec::new(),
        public_records: Vec::new(),
        disputes: Vec::new(),
        statements: Vec::new(),
        consents: Vec::new(),
        inquiries: Vec::new(),
        staff_look_ups: Vec::new(),
        rights: vec![right(
            "To object",
            "If something here is wrong, say so: the item is marked, and answered in writing \
             within 20 days (Regulation on the Credit Reporting Industry, article 25).",
        )],
        log: LogPart {
            entries: "none".to_string(),
            origin: "bureau.example/log".to_string(),
            size: 0,
            root: "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=".to_string(),
            vkey: "bureau.example/log+530d903a+AekyeRrm56hGpFGkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
                .to_string(),
            how: vec!["What is printed here is attached to this file as report.json.".to_string()],
        },
        notices: vec!["This report is for reference (article 23).".to_string()],
    }
}

fn dimensions(points: [i32; 5]) -> Vec<DimensionPoints> {
    let names = [
        ("Credit history", 210),
        ("Behavior", 110),
        ("Performance", 140),
        ("Identity", 90),
        ("Relationships", 10),
    ];
    let all = names.iter().zip(points);
    all.map(|((name, of), points)| DimensionPoints { name: name.to_string(), points, of: *of })
        .collect()
}

fn assessed(value: i32, band: &str, points: [i32; 5]) -> ScorePart {
    let reasons = [
        ("CH01", "A payment 30 days late or more in the last 12 months", 31),
        ("CH05", "High use of the limits on revolving accounts: 71 % of the limits are used", 18),
        ("ID03", "The address is not confirmed by a second source", 9),
        ("BP02", "Spending differs much from what was usual before", 6),
    ];
    let reasons = reasons.map(|(code, text, points_lost)| ReasonLine {
        code: code.to_string(),
        text: text.to_string(),
        points_lost,
    });
    ScorePart::Assessed(Score {
        value,
        band: band.to_string(),
        scale: scale(),
        model: "cn-general".to_string(),
        model_version: "1.2.0".to_string(),
        model_digest: "9f2c5be1d07a44e8b3c1f0a6d2e97b5c8a1d4f3e6b7092c5d8e1f4a7b0c3d6e9"
            .to_string(),
        as_of: "2026-11-01".to_string(),
        dimensions: dimensions(points),
        reasons: reasons.to_vec(),
        remarks: vec!["One disputed item was left out of the score.".to_string()],
        base_points: 512,
        working: working(),
    })
}

fn tradeline(index: usize, furnisher: &str, kind: &str, history: &str) -> Tradeline {
    let late = history.contains(|month| "12345C".contains(month));
    Tradeline {
        furnisher: furnisher.to_string(),
        kind: kind.to_string(),
        account: format!("····{:04}", 1207 + 311 * index),
        opened: format!("20{}-0{}-15", 15 + index % 10, 1 + index % 9),
        limit: format!("CNY {},000.00", 12 + 30 * index),
        balance: format!("CNY {},{:03}.50", 3 + index, 41 * index),
        status: if late { "Late, now 12 days" } else { "Current" }.to_string(),
        worst: if late { "30–59 days, 2025-09" } else { "" }.to_string(),
        history: history.to_string(),
        history_from: "2024-11".to_string(),
        history_to: "2026-10".to_string(),
        dispute: None,
        statement: None,
    }
}

fn inquiry(index: usize, asker: &str, weighing: Weighing) -> InquiryRow {
    let (scenario, form, answer) = match weighing {
        Weighing::Hard => ("Credit application", "score", "Score 688, very good, 4 reasons"),
        Weighing::Soft if index % 7 == 3 => ("Tenancy", "refused", "Refused: no consent in force"),
        Weighing::Soft => ("Hotel deposit waiver", "threshold", "Yes"),
    };
    InquiryRow {
        date: format!("2026-{:02}-{:02} {:02}:14", 10 - index / 5, 28 - index % 27, 8 + index % 12),
        id: encode("inq", 0x0193_51A7_77D2_0C11_9B70_31F2 + index as u128 * 7_919),
        asker: asker.to_string(),
        scenario: scenario.to_string(),
        form: form.to_string(),
        answer: answer.to_string(),
        weighing,
    }
}

const LATE: &str = "000000000012320000000001";

fn tradelines() -> Vec<Tradeline> {
    let months = ["000000000000000000000000", LATE, "----00000-00000000000000", "000110"];
    let kinds = ["Credit card", "Instalment loan", "Mortgage", "Pay later"];
    let furnishers =
        ["江南商业银行股份有限公司", "Lakeside Consumer Finance Co., Ltd.", "远山消费金融"];
    let mut lines: Vec<_> =
        (0..12).map(|i| tradeline(i, furnishers[i % 3], kinds[i % 4], months[i % 4])).collect();
    lines[1].dispute = Some(
        "received 2026-10-20, the furnisher's answer is due on 2026-11-09; left out of the score"
            .to_string(),
    );
    lines[1].statement = Some(
        "2025年9月因住院治疗未能按时还款，出院后已全部结清，并有银行出具的结清证明。".to_string(),
    );
    lines[4].history = "000000012345555CCCCCCCCC".to_string();
    lines[4].status = "Collection".to_string();
    lines
}

/// A person with a long file, in Chinese and English.
pub(super) fn rich() -> ConsumerView {
    let asker = ["Harbour View Hotels", "江南商业银行股份有限公司", "青禾租房", "Bluebike Sharing"];
    let mut inquiries: Vec<_> = (0..6).map(|i| inquiry(i, asker[i % 2], Weighing::Hard)).collect();
    inquiries.extend((0..34).map(|i| inquiry(i, asker[i % 4], Weighing::Soft)));
    let consents = (0..9).map(|i| ConsentRow {
        id: encode("con", (0x0193_51A7_77D2_0C11_9B70_31F2 << 30) + i as u128 * 104_729),
        recipient: asker[i % 4].to_string(),
        purpose: "inquire · notice 3.1".to_string(),
        scenario: ["Hotel deposit waiver", "Credit application", "Tenancy"][i % 3].to_string(),
        given: "2026-05-12".to_string(),
        expires: "2027-05-12".to_string(),
        state: ["in force", "revoked 2026-08-30", "used"][i % 3].to_string(),
    });
    let obligation = |kind: &str, kept, late, broken| ObligationRow {
        kind: kind.to_string(),
        furnishers: "国网江南供电公司, 青禾租房, Harbour View Hotels".to_string(),
        kept,
        late,
        broken,
        period: "2024-11-03 – 2026-10-27".to_string(),
        statement: None,
    };
    let empty = empty();
    ConsumerView {
        report_number: "rpt_01K8ZQ6RICH0000000000000".to_string(),
        synthetic: true,
        quota: Some("Free report 1 of 2 in 2026".to_string()),
        person: person(),
        score: assessed(688, "Very good", [148, 84, 120, 63, 6]),
        tradelines: tradelines(),
        obligations: vec![
            obligation("Utility bills", 44, 2, 0),
            obligation("Rent", 23, 1, 0),
            obligation("Bookings", 9, 0, 1),
        ],
        public_records: vec![PublicRecordRow {
            kind: "Administrative penalty".to_string(),
            authority: "江南市市场监督管理局，江市监罚〔2023〕118号".to_string(),
            date: "2023-06-30".to_string(),
            amount: "CNY 2,000.00".to_string(),
            status: "paid 2023-07-15; deleted on 2028-07-15".to_string(),
            dispute: None,
            statement: None,
        }],
        disputes: vec![DisputeRow {
            id: encode("dsp", 0x51A7_77D2_0C11_9B70_31F2 << 40),
            item: "Lakeside Consumer Finance, account ····1518, 2025-09 to 2025-12".to_string(),
            received: "2026-10-20".to_string(),
            answer: "due 2026-11-09".to_string(),
            state: "being investigated".to_string(),
        }],
        statements: vec!["本人自2025年起居住地址已变更。".to_string()],
        consents: consents.collect(),
        inquiries,
        staff_look_ups: vec![StaffRow {
            date: "2026-10-21 09:02".to_string(),
            staff: "Disputes desk, no. 14".to_string(),
            content: "Account ····1518".to_string(),
            reason: format!("Objection {}", encode("dsp", 0x51A7_77D2_0C11_9B70_31F2 << 40)),
        }],
        rights: rights(),
        log: LogPart {
            entries: "118 to 9,402 (214 entries)".to_string(),
            size: 9_611,
            ..empty.log.clone()
        },
        ..empty
    }
}

fn person() -> Person {
    let channel = |name: &str, source: &str, date: &str| Channel {
        name: name.to_string(),
        source: source.to_string(),
        date: date.to_string(),
    };
    Person {
        display_name: "欧阳䶮𠮷·阿卜杜拉".to_string(),
        document: "Resident identity card ··············2841".to_string(),
        birth_year: Some(1991),
        identity_level: 3,
        channels: vec![
            channel("Face check against authority", "公安部身份核验", "2024-03-02"),
            channel("Bank card", "江南商业银行股份有限公司", "2024-03-02"),
            channel("Utility bill", "国网江南供电公司", "2025-11-19"),
        ],
    }
}

fn rights() -> Vec<Right> {
    vec![
        right("To see", "Two reports a year are free of charge (article 17)."),
        right(
            "To object",
            "If something here is wrong or missing, object at the bureau or at the furnisher. The \
             item is marked as disputed at once, and you are answered in writing within 20 days \
             (article 25). 如对本报告内容有异议，可向征信机构或信息提供者提出，二十日内书面答复。",
        ),
        right("To add a statement", "It is shown wherever the item is shown (article 16)."),
        right("To withdraw a consent", "New use stops at once."),
        right("To complain", "To the branch of the People's Bank of China (article 26)."),
    ]
}

/// A person with a short file in Latin letters and a very long name.
pub(super) fn latin() -> ConsumerView {
    let rich = rich();
    ConsumerView {
        report_number: "rpt_01K8ZQ6LATIN000000000000".to_string(),
        jurisdiction: "eu".to_string(),
        synthetic: false,
        person: Person {
            display_name: "Maria-Luise Ximena Żółkiewska-Đorđević von und zu Oberhausen-Łódź"
                .to_string(),
            document: "Passport ·····C01X".to_string(),
            ..person()
        },
        score: assessed(947, "Best", [210, 108, 139, 90, 0]),
        tradelines: vec![tradeline(0, "Sparbanken Övre Norrland", "Credit card", LATE)],
        inquiries: rich.inquiries[..2].to_vec(),
        consents: rich.consents[..2].to_vec(),
        ..empty()
    }
}

fn working() -> Vec<WorkingRow> {
    let row = |what: &str, name: &str, value: &str, same_for: &str, points| WorkingRow {
        what: what.to_string(),
        name: name.to_string(),
        value: value.to_string(),
        same_for: same_for.to_string(),
        points,
        average: 4,
    };
    (0..14)
        .flat_map(|n| {
            [
                row(
                    "The worst lateness of any account in 12 months",
                    "worst_dpd_12m",
                    "12 days",
                    "[1, 30)",
                    n - 9,
                ),
                row("Months since the oldest account was opened", "oldest", "no data", "", 4),
            ]
        })
        .collect()
}
