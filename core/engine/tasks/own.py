"""A look at a file that a visitor brings."""

from pathlib import Path
from tempfile import TemporaryDirectory

from core.engine.own import architectures
from core.engine.own.apart import outlined
from core.engine.tasks import task
from core.engine.work import Work
from core.own.looking import Looking
from core.own.outline import Outline


@task(Looking)
def look(job: Looking, work: Work) -> Outline:
    """The outline of the file; raises NetworkError if it cannot be used."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        path.write_bytes(job.content)
        return architectures.opened(path, job.architecture, None)[1] if job.architecture else outlined(path)
