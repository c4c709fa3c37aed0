//! Files that are built here, element by element.

use super::ids;
use crate::probe::model::{Hdr, Media, TrackType};
use crate::probe::{Limits, Problem, Result, Source, probe_source};

fn element(id: u32, data: &[u8]) -> Vec<u8> {
    let id = id.to_be_bytes();
    let start = id.iter().position(|&byte| byte != 0).unwrap_or(3);
    let size = (data.len() as u32 | 0x1000_0000).to_be_bytes();
    [&id[start..], &size, data].concat()
}

fn master(id: u32, children: &[Vec<u8>]) -> Vec<u8> {
    element(id, &children.concat())
}

fn uint(id: u32, value: u64) -> Vec<u8> {
    element(id, &value.to_be_bytes())
}

fn float(id: u32, value: f64) -> Vec<u8> {
    element(id, &value.to_be_bytes())
}

fn text(id: u32, text: &str) -> Vec<u8> {
    element(id, text.as_bytes())
}

fn header(doc_type: &str) -> Vec<u8> {
    master(ids::EBML, &[text(ids::DOC_TYPE, doc_type)])
}

fn info() -> Vec<u8> {
    master(
        ids::INFO,
        &[
            float(ids::info::DURATION, 8000.0),
            text(ids::info::TITLE, "A title"),
            text(ids::info::MUXING_APP, "a program"),
            uint(ids::info::DATE_UTC, 86_400_500_000_000),
        ],
    )
}

fn track(number: u64, kind: u64, codec: &str, more: &[Vec<u8>]) -> Vec<u8> {
    let mut children = vec![
        uint(ids::track::NUMBER, number),
        uint(ids::track::UID, number + 100),
        uint(ids::track::TYPE, kind),
        text(ids::track::CODEC_ID, codec),
    ];
    children.extend_from_slice(more);
    master(ids::track::ENTRY, &children)
}

fn video_track() -> Vec<u8> {
    track(
        1,
        1,
        "V_MPEGH/ISO/HEVC",
        &[
            uint(ids::track::DEFAULT_DURATION, 41_708_333),
            text(ids::track::LANGUAGE, "und"),
            master(
                ids::track::BLOCK_ADDITION_MAPPING,
                &[
                    uint(ids::track::BLOCK_ADD_ID_TYPE, 0x6476_7643),
                    element(ids::track::BLOCK_ADD_ID_EXTRA_DATA, &[1, 0, 0x10, 0x35, 0x10]),
                ],
            ),
            master(
                ids::track::VIDEO,
                &[
                    uint(ids::video::PIXEL_WIDTH, 3840),
                    uint(ids::video::PIXEL_HEIGHT, 2160),
                    master(
                        ids::video::COLOUR,
                        &[
                            uint(ids::video::MATRIX, 9),
                            uint(ids::video::TRANSFER, 16),
                            uint(ids::video::PRIMARIES, 9),
                        ],
                    ),
                    master(ids::video::PROJECTION, &[float(ids::video::PROJECTION_ROLL, -90.0)]),
                ],
            ),
        ],
    )
}

fn audio_track() -> Vec<u8> {
    track(
        2,
        2,
        "A_PCM/INT/LIT",
        &[
            uint(ids::track::FLAG_DEFAULT, 0),
            uint(ids::track::FLAG_COMMENTARY, 1),
            text(ids::track::NAME, "Director"),
            master(
                ids::track::AUDIO,
                &[
                    float(ids::audio::SAMPLING_FREQUENCY, 48000.0),
                    uint(ids::audio::CHANNELS, 2),
                    uint(ids::audio::BIT_DEPTH, 24),
                ],
            ),
        ],
    )
}

fn subtitle_track() -> Vec<u8> {
    track(
        3,
        17,
        "S_TEXT/UTF8",
        &[
            uint(ids::track::FLAG_FORCED, 1),
            uint(ids::track::FLAG_HEARING_IMPAIRED, 1),
            // Only the other one counts.
            text(ids::track::LANGUAGE, "eng"),
            text(ids::track::LANGUAGE_BCP47, "de-AT"),
        ],
    )
}

fn tracks() -> Vec<u8> {
    master(ids::TRACKS, &[video_track(), audio_track(), subtitle_track()])
}

