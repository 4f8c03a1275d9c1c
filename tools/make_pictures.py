"""The pictures of README.md: the terminal and the report of one run of the demo.

    python tools/make_pictures.py --out docs/pictures [--demo DIR] [--bowline ./bowline] [--chromium chromium]

Runs `bowline demo` in a new directory, draws what it printed as an SVG picture (terminal.svg), and lets a headless
Chromium take a picture of the top of report.html, light and dark. With --demo, a directory in which `bowline demo` ran
before, with its output in out.txt and err.txt. Paths of the machine are not in the pictures.

Needs Chromium and Pillow.
"""

import argparse
import html
import pathlib
import re
import subprocess
import tempfile

from PIL import Image

COLUMNS = 92
LINE = 17
CHARACTER = 7.83
INK = {"light": ("#ffffff", "#24292f", "#57606a"), "dark": ("#17181a", "#d5d7da", "#9aa0a6")}


def demo(bowline: str, directory: pathlib.Path) -> None:
    with open(directory / "out.txt", "w") as out, open(directory / "err.txt", "w") as err:
        subprocess.run([str(pathlib.Path(bowline).absolute()), "demo"], cwd=directory, stdout=out, stderr=err, check=True)


def terminal(directory: pathlib.Path) -> list[str]:
    """What a reader sees, without most lines of steps."""
    progress = (directory / "err.txt").read_text().splitlines()
    steps = [line for line in progress if line.startswith("step ")]
    kept = steps[:2] + ["…"] + steps[-2:]
    lines = ["$ ./bowline demo"]
    for line in progress:
        if line.startswith("step "):
            if kept:
                lines += kept
                kept = []
        elif not re.match(r"(saving|saved|validation)", line):
            lines.append(line)
    lines += (directory / "out.txt").read_text().splitlines()
    machine = str(directory.absolute()) + "/"
    return [line.replace(machine, "")[:COLUMNS] for line in lines]


def svg(lines: list[str]) -> str:
    height = LINE * len(lines) + 32
    width = round(CHARACTER * COLUMNS) + 32
    rows = [
        f'<text x="16" y="{LINE * i + 30}"{" class=" + chr(34) + "c" + chr(34) if i == 0 else ""}>{html.escape(line)}</text>'
        for i, line in enumerate(lines)
    ]
    (paper, ink, line), (night, light, edge) = INK["light"], INK["dark"]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" role="img" '
        f'aria-label="The terminal after bowline demo">\n<style>rect{{fill:{paper};stroke:{line}}}'
        f"text{{font:13px ui-monospace,Menlo,Consolas,monospace;fill:{ink};white-space:pre}}.c{{font-weight:bold}}"
        f"@media (prefers-color-scheme:dark){{rect{{fill:{night};stroke:{edge}}}text{{fill:{light}}}}}</style>\n"
        f'<rect x=".5" y=".5" width="{width - 1}" height="{height - 1}" rx="6"/>\n' + "\n".join(rows) + "\n</svg>\n"
    )


def report(chromium: str, directory: pathlib.Path, out: pathlib.Path) -> None:
    page = next(directory.glob("**/report.html"))
    text = page.read_text().replace(str(directory.absolute()) + "/", "")
    with tempfile.TemporaryDirectory() as scratch:
        copy = pathlib.Path(scratch) / "report.html"
        copy.write_text(text)
        for number, scheme in enumerate(["dark", "light"]):
            shot = pathlib.Path(scratch) / f"{scheme}.png"
            subprocess.run(
                [
                    chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                    f"--user-data-dir={scratch}/profile", f"--blink-settings=preferredColorScheme={number}",
                    "--window-size=1024,880", f"--screenshot={shot}", copy.as_uri(),
                ],
                check=True, timeout=120, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            picture = Image.open(shot).convert("RGB").quantize(256, dither=Image.Dither.NONE)
            picture.save(out / f"report-{scheme}.png", optimize=True)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--out", type=pathlib.Path, required=True)
    arguments.add_argument("--demo", type=pathlib.Path)
    arguments.add_argument("--bowline", default="./bowline")
    arguments.add_argument("--chromium", default="chromium")
    given = arguments.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        directory = given.demo or pathlib.Path(scratch)
        if not given.demo:
            demo(given.bowline, directory)
        (given.out / "terminal.svg").write_text(svg(terminal(directory)))
        report(given.chromium, directory, given.out)


if __name__ == "__main__":
    main()
