"""Would other decisions of the researcher change the result?"""

from __future__ import annotations

import pandas as pd

from xai_core.study.analysis.cases import case_table, known, no_cases
from xai_core.study.analysis.counted import WHO, counted
from xai_core.study.analysis.votes import RULES
from xai_core.study.storage.records import Records


def sensitivity(records: Records, rule: str = "majority", who: str = "everyone") -> pd.DataFrame:
    """The cases by other rules, and without some participants.

    One decision at a time is changed, the other stays as chosen. Intervals are Wilson's.

    Args:
        records: everything of a version.
        rule: the rule chosen, one of ``votes.RULES``.
        who: the participants chosen, one of ``counted.WHO``.

    Returns:
        Columns varied ("rule" or "who"), variant, participants, and those of ``case_table``; no
        rows where predictions are not known.
    """
    models = [condition.id for condition in records.design.conditions]
    trials = [picture.id for picture in records.design.of_kind("trial")]
    if not known(records.predictions, models, trials):
        return no_cases("varied", "variant", "participants")
    variants = [("rule", other, other, who) for other in RULES]
    variants += [("who", other, rule, other) for other in WHO]
    tables = []
    for varied, variant, its_rule, its_who in variants:
        answers = counted(records, its_who)
        found = case_table(answers, records.predictions, "wilson", rule=its_rule)
        found.insert(0, "participants", answers.participant.nunique())
        found.insert(0, "variant", variant)
        found.insert(0, "varied", varied)
        tables.append(found)
    return pd.concat(tables, ignore_index=True)
