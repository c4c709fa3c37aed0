"""Runs all checks of the doctor."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from vpo.doctor.installation import check_tools, check_versions
from vpo.doctor.library import check_home, check_library, check_place, check_space
from vpo.doctor.models import Diagnosis, DoctorRequest, DoctorResult
from vpo.doctor.settings import check_config, check_profiles


def run(
    request: DoctorRequest, on_diagnosis: Callable[[Diagnosis], None] | None = None
) -> DoctorResult:
    """Runs all checks. `on_diagnosis` gets each diagnosis as soon as it is made."""
    diagnoses = []
    for diagnosis in _check_all(request):
        diagnoses.append(diagnosis)
        if on_diagnosis is not None:
            on_diagnosis(diagnosis)
    return DoctorResult(tuple(diagnoses))


def _check_all(request: DoctorRequest) -> Iterator[Diagnosis]:
    yield from check_versions()
    yield from check_tools(request.config)
    yield from check_config(request.environment, request.config_path)
    yield from check_profiles(request.environment)
    yield check_home(request.environment)
    yield from check_space(request.library_path)
    yield from check_place(request.library_path)
    yield from check_library(request.library_path, full=request.full)
