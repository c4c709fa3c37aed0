//! The packets of an ASF file (ASF specification, 5.2), whose payloads belong to streams.

use crate::probe::containers::usual_rates::USUAL_RATES;

/// The most bytes of the beginning of a stream that are kept.
const MOST_DATA: usize = 64 * 1024;

/// The most times of a stream that are kept.
const MOST_TIMES: usize = 120;

/// No packet has more payloads: their number has six bits.
const MOST_PAYLOADS: u8 = 63;

/// The beginning of one stream.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    /// Its number in the file.
    pub number: u8,
    /// Its first bytes.
    pub data: Vec<u8>,
    /// The presentation times of its first objects (such as frames), in milliseconds.
    pub times: Vec<u32>,
}

impl Stream {
    /// Whether no more payloads are needed.
    pub fn is_full(&self) -> bool {
        self.times.len() >= MOST_TIMES
    }

    fn push(&mut self, payload: &[u8], starts: Option<u32>) {
        if let Some(time) = starts.filter(|_| self.times.len() < MOST_TIMES) {
            self.times.push(time);
        }
        let room = MOST_DATA.saturating_sub(self.data.len()).min(payload.len());
        self.data.extend_from_slice(&payload[..room]);
    }
}

/// Bytes that are read from the front.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    /// A number whose size has a code of two bits: 0, 1, 2 or 4 bytes.
    fn number(&mut self, code: u8) -> Option<u32> {
        let bytes = self.take([0, 1, 2, 4][usize::from(code & 3)])?;
        Some(bytes.iter().rev().fold(0, |value, &byte| value << 8 | u32::from(byte)))
    }
}

/// Adds the payloads of a packet to the streams that they belong to. None if the packet ends
/// before its content does; what came before is added.
pub fn read(packet: &[u8], streams: &mut [Stream]) -> Option<()> {
    let mut fields = Fields(packet);
    let correction = *packet.first()?;
    if correction & 0x80 != 0 {
        fields.take(1 + usize::from(correction & 0x0f))?;
    }
    let &[lengths, properties] = fields.take(2)?.first_chunk()?;
    fields.number(lengths >> 5)?;
    fields.number(lengths >> 1)?;
    let padding = fields.number(lengths >> 3)? as usize;
    fields.take(6)?;
    let is_multiple = lengths & 1 == 1;
    let count = if is_multiple { *fields.take(1)?.first()? } else { 1 };
    for _ in 0..count & MOST_PAYLOADS {
        let number = *fields.take(1)?.first()? & 0x7f;
        fields.number(properties >> 4)?;
        let offset = fields.number(properties >> 2)?;
        let extra = fields.number(properties)? as usize;
        let extra = fields.take(extra)?;
        let length = match is_multiple {
            true => fields.number(count >> 6)? as usize,
            false => fields.0.len().saturating_sub(padding),
        };
        let payload = fields.take(length)?;
        let Some(stream) = streams.iter_mut().find(|stream| stream.number == number) else {
            continue;
        };
        match *extra {
            // Whole objects, each with its length before it. The offset is their time.
            [step] => {
                let mut objects = Fields(payload);
                let mut time = offset;
                while let Some(&[length]) = objects.take(1) {
                    let Some(object) = objects.take(usize::from(length)) else { break };
                    stream.push(object, Some(time));
                    time = time.saturating_add(u32::from(step));
                }
            }
            [_, _, _, _, t0, t1, t2, t3, ..] => {
                let time = u32::from_le_bytes([t0, t1, t2, t3]);
                stream.push(payload, (offset == 0).then_some(time));
            }
            _ => stream.push(payload, None),
        }
    }
    Some(())
}

/// The frame rate that follows from the times of frames: the usual rate with the least
/// difference, if all times fit it, otherwise the average.
pub fn frame_rate(times: &[u32]) -> Option<(u64, u64)> {
    let mut times = times.to_vec();
    times.sort_unstable();
    times.dedup();
    let (&first, &last) = (times.first()?, times.last()?);
    let steps = times.len() as u32 - 1;
    if steps == 0 {
        return None;
    }
    let average = f64::from(steps) * 1000.0 / f64::from(last - first);
    let difference = |&(above, below): &(u32, u32)| {
        let frame = 1000.0 * f64::from(below) / f64::from(above);
        let differences = times
            .iter()
            .enumerate()
            .map(|(index, &time)| (f64::from(time - first) - (index as f64 * frame)).abs());
        let worst = differences.clone().fold(0.0, f64::max);
        (worst < 2.0).then(|| differences.sum::<f64>())
    };
    let usual = USUAL_RATES
        .iter()
        .filter_map(|rate| Some((rate, difference(rate)?)))
        .min_by(|one, other| one.1.total_cmp(&other.1));
    if let Some((&(above, below), _)) = usual {
        return Some((above.into(), below.into()));
    }
    let is_near = |&&(above, below): &&(u32, u32)| {
        (f64::from(above) / f64::from(below) / average - 1.0).abs() < 0.01
    };
    match USUAL_RATES.iter().find(is_near) {
        Some(&(above, below)) => Some((above.into(), below.into())),
        None => Some((u64::from(steps) * 1000, u64::from(last - first))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn streams() -> Vec<Stream> {
        vec![Stream { number: 1, ..Stream::default() }, Stream { number: 2, ..Stream::default() }]
    }

    #[test]
    fn payloads_are_given_to_their_streams() {
        // Several payloads with lengths of two bytes, no padding; properties as usual.
        let mut packet = vec![0x82, 0, 0, 0x01, 0x5d, 0, 0, 0, 0, 0, 0, 0x82];
        for (number, text) in [(0x81, b"abc"), (2, b"def")] {
            packet.extend([number, 0, 0, 0, 0, 0, 8, 3, 0, 0, 0, 40, 0, 0, 0, 3, 0]);
            packet.extend(text);
        }
        let mut streams = streams();
        assert_eq!(read(&packet, &mut streams), Some(()));
        assert_eq!((&streams[0].data[..], &streams[1].data[..]), (&b"abc"[..], &b"def"[..]));
        assert_eq!(streams[0].times, [40]);
        for end in 0..packet.len() {
            read(&packet[..end], &mut streams);
        }
    }

    #[test]
    fn one_payload_extends_to_the_padding() {
        let mut packet = vec![0x82, 0, 0, 0x08, 0x5d, 2, 0, 0, 0, 0, 0, 0];
        packet.extend([1, 0, 0, 0, 0, 0, 1, 10, 3, b'a', b'b', b'c', 1, b'd', 0, 0]);
        let mut streams = streams();
        assert_eq!(read(&packet, &mut streams), Some(()));
        assert_eq!((&streams[0].data[..], &streams[0].times[..]), (&b"abcd"[..], &[0, 10][..]));
    }

    #[test]
    fn rounded_times_give_usual_rates() {
        let times = |rate: f64| (0..50).map(move |at| (f64::from(at) * 1000.0 / rate) as u32);
        let rate = |rate| frame_rate(&times(rate).collect::<Vec<_>>());
        assert_eq!(rate(30_000.0 / 1001.0), Some((30_000, 1001)));
        assert_eq!(rate(30.0), Some((30, 1)));
        assert_eq!(rate(24_000.0 / 1001.0), Some((24_000, 1001)));
        assert_eq!(rate(25.0), Some((25, 1)));
        assert_eq!(rate(48.0), Some((48, 1)));
        assert_eq!(rate(8.0), Some((49_000, 6125)));
        assert_eq!(frame_rate(&[5]), None);
        assert_eq!(frame_rate(&[5, 5, 5]), None);
    }
}
