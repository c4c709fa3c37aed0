//! Recognises formats by content.

mod audio;
mod extensions;
mod foreign;
mod list;
mod raw;
mod signatures;

use super::problem::Result;
use super::source::Source;
use super::text;

pub use audio::mpeg_audio_frames;
pub use extensions::extension_fits;
pub use foreign::find as foreign;
pub use list::Format;

/// The bytes that are enough to recognise a format, except after an ID3 tag.
const HEAD: usize = 4096;

/// The bytes in which MPEG audio and program streams are searched for, before which there may
/// be anything. These are no more bytes than `Source` reads at first.
const FAR: usize = 64 * 1024;

impl Format {
    /// Recognises the format of a file; None if it is none of these.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn recognise(source: &mut Source<'_>) -> Result<Option<Self>> {
        let head = source.up_to(0, HEAD)?.to_vec();
        if let Some(format) = by_signature(&head) {
            return Ok(Some(format));
        }
        if let Some(end) = id3_end(&head) {
            return after_id3(source, end);
        }
        if let Some(format) = by_structure(&head) {
            return Ok(Some(format));
        }
        let far = source.up_to(0, FAR)?;
        if let Some(format) = raw::find(far) {
            return Ok(Some(format));
        }
        if has_packs(far) {
            return Ok(Some(Format::MpegPs));
        }
        Ok(audio::sound_in(far).map(|frame| match frame.layer {
            0 => Format::Aac,
            _ => Format::Mp3,
        }))
    }
}

/// Recognises what follows an ID3 tag, which ends at `end`. Programs put such tags before sound
/// of any format. The parsers of MPEG audio, AAC and FLAC skip it, and those of formats with APE tags; the rest is
/// unknown here.
fn after_id3(source: &mut Source<'_>, mut end: u64) -> Result<Option<Format>> {
    let mut after = source.up_to(end, HEAD)?.to_vec();
    for _ in 1..MOST_ID3 {
        let Some(length) = id3_end(&after) else { break };
        end = end.saturating_add(length);
        after = source.up_to(end, HEAD)?.to_vec();
    }
    if after.starts_with(b"fLaC") {
        return Ok(Some(Format::Flac));
    }
    if audio::is_adts(&after) {
        return Ok(Some(Format::Aac));
    }
    if let Some(format) = signatures::after_id3(&after) {
        return Ok(Some(format));
    }
    let is_other = by_signature(&after).is_some()
        || OTHER_SOUND.iter().any(|signature| after.starts_with(signature));
    Ok((!is_other).then_some(Format::Mp3))
}

/// So many ID3 tags may come before the sound.
const MOST_ID3: usize = 4;

/// The signatures of other sound: True Audio of version 2, OptimFROG, AC-3, DTS, Shorten, LA.
const OTHER_SOUND: [&[u8]; 7] =
    [b"TTA2", b"OFR ", b"\x0b\x77", b"\x7f\xfe\x80\x01", b"\xfe\x7f\x01\x80", b"ajkg", b"LA0"];

fn by_signature(head: &[u8]) -> Option<Format> {
    let starts = |signature: &[u8]| head.starts_with(signature);
    let at =
        |offset: usize, text: &[u8]| head.get(offset..).is_some_and(|rest| rest.starts_with(text));
    if starts(b"\x1a\x45\xdf\xa3") {
        Some(Format::Matroska)
    } else if starts(b"\xff\xd8\xff") {
        Some(Format::Jpeg)
    } else if starts(b"\x89PNG\r\n\x1a\n") {
        Some(Format::Png)
    } else if starts(b"FUJIFILMCCD-RAW") {
        Some(Format::Raf)
    } else if starts(b"RIFF") || starts(b"RF64") || starts(b"BW64") {
        match head.get(8..12)? {
            b"AVI " | b"AVIX" | b"AVI\x19" | b"AMV " => Some(Format::Avi),
            b"WAVE" => Some(Format::Wav),
            b"WEBP" => Some(Format::WebP),
            // Video CDs, as a sequence of sectors.
            b"CDXA" => Some(Format::MpegPs),
            _ => None,
        }
    } else if starts(b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00") {
        Some(Format::Wav)
    } else if starts(b"OggS") {
        Some(Format::Ogg)
    } else if starts(b"fLaC") {
        Some(Format::Flac)
    } else if starts(b"FLV\x01") {
        Some(Format::Flv)
    } else if is_tiff(head) {
        Some(Format::Tiff)
    } else if let Some(format) = signatures::find(head) {
        Some(format)
    } else if head.get(4..8).is_some_and(is_first_box) && !at(0, b"\0\0\0\0") {
        Some(Format::IsoMedia)
    } else {
        None
    }
}

