"""The comparison table in LaTeX, for papers: a booktabs tabular with its notes below."""

from __future__ import annotations

from spleeter_bench.report.table import Table

_CHARACTERS = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "×": r"$\times$",
    "−": r"$-$",
    "†": r"$^\dagger$",
    "–": "--",
    "…": r"\dots{}",
}


def render_latex(table: Table) -> str:
    """A `table` environment that needs the package booktabs; ends in a newline."""
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{_escape(table.title)}}}",
        rf"\begin{{tabular}}{{l{'r' * (len(table.columns) - 1)}}}",
        r"\toprule",
        " & ".join(map(_escape, table.columns)) + r" \\",
        r"\midrule",
        *(" & ".join(map(_escape, row)) + r" \\" for row in table.rows),
        r"\bottomrule",
        r"\end{tabular}",
        *(rf"\par\footnotesize {_escape(note)}" for note in table.footnotes),
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _escape(text: str) -> str:
    return "".join(_CHARACTERS.get(character, character) for character in text.replace("\n", " "))
