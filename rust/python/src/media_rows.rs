//! `MediaRows`: the media of many files, ready to be bound to the statements of the catalogue.
//!
//! A row has only the fields that have a value, and rows with the same fields come together.
//! Most fields of most tracks are empty, and Python takes longer to bind `None` than a number.
//! Many of them are the values of one statement: to run one takes longer than to bind a row.

use std::collections::HashMap;

use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyFloat, PyInt, PyList, PyString, PyTuple};
use vpo_engine::probe::{Chapter, Media, Photo, Track, TrackType};

use crate::summary;

const FILE: [&str; 2] = ["container", "quick_hash"];
const MEDIA: [&str; 9] = [
    "duration_seconds",
    "bit_rate",
    "tags",
    "warnings",
    "year",
    "camera",
    "video_summary",
    "audio_summary",
    "subtitle_summary",
];
const CHAPTER: [&str; 4] = ["number", "start_seconds", "end_seconds", "title"];
const TRACK: [&str; 29] = [
    "index",
    "type",
    "codec",
    "profile",
    "language",
    "title",
    "default",
    "forced",
    "commentary",
    "hearing_impaired",
    "visual_impaired",
    "duration_seconds",
    "bit_rate",
    "bit_depth",
    "channels",
    "channel_layout",
    "sample_rate",
    "width",
    "height",
    "frame_rate",
    "pixel_format",
    "color_primaries",
    "color_transfer",
    "color_space",
    "hdr",
    "dolby_vision_profile",
    "rotation",
    "file_name",
    "mime_type",
];
const PHOTO: [&str; 25] = [
    "width",
    "height",
    "orientation",
    "bit_depth",
    "camera_make",
    "camera_model",
    "lens_make",
    "lens_model",
    "taken_at",
    "taken_at_offset",
    "latitude",
    "longitude",
    "altitude",
    "exposure_seconds",
    "f_number",
    "iso",
    "focal_length",
    "focal_length_35mm",
    "flash",
    "software",
    "artist",
    "copyright",
    "description",
    "rating",
    "keywords",
];

/// The rows of one statement. SQLite before 3.32 binds at most 999 values to a statement, and
/// the widest table has 30.
const ROWS_PER_STATEMENT: usize = 16;

/// A value of a row. Texts are a part of [`FileRows::texts`].
#[derive(Clone, Copy)]
enum Value {
    Integer(i64),
    Real(f64),
    Text { start: usize, end: usize },
}

/// A row: a bit for each field that it has, and their values in [`FileRows::values`].
#[derive(Clone, Copy, Default)]
struct Row {
    fields: u64,
    start: usize,
    end: usize,
}

/// The rows of one file. The threads that read files make them, without Python.
#[derive(Default)]
pub struct FileRows {
    values: Vec<Value>,
    texts: String,
    file: Row,
    media: Row,
    tracks: Vec<Row>,
    chapters: Vec<Row>,
    photo: Option<Row>,
    first_free_index: u32,
}

impl FileRows {
    /// The rows of a file.
    pub fn new(media: &Media) -> Self {
        let mut rows = Self::default();
        rows.file = rows.row(|row| {
            row.text(Some(&media.container).filter(|name| !name.is_empty()));
        });
        rows.media = rows.row(|row| {
            row.real(media.duration_seconds);
            row.integer(media.bit_rate);
            row.json(&media.tags, media.tags.is_empty());
            row.json(&media.warnings, media.warnings.is_empty());
            row.integer(summary::year(media));
            row.text(summary::camera(media));
            for track_type in [TrackType::Video, TrackType::Audio, TrackType::Subtitle] {
                row.text(summary::of_tracks(&media.tracks, track_type));
            }
        });
        for track in &media.tracks {
            let row = rows.row(|row| add_track(row, track));
            rows.tracks.push(row);
        }
        for (number, chapter) in (1_u32..).zip(&media.chapters) {
            let row = rows.row(|row| add_chapter(row, number, chapter));
            rows.chapters.push(row);
        }
        if let Some(photo) = &media.photo {
            rows.photo = Some(rows.row(|row| add_photo(row, photo)));
        }
        rows.first_free_index = first_free_index(&media.tracks);
        rows
    }

    fn row(&mut self, fill: impl FnOnce(&mut RowBuilder<'_>)) -> Row {
        let start = self.values.len();
        let mut builder = RowBuilder { rows: self, fields: 0, next: 1 };
        fill(&mut builder);
        let fields = builder.fields;
        Row { fields, start, end: self.values.len() }
    }

    /// The values of a row as Python's objects.
    fn objects<'py>(&self, py: Python<'py>, row: Row) -> impl Iterator<Item = Bound<'py, PyAny>> {
        self.values[row.start..row.end].iter().map(move |value| match *value {
            Value::Integer(number) => PyInt::new(py, number).into_any(),
            Value::Real(number) => PyFloat::new(py, number).into_any(),
            Value::Text { start, end } => PyString::new(py, &self.texts[start..end]).into_any(),
        })
    }
}

