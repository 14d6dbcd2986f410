"""Everything that a caller without a valid key may send instead of one."""

from __future__ import annotations

import datetime

from serving.calls import Metadata
from serving.running_server import Served

from vicinal.server.service.access.forward_clock import now
from vicinal.server.service.access.key_store import KeyStore


def denied_callers(served: Served) -> dict[str, Metadata]:
    """Return what callers without a valid key send."""
    good = served.key("admin")
    identifier, secret = good.split("_", 2)[1:]
    other_secret = served.key("admin").split("_", 2)[2]
    revoked_id, revoked = served.identified_key("admin")
    with KeyStore(served.folder) as keys:
        keys.revoke(revoked_id)
    day = datetime.timedelta(days=1)
    with KeyStore(served.folder, clock=lambda: now() - 2 * day) as keys:
        expired = keys.create("late", "admin", expires=now() - day)[1]
    changed = secret[:-1] + ("A" if secret[-1] != "A" else "B")
    texts = {
        "garbage": "garbage",
        "empty": "",
        "unknown id": f"vicinal_{'0' * 12}_{secret}",
        "secret of another": f"vicinal_{identifier}_{other_secret}",
        "secret changed": f"vicinal_{identifier}_{changed}",
        "secret cut": good[:-1],
        "secret longer": f"{good}A",
        "no secret": f"vicinal_{identifier}_",
        "id in capitals": f"vicinal_{identifier.upper()}x_{secret}",
        "huge": "vicinal_" + "a" * 6000,
        "expired": expired,
        "revoked": revoked,
    }
    callers: dict[str, Metadata] = {
        f"bearer, {name}": (("authorization", f"Bearer {text}"),) for name, text in texts.items()
    }
    callers |= {f"header, {name}": (("x-api-key", text),) for name, text in texts.items()}
    return callers | {
        "no key": (),
        "basic": (("authorization", f"Basic {good}"),),
        "bare": (("authorization", good),),
        "elsewhere": (("api-key", good),),
        "bytes": (("x-api-key-bin", good.encode()),),
    }
