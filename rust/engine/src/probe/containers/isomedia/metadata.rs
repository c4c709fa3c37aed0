//! Tags, covers and chapters in user data: QuickTime's `udta`, iTunes' `ilst`, QuickTime's
//! `keys`, Nero's `chpl`, 3GPP's `loci`.

use std::collections::BTreeMap;

use super::boxes::{BoxAt, Fields, Kind, boxes_in, children, content};
use super::values::{Form, location, macintosh, named, value};
use crate::probe::containers::picture;
use crate::probe::model::Track;
use crate::probe::problem::Result;
use crate::probe::source::Source;

/// The most bytes of a text that are read. Lyrics and descriptions may be as long.
const LONGEST_TEXT: usize = 16 * 1024;

/// The most bytes of a key that are read: known keys are shorter, and many items may share
/// one.
const LONGEST_KEY: usize = 300;

/// The bytes at the beginning of a cover that are read, to get its size.
const COVER_HEAD: usize = 16 * 1024;

/// The content of user data.
#[derive(Debug, Default)]
pub struct Metadata {
    /// Tags by name. Of several with the same name, the last one counts, as in `ffprobe`.
    pub tags: BTreeMap<String, String>,
    /// Cover pictures.
    pub covers: Vec<Track>,
    /// Chapters: their start in units of 100 ns, and their titles.
    pub chapters: Vec<(u64, String)>,
}

/// The content of `ftyp`, which some programs also write as tags.
const BRANDS: [&str; 3] = ["major_brand", "minor_version", "compatible_brands"];

impl Metadata {
    /// Reads the tags in `udta` or `meta`.
    pub fn read(&mut self, source: &mut Source<'_>, found: &BoxAt) -> Result<()> {
        match &found.kind {
            b"udta" => {
                for inner in children(source, found)? {
                    match &inner.kind {
                        b"meta" => self.read_meta(source, &inner)?,
                        b"chpl" => self.read_chapters(&content(source, &inner, 256 * 300)?),
                        _ => {
                            let text = content(source, &inner, LONGEST_TEXT)?;
                            self.read_user_data(&inner.kind, &text);
                        }
                    }
                }
            }
            b"meta" => self.read_meta(source, found)?,
            _ => {}
        }
        Ok(())
    }

