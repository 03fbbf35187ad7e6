//! From pages to a file: what printpdf leaves out is added with lopdf.
//!
//! The file is PDF 1.7 with PDF/A-3 *metadata* (ISO 19005-3, conformance B): XMP, sRGB output
//! intent, language, embedded fonts, attachments with their relation. Conformance itself is not
//! promised: that takes a validator. It is not tagged, and says so (`MarkInfo`).

use lopdf::{Dictionary, Document, Object, ObjectId, Stream, StringFormat, dictionary};
use printpdf::{
    CustomPdfConformance, PdfConformance, PdfDocument, PdfParseErrorSeverity, PdfSaveOptions,
    PdfWarnMsg, to_lopdf_doc,
};
use ring::digest::{SHA256, digest};

use super::fonts::Fonts;
use super::sheet::{Mark, Pages};
use super::{DocumentError, PAGE_HEIGHT, icc};
use crate::kernel::Time;

/// A file inside the file.
#[derive(Clone, Debug)]
pub struct Attachment {
    /// Its file name, ASCII.
    pub name: String,
    /// Its media type, such as `application/json`.
    pub mime: String,
    /// What it is, for a reader.
    pub description: String,
    /// Its content.
    pub bytes: Vec<u8>,
    /// When it was last changed.
    pub modified: Time,
}

/// What the file says about itself, and what it carries.
#[derive(Clone, Debug)]
pub struct Finish {
    /// The document's title, shown in the window's title bar.
    pub title: String,
    /// Who issues it.
    pub author: String,
    /// What it is about.
    pub subject: String,
    /// The language of the text, BCP 47.
    pub language: String,
    /// When it was made: the only time in the file besides those of the attachments.
    pub created: Time,
    /// Files inside the file.
    pub attachments: Vec<Attachment>,
}

/// Who wrote the file.
const PRODUCER: &str = concat!("fivefold ", env!("CARGO_PKG_VERSION"));

impl Finish {
    /// Adds a file to carry along.
    pub fn attach(&mut self, attachment: Attachment) {
        self.attachments.push(attachment);
    }

    /// Writes the file. The same pages, fonts and attachments give the same bytes.
    ///
    /// # Errors
    /// [`DocumentError::Write`] if printpdf or lopdf cannot write it.
    pub fn write(&self, pages: Pages, fonts: &Fonts) -> Result<Vec<u8>, DocumentError> {
        let marks = pages.marks;
        let mut doc = draw(pages.pages, fonts)?;
        doc.version = "1.7".to_string();
        let info = self.info();
        let info = doc.add_object(info);
        let outline = outline(&mut doc, &marks);
        let metadata = doc.add_object(self.metadata());
        let intent = output_intent(&mut doc);
        let files = self.embed(&mut doc);

        let catalog = doc.catalog_mut().map_err(write)?;
        catalog.set("Lang", text(&self.language));
        catalog.set("MarkInfo", dictionary! { "Marked" => false });
        catalog.set("ViewerPreferences", dictionary! { "DisplayDocTitle" => true });
        catalog.set("Metadata", metadata);
        catalog.set("OutputIntents", vec![Object::Dictionary(intent)]);
        if let Some(outline) = outline {
            catalog.set("Outlines", outline);
            catalog.set("PageMode", "UseOutlines");
        }
        if !files.is_empty() {
            let listed = files.iter().map(|(_, id)| Object::Reference(*id)).collect::<Vec<_>>();
            catalog.set("AF", listed);
            let tree = files.iter().flat_map(|(name, id)| [text(name), Object::Reference(*id)]);
            let tree = dictionary! { "Names" => tree.collect::<Vec<_>>() };
            catalog.set("Names", dictionary! { "EmbeddedFiles" => tree });
        }
        doc.trailer.set("Info", info);
        doc.prune_objects();
        doc.compress();
        save(doc)
    }

    fn info(&self) -> Dictionary {
        let date = pdf_date(self.created);
        dictionary! {
            "Title" => text(&self.title),
            "Author" => text(&self.author),
            "Subject" => text(&self.subject),
            "Creator" => text(PRODUCER),
            "Producer" => text(PRODUCER),
            "CreationDate" => Object::string_literal(date.clone()),
            "ModDate" => Object::string_literal(date),
        }
    }

