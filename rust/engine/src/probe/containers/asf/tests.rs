//! Tests of the ASF parser with files built here.

use super::*;
use crate::probe::containers::testing;
use crate::probe::model::Media;

fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
}

fn object(guid: Guid, body: &[u8]) -> Vec<u8> {
    [&guid[..], &(body.len() as u64 + 24).to_le_bytes(), body].concat()
}

/// Two seconds after a preroll of one, in packets of 100 bytes.
fn file_properties(length: u64, flags: u32) -> Vec<u8> {
    let mut body = vec![0; 16];
    for number in [length, 0, 0, 30_000_000, 0, 1000] {
        body.extend(u64::to_le_bytes(number));
    }
    for number in [flags, 100, 100, 0] {
        body.extend(u32::to_le_bytes(number));
    }
    // The preroll comes behind the play and send durations.
    object(FILE, &body)
}

fn stream(kind: Guid, number: u16, format: &[u8]) -> Vec<u8> {
    let mut body = [&kind[..], &[0; 24]].concat();
    body.extend((format.len() as u32).to_le_bytes());
    body.extend([0; 4]);
    body.extend(number.to_le_bytes());
    body.extend([0; 4]);
    body.extend(format);
    object(STREAM, &body)
}

/// WMA of version 2: stereo, 44.1 kHz, 128 kbit/s.
fn audio() -> Vec<u8> {
    let mut format = vec![0x61, 1, 2, 0];
    for number in [44_100_u32, 16_000] {
        format.extend(number.to_le_bytes());
    }
    format.extend([0xa0, 0x0b, 16, 0, 4, 0, 0, 0, 0, 0]);
    format
}

fn video(code: &[u8; 4]) -> Vec<u8> {
    let mut format = vec![0; 9];
    format.extend([40, 0]);
    for number in [40_u32, 640, 360] {
        format.extend(number.to_le_bytes());
    }
    format.extend([1, 0, 24, 0]);
    format.extend(code);
    format.resize(51, 0);
    format
}

fn extended(number: u16, language: u16, frame_time: u64, inner: &[u8]) -> Vec<u8> {
    let mut body = vec![0; 16];
    body.extend(200_000_u32.to_le_bytes());
    body.resize(48, 0);
    body.extend(number.to_le_bytes());
    body.extend(language.to_le_bytes());
    body.extend(frame_time.to_le_bytes());
    body.extend([0; 4]);
    body.extend(inner);
    object(EXTENDED_STREAM, &body)
}

fn extension(objects: &[Vec<u8>]) -> Vec<u8> {
    let objects = objects.concat();
    let size = (objects.len() as u32).to_le_bytes();
    object(EXTENSION, &[&[0; 18][..], &size, &objects].concat())
}

fn languages(names: &[&str]) -> Vec<u8> {
    let mut body = (names.len() as u16).to_le_bytes().to_vec();
    for name in names {
        let name = wide(name);
        body.push(name.len() as u8);
        body.extend(name);
    }
    object(LANGUAGES, &body)
}

fn value(name: &str, kind: u16, value: &[u8]) -> Vec<u8> {
    let name = wide(name);
    let mut bytes = (name.len() as u16).to_le_bytes().to_vec();
    bytes.extend(name);
    bytes.extend(kind.to_le_bytes());
    bytes.extend((value.len() as u16).to_le_bytes());
    bytes.extend(value);
    bytes
}

fn values(all: &[Vec<u8>]) -> Vec<u8> {
    let count = (all.len() as u16).to_le_bytes();
    object(EXTENDED_DESCRIPTION, &[&count[..], &all.concat()].concat())
}

fn description(title: &str, author: &str) -> Vec<u8> {
    let texts = [wide(title), wide(author)];
    let mut body: Vec<u8> =
        texts.iter().flat_map(|text| (text.len() as u16).to_le_bytes()).collect();
    body.extend([0; 6]);
    body.extend(texts.concat());
    object(DESCRIPTION, &body)
}

/// A file with these objects and so many packets, each with one video payload.
fn file(objects: &[Vec<u8>], packets: u32) -> Vec<u8> {
    let objects = objects.concat();
    let mut data = b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c".to_vec();
    data.extend((objects.len() as u64 + 30).to_le_bytes());
    data.extend([0; 6]);
    data.extend(objects);
    let mut body = vec![0; 26];
    for packet in 0..packets {
        let time = (packet * 1001 / 30 + 1000).to_le_bytes();
        let mut bytes = vec![0x82, 0, 0, 0x08, 0x5d, 60, 0, 0, 0, 0, 0, 0];
        bytes.extend([0x81, 0, 0, 0, 0, 0, 8, 12, 0, 0, 0]);
        bytes.extend(time);
        bytes.resize(100, 0);
        body.extend(bytes);
    }
    data.extend(object(DATA, &body));
    data
}

fn probe(data: &[u8]) -> Media {
    testing::probe(data, "wmv").unwrap()
}

