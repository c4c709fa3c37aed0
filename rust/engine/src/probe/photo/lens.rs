//! Lenses that are described by numbers instead of a name.

use super::fill::positive;
use super::ifd::{Ifd, Tiff};

/// A lens's range, from four numbers: its focal lengths, and its apertures at these.
pub(super) fn lens_info(tiff: &mut Tiff<'_>, ifd: &Ifd, tag: u16) -> Option<String> {
    let value = tiff.get(ifd, tag)?;
    lens_range(value.measured(0), value.measured(1), value.measured(2), value.measured(3))
}

/// A lens's range in the usual form: `24-70mm f/2.8`. Zeros are unknown values.
pub(super) fn lens_range(
    short: Option<f64>,
    long: Option<f64>,
    wide: Option<f64>,
    narrow: Option<f64>,
) -> Option<String> {
    let range = |from: f64, to: f64| {
        if from == to { format!("{from}") } else { format!("{from}-{to}") }
    };
    let aperture = match (positive(wide), positive(narrow)) {
        (Some(wide), Some(narrow)) => format!(" f/{}", range(wide, narrow)),
        (Some(only), None) | (None, Some(only)) => format!(" f/{only}"),
        (None, None) => String::new(),
    };
    Some(format!("{}mm{aperture}", range(positive(short)?, positive(long)?)))
}