fn add_track(row: &mut RowBuilder<'_>, track: &Track) {
    // If this does not compile because a field is missing, `TRACK` needs it, too.
    let Track {
        index,
        track_type,
        codec,
        profile,
        language,
        title,
        default,
        forced,
        commentary,
        hearing_impaired,
        visual_impaired,
        duration_seconds,
        bit_rate,
        bit_depth,
        channels,
        channel_layout,
        sample_rate,
        width,
        height,
        frame_rate,
        pixel_format,
        color_primaries,
        color_transfer,
        color_space,
        hdr,
        dolby_vision_profile,
        rotation,
        file_name,
        mime_type,
        unchecked_packets: _,
    } = track;
    row.integer(Some(*index));
    row.text(Some(track_type.name()));
    row.text(codec.as_deref());
    row.text(profile.as_deref());
    row.text(Some(language));
    row.text(title.as_deref());
    row.flag(*default);
    row.flag(*forced);
    row.flag(*commentary);
    row.flag(*hearing_impaired);
    row.flag(*visual_impaired);
    row.real(*duration_seconds);
    row.integer(*bit_rate);
    row.integer(*bit_depth);
    row.integer(*channels);
    row.text(channel_layout.as_deref());
    row.integer(*sample_rate);
    row.integer(*width);
    row.integer(*height);
    row.text(frame_rate.as_deref());
    row.text(pixel_format.as_deref());
    row.text(color_primaries.as_deref());
    row.text(color_transfer.as_deref());
    row.text(color_space.as_deref());
    row.text(hdr.map(|hdr| hdr.name()));
    row.text(dolby_vision_profile.as_deref());
    row.integer(*rotation);
    row.text(file_name.as_deref());
    row.text(mime_type.as_deref());
}

fn add_chapter(row: &mut RowBuilder<'_>, number: u32, chapter: &Chapter) {
    let Chapter { start_seconds, end_seconds, title } = chapter;
    row.integer(Some(number));
    row.real(Some(*start_seconds));
    row.real(*end_seconds);
    row.text(title.as_deref());
}

fn add_photo(row: &mut RowBuilder<'_>, photo: &Photo) {
    let Photo {
        width,
        height,
        orientation,
        bit_depth,
        camera_make,
        camera_model,
        lens_make,
        lens_model,
        taken_at,
        taken_at_offset,
        latitude,
        longitude,
        altitude,
        exposure_seconds,
        f_number,
        iso,
        focal_length,
        focal_length_35mm,
        flash,
        software,
        artist,
        copyright,
        description,
        rating,
        keywords,
    } = photo;
    row.integer(*width);
    row.integer(*height);
    row.integer(*orientation);
    row.integer(*bit_depth);
    row.text(camera_make.as_deref());
    row.text(camera_model.as_deref());
    row.text(lens_make.as_deref());
    row.text(lens_model.as_deref());
    row.text(taken_at.as_deref());
    row.text(taken_at_offset.as_deref());
    row.real(*latitude);
    row.real(*longitude);
    row.real(*altitude);
    row.real(*exposure_seconds);
    row.real(*f_number);
    row.integer(*iso);
    row.real(*focal_length);
    row.real(*focal_length_35mm);
    row.integer(flash.map(u8::from));
    row.text(software.as_deref());
    row.text(artist.as_deref());
    row.text(copyright.as_deref());
    row.text(description.as_deref());
    row.integer(*rating);
    row.json(keywords, keywords.is_empty());
}

/// The first index that no track has.
fn first_free_index(tracks: &[Track]) -> u32 {
    let mut indexes: Vec<u32> = tracks.iter().map(|track| track.index).collect();
    indexes.sort_unstable();
    indexes.dedup();
    (0_u32..).zip(indexes).take_while(|(expected, index)| expected == index).count() as u32
}

/// Adds the fields of a row in the order of their table.
struct RowBuilder<'a> {
    rows: &'a mut FileRows,
    fields: u64,
    /// The bit of the next field.
    next: u64,
}

impl RowBuilder<'_> {
    fn add(&mut self, value: Option<Value>) {
        if let Some(value) = value {
            self.fields |= self.next;
            self.rows.values.push(value);
        }
        self.next <<= 1;
    }

    /// SQLite's integers are signed. A larger number, which a file may claim, cannot be true.
    fn integer<T: TryInto<i64>>(&mut self, value: Option<T>) {
        self.add(value.and_then(|value| value.try_into().ok()).map(Value::Integer));
    }

    /// A property that the catalogue takes to be false if a row does not have it.
    fn flag(&mut self, value: bool) {
        self.add(value.then_some(Value::Integer(1)));
    }

    /// JSON has no numbers that are not finite, so documents do not have them either.
    fn real(&mut self, value: Option<f64>) {
        self.add(value.filter(|value| value.is_finite()).map(Value::Real));
    }

    fn text(&mut self, value: Option<impl AsRef<str>>) {
        let start = self.rows.texts.len();
        let value = value.map(|text| {
            self.rows.texts.push_str(text.as_ref());
            Value::Text { start, end: self.rows.texts.len() }
        });
        self.add(value);
    }

    fn json(&mut self, value: &impl serde::Serialize, is_empty: bool) {
        let text = if is_empty { None } else { serde_json::to_string(value).ok() };
        self.text(text);
    }
}