    fn read_meta(&mut self, source: &mut Source<'_>, meta: &BoxAt) -> Result<()> {
        // It is a full box in MP4, and a plain one in QuickTime.
        let head = content(source, meta, 8)?;
        let skip = if head.get(4..8) == Some(b"hdlr") { 0 } else { 4 };
        let inner = BoxAt { content: (meta.content + skip).min(meta.end), ..*meta };
        let mut keys = Vec::new();
        for found in children(source, &inner)? {
            match &found.kind {
                b"keys" => keys = keys_in(&content(source, &found, 4 * LONGEST_TEXT)?),
                b"ilst" => {
                    for item in children(source, &found)? {
                        self.read_item(source, &item, &keys)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn read_item(&mut self, source: &mut Source<'_>, item: &BoxAt, keys: &[String]) -> Result<()> {
        let number = u32::from_be_bytes(item.kind) as usize;
        let key = number.checked_sub(1).and_then(|index| keys.get(index));
        let is_cover =
            &item.kind == b"covr" || key.is_some_and(|key| key == "com.apple.quicktime.artwork");
        if is_cover {
            for data in children(source, item)?.iter().filter(|data| &data.kind == b"data") {
                self.read_cover(source, data)?;
            }
            return Ok(());
        }
        let bytes = content(source, item, LONGEST_TEXT)?;
        if &item.kind == b"----" {
            self.read_free_form(&bytes);
            return Ok(());
        }
        let Some((b"data", data)) =
            boxes_in(&bytes).next().as_ref().map(|(kind, data)| (kind, *data))
        else {
            return Ok(());
        };
        let mut fields = Fields::new(data);
        let (Some(data_type), Some(_)) = (fields.u32(), fields.u32()) else { return Ok(()) };
        let (name, form) = match (named(&item.kind), key) {
            (Some(named), _) => named,
            (None, Some(key)) => (key.as_str(), Form::Text),
            (None, None) => return Ok(()),
        };
        if let Some(text) = value(fields.rest(), data_type, form) {
            self.set(name, text);
        }
        Ok(())
    }

    /// Reads `----`: the domain, the name and the text.
    fn read_free_form(&mut self, bytes: &[u8]) {
        let (mut mean, mut name, mut data) = (None, None, None);
        for (kind, content) in boxes_in(bytes) {
            match &kind {
                b"mean" => mean = content.get(4..),
                b"name" => name = content.get(4..),
                b"data" => data = content.get(8..),
                _ => {}
            }
        }
        if let (Some(_), Some(name), Some(data)) = (mean, name, data) {
            let name = String::from_utf8_lossy(name).into_owned();
            if name != "cdec" {
                self.set(&name, String::from_utf8_lossy(data).into_owned());
            }
        }
    }

    fn read_cover(&mut self, source: &mut Source<'_>, data: &BoxAt) -> Result<()> {
        let bytes = content(source, data, COVER_HEAD)?;
        let mut fields = Fields::new(&bytes);
        let (Some(data_type), Some(_)) = (fields.u32(), fields.u32()) else { return Ok(()) };
        let picture = fields.rest();
        let mime = match data_type {
            0x1b => "image/bmp",
            0x0d | 0x0e if picture.starts_with(b"\x89PNG\r\n\x1a\n") => "image/png",
            0x0d | 0x0e => "image/jpeg",
            _ => return Ok(()),
        };
        // After the type and the language.
        let (start, length) = (data.content + 8, data.len().saturating_sub(8));
        self.covers.extend(picture::track_at(source, mime, start, length)?);
        Ok(())
    }

    fn read_chapters(&mut self, chpl: &[u8]) {
        let mut fields = Fields::new(chpl);
        let mut header = || {
            let (version, _) = fields.version()?;
            if version != 0 {
                fields.u32()?;
            }
            fields.u8()
        };
        for _ in 0..header().unwrap_or(0) {
            let mut chapter = || {
                let start = fields.u64()?;
                let length = fields.u8()?;
                Some((
                    start,
                    String::from_utf8_lossy(fields.take(usize::from(length))?).into_owned(),
                ))
            };
            let Some(chapter) = chapter() else { break };
            self.chapters.push(chapter);
        }
    }

    /// Reads the texts of QuickTime and 3GPP that are directly in `udta`.
    fn read_user_data(&mut self, kind: &Kind, bytes: &[u8]) {
        if kind == b"loci" {
            if let Some(location) = location(bytes) {
                self.set("location", location);
            }
            return;
        }
        let Some((name, form)) = named(kind) else { return };
        if form == Form::Raw || bytes.len() <= 4 {
            self.set(name, String::from_utf8_lossy(bytes).into_owned());
            return;
        }
        let mut fields = Fields::new(bytes);
        let (Some(length), Some(code)) = (fields.u16(), fields.u16()) else { return };
        let (text, code) = match fields.rest().get(..usize::from(length)) {
            Some(text) => (text, code),
            // Some programs omit the numbers: the text is then as long as the box.
            None if usize::from(length) > bytes.len() => {
                self.set(name, String::from_utf8_lossy(bytes).into_owned());
                return;
            }
            None => (fields.rest(), code),
        };
        if form != Form::Text {
            if let Some(text) = value(text, 0, form) {
                self.set(name, text);
            }
        } else if code < 0x400 || code == 0x7fff {
            self.set(name, macintosh(text));
        } else {
            self.set(name, String::from_utf8_lossy(text).into_owned());
        }
    }

    fn set(&mut self, name: &str, text: String) {
        if BRANDS.contains(&name) {
            return;
        }
        self.tags.insert(name.to_lowercase(), text);
    }
}

fn keys_in(keys: &[u8]) -> Vec<String> {
    let mut fields = Fields::new(keys);
    let (Some(_), Some(_)) = (fields.version(), fields.u32()) else { return Vec::new() };
    boxes_in(fields.rest())
        .map(|(_, name)| &name[..name.len().min(LONGEST_KEY)])
        .map(|name| String::from_utf8_lossy(name).into_owned())
        .collect()
}