fn tag(track: u64, level: &str, name: &str, value: &str) -> Vec<u8> {
    master(
        ids::tag::TAG,
        &[
            master(
                ids::tag::TARGETS,
                &[uint(ids::tag::TRACK_UID, track), text(ids::tag::TARGET_TYPE, level)],
            ),
            master(
                ids::tag::SIMPLE_TAG,
                &[text(ids::tag::NAME, name), text(ids::tag::STRING, value)],
            ),
        ],
    )
}

/// `DIRECTOR` with `SORT_WITH` inside.
fn nested_tag() -> Vec<u8> {
    let simple = |name, value, within: &[u8]| {
        let named = [text(ids::tag::NAME, name), text(ids::tag::STRING, value)].concat();
        master(ids::tag::SIMPLE_TAG, &[named, within.to_vec()])
    };
    simple("DIRECTOR", "Some Body", &simple("SORT_WITH", "Body, Some", &[]))
}

fn tags() -> Vec<u8> {
    master(
        ids::TAGS,
        &[
            tag(0, "", "ARTIST", "Somebody"),
            tag(0, "", "ARTIST", "Somebody else"),
            tag(0, "ALBUM", "TITLE", "An album"),
            master(ids::tag::TAG, &[nested_tag()]),
            tag(103, "", "BPS", "45"),
            tag(103, "", "DURATION", "00:00:07.500000000"),
        ],
    )
}

fn chapters() -> Vec<u8> {
    let atom = |start, title: &str| {
        master(
            ids::chapter::ATOM,
            &[
                uint(ids::chapter::TIME_START, start),
                master(ids::chapter::DISPLAY, &[text(ids::chapter::STRING, title)]),
            ],
        )
    };
    let hidden = master(
        ids::chapter::ATOM,
        &[uint(ids::chapter::TIME_START, 1_000), uint(ids::chapter::HIDDEN, 1)],
    );
    let other = master(ids::chapter::EDITION, &[atom(5, "Not this")]);
    let default = master(
        ids::chapter::EDITION,
        &[
            uint(ids::chapter::EDITION_DEFAULT, 1),
            atom(0, "One"),
            hidden,
            atom(3_000_000_000, "Two"),
        ],
    );
    master(ids::CHAPTERS, &[other, default])
}

fn attachments() -> Vec<u8> {
    let file = |name: &str, kind: &str, size: usize| {
        master(
            ids::attachment::FILE,
            &[
                text(ids::attachment::NAME, name),
                text(ids::attachment::MEDIA_TYPE, kind),
                element(ids::attachment::DATA, &vec![7; size]),
            ],
        )
    };
    master(
        ids::ATTACHMENTS,
        &[
            file("cover.jpg", "image/jpeg", 100_000),
            file("empty", "text/plain", 0),
            file("font.ttf", "font/ttf", 200_000),
        ],
    )
}

fn block(track: u8, time: i16, data: &[u8]) -> Vec<u8> {
    let time = time.to_be_bytes();
    element(ids::cluster::SIMPLE_BLOCK, &[&[0x80 | track, time[0], time[1], 0x80], data].concat())
}

fn cluster(size: usize) -> Vec<u8> {
    master(
        ids::CLUSTER,
        &[uint(ids::cluster::TIMESTAMP, 0), block(1, 0, &vec![1; size]), block(2, 0, &[2; 100])],
    )
}

/// A segment with an index of its elements: `(identifier, element)`.
fn segment(parts: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let index = |positions: &[u64]| {
        let seeks = parts.iter().zip(positions).map(|((id, _), &position)| {
            let id = element(ids::seek::ID, &id.to_be_bytes());
            master(ids::seek::SEEK, &[id, uint(ids::seek::POSITION, position)])
        });
        master(ids::SEEK_HEAD, &seeks.collect::<Vec<_>>())
    };
    let mut position = index(&vec![0; parts.len()]).len() as u64;
    let mut positions = Vec::new();
    for (_, part) in parts {
        positions.push(position);
        position += part.len() as u64;
    }
    let data: Vec<_> = parts.iter().flat_map(|(_, part)| part.clone()).collect();
    element(ids::SEGMENT, &[index(&positions), data].concat())
}