/// The rows of one table, by their fields.
struct Table<'py> {
    names: &'static [&'static str],
    groups: HashMap<u64, Group<'py>>,
}

/// The values of rows with the same fields, one row after the other.
#[derive(Default)]
struct Group<'py> {
    values: Vec<Bound<'py, PyAny>>,
    rows: usize,
}

impl<'py> Table<'py> {
    fn new(names: &'static [&'static str]) -> Self {
        Self { names, groups: HashMap::new() }
    }

    /// The values of a group, to which the caller adds those of a row.
    fn row(&mut self, fields: u64) -> &mut Vec<Bound<'py, PyAny>> {
        let group = self.groups.entry(fields).or_default();
        group.rows += 1;
        &mut group.values
    }

    /// Adds a row of a file, after its key.
    fn add_row(&mut self, key: &Bound<'py, PyAny>, file: &FileRows, row: Row) {
        let values = self.row(row.fields);
        values.push(key.clone());
        values.extend(file.objects(key.py(), row));
    }

    /// The groups as (names of the fields, rows per statement, the values of each statement).
    fn finish(self, py: Python<'py>, rows_per_statement: usize) -> PyResult<Bound<'py, PyList>> {
        let statements = PyList::empty(py);
        for (fields, Group { mut values, rows }) in self.groups {
            let names = self.names.iter().enumerate();
            let names = names.filter(|(bit, _)| fields >> bit & 1 == 1);
            let names: Vec<_> = names.map(|(_, name)| PyString::intern(py, name)).collect();
            let names = PyTuple::new(py, names)?;
            let per_row = values.len() / rows;
            let rest = values.split_off((rows - rows % rows_per_statement) * per_row);
            for (values, rows) in [(values, rows_per_statement), (rest, 1)] {
                if !values.is_empty() {
                    let bound = values.chunks_exact(per_row * rows);
                    let bound = bound.map(|values| PyTuple::new(py, values));
                    let bound = PyList::new(py, bound.collect::<PyResult<Vec<_>>>()?)?;
                    statements.append((names.clone(), rows, bound))?;
                }
            }
        }
        Ok(statements)
    }
}

#[pyclass(frozen, get_all, module = "vpo._engine")]
pub struct MediaRows {
    keys: Vec<i64>,
    first_free_indexes: Py<PyList>,
    files: Py<PyList>,
    media: Py<PyList>,
    tracks: Py<PyList>,
    chapters: Py<PyList>,
    photos: Py<PyList>,
}

impl MediaRows {
    /// Converts the rows of files (key, rows, quick hash) for Python.
    pub fn new(py: Python<'_>, read: &[(i64, FileRows, Option<[u8; 16]>)]) -> PyResult<Self> {
        let mut files = Table::new(&FILE);
        let mut media = Table::new(&MEDIA);
        let mut tracks = Table::new(&TRACK);
        let mut chapters = Table::new(&CHAPTER);
        let mut photos = Table::new(&PHOTO);
        let first_free_indexes = PyList::empty(py);
        for (key, rows, quick_hash) in read {
            let key = key.into_pyobject(py)?.into_any();
            // The key is the last value here, because files are updated: `… WHERE id = ?`.
            let has_hash = u64::from(quick_hash.is_some()) << 1;
            let values = files.row(rows.file.fields | has_hash);
            values.extend(rows.objects(py, rows.file));
            // sqlite3 looks for an adapter of each `bytes`, but not of a `bytearray`.
            values.extend(quick_hash.map(|hash| PyByteArray::new(py, &hash).into_any()));
            values.push(key.clone());
            media.add_row(&key, rows, rows.media);
            for row in &rows.tracks {
                tracks.add_row(&key, rows, *row);
            }
            for row in &rows.chapters {
                chapters.add_row(&key, rows, *row);
            }
            if let Some(row) = rows.photo {
                photos.add_row(&key, rows, row);
            }
            first_free_indexes.append((key, rows.first_free_index))?;
        }
        Ok(Self {
            keys: read.iter().map(|(key, _, _)| *key).collect(),
            first_free_indexes: first_free_indexes.unbind(),
            files: files.finish(py, 1)?.unbind(),
            media: media.finish(py, ROWS_PER_STATEMENT)?.unbind(),
            tracks: tracks.finish(py, ROWS_PER_STATEMENT)?.unbind(),
            chapters: chapters.finish(py, ROWS_PER_STATEMENT)?.unbind(),
            photos: photos.finish(py, ROWS_PER_STATEMENT)?.unbind(),
        })
    }
}

#[pymethods]
impl MediaRows {
    fn __len__(&self) -> usize {
        self.keys.len()
    }
}
