//! Languages: whatever files call them, as ISO 639-2/B.

use std::borrow::Cow;

use isolang::Language;

/// What is not said, or is no language.
const UNDETERMINED: &str = "und";

/// The codes in which ISO 639-2/B differs from /T.
const BIBLIOGRAPHIC: &[(&str, &str)] = &[
    ("bod", "tib"),
    ("ces", "cze"),
    ("cym", "wel"),
    ("deu", "ger"),
    ("ell", "gre"),
    ("eus", "baq"),
    ("fas", "per"),
    ("fra", "fre"),
    ("hye", "arm"),
    ("isl", "ice"),
    ("kat", "geo"),
    ("mkd", "mac"),
    ("mri", "mao"),
    ("msa", "may"),
    ("mya", "bur"),
    ("nld", "dut"),
    ("ron", "rum"),
    ("slk", "slo"),
    ("sqi", "alb"),
    ("zho", "chi"),
];

/// A language as ISO 639-2/B, from ISO 639-1, -2/B, -2/T, -3, the primary
/// subtag of BCP 47, or an English name. What is none of them, but three
/// letters, stays as it is; anything else is `und`.
pub fn to_iso639_2b(code: &str) -> Cow<'static, str> {
    let primary = code.split(['-', '_']).next().unwrap_or_default().trim();
    let lower = primary.to_ascii_lowercase();
    if lower.is_empty() || !lower.is_ascii() {
        return Cow::Borrowed(UNDETERMINED);
    }
    if let Some((_, code)) = BIBLIOGRAPHIC.iter().find(|(_, code)| *code == lower) {
        return Cow::Borrowed(code);
    }
    let language = match lower.len() {
        2 => Language::from_639_1(&lower),
        3 => Language::from_639_3(&lower),
        _ => Language::from_name_lowercase(&lower),
    };
    match language {
        Some(language) => Cow::Borrowed(bibliographic(language.to_639_3())),
        // Codes of ISO 639-2 for groups of languages, and qaa to qtz.
        None if lower.len() == 3 && lower.bytes().all(|byte| byte.is_ascii_lowercase()) => {
            Cow::Owned(lower)
        }
        None => Cow::Borrowed(UNDETERMINED),
    }
}

fn bibliographic(code: &'static str) -> &'static str {
    BIBLIOGRAPHIC.iter().find(|(terminology, _)| *terminology == code).map_or(code, |(_, b)| b)
}

#[cfg(test)]
mod tests {
    use super::to_iso639_2b;

    #[test]
    fn all_spellings_of_a_language_are_one() {
        for spelling in ["de", "deu", "ger", "de-AT", "DE", "German", "ger "] {
            assert_eq!(to_iso639_2b(spelling), "ger", "{spelling}");
        }
        for (spelling, code) in [
            ("en", "eng"),
            ("zh-Hant", "chi"),
            ("fra", "fre"),
            ("jpn", "jpn"),
            ("qaa", "qaa"),
            ("mul", "mul"),
            ("und", "und"),
            ("sla", "sla"),
            ("yue", "yue"),
        ] {
            assert_eq!(to_iso639_2b(spelling), code, "{spelling}");
        }
    }

    #[test]
    fn what_is_no_language_is_undetermined() {
        for text in ["", "  ", "-", "x", "klingonish", "e1!", "日本語", "\u{0}\u{0}\u{0}"] {
            assert_eq!(to_iso639_2b(text), "und", "{text:?}");
        }
    }
}
