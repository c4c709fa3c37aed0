//! The dates of photos in the forms of EXIF, XMP and IPTC.

use crate::probe::model::Photo;

/// A date, possibly with a time, a fraction of a second, and an offset from UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Date {
    date: String,
    time: Option<String>,
    fraction: Option<String>,
    offset: Option<String>,
}

/// Parses `2019:05:04 12:33:01` and similar forms: with other separators (or none), a
/// fraction or an offset, and without seconds or time. None if the day does not exist.
pub fn parse(text: &str) -> Option<Date> {
    let text = text.trim_matches(|it: char| it.is_whitespace() || it == '\0');
    let bytes = text.as_bytes();
    let year = digits(bytes, 0, 4)?;
    let (month, day, end) = if bytes.get(4)?.is_ascii_digit() {
        (digits(bytes, 4, 2)?, digits(bytes, 6, 2)?, 8)
    } else {
        let is_separator = |at: usize| matches!(bytes.get(at), Some(b':' | b'-' | b'/' | b'.'));
        if !is_separator(4) || !is_separator(7) {
            return None;
        }
        (digits(bytes, 5, 2)?, digits(bytes, 8, 2)?, 10)
    };
    if year == 0 || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let date = format!("{year:04}-{month:02}-{day:02}");
    let mut date = Date { date, time: None, fraction: None, offset: None };
    let rest = bytes.get(end..).unwrap_or_default();
    let rest = rest.trim_ascii_start();
    date.read_time(rest.strip_prefix(b"T").unwrap_or(rest))?;
    Some(date)
}

impl Date {
    /// Parses the time; None if it does not exist.
    fn read_time(&mut self, text: &[u8]) -> Option<()> {
        if !text.first().is_some_and(u8::is_ascii_digit) {
            return Some(());
        }
        let hour = digits(text, 0, 2)?;
        let gap = usize::from(text.get(2).is_some_and(|byte| !byte.is_ascii_digit()));
        let minute = digits(text, 2 + gap, 2)?;
        let mut end = 4 + gap;
        let mut second = 0;
        let has_second = if gap == 0 {
            text.get(end).is_some_and(u8::is_ascii_digit)
        } else {
            text.get(end) == text.get(2)
        };
        if has_second {
            second = digits(text, end + gap, 2)?;
            end += gap + 2;
        }
        if hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        self.time = Some(format!("{hour:02}:{minute:02}:{second:02}"));
        let mut rest = std::str::from_utf8(text.get(end..)?).ok()?;
        if let Some(after) = rest.strip_prefix('.') {
            let length = after.bytes().take_while(u8::is_ascii_digit).count();
            self.add_fraction(&after[..length]);
            rest = &after[length..];
        }
        self.add_offset(rest);
        Some(())
    }

    /// Adds the digits of a fraction of a second.
    pub fn add_fraction(&mut self, digits: &str) {
        let length = digits.bytes().take_while(u8::is_ascii_digit).count();
        // Nanoseconds have nine digits.
        if (1..=9).contains(&length) && self.fraction.is_none() {
            self.fraction = Some(digits[..length].to_owned());
        }
    }

    /// Adds `Z`, `+02:00` or `+0200`.
    pub fn add_offset(&mut self, text: &str) {
        if self.offset.is_none() {
            self.offset = offset(text.trim().as_bytes());
        }
    }

    /// Adds a time that is stored separately, as in IPTC.
    pub fn add_time(&mut self, text: &str) {
        if self.time.is_none() {
            let _ = self.read_time(text.trim().as_bytes());
        }
    }

    /// Sets the date of a photo.
    pub fn fill(self, photo: &mut Photo) {
        if photo.taken_at.is_some() {
            return;
        }
        let mut text = self.date;
        if let Some(time) = self.time {
            text.push('T');
            text.push_str(&time);
            if let Some(fraction) = self.fraction {
                text.push('.');
                text.push_str(&fraction);
            }
            photo.taken_at_offset = self.offset;
        }
        photo.taken_at = Some(text);
    }
}

fn offset(text: &[u8]) -> Option<String> {
    let sign = match text.first()? {
        b'Z' if text.len() == 1 => return Some("+00:00".to_owned()),
        b'+' => '+',
        b'-' => '-',
        _ => return None,
    };
    let hours = digits(text, 1, 2)?;
    let minutes = digits(text, if text.get(3) == Some(&b':') { 4 } else { 3 }, 2)?;
    (hours <= 14 && minutes <= 59).then(|| format!("{sign}{hours:02}:{minutes:02}"))
}

/// The number that consists of `count` digits at `at`. Some cameras pad it with spaces.
fn digits(text: &[u8], at: usize, count: usize) -> Option<u32> {
    let digits = text.get(at..at + count)?;
    let number = digits.trim_ascii_start();
    if number.is_empty() || !number.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(number.iter().fold(0, |value, digit| value * 10 + u32::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<(String, Option<String>)> {
        let mut photo = Photo::default();
        parse(text)?.fill(&mut photo);
        Some((photo.taken_at?, photo.taken_at_offset))
    }

    #[test]
    fn dates_in_the_forms_of_the_three_standards_are_read() {
        for (text, date, offset) in [
            ("2019:05:04 12:33:01", "2019-05-04T12:33:01", None),
            ("2019-05-04T12:33:01.250+02:00", "2019-05-04T12:33:01.250", Some("+02:00")),
            ("2019-05-04T12:33Z", "2019-05-04T12:33:00", Some("+00:00")),
            ("2019-05-04T12:33-03:30", "2019-05-04T12:33:00", Some("-03:30")),
            ("2019/05/04 12-33-01", "2019-05-04T12:33:01", None),
            ("2019: 5: 4 12:33: 1", "2019-05-04T12:33:01", None),
            ("20190504", "2019-05-04", None),
            ("2019:05:04", "2019-05-04", None),
        ] {
            assert_eq!(parsed(text), Some((date.into(), offset.map(str::to_owned))), "{text}");
        }
        let mut date = parse("20190504").unwrap();
        date.add_time("123301+0100");
        let mut photo = Photo::default();
        date.fill(&mut photo);
        assert_eq!(photo.taken_at.as_deref(), Some("2019-05-04T12:33:01"));
        assert_eq!(photo.taken_at_offset.as_deref(), Some("+01:00"));
    }

    #[test]
    fn days_and_times_that_do_not_exist_are_ignored() {
        for text in [
            "0000:00:00 00:00:00",
            "2019:00:01",
            "2019:01:32",
            "2019:01:01 25:00:00",
            "2019",
            "\u{e4}",
        ] {
            assert_eq!(parsed(text), None, "{text}");
        }
    }
}
