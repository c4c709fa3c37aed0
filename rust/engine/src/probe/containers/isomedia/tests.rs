//! Files that are built here and read like any other file.

use crate::probe::{Limits, Media, Problem, Source, TrackType, probe_source};

fn probe(data: &[u8]) -> crate::probe::Result<Media> {
    let mut source = Source::new(&data, data.len() as u64, Limits::default());
    probe_source(&mut source, "")
}

fn a_box(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let mut bytes = (content.len() as u32 + 8).to_be_bytes().to_vec();
    bytes.extend(kind);
    bytes.extend(content);
    bytes
}

fn full(kind: &[u8; 4], version: u8, flags: u32, content: &[u8]) -> Vec<u8> {
    let mut inner = vec![version];
    inner.extend(&flags.to_be_bytes()[1..]);
    inner.extend(content);
    a_box(kind, &inner)
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

fn all(boxes: &[Vec<u8>]) -> Vec<u8> {
    boxes.concat()
}

const AS_IS: [u32; 9] = [1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30];
const TURNED: [u32; 9] = [0, 1 << 16, 0, (-65_536_i32).cast_unsigned(), 0, 0, 0, 0, 1 << 30];

fn ftyp(brand: &[u8; 4]) -> Vec<u8> {
    a_box(b"ftyp", &[brand, &[0; 4][..], b"isom"].concat())
}

fn mvhd(duration: u32) -> Vec<u8> {
    let mut content = words(&[2_082_844_800, 0, 1000, duration, 1 << 16, 0, 0, 0]);
    content.extend(words(&AS_IS));
    content.extend([0; 28]);
    full(b"mvhd", 0, 0, &content)
}

/// A track in the form that the tests need.
struct Track<'a> {
    id: u32,
    handler: &'a [u8; 4],
    matrix: [u32; 9],
    timescale: u32,
    language: u16,
    stsd: Vec<u8>,
    /// Counts and durations.
    times: &'a [u32],
    sizes: &'a [u32],
    offsets: &'a [u32],
    before: Vec<u8>,
    after: Vec<u8>,
}

impl Default for Track<'_> {
    fn default() -> Self {
        Self {
            id: 1,
            handler: b"vide",
            matrix: AS_IS,
            timescale: 30_000,
            language: 0x1598 + 2,
            stsd: entry(b"SVQ3", &video(640, 360)),
            times: &[60, 1001],
            sizes: &[1000; 60],
            offsets: &[100],
            before: Vec::new(),
            after: Vec::new(),
        }
    }
}

impl Track<'_> {
    fn build(&self) -> Vec<u8> {
        let mut tkhd = words(&[0, 0, self.id, 0, 0, 0, 0, 0, 0]);
        tkhd.extend(words(&self.matrix));
        tkhd.extend(words(&[640 << 16, 360 << 16]));
        let duration = self.times.chunks(2).map(|pair| pair[0] * pair[1]).sum();
        let mut mdhd = words(&[0, 0, self.timescale, duration]);
        mdhd.extend(self.language.to_be_bytes());
        mdhd.extend([0; 2]);
        let hdlr = [&[0; 4][..], self.handler, &[0; 12], b"Name\0"].concat();
        let table = |kind, numbers: &[u32], count: usize| {
            full(kind, 0, 0, &[words(&[count as u32]), words(numbers)].concat())
        };
        let mut sizes = words(&[0, self.sizes.len() as u32]);
        sizes.extend(words(self.sizes));
        let chunks = [1, (self.sizes.len() / self.offsets.len().max(1)) as u32, 1];
        let stbl = all(&[
            full(b"stsd", 0, 0, &[words(&[1]), self.stsd.clone()].concat()),
            table(b"stts", self.times, self.times.len() / 2),
            table(b"stsc", &chunks, 1),
            full(b"stsz", 0, 0, &sizes),
            table(b"stco", self.offsets, self.offsets.len()),
        ]);
        let mdia = all(&[
            full(b"mdhd", 0, 0, &mdhd),
            full(b"hdlr", 0, 0, &hdlr),
            a_box(b"minf", &a_box(b"stbl", &stbl)),
        ]);
        let trak = all(&[
            full(b"tkhd", 0, 1, &tkhd),
            self.before.clone(),
            a_box(b"mdia", &mdia),
            self.after.clone(),
        ]);
        a_box(b"trak", &trak)
    }
}

