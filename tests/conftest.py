"""How much Hypothesis tries: a run of CI by default, `--hypothesis-profile=fuzz` for `make fuzz`."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# No deadline: the first example of many tests waits for a kernel to be compiled.
settings.register_profile("ci", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("fuzz", parent=settings.get_profile("ci"), max_examples=5_000)
settings.load_profile("ci")

# Plans that do not depend on how busy the machine was when it was measured.
os.environ["VICINAL_COSTS"] = "usual"

# Set before numpy is loaded: several processes have a core each, and BLAS threads that wait for one another
# keep it from the others.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# A process of several inherits the width of the terminal that the first one's readline saw.
os.environ.pop("COLUMNS", None)
