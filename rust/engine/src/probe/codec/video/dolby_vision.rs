//! Dolby Vision: the configuration that containers have beside HEVC, H.264 and AV1.

/// The profile that a `DOVIDecoderConfigurationRecord` names (`dvcC`, `dvvC`,
/// `dvwC`; Matroska's block addition mappings): `8.1`, with the id of what the
/// base layer is compatible with, or `5` where that is nothing.
pub fn profile(record: &[u8]) -> Option<String> {
    let [_, _, high, _, compatible, ..] = *record else {
        // Cut off before the compatibility.
        return record.get(2).map(|high| (high >> 1).to_string());
    };
    Some(match compatible >> 4 {
        0 => (high >> 1).to_string(),
        id => format!("{}.{id}", high >> 1),
    })
}

/// The same of a `DOVI_video_stream_descriptor` of transport streams: where there
/// is no base layer, it names the stream that has it before the compatibility.
pub fn profile_of_descriptor(content: &[u8]) -> Option<String> {
    match *content {
        [major, minor, high, low, _, _, compatible, ..] if low & 1 == 0 => {
            profile(&[major, minor, high, low, compatible])
        }
        // The bits of the stream's number are no compatibility.
        [major, minor, high, low, ..] if low & 1 == 0 => profile(&[major, minor, high, low]),
        [_, _, _, _, ..] => profile(content),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_have_the_compatibility_if_there_is_any() {
        assert_eq!(profile(&[1, 0, 8 << 1, 0x35, 0x10]).as_deref(), Some("8.1"));
        assert_eq!(profile(&[1, 0, 5 << 1, 0x35, 0]).as_deref(), Some("5"));
        assert_eq!(profile(&[1, 0, 7 << 1]).as_deref(), Some("7"));
        assert_eq!(profile(&[1, 0]), None);
    }

    #[test]
    fn descriptors_without_a_base_layer_name_the_stream_that_has_it() {
        let with = [1, 0, 8 << 1, 0x35, 0x40];
        assert_eq!(profile_of_descriptor(&with).as_deref(), Some("8.4"));
        let without = [1, 0, 7 << 1, 0x36, 0x20, 0x08, 0x60];
        assert_eq!(profile_of_descriptor(&without).as_deref(), Some("7.6"));
        assert_eq!(profile_of_descriptor(&without[..5]).as_deref(), Some("7"));
        assert_eq!(profile_of_descriptor(&without[..3]), None);
    }
}
