"""The messages of schemas/reprise/v1 for Python, compiled by protoc on first use into a temporary folder."""

import functools
import importlib
import subprocess
import sys
import tempfile

from .paths import SCHEMAS

folder = tempfile.TemporaryDirectory(prefix="reprise-schemas-")


@functools.cache
def schema(name):
    """The generated module of schemas/reprise/v1/<name>.proto."""
    compile_all()
    return importlib.import_module(f"reprise.v1.{name}_pb2")


@functools.cache
def compile_all():
    files = sorted(str(path) for path in (SCHEMAS / "reprise/v1").glob("*.proto"))
    subprocess.run(["protoc", f"--proto_path={SCHEMAS}", f"--python_out={folder.name}", *files], check=True)
    sys.path.insert(0, folder.name)