fn entry(format: &[u8; 4], content: &[u8]) -> Vec<u8> {
    a_box(format, &[&[0, 0, 0, 0, 0, 0, 0, 1], content].concat())
}

fn video(width: u16, height: u16) -> Vec<u8> {
    let mut content = vec![0; 16];
    content.extend(width.to_be_bytes());
    content.extend(height.to_be_bytes());
    content.extend([0; 46]);
    content.extend([0, 24, 0xff, 0xff]);
    content
}

fn audio(version: u16, channels: u16, bits: u16, rate: u32) -> Vec<u8> {
    let mut content = version.to_be_bytes().to_vec();
    content.extend([0; 6]);
    content.extend(channels.to_be_bytes());
    content.extend(bits.to_be_bytes());
    content.extend([0; 4]);
    content.extend((rate << 16).to_be_bytes());
    content
}

fn colr(codes: [u16; 3]) -> Vec<u8> {
    let codes: Vec<u8> = codes.iter().flat_map(|code| code.to_be_bytes()).collect();
    a_box(b"colr", &[b"nclx", &codes[..], &[0]].concat())
}

fn esds(object: u8, average: u32) -> Vec<u8> {
    let mut decoder = vec![4, 13, object, 0x15, 0, 0, 0];
    decoder.extend(words(&[average, average]));
    let mut stream = vec![3, 3 + decoder.len() as u8, 0, 1, 0];
    stream.extend(decoder);
    full(b"esds", 0, 0, &stream)
}

fn edits(edits: &[u32]) -> Vec<u8> {
    let mut content = words(&[edits.len() as u32 / 3]);
    content.extend(words(edits));
    a_box(b"edts", &full(b"elst", 0, 0, &content))
}

fn data(data_type: u32, bytes: &[u8]) -> Vec<u8> {
    a_box(b"data", &[&words(&[data_type, 0]), bytes].concat())
}

fn ilst(items: &[Vec<u8>]) -> Vec<u8> {
    let hdlr = full(b"hdlr", 0, 0, &[&[0; 4][..], b"mdir", &[0; 13]].concat());
    full(b"meta", 0, 0, &[hdlr, a_box(b"ilst", &all(items))].concat())
}

fn movie(tracks: &[Vec<u8>], rest: &[Vec<u8>]) -> Vec<u8> {
    a_box(b"moov", &[mvhd(2002), all(tracks), all(rest)].concat())
}

/// A file with most features, for tests with damage.
fn example() -> Vec<u8> {
    let sound = Track {
        id: 2,
        handler: b"soun",
        timescale: 48_000,
        stsd: entry(b"mp4a", &[audio(0, 2, 16, 48_000), esds(0x6b, 128_000)].concat()),
        times: &[90, 1024],
        sizes: &[400; 90],
        ..Track::default()
    };
    let text = Track {
        id: 3,
        handler: b"text",
        timescale: 1000,
        stsd: entry(b"text", &[0; 20]),
        times: &[1, 1000, 1, 1002],
        sizes: &[5, 5],
        offsets: &[44],
        ..Track::default()
    };
    let picture = Track {
        stsd: entry(b"SVQ3", &[video(640, 360), colr([9, 16, 9])].concat()),
        before: [edits(&[2002, 0, 1 << 16]), a_box(b"tref", &a_box(b"chap", &words(&[3])))]
            .concat(),
        matrix: TURNED,
        ..Track::default()
    };
    let tags = a_box(
        b"udta",
        &ilst(&[
            a_box(b"\xa9nam", &data(1, "Ein Film".as_bytes())),
            a_box(b"trkn", &data(0, &[0, 0, 0, 3, 0, 12, 0, 0])),
            a_box(b"covr", &data(13, b"\xff\xd8\xff\xe0")),
        ]),
    );
    let tracks = [picture.build(), sound.build(), text.build()];
    [
        ftyp(b"isom"),
        a_box(b"mdat", b"abcdefgh\0\0\0\0\0\0\0\0\0\x03One\0\x03Two...."),
        movie(&tracks, &[tags]),
    ]
    .concat()
}

