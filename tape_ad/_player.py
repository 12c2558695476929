"""The player: a page in which a slider steps through the forward values and the messages of the backward pass.

Everything that the page says is computed before, as steps, and stands in it as a list that is readable without the
script. The script only shows the graph as it is after a step.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tape_ad._drawing import Text, cells, escape, svg_of, texts_of, write
from tape_ad._rows import Node, Step, Steps

_BRIEF = 14
"""How many characters of a value there is room for in a box; the list of steps has more."""

_STYLE = """
.tape-ad-player { background: var(--tape-page); color: var(--tape-text); box-sizing: border-box; max-width: 100%;
  padding: 8px; font: 15px/1.45 system-ui, sans-serif; text-align: left; }
.tape-ad-player * { box-sizing: border-box; }
.tape-ad-player .controls { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; }
.tape-ad-player .controls[hidden] { display: none; }
.tape-ad-player button { background: var(--tape-constant); color: var(--tape-text); border: 1px solid var(--tape-line);
  border-radius: 6px; cursor: pointer; font: inherit; min-height: 36px; min-width: 64px; margin: 0; padding: 4px 10px; }
.tape-ad-player button[aria-disabled=true] { color: var(--tape-faint); cursor: default; border-style: dashed; }
.tape-ad-player input { accent-color: var(--tape-focus); flex: 1 1 150px; min-width: 0; height: 32px; margin: 0; }
.tape-ad-player output { flex: none; font-variant-numeric: tabular-nums; min-width: 4.5em; text-align: right; }
.tape-ad-player :focus-visible { outline: 3px solid var(--tape-focus); outline-offset: 2px; }
.tape-ad-player .said { height: 4.6em; margin: 8px 0; overflow: auto; overflow-wrap: anywhere; padding: 2px; }
@media (max-width: 600px) { .tape-ad-player .said { height: 6.2em; } }
.tape-ad-player .said:empty { display: none; }
.tape-ad-player .view { border: 1px solid var(--tape-line); border-radius: 6px; max-height: 70vh; overflow: auto; }
.tape-ad-player details { margin-top: 8px; }
.tape-ad-player summary { cursor: pointer; padding: 6px 2px; }
.tape-ad-player ol { margin: 0; max-height: 50vh; overflow: auto; overflow-wrap: anywhere; padding: 0 4px 0 3em; }
.tape-ad-player li[aria-current] { font-weight: 700; }
.tape-ad-player .node.ahead { opacity: 0.45; }
.tape-ad-player .node.active .box { stroke: var(--tape-strong); stroke-width: 3.5; }
.tape-ad-player .node.sender .box { stroke: var(--tape-strong); stroke-width: 2.5; }
.tape-ad-player .node.done .gradient { font-weight: 700; }
.tape-ad-player .line.active path { stroke: var(--tape-strong); stroke-width: 3; }
.tape-ad-player .line.active .head { fill: var(--tape-strong); }
"""

_SCRIPT = """
(() => {
  const start = (root) => {
    const find = (selector) => root.querySelector(selector);
    const steps = [...root.querySelectorAll("li")];
    const [slider, count, said, view] = ["input", "output", ".said", ".view"].map(find);
    const [back, play, next] = ["back", "play", "next"].map((name) => find("[data-do=" + name + "]"));
    const nodes = new Map([...root.querySelectorAll(".node[data-node]")].map((node) => [node.dataset.node, node]));
    const lines = [...root.querySelectorAll(".line")];
    const before = new Map([...nodes].map(([number, node]) => [number, node.querySelector(".children").textContent]));
    let timer = 0;

    const write = (node, name, text) => { node.querySelector("." + name).textContent = text; };

    const show = (number) => {
      for (const [name, node] of nodes) {
        node.classList.remove("active", "sender", "done");
        node.classList.add("ahead");
        write(node, "children", before.get(name));
        write(node, "value", "");
        write(node, "gradient", "");
      }
      for (const { dataset: step } of steps.slice(0, number)) {
        const node = nodes.get(step.node);
        if (step.kind === "value") {
          node.classList.remove("ahead");
          write(node, "value", step.value);
        } else {
          write(node, "children", step.heard);
          write(node, "gradient", step.gradient);
          node.classList.toggle("done", step.done === "true");
        }
      }
      const { dataset: step } = steps[number - 1];
      const active = nodes.get(step.node);
      active.classList.add("active");
      if (nodes.has(step.from)) nodes.get(step.from).classList.add("sender");
      for (const line of lines) {
        const { to, operand } = line.dataset;
        const forward = step.kind === "value" && to === step.node;
        const backward = step.kind === "message" && to === step.from && operand === step.operand;
        line.classList.toggle("active", forward || backward);
        line.querySelector(".down").setAttribute("display", backward ? "none" : "inline");
        line.querySelector(".up").setAttribute("display", backward ? "inline" : "none");
      }
      steps.forEach((item, i) => i + 1 === number ? item.setAttribute("aria-current", "step") : item.removeAttribute("aria-current"));
      slider.value = number;
      slider.setAttribute("aria-valuetext", "step " + number + " of " + steps.length);
      count.textContent = number + " / " + steps.length;
      said.textContent = steps[number - 1].textContent;
      back.setAttribute("aria-disabled", number === 1);
      next.setAttribute("aria-disabled", number === steps.length);
      const [box, frame] = [active.getBoundingClientRect(), view.getBoundingClientRect()];
      view.scrollLeft += box.left + box.width / 2 - frame.left - frame.width / 2;
      view.scrollTop += box.top + box.height / 2 - frame.top - frame.height / 2;
    };

    const stop = () => {
      clearInterval(timer);
      timer = 0;
      play.textContent = "Play";
      said.setAttribute("aria-live", "polite");
    };
    const go = (number) => show(Math.min(Math.max(number, 1), steps.length));
    const here = () => Number(slider.value);
    const tick = () => {
      go(here() + 1);
      if (here() === steps.length) stop();
    };

    slider.addEventListener("input", () => { stop(); show(here()); });
    back.addEventListener("click", () => { stop(); go(here() - 1); });
    next.addEventListener("click", () => { stop(); go(here() + 1); });
    play.addEventListener("click", () => {
      if (timer) return stop();
      if (here() === steps.length) show(1);
      timer = setInterval(tick, 1200);
      play.textContent = "Pause";
      said.setAttribute("aria-live", "off");
    });
    root.addEventListener("keydown", (event) => {
      if (event.target === slider || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
      const to = { ArrowLeft: here() - 1, ArrowRight: here() + 1, Home: 1, End: steps.length }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      stop();
      go(to);
    });
    find(".controls").hidden = false;
    show(1);
  };
  for (const root of document.querySelectorAll(".tape-ad-player:not([data-ready])")) {
    root.dataset.ready = "";
    if (root.querySelector("li")) start(root);
  }
})();
"""

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>A tape, step by step</title>
<style>body { background: var(--tape-page); margin: 0; } main { margin: 0 auto; max-width: 1200px; }</style>
</head>
<body class="tape-ad">
<main>
FRAGMENT
</main>
</body>
</html>
"""


class Player(NamedTuple):
    """The steps of a forward and a backward pass, and the page that plays them. Notebooks show it.

    Attributes:
        steps: The steps, as plain data.
        fragment: The player as a piece of HTML that may stand on any page, any number of times.
    """

    steps: Steps
    fragment: str

    def __repr__(self) -> str:
        return f"<Player of {len(self.steps)} steps>"

    @property
    def html(self) -> str:
        """The player as a page of its own, without any other file."""
        return _PAGE.replace("FRAGMENT", self.fragment)

    def _repr_html_(self) -> str:
        return self.fragment

    def save(self, path: str) -> None:
        """Write the page to a file, in UTF-8."""
        write(path, self.html)


def play(nodes: Sequence[Node], steps: Steps) -> Player:
    """Return the player of a tape's nodes and steps."""
    room = [dict.fromkeys(("children", "value", "gradient"), 0) for node in nodes if node.number is not None]
    for step in steps:
        for name, text in _in_box(step).items():
            room[step.node][name] = max(room[step.node][name], cells(text))

    def texts(node: Node) -> list[Text]:
        found = texts_of(node)
        if node.number is None:
            return found
        wide = room[node.number]
        fixed = [(name, text, max(length, wide.get(name, 0))) for name, text, length in found]
        return [*fixed, *[(name, "", wide[name]) for name in ("value", "gradient")]]

    items = "\n".join([_item(step) for step in steps])
    count = len(steps)
    fragment = f"""<div class="tape-ad tape-ad-player" role="group" aria-label="Player: the forward and backward pass in {count} steps" \
data-lm-suppress-shortcuts="true">
<style>{_STYLE}</style>
<div class="controls" hidden>
<button type="button" data-do="back">Back</button>
<button type="button" data-do="play">Play</button>
<button type="button" data-do="next">Next</button>
<input type="range" min="1" max="{count}" value="1" step="1" aria-label="Step">
<output>1 / {count}</output>
</div>
<p class="said" role="status" aria-live="polite"></p>
<div class="view" tabindex="0" role="region" aria-label="The graph">{svg_of(nodes, texts)}</div>
<details><summary>All {count} steps (arrow keys step, Home and End jump)</summary>
<ol>
{items}
</ol></details>
<script>{_SCRIPT}</script>
</div>"""
    return Player(steps, fragment)


def _in_box(step: Step) -> dict[str, str]:
    """Return the lines of text that a step changes in its node's box."""
    if step.kind == "value":
        return {"value": f"value {'' if step.value is None else step.value.brief(_BRIEF)}"}
    so_far = "nothing" if step.total is None else step.total.brief(_BRIEF)
    return {"children": step.progress, "gradient": f"{'gradient' if step.complete else 'so far'} {so_far}"}


def _item(step: Step) -> str:
    texts = _in_box(step)
    data = {
        "kind": step.kind,
        "node": step.node,
        "from": "" if step.sender is None else step.sender,
        "operand": step.operand,
        "value": texts.get("value", ""),
        "heard": texts.get("children", ""),
        "gradient": texts.get("gradient", ""),
        "done": str(step.complete).lower(),
    }
    return f"<li{_attributes(data.items())}>{escape(str(step))}</li>"


def _attributes(data: Iterable[tuple[str, object]]) -> str:
    return "".join([f' data-{name}="{escape(str(value))}"' for name, value in data])
