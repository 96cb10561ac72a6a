"""A log with one line of JSON for each event of a job or run; nothing in it identifies the visitor."""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import TextIO

LOG = logging.getLogger("prunelab")
"""`LOG.info("job finished", extra={"job": ..., "run": ...})`; other extras are left out."""

_FIELDS = ("job", "run", "status", "message_to_visitor", "seconds")


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """Time, level, event, the fields that are known, and the cause of an error with its trace."""
        when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {"time": when, "level": record.levelname.lower(), "event": record.getMessage()}
        line |= {name: getattr(record, name) for name in _FIELDS if getattr(record, name, None) is not None}
        if record.exc_info and record.exc_info[1]:
            line["cause"] = "".join(traceback.format_exception(record.exc_info[1]))
        return json.dumps(line)


def configure(stream: TextIO = sys.stderr) -> None:
    """Write the log to this stream, once, independently of other loggers."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Json())
    LOG.handlers, LOG.propagate = [handler], False
    LOG.setLevel(logging.INFO)
