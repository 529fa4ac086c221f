"""The cookbook's code runs and prints what the page says. UPDATE_COOKBOOK=1 writes the output."""

import contextlib
import io
import os
import re
from pathlib import Path

import kb

PAGE = Path(__file__).parents[1] / "site/content/about/cookbook.md"
PAIR = re.compile(r"```python\n((?:(?!```).)*)```\n\n```text\n((?:(?!```).)*)```", re.DOTALL)


def ran(code, debate):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(code, str(PAGE), "exec"), {"debate": debate, "kb": kb})
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def test_the_cookbook_says_what_its_code_prints(debate):
    page = PAGE.read_text(encoding="utf-8")
    pairs = PAIR.findall(page)
    assert len(pairs) == 10
    told = PAIR.sub(lambda m: f"```python\n{m[1]}```\n\n```text\n{ran(m[1], debate)}```", page)
    if os.environ.get("UPDATE_COOKBOOK"):
        PAGE.write_text(told, encoding="utf-8")
    assert told == page, "run with UPDATE_COOKBOOK=1 and read what changed"
    assert all(output.strip() for _, output in pairs)
