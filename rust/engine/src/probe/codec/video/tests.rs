//! Headers as encoders write them, and what `ffprobe` reports for them.

use super::*;
use crate::probe::model::{Hdr, Name, TrackType};

const H264_HLG: &str = "016e000dffe1001d676e000da6cd941519e79b016a122412800000030080000019078a14cb01000668ebe3cb22c0fdfafa00";
const H264_INTERLACED: &str = "01640028ffe1001e67640028acd94078044fdffe05b205b020000003002000000643e2c5b2c001000668fba3cb22c0fdf8f800";
const H264_ANNEX_B: &str =
    "000001674d400deca0a8cf3cd80b50101014000003000400000300c83c50a6580000000168ebe3cb20";
const HEVC_PQ_SPS: &str =
    "42010102200000030090000003000003003ca00a480b9dd365959a4932bc05a84880482000000300200000030321";
const HEVC_422_12_SPS: &str =
    "420101040800000300990800000300003cb00a480b9dd94a5959a4932bc05a02000003000200000300321022";
const AV1_PQ: &str = "81004c000a0e000000043d0ed402f85091009040";
const AV1_RGB: &str = "812000000a0d200000043d0ed4daf92021a004";
const AV1_422: &str = "814008000a0a400000043d0ed4daf901";
const VP8: &str = "1067009d012a4401b600";
const VP9_PQ: &str = "92498342500a1805ab031c120e0c2c0005d05fc9";
const VP9_440: &str = "a2498342040286016ac0c70483830940017c5fc9";
const MPEG1: &str = "000001b31440b613ffffe018";
const MPEG2: &str = "000001b31440b613ffffe018000001b5148a00010000000001b52b010101051205b0";
const MPEG2_422: &str = "000001b31440b613ffffe018000001b5185c00010000";
const MPEG4: &str = "000001b0f1000001b5a913000001000000012008d48d0800cd0a2416d4303f000001b24c61766335392e33372e313030";
const JPEG: &str = "ffd8ffdb000401ffffc0001108009000b003012200021101031101ffda";
const PRORES: &str = "0000b14669637066009400004c617663014400b6c0000202024200030404040404040404";
const DNXHR_RGB: &str = "00000280030180a00000000000000000000000000000000001680280000168000058880000000000000004f6c0000000";
const DV: &str = "1f0700bff878";
const THEORA: &str = "002a807468656f72610302010015000c0001440000b6000a000000190000000100000100000100030d4000d0003f81746865";
const VC1: &str = "0000010fdbfe3bf21bca3bf886f180ca02020309a5b8d707fc";
const FFV1: &str =
    "562b8503aa420f345b7b2bc43c417c7fecc729b9731cd404e78fbee30bcbe8d4734d73dbfccce422c633";
const FFV1_FRAME: &str =
    "9aed015a40d272484545ad54c6a5c9ad4b78f18900043caf00003fffaaaaaaaaaaaaaaaaaaa8001d";
const FLV1: &str = "0000840080a2005b121e73e8";
const H263: &str = "000080020c041e6e";
const PNG: &str = "89504e470d0a1a0a0000000d4948445200000144000000b61000000000d43c77ff";

/// An HDR10+ message from its country code on, cut off.
const HDR10_PLUS: &str = "b5003c0001040140000c80";

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        hex.chars().filter_map(|c| c.to_digit(16)).map(|digit| digit as u8).collect();
    digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn track_of(codec: &'static str) -> Track {
    Track { codec: Some(codec.into()), ..Track::new(0, TrackType::Video) }
}

fn configured(codec: &'static str, hex: &str) -> Track {
    let mut track = track_of(codec);
    read_config(&mut track, &bytes(hex));
    track
}

fn with_packet(codec: &'static str, hex: &str) -> Track {
    let mut track = track_of(codec);
    assert!(wants_packet(&track), "{codec}");
    assert!(read_packet(&mut track, &bytes(hex), Framing::StartCodes));
    assert!(!wants_packet(&track), "{codec}");
    track
}

fn text(name: &Option<Name>) -> &str {
    name.as_deref().unwrap_or("-")
}

