"""turnpike scan: every key in files, archives and git history, and nothing else."""

import binascii
import gzip
import hashlib
import io
import json
import os
import subprocess
import tarfile
import time
import zipfile

import pytest

from harness.gateway import SLOWER, Gateway


def made_up(prefix="sk-tp-v1-"):
    digits = os.urandom(28).hex()
    return f"{prefix}{digits}{binascii.crc32(digits.encode()):08x}"


def wrong_sum():
    key = made_up()
    return key[:-1] + ("0" if key[-1] != "0" else "1")


@pytest.fixture
def scanner(tmp_path):
    directory = tmp_path / "gateway"
    directory.mkdir()
    return Gateway(directory)


def scan(scanner, *paths, status=None):
    done = scanner.run("scan", *map(str, paths))
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == (status if status is not None else 1 if found else 0), done.stderr
    return found, done


def one(found, key, **fields):
    """The one find of a key: it names it by hash and label, and bears these fields."""
    digest = hashlib.sha256(key.encode()).hexdigest()
    (it,) = [f for f in found if f["hash"] == digest and all(f.get(k) == v for k, v in fields.items())]
    prefix = key[:-64]
    assert it["label"] == f"{prefix}{key[-64:-61]}...{key[-3:]}"
    assert it["kind"] == ("management" if "-mgmt-" in prefix else "inference")
    return it


def test_keys_in_files_with_line_and_column(scanner, tmp_path):
    tree = tmp_path / "tree"
    (tree / "deep/er").mkdir(parents=True)
    keys = [made_up() for _ in range(4)] + [made_up("sk-tp-mgmt-v1-")]
    (tree / "env").write_text(f"A=1\nKEY={keys[0]}\n")
    (tree / "deep/er/config.json").write_text(json.dumps({"key": keys[1], "text": f"line\n{keys[2]}\n"}))
    (tree / "deep/binary").write_bytes(os.urandom(3_000_000).replace(b"\n", b" ") + b"\n\n  " + keys[3].encode() + b"\0" + os.urandom(100))
    (tree / "ops.sh").write_text(f"curl -H 'Authorization: Bearer {keys[4]}' x")
    (tree / "decoys").write_text("\n".join([wrong_sum(), made_up("sk-or-v1-"), made_up()[:-1], made_up() + "0", made_up()[9:],
                                            made_up("sk-tp-v2-"), made_up().upper(), "x" + made_up()]))
    (tree / "link").symlink_to(tree / "env")
    os.mkfifo(tree / "pipe")
    found, done = scan(scanner, tree)
    assert len(found) == 5
    assert one(found, keys[0])["line"] == 2 and one(found, keys[0])["column"] == 5
    assert one(found, keys[0])["path"] == str(tree / "env")
    assert one(found, keys[1])["column"] == 10
    one(found, keys[2])
    assert (one(found, keys[3])["line"], one(found, keys[3])["column"]) == (3, 3)
    one(found, keys[4], path=str(tree / "ops.sh"))
    assert not any(k in done.stdout + done.stderr or k[-64:] in done.stdout for k in keys)
    assert "5 keys found" in done.stderr


def test_keys_of_the_server_itself_and_of_another_prefix(scanner, tmp_path):
    scanner.config = scanner.dir / "turnpike.yaml"
    scanner.configure({"key_prefix": "acme-prod-v2-"})
    scanner.env["TURNPIKE_CONFIG"] = str(scanner.config)
    key, default = scanner.key(), made_up()
    management = scanner.key("admin", "--management")
    assert key.startswith("acme-prod-v2-") and management.startswith("acme-prod-mgmt-v2-")
    (tmp_path / "f").write_text(f"{key} {default}\n{management}")
    found, _ = scan(scanner, tmp_path / "f")
    assert len(found) == 3
    for k in (key, default, management):
        one(found, k)


def test_a_key_in_a_name_is_not_told_either(scanner, tmp_path):
    key, other = made_up(), made_up("sk-tp-mgmt-v1-")
    (tmp_path / f"of-.{key}.txt").write_text(key)
    with zipfile.ZipFile(tmp_path / f"{other}.zip", "w") as z:
        z.writestr(f"a/{key}/b", other)
    (tmp_path / f"{key}.gone").write_bytes(b"")
    (tmp_path / f"{key}.gone").unlink()
    found, done = scan(scanner, tmp_path)
    assert len(found) == 2 and key not in done.stdout + done.stderr and other not in done.stdout + done.stderr
    label = one(found, key)["label"]
    assert one(found, key)["path"] == str(tmp_path / f"of-.{label}.txt")
    assert one(found, other)["entry"] == f"a/{label}/b" and one(found, other)["path"].endswith(f"/{one(found, other)['label']}.zip")
    _, done = scan(scanner, tmp_path / f"{key}.gone", status=2)
    assert key not in done.stderr and label in done.stderr


def test_nothing_found_is_0_and_wrong_use_2(scanner, tmp_path):
    (tmp_path / "f").write_text("nothing")
    scan(scanner, tmp_path / "f", status=0)
    for words in ([], [str(tmp_path / "missing")], [str(tmp_path / "f"), str(tmp_path / "missing")], ["--frob"]):
        assert scanner.run("scan", *words).returncode == 2


def tar(name, data, mode):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as t:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        t.addfile(info, io.BytesIO(data))
    return out.getvalue()


