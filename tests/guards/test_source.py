"""What the product's own code never does, read from the code itself."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
APPS = ("governance", "linkage", "segmentation", "risk", "dashboards")
# Modules that speak to something outside their own process, and to what.
CALLERS = {
    "linkage/reveal.py": "the vault's service, on its socket",
    "linkage/mailbox.py": "the NHS's MESH, where it is configured",
    "governance/single_sign_on.py": "the sign-on provider, where it is configured",
    "governance/anchors.py": "who keeps the audit's heads, where it is configured",
    "dashboards/actions/digests.py": "the mail server, where it is configured",
}
SPEAKING = {"httpx", "requests", "urllib.request", "socket", "smtplib", "http.client"}
SPEAKING |= {"ftplib", "aiohttp", "ldap3", "paramiko", "telnetlib", "mesh_client"}
# Each may start a program, with a list of words of its own and no shell.
STARTERS = {
    "linkage/release/version.py": "git, which version of the code this is",
}
# Whatever runs words as code, or reads them into any object at all.
DANGEROUS = {"pickle", "marshal", "shelve", "code", "dill", "joblib", "lxml", "jinja2"}
TEMPLATES = sorted((ROOT / "dashboards" / "templates").rglob("*.html"))
SCRIPTS = sorted((ROOT / "dashboards" / "assets").glob("*.js"))


@cache
def trees() -> dict[str, ast.Module]:
    """Every module of the apps, by its path from the root."""
    return {
        str(path.relative_to(ROOT)): ast.parse(path.read_text())
        for app in APPS
        for path in sorted((ROOT / app).rglob("*.py"))
    }


def imports(tree: ast.Module) -> set[str]:
    """The full names of what a module imports, at its top or further in."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module}
            found |= {f"{node.module}.{name.name}" for name in node.names}
    return found


@cache
def called() -> dict[str, list[tuple[str, ast.Call]]]:
    """Every call by the last name of what is called, with its module."""
    found: dict[str, list[tuple[str, ast.Call]]] = {}
    for path, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                last = getattr(node.func, "attr", getattr(node.func, "id", ""))
                found.setdefault(last, []).append((path, node))
    return found


def calls(name: str) -> list[tuple[str, ast.Call]]:
    return called().get(name, [])


def test_there_is_code_to_read():
    assert len(trees()) > 150
    assert len(TEMPLATES) > 40
    assert len(SCRIPTS) >= 3


def test_no_code_is_made_of_text():
    """No eval, no exec, no pickle; YAML is read by a loader that makes plain values."""
    named = [
        (path, call.func.id)
        for name in ("eval", "exec", "compile", "__import__")
        for path, call in calls(name)
        if isinstance(call.func, ast.Name)
    ]
    assert named == []
    loads = [
        (path, ast.unparse(call))
        for path, call in calls("load")
        if ast.unparse(call.func).startswith("yaml.")
        and "Loader=LOADER" not in ast.unparse(call)
    ]
    assert loads == []


def test_nothing_dangerous_is_imported():
    """One exception: text of ours alone becomes templates, in config."""
    found = {
        (path, name)
        for path, tree in trees().items()
        for name in imports(tree)
        if name.split(".")[0] in DANGEROUS
    }
    assert found == set()


def test_no_shell_is_started():
    starters = {path for path, tree in trees().items() if "subprocess" in imports(tree)}
    assert starters == set(STARTERS)
    for name in ("system", "popen", "execv", "spawnl"):
        assert [
            p for p, c in calls(name) if ast.unparse(c.func).startswith("os.")
        ] == []
    for path, call in calls("run"):
        if path in STARTERS:
            assert isinstance(call.args[0], ast.List)
            assert "shell" not in {word.arg for word in call.keywords}


def test_only_named_modules_call_out():
    """Whoever else wants to call out stands here first, with to what and why."""
    found = {
        path
        for path, tree in trees().items()
        if imports(tree) & SPEAKING
        and not path.startswith("linkage/vault/service/")
        and not path.startswith("governance/anchor")
    }
    assert found <= set(CALLERS)
    follows = [
        path
        for name in ("Client", "get", "post", "request")
        for path, call in calls(name)
        for word in call.keywords
        if word.arg in {"follow_redirects", "allow_redirects"}
        and ast.unparse(word.value) == "True"
    ]
    assert follows == []


def test_no_client_skips_certificates():
    skips = [
        path
        for path, tree in trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.keyword)
        and node.arg == "verify"
        and ast.unparse(node.value) == "False"
    ]
    assert skips == []


# Both are names that the same module passes as constants.
NAMED_INSIDE = {("dashboards/subject_record.py", name) for name in ("code", "table")}


