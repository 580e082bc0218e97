"""How many came, how far they got, and how it ended."""

from __future__ import annotations

import pandas as pd

from xai_core.study.storage.records import Records

STEPS = {
    "visits": "Opened the link",
    "consented": "Agreed to take part",
    "background": "Answered the questions about themselves",
    "instructions": "Read the instructions",
    "practice": "Finished the practice",
}
ENDINGS = {
    "completed": "Completed",
    "failed": "Ended after failed checks",
    "screened_out": "Screened out",
    "ongoing": "Not finished",
    "declined": "Declined",
}


def funnel(records: Records) -> pd.DataFrame:
    """Participants who reached each step.

    Visits are browser sessions of people without a place in the study, so that one person who
    looks twice before agreeing counts twice. Withdrawn participants are nowhere.

    Returns:
        Rows in the study's order: step ("visits", …, "trial 1", …, "completed"), title, count,
        share (of those who agreed; missing for visits).
    """
    people = records.participants
    agreed = len(people)
    counts = {
        "visits": records.visits,
        "consented": agreed,
        "background": int(people.background_at.notna().sum()),
        "instructions": int(people.instructed_at.notna().sum()),
    }
    if records.design.of_kind("practice"):
        counts["practice"] = int(people.practised_at.notna().sum())
    if not records.design.background:
        del counts["background"]
    titles = dict(STEPS)
    for number in range(1, records.design.trials + 1):
        counts[f"trial {number}"] = int((people.answered >= number).sum())
        titles[f"trial {number}"] = f"Answered trial {number}"
    counts["completed"] = int((people.ending == "completed").fillna(False).sum())
    titles["completed"] = ENDINGS["completed"]
    return pd.DataFrame(
        [
            (step, titles[step], count, _share(count, agreed if step != "visits" else 0))
            for step, count in counts.items()
        ],
        columns=["step", "title", "count", "share"],
    )


def endings(records: Records) -> pd.DataFrame:
    """How it ended for everyone.

    Returns:
        A row for each of ``ENDINGS``: ending, title, count, share (of those who agreed; missing
        for those who declined).
    """
    people = records.participants
    ending = people.ending.astype("string").fillna("ongoing")
    rows = []
    for name, title in ENDINGS.items():
        count = records.declined if name == "declined" else int((ending == name).sum())
        rows.append((name, title, count, _share(count, 0 if name == "declined" else len(people))))
    return pd.DataFrame(rows, columns=["ending", "title", "count", "share"])


def _share(count: int, total: int) -> float:
    return count / total if total else float("nan")
