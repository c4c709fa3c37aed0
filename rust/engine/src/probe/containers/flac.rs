//! FLAC (RFC 9639): metadata blocks, possibly after ID3 tags. The sound is not read.

use super::vorbis_comment::{self, Comments, close_chapters};
use super::{flac_frame, id3, picture};
use crate::probe::codec::audio::xiph;
use crate::probe::codec::bits::{Bits, be16, be32};
use crate::probe::model::{Chapter, Media, Name, Track, TrackType};
use crate::probe::problem::{Problem, Result};
use crate::probe::source::Source;

/// No file has more blocks unless it is malicious.
const MOST_BLOCKS: usize = 100;

/// The most bytes of a picture that are read, to get its size.
const PICTURE: usize = 8 * 1024;

/// Reads the properties of a FLAC file.
pub fn read(source: &mut Source<'_>) -> Result<Media> {
    let mut media = Media::new("flac");
    let id3 = id3::read(source, 0)?;
    if source.bytes(id3.end, 4)? != b"fLaC" {
        return Err(Problem::damaged("there is no `fLaC` at the beginning"));
    }
    let mut track = Track::new(0, TrackType::Audio);
    track.codec = Some(Name::Borrowed("flac"));
    let mut pictures = Vec::new();
    let (mut info, mut block) = (None, 0);
    let mut sheet = Vec::new();
    let mut at = id3.end + 4;
    for _ in 0..MOST_BLOCKS {
        let Some(header) = be32(source.up_to(at, 4)?, 0) else {
            media.warn("the file ends before its sound begins");
            break;
        };
        let (kind, length) = (header >> 24 & 0x7f, (header & 0xff_ffff) as usize);
        let body = at + 4;
        at = body + length as u64;
        match kind {
            // Behind a block with a wrong length, anything may look like another one.
            0 if info.is_none() => {
                let bytes = source.up_to(body, length.min(64))?;
                info = xiph::stream_info(bytes);
                block = be16(bytes, 0).unwrap_or(0).into();
            }
            4 => {
                let mut comments = Comments::default();
                let result = vorbis_comment::read(source, body, length as u64, &mut comments);
                media.note_problem(result)?;
                if comments.cut {
                    media.warn("the comments are damaged");
                }
                media.tags = comments.tags;
                media.chapters.extend(comments.chapters);
                pictures.extend(comments.pictures);
            }
            5 => sheet = source.up_to(body, length.min(PICTURE))?.to_vec(),
            6 => {
                let start = source.up_to(body, length.min(PICTURE))?;
                if let Some((mut picture, place)) = vorbis_comment::picture_block(start) {
                    if picture.width.is_none() && picture.codec.as_deref() == Some("mjpeg") {
                        let rest = length.saturating_sub(place) as u64;
                        picture::set_size_at(&mut picture, source, body + place as u64, rest)?;
                    }
                    pictures.push(picture);
                }
            }
            _ => {}
        }
        if header >> 31 == 1 {
            break;
        }
    }
    let info = info.ok_or_else(|| {
        Problem::damaged("the description of the sound (STREAMINFO) is missing or invalid")
    })?;
    xiph::apply_stream_info(&mut track, info);
    if let Some(mask) = media.tags.remove("waveformatextensible_channel_mask") {
        xiph::set_channel_mask(&mut track, &mask);
    }
    let rate = f64::from(info.sample_rate);
    let (start, ending) = source.ending()?;
    let sound = ending.get(usize::try_from(at.saturating_sub(start)).unwrap_or(usize::MAX)..);
    let most = Some(info.samples).filter(|&samples| samples != 0);
    let last = flac_frame::last_sample(sound.unwrap_or_default(), block, most);
    if let Some(last) = last
        && last < info.samples
    {
        media.warn("the file is cut off");
    }
    // Programs that wrote into a pipe do not know the number of samples before the end.
    if let Some(samples) = most.or(last) {
        let seconds = samples as f64 / rate;
        track.duration_seconds = Some(seconds);
        media.duration_seconds = Some(seconds);
        media.bit_rate = Some((source.len() as f64 * 8.0 / seconds) as u64);
    } else {
        media.doubt("duration");
    }
    if media.chapters.is_empty() {
        media.chapters = cue_sheet(&sheet, rate).unwrap_or_default();
    }
    close_chapters(&mut media.chapters, media.duration_seconds);
    if at > source.len() {
        media.warn("the file ends before its sound begins");
    }
    media.tracks.push(track);
    for mut picture in pictures {
        picture.index = media.tracks.len() as u32;
        media.tracks.push(picture);
    }
    if media.tags.is_empty() {
        media.tags = id3.tags;
    }
    Ok(media)
}