/// Profile, size, format, depth.
fn picture(track: &Track) -> String {
    let (width, height) = (track.width.unwrap_or(0), track.height.unwrap_or(0));
    let depth = track.bit_depth.unwrap_or(0);
    format!("{} {width}x{height} {} {depth}", text(&track.profile), text(&track.pixel_format))
}

/// Primaries, transfer, matrix.
fn colors(track: &Track) -> String {
    let [primaries, transfer, matrix] =
        [&track.color_primaries, &track.color_transfer, &track.color_space].map(text);
    format!("{primaries} {transfer} {matrix}")
}

#[test]
fn h264_is_read_from_its_configuration() {
    let mut track = track_of("h264");
    assert_eq!(read_config(&mut track, &bytes(H264_HLG)), Some(Framing::Lengths(4)));
    assert_eq!(picture(&track), "High 10 324x182 yuv420p10le 10");
    assert_eq!(colors(&track), "bt2020 arib-std-b67 bt2020nc");
    assert_eq!(track.frame_rate.as_deref(), Some("25/1"));
    assert!(!wants_packet(&track));
    let track = configured("h264", H264_INTERLACED);
    assert_eq!(picture(&track), "High 1920x1080 yuv420p 8");
}

#[test]
fn h264_is_read_from_packets_of_either_framing() {
    let track = with_packet("h264", H264_ANNEX_B);
    assert_eq!(picture(&track), "Main 324x182 yuv420p 8");
    assert_eq!(colors(&track), "bt709 bt709 bt709");
    let mut track = track_of("h264");
    let unit = bytes(H264_ANNEX_B).split_off(3);
    let packet = [&[0, 0, 0, 2, 9, 0x10, 0, 0, 0, unit.len() as u8], &unit[..]].concat();
    assert!(read_packet(&mut track, &packet, Framing::Lengths(4)));
    assert_eq!(picture(&track), "Main 324x182 yuv420p 8");
}

#[test]
fn h264_keeps_the_containers_colors_without_a_description() {
    let mut track = track_of("h264");
    track.color_primaries = Some("smpte170m".into());
    read_config(&mut track, &bytes(H264_INTERLACED));
    assert_eq!(colors(&track), "smpte170m - -");
    read_config(&mut track, &bytes(H264_HLG));
    assert_eq!(colors(&track), "bt2020 arib-std-b67 bt2020nc");
}

#[test]
fn h264_may_be_cropped_by_the_container_within_a_macroblock() {
    for (container, ours) in
        [((1920, 1078), (1920, 1078)), ((1920, 1070), (1920, 1080)), ((960, 540), (1920, 1080))]
    {
        let mut track = track_of("h264");
        (track.width, track.height) = (Some(container.0), Some(container.1));
        read_config(&mut track, &bytes(H264_INTERLACED));
        assert_eq!((track.width, track.height), (Some(ours.0), Some(ours.1)));
    }
}

#[test]
fn hevc_replaces_all_colors_of_the_container() {
    let mut track = track_of("hevc");
    track.color_primaries = Some("smpte170m".into());
    let packet = [&[0, 0, 1][..], &bytes(HEVC_422_12_SPS)].concat();
    read_packet(&mut track, &packet, Framing::StartCodes);
    assert_eq!(picture(&track), "Rext 324x182 yuv422p12le 12");
    assert_eq!(colors(&track), "- - -");
    assert_eq!(track.frame_rate.as_deref(), Some("25/1"));
}

/// An `hvcC` record with one parameter set.
fn hvcc(sps: &[u8]) -> Vec<u8> {
    let mut record = bytes("0102200000009000000000003cf000fcfdfafa00000f01");
    record.extend([0x21, 0, 1, 0, sps.len() as u8]);
    record.extend(sps);
    record
}