    /// The XMP packet (ISO 16684-1), saying the same as the information dictionary.
    fn metadata(&self) -> Stream {
        let [title, author, subject, language] =
            [&self.title, &self.author, &self.subject, &self.language].map(|t| escape(t));
        let date = self.created.to_second_text();
        let xmp = format!(
            r#"<?xpacket begin="{bom}" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:pdf="http://ns.adobe.com/pdf/1.3/"
    xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/">
   <pdfaid:part>3</pdfaid:part>
   <pdfaid:conformance>B</pdfaid:conformance>
   <dc:format>application/pdf</dc:format>
   <dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>
   <dc:creator><rdf:Seq><rdf:li>{author}</rdf:li></rdf:Seq></dc:creator>
   <dc:description>
    <rdf:Alt><rdf:li xml:lang="x-default">{subject}</rdf:li></rdf:Alt>
   </dc:description>
   <dc:language><rdf:Bag><rdf:li>{language}</rdf:li></rdf:Bag></dc:language>
   <xmp:CreatorTool>{PRODUCER}</xmp:CreatorTool>
   <pdf:Producer>{PRODUCER}</pdf:Producer>
   <xmp:CreateDate>{date}</xmp:CreateDate>
   <xmp:ModifyDate>{date}</xmp:ModifyDate>
   <xmp:MetadataDate>{date}</xmp:MetadataDate>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>"#,
            bom = '\u{FEFF}',
        );
        let dict = dictionary! { "Type" => "Metadata", "Subtype" => "XML" };
        // readers that know nothing of PDF look for the packet as plain text
        Stream::new(dict, xmp.into_bytes()).with_compression(false)
    }

    /// Embeds the attachments (ISO 32000-2, 7.11.4; relation: ISO 19005-3, annex E), in the order
    /// of their names, which a name tree demands.
    fn embed(&self, doc: &mut Document) -> Vec<(String, ObjectId)> {
        let mut attachments: Vec<_> = self.attachments.iter().collect();
        attachments.sort_by(|a, b| a.name.cmp(&b.name));
        let mut files = Vec::with_capacity(attachments.len());
        for attachment in attachments {
            let size = i64::try_from(attachment.bytes.len()).unwrap_or(i64::MAX);
            let dict = dictionary! {
                "Type" => "EmbeddedFile",
                "Subtype" => attachment.mime.as_str(),
                "Params" => dictionary! {
                    "Size" => size,
                    "ModDate" => Object::string_literal(pdf_date(attachment.modified)),
                },
            };
            let stream = doc.add_object(Stream::new(dict, attachment.bytes.clone()));
            let spec = doc.add_object(dictionary! {
                "Type" => "Filespec",
                "F" => text(&attachment.name),
                "UF" => text(&attachment.name),
                "Desc" => text(&attachment.description),
                "AFRelationship" => "Data",
                "EF" => dictionary! { "F" => stream, "UF" => stream },
            });
            files.push((attachment.name.clone(), spec));
        }
        files
    }
}

fn write(error: impl std::fmt::Display) -> DocumentError {
    DocumentError::Write(error.to_string())
}

fn draw(pages: Vec<super::canvas::Canvas>, fonts: &Fonts) -> Result<Document, DocumentError> {
    let mut pdf = PdfDocument::new("");
    // no PDF/X: it would bring a printer's colour profile of 650 KiB
    pdf.metadata.info.conformance = PdfConformance::Custom(CustomPdfConformance {
        requires_icc_profile: false,
        requires_xmp_metadata: false,
        ..CustomPdfConformance::default()
    });
    pdf.resources.fonts = fonts.resources();
    pdf.pages = pages.into_iter().map(super::canvas::Canvas::into_page).collect();
    let mut warnings: Vec<PdfWarnMsg> = Vec::new();
    let doc = to_lopdf_doc(&pdf, &PdfSaveOptions::default(), &mut warnings);
    // printpdf reports a font that it could not embed as a warning: here it is a failure
    match warnings.iter().find(|w| w.severity == PdfParseErrorSeverity::Error) {
        Some(warning) => Err(DocumentError::Write(warning.msg.clone())),
        None => Ok(doc),
    }
}

