"""As whom the server runs. PostgreSQL refuses user id 0, so root needs a stand-in; everybody else runs it
directly.

Root, first choice: a user namespace in which root appears as user 65534. Files stay root's, no account is
made, no parent folder is opened. Where namespaces are forbidden (some containers): `setpriv` to user 65534
with the one capability that lets it pass root's private parent folders.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from llm_pipeline.embedded.errors import EmbeddedPostgresError

NOBODY = 65534
NAMESPACE = ("unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}")
CAPABILITY = (
    "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
    "--inh-caps=-all,+dac_override", "--ambient-caps=-all,+dac_override",
)  # fmt: skip


@dataclass(frozen=True)
class Account:
    """`prefix`: what to put before a server command; `owner`: user id that its files must belong to."""

    prefix: tuple[str, ...]
    owner: int

    def own(self, folder: Path) -> None:
        """Hand a data folder over to this account, if root made it as another one.

        Raises:
            EmbeddedPostgresError: it belongs to somebody else and we are not root.
        """
        found = folder.stat().st_uid
        if found == self.owner:
            return
        if os.geteuid() != 0:
            raise EmbeddedPostgresError(
                f"{folder} belongs to user id {found}, this process is user id {self.owner}: "
                "run as that user, or set LLM_PIPELINE_HOME to a folder of your own"
            )
        for path in (folder, *folder.rglob("*")):
            os.chown(path, self.owner, self.owner, follow_symlinks=False)


def _works(prefix: tuple[str, ...]) -> bool:
    if shutil.which(prefix[0]) is None:
        return False
    return subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0


@cache
def server_account() -> Account:
    """The account for this process.

    Raises:
        EmbeddedPostgresError: root, and this system offers neither way.
    """
    if os.geteuid() != 0:
        return Account((), os.geteuid())
    if _works(NAMESPACE):
        return Account(NAMESPACE, 0)
    if _works(CAPABILITY):
        return Account(CAPABILITY, NOBODY)
    raise EmbeddedPostgresError(
        "PostgreSQL does not run as root, and neither unshare nor setpriv can help here: "
        "run as an ordinary user, or set DATABASE_URL to a server of your own"
    )
