//! PNG (W3C PNG 3): the chunks before the picture and, if EXIF is not among them, after it.

use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;

use super::fill::fill;
use super::{exif, iptc, xmp};
use crate::probe::model::{Media, Photo};
use crate::probe::problem::{Problem, Result};
use crate::probe::source::Source;
use crate::probe::text;

/// The most chunks before the picture that are read.
const MOST_CHUNKS: usize = 200;

/// The most bytes of a packet that are read, and the most to which all compressed ones
/// together are inflated.
const LONGEST: usize = 1024 * 1024;

/// The most bytes of a text that are kept.
const LONGEST_TEXT: usize = 8192;

/// The size of the end of the file in which the chunks after the picture are searched for.
const TAIL: usize = 32 * 1024;

/// Reads the properties of a PNG.
pub fn read(source: &mut Source<'_>) -> Result<Media> {
    let mut media = Media::new("png");
    let mut photo = Photo::default();
    let header = source.up_to(8, 25)?;
    if header.get(4..8) != Some(b"IHDR") {
        return Err(Problem::damaged("there is no header (IHDR) at the beginning"));
    }
    let number = |at: usize| {
        let bytes = header.get(at..at + 4)?.try_into().ok()?;
        Some(u32::from_be_bytes(bytes)).filter(|&it| it > 0)
    };
    photo.width = number(8);
    photo.height = number(12);
    photo.bit_depth = header.get(16).map(|&depth| depth.into());
    let mut metadata = Metadata::default();
    match metadata.before_picture(source) {
        Ok(true) => {}
        Ok(false) => media.warn("the file is cut off before the picture"),
        Err(problem @ Problem::Io(_)) => return Err(problem),
        Err(problem) => media.warn(problem.to_string()),
    }
    if metadata.exif.is_empty() && metadata.picture > 0 {
        match metadata.after_picture(source) {
            Err(problem @ Problem::Io(_)) => return Err(problem),
            Err(problem) => media.warn(problem.to_string()),
            Ok(true) => {}
            Ok(false) => media.warn("the file is cut off"),
        }
    }
    metadata.fill(&mut photo);
    media.photo = Some(photo);
    Ok(media)
}

/// The metadata in chunks.
#[derive(Default)]
struct Metadata {
    exif: Vec<u8>,
    xmp: Vec<u8>,
    iptc: Vec<u8>,
    texts: Vec<(&'static str, String)>,
    /// Where the picture begins.
    picture: u64,
    /// The number of bytes that were inflated.
    inflated: usize,
}

impl Metadata {
    /// Reads the chunks before the picture. Returns whether the picture was reached.
    fn before_picture(&mut self, source: &mut Source<'_>) -> Result<bool> {
        let mut position = 8;
        for _ in 0..MOST_CHUNKS {
            let header = source.up_to(position, 8)?;
            let &[l3, l2, l1, l0, ref name @ ..] = header else { return Ok(false) };
            let length = u32::from_be_bytes([l3, l2, l1, l0]);
            let Ok(name) = <[u8; 4]>::try_from(name) else { return Ok(false) };
            match &name {
                b"IDAT" => {
                    self.picture = position;
                    return Ok(true);
                }
                b"IEND" => return Ok(true),
                _ if is_metadata(&name) => {
                    let length = LONGEST.min(length as usize);
                    let data = source.up_to(position + 8, length)?;
                    self.chunk(&name, data);
                }
                _ => {}
            }
            position += 12 + u64::from(length);
        }
        Ok(true)
    }

    /// Reads the chunks after the picture. A picture is split into many chunks, so these are
    /// found from the end: consecutive chunks up to the last one. Returns whether the last
    /// one is there.
    fn after_picture(&mut self, source: &mut Source<'_>) -> Result<bool> {
        let start = source.len().saturating_sub(TAIL as u64).max(self.picture);
        // In memory already, if the whole file was read.
        let length = usize::try_from(source.len() - start).unwrap_or(TAIL);
        let tail = source.up_to(start, length)?.to_vec();
        let whole = tail.windows(8).any(|window| window == b"\0\0\0\0IEND");
        let first = (0..tail.len().saturating_sub(12)).find(|&at| {
            tail.get(at + 4..at + 8).is_some_and(is_metadata) && reaches_end(&tail, at)
        });
        let mut position = first.unwrap_or(tail.len());
        while let Some((name, data, next)) = chunk(&tail, position) {
            if is_metadata(name) {
                self.chunk(name, data);
            }
            position = next;
        }
        Ok(whole)
    }

