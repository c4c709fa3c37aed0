//! Fills in fields of a photo that are not set yet.

use crate::probe::model::Photo;

/// A rating in stars. Other numbers are percentages or nonsense.
pub(super) fn rating(stars: f64) -> Option<i8> {
    (-1.0..=5.0).contains(&stars).then_some(stars.round() as i8)
}

/// Adds the keywords that are not there yet.
pub(super) fn add_keywords<'w>(photo: &mut Photo, words: impl IntoIterator<Item = &'w str>) {
    for word in words {
        let word = word.trim_matches(|it: char| it.is_whitespace() || it == '\0');
        // No more than this are kept. With so few, comparing them all takes no time.
        if photo.keywords.len() >= 256 {
            return;
        }
        if !word.is_empty() && photo.keywords.iter().all(|known| known != word) {
            photo.keywords.push(word.to_owned());
        }
    }
}

/// Fills in the fields of another photo, except its size.
pub(super) fn fill_from(photo: &mut Photo, other: Photo) {
    let (width, height, bit_depth) = (photo.width, photo.height, photo.bit_depth);
    let known = std::mem::replace(photo, other);
    macro_rules! keep {
        ($($field:ident)*) => { $(if known.$field.is_some() { photo.$field = known.$field; })* };
    }
    if known.taken_at.is_some() {
        photo.taken_at_offset = None;
    }
    keep!(orientation camera_make camera_model lens_make lens_model taken_at taken_at_offset);
    keep!(latitude longitude altitude exposure_seconds f_number iso focal_length);
    keep!(focal_length_35mm flash software artist copyright description rating);
    add_keywords(photo, known.keywords.iter().map(String::as_str));
    (photo.width, photo.height, photo.bit_depth) = (width, height, bit_depth);
}

/// Sets a field if it is not set yet.
pub(super) fn fill<T>(slot: &mut Option<T>, value: impl FnOnce() -> Option<T>) {
    if slot.is_none() {
        *slot = value();
    }
}

/// Removes a zero, which cameras write for unknown values.
pub(super) fn positive(value: Option<f64>) -> Option<f64> {
    value.filter(|&it| it > 0.0)
}
