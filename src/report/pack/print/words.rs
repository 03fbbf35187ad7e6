//! What the pack's PDF says, in two languages.

use super::super::manifest::Edition;

/// A language of the PDF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// Chinese, simplified.
    Chinese,
}

impl Language {
    /// Both.
    pub const ALL: [Language; 2] = [Language::English, Language::Chinese];

    /// Its BCP 47 tag.
    pub fn tag(self) -> &'static str {
        match self {
            Language::English => "en",
            Language::Chinese => "zh-Hans",
        }
    }

    /// Its tag in a file's name.
    pub fn short(self) -> &'static str {
        match self {
            Language::English => "en",
            Language::Chinese => "zh",
        }
    }

    /// The one with this tag.
    pub fn of(tag: &str) -> Option<Language> {
        Language::ALL.into_iter().find(|language| language.tag() == tag)
    }

    /// The words of this language.
    pub fn words(self) -> &'static Words {
        match self {
            Language::English => &ENGLISH,
            Language::Chinese => &CHINESE,
        }
    }
}

/// All fixed words of the PDF.
#[allow(missing_docs, reason = "each is its own text, below")]
pub struct Words {
    pub title: &'static str,
    pub supervisory: &'static str,
    pub public: &'static str,
    pub supervisory_note: &'static str,
    pub public_note: &'static str,
    pub statement: &'static str,
    pub statement_note: &'static str,
    pub period: &'static str,
    pub jurisdiction: &'static str,
    pub made: &'static str,
    pub entries: &'static str,
    pub closed: &'static str,
    pub open: &'static str,
    pub checkpoint: &'static str,
    pub extract: &'static str,
    pub vouched: &'static str,
    pub summary: &'static str,
    pub findings: &'static str,
    pub tables: &'static str,
    pub verify: &'static str,
    pub none: &'static str,
    pub not_recorded: &'static str,
    pub withheld: &'static str,
    pub shown: &'static str,
    pub shown_as: [(&'static str, &'static str); 3],
    pub not_public: &'static str,
    pub page: (&'static str, &'static str, &'static str),
    pub kpi: [&'static str; 4],
    pub kpi_statement: [&'static str; 4],
    pub chart_rules: &'static str,
    pub chart_types: &'static str,
    pub chart_products: &'static str,
    pub chart_bands: &'static str,
    pub chart_supply: &'static str,
    pub chart_refusals: &'static str,
    pub finding: Findings,
    pub how: [&'static str; 6],
    pub sql: &'static str,
    pub rows: &'static str,
    pub steps: &'static str,
    pub file: &'static str,
    pub digest: &'static str,
    pub missing: &'static str,
}

/// The sentences of the findings; `{}` stands for what was found.
#[allow(missing_docs, reason = "each is its own text, below")]
pub struct Findings {
    pub late_disputes: [&'static str; 2],
    pub overdue: [&'static str; 2],
    pub refused: [&'static str; 2],
    pub leader: &'static str,
    pub laggard: &'static str,
    pub no_quality: &'static str,
    pub slow: &'static str,
    pub concentration: &'static str,
    pub fees: &'static str,
    pub drift: &'static str,
    pub reconciled: [&'static str; 2],
}

impl Words {
    /// The edition's name.
    pub fn edition(&self, edition: Edition) -> (&'static str, &'static str) {
        match edition {
            Edition::Supervisory => (self.supervisory, self.supervisory_note),
            Edition::Public => (self.public, self.public_note),
            Edition::Statement => (self.statement, self.statement_note),
        }
    }
}

static ENGLISH: Words = Words {
    title: "Report to the regulator",
    supervisory: "Supervisory edition",
    public: "Public edition",
    supervisory_note: "True counts, for the authority. Not for publication.",
    public_note: "Counts of persons from 1 to 9 are not told, nor to be found by subtraction.",
    statement: "Statement to a furnisher",
    statement_note: "What was sent in the period, and what became of it.",
    period: "Period",
    jurisdiction: "Rule pack",
    made: "Made",
    entries: "Entries of the log",
    closed: "complete: the log goes on after the period",
    open: "the period is not over in the log: more entries may come",
    checkpoint: "Checkpoint that covers them",
    extract: "SHA-256 of the extract's manifest",
    vouched: "Every number was computed by SQL from entries of a public, append-only log. The \
              tables, their SQL and a signed manifest are attached to this file. The last section says how \
              to check all of it without us.",
    summary: "Summary",
    findings: "Findings",
    tables: "Tables",
    verify: "How to verify this report",
    none: "Nothing of the kind in this period.",
    not_recorded: "not recorded",
    withheld: "withheld",
    shown: "Shown",
    shown_as: [
        ("as it is", "as it is"),
        ("small ones together", "together"),
        ("withheld", "withheld"),
    ],
    not_public: "In the supervisory edition only: it would tell small counts of other tables.",
    page: ("page ", " of ", ""),
    kpi: ["entries in the period", "observations accepted", "inquiries", "inquiries refused"],
    kpi_statement: ["lines received", "accepted", "known already", "rejected"],
    chart_rules: "Errors by rule",
    chart_types: "Accepted by type",
    chart_products: "Inquiries by product",
    chart_bands: "Scored answers by band",
    chart_supply: "Accepted observations by dimension",
    chart_refusals: "Refusals by reason",
    finding: Findings {
        late_disputes: [
            "No dispute was closed after its deadline.",
            "Disputes closed after their deadline: {}.",
        ],
        overdue: [
            "No dispute stood open past its deadline at the end of the period.",
            "Disputes open past their deadline at the end of the period: {}.",
        ],
        refused: ["No inquiry was refused.", "Inquiries refused: {}; most often because of {}."],
        leader: "Best data quality: {}, {} of {} lines taken.",
        laggard: "Weakest data quality: {}, {} of {} lines taken.",
        no_quality: "No file of observations was received.",
        slow: "Slowest furnisher: {}, {}, half its lines after {} days or more.",
        concentration: "Largest furnisher: {}, {} of {} observations.",
        fees: "Fees were charged for what the law says is free: {}.",
        drift: "Drift of scores needs the pack of an earlier period beside this one; the sums in \
                the table of scores allow it.",
        reconciled: [
            "The entries counted by kind do not add up to what the log's indices say.",
            "The entries counted by kind add up to what the log's indices say: {}.",
        ],
    },
    how: [
        "Get the log's public key (vkey) from a source that you trust: the bureau's register \
         entry, a witness of its log, an earlier report.",
        "fivefold verify bundle THIS.pdf --vkey KEY takes out the attachments, checks both \
         signatures over manifest.json, the digest of every attached file and of every page.",
        "With --extract DIR it also verifies the extract entry by entry against the log's \
         checkpoints, runs the attached SQL over it again and compares every number.",
        "Without our program: pdfdetach -saveall takes the files out; sha256sum compares them with \
         manifest.json; any tool for JWS checks manifest.jws, any for signed notes manifest.note.",
        "Any SQL engine gives the same rows: make each Parquet file of the extract, scope.parquet \
         and counted.parquet a table of its name, and run the attached .sql files unchanged.",
        "A number that the bureau counted itself names the entry that says so; counted.json holds \
         that entry's opened record and the proof that it is in the log.",
    ],
    sql: "SQL",
    rows: "rows",
    steps: "Steps",
    file: "File",
    digest: "SHA-256",
    missing: "[U+…] stands for a character that no installed font has; the tables hold it.",
};

static CHINESE: Words = Words {
    title: "监管报告",
    supervisory: "监管版",
    public: "公开版",
    supervisory_note: "真实计数，仅供监管机构使用，不得公开。",
    public_note: "1 至 9 人的计数不予公布，也无法通过相减推算。",
    statement: "信息提供者对账单",
    statement_note: "本期报送的信息及其处理结果。",
    period: "报告期",
    jurisdiction: "规则包",
    made: "生成时间",
    entries: "日志条目",
    closed: "完整：日志在报告期之后继续",
    open: "报告期在日志中尚未结束：可能还有条目",
    checkpoint: "覆盖这些条目的检查点",
    extract: "数据抽取清单的 SHA-256",
    vouched: "每个数字都由 SQL 从公开的、只可追加的日志条目计算得出。各表、其 SQL 以及经签名的清单均附于本文件。\
              最后一节说明如何在不依赖我们的情况下核验全部内容。",
    summary: "概要",
    findings: "发现",
    tables: "各表",
    verify: "如何核验本报告",
    none: "本期没有此类事项。",
    not_recorded: "未记录",
    withheld: "不公布",
    shown: "显示方式",
    shown_as: [("as it is", "原值"), ("small ones together", "小项合并"), ("withheld", "不公布")],
    not_public: "仅见于监管版：本表会使其他表的小计数可被推算。",
    page: ("第 ", " 页，共 ", " 页"),
    kpi: ["本期条目", "接受的信息", "查询", "被拒绝的查询"],
    kpi_statement: ["收到条数", "接受", "重复", "拒绝"],
    chart_rules: "按规则划分的错误",
    chart_types: "按类型划分的接受",
    chart_products: "按产品划分的查询",
    chart_bands: "按等级划分的评分",
    chart_supply: "按维度划分的接受信息",
    chart_refusals: "按原因划分的拒绝",
    finding: Findings {
        late_disputes: ["没有异议超过期限才办结。", "超过期限办结的异议：{} 件。"],
        overdue: ["期末没有超过期限仍未办结的异议。", "期末超过期限仍未办结的异议：{} 件。"],
        refused: ["没有查询被拒绝。", "被拒绝的查询：{} 次；最常见的原因是 {}。"],
        leader: "数据质量最佳：{}，{} / {} 条被采纳。",
        laggard: "数据质量最弱：{}，{} / {} 条被采纳。",
        no_quality: "没有收到信息文件。",
        slow: "报送最慢：{}，{}，一半信息在 {} 天或更久之后报送。",
        concentration: "最大的信息提供者：{}，{} / {} 条信息。",
        fees: "对法定免费项目收取了费用：{} 笔。",
        drift: "评分漂移需要与上一期的报告对照；评分表中的合计可供计算。",
        reconciled: [
            "按种类统计的条目数与日志序号不符。",
            "按种类统计的条目数与日志序号相符：{}。",
        ],
    },
    how: [
        "从可信的来源取得日志公钥（vkey）：机构的登记信息、日志见证人或以往的报告。",
        "fivefold verify bundle THIS.pdf --vkey KEY 取出附件，核验 manifest.json 的两个签名、\
         每个附件和每一页的摘要。",
        "加上 --extract DIR 时，还会对照日志检查点逐条核验数据抽取，对其重新运行所附的 SQL，并比较每个数字。",
        "不使用我们的程序：pdfdetach -saveall 取出文件；sha256sum 与 manifest.json 对照；\
         任何 JWS 工具可核验 manifest.jws，任何 signed note 工具可核验 manifest.note。",
        "任何 SQL 引擎都会得到相同的行：将抽取的每个 Parquet 文件以及 scope.parquet、counted.parquet \
         作为同名的表，原样运行所附的 .sql 文件。",
        "由机构自行统计的数字注明了依据条目；counted.json 含有该条目公开的记录及其在日志中的证明。",
    ],
    sql: "SQL",
    rows: "行",
    steps: "步骤",
    file: "文件",
    digest: "SHA-256",
    missing: "[U+…] 代表已安装字体中没有的字符；所附的表中有其原文。",
};