def test_text_inside_archives(scanner, tmp_path):
    keys = [made_up() for _ in range(6)]
    text = [f"one\ntwo {k}\n".encode() for k in keys]
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("in/side.txt", text[0])
        z.writestr("big", b"\0" * 5_000_000 + b"\n" + text[1])
    (tmp_path / "b.tar").write_bytes(tar("x/y", text[2], "w"))
    (tmp_path / "c.tgz").write_bytes(tar("x/z", text[3], "w:gz"))
    (tmp_path / "d.log.gz").write_bytes(gzip.compress(text[4]))
    (tmp_path / "e.tar.xz").write_bytes(tar("x/w", text[5], "w:xz"))
    (tmp_path / "f.zip").write_bytes(b"PK\x03\x04 not really " + made_up().encode())
    (tmp_path / "g.gz").write_bytes(gzip.compress(os.urandom(100_000))[:50_000])
    found, _ = scan(scanner, tmp_path)
    assert len(found) == 7
    for key, path, entry in zip(keys, "a.zip a.zip b.tar c.tgz d.log.gz e.tar.xz".split(),
                                ["in/side.txt", "big", "x/y", "x/z", None, "x/w"]):
        it = one(found, key, path=str(tmp_path / path))
        assert it.get("entry") == entry and it["column"] == 5 and it["line"] == (3 if entry == "big" else 2)


def git(directory, *words):
    env = {**os.environ, "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b.c", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b.c",
           "GIT_CONFIG_GLOBAL": "/dev/null"}
    return subprocess.run(["git", "-C", str(directory), *words], check=True, capture_output=True, text=True, env=env).stdout.strip()


def commit(repo, message):
    git(repo, "add", "-A")
    git(repo, "commit", "-q", "-m", message)
    return git(repo, "rev-parse", "HEAD")


@pytest.mark.parametrize("packed", [False, True])
def test_git_history(scanner, tmp_path, packed):
    repo = tmp_path / "repo"
    repo.mkdir()
    git(repo, "init", "-q", "-b", "main")
    removed, message, branch, stashed, present = (made_up() for _ in range(5))
    (repo / "app").mkdir()
    (repo / "app/settings.py").write_text(f"import os\n\nKEY = '{removed}'\n")
    first = commit(repo, "first")
    (repo / "app/settings.py").write_text("import os\n")
    commit(repo, "remove the key")
    (repo / "x").write_text("x")
    third = commit(repo, f"oops {message}")
    git(repo, "checkout", "-q", "-b", "side", first)
    (repo / "side.txt").write_text(branch)
    side = commit(repo, "side")
    git(repo, "checkout", "-q", "main")
    (repo / "lost.txt").write_text(stashed)
    lost = commit(repo, "lost")
    git(repo, "reset", "-q", "--hard", "HEAD~1")
    git(repo, "reflog", "expire", "--expire=now", "--all")
    if packed:
        git(repo, "repack", "-q", "-a", "-d", "-k")
        git(repo, "config", "remote.origin.url", f"https://x:{present}@example.com/")
    found, _ = scan(scanner, repo)
    it = one(found, removed)
    assert (it["commit"], it["line"], it["column"], it["path"]) == (first, 3, 8, str(repo / "app/settings.py"))
    assert one(found, message)["commit"] == third
    assert one(found, branch)["commit"] == side
    assert one(found, stashed)["commit"] in (None, lost)
    if packed:
        one(found, present, path=str(repo / ".git/config"))
    assert len(found) == 4 + packed
    bare = tmp_path / "bare.git"
    git(tmp_path, "clone", "-q", "--bare", str(repo), str(bare))
    found, _ = scan(scanner, bare)
    assert one(found, removed)["commit"] == first


def test_a_worktree_has_a_history_too(scanner, tmp_path):
    repo, tree = tmp_path / "repo", tmp_path / "tree"
    repo.mkdir()
    git(repo, "init", "-q", "-b", "main")
    key = made_up()
    (repo / "f").write_text(key)
    first = commit(repo, "first")
    (repo / "f").write_text("")
    commit(repo, "second")
    git(repo, "worktree", "add", "-q", str(tree), "-b", "other")
    found, _ = scan(scanner, tree)
    assert one(found, key)["commit"] == first


@pytest.mark.slow
def test_a_tree_as_large_as_linux_takes_seconds(scanner, tmp_path):
    """80,000 files, 1.5 GB of text that looks like source."""
    words = ("static int sk_buff struct return -v1- unsigned long if (ret < 0) goto out; /* tp-v1 */ sk-tp EXPORT_SYMBOL_GPL\n" * 200).encode()
    keys = [made_up() for _ in range(20)]
    for d in range(800):
        directory = tmp_path / f"d{d}"
        directory.mkdir()
        for i in range(100):
            n = d * 100 + i
            tail = b"\n" + keys[n // 4000].encode() if n % 4000 == 1234 else b""
            (directory / f"f{i}.c").write_bytes(words[:18_000 + n % 1500] + tail + b"\n")
    began = time.monotonic()
    found, done = scan(scanner, tmp_path)
    seconds = time.monotonic() - began
    assert sorted(f["hash"] for f in found) == sorted(hashlib.sha256(k.encode()).hexdigest() for k in keys)
    print(f"{seconds:.2f} s: {done.stderr}")
    assert seconds < 15 * SLOWER
