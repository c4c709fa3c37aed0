//! `Rules` for Python, and the table of kinds.

use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};
use vpo_engine::{Kind, RulesSpec, SYSTEM_NAMES};

/// Each kind of media with its extensions, for help, completion and queries.
pub fn kinds(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let table = PyDict::new(py);
    for kind in Kind::ALL {
        table.set_item(kind.name(), PyTuple::new(py, kind.extensions())?)?;
    }
    Ok(table)
}

/// The names that scans skip, by what creates them.
pub fn system_names(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let table = PyDict::new(py);
    for (system, names) in SYSTEM_NAMES {
        table.set_item(system, PyTuple::new(py, *names)?)?;
    }
    Ok(table)
}

#[pyclass(frozen, module = "vpo._engine")]
pub struct Rules {
    pub inner: Arc<vpo_engine::Rules>,
    /// Extensions and kinds as Python strings. They are created once, and batches refer to
    /// them.
    pub extensions: Vec<(Py<PyString>, Py<PyString>)>,
}

/// What to select: the attributes of a Python object, such as the settings of a scan.
#[derive(Default, FromPyObject)]
struct Selection {
    kinds: Vec<String>,
    extensions: Vec<String>,
    #[pyo3(attribute("exclude"))]
    excludes: Vec<String>,
    hidden: bool,
    follow_symlinks: bool,
    one_file_system: bool,
    skip_names: Vec<String>,
    system_names: bool,
    ignore_inodes: bool,
}

#[pymethods]
impl Rules {
    #[new]
    #[pyo3(signature = (root, selection=None))]
    fn new(py: Python<'_>, root: &[u8], selection: Option<Selection>) -> PyResult<Self> {
        let selection = selection.unwrap_or_default();
        let kinds = selection
            .kinds
            .iter()
            .map(|name| {
                Kind::from_name(name).ok_or_else(|| {
                    PyValueError::new_err(format!("`{name}` is not a kind of media"))
                })
            })
            .collect::<PyResult<Vec<_>>>()?;
        let spec = RulesSpec {
            kinds,
            extensions: selection.extensions,
            excludes: selection.excludes,
            hidden: selection.hidden,
            follow_symlinks: selection.follow_symlinks,
            one_file_system: selection.one_file_system,
            skip_names: selection.skip_names,
            system_names: selection.system_names,
            ignore_inodes: selection.ignore_inodes,
        };
        let inner = vpo_engine::Rules::new(&spec, root)
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        let extensions = inner
            .extensions()
            .iter()
            .map(|(name, kind)| {
                (PyString::intern(py, name).unbind(), PyString::intern(py, kind.name()).unbind())
            })
            .collect();
        Ok(Self { inner: Arc::new(inner), extensions })
    }

    fn enters(&self, relative: &[u8]) -> bool {
        self.inner.enters(relative)
    }

    fn selects(&self, relative: &[u8]) -> bool {
        self.inner.selects_file(relative)
    }
}
