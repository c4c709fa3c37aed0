//! Tables of transport streams: sections, which are joined from packets, and the content of
//! the two tables that are needed (ISO/IEC 13818-1, 2.4.4).

/// The longest section.
const LONGEST: usize = 3 + 4095;

/// No table has more entries unless it is malicious.
const MOST_ENTRIES: usize = 512;

/// Joins sections from the payloads of one PID.
#[derive(Debug, Default)]
pub struct Sections {
    bytes: Vec<u8>,
    running: bool,
}

impl Sections {
    /// Adds the payload of a packet. Returns the sections that are complete now and have the
    /// right checksum.
    pub fn push(&mut self, payload: &[u8], starts: bool) -> Vec<Vec<u8>> {
        let mut complete = Vec::new();
        let mut payload = payload;
        if starts {
            let Some((&pointer, rest)) = payload.split_first() else { return complete };
            let Some((before, behind)) = rest.split_at_checked(usize::from(pointer)) else {
                self.running = false;
                return complete;
            };
            if self.running {
                self.bytes.extend_from_slice(before);
                self.take(&mut complete);
            }
            self.bytes.clear();
            self.running = true;
            payload = behind;
        }
        if self.running {
            self.bytes.extend_from_slice(payload);
            self.take(&mut complete);
        }
        complete
    }

    fn take(&mut self, complete: &mut Vec<Vec<u8>>) {
        while let [table, high, low, ..] = *self.bytes.as_slice() {
            let length = 3 + usize::from(u16::from_be_bytes([high & 0x0f, low]));
            // 0xff is stuffing up to the end of the packet.
            if table == 0xff || length > LONGEST {
                self.bytes.clear();
                self.running = false;
                return;
            }
            if self.bytes.len() < length {
                return;
            }
            let rest = self.bytes.split_off(length);
            let section = std::mem::replace(&mut self.bytes, rest);
            if crc32(&section) == 0 {
                complete.push(section);
            }
        }
    }
}

/// The checksum of a section. It is 0 over a section that includes its checksum.
pub fn crc32(bytes: &[u8]) -> u32 {
    bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte) << 24, |crc, _| {
            crc << 1 ^ if crc & 1 << 31 != 0 { 0x04c1_1db7 } else { 0 }
        })
    })
}

/// The programs in a program association table, with the PIDs of their maps.
pub fn programs(section: &[u8]) -> Option<Vec<(u16, u16)>> {
    let body = body(section, 0x00)?;
    let entries = body.get(8..)?.chunks_exact(4).take(MOST_ENTRIES).filter_map(|entry| {
        let number = u16::from_be_bytes([entry[0], entry[1]]);
        let pid = u16::from_be_bytes([entry[2] & 0x1f, entry[3]]);
        // Program 0 is the table of the network.
        (number != 0).then_some((number, pid))
    });
    Some(entries.collect())
}

/// A program map table.
#[derive(Debug)]
pub struct ProgramMap<'a> {
    /// The number of the program.
    pub number: u16,
    /// The PID of its clock.
    pub pcr_pid: u16,
    /// From its registration descriptor: whose stream types it uses (`HDMV`, `CUEI`).
    pub registration: Option<&'a [u8]>,
    /// Its streams, in order.
    pub streams: Vec<MappedStream<'a>>,
}

/// A stream in a program map.
#[derive(Debug)]
pub struct MappedStream<'a> {
    /// Its type.
    pub stream_type: u8,
    /// Its PID.
    pub pid: u16,
    /// Its descriptors.
    pub descriptors: &'a [u8],
}

/// Reads a section with a program map.
pub fn program_map(section: &[u8]) -> Option<ProgramMap<'_>> {
    let body = body(section, 0x02)?;
    let [_, _, _, number_high, number_low, _, _, _, pcr_high, pcr_low, info_high, info_low, ..] =
        *body
    else {
        return None;
    };
    let length = usize::from(u16::from_be_bytes([info_high & 0x0f, info_low]));
    let (info, mut rest) = body.get(12..)?.split_at_checked(length)?;
    let mut streams = Vec::new();
    while let [stream_type, pid_high, pid_low, length_high, length_low, ref behind @ ..] = *rest {
        let length = usize::from(u16::from_be_bytes([length_high & 0x0f, length_low]));
        let (descriptors, behind) = behind.split_at(length.min(behind.len()));
        let pid = u16::from_be_bytes([pid_high & 0x1f, pid_low]);
        streams.push(MappedStream { stream_type, pid, descriptors });
        rest = behind;
        if streams.len() == MOST_ENTRIES {
            break;
        }
    }
    Some(ProgramMap {
        number: u16::from_be_bytes([number_high, number_low]),
        pcr_pid: u16::from_be_bytes([pcr_high & 0x1f, pcr_low]),
        registration: descriptors(info)
            .filter(|(tag, _)| *tag == 0x05)
            .find_map(|(_, registration)| registration.get(..4)),
        streams,
    })
}

/// The content of a section of this table that is current, without its checksum.
fn body(section: &[u8], table: u8) -> Option<&[u8]> {
    let current = section.get(5)? & 1 != 0;
    let body = section.get(..section.len().checked_sub(4)?)?;
    (section[0] == table && current).then_some(body)
}

/// The descriptors in `bytes`: tags and contents.
pub fn descriptors(bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let [tag, length, ref behind @ ..] = *rest else { return None };
        let (content, behind) = behind.split_at_checked(usize::from(length))?;
        rest = behind;
        Some((tag, content))
    })
}
