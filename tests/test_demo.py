"""The main job, ``python -m tape_ad``: what it prints, that it can fail, and the data it reads."""

import hashlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import attrs
import numpy as np
import pytest

from tape_ad import Tape, grad, value_and_grad
from tape_ad.demo import check, digits, main, textbook
from tape_ad.demo.digits import Digits, Params

COMMAND = [sys.executable, "-m", "tape_ad"]


@attrs.frozen
class Run:
    """What a finished command left behind."""

    code: int
    out: str
    err: str
    seconds: float


def run(*arguments: str) -> Run:
    start = time.perf_counter()
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=120, check=False)  # noqa: S603 - our own command
    return Run(done.returncode, done.stdout, done.stderr, time.perf_counter() - start)


@pytest.fixture(scope="module")
def finished() -> Run:
    return run("--seed", "3")


@pytest.fixture(scope="module")
def data() -> Digits:
    return digits.load()


@pytest.fixture
def untrained(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make training a matter of one pass, for tests of everything but its success."""
    monkeypatch.setattr(digits, "EPOCHS", 1)


def test_all_checks_pass_and_the_exit_code_says_so(finished: Run) -> None:
    last = finished.out.splitlines()[-1]

    assert (0, "All 3 checks passed.") == (finished.code, last)


def test_it_takes_less_than_ten_seconds(finished: Run) -> None:
    assert finished.seconds < 10


def test_output_is_the_same_for_the_same_seed(finished: Run) -> None:
    assert finished.out == run("--seed", "3").out


def test_another_seed_gives_another_network(finished: Run) -> None:
    other = run("--seed", "4")

    assert finished.code == other.code
    assert finished.out != other.out


def test_no_seed_means_seed_zero() -> None:
    assert run("--seed", "0").out == run().out


def test_progress_is_silent_when_not_a_terminal(finished: Run) -> None:
    assert finished.err == ""
    assert "\r" not in finished.out


def test_output_is_plain_and_fits_a_terminal_of_80_columns(finished: Run) -> None:
    too_long = [line for line in finished.out.splitlines() if len(line) > 80]

    assert [] == too_long
    assert finished.out.isascii()
    assert [] == [line for line in finished.out.splitlines() if line != line.rstrip()]


def test_listing_shows_child_counts_and_source_lines_without_folders(finished: Run) -> None:
    rows = [line.split() for line in finished.out.splitlines() if line.startswith("   %")]
    summary = [(row[1], *[cell for cell in row if cell.isdecimal()]) for row in rows]
    expected = [("leaf", "1"), ("leaf", "2"), ("add", "1"), ("leaf", "1"), ("add", "1"), ("add", "0")]

    assert expected == summary
    assert 3 == sum(bool(re.fullmatch(r"textbook\.py:\d+", row[-1])) for row in rows if row[1] == "add")


def test_gradients_are_printed_as_the_textbook_has_them(finished: Run) -> None:
    printed = re.findall(r"gradient of f with respect to (\w):  \[(.*)\]", finished.out)
    expected = [(name, " ".join("2." if name == "b" else "1." for _ in range(5))) for name in "abcdef"]

    assert expected == printed


def test_as_many_images_are_read_right_as_is_printed(finished: Run) -> None:
    found = re.search(r"(\d+) of the (\d+) held-out images are read right: ([\d.]+)%\.", finished.out)
    assert found is not None
    right, shown, percent = int(found[1]), int(found[2]), float(found[3])

    assert 1797 // 5 == shown
    assert round(100 * right / shown, 1) == percent
    assert right / shown >= 0.96
    assert main.RIGHT_AT_LEAST >= 0.96


def test_each_field_of_the_network_is_compared_with_differences(finished: Run) -> None:
    found = re.findall(r"^   (\w+) +\(.*\) +(\d\.\de[-+]\d+)$", finished.out, flags=re.MULTILINE)

    assert [f.name for f in attrs.fields(Params)] == [name for name, _ in found]
    assert all(float(error) <= 1e-6 for _, error in found)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals in the standard library")
def test_progress_is_one_line_that_is_written_over_on_a_terminal() -> None:
    master, slave = os.openpty()
    with subprocess.Popen([*COMMAND, "--seed", "3"], stdin=slave, stdout=slave, stderr=slave) as process:  # noqa: S603 - our own command
        os.close(slave)
        text = b"".join(_read(master)).decode()
    os.close(master)
    lines = text.replace("\r\n", "\n").split("\n")
    progress = [line for line in lines if "epoch" in line and "[" in line]

    assert 0 == process.returncode
    assert 1 == len(progress)
    assert ["", *range(1, digits.EPOCHS + 1)] == [_epoch(part) for part in progress[0].split("\r")]
    assert all(len(part) < 80 for part in progress[0].split("\r"))
    assert "All 3 checks passed." == lines[-2]


def _read(descriptor: int) -> Iterator[bytes]:
    while True:
        try:
            chunk = os.read(descriptor, 1 << 16)
        except OSError:  # Linux reports the end of a pseudo-terminal as an error
            return
        if not chunk:
            return
        yield chunk


def _epoch(part: str) -> Any:
    found = re.search(r"epoch +(\d+) of", part)
    return int(found[1]) if found else part.strip()


@pytest.mark.parametrize("text", ["-1", "1.5", "many", "", "٣", "²"])
def test_a_seed_that_is_no_whole_number_is_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main.main([f"--seed={text}"])

    assert 2 == stopped.value.code
    assert f"a seed is a whole number from 0 on, not {text!r}" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["7" * 5000, "x" * 5000])
def test_an_endless_seed_is_refused_in_a_few_words(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main.main([f"--seed={text}"])
    said = capsys.readouterr().err

    assert 2 == stopped.value.code
    assert "argument --seed: a seed" in said
    assert len(said) < 250


@pytest.mark.skipif(sys.platform == "win32", reason="Windows reports a closed pipe in another way")
@pytest.mark.parametrize("arguments", [[], ["--help"]])
def test_a_reader_that_goes_away_ends_it_in_silence(arguments: list[str]) -> None:
    """As in ``python -m tape_ad | head -3``; 141 is what a shell reports of a command that ended so."""
    reader, writer = os.pipe()
    os.close(reader)
    buffered = {**os.environ, "PYTHONUNBUFFERED": ""}  # as by default
    done = subprocess.run(  # noqa: S603 - our own command
        [*COMMAND, *arguments], stdout=writer, stderr=subprocess.PIPE, env=buffered, timeout=120, check=False
    )
    os.close(writer)

    assert (141, b"") == (done.returncode, done.stderr)


def test_help_names_the_seed_and_succeeds(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main.main(["--help"])

    assert 0 == stopped.value.code
    assert "--seed N" in capsys.readouterr().out


@pytest.mark.parametrize("field", [f.name for f in attrs.fields(Params)])
def test_a_gradient_that_is_wrong_in_one_field_by_a_part_in_1000_fails(
    field: str, untrained: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def wrong(fun: Any) -> Any:
        def call(*args: Any) -> Any:
            value, gradient = value_and_grad(fun)(*args)
            return value, attrs.evolve(gradient, **{field: 1.001 * getattr(gradient, field)})

        return call

    monkeypatch.setattr(check, "value_and_grad", wrong)
    monkeypatch.setattr(main, "RIGHT_AT_LEAST", 0.0)
    code = main.main([])
    out = capsys.readouterr().out

    assert 1 == code
    assert "1 of 3 checks FAILED: each relative error is at most 1e-06." == out.splitlines()[-1]


def test_a_gradient_that_is_not_a_number_fails(
    untrained: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    nothing = check.Comparison("hidden_bias", (64,), float("nan"))
    monkeypatch.setattr(check, "compare", lambda *_: iter([nothing]))
    monkeypatch.setattr(main, "RIGHT_AT_LEAST", 0.0)

    assert 1 == main.main([])
    assert "FAILED: each relative error" in capsys.readouterr().out


def test_a_network_that_reads_too_few_images_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(digits, "EPOCHS", 1)
    monkeypatch.setattr(digits, "RATE", 0.0)
    code = main.main([])
    out = capsys.readouterr().out

    assert 1 == code
    assert "1 of 3 checks FAILED: at least 96% of the held-out images are read right." == out.splitlines()[-1]


@pytest.mark.parametrize("table", ["GRADIENTS", "CHILDREN"])
def test_values_other_than_the_textbooks_fail(
    table: str, untrained: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(textbook, table, {**getattr(textbook, table), "b": getattr(textbook, table)["a"]})
    monkeypatch.setattr(main, "RIGHT_AT_LEAST", 0.0)
    code = main.main([])

    assert 1 == code
    assert "1 of 3 checks FAILED: counts and gradients are the textbook's" in capsys.readouterr().out


def test_the_textbooks_values_hold_for_a_tape_of_its_graph() -> None:
    values = textbook.build()
    tape = Tape.of(values["f"])
    gradients = tape.backward(np.ones(5))

    assert {name: tape.child_counts[t] for name, t in values.items()} == textbook.CHILDREN
    assert {name: gradients[t].tolist() for name, t in values.items()} == textbook.GRADIENTS


def test_the_data_file_is_the_one_that_the_note_beside_it_describes() -> None:
    folder = files("tape_ad.demo").joinpath("data")
    note = folder.joinpath("README.md").read_text(encoding="utf-8")
    digest = hashlib.sha256(folder.joinpath("digits.csv.gz").read_bytes()).hexdigest()

    assert "09f66e6debdee2cd2b5ae59e0d6abbb73fc2b0e0185d2e1957e9ebb51e23aa22" == digest
    assert [] == [part for part in ("10.24432/C50P49", "CC BY 4.0", "Alpaydin", "Kaynak") if part not in note]


def test_the_data_are_1797_images_of_8_by_8_pixels_with_all_ten_digits(data: Digits) -> None:
    assert (1797, 64) == data.pixels.shape
    assert (1797,) == data.labels.shape
    assert list(range(17)) == np.unique(data.pixels * 16).tolist()
    assert list(range(10)) == np.unique(data.labels).tolist()
    assert [178, 182, 177, 183, 181, 182, 181, 179, 174, 180] == np.bincount(data.labels).tolist()


def test_each_image_is_either_learned_from_or_held_out(data: Digits) -> None:
    numbered = Digits(data.pixels, np.arange(len(data)))
    learned_from, held_out = digits.split(numbered, np.random.default_rng(5))

    assert list(range(1797)) == sorted([*learned_from.labels, *held_out.labels])
    assert 1797 // 5 == len(held_out)


def test_training_takes_read_only_images_and_repeats_bit_for_bit(data: Digits, untrained: None) -> None:
    """Nothing is written into the images, and two runs from one seed agree in every bit."""
    data.pixels.setflags(write=False)
    data.labels.setflags(write=False)
    first, second = (attrs.astuple(digits.train(data, np.random.default_rng(1)), recurse=False) for _ in range(2))

    assert [a.tobytes() for a in first] == [b.tobytes() for b in second]


@pytest.mark.parametrize("seed", range(5))
def test_training_reads_enough_of_the_unseen_images_whatever_the_seed(seed: int, data: Digits) -> None:
    rng = np.random.default_rng(seed)
    learned_from, held_out = digits.split(data, rng)
    params = digits.train(learned_from, rng)

    assert np.mean(digits.read(params, held_out.pixels) == held_out.labels) >= main.RIGHT_AT_LEAST


def test_the_losss_gradient_is_that_of_a_softmax_by_hand(data: Digits) -> None:
    """The gradient in the output layer is the probabilities less one for the right digit, averaged."""
    some = data.take(np.arange(50))
    params = digits.initial(np.random.default_rng(0))
    s = digits.scores(params, some.pixels)
    error = np.exp(s) / np.sum(np.exp(s), axis=1, keepdims=True) - np.eye(10)[some.labels]
    hidden = np.tanh(some.pixels @ params.hidden_weights + params.hidden_bias)
    gradient = grad(digits.loss)(params, some.pixels, some.labels)

    np.testing.assert_allclose(gradient.output_bias, error.mean(axis=0), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(gradient.output_weights, hidden.T @ error / 50, rtol=1e-12, atol=1e-15)