/// TIFF's two byte orders, and the variants of Olympus and Panasonic.
fn is_tiff(head: &[u8]) -> bool {
    [b"II*\0", b"MM\0*", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"II+\0", b"MM\0+"]
        .iter()
        .any(|signature| head.starts_with(*signature))
}

/// Whether a file of this family may begin with the box. Files that follow the standard begin
/// with `ftyp`.
fn is_first_box(name: &[u8]) -> bool {
    matches!(
        name,
        b"ftyp"
            | b"styp"
            | b"moov"
            | b"mdat"
            | b"free"
            | b"skip"
            | b"wide"
            | b"pnot"
            | b"moof"
            | b"sidx"
    )
}

/// The end of an ID3v2 tag at the beginning.
fn id3_end(head: &[u8]) -> Option<u64> {
    let header = head.get(..10).filter(|header| header.starts_with(b"ID3"))?;
    let size = header[6..].iter().fold(0, |size, byte| size << 7 | u64::from(byte & 0x7f));
    let footer = if header[5] & 0x10 != 0 { 10 } else { 0 };
    Some(10 + size + footer)
}

/// Recognises formats without a signature, by several consecutive frames or packets.
fn by_structure(head: &[u8]) -> Option<Format> {
    if is_transport_stream(head) {
        Some(Format::MpegTs)
    } else if head.starts_with(&[0, 0, 1, 0xba]) || head.starts_with(&[0, 0, 1, 0xb3]) {
        Some(Format::MpegPs)
    } else if is_xmp(head) {
        Some(Format::Xmp)
    } else if super::photo::other::is_one(head) {
        Some(Format::OtherPhoto)
    } else {
        None
    }
}

/// Whether there are sync bytes at the same place in consecutive packets, which contain
/// something. The first packet may begin anywhere.
fn is_transport_stream(head: &[u8]) -> bool {
    // The last packet may be cut off.
    let in_a_row = |size: usize, start: usize| {
        let mut packets = head[start..].chunks(size).take(LEAST_PACKETS);
        packets.all(|packet| {
            let [sync, flags, _, control, ..] = *packet else { return packet.starts_with(&[0x47]) };
            let is_stuffing = flags & 0x1f == 0x1f;
            sync == 0x47 && (control & 0x30 != 0 || is_stuffing)
        })
    };
    [(188, 0), (192, 4), (204, 0)].iter().any(|&(size, offset)| {
        let least = size * LEAST_PACKETS;
        if head.len() < least {
            // If the file is small, all of it is checked: whole packets, or enough of them.
            let whole = head.len().is_multiple_of(size) || head.len() > size * 4;
            return head.len() >= size * 2 && whole && in_a_row(size, offset);
        }
        (0..=head.len() - least).any(|start| head[start] == 0x47 && in_a_row(size, start))
    })
}

/// Whether there is a pack header with a packet right after it, as in a piece of a program
/// stream.
fn has_packs(head: &[u8]) -> bool {
    let packs = head.windows(4).enumerate().filter(|(_, code)| *code == [0, 0, 1, 0xba]);
    packs.map(|(at, _)| &head[at..]).any(|pack| {
        let length = match *pack {
            [_, _, _, _, first, _, _, _, _, _, _, _, _, stuffing, ..] if first & 0xc4 == 0x44 => {
                14 + usize::from(stuffing & 7)
            }
            [_, _, _, _, first, ..] if first & 0xf1 == 0x21 => 12,
            _ => return false,
        };
        matches!(pack.get(length..), Some([0, 0, 1, 0xbb..=0xef, ..]))
    })
}

/// This many consecutive packets are not a coincidence: they match in 64 bits.
const LEAST_PACKETS: usize = 8;

