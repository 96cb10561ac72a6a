"""The calibration of a stored run's profile."""

from core.engine.tasks import task
from core.engine.work import Work
from core.evaluation.calibration import Calibrating, Calibration, calibration
from core.evaluation.profile import Profile


@task(Calibrating)
def calibrate(job: Calibrating, work: Work) -> Calibration:
    """Compute it from the stored profile: nothing is evaluated again."""
    work.weights(job)
    (needed,) = job.needs
    profile = work.results.get(needed)
    assert isinstance(profile, Profile)
    result = calibration(profile, work.store.labels(job.run_id))
    work.report(len(result.sparsity), len(result.sparsity))
    return result
