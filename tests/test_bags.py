"""`vpo verify import` of BagIt bags: whether they are whole, and say the truth."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from support import Tree, Vpo

PAYLOAD = {"data/a.mkv": b"one", "data/sub/b.mkv": b"two"}
BAGIT = shutil.which("bagit.py") or shutil.which("bagit") or ""


def manifest(algorithm: str, contents: dict[str, bytes]) -> bytes:
    lines = [
        f"{hashlib.new(algorithm, data).hexdigest()}  {name}\n" for name, data in contents.items()
    ]
    return "".join(lines).encode()


@pytest.fixture
def bag(tree: Tree, vpo: Vpo) -> Tree:
    """A scanned bag of `PAYLOAD`, with manifests of md5 and sha256."""
    for name, content in PAYLOAD.items():
        tree.write(name, content)
    vpo.scan(tree.root)
    tree.write("bagit.txt", b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n")
    tree.write("bag-info.txt", b"Source: a shelf\n in the cellar\nPayload-Oxum: 6.2\n")
    for algorithm in ("md5", "sha256"):
        tree.write(f"manifest-{algorithm}.txt", manifest(algorithm, PAYLOAD))
    return tree


def check(vpo: Vpo, bag: Tree, status: int = 1) -> Any:
    return vpo.ok("verify", "import", "--json", bag.root, status=status).json


def found(result: Any) -> list[tuple[str, str, str]]:
    """Last part of the path, problem and message."""
    return [
        (os.path.basename(each["path"]), each["problem"], each["message"])
        for each in result["findings"]
    ]


def test_a_complete_bag_matches(vpo: Vpo, bag: Tree) -> None:
    result = check(vpo, bag, status=0)
    assert (result["format"], result["entries"], result["recorded"]) == ("bagit", 2, 2)
    # Each file was read once for both manifests.
    assert result["bytes"] == 6
    for name in ("bagit.txt", "."):
        assert vpo.ok("verify", "import", "--json", bag.path(name)).json["matched"] == 2
    assert vpo.jobs()[-1]["file_path"] == str(bag.root)


def test_missing_and_extra_files_are_reported(vpo: Vpo, bag: Tree) -> None:
    bag.remove("data/a.mkv")
    bag.write("data/new.mkv", b"new")
    result = check(vpo, bag)
    assert found(result) == [
        ("a.mkv", "missing", "is missing"),
        ("new.mkv", "extra", "is not in manifest-md5.txt, manifest-sha256.txt"),
    ]


def test_a_wrong_payload_oxum_is_reported(vpo: Vpo, bag: Tree) -> None:
    bag.write("bag-info.txt", b"payload-oxum: 7.2\n")
    said = "differs: its Payload-Oxum is 7 bytes in 2 files, but `data/` holds 6 bytes in 2 files"
    assert found(check(vpo, bag)) == [("bag-info.txt", "differing", said)]
    bag.write("bag-info.txt", b"Payload-Oxum: many\n")
    said = "has an invalid Payload-Oxum: `many`"
    assert found(check(vpo, bag)) == [("bag-info.txt", "refused", said)]


def test_manifests_that_disagree_are_reported(vpo: Vpo, bag: Tree) -> None:
    bag.write("manifest-md5.txt", manifest("md5", {**PAYLOAD, "data/a.mkv": b"eno"}))
    ((name, problem, said),) = found(check(vpo, bag))
    assert (name, problem) == ("a.mkv", "differing")
    assert said.startswith("differs: its md5 is ")


def test_each_manifest_must_list_the_whole_payload(vpo: Vpo, bag: Tree) -> None:
    some = {"data/a.mkv": b"one"}
    bag.write("manifest-md5.txt", manifest("md5", some))
    assert found(check(vpo, bag)) == [("b.mkv", "extra", "is not in manifest-md5.txt")]
    # Not so before version 1.0.
    bag.write("bagit.txt", b"BagIt-Version: 0.97\nTag-File-Character-Encoding: UTF-8\n")
    assert check(vpo, bag, status=0)["recorded"] == 2


def test_tag_files_are_checked(vpo: Vpo, bag: Tree) -> None:
    names = ("bagit.txt", "bag-info.txt", "manifest-md5.txt", "manifest-sha256.txt")
    contents = {name: (bag.root / name).read_bytes() for name in names}
    bag.write("tagmanifest-sha256.txt", manifest("sha256", contents))
    result = check(vpo, bag, status=0)
    assert (result["entries"], result["tag_files"], result["unknown"]) == (6, 4, 0)
    bag.write("bag-info.txt", b"Payload-Oxum: 6.2\n")
    assert [each[:2] for each in found(check(vpo, bag))] == [("bag-info.txt", "differing")]


def test_files_to_be_fetched_are_named_as_such(vpo: Vpo, bag: Tree) -> None:
    bag.remove("data/a.mkv")
    bag.write(
        "fetch.txt",
        b"https://example.org/a.mkv 3 data/a.mkv\nhttps://example.org/c - data/c.mkv\nwhat\n",
    )
    result = check(vpo, bag)
    assert ("a.mkv", "missing", "is missing: `fetch.txt` lists it as a file to download") in found(
        result
    )
    assert ("fetch.txt", "refused", "line 2: `data/c.mkv` is not in any manifest") in found(result)
    assert ("fetch.txt", "refused", "line 3: not a URL, a length and a file name") in found(result)


def test_names_that_lead_out_of_the_payload_are_refused(vpo: Vpo, bag: Tree) -> None:
    names = ["data/../../x", "/etc/hostname", "bagit.txt", "data/..%0A/../x", "data"]
    bag.write("manifest-md5.txt", manifest("md5", {**PAYLOAD, **dict.fromkeys(names, b"")}))
    result = check(vpo, bag)
    assert (result["refused"], result["matched"]) == (5, 2)
    assert "line 5: `bagit.txt` is not below `data/`" in [each[2] for each in found(result)]


def test_links_that_lead_out_of_the_bag_are_refused(vpo: Vpo, bag: Tree, tmp_path: Path) -> None:
    secret = tmp_path / "elsewhere/secret.mkv"
    secret.parent.mkdir()
    secret.write_bytes(b"one")
    os.symlink(secret.parent, bag.path("data/directory"))
    os.symlink(secret, bag.path("data/file.mkv"))
    os.symlink("a.mkv", bag.path("data/inside.mkv"))
    names = ["data/directory/secret.mkv", "data/file.mkv", "data/inside.mkv"]
    for algorithm in ("md5", "sha256"):
        bag.write(
            f"manifest-{algorithm}.txt", manifest(algorithm, PAYLOAD | dict.fromkeys(names, b"one"))
        )
    bag.write("bag-info.txt", b"")
    result = check(vpo, bag)
    assert (result["matched"], result["refused"]) == (3, 2)
    assert [message for _, _, message in found(result)] == [
        f"line {line}: `{name}` leads outside the bag through a link"
        for line, name in enumerate(names[:2], 3)
    ]


def test_names_are_encoded_as_the_standard_says(vpo: Vpo, bag: Tree) -> None:
    odd = {"data/100%.mkv": b"3", "data/new\nline.mkv": b"4", "data/%0A.mkv": b"5"}
    for name, content in odd.items():
        bag.write(name, content)
    listed = {
        name.replace("%", "%25").replace("\n", "%0a"): content
        for name, content in {**PAYLOAD, **odd}.items()
    }
    for algorithm in ("md5", "sha256"):
        bag.write(f"manifest-{algorithm}.txt", manifest(algorithm, listed))
    bag.remove("bag-info.txt")
    assert check(vpo, bag, status=0)["matched"] == 5


@pytest.mark.parametrize("encoding", ["ISO-8859-1", "UTF-16", "utf-8"])
def test_the_declared_encoding_is_used(vpo: Vpo, bag: Tree, encoding: str) -> None:
    bag.write("data/Amélie.mkv", b"3")
    declared = f"BagIt-Version: 1.0\nTag-File-Character-Encoding: {encoding}\n"
    bag.write("bagit.txt", declared.encode())
    bag.write("bag-info.txt", "Ü: x\r\nPayload-Oxum: 7.3\r\n".encode(encoding))
    for algorithm in ("md5", "sha256"):
        text = manifest(algorithm, {**PAYLOAD, "data/Amélie.mkv": b"3"}).decode()
        bag.write(f"manifest-{algorithm}.txt", text.replace("\n", "\r\n").encode(encoding))
    assert check(vpo, bag, status=0)["matched"] == 3


@pytest.mark.parametrize(
    ("declared", "status", "said"),
    [
        pytest.param("", 1, "has no BagIt-Version", id="empty"),
        pytest.param("BagIt-Version: 1.0\n", 1, "Tag-File-Character-Encoding", id="no-encoding"),
        pytest.param("BagIt-Version: 7.0\n", 1, "unknown BagIt-Version `7.0`", id="version"),
        pytest.param(
            "BagIt-Version: 1.0\nTag-File-Character-Encoding: klingon\n",
            2,
            "declares an unknown encoding, `klingon`",
            id="encoding",
        ),
    ],
)
def test_an_invalid_declaration_is_reported(
    vpo: Vpo, bag: Tree, declared: str, status: int, said: str
) -> None:
    bag.write("bagit.txt", declared.encode())
    done = vpo.ok("verify", "import", bag.root, status=status)
    assert said in done.stderr


def test_manifests_of_unknown_algorithms_are_not_checked(vpo: Vpo, bag: Tree) -> None:
    bag.write("manifest-sha3256.txt", b"x")
    assert check(vpo, bag, status=0)["warnings"] == [
        "manifest-sha3256.txt is not checked: vpo does not know the algorithm sha3256"
    ]
    for algorithm in ("md5", "sha256"):
        bag.remove(f"manifest-{algorithm}.txt")
    done = vpo.ok("verify", "import", bag.root, status=2)
    assert "has no manifest that vpo can check" in done.stderr


def test_a_bag_has_no_other_root_or_format(vpo: Vpo, bag: Tree, tmp_path: Path) -> None:
    done = vpo.ok("verify", "import", bag.root, "--root", tmp_path, status=2)
    assert "relative to the bag itself" in done.stderr
    done = vpo.ok("verify", "import", bag.root, "--format", "sfv", status=2)
    assert "is a BagIt bag, so its format cannot be sfv" in done.stderr
    vpo.ok("verify", "import", bag.root, "--root", bag.root, "--format", "bagit")


@pytest.mark.skipif(not BAGIT, reason="there is no bagit.py")
def test_a_bag_that_bagit_py_made(vpo: Vpo, tree: Tree) -> None:
    names = ("a.mkv", "new\nline.mkv", "100%.mkv", "%25.mkv", "ü.mkv", " lead.mkv")
    for name in names:
        tree.write(name, name.encode())
    words = [BAGIT, "--md5", "--sha256", "--contact-name", "x", str(tree.root)]
    subprocess.run(words, check=True, capture_output=True)
    vpo.scan(tree.root)
    result = check(vpo, tree, status=0)
    assert result["recorded"] == len(names)
    assert result["tag_files"] == 4