fn whole() -> Vec<u8> {
    let parts = [
        (ids::INFO, info()),
        (ids::TRACKS, tracks()),
        (ids::CLUSTER, cluster(200_000)),
        (ids::TAGS, tags()),
        (ids::CHAPTERS, chapters()),
        (ids::ATTACHMENTS, attachments()),
    ];
    [header("matroska"), segment(&parts)].concat()
}

/// Like [`whole`], but without the large elements.
fn small() -> Vec<u8> {
    let parts = [
        (ids::CHAPTERS, chapters()),
        (ids::INFO, info()),
        (ids::TRACKS, tracks()),
        (ids::CLUSTER, cluster(50)),
        (ids::TAGS, tags()),
    ];
    [header("webm"), segment(&parts)].concat()
}

fn probe(data: &[u8]) -> Result<Media> {
    let mut source = Source::new(&data, data.len() as u64, Limits::default());
    probe_source(&mut source, "mkv")
}

#[test]
fn headers_describe_tracks() {
    let media = probe(&whole()).unwrap();
    assert_eq!(media.container, "matroska");
    assert_eq!(media.duration_seconds, Some(8.0));
    assert_eq!(media.tags["title"], "A title");
    assert_eq!(media.tags["creation_time"], "2001-01-02T00:00:00.500000Z");
    let [video, audio, subtitle, ..] = &media.tracks[..] else { panic!("{media:?}") };

    assert_eq!((video.track_type, video.codec.as_deref()), (TrackType::Video, Some("hevc")));
    assert_eq!((video.width, video.height), (Some(3840), Some(2160)));
    assert_eq!(video.frame_rate.as_deref(), Some("24000/1001"));
    assert_eq!(video.color_primaries.as_deref(), Some("bt2020"));
    assert_eq!(video.color_transfer.as_deref(), Some("smpte2084"));
    assert_eq!(video.color_space.as_deref(), Some("bt2020nc"));
    assert_eq!(video.dolby_vision_profile.as_deref(), Some("8.1"));
    assert_eq!(video.hdr, Some(Hdr::DolbyVision));
    assert_eq!(video.rotation, Some(90));
    assert_eq!(video.language, "und");
    assert!(video.default && !video.forced && !video.commentary);

    assert_eq!(audio.codec.as_deref(), Some("pcm_s24le"));
    assert_eq!((audio.channels, audio.sample_rate), (Some(2), Some(48000)));
    assert_eq!((audio.bit_depth, audio.bit_rate), (Some(24), Some(2_304_000)));
    assert_eq!(audio.title.as_deref(), Some("Director"));
    assert!(!audio.default && audio.commentary);

    assert_eq!(subtitle.codec.as_deref(), Some("subrip"));
    assert_eq!(subtitle.language, "ger");
    assert!(subtitle.forced && subtitle.hearing_impaired && !subtitle.visual_impaired);
}

#[test]
fn a_track_without_a_language_is_english() {
    assert_eq!(probe(&whole()).unwrap().tracks[1].language, "eng");
}

#[test]
fn elements_after_the_clusters_are_found_in_few_requests() {
    let data = whole();
    let bytes = data.as_slice();
    let mut source = Source::new(&bytes, data.len() as u64, Limits::default());
    let media = probe_source(&mut source, "mkv").unwrap();
    assert!(media.warnings.is_empty(), "{:?}", media.warnings);
    assert!(source.requests() <= 5, "{}", source.requests());

    assert_eq!(media.tags["artist"], "Somebody");
    assert_eq!(media.tags["album/title"], "An album");
    assert_eq!(media.tags["director"], "Some Body");
    assert_eq!(media.tags["director/sort_with"], "Body, Some");
    let subtitle = &media.tracks[2];
    assert_eq!((subtitle.bit_rate, subtitle.duration_seconds), (Some(45), Some(7.5)));

    let chapters: Vec<_> = media
        .chapters
        .iter()
        .map(|chapter| (chapter.start_seconds, chapter.end_seconds, chapter.title.as_deref()))
        .collect();
    assert_eq!(chapters, [(0.0, Some(3.0), Some("One")), (3.0, Some(8.0), Some("Two"))]);

    let [cover, font] = &media.tracks[3..] else { panic!("{:?}", media.tracks) };
    assert_eq!((cover.index, cover.codec.as_deref()), (3, Some("mjpeg")));
    assert_eq!(cover.file_name.as_deref(), Some("cover.jpg"));
    assert_eq!((font.index, font.track_type), (4, TrackType::Attachment));
    assert_eq!(font.mime_type.as_deref(), Some("font/ttf"));
}

