"""Where an embedded server keeps its files, and as which OS user it runs.

PostgreSQL refuses to run as root, so root hands it to an unprivileged user. That user
must reach the data, the sockets and the programs without any closed folder being
opened to everybody: where it cannot, those three move to a folder it can reach.
"""

import hashlib
import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

OS_USER = "catchment"
# sockaddr_un holds 104 bytes on macOS and 108 on Linux; the longest name put behind
# the folder is "/.s.PGSQL.5432.lock".
LONGEST_SOCKET_FOLDER = 80


@dataclass(frozen=True)
class OsUser:
    """The unprivileged user that runs the servers; None of it set means ourselves."""

    uid: int | None = None
    gid: int | None = None

    def popen(self) -> dict[str, object]:
        """Arguments that make subprocess run a program as this user."""
        if self.uid is None:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, path: Path) -> None:
        """Give a file or folder to this user."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)


@dataclass(frozen=True)
class Places:
    """Folders of one embedded installation."""

    home: Path
    secrets: Path
    data: Path
    sockets: Path
    vault_socket: Path
    user: OsUser
    programs: Path | None


def places(home: Path, programs_from: Path) -> Places:
    """Choose and make the folders for `home`.

    `programs_from` is where the server programs are installed; when the servers' user
    cannot reach it, `Places.programs` names the folder to copy them to.
    """
    home = home.resolve()
    made = not home.exists()
    home.mkdir(parents=True, exist_ok=True)
    user = server_user()
    if made:
        # Root's servers must walk through it to their own folder, but not list it.
        home.chmod(0o711 if user.uid is not None else 0o700)
    mark = hashlib.sha256(os.fsencode(home)).hexdigest()[:10]
    secrets = _folder(home / "secrets")
    reachable = user.uid is None or walkable(home, user)
    outside = Path("/var/lib") / f"catchment-{mark}"
    if not reachable:
        _folder(outside, mode=0o711)
    data = _folder((home if reachable else outside) / "servers", user)
    sockets = home / "sockets"
    if not reachable or len(os.fsencode(sockets)) > LONGEST_SOCKET_FOLDER:
        sockets = short_folder() / f"catchment-{os.getuid()}-{mark}"
    _folder(sockets, user)
    vault = home / "vault"
    if len(os.fsencode(vault)) > LONGEST_SOCKET_FOLDER:
        vault = short_folder() / f"catchment-{os.getuid()}-{mark}-vault"
    _folder(vault)
    programs = None
    if user.uid is not None and not walkable(programs_from, user):
        programs = _folder(data / "programs", user)
    return Places(
        home=home,
        secrets=secrets,
        data=data,
        sockets=sockets,
        vault_socket=vault / "vault.sock",
        user=user,
        programs=programs,
    )


def server_user() -> OsUser:
    """Ourselves, or for root an unprivileged user, made when there is none."""
    if os.getuid() != 0:
        return OsUser()
    for name in (OS_USER, _make_user(), "nobody"):
        try:
            entry = pwd.getpwnam(name or "")
        except KeyError:
            continue
        return OsUser(uid=entry.pw_uid, gid=entry.pw_gid)
    raise RuntimeError(
        "PostgreSQL refuses to run as root, and neither the user "
        f"'{OS_USER}' could be made nor does 'nobody' exist."
    )


def walkable(path: Path, user: OsUser) -> bool:
    """Whether `user` can walk to `path` and through it, by the mode bits."""
    for folder in (path, *path.parents):
        found = folder.stat()
        if found.st_uid == user.uid:
            needed = stat.S_IXUSR
        elif found.st_gid == user.gid:
            needed = stat.S_IXGRP
        else:
            needed = stat.S_IXOTH
        if not found.st_mode & needed:
            return False
    return True


def short_folder() -> Path:
    """A folder with a short path that can hold sockets."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if runtime and os.getuid() != 0 and len(runtime) < 40 and Path(runtime).is_dir():
        return Path(runtime)
    return Path("/tmp").resolve()


def _make_user() -> str | None:
    try:
        pwd.getpwnam(OS_USER)
    except KeyError:
        program = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
        if program is None:
            return None
        made = subprocess.run(
            [program, "--system", "--no-create-home", "--shell", "/bin/false", OS_USER],
            capture_output=True,
            check=False,
        )
        # 9: another command made it a moment ago.
        return OS_USER if made.returncode in (0, 9) else None
    return OS_USER


def _folder(path: Path, user: OsUser | None = None, mode: int = 0o700) -> Path:
    """Make a folder of ours; refuse one that somebody else put there."""
    path.mkdir(parents=True, exist_ok=True)
    found = path.lstat()
    allowed = {os.getuid()} | ({user.uid} if user and user.uid is not None else set())
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in allowed:
        raise PermissionError(f"{path} belongs to somebody else; remove it first.")
    if user is not None:
        user.own(path)
    path.chmod(mode)
    return path
