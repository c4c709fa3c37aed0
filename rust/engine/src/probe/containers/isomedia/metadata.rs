//! Tags, covers and chapters in user data: QuickTime's `udta`, iTunes' `ilst`,
//! QuickTime's `keys`, Nero's `chpl`, 3GPP's `loci`.

use std::collections::BTreeMap;

use super::boxes::{BoxAt, Fields, Kind, boxes_in, children, content};
use super::codes::language;
use crate::probe::codec::{self, Framing};
use crate::probe::model::{Track, TrackType};
use crate::probe::problem::Result;
use crate::probe::source::Source;

/// Texts are no longer than this; lyrics and descriptions are.
const LONGEST_TEXT: usize = 16 * 1024;

/// As much of a cover as tells its size.
const COVER_HEAD: usize = 16 * 1024;

/// What user data holds.
#[derive(Debug, Default)]
pub struct Metadata {
    /// Tags by their names; of several, the last, as `ffprobe` has it.
    pub tags: BTreeMap<String, String>,
    /// Cover pictures.
    pub covers: Vec<Track>,
    /// Chapters: where they begin in units of 100 ns, and what they are called.
    pub chapters: Vec<(u64, String)>,
}

/// What `ftyp` says, that some write as tags, too.
const BRANDS: [&str; 3] = ["major_brand", "minor_version", "compatible_brands"];

/// How texts are stored.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Raw,
    /// A number in a byte.
    Byte,
    /// A number in the last of four bytes.
    LastByte,
    /// A number, and of how many.
    Pair,
    Genre,
}

impl Metadata {
    /// Reads what `udta` or `meta` says.
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
        // A full box in MP4, a plain one in QuickTime.
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

    /// `----`: who says so, what it is called, and the text.
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
        let codec = match data_type {
            0x1b => "bmp",
            0x0d | 0x0e if picture.starts_with(b"\x89PNG\r\n\x1a\n") => "png",
            0x0d | 0x0e => "mjpeg",
            _ => return Ok(()),
        };
        // Seen as video, so that it is read as such.
        let mut seen = Track::new(0, TrackType::Video);
        seen.codec = Some(codec.into());
        codec::read_packet(&mut seen, picture, Framing::StartCodes);
        self.covers.push(Track {
            codec: seen.codec,
            width: seen.width,
            height: seen.height,
            ..Track::new(0, TrackType::Attachment)
        });
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

    /// Texts of QuickTime and 3GPP, directly in `udta`.
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
            // As long as the box is, then; some writers leave the numbers out.
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
            let _language = language(code);
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
    boxes_in(fields.rest()).map(|(_, name)| String::from_utf8_lossy(name).into_owned()).collect()
}

fn value(bytes: &[u8], data_type: u32, form: Form) -> Option<String> {
    let mut fields = Fields::new(bytes);
    match form {
        Form::Byte => return Some(fields.u8()?.to_string()),
        Form::LastByte => return Some(bytes.get(3)?.to_string()),
        Form::Pair => {
            fields.u16()?;
            let number = fields.u16()?.cast_signed();
            let of = fields.u16().unwrap_or(0).cast_signed();
            return Some(if of == 0 { format!("{number}") } else { format!("{number}/{of}") });
        }
        Form::Genre => {
            let number = usize::from(*bytes.get(1)?);
            return GENRES.get(number.checked_sub(1)?).map(|&genre| genre.to_owned());
        }
        Form::Text | Form::Raw => {}
    }
    match data_type {
        21 => {
            let size = u8::try_from(bytes.len()).ok().filter(|&size| size <= 4)?;
            let number = fields.sized(size)?;
            let unused = 64 - 8 * u32::from(size).min(7);
            let signed = (number << unused).cast_signed() >> unused;
            Some(if size == 0 { "0".into() } else { signed.to_string() })
        }
        22 => {
            let size = u8::try_from(bytes.len()).ok().filter(|&size| size <= 4)?;
            Some(fields.sized(size)?.to_string())
        }
        23 => Some(format!("{:.6}", f32::from_bits(fields.u32()?))),
        0 | 3 => Some(macintosh(bytes)),
        1 | 4 => Some(String::from_utf8_lossy(bytes).into_owned()),
        _ => None,
    }
}

