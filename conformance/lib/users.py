"""Whether this host lets users have user namespaces and the ids of /etc/subuid in them, found out by trying."""
import contextlib
import os
import subprocess

import nucleus_test

HELPERS = {"newuidmap": "/usr/bin/newuidmap", "newgidmap": "/usr/bin/newgidmap"}


@contextlib.contextmanager
def _waiting_in_a_user_namespace(user: int):
    """A process of the user's in a user namespace without mappings, or None where the kernel gives none."""
    words = ["unshare", "--user", "sh", "-c", "echo there; read -r _"]
    with subprocess.Popen(words, user=user, group=user, extra_groups=[], cwd="/", env={"PATH": "/usr/bin:/bin"},
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        yield process.pid if process.stdout.readline() else None
        process.kill()


def no_user_namespaces(user: int) -> str:
    """Why this user has none; "" if all is well."""
    with _waiting_in_a_user_namespace(user) as pid:
        return "" if pid else "this host gives users no user namespaces"


def no_sub_ids(user: int, first: int, count: int) -> str:
    """Why newuidmap and newgidmap do not give this user these ids of /etc/subuid and /etc/subgid; "" if they do."""
    with _waiting_in_a_user_namespace(user) as pid:
        if pid is None:
            return "this host gives users no user namespaces"
        for name, helper in HELPERS.items():
            if not os.path.exists(helper):
                return f"{name} is not installed"
            done = nucleus_test.call([helper, pid, 0, user, 1, 1, first, count], user=user, group=user, extra_groups=[],
                                     cwd="/", env={})
            if done.rc != 0:
                return f"{name} does not work here: {done.err.strip() or done.rc}"
    return ""
