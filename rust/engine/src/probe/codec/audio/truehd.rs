//! Dolby TrueHD and MLP: the major sync of an access unit.

use super::layout::{
    self, BC, BL, BR, FC, FL, FLC, FR, FRC, LFE, LFE2, SDL, SDR, SL, SR, TC, TFC, TFL, TFR, WL, WR,
};
use crate::probe::codec::bits::{Bits, be32};
use crate::probe::model::Track;

const TRUEHD: u32 = 0xf872_6fba;
const MLP: u32 = 0xf872_6fbb;

/// The channels of the bits of an assignment.
const ASSIGNED: [u64; 13] = [
    FL | FR,
    FC,
    LFE,
    SL | SR,
    TFL | TFR,
    FLC | FRC,
    BL | BR,
    BC,
    TC,
    SDL | SDR,
    WL | WR,
    TFC,
    LFE2,
];

/// The channels of MLP's arrangements.
const ARRANGED: [u64; 21] = [
    FC,
    FL | FR,
    FL | FR | BC,
    FL | FR | BL | BR,
    FL | FR | LFE,
    FL | FR | LFE | BC,
    FL | FR | LFE | BL | BR,
    FL | FR | FC,
    FL | FR | FC | BC,
    FL | FR | FC | BL | BR,
    FL | FR | FC | LFE,
    FL | FR | FC | LFE | BC,
    FL | FR | FC | LFE | BL | BR,
    FL | FR | FC | BC,
    FL | FR | FC | BL | BR,
    FL | FR | FC | LFE,
    FL | FR | FC | LFE | BC,
    FL | FR | FC | LFE | BL | BR,
    FL | FR | BL | BR | LFE,
    FL | FR | FC | BL | BR,
    FL | FR | FC | BL | BR | LFE,
];

/// Reads an access unit with a major sync; other access units contain no headers.
pub fn read_packet(track: &mut Track, packet: &[u8]) {
    let sync = (0..packet.len().min(8192))
        .find(|&at| matches!(be32(packet, at), Some(TRUEHD | MLP)))
        .and_then(|at| packet.get(at..));
    if let Some(sync) = sync {
        read_sync(track, sync);
    }
}

fn read_sync(track: &mut Track, sync: &[u8]) -> Option<()> {
    let mut bits = Bits::new(sync);
    if bits.get(32)? == TRUEHD {
        track.sample_rate = sample_rate(bits.get(4)?);
        bits.skip(4 + 2 + 2)?;
        let six = bits.get(5)?;
        bits.skip(2)?;
        let eight = bits.get(13)?;
        let assigned = if eight != 0 { eight } else { six };
        let set = ASSIGNED.iter().enumerate().filter(|(bit, _)| assigned >> bit & 1 == 1);
        layout::set_mask(track, set.fold(0, |mask, (_, channels)| mask | channels));
        track.bit_depth = Some(24);
        // Flags and a buffer size, then the bit rate.
        bits.skip(48 + 16)?;
        let substreams = bits.get(4)?;
        bits.skip(4)?;
        // The fourth substream has the objects of 16 channels.
        if substreams == 4 && bits.get(8)? & 0x80 != 0 {
            track.profile = Some("Dolby TrueHD + Dolby Atmos".into());
        }
    } else {
        track.bit_depth = [16, 20, 24].get(bits.get(4)? as usize).copied();
        bits.skip(4)?;
        track.sample_rate = sample_rate(bits.get(4)?);
        bits.skip(4 + 11)?;
        if let Some(&mask) = ARRANGED.get(bits.get(5)? as usize) {
            layout::set_mask(track, mask);
        }
    }
    Some(())
}

fn sample_rate(code: u32) -> Option<u32> {
    let base = if code & 8 == 0 { 48_000 } else { 44_100 };
    (code & 7 <= 2).then(|| base << (code & 7))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::model::TrackType;

    #[test]
    fn major_syncs_contain_the_largest_presentation() {
        let mut track = Track::new(0, TrackType::Audio);
        let format: u32 = 0xf << 15 | 0x4f;
        let mut packet = vec![0x40, 0x10, 0, 0, 0xf8, 0x72, 0x6f, 0xba];
        packet.extend(format.to_be_bytes());
        read_packet(&mut track, &packet);
        assert_eq!(track.channel_layout.as_deref(), Some("7.1"));
        assert_eq!((track.sample_rate, track.bit_depth), (Some(48_000), Some(24)));
        assert_eq!(track.profile, None);
        packet.extend([0; 8]);
        packet.extend([0x40, 0x80]);
        read_packet(&mut track, &packet);
        assert_eq!(track.profile.as_deref(), Some("Dolby TrueHD + Dolby Atmos"));
    }
}
