"""The picture of a comparison: every cell's ratio with its range, drawn by gnuplot."""
import pathlib
import shutil
import subprocess
import tempfile

from lib.cells import JOBS

COLOURS = {"a": "#1b6ca8", "b": "#d1742f"}
TITLES = {"a": "minimal backend", "b": "DPDK vhost"}


def _label(record):
    features = ("o" if record["in_order"] else "") + ("m" if record["mergeable"] else "")
    size = f" {record['size']} B" if record["size"] != 64 else ""
    pairs = f" {record['pairs']} pairs" if record["pairs"] > 1 else ""
    return f"{record['ring']} {record['burst']}{size}{' ' + features if features else ''}{pairs}"


def _panel(folder, job, records):
    """gnuplot's lines for one job, or nothing when no cell of it was measured."""
    ours = [record for record in records if record["job"] == job and "failed" not in record]
    labels = list(dict.fromkeys(map(_label, ours)))
    if not labels:
        return []
    series = []
    for backend in sorted({record["backend"] for record in ours}):
        data = folder / f"{job}-{backend}"
        data.write_text("".join(
            f"{labels.index(_label(record)) + (0.15 if backend == 'b' else -0.15)} {record['ratio']['median']} "
            f"{record['ratio']['low']} {record['ratio']['high']}\n" for record in ours if record["backend"] == backend))
        series.append(f"'{data}' using 1:2:3:4 with yerrorbars pointtype 7 pointsize 0.5 linecolor rgb "
                      f"'{COLOURS[backend]}' title '{TITLES[backend]}'")
    ticks = ", ".join(f'"{label}" {place}' for place, label in enumerate(labels))
    return [f"set title '{job}: packets per second, vmq : DPDK'", f"set xtics ({ticks}) rotate by 60 right font ',9'",
            f"set xrange [-1:{len(labels)}]",
            "plot 1 with lines linecolor rgb '#888888' notitle, " + ", ".join(series)]


def draw(records, path):
    """Writes the SVG; False where there is nothing to draw or no gnuplot."""
    if not shutil.which("gnuplot"):
        return False
    with tempfile.TemporaryDirectory() as folder:
        panels = [panel for job in JOBS if (panel := _panel(pathlib.Path(folder), job, records))]
        if not panels:
            return False
        script = [f"set terminal svg size 1200,{420 * len(panels)} background 'white' font 'sans-serif,11'",
                  f"set output '{path}'", "set yrange [0:*]", "set grid ytics linecolor rgb '#dddddd'",
                  "set key top left", f"set multiplot layout {len(panels)},1"]
        for panel in panels:
            script += panel
        done = subprocess.run(["gnuplot"], input="\n".join(script + ["unset multiplot"]) + "\n", text=True,
                              capture_output=True)
    if done.returncode:
        raise SystemExit(f"gnuplot: {done.stderr.strip()}")
    return True
