"""What the numbers mean, and where they come from."""

from __future__ import annotations

from pages.components.method_notes import how_to_read
from xai_core.study.analysis.agreement import SOURCES
from xai_core.study.analysis.cases import CASE_TITLES
from xai_core.study.design import ESCAPES, MEANINGS

CASES = (
    "Per picture the votes decide whose map is **accurate**; a tie, or most votes for “Can't "
    "distinguish” or “They look the same”, leaves it undecided for all. The other maps of a "
    "decided picture are inaccurate. With the model's prediction that gives four cases: "
    f"{'; '.join(CASE_TITLES.values())}. A prediction is right if it is the picture's true class, "
    "and wrong where the model does not have that class. Shares are of all pictures shown. Many "
    "pictures in case 1 and few in the others is what one wants."
)
ANSWERS = "\n".join(f"- **{ESCAPES[name]}**: {text}" for name, text in MEANINGS.items())
CASES_SOURCE = (
    "Cases, question and answers: the user experiment of the trustworthy-training work (T 4.2.1 "
    "and 5.2.1 in docs/sources.md), whose printed intervals are the normal approximation."
)
INTERVALS = (
    "Answers of one participant resemble each other, and so do answers to one picture. Intervals "
    "that pool all answers are too narrow: with participants who differ by 0.7 logit they hold "
    "the truth 76 % of the time instead of 95 %. Vote shares and their differences are therefore "
    "given with participants and pictures sampled: a bootstrap over both, in which what is "
    "neither the participant's nor the picture's counts once and not three times. The intervals "
    "of cases are Wilson's over pictures unless another is chosen above."
)
INTERVALS_SOURCE = (
    "Wilson 1927; Owen 2007, “The pigeonhole bootstrap”, doi:10.1214/07-AOAS122; Cameron, Gelbach "
    "and Miller 2011, “Robust inference with multiway clustering”, doi:10.1198/jbes.2010.07136; "
    "Korn and Graubard 1998, Survey Methodology 24."
)
TESTS = (
    "The **exact McNemar test** looks at the pictures on which exactly one of two maps is "
    "accurate: half of them should favour each. It samples pictures, not participants. The **test "
    "of vote shares** samples both. **Holm's** method keeps the chance of any false finding among "
    "all pairs at 5 %."
)
TESTS_SOURCE = "McNemar 1947; Holm 1979, Scandinavian Journal of Statistics 6."
AGREEMENT = (
    "Both measures are 1 when all participants always agree and 0 when they agree as often as "
    "chance would have it. Where everybody gives the same answer to everything, or no picture has "
    "two answers, there is no value. Intervals draw the pictures anew."
)
PLACES = (
    "The heatmaps' places are drawn at random and balanced, so that each place should be chosen "
    "equally often whatever participants prefer. The test errs on the safe side where all agree."
)
CARE = (
    "A trial's time runs in the browser from all pictures being on the screen to the answer. "
    "**Hurried** means that half of a participant's answers took less than a second; **failed**, "
    "more failed checks than the design allows. Nobody is left out unless it is chosen above."
)


def show() -> None:
    """One entry a subject."""
    how_to_read(
        {
            "Cases": (CASES, CASES_SOURCE),
            "The two other answers": (
                f"As participants read it in the instructions:\n\n{ANSWERS}",
            ),
            "Intervals": (INTERVALS, INTERVALS_SOURCE),
            "Tests": (TESTS, TESTS_SOURCE),
            "Agreement": (AGREEMENT, *SOURCES.values()),
            "Places, times and checks": (f"{PLACES}\n\n{CARE}",),
        }
    )
