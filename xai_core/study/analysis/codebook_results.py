"""What every column of the result tables means."""

from __future__ import annotations

from xai_core.study.analysis.cases import CASES
from xai_core.study.analysis.counted import FAST_S, WHO
from xai_core.study.analysis.funnel import ENDINGS
from xai_core.study.analysis.votes import RULES

INTERVAL = "of the 95 % interval."
# Type, unit, meaning. A key with "table/" before it holds in that table alone.
COLUMNS: dict[str, tuple[str, str, str]] = {
    "case": ("text", "", f"Case of T 4.2.1, by its number. {'; '.join(CASES.values())}."),
    "count": ("integer", "", "How many."),
    "cases/count": ("integer", "", "Pictures in this case."),
    "images": ("integer", "", "Pictures that were shown and answered."),
    "agreement/images": ("integer", "", "Pictures with two answers or more."),
    "share": ("number", "0 to 1", "Count divided by the total."),
    "cases/share": ("number", "0 to 1", "Share of all pictures shown."),
    "shares/share": ("number", "0 to 1", "Share of all answers."),
    "funnel/share": ("number", "0 to 1", "Share of those who agreed to take part."),
    "endings/share": ("number", "0 to 1", "Share of those who agreed to take part."),
    "checks/share": ("number", "0 to 1", "Share of checks that were not passed."),
    "checks/failed": ("integer", "", "Checks that were not passed."),
    "low": ("number", "", f"Lower end {INTERVAL}"),
    "high": ("number", "", f"Upper end {INTERVAL}"),
    "answers": ("integer", "", "Answers that this is of."),
    "votes/agreement": ("number", "0 to 1", "Share of pairs of participants who agree."),
    "decided": ("text", "", "Whose map the votes call accurate, or undecided."),
    "other": ("text", "", "Id of the condition that it is compared with."),
    "only_model": ("integer", "", "Pictures on which only this condition's map is accurate."),
    "only_other": ("integer", "", "Pictures on which only the other's map is accurate."),
    "difference": ("number", "-1 to 1", "Share of answers for this condition minus the other's."),
    "p": ("number", "0 to 1", "Two-sided p value of this pair alone."),
    "p_holm": ("number", "0 to 1", "The same, adjusted by Holm's method for all pairs."),
    "note": ("text", "", "Why a value is missing."),
    "measure": ("text", "", "Measure of agreement."),
    "value": ("text", "", "Answer to the question."),
    "agreement/value": ("number", "up to 1", "Agreement beyond chance; 0 is chance."),
    "place": ("integer", "", "Place on the screen, from 1."),
    "positions_by_participant/place": ("integer", "", "Place chosen most, from 1."),
    "positions_by_participant/share": ("number", "0 to 1", "Share of answers at that place."),
    "always": ("boolean", "", "Whether every one of at least five answers was at one place."),
    "question": ("text", "", "Id of the question about the participant."),
    "participants": ("integer", "", "Participants whose answers these are."),
    "quarter": ("number", "seconds", "A quarter of the answers took no longer."),
    "median": ("number", "seconds", "Half of the answers took no longer."),
    "three_quarters": ("number", "seconds", "Three quarters of the answers took no longer."),
    "fast": ("integer", "", f"Answers that took less than {FAST_S:g} s."),
    "hidden": ("number", "seconds", "Time in which the page was not to be seen."),
    "step": ("text", "", "Step of the study."),
    "varied": ("text", "", "Which decision of the analysis is changed."),
    "variant": ("text", "", "What it is changed to: "
                + "; ".join(f"{name}: {text.rstrip('.')}" for name, text in (RULES | WHO).items())
                + "."),
}  # fmt: skip
LEVELS: dict[str, tuple[str, ...]] = {
    "case": tuple(map(str, CASES)),
    "endings/ending": tuple(ENDINGS),
    "measure": ("kappa", "alpha"),
    "varied": ("rule", "who"),
    "variant": (*RULES, *WHO),
}