#[test]
fn brands_determine_the_container() {
    for (brand, container) in
        [(b"isom", "mp4"), (b"qt  ", "mov"), (b"3gp5", "3gp"), (b"M4A ", "mp4"), (b"3g2a", "3gp")]
    {
        let file = [ftyp(brand), movie(&[Track::default().build()], &[])].concat();
        assert_eq!(probe(&file).unwrap().container, container);
    }
    assert_eq!(probe(&movie(&[Track::default().build()], &[])).unwrap().container, "mov");
}

#[test]
fn tracks_are_described_by_their_headers_and_tables() {
    let media = probe(&example()).unwrap();
    assert_eq!(media.duration_seconds, Some(2.002));
    assert_eq!(media.unsure, [""; 0]);
    let [picture, sound, text, cover] = &media.tracks[..] else { panic!("{media:#?}") };
    assert_eq!((picture.track_type, picture.codec.as_deref()), (TrackType::Video, Some("svq3")));
    assert_eq!((picture.width, picture.height, picture.rotation), (Some(640), Some(360), Some(90)));
    assert_eq!(picture.frame_rate.as_deref(), Some("30000/1001"));
    assert_eq!(picture.duration_seconds, Some(2.002));
    assert_eq!(picture.bit_rate, Some(60_000 * 8 * 30_000 / 60_060));
    assert_eq!(picture.color_transfer.as_deref(), Some("smpte2084"));
    assert!(picture.default);
    assert_eq!(sound.codec.as_deref(), Some("mp3"));
    assert_eq!((sound.channels, sound.sample_rate), (Some(2), Some(48_000)));
    assert_eq!((text.track_type, text.codec.as_deref()), (TrackType::Other, Some("bin_data")));
    assert_eq!((cover.track_type, cover.codec.as_deref()), (TrackType::Attachment, Some("mjpeg")));
    assert_eq!(cover.index, 3);
    assert_eq!(media.tags["title"], "Ein Film");
    assert_eq!(media.tags["track"], "3/12");
    let chapters: Vec<_> = media
        .chapters
        .iter()
        .map(|chapter| (chapter.start_seconds, &**chapter.title.as_ref().unwrap()))
        .collect();
    assert_eq!(chapters, [(0.0, "One"), (1.0, "Two")]);
    assert_eq!(media.chapters[0].end_seconds, Some(1.0));
}

#[test]
fn large_boxes_and_boxes_up_to_the_end_are_skipped() {
    let mut wide = words(&[1]);
    wide.extend(b"mdat");
    wide.extend(24_u64.to_be_bytes());
    wide.extend([0; 8]);
    let moov = movie(&[Track::default().build()], &[]);
    let media = probe(&[ftyp(b"isom"), wide, moov.clone()].concat()).unwrap();
    assert_eq!(media.tracks.len(), 1);
    let to_the_end = [&[0; 4][..], b"mdat", &[0; 100]].concat();
    let media = probe(&[ftyp(b"isom"), moov.clone(), to_the_end.clone()].concat()).unwrap();
    assert!(media.warnings.is_empty());
    assert!(matches!(probe(&[ftyp(b"isom"), to_the_end].concat()), Err(Problem::Damaged(_))));
    let mut cut = words(&[5000]);
    cut.extend(b"mdat....");
    let room = [&words(&[8])[..], b"free"].concat();
    for between in [vec![], room.clone(), [&words(&[99])[..], b"free"].concat()] {
        let data = [ftyp(b"isom"), moov.clone(), between, cut.clone()].concat();
        assert_eq!(probe(&data).unwrap().warnings, ["the file is cut off within its data"]);
    }
    let media = probe(&[ftyp(b"isom"), moov].concat()).unwrap();
    assert_eq!(media.warnings, ["the file is cut off before its data"]);
}

