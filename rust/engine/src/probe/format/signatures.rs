//! The formats that a few bytes at fixed places identify.

use super::list::Format;

/// The bytes of a format: all of them must be at their places.
struct Signature {
    format: Format,
    parts: &'static [(usize, &'static [u8])],
}

const fn signature(format: Format, parts: &'static [(usize, &'static [u8])]) -> Signature {
    Signature { format, parts }
}

const SIGNATURES: &[Signature] = &[
    signature(
        Format::Asf,
        &[(0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c")],
    ),
    signature(Format::Crw, &[(0, b"II"), (6, b"HEAPCCDR")]),
    signature(Format::Aiff, &[(0, b"FORM"), (8, b"AIFF")]),
    signature(Format::Aiff, &[(0, b"FORM"), (8, b"AIFC")]),
    // The upper byte of the version, which is 3.80 to 3.99.
    signature(Format::Ape, &[(0, b"MAC "), (5, b"\x0e")]),
    signature(Format::Ape, &[(0, b"MAC "), (5, b"\x0f")]),
    signature(Format::WavPack, &[(0, b"wvpk")]),
    signature(Format::Dsf, &[(0, b"DSD \x1c\0\0\0\0\0\0\0")]),
    signature(Format::Dsdiff, &[(0, b"FRM8"), (12, b"DSD ")]),
    signature(Format::Musepack, &[(0, b"MPCK")]),
    signature(Format::Musepack, &[(0, b"MP+\x07")]),
    signature(Format::Musepack, &[(0, b"MP+\x17")]),
    signature(Format::Amr, &[(0, b"#!AMR")]),
    signature(Format::Caf, &[(0, b"caff\0\x01")]),
    signature(Format::Au, &[(0, b".snd\0")]),
    signature(Format::Tta, &[(0, b"TTA1"), (5, b"\0")]),
    signature(Format::Tak, &[(0, b"tBaK")]),
    signature(Format::Ivf, &[(0, b"DKIF\0\0")]),
    signature(Format::RealMedia, &[(0, b".RMF\0\0")]),
];

/// The format whose signature is at the beginning of `head`.
pub fn find(head: &[u8]) -> Option<Format> {
    let has =
        |&(at, bytes): &(usize, &[u8])| head.get(at..).is_some_and(|rest| rest.starts_with(bytes));
    let found = SIGNATURES.iter().find(|signature| signature.parts.iter().all(has));
    found.map(|signature| signature.format)
}

/// The format of sound behind an ID3 tag, if its parser skips such a tag.
pub fn after_id3(head: &[u8]) -> Option<Format> {
    let skips = |format: &Format| {
        use Format::{Ape, Musepack, Tak, Tta, WavPack};
        matches!(format, Ape | Musepack | Tak | Tta | WavPack)
    };
    find(head).filter(skips)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_parts_of_a_signature_must_be_there() {
        for (head, format) in [
            (&b"FORM\0\0\0\0AIFF"[..], Some(Format::Aiff)),
            (b"FORM\0\0\0\0ILBM", None),
            (b"MAC \x96\x0f\0\0", Some(Format::Ape)),
            (b"MAC addresses", None),
            (b"FORM", None),
            (b"", None),
        ] {
            assert_eq!(find(head), format);
        }
    }

    #[test]
    fn no_signature_is_the_beginning_of_another() {
        for (index, one) in SIGNATURES.iter().enumerate() {
            let mut head = vec![0xee; 32];
            for (at, bytes) in one.parts {
                head[*at..at + bytes.len()].copy_from_slice(bytes);
            }
            assert_eq!(find(&head), Some(one.format), "signature {index}");
        }
    }
}
