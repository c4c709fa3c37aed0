use super::tables::crc32;
use crate::probe::Media;
use crate::probe::containers::pes::tests::{ac3, mpeg2_video, packet, probe, survives};
use crate::probe::model::TrackType;

const FIRST: u16 = 0x101;

/// Splits into packets of 188 bytes; the last one is stuffed.
fn packets(pid: u16, data: &[u8]) -> Vec<u8> {
    let mut packets = Vec::new();
    for (index, payload) in data.chunks(184).enumerate() {
        let start = if index == 0 { 0x40 } else { 0 };
        let [high, low] = pid.to_be_bytes();
        let stuffing = 184 - payload.len();
        packets.extend([0x47, start | high, low, if stuffing > 0 { 0x30 } else { 0x10 }]);
        if stuffing > 0 {
            let mut field = vec![0xff; stuffing];
            field[0] = stuffing as u8 - 1;
            if stuffing > 1 {
                field[1] = 0;
            }
            packets.extend(field);
        }
        packets.extend(payload);
    }
    packets
}

fn section(table: u8, number: u16, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u16 + 9).to_be_bytes();
    let mut section = vec![table, 0xb0 | length[0], length[1]];
    section.extend(number.to_be_bytes());
    section.extend([0xc1, 0, 0]);
    section.extend(body);
    let sum = crc32(&section);
    section.extend(sum.to_be_bytes());
    section.insert(0, 0);
    section
}

fn programs(numbers: &[u16]) -> Vec<u8> {
    let entry = |&number: &u16| [number.to_be_bytes(), (0xe0ff + number).to_be_bytes()].concat();
    packets(0, &section(0, 1, &numbers.iter().flat_map(entry).collect::<Vec<_>>()))
}

type Stream<'a> = (u8, u16, &'a [u8]);

