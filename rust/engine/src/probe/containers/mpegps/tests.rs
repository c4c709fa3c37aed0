use crate::probe::containers::pes::tests::{ac3, mpeg2_video, packet, probe, survives};
use crate::probe::model::TrackType;

/// A pack header of MPEG-2.
fn pack() -> Vec<u8> {
    vec![0, 0, 1, 0xba, 0x44, 0, 4, 0, 4, 1, 0, 0, 3, 0xf8]
}

fn private(sub: u8, header: &[u8], data: &[u8]) -> Vec<u8> {
    [&[sub], header, data].concat()
}

/// A second of video and sound.
fn film() -> Vec<u8> {
    let sound = private(0x80, &[1, 0, 1], &ac3());
    let mut data: Vec<u8> = (0..25)
        .flat_map(|frame| {
            let video = packet(0xe0, frame * 3600, &mpeg2_video());
            [pack(), video, pack(), packet(0xbd, frame * 3600, &sound)].concat()
        })
        .collect();
    data.extend([0, 0, 1, 0xb9]);
    data
}

#[test]
fn first_packets_describe_streams_and_the_last_ones_give_the_duration() {
    let media = probe(&film()).unwrap();
    assert_eq!(media.container, "mpeg");
    let [video, sound] = media.tracks.as_slice() else { panic!("{media:?}") };
    assert_eq!(video.codec.as_deref(), Some("mpeg2video"));
    assert_eq!((video.width, video.frame_rate.as_deref()), (Some(720), Some("25/1")));
    assert_eq!((sound.codec.as_deref(), sound.channels), (Some("ac3"), Some(2)));
    assert!((media.duration_seconds.unwrap() - 1.0).abs() < 1e-6, "{media:?}");
}

#[test]
fn private_streams_of_dvds_are_distinguished() {
    let mut navigation = vec![0, 0, 1, 0xbf, 3, 0xd4, 0];
    navigation.resize(6 + 980, 0);
    let lpcm = private(0xa0, &[7, 0, 4], &[0, 0x41, 0x80, 1, 2, 3, 4]);
    let data = [
        pack(),
        navigation,
        packet(0xbd, 0, &private(0x88, &[1, 0, 1], &[0x7f, 0xfe, 0x80, 1])),
        packet(0xbd, 0, &lpcm),
        packet(0xbd, 0, &private(0x21, &[], b"picture")),
        packet(0xc0, 0, &[0; 40]),
        packet(0xbe, 0, b"padding"),
    ];
    let media = probe(&data.concat()).unwrap();
    let codecs: Vec<_> =
        media.tracks.iter().map(|track| track.codec.as_deref().unwrap_or("")).collect();
    assert_eq!(codecs, ["dvd_nav_packet", "dts", "pcm_dvd", "dvd_subtitle", "mp2"]);
    let lpcm = &media.tracks[2];
    assert_eq!(
        (lpcm.channels, lpcm.bit_depth, lpcm.bit_rate),
        (Some(2), Some(20), Some(1_920_000))
    );
    assert_eq!(media.tracks[3].track_type, TrackType::Subtitle);
}

#[test]
fn a_map_of_streams_is_used() {
    let map = [0, 0, 1, 0xbc, 0, 14, 0xe0, 0xff, 0, 0, 0, 4, 0x1b, 0xe0, 0, 0, 0, 0, 0, 0];
    let data = [&pack()[..], &map, &packet(0xe0, 0, &[0; 30])].concat();
    assert_eq!(probe(&data).unwrap().tracks[0].codec.as_deref(), Some("h264"));
}

#[test]
fn raw_video_has_no_times() {
    let media = probe(&mpeg2_video()).unwrap();
    assert_eq!((media.container.as_ref(), media.duration_seconds), ("mpeg", None));
    assert_eq!(media.tracks[0].height, Some(576));
}

#[test]
fn damage_does_not_cause_a_panic() {
    survives(&film()[..3600]);
    survives(&mpeg2_video());
}
