//! Decodes text in the encodings that files use. Invalid bytes become replacement characters.

use std::borrow::Cow;

/// Decodes ISO 8859-1, in which every byte is a character.
pub fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char::from(byte)).collect()
}

/// Decodes UTF-8 if it is valid, and otherwise ISO 8859-1, which most older programs wrote.
pub fn utf8_or_latin1(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => latin1(bytes).into(),
    }
}

/// Decodes UTF-16 or UTF-8 according to the byte order mark. Without one, it is UTF-8, or UTF-16
/// if every other byte at the beginning is zero, as in XML.
pub fn by_mark(bytes: &[u8]) -> Cow<'_, str> {
    match bytes {
        [0xfe, 0xff, text @ ..] => utf16(text, u16::from_be_bytes).into(),
        [0xff, 0xfe, text @ ..] => utf16(text, u16::from_le_bytes).into(),
        [0xef, 0xbb, 0xbf, text @ ..] => String::from_utf8_lossy(text),
        [1..=255, 0, 1..=255, 0, ..] => utf16(bytes, u16::from_le_bytes).into(),
        [0, 1..=255, 0, 1..=255, ..] => utf16(bytes, u16::from_be_bytes).into(),
        _ => String::from_utf8_lossy(bytes),
    }
}

/// Decodes UTF-16 with this byte order, up to a zero.
pub fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    let units: Vec<u16> = units.take_while(|&unit| unit != 0).collect();
    String::from_utf16_lossy(&units)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn byte_order_marks_determine_the_encoding() {
        assert_eq!(by_mark(b"\xfe\xff\0a\x20\xac\0\0\0b"), "a€");
        assert_eq!(by_mark(b"\xff\xfea\0\xac\x20\xac"), "a€");
        assert_eq!(by_mark(b"\xef\xbb\xbfa"), "a");
        assert_eq!(by_mark(b"a\xff"), "a\u{fffd}");
        assert_eq!(utf8_or_latin1(b"\xe9t\xe9"), "été");
        assert_eq!(utf8_or_latin1("été".as_bytes()), "été");
    }
}
