//! Reads a finished file again: what is attached to it, and what its pages show.

use std::collections::BTreeMap;

use lopdf::{Dictionary, Document, Object, ObjectId};
use ring::digest::{Context, SHA256};

use crate::kernel::bytes::Digest;

/// The largest file that is read, in bytes.
pub const PDF_BYTES_MAX: usize = 64 << 20;

/// How deep one object may lie in others.
const DEPTH_MAX: usize = 48;

/// Why a file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not a PDF file that can be read: {0}")]
pub struct ReadError(String);

fn wrong(error: impl std::fmt::Display) -> ReadError {
    ReadError(error.to_string())
}

/// A PDF file that was read.
pub struct PdfFile {
    doc: Document,
}

impl PdfFile {
    /// Reads the file.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn read(bytes: &[u8]) -> Result<PdfFile, ReadError> {
        if bytes.len() > PDF_BYTES_MAX {
            return Err(wrong("it is too large"));
        }
        Ok(PdfFile { doc: Document::load_mem(bytes).map_err(wrong)? })
    }

    /// The files inside the file, by name.
    ///
    /// # Errors
    /// [`ReadError`], also when two have the same name.
    pub fn attachments(&self) -> Result<BTreeMap<String, Vec<u8>>, ReadError> {
        let mut files = BTreeMap::new();
        let catalog = self.doc.catalog().map_err(wrong)?;
        let Some(names) = self.inner(catalog, b"Names")? else { return Ok(files) };
        let Some(tree) = self.inner(names, b"EmbeddedFiles")? else { return Ok(files) };
        let listed = self.doc.dereference(tree.get(b"Names").map_err(wrong)?).map_err(wrong)?;
        for pair in listed.1.as_array().map_err(wrong)?.chunks(2) {
            let [name, spec] = pair else { return Err(wrong("a name without a file")) };
            let name = lopdf::decode_text_string(name).map_err(wrong)?;
            let spec = self.doc.dereference(spec).map_err(wrong)?.1.as_dict().map_err(wrong)?;
            let inside = self.inner(spec, b"EF")?.ok_or_else(|| wrong("a file without content"))?;
            let stream = self.doc.dereference(inside.get(b"F").map_err(wrong)?).map_err(wrong)?;
            let stream = stream.1.as_stream().map_err(wrong)?;
            let bytes = match stream.dict.has(b"Filter") {
                true => stream.decompressed_content().map_err(wrong)?,
                false => stream.content.clone(),
            };
            if files.insert(name.clone(), bytes).is_some() {
                return Err(wrong(format!("{name} is attached twice")));
            }
        }
        Ok(files)
    }

    fn inner<'d>(
        &'d self,
        dict: &'d Dictionary,
        name: &[u8],
    ) -> Result<Option<&'d Dictionary>, ReadError> {
        let Ok(object) = dict.get(name) else { return Ok(None) };
        let (_, object) = self.doc.dereference(object).map_err(wrong)?;
        object.as_dict().map(Some).map_err(wrong)
    }

    /// The language that the file says it is in.
    pub fn language(&self) -> Option<String> {
        lopdf::decode_text_string(self.doc.catalog().ok()?.get(b"Lang").ok()?).ok()
    }

    /// A digest of each page, and one of all their fonts: of all that they are made of and nothing
    /// else, so that they stay the same when something is attached to the file. The fonts are apart
    /// because all pages share them: what differs on one page would differ on each.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn page_digests(&self) -> Result<(Vec<Digest>, Digest), ReadError> {
        let mut walk = Walk { doc: &self.doc, known: BTreeMap::new(), fonts: Vec::new() };
        let pages = self.doc.get_pages().into_values();
        let pages = pages.map(|page| walk.digest(page, 0)).collect::<Result<_, _>>()?;
        let fonts = std::mem::take(&mut walk.fonts);
        let mut apart = Walk { doc: &self.doc, known: BTreeMap::new(), fonts: Vec::new() };
        let mut context = Context::new(&SHA256);
        for font in &fonts {
            apart.feed(font, 0, &mut context)?;
        }
        let mut digest = [0; 32];
        digest.copy_from_slice(context.finish().as_ref());
        Ok((pages, digest))
    }
}

/// Digests objects, each once.
struct Walk<'d> {
    doc: &'d Document,
    known: BTreeMap<ObjectId, Digest>,
    /// The font resources that were met, each once.
    fonts: Vec<Object>,
}

impl Walk<'_> {
    fn digest(&mut self, id: ObjectId, depth: usize) -> Result<Digest, ReadError> {
        if let Some(known) = self.known.get(&id) {
            return Ok(*known);
        }
        let object = self.doc.get_object(id).map_err(wrong)?.clone();
        let mut context = Context::new(&SHA256);
        self.feed(&object, depth, &mut context)?;
        let mut digest = [0; 32];
        digest.copy_from_slice(context.finish().as_ref());
        self.known.insert(id, digest);
        Ok(digest)
    }

    fn feed(
        &mut self,
        object: &Object,
        depth: usize,
        context: &mut Context,
    ) -> Result<(), ReadError> {
        if depth > DEPTH_MAX {
            return Err(wrong("its objects lie too deep in each other"));
        }
        let mut put = |tag: u8, bytes: &[u8]| {
            context.update(&[tag]);
            context.update(&(bytes.len() as u64).to_be_bytes());
            context.update(bytes);
        };
        match object {
            Object::Null => put(0, &[]),
            Object::Boolean(value) => put(1, &[u8::from(*value)]),
            Object::Integer(value) => put(2, &value.to_be_bytes()),
            Object::Real(value) => put(3, &value.to_bits().to_be_bytes()),
            Object::Name(name) => put(4, name),
            Object::String(text, _) => put(5, text),
            Object::Array(list) => {
                put(6, &(list.len() as u64).to_be_bytes());
                for one in list {
                    self.feed(one, depth + 1, context)?;
                }
            }
            Object::Dictionary(dict) => self.feed_dict(dict, depth, context)?,
            Object::Stream(stream) => {
                put(8, &stream.content);
                self.feed_dict(&stream.dict, depth, context)?;
            }
            Object::Reference(id) => {
                let digest = self.digest(*id, depth + 1)?;
                context.update(&[9]);
                context.update(&digest);
            }
        }
        Ok(())
    }

    fn feed_dict(
        &mut self,
        dict: &Dictionary,
        depth: usize,
        context: &mut Context,
    ) -> Result<(), ReadError> {
        let mut entries: Vec<_> = dict.iter().collect();
        // the resource dictionary of fonts, by name: its fonts are digested apart
        if let Ok(fonts) = dict.get(b"Font")
            && !self.fonts.contains(fonts)
        {
            self.fonts.push(fonts.clone());
        }
        entries.sort_by(|a, b| a.0.cmp(b.0));
        // what holds the page is not part of it, and a length says nothing new
        entries.retain(|(name, _)| !matches!(name.as_slice(), b"Parent" | b"Length" | b"Font"));
        context.update(&[7]);
        context.update(&(entries.len() as u64).to_be_bytes());
        for (name, value) in entries {
            context.update(&(name.len() as u64).to_be_bytes());
            context.update(name);
            self.feed(value, depth + 1, context)?;
        }
        Ok(())
    }
}