fn map(number: u16, info: &[u8], streams: &[Stream<'_>]) -> Vec<u8> {
    let mut body = vec![0xe1, 0x01, 0xf0, info.len() as u8];
    body.extend(info);
    for (stream_type, pid, descriptors) in streams {
        body.push(*stream_type);
        body.extend((0xe000 | pid).to_be_bytes());
        body.extend([0xf0, descriptors.len() as u8]);
        body.extend(*descriptors);
    }
    packets(0xff + number, &section(2, number, &body))
}

/// A file with one program, and these packets after its tables.
fn file(info: &[u8], streams: &[Stream<'_>], rest: &[Vec<u8>]) -> Vec<u8> {
    [programs(&[1]), map(1, info, streams), rest.concat()].concat()
}

/// A second of video and sound.
fn film(start: u64) -> Vec<u8> {
    let frames: Vec<Vec<u8>> = (0..25)
        .flat_map(|frame| {
            let pts = (start + frame * 3600) % (1 << 33);
            let sound = packet(0xbd, pts, &ac3());
            let video = packet(0xe0, pts, &mpeg2_video());
            [packets(FIRST, &video), packets(FIRST + 1, &sound)]
        })
        .collect();
    let streams: [Stream<'_>; 2] = [(0x02, FIRST, b""), (0x81, FIRST + 1, b"\x0a\x04deu\x00")];
    file(b"", &streams, &frames)
}

fn is_film(media: &Media) {
    assert_eq!(media.container, "mpegts");
    let [video, sound] = media.tracks.as_slice() else { panic!("{media:?}") };
    assert_eq!(video.codec.as_deref(), Some("mpeg2video"));
    assert_eq!((video.width, video.height), (Some(720), Some(576)));
    assert_eq!(video.frame_rate.as_deref(), Some("25/1"));
    assert_eq!((sound.codec.as_deref(), sound.channels), (Some("ac3"), Some(2)));
    assert_eq!(sound.language, "ger");
    assert!((media.duration_seconds.unwrap() - 1.0).abs() < 1e-6, "{media:?}");
}

#[test]
fn tables_and_first_packets_describe_streams_and_the_last_ones_give_the_duration() {
    is_film(&probe(&film(900_000)).unwrap());
}

#[test]
fn packets_may_have_a_time_before_or_a_checksum_after_them() {
    let packets = film(900_000);
    let m2ts: Vec<u8> = packets.chunks(188).flat_map(|one| [&[0; 4], one].concat()).collect();
    is_film(&probe(&m2ts).unwrap());
    let with_sums: Vec<u8> = packets.chunks(188).flat_map(|one| [one, &[0; 16]].concat()).collect();
    is_film(&probe(&with_sums).unwrap());
}

#[test]
fn timestamps_start_again_after_26_hours() {
    is_film(&probe(&film((1 << 33) - 45_000)).unwrap());
}

#[test]
fn bytes_between_packets_are_skipped() {
    let packets = film(0);
    let (before, behind) = packets.split_at(188 * 40);
    is_film(&probe(&[before, b"G, what?", behind].concat()).unwrap());
    is_film(&probe(&[b"Gx", packets.as_slice()].concat()).unwrap());
}

#[test]
fn descriptors_describe_private_data_and_its_audience() {
    let streams: [Stream<'_>; 8] = [
        (6, 0x101, b"\x6a\x01\0\x0a\x04deu\x03"),
        (6, 0x102, b"\x56\x05fra\x09\x00"),
        (6, 0x103, b"\x59\x08eng\x24\0\x01\0\x01"),
        (6, 0x104, b"\x7a\x01\0\x7f\x05\x06\x89ita"),
        (6, 0x105, b"\x05\x04Opus\x7f\x02\x80\x06\x0a\x04jpn\x00"),
        (0x24, 0x106, b"\xb0\x05\x01\0\x10\x35\x10"),
        (6, 0x107, b"\x52\x01\x01"),
        (0x15, 0x108, b"\x26\x0d\xff\xffID3 \xffID3 \0\x0f"),
    ];
    let media = probe(&file(b"", &streams, &[vec![]])).unwrap();
    let tracks: Vec<_> = media
        .tracks
        .iter()
        .map(|track| (track.codec.as_deref().unwrap_or(""), track.language.as_str()))
        .collect();
    let expected = [
        ("ac3", "ger"),
        ("dvb_teletext", "fre"),
        ("dvb_subtitle", "eng"),
        ("eac3", "ita"),
        ("opus", "jpn"),
        ("hevc", "und"),
        ("bin_data", "und"),
        ("timed_id3", "und"),
    ];
    assert_eq!(tracks, expected);
    assert!(media.tracks[0].visual_impaired && !media.tracks[0].hearing_impaired);
    assert!(media.tracks[2].hearing_impaired && media.tracks[3].hearing_impaired);
    assert_eq!(media.tracks[4].channel_layout.as_deref(), Some("5.1"));
    assert_eq!(media.tracks[5].dolby_vision_profile.as_deref(), Some("8.1"));
    assert_eq!(media.tracks[2].track_type, TrackType::Subtitle);
}

#[test]
fn blu_rays_have_their_own_stream_types_and_ac3_beside_truehd() {
    let streams: [Stream<'_>; 5] = [
        (0x1b, 0x1011, b""),
        (0x83, 0x1100, b"\x0a\x04eng\x00"),
        (0x86, 0x1101, b""),
        (0x80, 0x1102, b""),
        (0x90, 0x1200, b""),
    ];
    let lpcm = packets(0x1102, &packet(0xfd, 0, b"\x03\xc0\x31\x40samples"));
    let data = file(b"\x05\x04HDMV", &streams, &[lpcm]);
    let media = probe(&data).unwrap();
    let codecs: Vec<_> =
        media.tracks.iter().map(|track| track.codec.as_deref().unwrap_or("")).collect();
    let expected = ["h264", "truehd", "ac3", "dts", "pcm_bluray", "hdmv_pgs_subtitle"];
    assert_eq!(codecs, expected);
    let lpcm = &media.tracks[4];
    assert_eq!(
        (lpcm.channels, lpcm.sample_rate, lpcm.bit_depth),
        (Some(2), Some(48_000), Some(16))
    );
}

#[test]
fn all_programs_count_and_the_longest_gives_the_duration() {
    let second = |pid, pts: u64| packets(pid, &packet(0xbd, pts, &ac3()));
    let data = [
        programs(&[1, 2]),
        map(1, b"", &[(0x81, 0x201, b"")]),
        map(2, b"", &[(0x81, 0x202, b"")]),
        second(0x201, 0),
        second(0x202, 900_000),
        second(0x201, 90_000),
        second(0x202, 990_000),
    ];
    let media = probe(&data.concat()).unwrap();
    assert_eq!(media.tracks.len(), 2);
    assert!((media.duration_seconds.unwrap() - 1.032).abs() < 1e-6, "{media:?}");
}

#[test]
fn streams_without_tables_are_recognised_by_their_data() {
    let one = |pid, id, pts: u64, data: &[u8]| packets(pid, &packet(id, pts, data));
    let data: Vec<u8> = (0..5_u64)
        .flat_map(|frame| {
            let video = one(0x50, 0xe0, frame * 3600, &mpeg2_video());
            [video, one(0x51, 0xbd, frame * 3600, &ac3())].concat()
        })
        .collect();
    let media = probe(&data).unwrap();
    let codecs: Vec<_> =
        media.tracks.iter().map(|track| track.codec.as_deref().unwrap_or("")).collect();
    assert_eq!(codecs, ["mpeg2video", "ac3"]);
}

#[test]
fn scrambled_streams_have_a_warning() {
    let mut data = film(0);
    for packet in data.chunks_mut(188).skip(2) {
        packet[3] |= 0x80;
    }
    let media = probe(&data).unwrap();
    assert_eq!(media.tracks.len(), 2);
    assert_eq!(media.warnings, ["the content is scrambled"]);
}

#[test]
fn tables_with_a_wrong_checksum_are_ignored() {
    let mut data = film(0);
    data[188 + 187] ^= 1;
    let media = probe(&data).unwrap();
    assert_eq!(media.tracks[1].language, "und");
}

#[test]
fn damage_does_not_cause_a_panic() {
    let data = film(0);
    survives(&data[..188 * 12]);
}
