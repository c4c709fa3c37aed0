//! Lenses as makers tell them in tags of their own, where it is a plain text or
//! four numbers. Ids that need a table of lenses are left alone.

use super::exif::{fill, lens_info};
use super::ifd::{Ifd, Order, Tiff};
use crate::probe::model::Photo;

/// Fills in what the maker's note of an EXIF directory says of the lens.
pub(super) fn read(tiff: &mut Tiff<'_>, exif: &Ifd, photo: &mut Photo) {
    if photo.lens_model.is_some() {
        return;
    }
    let Some(note) = exif.entry(0x927c).copied().filter(|note| note.size() > Some(16)) else {
        return;
    };
    let head = tiff.up_to(note.place, 20).to_vec();
    let (order, at) = (tiff.order(), note.place);
    let own_order = |at: usize| head.get(at..).and_then(Order::of);
    if head.starts_with(b"OLYMPUS\0") {
        let mut maker = tiff.within(at, own_order(8).unwrap_or(order));
        olympus(&mut maker, 12, photo);
    } else if head.starts_with(b"OM SYSTEM\0") {
        let mut maker = tiff.within(at, own_order(12).unwrap_or(order));
        olympus(&mut maker, 16, photo);
    } else if head.starts_with(b"OLYMP\0") {
        olympus(&mut tiff.within(0, order), at.saturating_add(8), photo);
    } else if head.starts_with(b"Panasonic\0\0\0") {
        let mut maker = tiff.within(0, order);
        let Some(ifd) = maker.directory(at.saturating_add(12)) else { return };
        fill(&mut photo.lens_model, || named(maker.text(&ifd, 0x0051)));
    } else if head.starts_with(b"Nikon\0\x02") {
        // A whole TIFF structure of its own.
        let Some(own) = own_order(10) else { return };
        let mut maker = tiff.within(at.saturating_add(10), own);
        let Some(ifd) = maker.directory(8) else { return };
        fill(&mut photo.lens_model, || lens_info(&mut maker, &ifd, 0x0084));
    } else if photo.camera_make.as_deref().is_some_and(|make| make.starts_with("Canon")) {
        let mut maker = tiff.within(0, order);
        let Some(ifd) = maker.directory(at) else { return };
        canon(&mut maker, &ifd, photo);
    }
}

/// Fills in what a directory of Canon's says.
pub(super) fn canon(tiff: &mut Tiff<'_>, ifd: &Ifd, photo: &mut Photo) {
    fill(&mut photo.lens_model, || named(tiff.text(ifd, 0x0095)));
}

/// The lens is in the directory `Equipment`.
fn olympus(tiff: &mut Tiff<'_>, at: u64, photo: &mut Photo) {
    let Some(ifd) = tiff.directory(at) else { return };
    let Some(entry) = ifd.entry(0x2010).copied() else { return };
    // The directory itself (undefined bytes), or where it is (a number).
    let place = if entry.size() > Some(4) { Some(entry.place) } else { tiff.natural(&ifd, 0x2010) };
    let Some(equipment) = place.and_then(|place| tiff.directory(place)) else { return };
    fill(&mut photo.lens_model, || named(tiff.text(&equipment, 0x0203)));
}

/// A name, not the dashes or zeros that stand for none.
fn named(text: Option<String>) -> Option<String> {
    text.filter(|name| name.chars().any(char::is_alphabetic))
}