fn is_xmp(head: &[u8]) -> bool {
    // In UTF-16, the second byte or the third is zero.
    let may_be = matches!(
        head,
        [0xfe, 0xff, ..]
            | [0xff, 0xfe, ..]
            | [0xef, 0xbb, ..]
            | [0, b'<', ..]
            | [b'<' | b'\t'..=b' ', ..]
    );
    if !may_be {
        return false;
    }
    let text = text::by_mark(head);
    let text = text.trim_ascii_start();
    text.starts_with('<')
        && ["<x:xmpmeta", "<?xpacket", "<rdf:RDF", "<x:xapmeta"]
            .iter()
            .any(|mark| text.contains(mark))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::Limits;

    fn recognise(data: &[u8]) -> Option<Format> {
        let mut source = Source::new(&data, data.len() as u64, Limits::default());
        Format::recognise(&mut source).unwrap()
    }

    #[test]
    fn formats_without_a_signature_are_recognised_by_consecutive_packets_or_frames() {
        for (size, offset) in [(188, 0), (192, 4), (204, 0)] {
            let mut data = vec![0; size * 16];
            for packet in 0..16 {
                data[packet * size + offset] = 0x47;
                data[packet * size + offset + 3] = 0x10;
            }
            assert_eq!(recognise(&data), Some(Format::MpegTs));
            assert_eq!(recognise(&data[100..]), Some(Format::MpegTs));
            assert_eq!(recognise(&data[..size * 3]), Some(Format::MpegTs));
            assert_eq!(
                recognise(&[&b"G, something before it"[..], &data].concat()),
                Some(Format::MpegTs)
            );
        }
        let mut adts = vec![0xff, 0xf1, 0x50, 0x80, 0x02, 0x00, 0xfc];
        adts.resize(16, 0);
        let twice = [adts.clone(), adts].concat();
        assert_eq!(recognise(&twice), Some(Format::Aac));
        assert_eq!(recognise(b"ID3\x04\0\0\0\0\0\x02xxfLaC"), Some(Format::Flac));
        assert_eq!(recognise(b"ID3\x04\0\0\0\0\0\x02xx\xff\xfb\x90\x64"), Some(Format::Mp3));
    }

    #[test]
    fn other_sound_after_an_id3_tag_is_not_taken_for_mpeg_audio() {
        let tag = b"ID3\x04\0\0\0\0\0\x02xx";
        for (sound, format) in [
            (&b"MAC \x96\x0f"[..], Some(Format::Ape)),
            (b"MPCKSH", Some(Format::Musepack)),
            (b"MP+\x07", Some(Format::Musepack)),
            (b"TTA1\x01\0", Some(Format::Tta)),
            (b"OggS\0", None),
            (b"OFR \0", None),
            (b"FORM\0\0\0\0AIFF", None),
        ] {
            assert_eq!(recognise(&[&tag[..], sound].concat()), format);
            assert_eq!(recognise(&[&tag[..], tag, sound].concat()), format);
        }
        assert_eq!(recognise(&[&tag[..], tag, b"fLaC"].concat()), Some(Format::Flac));
        assert_eq!(recognise(&[&tag[..], b"\0\0\0\xff\xfb"].concat()), Some(Format::Mp3));
    }

    #[test]
    fn text_and_noise_are_not_media() {
        for data in [&b"hello, world"[..], b"<html><body></body></html>", &[0; 5000], b"G", b"\xff"]
        {
            assert_eq!(recognise(data), None);
        }
    }

    /// A frame of layer 3, 128 kbit/s, 44.1 kHz.
    fn mp3_frame() -> Vec<u8> {
        let mut frame = vec![0xff, 0xfb, 0x90, 0x64];
        frame.resize(417, 0x55);
        frame
    }

    #[test]
    fn sound_is_found_after_zeros_and_parts_of_frames() {
        let frames = mp3_frame().repeat(20);
        assert_eq!(recognise(&frames), Some(Format::Mp3));
        assert_eq!(recognise(&mp3_frame()), Some(Format::Mp3));
        assert_eq!(recognise(&frames[200..]), Some(Format::Mp3));
        assert_eq!(recognise(&[vec![0; 20_000], frames.clone()].concat()), Some(Format::Mp3));
        assert_eq!(recognise(&[vec![0; 70_000], frames].concat()), None);
    }

    #[test]
    fn data_that_only_begins_like_sound_or_packets_is_not_media() {
        let text = "hello, world\n".repeat(600);
        let utf_16 = text.encode_utf16().flat_map(u16::to_le_bytes);
        let utf_16: Vec<u8> = [0xff, 0xfe].into_iter().chain(utf_16).collect();
        for length in [20, 300, 4096, utf_16.len()] {
            assert_eq!(recognise(&utf_16[..length]), None);
        }
        assert_eq!(recognise(&[0xff; 70_000]), None);
        assert_eq!(recognise(&[b'G'; 70_000]), None);
        let mut text = vec![b'p'; 250];
        text[0] = b'G';
        text[188] = b'G';
        assert_eq!(recognise(&text), None);
    }

    #[test]
    fn a_piece_of_a_program_stream_is_recognised() {
        let pack = [0, 0, 1, 0xba, 0x44, 0, 4, 0, 4, 1, 0, 0, 3, 0xf8, 0, 0, 1, 0xe0];
        assert_eq!(recognise(&[&[7; 3000][..], &pack, &[7; 3000]].concat()), Some(Format::MpegPs));
        assert_eq!(recognise(&[&[7; 3000][..], &pack[..14], &[7; 3000]].concat()), None);
    }

    #[test]
    fn random_bytes_are_not_media() {
        let mut state = 1_u64;
        for _ in 0..40 {
            let noise: Vec<u8> = (0..70_000)
                .map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    (state >> 56) as u8
                })
                .collect();
            assert_eq!(recognise(&noise), None);
        }
    }
}
