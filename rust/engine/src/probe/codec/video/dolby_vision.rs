//! Dolby Vision: the configuration that containers store beside HEVC, H.264 and AV1.

/// The profile in a `DOVIDecoderConfigurationRecord` (`dvcC`, `dvvC`, `dvwC`; Matroska's
/// block addition mappings). `8.1` includes the compatibility id of the base layer; `5` has
/// none.
pub fn profile(record: &[u8]) -> Option<String> {
    let [_, _, high, _, compatible, ..] = *record else {
        // The record is cut off before the compatibility id.
        return record.get(2).map(|high| (high >> 1).to_string());
    };
    Some(match compatible >> 4 {
        0 => (high >> 1).to_string(),
        id => format!("{}.{id}", high >> 1),
    })
}

/// The same for a `DOVI_video_stream_descriptor` of transport streams. If there is no base
/// layer, the number of the stream that has it comes before the compatibility id.
pub fn profile_of_descriptor(content: &[u8]) -> Option<String> {
    match *content {
        [major, minor, high, low, _, _, compatible, ..] if low & 1 == 0 => {
            profile(&[major, minor, high, low, compatible])
        }
        // These bits belong to the number of the stream, not to the compatibility id.
        [major, minor, high, low, ..] if low & 1 == 0 => profile(&[major, minor, high, low]),
        [_, _, _, _, ..] => profile(content),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_include_the_compatibility_id_if_there_is_one() {
        assert_eq!(profile(&[1, 0, 8 << 1, 0x35, 0x10]).as_deref(), Some("8.1"));
        assert_eq!(profile(&[1, 0, 5 << 1, 0x35, 0]).as_deref(), Some("5"));
        assert_eq!(profile(&[1, 0, 7 << 1]).as_deref(), Some("7"));
        assert_eq!(profile(&[1, 0]), None);
    }

    #[test]
    fn descriptors_without_a_base_layer_contain_the_stream_that_has_it() {
        let with = [1, 0, 8 << 1, 0x35, 0x40];
        assert_eq!(profile_of_descriptor(&with).as_deref(), Some("8.4"));
        let without = [1, 0, 7 << 1, 0x36, 0x20, 0x08, 0x60];
        assert_eq!(profile_of_descriptor(&without).as_deref(), Some("7.6"));
        assert_eq!(profile_of_descriptor(&without[..5]).as_deref(), Some("7"));
        assert_eq!(profile_of_descriptor(&without[..3]), None);
    }
}