#[test]
fn hevc_with_pq_wants_a_packet_to_find_hdr10_plus() {
    let mut track = track_of("hevc");
    assert_eq!(read_config(&mut track, &hvcc(&bytes(HEVC_PQ_SPS))), Some(Framing::Lengths(4)));
    assert_eq!(picture(&track), "Main 10 324x182 yuv420p10le 10");
    assert_eq!(colors(&track), "bt2020 smpte2084 bt2020nc");
    assert!(wants_packet(&track));

    let mut plain = track.clone();
    read_packet(&mut plain, &[0, 0, 0, 2, 0x46, 1], Framing::Lengths(4));
    assert_eq!((plain.hdr, wants_packet(&plain)), (Some(Hdr::Hdr10), false));

    let message = bytes(HDR10_PLUS);
    let sei = [&[0x4e, 1, 0x89, 2, 7, 7, 4, message.len() as u8], &message[..], &[0x80]].concat();
    let packet = [&[0, 0, 0, 2, 0x46, 1, 0, 0, 0, sei.len() as u8], &sei[..], &[0, 0]].concat();
    read_packet(&mut track, &packet, Framing::Lengths(4));
    assert_eq!((track.hdr, wants_packet(&track)), (Some(Hdr::Hdr10Plus), false));

    read_packet(&mut track, &[0, 0, 0, 2, 62 << 1, 1], Framing::Lengths(4));
    assert_eq!(track.hdr, Some(Hdr::DolbyVision));
}

#[test]
fn av1_is_read_from_its_sequence_header() {
    let track = configured("av1", AV1_PQ);
    assert_eq!(picture(&track), "Main 324x182 yuv420p10le 10");
    assert_eq!(colors(&track), "bt2020 smpte2084 bt2020nc");
    assert_eq!(picture(&configured("av1", AV1_RGB)), "High 324x182 gbrp 8");
    assert_eq!(picture(&configured("av1", AV1_422)), "Professional 324x182 yuv422p 8");
    assert_eq!(picture(&with_packet("av1", &AV1_422[8..])), "Professional 324x182 yuv422p 8");
}

#[test]
fn av1_without_a_sequence_header_is_read_from_the_record() {
    assert_eq!(picture(&configured("av1", "81004c00")), "Main 0x0 yuv420p10le 10");
    assert_eq!(picture(&configured("av1", "81401000")), "Professional 0x0 gray 8");
}

#[test]
fn av1_may_have_hdr10_plus() {
    let mut track = configured("av1", AV1_PQ);
    assert!(wants_packet(&track));
    let message = bytes(HDR10_PLUS);
    let packet =
        [&[0x12, 0, 0x2a, message.len() as u8 + 1, 4], &message[..], &[0x32, 0xff, 0x7f, 0]]
            .concat();
    read_packet(&mut track, &packet, Framing::StartCodes);
    assert_eq!(track.hdr, Some(Hdr::Hdr10Plus));
}

#[test]
fn vp8_size_is_the_containers_if_it_has_one() {
    assert_eq!(picture(&with_packet("vp8", VP8)), "0 324x182 yuv420p 8");
    let mut track = track_of("vp8");
    (track.width, track.height) = (Some(300), Some(100));
    read_packet(&mut track, &bytes(VP8), Framing::StartCodes);
    assert_eq!(picture(&track), "0 300x100 yuv420p 8");
}

#[test]
fn vp9_frames_contain_all_but_primaries_and_transfer() {
    let mut track = track_of("vp9");
    track.color_transfer = Some("smpte2084".into());
    read_packet(&mut track, &bytes(VP9_PQ), Framing::StartCodes);
    assert_eq!(picture(&track), "Profile 2 324x182 yuv420p10le 10");
    assert_eq!(colors(&track), "- smpte2084 bt2020nc");
    assert_eq!(picture(&with_packet("vp9", VP9_440)), "Profile 1 324x182 yuv440p 8");
}

#[test]
fn vp9_configurations_have_two_forms() {
    let boxed = configured("vp9", "010000000214a20910090000");
    assert_eq!(picture(&boxed), "Profile 2 0x0 yuv420p10le 10");
    assert_eq!(colors(&boxed), "bt2020 smpte2084 bt2020nc");
    assert_eq!(picture(&configured("vp9", "0214a20910090000")), "Profile 2 0x0 yuv420p10le 10");
    let elements = configured("vp9", "01010202010a03010a040101");
    assert_eq!(picture(&elements), "Profile 2 0x0 - 0");
    assert!(wants_packet(&elements) && !wants_packet(&boxed));
}

