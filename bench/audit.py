"""What the audit finds: in our own content, and in a synthesis against cases found by readers.

    python bench/audit.py
    python bench/audit.py --synthesis DIGEST.txt --cases CASES.yaml

The cases are a list of {id, rule, evidence} under any key of a YAML file. A case counts as found
when a finding has its rule and is about a work (W-KEY), claim (C01) or voice (V01) that the
evidence names, or about anything where it names none. A finding that belongs to no case is told
in full: whether it is a false alarm or a fault that the readers passed over only a reader can
say, so the count is an upper bound of the false alarms.

Prints JSON. The database is that of KB_DB or --db.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import re
import time
from collections import Counter
from pathlib import Path
from typing import Any

import yaml

from kb import audit
from kb.query import KnowledgeBase
from kb.synthesis import decode, parse

_NAMED = re.compile(r"\bW-([a-z][a-z0-9-]*)|\b([CV][0-9]{2}[a-z]?)\b")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--synthesis", type=Path)
    parser.add_argument("--cases", type=Path)
    parser.add_argument("--db", default=os.environ.get("KB_DB", "data/kb.sqlite"))
    told = parser.parse_args()
    with KnowledgeBase.open(told.db) as debate:
        known = audit.Knowledge(
            tuple(debate.works()),
            tuple(debate.claims()),
            tuple(debate.voices()),
            tuple(debate.digests()),
        )
        strands, tensions = tuple(debate.strands()), tuple(debate.tensions())
    start = time.perf_counter()
    ours = audit.audit_ours(known, strands, tensions)
    figures: dict[str, Any] = {
        "rules": len(audit.RULES),
        "own content": {
            "findings": len(ours.findings),
            "listed": [finding.headline() for finding in ours.findings],
            "seconds": round(time.perf_counter() - start, 3),
        },
    }
    if told.synthesis:
        start = time.perf_counter()
        report = audit.audit(parse(decode(told.synthesis.read_bytes())), known)
        figures["synthesis"] = {
            "findings": len(report.findings),
            "decided": dict(Counter(finding.decided for finding in report.findings)),
            "sources known": f"{report.placed} of {report.sources}",
            "seconds": round(time.perf_counter() - start, 3),
        }
        if told.cases:
            figures["cases"] = against(report, cases(told.cases))
            # A digest that nobody has placed by hand: sources are known by their titles alone.
            plain = dataclasses.replace(known, digests=())
            report = audit.audit(parse(decode(told.synthesis.read_bytes())), plain)
            found = against(report, cases(told.cases))
            figures["by titles alone"] = {
                "sources known": f"{report.placed} of {report.sources}",
                "found": found["found"],
                "missed": found["missed"],
                "beyond": found["beyond"],
            }
    print(json.dumps(figures, indent=2, ensure_ascii=False))


def cases(path: Path) -> list[dict[str, str]]:
    """Return the list of cases of a YAML file, under whatever key it stands."""
    content = yaml.safe_load(path.read_text("utf-8"))
    lists = content.values() if isinstance(content, dict) else [content]
    for entries in lists:
        if isinstance(entries, list) and entries and all("rule" in entry for entry in entries):
            return entries
    raise SystemExit(f"{path}: no list of entries with a rule")


def against(report: audit.Report, listed: list[dict[str, str]]) -> dict[str, Any]:
    """Return which cases were found and how, and which findings belong to none."""
    machine, reader, missed, used = [], [], [], set()
    for case in listed:
        met = [finding for finding in report.findings if meets(finding, case)]
        used |= set(met)
        if not met:
            missed.append(case["id"])
        elif any(finding.decided == audit.BY_MACHINE for finding in met):
            machine.append(case["id"])
        else:
            reader.append(case["id"])
    beyond = [finding for finding in report.findings if finding not in used]
    return {
        "cases": len(listed),
        "found": len(machine) + len(reader),
        "decided by machine": machine,
        "a reader is told where to look": reader,
        "missed": missed,
        "findings beyond the cases (false alarms at most)": len(beyond),
        "beyond": [finding.headline() for finding in beyond],
    }


def meets(finding: audit.Finding, case: dict[str, str]) -> bool:
    """Tell whether a finding is the one that a case describes."""
    if finding.rule != case["rule"]:
        return False
    named = [work or id for work, id in _NAMED.findall(str(case.get("evidence", "")))]
    return not named or any(about.startswith(tuple(named)) for about in finding.about)


if __name__ == "__main__":
    main()
