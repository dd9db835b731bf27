"""A bar plot as SVG, written by hand: one panel for each model and precision, one bar for each runtime."""

from xml.sax.saxutils import escape

from .models import TITLES
from .report import cases, name, number

_LABEL, _BAR, _VALUE = 190, 330, 150  # widths: names left, bars, figures right of the bars
_ROW, _TITLE, _GAP, _MARGIN = 20, 34, 18, 16
_OURS, _OTHERS, _PEAK, _TEXT, _MUTED = "#0969da", "#afb8c1", "#cf222e", "#1f2328", "#59636e"
_WIDTH = _MARGIN * 2 + _LABEL + _BAR + _VALUE


def panels(result, batch=None, threads=None):
    """Cases of one batch and thread count: the smallest batch and the most threads unless told. Each runtime's
    fastest variant; runtimes that failed are left out."""
    measured = [row for row in result["rows"] if "median_ms" in row]
    if not measured:
        return []
    batch = batch or min(row["batch"] for row in measured)
    threads = threads or max(row["threads"] for row in measured)
    found = []
    for (preset, precision, b, t), rows in cases(measured).items():
        if (b, t) != (batch, threads):
            continue
        best = {}
        for row in sorted(rows, key=lambda row: row["median_ms"]):
            best.setdefault(row["key"], row)
        title = f"{TITLES.get(preset, preset)}, {precision}, batch {b}, {t} thread{'' if t == 1 else 's'}"
        found.append((title, rows[0].get("peak_gflops"), list(best.values())))
    return found


def svg(result, batch=None, threads=None):
    parts, y = [], _MARGIN
    for title, peak, rows in panels(result, batch, threads):
        parts.append(_text(_MARGIN, y + 14, title, weight="600"))
        y += _TITLE
        parts += _panel(y, peak, rows)
        y += _ROW * len(rows) + _GAP
    caption = f"GFLOP/s of the model, median run. {result['machine']['cpu']}. Dashed: the CPU's measured limit."
    parts.append(_text(_MARGIN, y + 4, caption, _MUTED))
    height = y + 20
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" '
                      f'viewBox="0 0 {_WIDTH} {height}" font-family="system-ui, sans-serif" font-size="12">',
                      f'<rect width="{_WIDTH}" height="{height}" rx="6" fill="#ffffff"/>', *parts, "</svg>"]) + "\n"


def _panel(y, peak, rows):
    left = _MARGIN + _LABEL
    top = max([peak or 0] + [row["gflops"] for row in rows])
    parts = []
    for index, row in enumerate(rows):
        line, width = y + _ROW * index, _BAR * row["gflops"] / top
        ours = row["key"] == "vitc"
        parts.append(_text(left - 8, line + 11, name(row), anchor="end", weight="600" if ours else "400"))
        parts.append(f'<rect x="{left}" y="{line}" width="{width:.1f}" height="{_ROW - 5}" rx="2" '
                     f'fill="{_OURS if ours else _OTHERS}"/>')
        figures = f"{number(row['median_ms'])} ms, {number(row['gflops'])} GFLOP/s"
        parts.append(_text(left + _BAR + 10, line + 11, figures, _MUTED))
    if peak:
        x = left + _BAR * peak / top
        parts.append(f'<line x1="{x:.1f}" y1="{y - 4}" x2="{x:.1f}" y2="{y + _ROW * len(rows)}" stroke="{_PEAK}" '
                     'stroke-dasharray="4 3"/>')
    return parts


def _text(x, y, text, fill=_TEXT, anchor="start", weight="400"):
    return f'<text x="{x}" y="{y}" fill="{fill}" text-anchor="{anchor}" font-weight="{weight}">{escape(text)}</text>'
