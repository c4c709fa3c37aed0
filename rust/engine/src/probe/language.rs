//! Converts the languages in files to ISO 639-2/B codes.

use std::borrow::Cow;

use isolang::Language;

/// The code for a language that is unknown or not given.
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

/// A language as ISO 639-2/B code. `code` is an ISO 639-1, -2/B, -2/T or -3 code, a BCP 47
/// tag (of which the primary subtag counts), or an English name. Other codes of three letters
/// are returned unchanged, and everything else gives `und`.
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
        // ISO 639-2 codes for groups of languages, and qaa to qtz.
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
    fn all_spellings_of_a_language_give_one_code() {
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
    fn text_that_is_not_a_language_is_undetermined() {
        for text in ["", "  ", "-", "x", "klingonish", "e1!", "日本語", "\u{0}\u{0}\u{0}"] {
            assert_eq!(to_iso639_2b(text), "und", "{text:?}");
        }
    }
}
