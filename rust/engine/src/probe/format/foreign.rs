//! Recognises content that is certainly not media: web pages that a failed download left,
//! archives, documents, programs. ffprobe would find nothing in it either, and take much longer.
//!
//! Text is different: ffprobe reads many formats of subtitles and playlists. So only text whose
//! first characters leave no doubt is recognised here.

use std::borrow::Cow;

use crate::probe::text;

const WEB_PAGE: &str = "the content is a web page, not media: probably a download that failed; \
                        download the file again";
const XML_ERROR: &str = "the content is a server's error message in XML, not media: the download \
                         failed; download the file again";
const FEED: &str = "the content is a news feed, not media: download what it names";
const JSON: &str = "the content is JSON, not media: probably a server's answer to a download that \
                    failed; download the file again";
const LINE: &str = "the content is a line of text, not media: probably a server's answer to a \
                    download that failed; download the file again";
const SCRIPT: &str = "the content is a script, not media: correct the name of the file";
const TORRENT: &str = "the content is a torrent, not media: open it in a BitTorrent client";
const WINDOWS_PROGRAM: &str = "the content is a program for Windows, not media: do not open the \
                               file unless you know where it comes from";
const PROGRAM: &str = "the content is a program, not media: do not open the file unless you know \
                       where it comes from";
const TAR: &str = "the content is a tar archive, not media: unpack it";

/// The first bytes of formats, and what to report.
const SIGNATURES: &[(&[u8], &str)] = &[
    (b"PK\x03\x04", "the content is a ZIP archive, not media: unpack it"),
    (b"PK\x05\x06\0\0\0\0", "the content is an empty ZIP archive, not media"),
    (b"PK\x07\x08PK\x03\x04", "the content is a ZIP archive, not media: unpack it"),
    (b"Rar!\x1a\x07\0", "the content is a RAR archive, not media: unpack it"),
    (b"Rar!\x1a\x07\x01\0", "the content is a RAR archive, not media: unpack it"),
    (b"7z\xbc\xaf\x27\x1c", "the content is a 7z archive, not media: unpack it"),
    (b"\xfd7zXZ\0", "the content is compressed with xz: unpack it"),
    (b"\x28\xb5\x2f\xfd", "the content is compressed with Zstandard: unpack it"),
    (b"%PDF-", "the content is a PDF document, not media: correct the name of the file"),
    (b"\x7fELF\x01\x01\x01", PROGRAM),
    (b"\x7fELF\x02\x01\x01", PROGRAM),
    (b"\xcf\xfa\xed\xfe\x07\0\0\x01", PROGRAM),
    (b"\xcf\xfa\xed\xfe\x0c\0\0\x01", PROGRAM),
    (b"#!/", SCRIPT),
    (b"#! /", SCRIPT),
    (b"d8:announce", TORRENT),
    (b"d13:announce-list", TORRENT),
    (
        b"version https://git-lfs.github.com/spec/",
        "the content is a pointer of Git LFS, not media: fetch the media with `git lfs pull`",
    ),
    (
        b"/annex/objects/",
        "the content is a pointer of git-annex, not media: fetch the media with `git annex get`",
    ),
    (
        b"\0\x05\x16\x07\0\x02\0\0",
        "the content is AppleDouble, which macOS writes beside a file, not media: the media are \
         in the file whose name lacks the `._`",
    ),
];

/// What the content is, if it is certainly not media, and what to do. `head` is the beginning of
/// a file of `length` bytes in no known format.
pub fn find(head: &[u8], length: u64) -> Option<&'static str> {
    let by_signature = SIGNATURES.iter().find(|(signature, _)| head.starts_with(signature));
    by_signature.map(|&(_, report)| report).or_else(|| by_fields(head)).or_else(|| {
        let text = plain_text(head)?;
        by_markup(&text)
            .or_else(|| is_json(&text).then_some(JSON))
            .or_else(|| (length <= LONGEST_LINE && is_line(&text)).then_some(LINE))
    })
}