#[test]
fn a_live_stream_without_sizes_and_duration_ends_with_its_last_block() {
    let unknown = |id: u32, data: &[u8]| {
        [&id.to_be_bytes()[..], b"\x01\xff\xff\xff\xff\xff\xff\xff", data].concat()
    };
    let cluster = |time: u64| {
        let children = [uint(ids::cluster::TIMESTAMP, time), block(1, 0, b"x"), block(1, 40, b"x")];
        unknown(ids::CLUSTER, &children.concat())
    };
    let data = [tracks(), cluster(0), cluster(1000), cluster(2000)].concat();
    let media = probe(&[header("webm"), unknown(ids::SEGMENT, &data)].concat()).unwrap();
    assert_eq!(media.container, "webm");
    assert_eq!(media.tracks.len(), 3);
    assert_eq!(media.duration_seconds, Some(2.04));
}

#[test]
fn pictures_at_regular_times_give_a_frame_rate() {
    let mut children = vec![uint(ids::cluster::TIMESTAMP, 0)];
    children.extend((0..50).map(|number| block(1, number * 40, b"x")));
    let tracks = master(ids::TRACKS, &[track(1, 1, "V_VP8", &[])]);
    let parts = [
        (ids::INFO, info()),
        (ids::TRACKS, tracks),
        (ids::CLUSTER, master(ids::CLUSTER, &children)),
    ];
    let media = probe(&[header("webm"), segment(&parts)].concat()).unwrap();
    assert_eq!(media.tracks[0].frame_rate.as_deref(), Some("25/1"));
    assert!(!media.unsure.iter().any(|what| what == "frame rate"));
}

#[test]
fn dynamic_metadata_beside_blocks_gives_hdr10_plus() {
    let message = [0xb5, 0x00, 0x3c, 0x00, 0x01, 0x04, 0x01, 0x40];
    let more = master(
        ids::cluster::BLOCK_MORE,
        &[uint(ids::cluster::BLOCK_ADD_ID, 4), element(ids::cluster::BLOCK_ADDITIONAL, &message)],
    );
    let group = master(
        ids::cluster::BLOCK_GROUP,
        &[
            element(ids::cluster::BLOCK, &[0x81, 0, 0, 0, 1, 2, 3]),
            master(ids::cluster::BLOCK_ADDITIONS, &[more]),
        ],
    );
    // Without a frame rate in the headers, blocks are read in any case.
    let tracks = master(ids::TRACKS, &[track(1, 1, "V_VP9", &[])]);
    let cluster = master(ids::CLUSTER, &[uint(ids::cluster::TIMESTAMP, 0), group]);
    let parts = [(ids::INFO, info()), (ids::TRACKS, tracks), (ids::CLUSTER, cluster)];
    let media = probe(&[header("webm"), segment(&parts)].concat()).unwrap();
    assert_eq!(media.tracks[0].hdr, Some(Hdr::Hdr10Plus));
}

#[test]
fn elements_after_a_damaged_one_are_found() {
    let data = [info(), b"\x1b\x00\x00garbage".to_vec(), tracks(), cluster(10)].concat();
    let media = probe(&[header("matroska"), element(ids::SEGMENT, &data)].concat()).unwrap();
    assert_eq!(media.tracks.len(), 3);
    assert!(!media.warnings.is_empty());
}

#[test]
fn a_file_that_is_cut_off_anywhere_does_not_cause_a_panic() {
    let data = small();
    let mut answers = 0;
    for end in 0..data.len() {
        match probe(&data[..end]) {
            Err(Problem::Panic(what)) => panic!("at {end}: {what}"),
            Ok(media) => {
                answers += 1;
                assert!(!media.warnings.is_empty(), "{end}");
            }
            Err(_) => {}
        }
    }
    assert!(answers > data.len() / 2, "{answers}");
}