#[test]
fn edits_shorten_tracks() {
    let track =
        Track { before: edits(&[500, u32::MAX, 1 << 16, 1000, 0, 1 << 16]), ..Track::default() };
    let media = probe(&[ftyp(b"isom"), movie(&[track.build()], &[])].concat()).unwrap();
    assert_eq!(media.tracks[0].duration_seconds, Some(1.5));
}

#[test]
fn sound_descriptions_have_versions() {
    let read = |brand: &[u8; 4], stsd: Vec<u8>| {
        let track = Track {
            handler: b"soun",
            timescale: 44_100,
            stsd,
            times: &[44_100, 1],
            sizes: &[],
            ..Track::default()
        };
        let file = [ftyp(brand), movie(&[track.build()], &[])].concat();
        probe(&file).unwrap().tracks.remove(0)
    };
    let track = read(b"qt  ", entry(b"sowt", &audio(0, 1, 16, 44_100)));
    assert_eq!((track.codec.as_deref(), track.bit_rate), (Some("pcm_s16le"), Some(705_600)));
    let one = [audio(1, 2, 24, 44_100), vec![0; 16], a_box(b"enda", &[0, 1])].concat();
    let track = read(b"qt  ", entry(b"in24", &one));
    assert_eq!((track.codec.as_deref(), track.bit_depth), (Some("pcm_s24le"), Some(24)));
    let mut two = audio(2, 3, 16, 1);
    two.extend(words(&[72]));
    two.extend(96_000_f64.to_be_bytes());
    two.extend(words(&[6, 0x7f00_0000, 32, 1, 24, 1]));
    let track = read(b"qt  ", entry(b"lpcm", &two));
    assert_eq!(track.codec.as_deref(), Some("pcm_f32le"));
    assert_eq!((track.channels, track.sample_rate), (Some(6), Some(96_000)));
}

#[test]
fn encrypted_tracks_have_the_codec_inside() {
    let sinf = a_box(b"sinf", &a_box(b"frma", b"mp4v"));
    let stsd = entry(b"encv", &[video(64, 48), sinf].concat());
    let track = Track { stsd, ..Track::default() };
    let media = probe(&[ftyp(b"isom"), movie(&[track.build()], &[])].concat()).unwrap();
    assert_eq!(media.tracks[0].codec.as_deref(), Some("mpeg4"));
    assert_eq!(media.tracks[0].width, Some(64));
}

#[test]
fn dolby_vision_has_a_profile_and_a_compatibility_id() {
    for (second, compatibility, name) in [(16, 0x10, "8.1"), (10, 0, "5")] {
        let dvcc = a_box(b"dvcC", &[1, 0, second, 0x35, compatibility, 0]);
        let stsd = entry(b"mp4v", &[video(64, 48), dvcc].concat());
        let track = Track { stsd, ..Track::default() };
        let media = probe(&[ftyp(b"isom"), movie(&[track.build()], &[])].concat()).unwrap();
        assert_eq!(media.tracks[0].dolby_vision_profile.as_deref(), Some(name));
    }
}

#[test]
fn roles_become_dispositions_and_extended_languages_and_titles_are_used() {
    let kind = full(b"kind", 0, 0, b"urn:mpeg:dash:role:2011\0forced-subtitle\0");
    let kind = [a_box(b"name", b"Director Commentary"), kind].concat();
    let track = Track {
        handler: b"sbtl",
        stsd: entry(b"tx3g", &[0; 38]),
        language: 2,
        after: a_box(b"udta", &kind),
        ..Track::default()
    };
    let media = probe(&[ftyp(b"isom"), movie(&[track.build()], &[])].concat()).unwrap();
    let track = &media.tracks[0];
    assert_eq!((track.track_type, track.codec.as_deref()), (TrackType::Subtitle, Some("mov_text")));
    assert!(track.forced);
    assert_eq!(track.language, "ger");
    assert_eq!(track.title.as_deref(), Some("Director Commentary"));
}