/// What texts are called, and how they are stored.
fn named(kind: &Kind) -> Option<(&'static str, Form)> {
    use Form::{Byte, Genre, LastByte, Pair, Raw, Text};
    Some(match kind {
        b"@PRM" => ("premiere_version", Raw),
        b"@PRQ" => ("quicktime_version", Raw),
        b"FIRM" => ("firmware", Raw),
        b"aART" => ("album_artist", Text),
        b"akID" => ("account_type", Byte),
        b"apID" => ("account_id", Text),
        b"catg" => ("category", Text),
        b"cpil" => ("compilation", Byte),
        b"cprt" => ("copyright", Text),
        b"desc" => ("description", Text),
        b"disk" => ("disc", Pair),
        b"egid" => ("episode_uid", Byte),
        b"gnre" => ("genre", Genre),
        b"hdvd" => ("hd_video", Byte),
        b"keyw" => ("keywords", Text),
        b"ldes" => ("synopsis", Text),
        b"manu" => ("make", Text),
        b"modl" => ("model", Text),
        b"pcst" => ("podcast", Byte),
        b"pgap" => ("gapless_playback", Byte),
        b"purd" => ("purchase_date", Text),
        b"rtng" => ("rating", Byte),
        b"soaa" => ("sort_album_artist", Text),
        b"soal" => ("sort_album", Text),
        b"soar" => ("sort_artist", Text),
        b"soco" => ("sort_composer", Text),
        b"sonm" => ("sort_name", Text),
        b"sosn" => ("sort_show", Text),
        b"stik" => ("media_type", Byte),
        b"trkn" => ("track", Pair),
        b"tven" => ("episode_id", Text),
        b"tves" => ("episode_sort", LastByte),
        b"tvnn" => ("network", Text),
        b"tvsh" => ("show", Text),
        b"tvsn" => ("season_number", LastByte),
        [0xa9, rest @ ..] => (copyright_sign(rest)?, Text),
        _ => return None,
    })
}

/// The names after a © sign.
fn copyright_sign(name: &[u8; 3]) -> Option<&'static str> {
    Some(match name {
        b"ART" | b"aut" => "artist",
        b"PRD" | b"prd" => "producer",
        b"alb" => "album",
        b"chp" => "chapter",
        b"cmt" | b"inf" => "comment",
        b"com" | b"wrt" => "composer",
        b"cpy" => "copyright",
        b"day" => "date",
        b"dir" => "director",
        b"dis" => "disclaimer",
        b"ed1" => "edit_date",
        b"enc" | b"swr" | b"too" => "encoder",
        b"fmt" => "original_format",
        b"gen" => "genre",
        b"grp" => "grouping",
        b"hst" => "host_computer",
        b"lyr" => "lyrics",
        b"mak" => "make",
        b"mod" => "model",
        b"nam" => "title",
        b"ope" => "original_artist",
        b"prf" => "performers",
        b"req" => "playback_requirements",
        b"src" => "original_source",
        b"st3" => "subtitle",
        b"trk" => "track",
        b"url" => "url",
        b"wrn" => "warning",
        b"xyz" => "location",
        _ => return None,
    })
}

/// A place as 3GPP TS 26.244 has it, as ISO 6709 would write it.
fn location(loci: &[u8]) -> Option<String> {
    let mut fields = Fields::new(loci);
    fields.take(6)?;
    let place = String::from_utf8_lossy(fields.text()).into_owned();
    let _role = fields.u8()?;
    let mut degrees = || Some(f64::from(fields.i32()?) / 65_536.0);
    let (longitude, latitude, altitude) = (degrees()?, degrees()?, degrees()?);
    let altitude = if altitude == 0.0 { String::new() } else { format!("{altitude:+.6}") };
    Some(format!("{latitude:+08.4}{longitude:+09.4}{altitude}/{place}"))
}

/// Text in the Macintosh's encoding.
fn macintosh(bytes: &[u8]) -> String {
    const UPPER: &str = "ÄÅÇÉÑÖÜáàâäãåçéèêëíìîïñóòôöõúùûü†°¢£§•¶ß®©™´¨≠ÆØ∞±≤≥¥µ∂∑∏π∫ªºΩæø¿¡¬√ƒ≈∆«»…\u{a0}ÀÃÕŒœ–—“”‘’÷◊ÿŸ⁄€‹›ﬁﬂ‡·‚„‰ÂÊÁËÈÍÎÏÌÓÔ\u{f8ff}ÒÚÛÙıˆ˜¯˘˙˚¸˝˛ˇ";
    let upper: Vec<char> = UPPER.chars().collect();
    let decode = |&byte: &u8| match byte.checked_sub(0x80) {
        None => char::from(byte),
        Some(index) => upper.get(usize::from(index)).copied().unwrap_or('\u{fffd}'),
    };
    bytes.iter().map(decode).collect()
}

