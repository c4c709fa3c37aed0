//! Headers of PES packets, which transport streams and program streams share: ISO/IEC
//! 13818-1, 2.4.3.6, and for MPEG-1 ISO/IEC 11172-1, 2.4.3.3.

/// Padding, which belongs to no stream.
pub const PADDING: u8 = 0xbe;
/// DVD subtitles, sound other than MPEG audio, and other data.
pub const PRIVATE_1: u8 = 0xbd;
/// DVD navigation. Its packets have no header.
pub const PRIVATE_2: u8 = 0xbf;

/// The content of a PES packet's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// `0xe0` and up video, `0xc0` and up audio, …
    pub stream_id: u8,
    /// Distinguishes streams with the same id (on Blu-rays, and for VC-1).
    pub extension: Option<u8>,
    /// When to show it, in ticks of 90 kHz.
    pub pts: Option<u64>,
    /// Where the payload begins, counted from the start code.
    pub payload: usize,
    /// Where the packet ends, if the header contains that.
    pub end: Option<usize>,
}

/// Parses the header at the beginning of `bytes`. None if it is not a header or is cut off.
pub fn header(bytes: &[u8]) -> Option<Header> {
    let [0, 0, 1, stream_id, high, low, ..] = *bytes else { return None };
    let length = usize::from(u16::from_be_bytes([high, low]));
    let end = (length > 0).then_some(6 + length);
    let mut header = Header { stream_id, extension: None, pts: None, payload: 6, end };
    match stream_id {
        // Maps, padding, private data, ECM, EMM, DSM-CC and directories have no header.
        0xbc | PADDING | PRIVATE_2 | 0xf0..=0xf2 | 0xf8 | 0xff => Some(header),
        0xbd.. => {
            let read = if bytes.get(6)? & 0xc0 == 0x80 { mpeg2 } else { mpeg1 };
            read(bytes, &mut header)?;
            Some(header)
        }
        _ => None,
    }
}

fn mpeg2(bytes: &[u8], header: &mut Header) -> Option<()> {
    let flags = *bytes.get(7)?;
    let fields = bytes.get(9..9 + usize::from(*bytes.get(8)?))?;
    header.payload = 9 + fields.len();
    if flags & 0x80 != 0 {
        header.pts = fields.get(..5).and_then(timestamp);
    }
    if flags & 1 != 0 {
        header.extension = extension(flags, fields);
    }
    Some(())
}

/// The stream id extension, which comes after optional fields.
fn extension(flags: u8, fields: &[u8]) -> Option<u8> {
    let mut at = match flags >> 6 {
        2 => 5,
        3 => 10,
        _ => 0,
    };
    for (flag, size) in [(0x20, 6), (0x10, 3), (0x08, 1), (0x04, 1), (0x02, 2)] {
        if flags & flag != 0 {
            at += size;
        }
    }
    let more = *fields.get(at)?;
    at += 1;
    for (flag, size) in [(0x80, 16), (0x40, 0), (0x20, 2), (0x10, 2)] {
        if more & flag != 0 {
            at += if flag == 0x40 { 1 + usize::from(*fields.get(at)?) } else { size };
        }
    }
    let [length, id, ..] = *fields.get(at..)? else { return None };
    (more & 1 != 0 && length & 0x7f > 0 && id & 0x80 == 0).then_some(id)
}

fn mpeg1(bytes: &[u8], header: &mut Header) -> Option<()> {
    let mut at = 6;
    // There are at most 16 bytes of stuffing.
    while *bytes.get(at)? == 0xff {
        at += 1;
        if at > 22 {
            return None;
        }
    }
    if bytes.get(at)? & 0xc0 == 0x40 {
        at += 2;
    }
    at += match bytes.get(at)? >> 4 {
        2 => {
            header.pts = timestamp(bytes.get(at..at + 5)?);
            5
        }
        3 => {
            header.pts = timestamp(bytes.get(at..at + 5)?);
            10
        }
        _ => 1,
    };
    header.payload = at;
    Some(())
}