fn fragmented(index: bool) -> Vec<u8> {
    let track = Track { times: &[], sizes: &[], offsets: &[], ..Track::default() };
    let trex = full(b"trex", 0, 0, &words(&[1, 1, 1001, 500, 0]));
    let moov = movie(&[track.build()], &[a_box(b"mvex", &trex)]);
    let fragment = |time: u32| {
        let traf = all(&[
            full(b"tfhd", 0, 0x2_0000, &words(&[1])),
            full(b"tfdt", 0, 0, &words(&[time])),
            full(b"trun", 0, 0x201, &words(&[3, 100, 500, 600, 700])),
        ]);
        [a_box(b"moof", &a_box(b"traf", &traf)), a_box(b"mdat", &[0; 1800])].concat()
    };
    let fragments: Vec<u8> = (0..4).flat_map(|number| fragment(number * 3003)).collect();
    let sidx = full(
        b"sidx",
        0,
        0,
        &words(&[1, 30_000, 0, 0, 1, fragments.len() as u32, 12_012, 0x9000_0000]),
    );
    [ftyp(b"iso6"), moov, if index { sidx } else { Vec::new() }, fragments].concat()
}

#[test]
fn fragments_are_added_up_or_described_by_an_index() {
    for index in [true, false] {
        let media = probe(&fragmented(index)).unwrap();
        let track = &media.tracks[0];
        assert_eq!(track.frame_rate.as_deref(), Some("30000/1001"));
        assert_eq!(track.duration_seconds, Some(0.4004), "{index}");
        assert_eq!(media.duration_seconds, Some(0.4004));
        assert!(media.unsure.is_empty());
    }
    let rate = |index| probe(&fragmented(index)).unwrap().tracks[0].bit_rate;
    assert_eq!(rate(false), Some(7200 * 8 * 30_000 / 12_012));
    // Including their headers, as in the index.
    let whole = fragmented(false).len()
        - fragmented(false).windows(4).position(|k| k == b"moof").unwrap()
        + 4;
    assert_eq!(rate(true), Some(whole as u64 * 8 * 30_000 / 12_012));
}

#[test]
fn each_track_may_have_an_index_before_each_fragment() {
    let empty = || Track { times: &[], sizes: &[], offsets: &[], ..Track::default() };
    let tracks = [empty().build(), Track { id: 2, ..empty() }.build()];
    let trex = |id| full(b"trex", 0, 0, &words(&[id, 1, 1001, 500, 0]));
    let mut file = ftyp(b"iso6");
    file.extend(movie(&tracks, &[a_box(b"mvex", &[trex(1), trex(2)].concat())]));
    for number in 0..2 {
        let traf = |id| {
            let header = full(b"tfhd", 0, 0x2_0000, &words(&[id]));
            let time = full(b"tfdt", 0, 0, &words(&[number * 3003]));
            a_box(b"traf", &[header, time, full(b"trun", 0, 1, &words(&[3, 100]))].concat())
        };
        let moof = a_box(b"moof", &[traf(1), traf(2)].concat());
        let fragment = [moof, a_box(b"mdat", &[0; 900])].concat();
        let index = |id, gap: u32, duration| {
            let rest = [1, fragment.len() as u32, duration, 0x9000_0000];
            let times = [id, 30_000, number * 3003, gap];
            full(b"sidx", 0, 0, &words(&[&times[..], &rest].concat()))
        };
        let second = index(2, 0, 4000);
        file.extend(index(1, second.len() as u32, 3003));
        file.extend([second, fragment].concat());
    }
    let media = probe(&file).unwrap();
    assert_eq!(media.tracks[0].duration_seconds, Some(6006.0 / 30_000.0));
    assert_eq!(media.tracks[1].duration_seconds, Some(7003.0 / 30_000.0));
}