/// Formats whose signatures are too short to be enough.
fn by_fields(head: &[u8]) -> Option<&'static str> {
    // RFC 1952: deflate is the only method, and three flags are reserved.
    if head.starts_with(b"\x1f\x8b\x08") && head.get(3).is_some_and(|flags| flags & 0xe0 == 0) {
        return Some("the content is compressed with gzip: unpack it");
    }
    if head.starts_with(b"BZh") && head.get(4..10) == Some(b"1AY&SY") {
        return Some("the content is compressed with bzip2: unpack it");
    }
    if head.starts_with(b"MZ") {
        let place: [u8; 4] = head.get(0x3c..0x40)?.try_into().ok()?;
        let header = head.get(usize::try_from(u32::from_le_bytes(place)).ok()?..)?;
        return header.starts_with(b"PE\0\0").then_some(WINDOWS_PROGRAM);
    }
    if head.first() == Some(&b'd') && head.get(1).is_some_and(u8::is_ascii_digit) {
        return head.windows(7).any(|key| key == b"4:infod").then_some(TORRENT);
    }
    // POSIX, and GNU's own form.
    let magic = head.get(257..265)?;
    (magic == b"ustar\x0000" || magic == b"ustar  \0").then_some(TAR)
}

/// The text, if `head` is the beginning of one. Media contain control characters.
fn plain_text(head: &[u8]) -> Option<Cow<'_, str>> {
    let text = text::by_mark(head);
    let is_text = !text.is_empty()
        && text.chars().all(|c| !c.is_control() || matches!(c, '\t' | '\n' | '\r' | '\x0c'));
    is_text.then_some(text)
}

/// What a text in HTML or XML is, by its first element.
fn by_markup(text: &str) -> Option<&'static str> {
    let mut rest = text.trim_start();
    for _ in 0..MOST_PROLOGUES {
        let end = match rest {
            _ if rest.starts_with("<!--") => "-->",
            _ if rest.starts_with("<?xml") => "?>",
            _ => break,
        };
        rest = rest.split_once(end)?.1.trim_start();
    }
    let element = rest.strip_prefix('<')?;
    let name = element.split(|c: char| !c.is_ascii_alphanumeric() && c != '!').next()?;
    if name.eq_ignore_ascii_case("!doctype") {
        let root = element[name.len()..].split_whitespace().next()?;
        let root = root.split('>').next()?;
        return root.eq_ignore_ascii_case("html").then_some(WEB_PAGE);
    }
    match name {
        "Error" => Some(XML_ERROR),
        "rss" | "feed" => Some(FEED),
        _ => name.eq_ignore_ascii_case("html").then_some(WEB_PAGE),
    }
}

/// So many comments and declarations may come before the first element.
const MOST_PROLOGUES: usize = 8;

/// Whether the text is JSON: an object whose first name is a string, or a list of such. ffprobe
/// reads the subtitles of TED, which are JSON.
fn is_json(text: &str) -> bool {
    let text = text.trim_start();
    let object = text.strip_prefix('[').map_or(text, str::trim_start);
    let name = object.strip_prefix('{').and_then(|rest| rest.trim_start().strip_prefix('"'));
    let after_name = name.and_then(|rest| rest.split_once('"'));
    after_name.is_some_and(|(_, rest)| rest.trim_start().starts_with(':'))
        && !text.contains("\"captions\"")
}

/// A longer file may be media whose header is text.
const LONGEST_LINE: u64 = 1024;

