//! Files that are built here, chunk by chunk.

use crate::probe::model::{Media, TrackType};
use crate::probe::{Limits, Problem, Result, Source, probe_source};

fn chunk(id: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let size = (data.len() as u32).to_le_bytes();
    let padding = if data.len() % 2 == 1 { &[0][..] } else { &[] };
    [id, &size, data, padding].concat()
}

fn list(kind: &[u8; 4], chunks: &[Vec<u8>]) -> Vec<u8> {
    chunk(b"LIST", &[&kind[..], &chunks.concat()].concat())
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn stream_header(kind: &[u8; 4], handler: &[u8; 4], scale: u32, rate: u32, length: u32) -> Vec<u8> {
    let rest = words(&[0, 0, 0, scale, rate, 0, length, 0, 0, 0, 0, 0]);
    chunk(b"strh", &[&kind[..], handler, &rest].concat())
}

fn video(length: u32) -> Vec<u8> {
    let height = (-180_i32) as u32;
    let format = [words(&[40, 320, height, 24 << 16 | 1]), b"XVID".to_vec(), words(&[0; 5])];
    list(
        b"strl",
        &[
            stream_header(b"vids", b"XVID", 1001, 24000, length),
            chunk(b"strf", &format.concat()),
            chunk(b"strn", b"A name\0"),
        ],
    )
}

fn audio(length: u32) -> Vec<u8> {
    let mut format = Vec::new();
    for half in [0x55, 2, 48000, 0, 16000, 0, 1, 0, 12] {
        format.extend_from_slice(&u16::to_le_bytes(half));
    }
    list(b"strl", &[stream_header(b"auds", &[0; 4], 3, 125, length), chunk(b"strf", &format)])
}

fn headers(streams: &[Vec<u8>]) -> Vec<u8> {
    let main = chunk(b"avih", &words(&[41_708, 0, 0, 0, 24, 0, 2, 0, 320, 180, 0, 0, 0, 0]));
    list(b"hdrl", &[vec![main], streams.to_vec()].concat())
}

fn info() -> Vec<u8> {
    let tags = [chunk(b"INAM", b"A title\0"), chunk(b"IART", b"Somebody")];
    list(b"INFO", &tags)
}

fn packets() -> (Vec<u8>, Vec<u8>) {
    let (mut movi, mut index) = (Vec::new(), Vec::new());
    for number in 0..48_u32 {
        let id = if number % 2 == 0 { b"00dc" } else { b"01wb" };
        index.extend_from_slice(id);
        index.extend_from_slice(&words(&[16, movi.len() as u32 + 4, 1000]));
        movi.extend_from_slice(&chunk(id, &[7; 1000]));
    }
    (list(b"movi", &[movi]), chunk(b"idx1", &index))
}

fn riff(chunks: &[Vec<u8>]) -> Vec<u8> {
    chunk(b"RIFF", &[b"AVI ".to_vec(), chunks.concat()].concat())
}

fn whole() -> Vec<u8> {
    let (movi, index) = packets();
    riff(&[headers(&[video(24), audio(24)]), info(), chunk(b"JUNK", &[0; 99]), movi, index])
}

fn probe(data: &[u8]) -> Result<Media> {
    let mut source = Source::new(&data, data.len() as u64, Limits::default());
    probe_source(&mut source, "avi")
}

#[test]
fn headers_describe_the_streams() {
    let media = probe(&whole()).unwrap();
    assert_eq!(media.duration_seconds, Some(1.001));
    assert_eq!(media.tags["title"], "A title");
    assert_eq!(media.tags["artist"], "Somebody");
    let [video, audio] = &media.tracks[..] else { panic!("{media:?}") };
    assert_eq!((video.track_type, video.codec.as_deref()), (TrackType::Video, Some("mpeg4")));
    assert_eq!((video.width, video.height), (Some(320), Some(180)));
    assert_eq!(video.frame_rate.as_deref(), Some("24000/1001"));
    assert_eq!(video.title.as_deref(), Some("A name"));
    assert_eq!((audio.track_type, audio.codec.as_deref()), (TrackType::Audio, Some("mp3")));
    assert_eq!((audio.channels, audio.sample_rate), (Some(2), Some(48000)));
}

#[test]
fn the_index_gives_bit_rates_that_headers_do_not_contain() {
    let media = probe(&whole()).unwrap();
    assert_eq!(media.tracks[0].bit_rate, Some(200_148));
    assert_eq!(media.tracks[1].bit_rate, Some(128_000));
}

#[test]
fn an_index_whose_last_packet_is_far_from_the_end_is_ignored() {
    let index = (0..5)
        .flat_map(|number| [&b"00dc"[..], &words(&[16, number * 10_008 + 4, 10_000])].concat());
    let packets: Vec<u8> = (0..5).flat_map(|_| chunk(b"00dc", &[7; 10_000])).collect();
    let index = chunk(b"idx1", &index.collect::<Vec<_>>());
    let movi = list(b"movi", &[packets]);
    let media = probe(&riff(&[headers(&[video(5)]), movi, index])).unwrap();
    assert_eq!(media.tracks[0].bit_rate, None);
}

#[test]
fn a_file_that_is_cut_off_has_a_proportional_duration() {
    let data = whole();
    let media = probe(&data[..data.len() / 2]).unwrap();
    assert_eq!(media.duration_seconds, Some(0.5005));
    assert!(!media.warnings.is_empty());
}

#[test]
fn without_the_lengths_of_streams_the_number_of_frames_gives_the_duration() {
    let (movi, _) = packets();
    let media = probe(&riff(&[headers(&[video(0), audio(0)]), movi])).unwrap();
    assert_eq!(media.duration_seconds, Some(1.000992));
}

#[test]
fn pictures_without_a_fourcc_are_recognised_by_their_bits() {
    let raw = |bits: u32| {
        let format = words(&[40, 320, 180, bits << 16 | 1, 0, 0, 0, 0, 0, 0]);
        let chunks = [stream_header(b"vids", b"DIB ", 1, 25, 25), chunk(b"strf", &format)];
        let media = probe(&riff(&[headers(&[list(b"strl", &chunks)]), packets().0])).unwrap();
        let track = media.tracks[0].clone();
        (track.codec.unwrap().into_owned(), track.pixel_format.map(|name| name.into_owned()))
    };
    assert_eq!(raw(24), ("rawvideo".to_owned(), Some("bgr24".to_owned())));
    assert_eq!(raw(8), ("rawvideo".to_owned(), Some("pal8".to_owned())));
    assert_eq!(raw(13), ("rawvideo".to_owned(), None));
}

#[test]
fn packets_may_be_grouped_and_continue_in_another_riff_chunk() {
    let record = list(b"rec ", &[chunk(b"00dc", &[1; 10]), chunk(b"01wb", &[2; 10])]);
    let count = list(b"odml", &[chunk(b"dmlh", &words(&[4800]))]);
    let first = [
        headers(&[video(0), chunk(b"indx", &[0; 24]), audio(0), count]),
        list(b"movi", std::slice::from_ref(&record)),
    ];
    let more = chunk(b"RIFF", &[b"AVIX".to_vec(), list(b"movi", &[record])].concat());
    let media = probe(&[riff(&first), more].concat()).unwrap();
    assert_eq!(media.tracks.len(), 2);
    assert_eq!(media.duration_seconds, Some(200.1984));
    assert!(media.warnings.is_empty(), "{:?}", media.warnings);
}

#[test]
fn a_file_that_is_cut_off_anywhere_does_not_cause_a_panic() {
    let data = whole();
    let header = 800;
    for end in (0..header).chain((header..data.len()).step_by(97)) {
        if let Err(Problem::Panic(what)) = probe(&data[..end]) {
            panic!("at {end}: {what}");
        }
    }
}

#[test]
fn flipped_bits_do_not_cause_a_panic() {
    let data = whole();
    let mut random = 1_u64;
    let mut next = || {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize
    };
    for round in 0..2000 {
        let mut copy = data.clone();
        for _ in 0..1 + round % 8 {
            let place = next() % 900;
            copy[place] ^= 1 << (next() % 8);
        }
        if let Err(Problem::Panic(what)) = probe(&copy) {
            panic!("in round {round}: {what}");
        }
    }
}