#[test]
fn mpeg_1_and_2_are_distinguished_by_the_extension() {
    let track = with_packet("mpeg2video", &format!("{MPEG1}00000100"));
    assert_eq!((text(&track.codec), &*picture(&track)), ("mpeg1video", "- 324x182 yuv420p 8"));
    let track = configured("mpeg1video", MPEG2);
    assert_eq!((text(&track.codec), &*picture(&track)), ("mpeg2video", "Main 324x182 yuv420p 8"));
    assert_eq!(colors(&track), "bt709 bt709 bt709");
    assert_eq!(track.frame_rate.as_deref(), Some("25/1"));
    assert_eq!(picture(&configured("mpeg2video", MPEG2_422)), "4:2:2 324x182 yuv422p 8");
}

#[test]
fn mpeg4_is_read_from_its_object_layer() {
    assert_eq!(picture(&configured("mpeg4", MPEG4)), "Advanced Simple Profile 324x182 yuv420p 8");
    let track = with_packet("mpeg4", MPEG4);
    assert_eq!(picture(&track), "Advanced Simple Profile 324x182 yuv420p 8");
}

#[test]
fn h263_and_its_variant_contain_the_size() {
    assert_eq!(picture(&with_packet("h263", H263)), "- 352x288 yuv420p 8");
    assert_eq!(picture(&with_packet("flv1", FLV1)), "- 324x182 yuv420p 8");
}

#[test]
fn jpeg_has_full_range_unless_a_comment_says_otherwise() {
    let track = with_packet("mjpeg", JPEG);
    assert_eq!(picture(&track), "Baseline 176x144 yuvj420p 8");
    assert_eq!(colors(&track), "- - bt470bg");
    let limited = JPEG
        .replace("ffdb0004", "fffe000c43533d49545536303100ffdb0004")
        .replace("c000110800", "c200110800");
    assert_eq!(picture(&with_packet("mjpeg", &limited)), "Progressive 176x144 yuv420p 8");
    let mut fields = track_of("mjpeg");
    fields.height = Some(288);
    read_packet(&mut fields, &bytes(JPEG), Framing::StartCodes);
    assert_eq!(fields.height, Some(288));
}

#[test]
fn prores_depth_follows_from_the_code() {
    let mut track = track_of("prores");
    track.profile = Some("ap4h".into());
    read_packet(&mut track, &bytes(PRORES), Framing::StartCodes);
    assert_eq!(picture(&track), "4444 324x182 yuva444p12le 12");
    let mut track = configured("prores", "61706368");
    assert_eq!(text(&track.profile), "HQ");
    track.color_primaries = Some("bt709".into());
    read_packet(
        &mut track,
        &bytes(&PRORES.replace("00b6c000", "00b68000").replace("02024200", "02024000")),
        Framing::StartCodes,
    );
    assert_eq!((&*picture(&track), &*colors(&track)), ("HQ 324x182 yuv422p10le 10", "- - -"));
}

#[test]
fn prores_in_matroska_begins_with_the_frame_header() {
    let track = with_packet("prores", &PRORES[16..]);
    assert_eq!(picture(&track), "- 324x182 yuva444p10le 10");
}

#[test]
fn codecs_for_editing_are_read_from_their_first_frame() {
    let track = with_packet("dnxhd", DNXHR_RGB);
    assert_eq!(
        (&*picture(&track), &*colors(&track)),
        ("DNXHR 444 640x360 gbrp10le 10", "- - bt709")
    );
    let dv = |lines: u8, pack: u8| {
        let mut frame = bytes(DV);
        frame.resize(480, 0xff);
        (frame[3], frame[4], frame[451]) = (lines, 0x78, pack);
        let mut track = track_of("dvvideo");
        read_packet(&mut track, &frame, Framing::StartCodes);
        text(&track.pixel_format).to_owned()
    };
    assert_eq!([dv(0xbf, 0xe0), dv(0x3f, 0xe0), dv(0xbf, 0xe4)], ["yuv420p", "yuv411p", "yuv422p"]);
}

#[test]
fn theora_is_read_from_its_first_header_in_all_containers() {
    assert_eq!(picture(&configured("theora", THEORA)), "- 324x182 yuv422p 8");
    let track = with_packet("theora", &THEORA[4..]);
    assert_eq!(
        (&*picture(&track), track.frame_rate.as_deref()),
        ("- 324x182 yuv422p 8", Some("25/1"))
    );
}

