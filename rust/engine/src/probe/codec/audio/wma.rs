//! Windows Media Audio: the configurations of its newer codecs, which follow a `WAVEFORMATEX`.

use super::layout;
use crate::probe::codec::bits::{le16, le32};
use crate::probe::model::Track;

/// Reads the configuration of WMA Professional and WMA Lossless: the bits per sample, then a
/// mask of the channels.
pub fn read_config(track: &mut Track, config: &[u8]) -> Option<()> {
    let (bits, mask) = (le16(config, 0)?, u64::from(le32(config, 2)?));
    if mask.count_ones() == track.channels.unwrap_or(0) {
        track.channel_layout = layout::from_mask(mask);
    }
    // As in `ffprobe`, 16 bits are not reported.
    if track.codec.as_deref() == Some("wmalossless") {
        track.bit_depth = Some(u32::from(bits)).filter(|&bits| bits == 24);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::model::TrackType;

    #[test]
    fn the_configuration_contains_the_channels() {
        let mut track = Track::new(0, TrackType::Audio);
        (track.codec, track.channels) = (Some("wmalossless".into()), Some(6));
        let config = [24, 0, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xe0, 0, 0, 0];
        read_config(&mut track, &config).unwrap();
        assert_eq!((track.channel_layout.as_deref(), track.bit_depth), (Some("5.1"), Some(24)));
        for end in 0..config.len() {
            read_config(&mut track, &config[..end]);
        }
    }
}
