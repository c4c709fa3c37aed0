//! The metadata of XMP sidecars for Python.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};
use vpo_engine::probe::{self, TagValue, Tags};

use crate::roots::{Roots, all_paths};

/// The values by their names, or a problem's code and message.
type Row<'py> = (Option<Bound<'py, PyDict>>, Option<&'static str>, Option<String>);

#[pyfunction]
pub fn read_sidecars<'py>(
    py: Python<'py>,
    roots: &Bound<'py, Roots>,
    paths: &Bound<'py, PyAny>,
) -> PyResult<Vec<Row<'py>>> {
    let paths = all_paths(Some(paths))?;
    let directories = &roots.get().directories;
    let outcomes = py.detach(|| probe::read_sidecars(directories, &paths));
    let row = |outcome: probe::Result<Tags>| match outcome {
        Ok(tags) => Ok((Some(to_dict(py, &tags)?), None, None)),
        Err(problem) => Ok((None, Some(problem.code()), Some(problem.to_string()))),
    };
    outcomes.into_iter().map(row).collect()
}

fn to_dict<'py>(py: Python<'py>, tags: &Tags) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (key, value) in tags {
        // Interned: there may be hundreds of thousands of sidecars with the same few names.
        let key = PyString::intern(py, key);
        match value {
            TagValue::Text(text) => dict.set_item(key, text)?,
            TagValue::List(values) => dict.set_item(key, PyList::new(py, values)?)?,
        }
    }
    Ok(dict)
}