#[test]
fn vc1_is_read_from_its_sequence_header() {
    let track = configured("vc1", VC1);
    assert_eq!(
        (&*picture(&track), track.frame_rate.as_deref()),
        ("Advanced 1920x1080 yuv420p 8", Some("30000/1001"))
    );
    assert_eq!(picture(&configured("wmv3", "4ef91a01")), "Main 0x0 yuv420p 8");
}

#[test]
fn ffv1_is_read_from_its_record_or_first_frame() {
    assert_eq!(picture(&configured("ffv1", FFV1)), "- 0x0 yuva420p 8");
    assert_eq!(picture(&with_packet("ffv1", FFV1_FRAME)), "- 0x0 yuv422p 8");
}

#[test]
fn simple_codecs_are_described_by_a_byte_or_their_name() {
    let format = |codec, config| text(&configured(codec, config).pixel_format).to_owned();
    assert_eq!(format("huffyuv", "40182000"), "bgr0");
    assert_eq!(format("ffvhuff", "00702201"), "gbrp");
    assert_eq!(format("ffvhuff", "00712501"), "yuva422p");
    assert_eq!(format("ffvhuff", "00952101"), "yuv420p10le");
    assert_eq!(format("wmv2", ""), "yuv420p");
    assert_eq!(picture(&with_packet("png", PNG)), "- 324x182 gray16be 16");
}

#[test]
fn audio_codecs_are_ignored() {
    let mut track = track_of("aac");
    assert_eq!(read_config(&mut track, &[0x12, 0x10]), None);
    assert!(!read_packet(&mut track, &[0; 32], Framing::StartCodes) && !wants_packet(&track));
}

/// All headers above, as configurations and as packets.
fn samples() -> Vec<(&'static str, Vec<u8>)> {
    let mut all: Vec<(&'static str, Vec<u8>)> = [
        ("h264", H264_HLG),
        ("h264", H264_INTERLACED),
        ("h264", H264_ANNEX_B),
        ("av1", AV1_PQ),
        ("av1", AV1_RGB),
        ("av1", AV1_422),
        ("vp8", VP8),
        ("vp9", VP9_PQ),
        ("vp9", VP9_440),
        ("vp9", "010000000214a20910090000"),
        ("mpeg1video", MPEG1),
        ("mpeg2video", MPEG2),
        ("mpeg2video", MPEG2_422),
        ("mpeg4", MPEG4),
        ("mjpeg", JPEG),
        ("prores", PRORES),
        ("dnxhd", DNXHR_RGB),
        ("theora", THEORA),
        ("vc1", VC1),
        ("wmv3", "4ef91a01"),
        ("ffv1", FFV1),
        ("ffv1", FFV1_FRAME),
        ("flv1", FLV1),
        ("h263", H263),
        ("png", PNG),
        ("huffyuv", "40182000"),
        ("ffvhuff", "00712501"),
    ]
    .map(|(codec, hex)| (codec, bytes(hex)))
    .into();
    for sps in [HEVC_PQ_SPS, HEVC_422_12_SPS] {
        all.push(("hevc", hvcc(&bytes(sps))));
        all.push(("hevc", [&[0, 0, 1][..], &bytes(sps)].concat()));
    }
    all
}

fn read_every_way(codec: &'static str, data: &[u8]) {
    let mut track = track_of(codec);
    let framing = read_config(&mut track, data).unwrap_or_default();
    for framing in [
        framing,
        Framing::StartCodes,
        Framing::Lengths(1),
        Framing::Lengths(4),
        Framing::Lengths(0),
    ] {
        read_packet(&mut track, data, framing);
        let _ = wants_packet(&track);
    }
}

#[test]
fn headers_that_are_cut_off_anywhere_do_not_cause_a_panic() {
    for (codec, data) in samples() {
        for end in 0..=data.len() {
            read_every_way(codec, &data[..end]);
        }
    }
}

#[test]
fn flipped_bits_do_not_cause_a_panic() {
    let mut seed = 1u32;
    let mut random = move || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 8) as usize
    };
    for (codec, data) in samples() {
        for round in 0..400 {
            let mut data = data.clone();
            for _ in 0..=round % 6 {
                let bit = random() % (data.len() * 8);
                data[bit / 8] ^= 0x80 >> (bit % 8);
            }
            read_every_way(codec, &data);
        }
    }
}
