"""The design of a study: everything that is decided before the first participant comes."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from xai_core.study import strict_json

CANNOT_DISTINGUISH = "cannot_distinguish"
SAME = "same"
# The choices that are always offered beside the heatmaps, and their words on the screen.
ESCAPES = {CANNOT_DISTINGUISH: "Can't distinguish", SAME: "They look the same"}
# What they mean, as participants and researchers read it.
MEANINGS = {
    CANNOT_DISTINGUISH: "You see that the coloured versions differ, but cannot say which of them "
    "answers the question best.",
    SAME: "You see no difference between the coloured versions.",
}

QUESTION = "Which image best highlights the {class} in the original image?"
INSTRUCTIONS = (
    "You will see a picture and, beside it, several coloured versions of it. The colours mark "
    "what a computer program looked at when it decided what the picture shows. Choose the version "
    "that answers the question best. There is no right or wrong: we want to know what you think."
)
CONSENT = (
    "Taking part is voluntary, and you can stop at any time. Your answers are stored without your "
    "name. You get a code with which you can delete everything that was stored about you."
)

PictureKind = Literal["trial", "practice", "catch"]
QuestionKind = Literal["yes_no", "choice", "number", "text"]
Explained = Literal["predicted", "true"]


@dataclass(frozen=True)
class Condition:
    """One of the things compared.

    Attributes:
        id: its name in the tables, "c1" and so on.
        title: its name for researchers; participants never see it.
        model: keywords of ``xai_core.models.load_classifier``; empty for maps that were computed
            elsewhere, which need no model.
        method: id of the attribution method, or of a column of maps computed elsewhere.
        settings: the method's settings; of maps computed elsewhere as in ``own_conditions``.
    """

    id: str
    title: str
    model: dict[str, Any]
    method: str
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class StudyPicture:
    """A picture of the study.

    Attributes:
        id: its name in the tables, "p1" and so on.
        name: its name for researchers, such as a file's; participants never see it.
        asset: hash of the stored original.
        true_class: what it shows, in the words of the question; it need be no class of a model,
            whose prediction is then wrong.
        kind: "trial" is counted, "practice" comes first, "catch" is for catch trials.
    """

    id: str
    name: str
    asset: str
    true_class: str
    kind: PictureKind = "trial"


@dataclass(frozen=True)
class BackgroundQuestion:
    """A question about the participant.

    Attributes:
        id: its name in the tables.
        text: the question.
        kind: of answer; "yes_no" is answered with "yes" or "no".
        choices: answers of a question of the kind "choice".
        required: whether it must be answered.
        screens_out: answers after which the participant cannot go on.
    """

    id: str
    text: str
    kind: QuestionKind
    choices: tuple[str, ...] = ()
    required: bool = True
    screens_out: tuple[str, ...] = ()

    @property
    def offered(self) -> tuple[str, ...] | None:
        """The answers to choose from; None where the answer is written."""
        return {"yes_no": ("yes", "no"), "choice": self.choices}.get(self.kind)


BACKGROUND = (
    BackgroundQuestion(
        "degree", "Do you have a bachelor's degree in computer science (or a higher one)?", "yes_no"
    ),
    BackgroundQuestion("saliency", "Are you familiar with the term “saliency map”?", "yes_no"),
    BackgroundQuestion("vision", "Do you have experience in computer vision?", "yes_no"),
)


@dataclass(frozen=True)
class Consent:
    """What participants agree to; ``version`` rises whenever the text changes."""

    text: str = CONSENT
    version: int = 1


@dataclass(frozen=True)
class Look:
    """How every heatmap of the study is drawn: the same for all, so that only the maps differ.

    Attributes:
        stage: as in ``xai_core.display.Display``; so are the next five.
        show: which part of a signed map.
        clip: percentile.
        colormap: id; "" takes the one that suits.
        opacity: of the map over the picture.
        mode: of enlargement.
        side: of every picture on the screen, in pixels.
        explained: which class the heatmaps explain, the predicted or the true one.
    """

    stage: str = "signed"
    show: str = "all"
    clip: float | None = None
    colormap: str = ""
    opacity: float = 0.8
    mode: str = "nearest"
    side: int = 320
    explained: Explained = "predicted"


@dataclass(frozen=True)
class Design:
    """Everything a researcher decides. ``problems.problems`` says what a draft lacks.

    Attributes:
        title: of the study, for participants.
        question: of every trial; "{class}" stands for the picture's true class.
        instructions: shown before the first trial.
        conditions: what is compared.
        pictures: of all kinds.
        trials: per participant, at most the number of pictures of the kind "trial".
        look: how heatmaps are drawn.
        catch_trials: how many trials show identical heatmaps.
        instructed_trials: how many trials say which answer to choose.
        random_order: whether each participant gets an own order of trials.
        random_positions: whether the conditions change places.
        most_failed: more checks than that answered wrongly, and the participant has failed.
        background: questions about the participant.
        consent: what participants agree to.
        completion_code: shown at the end.
        screen_out_code: shown to who is screened out.
        failed_code: shown to who failed the checks.
        completion_url: where participants go at the end, with "{code}" in the code's place; or "".
        opens_at: moment in UTC from which participants can begin, as ISO 8601, or None.
        closes_at: moment in UTC from which nobody can begin, or None.
        target: number of participants who complete after which nobody can begin, or None.
    """

    title: str = "A study on pictures"
    question: str = QUESTION
    instructions: str = INSTRUCTIONS
    conditions: tuple[Condition, ...] = ()
    pictures: tuple[StudyPicture, ...] = ()
    trials: int = 0
    look: Look = field(default_factory=Look)
    catch_trials: int = 0
    instructed_trials: int = 0
    random_order: bool = True
    random_positions: bool = True
    most_failed: int = 1
    background: tuple[BackgroundQuestion, ...] = BACKGROUND
    consent: Consent = field(default_factory=Consent)
    completion_code: str = ""
    screen_out_code: str = ""
    failed_code: str = ""
    completion_url: str = ""
    opens_at: str | None = None
    closes_at: str | None = None
    target: int | None = None

    def to_json(self) -> dict[str, Any]:
        """The same as dictionaries and sequences that JSON can hold."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Any) -> Design:
        """A design from ``to_json``'s form, which may come from outside.

        Raises:
            StudyError: a part is unknown, missing or of another type.
        """
        return strict_json.from_json(cls, data)

    @property
    def codes(self) -> dict[str, str]:
        """What is shown at the end, by how it ended."""
        return {
            "completed": self.completion_code,
            "screened_out": self.screen_out_code,
            "failed": self.failed_code,
        }

    @property
    def compared(self) -> str:
        """What the conditions are, in a word.

        "model" where they differ in it alone, "method" where one model has several, and
        "condition" where they differ in both or some were computed elsewhere.
        """
        models = {json.dumps(one.model, sort_keys=True) for one in self.conditions}
        methods = {
            json.dumps([one.method, one.settings], sort_keys=True) for one in self.conditions
        }
        if len(self.with_models) < len(self.conditions) or min(len(models), len(methods)) > 1:
            return "condition"
        return "method" if len(models) == 1 else "model"

    @property
    def with_models(self) -> tuple[Condition, ...]:
        """The conditions that a model computes."""
        return tuple(condition for condition in self.conditions if condition.model)

    def of_kind(self, kind: PictureKind) -> tuple[StudyPicture, ...]:
        """The pictures of a kind, in the design's order."""
        return tuple(picture for picture in self.pictures if picture.kind == kind)