/// The genres of ID3v1 and Winamp.
const GENRES: &[&str] = &[
    "Blues",
    "Classic Rock",
    "Country",
    "Dance",
    "Disco",
    "Funk",
    "Grunge",
    "Hip-Hop",
    "Jazz",
    "Metal",
    "New Age",
    "Oldies",
    "Other",
    "Pop",
    "R&B",
    "Rap",
    "Reggae",
    "Rock",
    "Techno",
    "Industrial",
    "Alternative",
    "Ska",
    "Death Metal",
    "Pranks",
    "Soundtrack",
    "Euro-Techno",
    "Ambient",
    "Trip-Hop",
    "Vocal",
    "Jazz+Funk",
    "Fusion",
    "Trance",
    "Classical",
    "Instrumental",
    "Acid",
    "House",
    "Game",
    "Sound Clip",
    "Gospel",
    "Noise",
    "AlternRock",
    "Bass",
    "Soul",
    "Punk",
    "Space",
    "Meditative",
    "Instrumental Pop",
    "Instrumental Rock",
    "Ethnic",
    "Gothic",
    "Darkwave",
    "Techno-Industrial",
    "Electronic",
    "Pop-Folk",
    "Eurodance",
    "Dream",
    "Southern Rock",
    "Comedy",
    "Cult",
    "Gangsta",
    "Top 40",
    "Christian Rap",
    "Pop/Funk",
    "Jungle",
    "Native American",
    "Cabaret",
    "New Wave",
    "Psychadelic",
    "Rave",
    "Showtunes",
    "Trailer",
    "Lo-Fi",
    "Tribal",
    "Acid Punk",
    "Acid Jazz",
    "Polka",
    "Retro",
    "Musical",
    "Rock & Roll",
    "Hard Rock",
    "Folk",
    "Folk-Rock",
    "National Folk",
    "Swing",
    "Fast Fusion",
    "Bebob",
    "Latin",
    "Revival",
    "Celtic",
    "Bluegrass",
    "Avantgarde",
    "Gothic Rock",
    "Progressive Rock",
    "Psychedelic Rock",
    "Symphonic Rock",
    "Slow Rock",
    "Big Band",
    "Chorus",
    "Easy Listening",
    "Acoustic",
    "Humour",
    "Speech",
    "Chanson",
    "Opera",
    "Chamber Music",
    "Sonata",
    "Symphony",
    "Booty Bass",
    "Primus",
    "Porn Groove",
    "Satire",
    "Slow Jam",
    "Club",
    "Tango",
    "Samba",
    "Folklore",
    "Ballad",
    "Power Ballad",
    "Rhythmic Soul",
    "Freestyle",
    "Duet",
    "Punk Rock",
    "Drum Solo",
    "A capella",
    "Euro-House",
    "Dance Hall",
    "Goa",
    "Drum & Bass",
    "Club-House",
    "Hardcore",
    "Terror",
    "Indie",
    "BritPop",
    "Negerpunk",
    "Polsk Punk",
    "Beat",
    "Christian Gangsta",
    "Heavy Metal",
    "Black Metal",
    "Crossover",
    "Contemporary Christian",
    "Christian Rock",
    "Merengue",
    "Salsa",
    "Thrash Metal",
    "Anime",
    "JPop",
    "SynthPop",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_texts_and_numbers() {
        assert_eq!(value(b"\xff\xfe", 21, Form::Text).as_deref(), Some("-2"));
        assert_eq!(value(b"\x01\x00", 22, Form::Text).as_deref(), Some("256"));
        assert_eq!(value(b"\0\0\0\x03\0\x0c\0\0", 0, Form::Pair).as_deref(), Some("3/12"));
        assert_eq!(value(b"\0\x12", 0, Form::Genre).as_deref(), Some("Rock"));
        assert_eq!(value(b"\x8a", 0, Form::Text).as_deref(), Some("ä"));
        assert_eq!(value(b"\0a", 2, Form::Text), None);
        assert_eq!(value(b"", 21, Form::Text).as_deref(), Some("0"));
        assert_eq!(macintosh(&(0x80..=0xff).collect::<Vec<u8>>()).chars().count(), 128);
    }

    #[test]
    fn a_place_is_written_as_iso_6709_does() {
        let mut loci = vec![0; 6];
        loci.extend(b"Home\0\x01");
        for number in [(-73.5_f64 * 65_536.0) as i32, 45 << 16, 0] {
            loci.extend(number.to_be_bytes());
        }
        assert_eq!(location(&loci).as_deref(), Some("+45.0000-073.5000/Home"));
    }
}
