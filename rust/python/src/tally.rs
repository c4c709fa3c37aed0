//! `Tally`: sums over millions of rows, by the values of several columns at once.

use std::collections::HashMap;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyInt, PyList, PyString, PyTuple};

/// The number of rows, and their sums.
#[derive(Default)]
struct Sums {
    rows: u64,
    // A catalogue can claim sizes whose sum is larger than 64 bits.
    integers: i128,
    reals: f64,
}

impl Sums {
    fn add(&mut self, integer: i64, real: f64) {
        self.rows += 1;
        self.integers += i128::from(integer);
        self.reals += real;
    }
}

/// A value, the number of rows that have it, and their sums.
type Row<'py> = (Bound<'py, PyAny>, u64, i128, f64);

/// The sums by the values of a column.
#[derive(Default)]
struct Column {
    of_null: Sums,
    of_integers: HashMap<i64, Sums>,
    of_texts: Vec<(Box<str>, Sums)>,
    places: HashMap<Box<str>, usize>,
    /// The place of the last text. The next row often has the same.
    last: usize,
}

impl Column {
    fn sums(&mut self, value: &Bound<'_, PyAny>) -> PyResult<&mut Sums> {
        if let Ok(text) = value.cast::<PyString>() {
            return Ok(self.of_text(text.to_str()?));
        }
        if value.is_none() {
            return Ok(&mut self.of_null);
        }
        if let Ok(number) = value.cast::<PyInt>() {
            return Ok(self.of_integers.entry(number.extract()?).or_default());
        }
        // A damaged catalogue can have values of any type.
        Ok(self.of_text(value.str()?.to_str()?))
    }

    fn of_text(&mut self, text: &str) -> &mut Sums {
        if self.of_texts.get(self.last).is_none_or(|(last, _)| **last != *text) {
            self.last = match self.places.get(text) {
                Some(place) => *place,
                None => {
                    self.places.insert(text.into(), self.of_texts.len());
                    self.of_texts.push((text.into(), Sums::default()));
                    self.of_texts.len() - 1
                }
            };
        }
        &mut self.of_texts[self.last].1
    }
}

#[pyclass(module = "vpo._engine")]
pub struct Tally {
    columns: Vec<Column>,
}

#[pymethods]
impl Tally {
    #[new]
    fn new(columns: usize) -> Self {
        Self { columns: std::iter::repeat_with(Column::default).take(columns).collect() }
    }

    fn add(&mut self, rows: &Bound<'_, PyList>) -> PyResult<()> {
        for row in rows.iter() {
            let row = row.cast::<PyTuple>()?;
            if row.len() != self.columns.len() + 2 {
                return Err(PyValueError::new_err("a row has the wrong number of values"));
            }
            // As SQL's `sum` does: a damaged catalogue can have values of any type.
            let integer = row.get_item(self.columns.len())?.extract().unwrap_or(0);
            let real = row.get_item(self.columns.len() + 1)?;
            let real = if real.is_none() { 0.0 } else { real.extract().unwrap_or(0.0) };
            for (column, value) in self.columns.iter_mut().zip(row.iter_borrowed()) {
                column.sums(&value)?.add(integer, real);
            }
        }
        Ok(())
    }

    fn sums<'py>(&self, py: Python<'py>, column: usize) -> PyResult<Vec<Row<'py>>> {
        let column = self.columns.get(column);
        let column = column.ok_or_else(|| PyValueError::new_err("the column does not exist"))?;
        let mut all = Vec::with_capacity(column.of_texts.len() + column.of_integers.len() + 1);
        let mut add = |value, sums: &Sums| all.push((value, sums.rows, sums.integers, sums.reals));
        if column.of_null.rows > 0 {
            add(py.None().into_bound(py), &column.of_null);
        }
        for (number, sums) in &column.of_integers {
            add(PyInt::new(py, *number).into_any(), sums);
        }
        for (text, sums) in &column.of_texts {
            add(PyString::new(py, text).into_any(), sums);
        }
        Ok(all)
    }
}
