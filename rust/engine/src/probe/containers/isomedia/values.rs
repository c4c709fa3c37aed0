//! The values of tags: their names, and the forms in which they are stored.

use super::boxes::{Fields, Kind};
use crate::probe::containers::genre;

/// The form in which a value is stored.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A text.
    Text,
    /// A text without a header.
    Raw,
    /// A number in one byte.
    Byte,
    /// A number in the last of four bytes.
    LastByte,
    /// A number and a total.
    Pair,
    /// The number of an ID3 genre, counted from 1.
    Genre,
}

/// The value as text; None if there is no value.
pub fn value(bytes: &[u8], data_type: u32, form: Form) -> Option<String> {
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
            return genre::name(number.checked_sub(1)?).map(str::to_owned);
        }
        Form::Text | Form::Raw => {}
    }
    match data_type {
        21 => Some(signed(bytes).to_string()),
        22 => Some(unsigned(bytes).to_string()),
        23 => Some(format!("{:.6}", f32::from_bits(fields.u32()?))),
        0 | 3 => Some(macintosh(bytes)),
        1 | 4 => Some(String::from_utf8_lossy(bytes).into_owned()),
        _ => None,
    }
}

/// A number of up to four bytes; 0 if it has more.
fn unsigned(bytes: &[u8]) -> u32 {
    let bytes = if bytes.len() > 4 { &[] } else { bytes };
    bytes.iter().fold(0, |number, &byte| number << 8 | u32::from(byte))
}

/// Like [`unsigned`], but the first bit is the sign.
fn signed(bytes: &[u8]) -> i32 {
    let number = unsigned(bytes).cast_signed();
    match bytes.len() {
        1 => i32::from(number as i8),
        2 => i32::from(number as i16),
        3 => number << 8 >> 8,
        _ => number,
    }
}

/// The name of a tag, and the form of its value.
pub fn named(kind: &Kind) -> Option<(&'static str, Form)> {
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

/// The tags whose names begin with a © sign.
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

/// Converts a place in the form of 3GPP TS 26.244 to ISO 6709.
pub fn location(loci: &[u8]) -> Option<String> {
    let mut fields = Fields::new(loci);
    fields.take(6)?;
    let place = String::from_utf8_lossy(fields.text()).into_owned();
    let _role = fields.u8()?;
    let mut degrees = || Some(f64::from(fields.i32()?) / 65_536.0);
    let (longitude, latitude, altitude) = (degrees()?, degrees()?, degrees()?);
    let altitude = if altitude == 0.0 { String::new() } else { format!("{altitude:+.6}") };
    Some(format!("{latitude:+08.4}{longitude:+09.4}{altitude}/{place}"))
}

/// Decodes text in the encoding of the Macintosh.
pub fn macintosh(bytes: &[u8]) -> String {
    const UPPER: &str = "ÄÅÇÉÑÖÜáàâäãåçéèêëíìîïñóòôöõúùûü†°¢£§•¶ß®©™´¨≠ÆØ∞±≤≥¥µ∂∑∏π∫ªºΩæø¿¡¬√ƒ≈∆«»…\u{a0}ÀÃÕŒœ–—“”‘’÷◊ÿŸ⁄€‹›ﬁﬂ‡·‚„‰ÂÊÁËÈÍÎÏÌÓÔ\u{f8ff}ÒÚÛÙıˆ˜¯˘˙˚¸˝˛ˇ";
    let upper: Vec<char> = UPPER.chars().collect();
    let decode = |&byte: &u8| match byte.checked_sub(0x80) {
        None => char::from(byte),
        Some(index) => upper.get(usize::from(index)).copied().unwrap_or('\u{fffd}'),
    };
    bytes.iter().map(decode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_text_and_numbers() {
        assert_eq!(value(b"\xff\xfe", 21, Form::Text).as_deref(), Some("-2"));
        assert_eq!(value(b"\x01\x00", 22, Form::Text).as_deref(), Some("256"));
        assert_eq!(value(b"\0\0\0\x03\0\x0c\0\0", 0, Form::Pair).as_deref(), Some("3/12"));
        assert_eq!(value(b"\0\x12", 0, Form::Genre).as_deref(), Some("Rock"));
        assert_eq!(value(b"\x8a", 0, Form::Text).as_deref(), Some("ä"));
        assert_eq!(value(b"\0a", 2, Form::Text), None);
        assert_eq!(value(b"\xff\xff\xff", 21, Form::Text).as_deref(), Some("-1"));
        assert_eq!(value(b"", 21, Form::Text).as_deref(), Some("0"));
        assert_eq!(value(&[1; 9], 22, Form::Text).as_deref(), Some("0"));
        assert_eq!(macintosh(&(0x80..=0xff).collect::<Vec<u8>>()).chars().count(), 128);
    }

    #[test]
    fn a_place_is_converted_to_iso_6709() {
        let mut loci = vec![0; 6];
        loci.extend(b"Home\0\x01");
        for number in [(-73.5_f64 * 65_536.0) as i32, 45 << 16, 0] {
            loci.extend(number.to_be_bytes());
        }
        assert_eq!(location(&loci).as_deref(), Some("+45.0000-073.5000/Home"));
    }
}