#[test]
fn flipped_bits_do_not_cause_a_panic() {
    let data = small();
    let mut random = 1_u64;
    let mut next = || {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize
    };
    for round in 0..3000 {
        let mut copy = data.clone();
        for _ in 0..1 + round % 8 {
            let place = next() % copy.len();
            copy[place] ^= 1 << (next() % 8);
        }
        if let Err(Problem::Panic(what)) = probe(&copy) {
            panic!("in round {round}: {what}");
        }
    }
}

#[test]
fn sizes_of_exabytes_are_not_trusted() {
    let huge = |id: u32| [&id.to_be_bytes()[..], b"\x01\x0f\xff\xff\xff\xff\xff\xff"].concat();
    for id in [ids::INFO, ids::TRACKS, ids::ATTACHMENTS, ids::TAGS, ids::CLUSTER, ids::SEEK_HEAD] {
        let data = [header("webm"), huge(ids::SEGMENT), huge(id), tracks()].concat();
        assert!(!matches!(probe(&data), Err(Problem::Panic(_))));
    }
}

#[test]
fn the_number_of_tracks_and_tags_is_limited() {
    // All tracks have the same number, so each tag belongs to each of them.
    let track = master(
        ids::track::ENTRY,
        &[uint(ids::track::TYPE, 2), text(ids::track::CODEC_ID, ""), uint(ids::track::UID, 1)],
    );
    let simple =
        master(ids::tag::SIMPLE_TAG, &[text(ids::tag::NAME, "TITLE"), text(ids::tag::STRING, "a")]);
    let targets = master(ids::tag::TARGETS, &[uint(ids::tag::TRACK_UID, 1)]);
    let tags = master(ids::tag::TAG, &[targets, simple.repeat(20)]);
    let mut parts = vec![(ids::TRACKS, element(ids::TRACKS, &track.repeat(20_000)))];
    parts.push((ids::TAGS, element(ids::TAGS, &tags.repeat(3000))));
    let data = [header("matroska"), segment(&parts)].concat();
    let media = probe(&data).unwrap();
    assert_eq!(media.tracks.len(), 1024);
    assert_eq!(media.tracks[0].title.as_deref(), Some("a"));
    assert_eq!(media.warnings, ["there are too many tracks; the rest is ignored"]);
}

#[test]
fn long_names_of_tags_do_not_become_part_of_the_names_inside() {
    let simple = |name: &str, within: &[u8]| {
        master(ids::tag::SIMPLE_TAG, &[text(ids::tag::NAME, name), within.to_vec()])
    };
    let value = [text(ids::tag::NAME, "b"), text(ids::tag::STRING, "c")];
    let values = master(ids::tag::SIMPLE_TAG, &value).repeat(50_000);
    for (name, found) in [("a".repeat(1_000_000), 0), ("a".to_owned(), 1)] {
        let tag = master(ids::tag::TAG, &[simple(&name, &values)]);
        let parts = [(ids::TRACKS, tracks()), (ids::TAGS, master(ids::TAGS, &[tag]))];
        let data = [header("matroska"), segment(&parts)].concat();
        let media = probe(&data).unwrap();
        assert_eq!(media.tags.len(), found, "{:?}", media.tags.keys());
    }
}

#[test]
fn a_long_level_does_not_become_part_of_the_names_of_its_tags() {
    let simple = |name: &str| {
        let value = [text(ids::tag::NAME, name), text(ids::tag::STRING, "c")];
        master(ids::tag::SIMPLE_TAG, &value)
    };
    let level = text(ids::tag::TARGET_TYPE, &"L".repeat(1_000_000));
    let mut children = vec![master(ids::tag::TARGETS, &[level])];
    children.extend((0..1000).map(|number| simple(&number.to_string())));
    let tags = master(ids::TAGS, &[master(ids::tag::TAG, &children)]);
    let parts = [(ids::TRACKS, tracks()), (ids::TAGS, tags)];
    let data = [header("matroska"), segment(&parts)].concat();
    let media = probe(&data).unwrap();
    assert!(media.tags.keys().all(|name| name.len() <= 3), "{:?}", media.tags.keys());
    assert_eq!(media.tags.len(), 256);
}