/// Reads a cue sheet's tracks as chapters. The last track is the end of the disc.
fn cue_sheet(block: &[u8], rate: f64) -> Option<Vec<Chapter>> {
    let mut bits = Bits::new(block);
    bits.skip(395 * 8)?;
    let count = bits.get(8)?.checked_sub(1)?;
    let mut chapters = Vec::new();
    for _ in 0..count {
        let start = u64::from(bits.get(32)?) << 32 | u64::from(bits.get(32)?);
        bits.skip(8)?;
        let mut title = String::new();
        for _ in 0..12 {
            title.push(char::from(bits.get(8)? as u8));
        }
        bits.skip(14 * 8)?;
        let indices = bits.get(8)? as usize;
        bits.skip(indices * 12 * 8)?;
        let start_seconds = start as f64 / rate;
        chapters.push(Chapter { start_seconds, end_seconds: None, title: Some(title) });
    }
    Some(chapters)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::containers::flac_frame::tests::sound;
    use crate::probe::containers::testing;
    use crate::probe::containers::vorbis_comment::tests::build;

    fn block(kind: u8, last: bool, body: &[u8]) -> Vec<u8> {
        let length = (body.len() as u32).to_be_bytes();
        [&[kind | u8::from(last) << 7], &length[1..], body].concat()
    }

    /// 48 kHz, stereo, 24 bits, two seconds.
    fn info() -> Vec<u8> {
        let mut info = vec![0; 34];
        info[10..18].copy_from_slice(&[0x0b, 0xb8, 0x03, 0x70, 0, 1, 0x77, 0]);
        info
    }

    fn picture(length: usize) -> Vec<u8> {
        let mut picture = b"\0\0\0\x03\0\0\0\x09image/png\0\0\0\0\0\0\x02\0\0\0\x01\0".to_vec();
        picture.extend([0; 12]);
        picture.resize(picture.len() + length, 1);
        picture
    }

    fn file() -> Vec<u8> {
        let comments = build(&["TITLE=One", "ALBUMARTIST=Two"]);
        [
            b"fLaC".to_vec(),
            block(0, false, &info()),
            block(6, false, &picture(10)),
            block(4, true, &comments),
        ]
        .concat()
    }

    #[test]
    fn blocks_contain_all_properties() {
        let media = testing::probe(&file(), "flac").unwrap();
        assert_eq!(media.duration_seconds, Some(2.0));
        assert_eq!(media.tracks[0].bit_depth, Some(24));
        assert_eq!(media.tracks[0].channel_layout.as_deref(), Some("stereo"));
        assert_eq!(media.tracks[1].track_type, TrackType::Attachment);
        assert_eq!(media.tracks[1].width, Some(512));
        assert_eq!((&*media.tags["title"], &*media.tags["album_artist"]), ("One", "Two"));
    }

    #[test]
    fn the_first_description_of_the_sound_counts() {
        let mut other = info();
        other[10] = 0xff;
        let blocks = [block(0, false, &info()), block(0, true, &other)].concat();
        let media = testing::probe(&[&b"fLaC"[..], &blocks].concat(), "flac").unwrap();
        assert_eq!(media.tracks[0].sample_rate, Some(48_000));
    }

    #[test]
    fn large_pictures_are_skipped() {
        let data = [
            b"fLaC".to_vec(),
            block(0, false, &info()),
            block(6, false, &picture(5_000_000)),
            block(4, true, &build(&["TITLE=One"])),
        ]
        .concat();
        let mut source = Source::new(&data, data.len() as u64, Default::default());
        assert_eq!(read(&mut source).unwrap().tags["title"], "One");
        // One of them for the end, which is read for the quick hash in any case.
        assert_eq!(source.requests(), 3);
    }

    #[test]
    fn the_last_frame_shows_whether_the_file_is_cut_off() {
        let mut info = info();
        info[..4].copy_from_slice(&[0x10, 0, 0x10, 0]);
        info[14..18].copy_from_slice(&(8u32 * 4096).to_be_bytes());
        let sounds = |frames: u8| -> Vec<u8> { (0..frames).flat_map(sound).collect() };
        let file =
            |info: &[u8], frames| [b"fLaC", &block(0, true, info)[..], &sounds(frames)].concat();
        let whole = testing::probe(&file(&info, 8), "flac").unwrap();
        assert!(whole.warnings.is_empty());
        let cut = testing::probe(&file(&info, 6), "flac").unwrap();
        assert_eq!(cut.warnings, ["the file is cut off"]);
        assert_eq!(cut.duration_seconds, whole.duration_seconds);
        // The number of samples is unknown.
        info[14..18].fill(0);
        let unknown = testing::probe(&file(&info, 8), "flac").unwrap();
        assert_eq!(unknown.duration_seconds, whole.duration_seconds);
        assert!(unknown.unsure.is_empty() && unknown.warnings.is_empty());
    }

    #[test]
    fn pictures_in_comments_are_tracks() {
        let text =
            "METADATA_BLOCK_PICTURE=AAAAAwAAAAlpbWFnZS9wbmcAAAAAAAACAAAAAQAAAAAYAAAAAAAAAAA=";
        let blocks = [block(0, false, &info()), block(4, true, &build(&[text]))].concat();
        let media = testing::probe(&[&b"fLaC"[..], &blocks].concat(), "flac").unwrap();
        let cover = &media.tracks[1];
        assert_eq!((cover.codec.as_deref(), cover.width), (Some("png"), Some(512)));
    }

    #[test]
    fn cue_sheets_become_chapters() {
        let mut sheet = vec![0; 395];
        sheet.push(3);
        for start in [0u64, 48_000, 96_000] {
            sheet.extend(start.to_be_bytes());
            sheet.extend(b"\x01ABCDEFGHIJKL");
            sheet.extend([0; 14]);
            sheet.push(0);
        }
        let data = [b"fLaC".to_vec(), block(0, false, &info()), block(5, true, &sheet)].concat();
        let media = testing::probe(&data, "flac").unwrap();
        let times: Vec<_> =
            media.chapters.iter().map(|one| (one.start_seconds, one.end_seconds)).collect();
        assert_eq!(times, [(0.0, Some(1.0)), (1.0, Some(2.0))]);
    }

    #[test]
    fn damage_does_not_cause_a_panic() {
        testing::damage(&file(), "flac");
    }
}