def test_no_query_is_put_together_from_words():
    """What reads for a viewer passes values as parameters and names no table itself.

    `extra`, `raw` and `RawSQL` are not used at all; a statement made with f"" may hold
    only names in capitals, which are constants of its module.
    """
    for name in ("extra", "RawSQL"):
        assert [path for path, _ in calls(name)] == []
    made = []
    for path, call in calls("execute"):
        if not path.startswith(("dashboards/", "governance/", "segmentation/")):
            continue
        if "/migrations/" in path or not call.args:
            continue
        for part in ast.walk(call.args[0]):
            if isinstance(part, ast.FormattedValue):
                word = ast.unparse(part.value)
                made += [(path, word)] if word != word.upper() else []
            made += [(path, "%")] if isinstance(part, ast.Mod) else []
    assert set(made) <= NAMED_INSIDE


def test_no_pattern_is_made_of_what_somebody_typed():
    """A pattern is a constant, or holds what it looks for escaped."""
    made = []
    for name in ("compile", "search", "match", "fullmatch", "sub", "findall"):
        for path, call in calls(name):
            if not ast.unparse(call.func).startswith("re.") or not call.args:
                continue
            for part in ast.walk(call.args[0]):
                if isinstance(part, ast.FormattedValue):
                    word = ast.unparse(part.value)
                    if not word.startswith("re.escape(") and word != word.upper():
                        made.append((path, word))
    assert [m for m in made if m[0].startswith("dashboards/")] == []


def test_no_format_is_taken_from_a_caller():
    """Nothing of a request is used as the text that values are put into."""
    made = [
        (path, ast.unparse(call.func))
        for path, call in calls("format")
        if isinstance(call.func, ast.Attribute)
        and re.search(r"request|POST|GET|query_params", ast.unparse(call.func.value))
    ]
    assert made == []


def test_secrets_are_of_the_operating_systems_chance():
    users = {path for path, tree in trees().items() if "random" in imports(tree)}
    assert users == set()


WEAK = re.compile(r"\b(md5|sha1|MD5|SHA1|ARC4|TripleDES|DES3|PKCS1v15|CBC|CTR)\b")
# One block at a time and keyed: a permutation of 16 bytes that makes the keys of
# records, which need to stay equal where they are equal. Nothing is hidden by it.
PERMUTES = "linkage/vault/keyring.py"
# RFC 6238 with HMAC-SHA-1: the codes that every authenticator app makes. What breaks
# SHA-1, two texts of one digest, does not break its HMAC.
CODES = "governance/second_factor.py"


def test_cryptography_is_of_libraries():
    """Sealing is AES-GCM or AES-SIV, hashing SHA-256 or better, by `cryptography`."""
    for path in trees():
        text = (ROOT / path).read_text()
        assert set(WEAK.findall(text)) <= ({"sha1"} if path == CODES else set()), path
        assert ("modes.ECB" in text) <= (path == PERMUTES), path
    assert {"Crypto", "nacl", "Cryptodome"}.isdisjoint(
        name.split(".")[0] for tree in trees().values() for name in imports(tree)
    )


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_templates_switch_escaping_off_nowhere(path):
    text = path.read_text()
    assert not re.search(r"\|\s*safe\b|autoescape\s+false", text)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_write_no_markup_of_data(path):
    text = path.read_text()
    markup = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|__proto__"
    )
    assert not re.search(markup + r"|new Function|srcdoc", text)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_keep_and_send_nothing(path):
    """Nothing in the browser's storage, no socket, no message, no cookie, no beacon."""
    text = path.read_text()
    kept = r"localStorage|sessionStorage|indexedDB|document\.cookie|postMessage"
    assert not re.search(
        kept + r"|WebSocket|sendBeacon|https?://(?!www\.w3\.org)", text
    )


def test_every_part_is_pinned_by_its_hash():
    lock = (ROOT / "requirements.lock").read_text()
    parts = re.findall(r"^([a-zA-Z0-9_.\[\]-]+)==\S+", lock, re.M)
    assert len(parts) > 80
    blocks = re.split(r"^(?=[a-zA-Z0-9])", lock, flags=re.M)
    unpinned = [b.splitlines()[0] for b in blocks[1:] if "--hash=sha256:" not in b]
    assert unpinned == []


def test_the_products_code_knows_no_test():
    found = {
        path
        for path, tree in trees().items()
        if any(name.split(".")[0] in {"tests", "pytest"} for name in imports(tree))
    }
    assert found == set()


def test_no_upload_is_kept_where_it_is_served():
    """Uploads stay in memory; there is no media folder and nothing served from one."""
    text = (ROOT / "config" / "settings.py").read_text()
    assert "MemoryFileUploadHandler" in text
    assert "TemporaryFileUploadHandler" not in text
    assert "MEDIA_ROOT" not in text
    fields = [
        p
        for n in ("FileField", "ImageField")
        for p, c in calls(n)
        if ast.unparse(c.func).startswith("models.")
    ]
    assert fields == []
