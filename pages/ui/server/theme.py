"""The theme, which Streamlit looks up among all of its options, and tells the browser, at every event of every visitor.

It does not change while a server runs, and so is looked up once: a tenth of the time that an event takes.
"""

from functools import lru_cache

from streamlit.proto.NewSession_pb2 import CustomThemeConfig
from streamlit.runtime import app_session

_look_up = app_session._populate_theme_msg


@lru_cache(maxsize=8)
def _of(section: str) -> CustomThemeConfig:
    found = CustomThemeConfig()
    _look_up(found, section)
    return found


def _tell(message: CustomThemeConfig, section: str = "theme") -> None:
    found = _of(section)
    if found.ByteSize():  # one that says nothing must not stand in the message either
        message.MergeFrom(found)


def keep() -> None:
    """From now on, tell what was looked up first."""
    app_session._populate_theme_msg = _tell  # type: ignore[assignment]