#[test]
fn fragments_without_headers_are_a_segment_with_the_length_of_its_index() {
    let file = fragmented(false);
    let start = file.windows(4).position(|kind| kind == b"moof").unwrap() - 4;
    let segment = probe(&file[start..]).unwrap();
    assert_eq!((&*segment.container, segment.tracks.len()), ("mp4", 0));
    assert_eq!((segment.duration_seconds, segment.warnings.len()), (None, 1));
    let kind = a_box(b"styp", b"msdh\0\0\0\0msdh");
    let index = full(b"sidx", 0, 0, &words(&[1, 1000, 60_000, 0, 2, 100, 2000, 0, 100, 2500, 0]));
    let segment = probe(&[&kind[..], &index, &file[start..]].concat()).unwrap();
    assert_eq!((segment.duration_seconds, segment.warnings.len()), (Some(4.5), 1));
}

#[test]
fn fragments_that_begin_late_are_as_long_as_their_samples() {
    let traf = |time: u32| {
        let header = full(b"tfhd", 0, 0x2_0000, &words(&[1]));
        let time = full(b"tfdt", 0, 0, &words(&[time]));
        a_box(b"traf", &[header, time, full(b"trun", 0, 1, &words(&[3, 100]))].concat())
    };
    for (begin, seconds) in [(0, 3003.0), (15_000, 18_003.0), (3_000_000, 3003.0)] {
        let track = Track { times: &[], sizes: &[], offsets: &[], ..Track::default() };
        let defaults = full(b"trex", 0, 0, &words(&[1, 1, 1001, 500, 0]));
        let mut file = movie(&[track.build()], &[a_box(b"mvex", &defaults)]);
        file.extend(a_box(b"moof", &traf(begin)));
        file.extend(a_box(b"mdat", &[0; 900]));
        let media = probe(&file).unwrap();
        assert_eq!(media.duration_seconds, Some(seconds / 30_000.0));
        assert_eq!(media.tracks[0].duration_seconds, Some(seconds / 30_000.0));
    }
}

#[test]
fn compressed_headers_are_inflated_within_limits() {
    let plain = example();
    let start = plain.windows(4).position(|kind| kind == b"moov").unwrap() - 4;
    let size = u32::from_be_bytes(plain[start..start + 4].try_into().unwrap()) as usize;
    let compressed = |headers: &[u8], length: usize| {
        let data = miniz_oxide::deflate::compress_to_vec_zlib(headers, 6);
        let data = [&words(&[length as u32])[..], &data].concat();
        let inside = [a_box(b"dcom", b"zlib"), a_box(b"cmvd", &data)].concat();
        let moov = a_box(b"moov", &a_box(b"cmov", &inside));
        [&plain[..start], &moov, &plain[start + size..]].concat()
    };
    let expected = probe(&plain).unwrap();
    let media = probe(&compressed(&plain[start..start + size], size)).unwrap();
    assert_eq!(media.tracks[0].codec, expected.tracks[0].codec);
    assert_eq!(media.duration_seconds, expected.duration_seconds);
    for length in [100, 7_000_000] {
        let bomb = compressed(&vec![0; 7_000_000], length);
        assert!(bomb.len() < 16_000);
        assert!(matches!(probe(&bomb), Err(Problem::Final(_))));
    }
    assert!(matches!(probe(&compressed(b"nothing of use", 14)), Err(Problem::Damaged(_))));
}

