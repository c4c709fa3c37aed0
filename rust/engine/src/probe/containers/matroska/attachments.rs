//! Attachments (RFC 9559, section 5.1.6). The attached files are not read.

use super::ebml::{Element, Head};
use super::ids::attachment as ids;
use crate::probe::codec::{self, Framing};
use crate::probe::containers::picture;
use crate::probe::model::{Name, Track, TrackType};
use crate::probe::problem::Result;
use crate::probe::source::Source;

/// The most attachments. Each may need a request to the file system.
const MOST_FILES: usize = 128;

/// The most elements of one attachment that are read.
const MOST_ELEMENTS: usize = 16;

/// Names and types are not longer.
const LONGEST_TEXT: u64 = 4096;

/// The bytes at the beginning of a picture that are read, to get its size.
const HEAD_OF_PICTURE: u64 = 16 * 1024;

/// The most pictures whose beginning is read.
const MOST_PICTURES: usize = 4;

/// The media types for which `ffprobe` reports a codec.
const CODECS: &[(&str, &str)] = &[
    ("image/jpeg", "mjpeg"),
    ("image/png", "png"),
    ("image/gif", "gif"),
    ("image/tiff", "tiff"),
    ("application/x-truetype-font", "ttf"),
    ("application/x-font", "ttf"),
    ("application/vnd.ms-opentype", "otf"),
    ("text/plain", "text"),
    ("binary", "bin_data"),
];

/// Reads the `Attachments` element whose data is between `data` and `end`, as tracks that are
/// numbered later. Also returns whether these are all attachments.
pub fn read(source: &mut Source<'_>, data: u64, end: u64) -> Result<(Vec<Track>, bool)> {
    let mut tracks = Vec::new();
    let mut pictures = 0;
    let mut position = data;
    while position < end.min(source.len()) {
        if tracks.len() >= MOST_FILES {
            return Ok((tracks, false));
        }
        let Some(head) = Head::read(source, position)? else { return Ok((tracks, false)) };
        let data = position + head.length as u64;
        let Some(next) = head.size.and_then(|size| data.checked_add(size)) else {
            return Ok((tracks, false));
        };
        if head.id == ids::FILE
            && let Some((mut track, picture)) = read_file(source, data, next.min(end))?
        {
            if is_picture(&track) && pictures < MOST_PICTURES {
                pictures += 1;
                let (data, length) = picture;
                let bytes = source.up_to(data, length.min(HEAD_OF_PICTURE) as usize)?;
                codec::read_packet(&mut track, bytes, Framing::default());
                if track.width.is_none() && track.codec.as_deref() == Some("mjpeg") {
                    picture::set_size_at(&mut track, source, data, length)?;
                }
            }
            tracks.push(track);
        }
        position = next;
    }
    Ok((tracks, true))
}

/// One attachment, and where its data is. None if it lacks an element that `ffprobe`
/// requires.
fn read_file(source: &mut Source<'_>, start: u64, end: u64) -> Result<Option<(Track, (u64, u64))>> {
    let (mut name, mut media_type, mut place) = (None, None, None);
    let mut position = start;
    for _ in 0..MOST_ELEMENTS {
        let Some(head) = Head::read(source, position)?.filter(|_| position < end) else { break };
        let data = position + head.length as u64;
        let Some(size) = head.size else { break };
        let Some(next) = data.checked_add(size) else { break };
        match head.id {
            ids::NAME | ids::MEDIA_TYPE => {
                let bytes = source.up_to(data, size.min(LONGEST_TEXT) as usize)?;
                let text = Element { id: head.id, data: bytes }.text();
                let field = if head.id == ids::NAME { &mut name } else { &mut media_type };
                *field = Some(text);
            }
            ids::DATA if size > 0 => place = Some((data, size)),
            _ => {}
        }
        if name.is_some() && media_type.is_some() && place.is_some() {
            break;
        }
        position = next;
    }
    let (Some(name), Some(media_type), Some(place)) = (name, media_type, place) else {
        return Ok(None);
    };
    let mut track = Track::new(0, TrackType::Attachment);
    let codec = CODECS.iter().find(|(known, _)| media_type.starts_with(known));
    track.codec = codec.map(|&(_, codec)| Name::Borrowed(codec));
    track.file_name = Some(name);
    track.mime_type = Some(media_type);
    Ok(Some((track, place)))
}

fn is_picture(track: &Track) -> bool {
    track.mime_type.as_deref().is_some_and(|media_type| media_type.starts_with("image/"))
}
