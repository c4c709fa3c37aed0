use super::{by_times, fraction};
use crate::probe::containers::pes::tests::{probe, survives};

fn tag(kind: u8, time: u32, data: &[u8]) -> Vec<u8> {
    let [high, x, y, z] = time.to_be_bytes();
    let [_, a, b, c] = (data.len() as u32).to_be_bytes();
    let mut tag = vec![kind, a, b, c, x, y, z, high, 0, 0, 0];
    tag.extend(data);
    let length = tag.len() as u32;
    tag.extend(length.to_be_bytes());
    tag
}

fn file(flags: u8, tags: &[Vec<u8>]) -> Vec<u8> {
    let mut file = vec![b'F', b'L', b'V', 1, flags, 0, 0, 0, 9, 0, 0, 0, 0];
    file.extend(tags.concat());
    file
}

fn name(name: &str) -> Vec<u8> {
    [&(name.len() as u16).to_be_bytes(), name.as_bytes()].concat()
}

fn number(key: &str, value: f64) -> Vec<u8> {
    [name(key), vec![0], value.to_be_bytes().to_vec()].concat()
}

fn text(key: &str, value: &str) -> Vec<u8> {
    [name(key), vec![2], name(value)].concat()
}

fn metadata(properties: &[Vec<u8>]) -> Vec<u8> {
    let mut data = vec![2];
    data.extend(name("onMetaData"));
    data.extend([8, 0, 0, 0, 1]);
    data.extend(properties.concat());
    data.extend([0, 0, 9]);
    tag(18, 0, &data)
}

/// Sorenson's H.263, 320 by 240, and MP3.
fn film() -> Vec<u8> {
    let video = |time| tag(9, time, &[0x22, 0, 0, 0x80, 2, 0x80, 0, 0, 0, 0]);
    let sound = tag(8, 0, &[0x2f, 0xff, 0xfb, 0x90, 0x64, 0, 0, 0]);
    let properties = [
        number("duration", 12.5),
        number("framerate", 29.97),
        number("videodatarate", 500.0),
        text("title", "Song"),
    ];
    file(5, &[metadata(&properties), video(0), sound, video(33)])
}

#[test]
fn metadata_and_first_tags_contain_all_properties() {
    let media = probe(&film()).unwrap();
    assert_eq!((media.container.as_ref(), media.duration_seconds), ("flv", Some(12.5)));
    assert_eq!(media.tags.get("title").map(String::as_str), Some("Song"));
    let [video, sound] = media.tracks.as_slice() else { panic!("{media:?}") };
    assert_eq!((video.codec.as_deref(), video.width), (Some("flv1"), Some(320)));
    assert_eq!((video.frame_rate.as_deref(), video.bit_rate), (Some("989/33"), Some(512_000)));
    assert_eq!((sound.codec.as_deref(), sound.sample_rate), (Some("mp3"), Some(44_100)));
}

#[test]
fn without_metadata_the_last_tag_gives_the_duration() {
    let sound = |time| tag(8, time, &[0x72, 1, 2, 3]);
    let media = probe(&file(4, &[sound(0), sound(20), sound(70_000), sound(0)])).unwrap();
    assert_eq!(media.duration_seconds, Some(70.0));
    let [track] = media.tracks.as_slice() else { panic!("{media:?}") };
    assert_eq!((track.codec.as_deref(), track.bit_rate), (Some("pcm_alaw"), Some(64_000)));
}

#[test]
fn newer_codecs_have_a_code() {
    let video = tag(9, 0, b"\x90hvc1");
    let sound = tag(8, 0, b"\x90Opus");
    let media = probe(&file(5, &[video, sound])).unwrap();
    let codecs: Vec<_> = media.tracks.iter().map(|track| track.codec.as_deref()).collect();
    assert_eq!(codecs, [Some("hevc"), Some("opus")]);
}

#[test]
fn rates_are_fractions_of_small_numbers() {
    let fractions =
        [(25.0, "25/1"), (29.97002997, "989/33"), (23.976, "983/41"), (1000.0, "1000/1")];
    for (rate, expected) in fractions {
        assert_eq!(fraction(rate).as_deref(), Some(expected));
    }
    for rate in [0.0, -1.0, f64::NAN, f64::INFINITY, 5000.0] {
        assert_eq!(fraction(rate), None, "{rate}");
    }
    assert_eq!(by_times(None, &[0, 40, 80, 120]).as_deref(), Some("25/1"));
    assert_eq!(by_times(None, &[5, 5]), None);
    let coded = Some("30000/1001".to_owned());
    assert_eq!(by_times(coded.clone(), &[0, 33, 67, 100]), coded);
    assert_eq!(by_times(Some("600/1".into()), &[0, 33, 67, 100]).as_deref(), Some("30/1"));
}

#[test]
fn a_file_that_is_cut_off_has_a_warning() {
    let data = file(5, &[metadata(&[number("filesize", 1e6)]), tag(8, 0, &[0x2f, 0])]);
    assert_eq!(probe(&data).unwrap().warnings, ["the file is cut off"]);
}

#[test]
fn damage_does_not_cause_a_panic() {
    survives(&film());
    let deep = [2, 0, 0].into_iter().chain([3, 0, 1, b'a'].repeat(1000)).collect::<Vec<u8>>();
    survives(&file(5, &[tag(18, 0, &deep[..200])]));
    let without_tracks = probe(&file(5, &[tag(18, 0, &deep)]));
    assert!(matches!(without_tracks, Err(crate::probe::Problem::Damaged(_))));
}