#[test]
fn with_more_fragments_than_are_read_the_duration_is_unsure() {
    let mut file = fragmented(false);
    let fragment = |number: u32| {
        let traf = all(&[
            full(b"tfhd", 0, 0x2_0000, &words(&[1])),
            full(b"tfdt", 0, 0, &words(&[number * 3003])),
            full(b"trun", 0, 1, &words(&[3, 100])),
        ]);
        [a_box(b"moof", &a_box(b"traf", &traf)), a_box(b"mdat", &[0; 20_000])].concat()
    };
    file.extend((4..79).flat_map(fragment));
    let last = file.len() as u32;
    file.extend(fragment(79));
    assert_eq!(probe(&file).unwrap().unsure.len(), 1);
    // The table at the end contains the last fragment, from which the duration follows.
    let tfra = full(b"tfra", 0, 0, &[&words(&[1, 0, 1, 79 * 3003, last])[..], &[1; 3]].concat());
    let length = tfra.len() as u32 + 8 + 16;
    file.extend(a_box(b"mfra", &[tfra, full(b"mfro", 0, 0, &words(&[length]))].concat()));
    let media = probe(&file).unwrap();
    assert_eq!(media.unsure.len(), 1);
    assert_eq!(media.tracks[0].duration_seconds, Some(80.0 * 0.1001));
}

fn quicktime_keys() -> Vec<u8> {
    let key = |name: &[u8]| a_box(b"mdta", name);
    let names = [key(b"com.apple.quicktime.make"), key(b"com.apple.quicktime.model")];
    let keys = full(b"keys", 0, 0, &[words(&[2]), all(&names)].concat());
    let items = [
        a_box(&[0, 0, 0, 1], &data(1, b"Apple")),
        a_box(&[0, 0, 0, 2], &data(1, b"iPhone")),
        a_box(&[0, 0, 0, 9], &data(1, b"no key")),
    ];
    let hdlr = full(b"hdlr", 0, 0, &[&[0; 4][..], b"mdta", &[0; 13]].concat());
    a_box(b"meta", &[hdlr, keys, a_box(b"ilst", &all(&items))].concat())
}

#[test]
fn tags_of_itunes_quicktime_and_3gpp_are_read() {
    let free = a_box(
        b"----",
        &all(&[
            full(b"mean", 0, 0, b"com.apple.iTunes"),
            full(b"name", 0, 0, b"LABEL"),
            data(1, b"Some Label"),
        ]),
    );
    let mut place = vec![0, 18, 0x15, 0xc7];
    place.extend(b"+40.680-074.500/  ");
    let udta = a_box(
        b"udta",
        &all(&[
            a_box(b"\xa9xyz", &place),
            a_box(b"\xa9mak", b"\0\x03\0\0Abc"),
            ilst(&[free, a_box(b"cpil", &data(21, &[1])), a_box(b"gnre", &data(0, &[0, 18]))]),
        ]),
    );
    let moov = movie(&[Track::default().build()], &[quicktime_keys(), udta]);
    let media = probe(&[ftyp(b"qt  "), moov].concat()).unwrap();
    for (name, text) in [
        ("com.apple.quicktime.make", "Apple"),
        ("com.apple.quicktime.model", "iPhone"),
        ("label", "Some Label"),
        ("compilation", "1"),
        ("genre", "Rock"),
        ("location", "+40.680-074.500/"),
        ("make", "Abc"),
        ("creation_time", "1970-01-01T00:00:00.000000Z"),
    ] {
        assert_eq!(media.tags.get(name).map(String::as_str), Some(text), "{name}");
    }
}

fn heif() -> Vec<u8> {
    let infe = |id: u16, kind: &[u8; 4]| {
        full(b"infe", 2, 0, &[&id.to_be_bytes()[..], &[0, 0], kind, &[0]].concat())
    };
    let iinf = full(b"iinf", 0, 0, &[vec![0, 2], infe(1, b"hvc1"), infe(2, b"Exif")].concat());
    let ipco = a_box(
        b"ipco",
        &all(&[
            full(b"ispe", 0, 0, &words(&[64, 64])),
            full(b"ispe", 0, 0, &words(&[4032, 3024])),
            full(b"pixi", 0, 0, &[3, 10, 10, 10]),
            a_box(b"irot", &[3]),
        ]),
    );
    let ipma = full(b"ipma", 0, 0, &[&words(&[1])[..], &[0, 1, 3, 2, 3, 0x84]].concat());
    let exif = b"\0\0\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0";
    let mut iloc = vec![0x44, 0, 0, 1, 0, 2, 0, 1, 0, 0, 0, 1];
    iloc.extend(words(&[0, exif.len() as u32]));
    let meta = all(&[
        full(b"hdlr", 0, 0, &[&[0; 4][..], b"pict", &[0; 13]].concat()),
        full(b"pitm", 0, 0, &[0, 1]),
        iinf,
        a_box(b"iprp", &[ipco, ipma].concat()),
        full(b"iloc", 1, 0, &iloc),
        a_box(b"idat", exif),
    ]);
    [ftyp(b"heic"), full(b"meta", 0, 0, &meta)].concat()
}