fn output_intent(doc: &mut Document) -> Dictionary {
    let profile = doc.add_object(Stream::new(dictionary! { "N" => 3 }, icc::srgb().to_vec()));
    dictionary! {
        "Type" => "OutputIntent",
        "S" => "GTS_PDFA1",
        "OutputConditionIdentifier" => Object::string_literal(icc::NAME),
        "Info" => Object::string_literal(icc::NAME),
        "RegistryName" => Object::string_literal("http://www.color.org"),
        "DestOutputProfile" => profile,
    }
}

/// The outline ("bookmarks"): one flat list of sections.
fn outline(doc: &mut Document, marks: &[Mark]) -> Option<ObjectId> {
    if marks.is_empty() {
        return None;
    }
    let pages = doc.get_pages();
    let root = doc.new_object_id();
    let mut items: Vec<(ObjectId, Dictionary)> = Vec::with_capacity(marks.len());
    for mark in marks {
        let page = pages.get(&u32::try_from(mark.page + 1).ok()?)?;
        let top = (PAGE_HEIGHT - mark.y).round();
        items.push((
            doc.new_object_id(),
            dictionary! {
                "Title" => text(&mark.title),
                "Parent" => root,
                "Dest" => vec![
                    Object::Reference(*page), "XYZ".into(), Object::Null, top.into(), Object::Null,
                ],
            },
        ));
    }
    let ids: Vec<ObjectId> = items.iter().map(|(id, _)| *id).collect();
    let (first, last) = (*ids.first()?, *ids.last()?);
    for (index, (id, mut item)) in items.into_iter().enumerate() {
        if let Some(previous) = index.checked_sub(1).and_then(|i| ids.get(i)) {
            item.set("Prev", *previous);
        }
        if let Some(next) = ids.get(index + 1) {
            item.set("Next", *next);
        }
        doc.set_object(id, item);
    }
    let count = i64::try_from(ids.len()).unwrap_or(i64::MAX);
    let dict =
        dictionary! { "Type" => "Outlines", "First" => first, "Last" => last, "Count" => count };
    doc.set_object(root, dict);
    Some(root)
}

/// Saves twice: the identifier is the digest of the file as it would be with an empty one.
fn save(mut doc: Document) -> Result<Vec<u8>, DocumentError> {
    set_id(&mut doc, &[0; 16]);
    let mut bytes = Vec::new();
    doc.save_to(&mut bytes).map_err(write)?;
    let sum = digest(&SHA256, &bytes);
    set_id(&mut doc, sum.as_ref().get(..16).unwrap_or_default());
    bytes.clear();
    doc.save_to(&mut bytes).map_err(write)?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn set_id(doc: &mut Document, id: &[u8]) {
    let id = Object::String(id.to_vec(), StringFormat::Hexadecimal);
    doc.trailer.set("ID", vec![id.clone(), id]);
}

/// A text string: ASCII as it is, else UTF-16 with a byte order mark (ISO 32000-1, 7.9.2.2).
fn text(content: &str) -> Object {
    if content.is_ascii() {
        return Object::string_literal(content);
    }
    let units = std::iter::once(0xFEFF).chain(content.encode_utf16());
    Object::String(units.flat_map(u16::to_be_bytes).collect(), StringFormat::Hexadecimal)
}

/// `D:YYYYMMDDHHmmSSZ` (ISO 32000-1, 7.9.4), in UTC.
fn pdf_date(time: Time) -> String {
    let digits: String = time.to_second_text().chars().filter(char::is_ascii_digit).collect();
    format!("D:{digits}Z")
}

/// Text inside an XML element; what XML 1.0 cannot hold is left out.
fn escape(content: &str) -> String {
    let mut out = String::with_capacity(content.len());
    for ch in content.chars() {
        match ch {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\u{0}'..='\u{8}' | '\u{B}' | '\u{C}' | '\u{E}'..='\u{1F}' => {}
            '\u{FFFE}' | '\u{FFFF}' => {}
            ch => out.push(ch),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_texts_are_written_as_the_standard_says() {
        let time: Time = "2026-11-01T08:30:05Z".parse().unwrap();
        assert_eq!(pdf_date(time), "D:20261101083005Z");
        assert_eq!(text("Ab"), Object::string_literal("Ab"));
        let Object::String(bytes, _) = text("王𠮷") else { panic!("not a string") };
        assert_eq!(bytes, [0xFE, 0xFF, 0x73, 0x8B, 0xD8, 0x42, 0xDF, 0xB7]);
        assert_eq!(escape("a<b>&\u{1}"), "a&lt;b&gt;&amp;");
    }
}