/// 33 bits in five bytes, with marker bits between them.
fn timestamp(bytes: &[u8]) -> Option<u64> {
    let [a, b, c, d, e] = *bytes else { return None };
    let [a, b, c, d, e] = [a, b, c, d, e].map(u64::from);
    Some((a >> 1 & 7) << 30 | b << 22 | (c >> 1) << 15 | d << 7 | e >> 1)
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::probe::{Limits, Media, Problem, Result, Source, probe_source};

    /// Probes a file; a panic of the parser makes the test fail.
    pub fn probe(data: &[u8]) -> Result<Media> {
        let mut source = Source::new(&data, data.len() as u64, Limits::default());
        let answer = probe_source(&mut source, "");
        assert!(!matches!(answer, Err(Problem::Panic(_))), "{answer:?}");
        answer
    }

    /// Probes a file cut off at every byte, and with random bits flipped.
    pub fn survives(data: &[u8]) {
        for length in 0..data.len() {
            let _ = probe(&data[..length]);
        }
        let mut state = 7_u64;
        let mut random = |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as usize % below
        };
        for _ in 0..1500 {
            let mut damaged = data.to_vec();
            for _ in 0..=random(8) {
                damaged[random(data.len())] ^= 1 << random(8);
            }
            let _ = probe(&damaged);
        }
    }

    /// Two frames of AC-3, 48 kHz stereo, 192 kbit/s.
    pub fn ac3() -> Vec<u8> {
        let mut frame = vec![0x0b, 0x77, 0, 0, 0x14, 0x40, 0x43, 0xe1];
        frame.resize(768, 0);
        frame.repeat(2)
    }

    /// The headers of MPEG-2 video, 720 by 576 at 25, and the start of a picture.
    pub fn mpeg2_video() -> Vec<u8> {
        let mut data = vec![0, 0, 1, 0xb3, 0x2d, 0x02, 0x40, 0x33, 0xff, 0xff, 0xe0, 0x18];
        data.extend([0, 0, 1, 0xb5, 0x14, 0x8a, 0, 1, 0, 0]);
        data.extend([0, 0, 1, 0xb8, 0, 8, 0, 0, 0, 0, 1, 0, 0, 0x0f, 0xff, 0xf8]);
        data.extend([0, 0, 1, 0xb5, 0x8f, 0xff, 0xf3, 0x41, 0x80, 0, 0, 1, 1, 0x13, 0xf8]);
        data
    }

    /// A packet with a timestamp, of MPEG-2.
    pub fn packet(stream_id: u8, pts: u64, payload: &[u8]) -> Vec<u8> {
        let length = u16::try_from(payload.len() + 8).unwrap_or(0).to_be_bytes();
        let mut packet = vec![0, 0, 1, stream_id, length[0], length[1], 0x80, 0x80, 5];
        packet.extend(pts_bytes(2, pts));
        packet.extend(payload);
        packet
    }

    fn pts_bytes(mark: u8, pts: u64) -> [u8; 5] {
        let byte = |shift: u32| (pts >> shift) as u8;
        [
            mark << 4 | (byte(30) & 7) << 1 | 1,
            byte(22),
            byte(15) << 1 | 1,
            byte(7),
            byte(0) << 1 | 1,
        ]
    }

    #[test]
    fn headers_contain_the_time_and_the_payload() {
        let bytes = packet(0xe0, 0x1_2345_6789, b"data");
        let header = header(&bytes).unwrap();
        assert_eq!((header.stream_id, header.pts), (0xe0, Some(0x1_2345_6789)));
        assert_eq!(&bytes[header.payload..header.end.unwrap()], b"data");
    }

    #[test]
    fn headers_of_mpeg_1_have_stuffing_and_a_buffer_size() {
        let mut bytes = vec![0, 0, 1, 0xc0, 0, 20, 0xff, 0xff, 0x40, 0x20];
        bytes.extend(pts_bytes(2, 90_000));
        bytes.push(0xff);
        let first = header(&bytes).unwrap();
        assert_eq!((first.pts, first.payload), (Some(90_000), 15));
        let without = header(&[0, 0, 1, 0xc0, 0, 20, 0x0f, 1]).unwrap();
        assert_eq!((without.pts, without.payload), (None, 7));
    }

    #[test]
    fn extensions_distinguish_streams_of_one_id() {
        let bytes = [0, 0, 1, 0xfd, 0, 0, 0x80, 0x01, 3, 0x0f, 0x81, 0x76, 1, 2];
        let header = header(&bytes).unwrap();
        assert_eq!((header.extension, header.payload), (Some(0x76), 12));
    }

    #[test]
    fn a_header_that_is_cut_off_is_ignored() {
        let bytes = packet(0xe0, 1, b"");
        for length in 0..bytes.len() {
            assert_eq!(header(&bytes[..length]), None);
        }
    }
}