    fn chunk(&mut self, name: &[u8], data: &[u8]) {
        match name {
            b"eXIf" if self.exif.is_empty() => {
                self.exif = data.strip_prefix(b"Exif\0\0").unwrap_or(data).to_vec();
            }
            b"tEXt" => {
                if let Some((key, text)) = split(data) {
                    self.text(key, text, false);
                }
            }
            b"zTXt" => {
                // The key, the method, and the compressed data.
                if let Some((key, rest)) = split(data)
                    && is_known(key)
                    && let Some(text) = rest.get(1..).and_then(|data| self.inflate(data))
                {
                    self.text(key, &text, false);
                }
            }
            b"iTXt" => {
                self.international_text(data);
            }
            _ => {}
        }
    }

    fn international_text(&mut self, data: &[u8]) -> Option<()> {
        let (key, rest) = split(data)?;
        let (&compressed, rest) = rest.split_first()?;
        // The method, a language, and the key in that language.
        let (_, rest) = split(rest.get(1..)?)?;
        let (_, text) = split(rest)?;
        if compressed == 0 {
            self.text(key, text, true);
        } else if is_known(key) {
            let text = self.inflate(text)?;
            self.text(key, &text, true);
        }
        Some(())
    }

    fn inflate(&mut self, data: &[u8]) -> Option<Vec<u8>> {
        let most = LONGEST.checked_sub(self.inflated)?;
        let inflated = decompress_to_vec_zlib_with_limit(data, most).ok();
        // Data that cannot be inflated may have taken as much time as valid data.
        self.inflated += inflated.as_ref().map_or(LONGEST, Vec::len);
        inflated
    }

    fn text(&mut self, key: &[u8], text: &[u8], utf8: bool) {
        match key {
            b"XML:com.adobe.xmp" | b"Raw profile type xmp" if self.xmp.is_empty() => {
                self.xmp = if key.starts_with(b"XML") { text.to_vec() } else { profile(text) };
            }
            b"Raw profile type exif" | b"Raw profile type APP1" => {
                let bytes = profile(text);
                if let Some(packet) = bytes.strip_prefix(b"http://ns.adobe.com/xap/1.0/\0") {
                    self.xmp = packet.to_vec();
                } else if self.exif.is_empty() {
                    self.exif = bytes.strip_prefix(b"Exif\0\0").unwrap_or(&bytes).to_vec();
                }
            }
            b"Raw profile type iptc" | b"Raw profile type 8bim" => self.iptc = profile(text),
            _ => {
                let text = &text[..text.len().min(LONGEST_TEXT)];
                let text =
                    if utf8 { String::from_utf8_lossy(text) } else { text::utf8_or_latin1(text) };
                let text = text.into_owned();
                let known = TEXTS.iter().find(|known| known.as_bytes().eq_ignore_ascii_case(key));
                self.texts.extend(known.map(|key| (*key, text)));
            }
        }
    }

    fn fill(self, photo: &mut Photo) {
        exif::read(&self.exif, photo);
        xmp::fill(&self.xmp, photo);
        if self.iptc.starts_with(b"8BIM") {
            iptc::read_resources(&self.iptc, photo);
        } else {
            iptc::read(&self.iptc, photo);
        }
        for (key, text) in self.texts {
            let slot = match key {
                "Artist" | "Author" => &mut photo.artist,
                "Copyright" => &mut photo.copyright,
                "Software" => &mut photo.software,
                _ => &mut photo.description,
            };
            fill(slot, || Some(text));
        }
    }
}

/// The keys of the texts that are read.
const TEXTS: [&str; 5] = ["Artist", "Author", "Copyright", "Description", "Software"];

fn is_known(key: &[u8]) -> bool {
    key.starts_with(b"Raw profile type ")
        || key == b"XML:com.adobe.xmp"
        || TEXTS.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(key))
}

fn is_metadata(name: &[u8]) -> bool {
    matches!(name, b"eXIf" | b"tEXt" | b"zTXt" | b"iTXt")
}

/// The chunk at `at`: its name, its data, and the position of the next one.
fn chunk(bytes: &[u8], at: usize) -> Option<(&[u8], &[u8], usize)> {
    let length: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
    let length = usize::try_from(u32::from_be_bytes(length)).ok()?;
    let end = at.checked_add(8)?.checked_add(length)?;
    // The data is complete, and therefore the name, too.
    let data = bytes.get(at + 8..end)?;
    Some((&bytes[at + 4..at + 8], data, end.checked_add(4)?))
}

/// Whether there are consecutive chunks from `at` up to the last one.
fn reaches_end(bytes: &[u8], mut at: usize) -> bool {
    for _ in 0..MOST_CHUNKS {
        match chunk(bytes, at) {
            Some((b"IEND", ..)) => return true,
            Some((.., next)) => at = next,
            None => return false,
        }
    }
    false
}

