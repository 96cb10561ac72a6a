"""What holds for every test: none fails because a machine is slow, and torch waits as the engine has it wait."""

from hypothesis import HealthCheck, settings

import core.engine  # before any test imports torch  # noqa: F401

settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")
