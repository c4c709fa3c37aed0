//! Packets of transport streams (ISO/IEC 13818-1, 2.4.3.2): 188 bytes, with four more before
//! (M2TS) or sixteen more after (error correction).

/// The first byte of every packet.
pub const SYNC: u8 = 0x47;

const PACKET: usize = 188;

/// The content of a packet.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// The stream or table that it belongs to.
    pub pid: u16,
    /// Whether a PES packet or a section begins in it.
    pub starts: bool,
    /// Whether it can be read only with a key.
    pub scrambled: bool,
    /// The program's clock, in ticks of 90 kHz.
    pub pcr: Option<u64>,
    /// The rest of the packet.
    pub payload: &'a [u8],
}

/// The distance between packets, and where the first one begins.
pub fn layout(head: &[u8]) -> Option<(usize, usize)> {
    let in_a_row = |start: usize, size: usize| {
        let syncs = head.iter().skip(start).step_by(size).take(40);
        let count = syncs.len();
        (count >= 2).then(|| (syncs.filter(|&&byte| byte == SYNC).count() * 100 / count, count))
    };
    // The more packets have a distance in common, the likelier it is.
    [188, 192, 204]
        .into_iter()
        .flat_map(|size| (0..size).map(move |start| (size, start)))
        .filter_map(|(size, start)| Some((in_a_row(start, size)?, size, start)))
        .max_by_key(|&(score, size, start)| (score, usize::MAX - size, usize::MAX - start))
        .map(|(_, size, start)| (size, start))
}

/// The next packet at `*at` or after it; `*at` moves behind it. None if there are not enough
/// bytes for a packet.
pub fn next<'a>(bytes: &'a [u8], at: &mut usize, size: usize) -> Option<Packet<'a>> {
    loop {
        let packet = bytes.get(*at..at.checked_add(PACKET)?)?;
        if packet[0] == SYNC {
            *at += size;
            if let Some(packet) = parse(packet) {
                return Some(packet);
            }
            continue;
        }
        // Not at a packet: continue where two packets follow each other, or where the last one
        // is.
        *at += 1;
        while *at + PACKET <= bytes.len()
            && !(bytes[*at] == SYNC && bytes.get(*at + size).is_none_or(|&byte| byte == SYNC))
        {
            *at += 1;
        }
    }
}

fn parse(packet: &[u8]) -> Option<Packet<'_>> {
    let pid = u16::from_be_bytes([packet[1] & 0x1f, packet[2]]);
    let mut rest = &packet[4..];
    let mut pcr = None;
    if packet[3] & 0x20 != 0 {
        let (field, behind) = rest.get(1..)?.split_at_checked(usize::from(rest[0]))?;
        if let [flags, a, b, c, d, e, ..] = *field
            && flags & 0x10 != 0
        {
            pcr = Some(u64::from(u32::from_be_bytes([a, b, c, d])) << 1 | u64::from(e >> 7));
        }
        rest = behind;
    }
    if packet[3] & 0x10 == 0 {
        rest = &[];
    }
    let starts = packet[1] & 0x40 != 0 && !rest.is_empty();
    Some(Packet { pid, starts, scrambled: packet[3] & 0xc0 != 0, pcr, payload: rest })
}
