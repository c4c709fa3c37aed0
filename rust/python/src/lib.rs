//! `vpo._engine`: the engine as a Python module.
//!
//! This crate only converts types, and releases the GIL while the engine waits or works.
//! `python/vpo/_engine.pyi` documents the module.
#![allow(missing_docs, reason = "documented in _engine.pyi, where users of the module look")]

mod batch;
mod descriptors;
mod digest;
mod media_rows;
mod probe;
mod roots;
mod rules;
mod sidecars;
mod storage;
mod summary;
mod tally;
mod text;
mod walk;

use pyo3::prelude::*;

#[pymodule]
mod _engine {
    use super::*;

    #[pymodule_export]
    use super::batch::{Batch, Directory, Failure};
    #[pymodule_export]
    use super::digest::{Digested, Digester};
    #[pymodule_export]
    use super::media_rows::MediaRows;
    #[pymodule_export]
    use super::probe::{ProbeResult, Prober, language_code};
    #[pymodule_export]
    use super::roots::{Roots, open_beneath, open_trusted};
    #[pymodule_export]
    use super::rules::Rules;
    #[pymodule_export]
    use super::sidecars::read_sidecars;
    #[pymodule_export]
    use super::storage::{
        birth_time, end_on_bus_error, look_at, set_idle_io, stat_afresh, storage_of,
    };
    #[pymodule_export]
    use super::tally::Tally;
    #[pymodule_export]
    use super::walk::{Progress, UnvisitedDirectory, Walk};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", vpo_engine::VERSION)?;
        module.add("KINDS", super::rules::kinds(module.py())?)?;
        module.add("SYSTEM_NAMES", super::rules::system_names(module.py())?)?;
        module.add("ALGORITHMS", super::digest::algorithm_names(module.py())?)?;
        module.add("RACY_WINDOW_NS", vpo_engine::RACY_WINDOW_NS)
    }
}