/// The bytes before and after the first zero byte.
fn split(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let zero = data.iter().position(|&byte| byte == 0)?;
    Some((&data[..zero], &data[zero + 1..]))
}

/// Decodes a profile in ImageMagick's form: a name, a length, and hexadecimal digits.
fn profile(text: &[u8]) -> Vec<u8> {
    let lines = text.trim_ascii_start().splitn(3, |&byte| byte == b'\n');
    let digits = lines.last().unwrap_or_default().iter();
    let values: Vec<u8> =
        digits.filter_map(|&it| char::from(it).to_digit(16)).map(|it| it as u8).collect();
    values.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

#[cfg(test)]
mod tests {
    use miniz_oxide::deflate::compress_to_vec_zlib;

    use super::super::testing::{self, assert_damage_is_survived, assert_is_camera, probe_photo};
    use super::*;

    fn file(chunks: &[(&[u8; 4], Vec<u8>)]) -> Vec<u8> {
        let header = vec![0, 0, 1, 0x40, 0, 0, 0, 200, 16, 2, 0, 0, 0];
        let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
        let end = (b"IEND", Vec::new());
        for (name, data) in [(b"IHDR", header)].iter().chain(chunks).chain([&end]) {
            bytes.extend((data.len() as u32).to_be_bytes());
            bytes.extend(*name);
            bytes.extend(data);
            bytes.extend([0; 4]);
        }
        bytes
    }

    fn exif() -> (&'static [u8; 4], Vec<u8>) {
        (b"eXIf", testing::exif())
    }

    fn picture(length: usize) -> (&'static [u8; 4], Vec<u8>) {
        (b"IDAT", vec![7; length])
    }

    fn full() -> Vec<u8> {
        let packet = testing::packet("xmp:Rating='4'", "");
        let digits: String = testing::resources().iter().map(|it| format!("{it:02x}")).collect();
        let profile = format!("\n8bim\n   100\n{digits}\n");
        let compressed = compress_to_vec_zlib(profile.as_bytes(), 6);
        file(&[
            (b"iTXt", [b"XML:com.adobe.xmp\0\0\0\0\0", packet.as_bytes()].concat()),
            (b"tEXt", b"Software\0Draw \xe9".to_vec()),
            (b"zTXt", [b"Raw profile type 8bim\0\0", &compressed[..]].concat()),
            exif(),
            picture(10),
        ])
    }

    #[test]
    fn chunks_before_the_picture_are_read() {
        let (media, photo) = probe_photo(&full());
        assert_eq!(media.container, "png");
        assert!(media.warnings.is_empty(), "{:?}", media.warnings);
        assert_eq!((photo.width, photo.height), (Some(320), Some(200)));
        assert_eq!(photo.bit_depth, Some(16));
        assert_is_camera(&photo);
        assert_eq!(photo.rating, Some(4));
        assert_eq!(photo.software.as_deref(), Some("Draw \u{e9}"));
        assert_eq!(photo.keywords, ["sea", "sun"]);
    }

    #[test]
    fn chunks_after_a_long_picture_take_one_more_read() {
        let mut chunks = vec![picture(8192); 100];
        chunks.push(exif());
        let bytes = file(&chunks);
        let mut source = Source::new(&bytes, bytes.len() as u64, crate::probe::Limits::default());
        assert_is_camera(&read(&mut source).unwrap().photo.unwrap());
        assert_eq!(source.requests(), 2);
    }

    #[test]
    fn a_picture_that_is_cut_off_is_noticed() {
        let bytes = file(&[picture(100_000)]);
        let (media, photo) = probe_photo(&bytes[..90_000]);
        assert_eq!(photo.width, Some(320));
        assert_eq!(media.warnings, ["the file is cut off"]);
    }

    #[test]
    fn data_that_would_become_too_large_is_not_inflated() {
        let bomb = compress_to_vec_zlib(&vec![b' '; 4 * LONGEST], 9);
        let text = [b"Description\0\0", &bomb[..]].concat();
        let (_, photo) = probe_photo(&file(&[(b"zTXt", text), picture(10)]));
        assert_eq!(photo.description, None);
    }

    #[test]
    fn a_chunk_may_begin_right_before_the_end() {
        let mut bytes = file(&[picture(10), (b"tEXt", b"Title\0a".to_vec())]);
        bytes.truncate(bytes.len() - 12);
        for byte in [0, 0, 0, 1, b'I', b'D', b'A'] {
            bytes.push(byte);
            let (media, _) = probe_photo(&bytes);
            assert_eq!(media.warnings, ["the file is cut off"]);
        }
    }

    #[test]
    fn damage_does_not_cause_a_panic() {
        assert_damage_is_survived(&full());
    }
}