#[test]
fn objects_contain_all_properties() {
    let embedded = stream(VIDEO_STREAM, 1, &video(b"WMV3"));
    let data = file(
        &[
            file_properties(0, 0),
            extension(&[
                languages(&["en-us", "de-de"]),
                extended(1, 0, 333_667, &embedded),
                extended(2, 1, 0, &[]),
            ]),
            stream(AUDIO_STREAM, 2, &audio()),
            description("Größe", "Author"),
            values(&[
                value("WM/AlbumTitle", 0, &wide("Album")),
                value("WM/TrackNumber", 3, &7_u32.to_le_bytes()),
                value("IsVBR", 2, &[1, 0, 0, 0]),
                value("WM/UniqueFileIdentifier", 1, b"bytes"),
            ]),
        ],
        3,
    );
    let media = probe(&data);
    let [picture, sound] = &media.tracks[..] else { panic!("{:?}", media.tracks) };
    assert_eq!((picture.codec.as_deref(), picture.width), (Some("wmv3"), Some(640)));
    assert_eq!(
        (picture.frame_rate.as_deref(), picture.language.as_str()),
        (Some("30000/1001"), "eng")
    );
    assert_eq!(picture.bit_rate, Some(200_000));
    assert_eq!((sound.codec.as_deref(), sound.channels), (Some("wmav2"), Some(2)));
    assert_eq!((sound.bit_rate, sound.language.as_str()), (Some(128_000), "ger"));
    assert_eq!((media.duration_seconds, sound.duration_seconds), (Some(2.0), Some(2.0)));
    let tags: Vec<_> = media.tags.iter().map(|(name, text)| (&**name, &**text)).collect();
    let expected = [
        ("album", "Album"),
        ("artist", "Author"),
        ("isvbr", "1"),
        ("title", "Größe"),
        ("track", "7"),
    ];
    assert_eq!(tags, expected);
    assert!(media.warnings.is_empty() && media.unsure.is_empty());
}

#[test]
fn without_extended_properties_the_times_of_packets_give_the_frame_rate() {
    let objects = [file_properties(0, 0), stream(VIDEO_STREAM, 1, &video(b"WMV2"))];
    let media = probe(&file(&objects, 60));
    assert_eq!(media.tracks[0].frame_rate.as_deref(), Some("30000/1001"));
}

#[test]
fn usual_rates_are_recognised_in_rounded_times() {
    for (time, rate) in [
        (666_667, "15/1"),
        (417_083, "24000/1001"),
        (416_667, "24/1"),
        (400_000, "25/1"),
        (83_333, "120/1"),
        (769_231, "10000000/769231"),
    ] {
        assert_eq!(rate_of(time).as_deref(), Some(rate));
    }
}

#[test]
fn pictures_become_attachments_in_the_order_of_the_file() {
    let mut cover = vec![3, 32, 0, 0, 0];
    cover.extend(wide("image/png"));
    cover.extend(wide("front"));
    cover.extend(b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x02\0\0\0\x01\0");
    cover.resize(60_000, 0);
    let data = file(
        &[
            file_properties(0, 0),
            values(&[value("WM/Picture", 1, &cover), value("WM/Genre", 0, &wide("Rock"))]),
            stream(AUDIO_STREAM, 1, &audio()),
        ],
        1,
    );
    let media = probe(&data);
    assert_eq!(media.tracks[0].track_type, TrackType::Attachment);
    assert_eq!((media.tracks[0].width, media.tracks[0].height), (Some(512), Some(256)));
    assert_eq!(media.tracks[1].codec.as_deref(), Some("wmav2"));
    assert_eq!(media.tags["genre"], "Rock");
}

#[test]
fn markers_become_chapters() {
    let mut body = vec![0; 16];
    body.extend([2, 0, 0, 0, 0, 0, 0, 0]);
    for (start, name) in [(10_000_000_u64, "One"), (20_000_000, "Two")] {
        body.extend([0; 8]);
        body.extend(start.to_le_bytes());
        body.extend([0; 10]);
        let name = wide(name);
        body.extend((name.len() as u32 / 2).to_le_bytes());
        body.extend(name);
    }
    let objects =
        [file_properties(0, 0), stream(AUDIO_STREAM, 1, &audio()), object(MARKERS, &body)];
    let chapters = probe(&file(&objects, 1)).chapters;
    let found: Vec<_> = chapters
        .iter()
        .map(|one| (one.start_seconds, one.end_seconds, one.title.as_deref()))
        .collect();
    assert_eq!(found, [(0.0, Some(1.0), Some("One")), (1.0, Some(2.0), Some("Two"))]);
}

#[test]
fn a_file_that_is_cut_off_gets_a_warning() {
    let objects = |length| [file_properties(length, 0), stream(AUDIO_STREAM, 1, &audio())];
    let whole = file(&objects(0), 5);
    assert!(probe(&whole).warnings.is_empty());
    assert_eq!(probe(&whole[..whole.len() - 1]).warnings, ["the file is cut off"]);
    let header = whole.len() - 5 * 100 - 50;
    let expected = "the file ends before its sound or pictures begin";
    assert_eq!(probe(&whole[..header]).warnings, [expected]);
    let longer = file(&objects(1 << 40), 5);
    assert_eq!(probe(&longer).warnings, ["the file is cut off"]);
}

#[test]
fn the_duration_of_a_broadcast_is_not_in_its_header() {
    let objects = [file_properties(0, 1), stream(AUDIO_STREAM, 1, &audio())];
    let media = probe(&file(&objects, 1));
    assert_eq!((media.duration_seconds, media.unsure.len()), (None, 1));
}

#[test]
fn protected_content_gets_a_warning() {
    let objects = [
        file_properties(0, 0),
        stream(AUDIO_STREAM, 1, &audio()),
        object(EXTENDED_ENCRYPTION, &[0; 8]),
    ];
    assert_eq!(probe(&file(&objects, 1)).warnings, ["the content is protected (DRM)"]);
}

#[test]
fn damage_does_not_cause_a_panic() {
    let objects = [
        file_properties(0, 0),
        extension(&[languages(&["en-us"]), extended(1, 0, 0, &[])]),
        stream(VIDEO_STREAM, 1, &video(b"H264")),
        description("T", "A"),
        values(&[value("WM/Picture", 1, b"\x03\0\0\0\0i\0\0\0")]),
    ];
    testing::damage(&file(&objects, 2), "wmv");
}
