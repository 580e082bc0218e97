"""What bots sent, beside what is stored and what is exported: it must be the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from bots.journal import Journal, Sent
from bots.sides import Row, Side, exported, stored
from xai_core.study.design import Design
from xai_core.study.storage.pulse import picture_names
from xai_core.study.storage.records import Records
from xai_core.study.storage.schema import participant
from xai_core.study.storage.store import Store
from xai_core.study.storage.tokens import token_hash


@dataclass(frozen=True)
class Comparison:
    """The outcome.

    Attributes:
        sent: by the bots, as they know it.
        stored: in the database.
        exported: in the long table for researchers.
        differences: each as a sentence; none is what must be.
    """

    sent: Side
    stored: Side
    exported: Side
    differences: tuple[str, ...]

    def table(self) -> list[tuple[str, str, str, str]]:
        """Counts of the three, one kind a row; the export has answers of the background too."""
        names = ("participants", "background answers", "answers", "participations ended")
        sides = (self.sent, self.stored, self.exported)
        counts = zip(names, *(side.counts() for side in sides), strict=True)
        return [
            ("", "sent", "stored", "exported"),
            *((name, *map(str, numbers)) for name, *numbers in counts),
        ]


def participants_of(store: Store, slug: str) -> int:
    """How many there are, to be asked before bots come."""
    return len(store.records(slug).participants)


def compare(store: Store, slug: str, journals: Sequence[Journal], before: int) -> Comparison:
    """Compare everything about the bots of a run.

    Args:
        store: where it should be.
        slug: of the study.
        journals: of the bots.
        before: participants before the first of them came; nobody else may come meanwhile.
    """
    records = store.records(slug)
    known = Names(store, slug, records.version)
    differences = [f"Bot {j.seed}: {problem}" for j in journals for problem in j.problems]
    sent, whose = Side(), {}
    for journal in journals:
        number = known.participant(journal)
        if number is None:
            if journal.began:
                differences.append(f"Bot {journal.seed} took part and is not stored.")
            continue
        whose[number] = journal
        _add(sent, number, journal, known, records.design)
    in_store, in_files = stored(records, whose), exported(records, whose)
    for word, side in (("stored", in_store), ("exported", in_files)):
        differences += _differences(sent, side, word)
    differences += _endings(records, whose)
    lost = sum(journal.lost_consents for journal in journals)
    strangers = len(records.participants) - before - len(whose)
    if not 0 <= strangers <= lost:
        differences.append(f"{strangers} stored participants belong to no bot of this run.")
    return Comparison(sent, in_store, in_files, tuple(differences))


class Names:
    """Whose a token is, and what stands behind a picture's address.

    Args:
        store: of the study.
        slug: of the study.
        number: of its version.
    """

    def __init__(self, store: Store, slug: str, number: int) -> None:
        (version_id,) = (each.id for each in store.versions(slug) if each.number == number)
        people = select(participant.c.token_hash, participant.c.number)
        with store.database.reading() as connection:
            found = connection.execute(people.where(participant.c.version_id == version_id))
            self._by_token = {str(row.token_hash): int(row.number) for row in found}
        self._by_platform = {
            row["platform_id"]: int(row["participant"])
            for row in store.platform_ids(slug)
            if row["version"] == number
        }
        self._pictures = {name: key for key, name in picture_names(store, version_id).items()}

    def participant(self, journal: Journal) -> int | None:
        """Number of a bot's participant."""
        if journal.platform_id:
            return self._by_platform.get(journal.platform_id)
        return self._by_token.get(token_hash(journal.me)) if journal.me else None

    def row(self, sent: Sent) -> Row:
        """An answer in the words of the tables."""
        trial = sent.trial
        image, _ = self._picture(trial.original)
        conditions = [self._picture(address)[1] or "" for _, address in trial.options]
        letters = [letter for letter, _ in trial.options]
        place = letters.index(sent.choice) if sent.choice in letters else None
        choice = sent.choice if place is None else conditions[place]
        return image, choice, place, " ".join(conditions), trial.practice

    def _picture(self, address: str) -> tuple[str, str | None]:
        return self._pictures.get(address.rsplit("/", 1)[-1], ("an unknown picture", None))


def _add(side: Side, number: int, journal: Journal, known: Names, design: Design) -> None:
    side.participants.add(number)
    side.answers[number] = [known.row(sent) for sent in journal.answers]
    offered = {question.id: question.offered or () for question in design.background}
    for name, said in journal.background.items():
        side.background[number, name] = offered[name][said] if isinstance(said, int) else said
    if journal.ended:
        side.ended.add(number)


def _differences(sent: Side, side: Side, word: str) -> list[str]:
    found = [f"Participant {n} is not {word}." for n in sent.participants - side.participants]
    for number, answers in sent.answers.items():
        there = side.answers.get(number, [])
        if answers == there:
            continue
        missing, extra = Counter(answers) - Counter(there), Counter(there) - Counter(answers)
        found += [f"Participant {number}: {row} was sent and is not {word}." for row in missing]
        found += [f"Participant {number}: {row} is {word} and was not sent." for row in extra]
        if not missing and not extra:
            found.append(f"Participant {number}: the answers are {word} in another order.")
    for key in sent.background.keys() | side.background.keys():
        ours, theirs = sent.background.get(key), side.background.get(key)
        if ours != theirs:
            found.append(f"Background {key}: {ours!r} was sent, {theirs!r} is {word}.")
    found += [
        f"Participant {n}: the end is only sent or only {word}." for n in sent.ended ^ side.ended
    ]
    return found


def _endings(records: Records, whose: Mapping[int, Journal]) -> list[str]:
    """A code on the last screen that is not that of the stored ending; checks not passed."""
    found = []
    for row in records.participants.to_dict("records"):
        journal = whose.get(int(row["participant"]))
        code = records.design.codes.get(str(row["ending"]), "")
        if journal and journal.ended and not any(code in text for text in ["", *journal.texts]):
            found.append(f"Participant {row['participant']} was not shown the code {code!r}.")
        if journal and row["checks_failed"]:
            found.append(f"Participant {row['participant']} failed a check that every bot passes.")
    return found