#[test]
fn pictures_have_the_properties_of_their_primary_item() {
    let media = probe(&heif()).unwrap();
    assert_eq!(media.container, "heif");
    let photo = media.photo.unwrap();
    assert_eq!((photo.width, photo.height), (Some(4032), Some(3024)));
    assert_eq!((photo.bit_depth, photo.orientation), (Some(10), Some(6)));
    assert!(media.tracks.is_empty());
}

#[test]
fn pictures_that_are_cut_off_have_a_warning() {
    let whole = heif();
    let warnings = |file: &[u8]| probe(file).unwrap().warnings;
    assert!(warnings(&whole).is_empty());
    let data = a_box(b"mdat", &[0; 100]);
    assert!(warnings(&[&whole[..], &data].concat()).is_empty());
    let cut = warnings(&[&whole[..], &data[..60]].concat());
    assert_eq!(cut, ["the file is cut off within its data"]);
}

#[test]
fn raw_files_of_canon_contain_tiff_structures() {
    // One entry: the maker of the camera.
    let mut tiff = b"MM\0*\0\0\0\x08\0\x01\x01\x0f\0\x02\0\0\0\x06\0\0\0\x1a\0\0\0\0".to_vec();
    tiff.extend(b"Canon\0");
    let id = b"\x85\xc0\xb6\x87\x82\x0f\x11\xe0\x81\x11\xf4\xce\x46\x2b\x6a\x48";
    let uuid = a_box(b"uuid", &[&id[..], &a_box(b"CMT1", &tiff)].concat());
    let media = probe(&[ftyp(b"crx "), a_box(b"moov", &uuid)].concat()).unwrap();
    assert_eq!(media.container, "cr3");
    assert_eq!(media.photo.unwrap().camera_make.as_deref(), Some("Canon"));
}

#[test]
fn nested_boxes_that_claim_to_be_endless_are_read_in_finite_time() {
    for size in [0_u32, 1, 7, 8, u32::MAX] {
        let mut moov = words(&[size]);
        moov.extend(b"trak");
        moov.extend(u64::MAX.to_be_bytes());
        let file = [ftyp(b"isom"), a_box(b"moov", &moov)].concat();
        let answer = probe(&file);
        assert!(!matches!(answer, Err(Problem::Panic(_))), "{answer:?}");
    }
}

/// All kinds of files that are built here.
fn examples() -> Vec<Vec<u8>> {
    let keys = movie(&[Track::default().build()], &[quicktime_keys()]);
    vec![example(), fragmented(true), fragmented(false), heif(), [ftyp(b"qt  "), keys].concat()]
}

#[test]
fn files_that_are_cut_off_anywhere_do_not_cause_a_panic() {
    for file in examples() {
        for length in 0..file.len().min(8000) {
            let answer = probe(&file[..length]);
            assert!(!matches!(answer, Err(Problem::Panic(_))), "{length}: {answer:?}");
        }
    }
}

#[test]
fn flipped_bits_do_not_cause_a_panic() {
    let mut state = 1_u64;
    let mut random = move |below: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for file in examples() {
        for _ in 0..1500 {
            let mut damaged = file.clone();
            for _ in 0..1 + random(6) {
                let place = random(damaged.len());
                damaged[place] ^= 1 << random(8);
            }
            let answer = probe(&damaged);
            assert!(!matches!(answer, Err(Problem::Panic(_))), "{answer:?}");
        }
    }
}
