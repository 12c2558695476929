"""A tape drawn as SVG: rows of plain data in, text out.

The text stands for itself: no script, no other file, no identifier that could meet another one on the same page. Colours
follow the page's theme, or the reader's system where the page has none.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

from tape_ad._layout import Line, Point, lay_out
from tape_ad._rows import Node, clip

Text: TypeAlias = tuple[str, str, int]
"""A line of text in a box: its class, what it says, and for how many characters there must be room."""

LABEL = 30
"""The longest label in a box; the title has all of it."""
_CELL, _LINE, _PAD_X, _PAD_Y = 7.5, 16.0, 12.0, 7.0  # a character of the font is at most 0.62 of its 12 pixels wide
_CUT = 9.0

_LIGHT = """
  --tape-page: #ffffff; --tape-text: #1b1f24; --tape-faint: #59636e; --tape-line: #6b7580; --tape-focus: #0b57d0;
  --tape-leaf: #e6f4ea; --tape-leaf-edge: #1e7040; --tape-result: #e8f0fe; --tape-result-edge: #2f5fa8;
  --tape-output: #fdf1dc; --tape-output-edge: #8a5300; --tape-constant: #f2f3f5; --tape-constant-edge: #6b7580;
  --tape-strong: #b3261e; color-scheme: light;"""
_DARK = """
  --tape-page: #14181d; --tape-text: #e9edf1; --tape-faint: #a3adb8; --tape-line: #8b96a2; --tape-focus: #a8c7fa;
  --tape-leaf: #173223; --tape-leaf-edge: #7bd49a; --tape-result: #1a2a44; --tape-result-edge: #8fb4f2;
  --tape-output: #3a2a10; --tape-output-edge: #f0bd6b; --tape-constant: #242a31; --tape-constant-edge: #8b96a2;
  --tape-strong: #ff8a80; color-scheme: dark;"""


def _themed(theme: str) -> str:
    """Return the selector of pages that say their theme: documentation, JupyterLab, Visual Studio Code, Colab."""
    lab = {"light": "true", "dark": "false"}[theme]
    pages = (f"[data-theme={theme}]", f'[data-jp-theme-light="{lab}"]', f".vscode-{theme}", f"html[theme={theme}]")
    return ", ".join([f"{page} .tape-ad" for page in pages])


STYLE = f"""
.tape-ad {{{_LIGHT} }}
@media (prefers-color-scheme: dark) {{ .tape-ad {{{_DARK} }} }}
{_themed("light")} {{{_LIGHT} }}
{_themed("dark")} {{{_DARK} }}
.tape-ad-drawing {{ background: var(--tape-page); display: block; margin: 0 auto; max-width: none; }}
.tape-ad-drawing text {{ fill: var(--tape-text); text-anchor: middle; white-space: pre;
  font: 12px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", "Liberation Mono", monospace; }}
.tape-ad-drawing .label {{ font-weight: 700; }}
.tape-ad-drawing .kind, .tape-ad-drawing .children {{ fill: var(--tape-faint); }}
.tape-ad-drawing .box {{ stroke-width: 1.5; }}
.tape-ad-drawing .leaf .box {{ fill: var(--tape-leaf); stroke: var(--tape-leaf-edge); }}
.tape-ad-drawing .result .box {{ fill: var(--tape-result); stroke: var(--tape-result-edge); }}
.tape-ad-drawing .output .box {{ fill: var(--tape-output); stroke: var(--tape-output-edge); }}
.tape-ad-drawing .constant .box {{ fill: var(--tape-constant); stroke: var(--tape-constant-edge); stroke-dasharray: 4 3; }}
.tape-ad-drawing .line path {{ fill: none; stroke: var(--tape-line); stroke-width: 1.5; }}
.tape-ad-drawing .line .head {{ fill: var(--tape-line); stroke: none; }}
.tape-ad-scroll {{ background: var(--tape-page); overflow: auto; max-width: 100%; max-height: 90vh; }}
"""

# The standard library's html.escape leaves characters that XML forbids, and its import costs more than all of this package's pictures.
_ESCAPES = {
    **{code: "\N{REPLACEMENT CHARACTER}" for code in (*range(32), 0x7F, 0xFFFE, 0xFFFF) if code not in (9, 10, 13)},
    **{ord(char): f"&#{ord(char)};" for char in "&<>\"'"},
}


def escape(text: str) -> str:
    """Return text as it stands in HTML and SVG, in elements and attributes alike."""
    return text.translate(_ESCAPES).encode("utf-8", "replace").decode()


class Drawing(NamedTuple):
    """A drawn tape. Notebooks show it; ``save`` writes it to a file.

    Attributes:
        svg: The picture, as the text of an SVG document without any other file.
    """

    svg: str

    def __repr__(self) -> str:
        return f"<Drawing of {len(self.svg):,} characters of SVG>"

    def _repr_svg_(self) -> str:
        return self.svg

    def _repr_html_(self) -> str:
        return f'<div class="tape-ad tape-ad-scroll" tabindex="0">{self.svg}</div>'

    def save(self, path: str) -> None:
        """Write the picture to a file, in UTF-8."""
        write(path, self.svg)


def write(path: str, text: str) -> None:
    """Write a text to a file."""
    with open(path, "w", encoding="utf-8", newline="\n") as file:  # noqa: PTH123 - pathlib's import costs more than this package's pictures
        file.write(text)


