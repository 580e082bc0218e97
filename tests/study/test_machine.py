"""Random histories of a study, step by step beside a model in plain Python, on both databases."""

import secrets
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from tests.study.small import EYES, TIMES, design, publish
from xai_core.errors import StudyError
from xai_core.study import TakingPart, Ticket, open_store
from xai_core.study.participation.screens import ClientTimes
from xai_core.study.trial_plan import LETTERS

STEPS = 30
CHOICES = ("A", "B", "same", "cannot_distinguish")
PRACTICE = 1


@dataclass
class Person:
    """What the model knows of a participant."""

    version: int
    number: int
    tickets: list
    code: str
    stage: str = "background"
    given: list = field(default_factory=list)  # trial, choice and key in the order of the answers
    wrong: int = 0


@dataclass
class Edition:
    """What the model knows of a version."""

    trials: int
    enrolled: int = 0
    declined: int = 0
    visits: int = 0


class Model(RuleBasedStateMachine):
    """One study; what is asked of the store is known beforehand."""

    url = ""

    def __init__(self):
        super().__init__()
        self.store = open_store(self.url)
        self.part = TakingPart(self.store)
        self.slug = self.store.create("history")
        self.editions, self.closed = [], False
        self.people, self.gone = [], []
        self.invitations = {}  # token -> person, or None
        self.publish()

    def teardown(self):
        try:
            self.compare()
        finally:
            self.store.close_all()

    # What researchers do.

    @precondition(lambda self: len(self.editions) < 3)
    @rule()
    def publish(self):
        trials = 1 + len(self.editions)
        publish(self.store, design(trials, background=EYES, most_failed=0), self.slug)
        self.editions.append(Edition(trials))
        self.closed = False

    @rule()
    def close(self):
        self.store.close(self.slug)
        self.closed = True

    @rule()
    def reopen(self):
        self.store.reopen(self.slug)
        self.closed = False

    @rule()
    def restart(self):
        self.store.close_all()
        self.store = open_store(self.url)
        self.part = TakingPart(self.store)

    @rule()
    def invite(self):
        ((_, token),) = self.store.invite(self.slug, 1)
        self.invitations[token] = None

    # What newcomers do.

    @rule(agreed=st.booleans())
    def arrive_by_the_shared_link(self, agreed):
        self.arrive(Ticket(self.slug), agreed, None)

    @rule(agreed=st.booleans(), name=st.sampled_from("abc"), session=st.text("xyz", max_size=2))
    def arrive_from_a_platform(self, agreed, name, session):
        ticket = Ticket(self.slug, platform="p", platform_id=name, platform_session=session)
        known = [each for each in self.people if ("platform", name) in each.tickets]
        person = self.arrive(ticket, agreed, known[0] if known else None)
        if person is not None and not known:
            person.tickets.append(("platform", name))

    @precondition(lambda self: self.invitations)
    @rule(agreed=st.booleans(), data=st.data())
    def arrive_by_a_personal_link(self, agreed, data):
        token = data.draw(st.sampled_from(sorted(self.invitations)))
        ticket = Ticket(self.slug, invite=token)
        person = self.arrive(ticket, agreed, self.invitations[token])
        if person is not None and self.invitations[token] is None:
            self.invitations[token] = person
            person.tickets.append(ticket)

    def arrive(self, ticket, agreed, known):
        """Look, count the visit, answer the consent; the new or known person."""
        before = self.part.look(ticket)
        self.part.visited(ticket)
        screen = self.part.consent(ticket, agreed)
        if known is not None:
            self.expect(known, before)
            self.expect(known, screen)
            assert (screen.me, screen.withdrawal) == ("", known.code)
            return known
        if self.closed:
            assert before.kind == screen.kind == "closed"
            return None
        assert before.kind == "consent"
        edition = self.editions[-1]
        edition.visits += 1
        if not agreed:
            edition.declined += 1
            assert (screen.kind, screen.ending, screen.me) == ("ended", None, "")
            return None
        edition.enrolled += 1
        me = Ticket(self.slug, me=screen.me)
        number = len(self.editions)
        person = Person(number, edition.enrolled, [me], screen.withdrawal)
        self.people.append(person)
        self.expect(person, screen)
        return person

    # What participants do.

    def somebody(self, data, *stages):
        among = [each for each in self.people if not stages or each.stage in stages]
        person = data.draw(st.sampled_from(among))
        own = [each for each in person.tickets if isinstance(each, Ticket)]
        return person, data.draw(st.sampled_from(own))

    @precondition(lambda self: self.people)
    @rule(data=st.data(), eyes=st.sampled_from(["yes", "yes", "no", "perhaps"]))
    def background(self, data, eyes):
        person, ticket = self.somebody(data)
        if person.stage == "background" and eyes == "perhaps":
            with _refused():
                self.part.background(ticket, {"eyes": eyes})
        else:
            screen = self.part.background(ticket, {"eyes": eyes})
            if person.stage == "background":
                person.stage = "instructions" if eyes == "yes" else "screened_out"
            self.expect(person, screen)

    @precondition(lambda self: self.people)
    @rule(data=st.data())
    def read_the_instructions(self, data):
        person, ticket = self.somebody(data)
        screen = self.part.instructed(ticket)
        if person.stage == "instructions":
            person.stage = "trials"
        self.expect(person, screen)

    @precondition(lambda self: any(each.stage == "trials" for each in self.people))
    @rule(data=st.data(), choices=st.lists(st.sampled_from(CHOICES), min_size=1, max_size=4))
    def answer(self, data, choices):
        person, ticket = self.somebody(data, "trials")
        for choice in choices:
            shown = self.part.serve(ticket).trial
            if shown is None:
                break
            key = secrets.token_hex(8)
            screen = self.part.answer(ticket, shown.id, choice, key, TIMES)
            person.given.append((shown.id, choice, key))
            identical = len({name for _, name in shown.options}) == 1
            # The design has one catch trial and no practice with identical pictures.
            person.wrong += identical and choice in LETTERS
            if len(person.given) == self.length(person):
                person.stage = "failed" if person.wrong else "completed"
            self.expect(person, screen)

    @precondition(lambda self: any(each.given for each in self.people))
    @rule(data=st.data(), same_key=st.booleans(), choice=st.sampled_from(CHOICES))
    def answer_again(self, data, same_key, choice):
        answered = [each for each in self.people if each.given]
        person = data.draw(st.sampled_from(answered))
        trial, _, key = data.draw(st.sampled_from(person.given))
        key = key if same_key else secrets.token_hex(8)
        screen = self.part.answer(person.tickets[0], trial, choice, key, ClientTimes())
        self.expect(person, screen)

    @precondition(lambda self: len(self.people) > 1)
    @rule(data=st.data(), choice=st.sampled_from(CHOICES))
    def answer_what_is_not_ones_own(self, data, choice):
        person, ticket = self.somebody(data)
        other, others = self.somebody(data)
        shown = self.part.look(others).trial
        if person is not other and shown is not None:
            with _refused():
                self.part.answer(ticket, shown.id, choice, secrets.token_hex(8), TIMES)
            self.expect(person, self.part.look(ticket))
            self.expect(other, self.part.look(others))

    @precondition(lambda self: any(each.stage == "trials" for each in self.people))
    @rule(data=st.data(), letter=st.sampled_from(["C", "a", "", "c1"]))
    def answer_what_is_not_offered(self, data, letter):
        person, ticket = self.somebody(data, "trials")
        shown = self.part.look(ticket).trial
        with _refused():
            self.part.answer(ticket, shown.id, letter, secrets.token_hex(8), TIMES)
        self.expect(person, self.part.look(ticket))

    @precondition(lambda self: self.people)
    @rule(data=st.data())
    def reload_in_two_tabs(self, data):
        person, ticket = self.somebody(data)
        first, second = self.part.serve(ticket), TakingPart(self.store).look(ticket)
        assert first == second
        self.expect(person, first)

    @precondition(lambda self: self.people)
    @rule(data=st.data(), by_code=st.booleans())
    def withdraw(self, data, by_code):
        person, ticket = self.somebody(data)
        if by_code:
            assert self.part.withdraw(person.code)
        else:
            assert self.part.withdraw_me(ticket)
        self.people.remove(person)
        self.gone.append(person)
        self.invitations = {
            token: owner for token, owner in self.invitations.items() if owner is not person
        }

    @precondition(lambda self: self.gone)
    @rule(data=st.data())
    def come_back_after_withdrawing(self, data):
        person = data.draw(st.sampled_from(self.gone))
        for ticket in person.tickets:
            if isinstance(ticket, Ticket):
                assert self.part.look(ticket).kind == "unknown"
                assert self.part.consent(ticket, True).kind == "unknown"
        assert not self.part.withdraw(person.code)

    @rule(guess=st.sampled_from(["", "x", "'; --", "\0", "é" * 30]))
    def guess(self, guess):
        assert self.part.look(Ticket(self.slug, invite=guess or "x")).kind == "unknown"
        assert self.part.look(Ticket(self.slug, me=guess or "x")).kind == "unknown"
        assert not self.part.withdraw(guess)

    # What must be so.

    def length(self, person):
        return PRACTICE + self.editions[person.version - 1].trials + 1

    def expect(self, person, screen):
        """The screen of a person's stage, and the right trial of it."""
        kinds = {"background": "background", "instructions": "instructions", "trials": "trial"}
        assert screen.kind == kinds.get(person.stage, "ended")
        if screen.kind == "ended":
            assert screen.ending == person.stage
        if screen.kind != "trial":
            return
        done = len(person.given)
        assert screen.trial.id not in {trial for trial, _, _ in person.given}
        assert screen.trial.practice == (done < PRACTICE)
        number = done + 1 if done < PRACTICE else done + 1 - PRACTICE
        total = PRACTICE if done < PRACTICE else self.length(person) - PRACTICE
        assert (screen.trial.number, screen.trial.total) == (number, total)

    def compare(self):
        """Everything that is stored against everything that was done."""
        for number, edition in enumerate(self.editions, 1):
            records = self.store.records(self.slug, number)
            people = {each.number: each for each in self.people if each.version == number}
            assert (records.visits, records.declined) == (edition.visits, edition.declined)
            ended = records.participants.ending.fillna("")
            assert dict(zip(records.participants.participant, ended, strict=True)) == {
                key: each.stage if each.stage in ("completed", "failed", "screened_out") else ""
                for key, each in people.items()
            }
            for key, person in people.items():
                mine = records.answers[records.answers.participant == key]
                places = mine.shown_position.fillna(-1)
                shown = [
                    LETTERS[place] if place >= 0 else choice
                    for choice, place in zip(mine.choice, places, strict=True)
                ]
                assert shown == [choice for _, choice, _ in person.given]
            assert set(records.answers.participant) <= set(people)
        names = sorted(
            ticket[1]
            for person in self.people
            for ticket in person.tickets
            if isinstance(ticket, tuple)
        )
        known = sorted(row["platform_id"] for row in self.store.platform_ids(self.slug))
        assert known == names
        used = sorted(each.used for each in self.store.invitations(self.slug))
        assert used == sorted(owner is not None for owner in self.invitations.values())


class _refused:  # noqa: N801 -- reads as a word in the rules
    """The block must be refused with a sentence."""

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        assert issubclass(kind or Warning, StudyError), "this was not refused"
        return bool(str(error))


@pytest.mark.parametrize("histories", [6, pytest.param(60, marks=pytest.mark.long)])
def test_any_history_ends_as_the_model_says(store_url, histories):
    machine = type("History", (Model,), {"url": store_url})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=histories,
            stateful_step_count=STEPS,
            deadline=None,
            # A failing history is told as it was found: making it shorter takes minutes.
            phases=(Phase.reuse, Phase.generate),
            suppress_health_check=list(HealthCheck),
        ),
    )
