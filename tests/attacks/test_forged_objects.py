"""Objects that were forged on the disk under the id of another one: nobody is served them."""

from __future__ import annotations

import shutil
import zlib
from pathlib import Path

from tests.registry.making import git, loosened
from tests.server.real_server import making_place, serving, step


def test_a_forged_step_in_a_bare_registry_is_not_served_and_the_others_are(tmp_path: Path) -> None:
    with making_place(tmp_path / "made") as place:
        place.publish("alpha", "1.0.0")
        place.publish("beta", "1.0.0", [step("net.ping")])
        blob = place.git("rev-parse", "HEAD:libraries/alpha/1.0.0/steps/file_copy.json")
        loosened(place.path, blob)
    bare = tmp_path / "bare.git"
    shutil.copytree(tmp_path / "made/.git", bare)
    git(bare, "config", "core.bare", "true")
    raw = git(bare, "cat-file", "blob", blob).replace("File Copy", "EVIL File").encode()
    path = bare / "objects" / blob[:2] / blob[2:]
    path.chmod(0o644)
    path.write_bytes(zlib.compress(b"blob %d\0" % len(raw) + raw))
    with serving(bare) as client:
        answer = client.get("/api/v1/steps/alpha.file.copy")
        assert answer.status in {404, 503}
        assert b"EVIL" not in answer.body
        assert client.get("/api/v1/steps/beta.net.ping").status == 200
        assert b"EVIL" not in client.get("/api/v1/steps").body
        health = client.health()
        assert health["status"] == "degraded"
        assert "alpha" in str(health["alarms"])