/// Whether the text is one line that begins with a word, or with an HTTP status and a word, such
/// as `404: Not Found`. Subtitles begin with numbers or brackets, and headers of media with words
/// that contain digits.
fn is_line(text: &str) -> bool {
    let line = text.trim();
    let digits = line.len() - line.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let status = digits == 3 && line.starts_with(['4', '5']);
    let words = if status { line[3..].trim_start_matches([':', ' ']) } else { line };
    let (first, rest) = words.split_once(' ').unwrap_or((words, ""));
    let first = first.trim_end_matches([',', ':', '.']);
    !line.contains(['\n', '\r'])
        && first.len() > 1
        && first.chars().all(|c| c.is_ascii_alphabetic())
        && !rest.is_empty()
        && !matches!(first, "WEBVTT" | "ffconcat")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(content: &[u8]) -> &'static str {
        find(content, content.len() as u64).unwrap_or("")
    }

    #[test]
    fn web_pages_are_recognised_whatever_comes_before_the_first_element() {
        for page in [
            "<!DOCTYPE html>\n<html>",
            "<!doctype HTML PUBLIC \"-//W3C//DTD HTML 4.01//EN\">",
            "\u{feff}\r\n <html lang=\"en\">",
            "<HTML><HEAD><TITLE>404</TITLE>",
            "<!-- a --><!-- b -->\n<html>",
            "<?xml version=\"1.0\"?><!DOCTYPE html PUBLIC \"x\"><html>",
        ] {
            assert_eq!(found(page.as_bytes()), WEB_PAGE, "{page}");
        }
        let utf_16 = "<html><body>".encode_utf16().flat_map(u16::to_le_bytes);
        assert_eq!(found(&[vec![0xff, 0xfe], utf_16.collect()].concat()), WEB_PAGE);
    }

    #[test]
    fn answers_of_servers_are_recognised() {
        for (answer, report) in [
            ("<?xml version=\"1.0\"?>\n<Error><Code>NoSuchKey</Code></Error>", XML_ERROR),
            ("{\"error\": \"not found\"}", JSON),
            (" [ { \"a\" : 1 } ]", JSON),
            ("404: Not Found", LINE),
            ("Access denied.\n", LINE),
            ("error code: 1020", LINE),
        ] {
            assert_eq!(found(answer.as_bytes()), report, "{answer}");
        }
    }

    #[test]
    fn archives_and_programs_are_recognised() {
        let mut tar = vec![0; 512];
        tar[257..265].copy_from_slice(b"ustar\x0000");
        let mut program = vec![0; 0x90];
        program[..2].copy_from_slice(b"MZ");
        program[0x3c] = 0x80;
        program[0x80..0x84].copy_from_slice(b"PE\0\0");
        assert_eq!((found(&tar), found(&program)), (TAR, WINDOWS_PROGRAM));
        program[0x3c] = 0xff;
        assert_eq!(found(&program), "");
        assert_eq!(found(b"d7:comment1:a4:infod6:lengthi1eee"), TORRENT);
        assert!(found(b"\x1f\x8b\x08\0\0\0\0\0\0\x03").contains("gzip"));
        assert_eq!(found(b"\x1f\x8b\x08\xe0\0\0\0\0\0\x03"), "");
        assert!(found(b"BZh91AY&SY\0\0").contains("bzip2"));
        assert_eq!(found(b"BZh is the beginning\x01"), "");
    }

    #[test]
    fn what_ffprobe_may_read_is_left_to_it() {
        for content in [
            "#EXTM3U\n#EXTINF:10,\na.ts\n",
            "<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\">",
            "<?xml version=\"1.0\"?><smil><body/></smil>",
            "<SAMI><HEAD></HEAD>",
            "<window type=\"generic\">",
            "<tt xmlns=\"http://www.w3.org/ns/ttml\">",
            "<?xml version=\"1.0\"?><!DOCTYPE svg PUBLIC \"x\"><svg>",
            "<!-- <html> --><svg>",
            "<htmlish>",
            "<!-- a comment without an end <html>",
            "{1}{1}25.000",
            "{\"captions\":[{\"duration\":1}]}",
            "[00:12.00]A line",
            "[0][20]A line",
            "[Script Info]\nTitle: a",
            "1\n00:00:01,000 --> 00:00:02,000\nA line\n",
            "00:00:01:A line",
            "WEBVTT - a title",
            "ffconcat version 1.0",
            "P3 1 1 255 1 2 3",
            "YUV4MPEG2 W1 H1",
            "Two lines\nof text",
            "oneword",
            "",
            "d is a letter",
            "MZ",
            "Access denied\x01",
        ] {
            assert_eq!(found(content.as_bytes()), "", "{content}");
        }
        assert_eq!(find(b"Text of a header", 5000), None);
    }
}