def draw(nodes: Sequence[Node]) -> Drawing:
    """Draw nodes, from the leaves down to the outputs."""
    return Drawing(svg_of(nodes, texts_of))


def texts_of(node: Node) -> list[Text]:
    """Return the lines of text in a node's box: label, kind, children."""
    said = node.kind == "result" or (node.kind == node.call and not node.name)
    kind = node.value if said else f"{node.kind} {node.value}"
    texts = [clip(node.label, LABEL), clip(kind, LABEL)]
    if node.kind != "constant":
        texts.append(f"{node.children} {'child' if node.children == 1 else 'children'}")
    return [(name, text, cells(text)) for name, text in zip(("label", "kind", "children"), texts, strict=False)]


def svg_of(nodes: Sequence[Node], texts_of: Callable[[Node], list[Text]]) -> str:
    """Draw nodes, each with the lines of text that the function gives."""
    texts = [texts_of(node) for node in nodes]
    sizes = [(max([n for _, _, n in t]) * _CELL + 2 * _PAD_X, len(t) * _LINE + 2 * _PAD_Y) for t in texts]
    whole, corners, lines = lay_out(sizes, [node.inputs for node in nodes])
    width, height = (f"{size + 0.5:.0f}" for size in whole)
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img" aria-label="{_summary(nodes)}"'
    parts = [
        f'<svg class="tape-ad tape-ad-drawing" xmlns="http://www.w3.org/2000/svg" {size}>',
        f"<style>{STYLE}</style>",
        *[_line(line, nodes) for line in lines],
        *[_box(*each) for each in zip(nodes, corners, sizes, texts, strict=True)],
        "</svg>",
    ]
    return "\n".join(parts)


def _summary(nodes: Sequence[Node]) -> str:
    kinds = [node.kind for node in nodes]
    return f"A tape of {len(kinds) - kinds.count('constant')} tensors, {kinds.count('leaf')} leaves, {kinds.count('output')} outputs"


def _box(node: Node, corner: Point, size: tuple[float, float], texts: Sequence[Text]) -> str:
    (x, y), (width, height) = corner, size
    number = "" if node.number is None else f' data-node="{node.number}"'
    rows = [
        f'<text class="{name}" x="{width / 2:.1f}" y="{_PAD_Y + _LINE * (i + 0.75):.1f}">{escape(text)}</text>'
        for i, (name, text, _) in enumerate(texts)
    ]
    return (
        f'<g class="node {node.kind}"{number} transform="translate({x:.1f} {y:.1f})"><title>{escape(_title(node))}</title>'
        f"{_shape(node.kind, width, height)}{''.join(rows)}</g>"
    )


def _shape(kind: str, width: float, height: float) -> str:
    """Return the outline: a leaf has round ends, a constant cut corners, an output a double frame."""
    if kind == "constant":
        right, low = width - _CUT, height - _CUT
        corners = (
            f"M{_CUT} 0H{right:.1f}L{width:.1f} {_CUT}V{low:.1f}L{right:.1f} {height:.1f}H{_CUT}L0 {low:.1f}V{_CUT}Z"
        )
        return f'<path class="box" d="{corners}"/>'
    radius = 24 if kind == "leaf" else 3
    frame = f'<rect class="box" width="{width:.1f}" height="{height:.1f}" rx="{radius}"/>'
    if kind == "output":
        frame += f'<rect class="box" x="3.5" y="3.5" width="{width - 7:.1f}" height="{height - 7:.1f}" rx="2"/>'
    return frame


def _title(node: Node) -> str:
    children = "" if node.kind == "constant" else f", {node.children} {'child' if node.children == 1 else 'children'}"
    made = f"\nmade at {node.made_at}" if node.made_at else ""
    return (
        clip(f"{node.label}: {node.kind}, {node.value}{children}", 400)
        + made
        + (f"\n{clip(node.source, 200)}" if node.source else "")
    )


def _line(line: Line, nodes: Sequence[Node]) -> str:
    """Return a line with its arrow head, and a second head at its upper end, which a player shows for a message."""
    source, target = nodes[line[0]], nodes[line[1]]
    operand, points = line[2:]
    (x, y), *others = points
    path = [f"M{x:.1f} {y:.1f}"]
    for to_x, to_y in others:
        middle = (y + to_y) / 2
        path.append(
            f"V{to_y:.1f}"
            if abs(to_x - x) < 0.05
            else f"C{x:.1f} {middle:.1f} {to_x:.1f} {middle:.1f} {to_x:.1f} {to_y:.1f}"
        )
        x, y = to_x, to_y
    top_x, top_y = points[0]
    numbers = f' data-to="{target.number}" data-operand="{operand}"'
    title = f"operand {operand + 1} of {target.label}: {source.label}"
    return (
        f'<g class="line"{numbers}><title>{escape(clip(title, 400))}</title><path d="{"".join(path)}"/>'
        f'<path class="head down" d="M{x:.1f} {y:.1f}l-4 -8h8z"/><path class="head up" d="M{top_x:.1f} {top_y:.1f}l-4 8h8z" '
        'display="none"/></g>'
    )


def cells(text: str) -> int:
    """Return how many characters wide a text is in a font of equal widths; letters of East Asia take two."""
    return len(text) + sum([char >= "\u1100" for char in text])
