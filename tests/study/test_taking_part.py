"""The way of participants: every step once, nothing of anybody else's, nothing given away."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from tests.study import small
from tests.study.small import BACKGROUND, TIMES, begin, count, finish, publish
from xai_core.errors import StudyError
from xai_core.study import BackgroundQuestion, ClientTimes, Consent, TakingPart, Ticket
from xai_core.study.participation.screens import MOST_MS
from xai_core.study.storage.schema import answer, invitation, participant, trial

INJECTIONS = (
    "'; DROP TABLE participant; --",
    '" OR 1=1 --',
    "<script>alert(1)</script>",
    '=HYPERLINK("http://example.org")',
    "{class} {code} %s %(id)s :id ?",
    "\\x00 \\u0000 \\",
    "Ünï😀\u202egnirts\u200b\r\n\ttail ",
)


@pytest.fixture
def part(store):
    return TakingPart(store)


def test_the_whole_way(store, part):
    slug = publish(store)
    newcomer = Ticket(slug)
    first = part.look(newcomer)
    assert (first.kind, first.design.title, first.me) == ("consent", "What do you see?", "")
    assert first.design.trials == 4
    assert first.design.practice == 1
    agreed = part.consent(newcomer, True)
    assert agreed.kind == "background"
    assert len(agreed.me) == len(agreed.withdrawal) == 23
    me = Ticket(slug, me=agreed.me)
    assert part.background(me, BACKGROUND).kind == "instructions"
    practice = part.instructed(me)
    assert practice.kind == "trial"
    assert (practice.trial.practice, practice.trial.number, practice.trial.total) == (True, 1, 1)
    real = part.answer(me, practice.trial.id, "B", "first", TIMES)
    assert (real.trial.practice, real.trial.number, real.trial.total) == (False, 1, 4)
    assert real.trial.question == "Which image best highlights the fish in the original image?"
    assert [letter for letter, _ in real.trial.options] == ["A", "B"]
    end = finish(part, me, real, honest(store))
    assert (end.kind, end.ending, end.code) == ("ended", "completed", "DONE")
    assert end.url == "https://example.org/?cc=DONE"
    assert part.look(me) == end
    assert end.me == ""


def honest(store):
    """Answers catch trials as they should be, others with A."""

    def choose(shown):
        return "same" if len({name for _, name in shown.options}) == 1 else "A"

    return choose


def test_the_pictures_are_those_of_the_trial(store, part):
    me, screen = begin(part, Ticket(publish(store)))
    with store.database.reading() as connection:
        row = connection.execute(select(trial).where(trial.c.id == screen.trial.id)).one()
    named = [screen.trial.original, *(name for _, name in screen.trial.options)]
    contents = [store.stimulus(name)[0].decode() for name in named]
    assert contents == [f"{row.image} {model}" for model in [None, *row.arrangement]]
    following = part.answer(me, screen.trial.id, "A", "key", TIMES).trial
    assert set(screen.trial.next_pictures) == {
        following.original,
        *(name for _, name in following.options),
    }


def test_nothing_that_is_shown_names_a_condition_or_a_picture(store, part):
    question = BackgroundQuestion("a", "?", "choice", ("x", "y"), screens_out=("x",))
    slug = publish(store, background=(question,), instructed_trials=1)
    me, screen = begin(part, Ticket(slug), {"a": "y"})
    seen = [repr(part.look(Ticket(slug))), repr(screen)]
    while screen.kind == "trial":
        screen = part.answer(me, screen.trial.id, "A", f"{screen.trial.id}", TIMES)
        seen.append(repr(screen))
    for text in seen:
        assert "hidden" not in text
        assert "'c1'" not in text
        assert "'p1'" not in text
        assert "screens_out=('x'" not in text


def test_looking_changes_nothing(store, part):
    slug = publish(store)
    ((_, token),) = store.invite(slug, 1)
    for ticket in (Ticket(slug), Ticket(slug, invite=token), Ticket(slug, platform_id="x")):
        for _ in range(3):
            assert part.look(ticket).kind == "consent"
    assert count(store, participant) == 0
    assert not store.invitations(slug)[0].used


def test_declining_leaves_only_a_count(store, part):
    slug = publish(store)
    part.visited(Ticket(slug))
    declined = part.consent(Ticket(slug), False)
    assert (declined.kind, declined.ending, declined.code) == ("ended", None, "")
    assert count(store, participant) == 0
    made = store.versions(slug)[0]
    assert (made.visits, made.declined) == (1, 1)


def test_visits_are_those_of_newcomers(store, part):
    slug = publish(store)
    me, _ = begin(part, Ticket(slug))
    part.visited(me)
    part.visited(Ticket("nowhere"))
    store.close(slug)
    part.visited(Ticket(slug))
    assert store.versions(slug)[0].visits == 0


def test_a_reload_and_a_second_tab_show_the_same_trial(store, part):
    me, screen = begin(part, Ticket(publish(store)))
    assert part.look(me) == screen == part.serve(me) == TakingPart(store).look(me)
    after = part.answer(me, screen.trial.id, "A", "one", TIMES)
    # The other tab still shows the first trial and sends another answer.
    assert not after.elsewhere
    late = part.answer(me, screen.trial.id, "B", "two", TIMES)
    assert late == replace(after, elsewhere=True)
    assert part.answer(me, screen.trial.id, "A", "one", TIMES) == after
    with store.database.reading() as connection:
        (stored,) = connection.execute(select(answer)).all()
    assert (stored.idempotency_key, stored.shown_position) == ("one", 0)


def test_a_double_click_counts_once(store, part):
    me, screen = begin(part, Ticket(publish(store)))
    after = part.answer(me, screen.trial.id, "A", "one", TIMES)
    assert part.answer(me, screen.trial.id, "A", "one", TIMES) == after
    # The same key on the next trial is a click that came too early, not an answer to it.
    assert part.answer(me, after.trial.id, "A", "one", TIMES) == after
    assert count(store, answer) == 1


@pytest.mark.parametrize("choice", ["C", "a", "", "AB", "c1", "cannot distinguish", "Ａ"])
def test_only_what_is_offered_can_be_chosen(store, part, choice):
    me, screen = begin(part, Ticket(publish(store)))
    with pytest.raises(StudyError, match="none of the choices"):
        part.answer(me, screen.trial.id, choice, "key", TIMES)
    assert count(store, answer) == 0


@pytest.mark.parametrize("key", ["", "x" * 101, "nul\0"])
def test_a_key_must_be_one(store, part, key):
    me, screen = begin(part, Ticket(publish(store)))
    with pytest.raises(StudyError, match="no valid key"):
        part.answer(me, screen.trial.id, "A", key, TIMES)


def test_only_the_present_trial_of_ones_own_can_be_answered(store, part):
    slug = publish(store)
    me, screen = begin(part, Ticket(slug))
    _other, others = begin(part, Ticket(slug))
    with store.database.reading() as connection:
        last = connection.scalar(select(func.max(trial.c.id)).where(trial.c.participant_id == 1))
    for wrong in (others.trial.id, last, 0, -1, 2**31 - 1, 2**70):
        with pytest.raises(StudyError, match="another window"):
            part.answer(me, wrong, "A", "key", TIMES)
    part.answer(me, screen.trial.id, "A", "mine", TIMES)
    with pytest.raises(StudyError, match="another window"):
        part.answer(_other, others.trial.id, "A", "mine", TIMES)
    assert count(store, answer) == 1


def test_no_trial_before_the_instructions(store, part):
    slug = publish(store)
    me = Ticket(slug, me=part.consent(Ticket(slug), True).me)
    assert part.instructed(me).kind == "background"
    with store.database.reading() as connection:
        first = connection.scalar(select(func.min(trial.c.id)))
    with pytest.raises(StudyError, match="another window"):
        part.answer(me, first, "A", "key", TIMES)
    assert part.serve(me).kind == "background"
    assert count(store, answer) == 0


def test_times_are_those_of_the_first_showing(store, part):
    me, screen = begin(part, Ticket(publish(store)))
    part.serve(me)
    with store.database.reading() as connection:
        served = connection.scalar(select(trial.c.served_at).where(trial.c.id == screen.trial.id))
    part.serve(me)
    part.answer(me, screen.trial.id, "A", "key", TIMES)
    with store.database.reading() as connection:
        (stored,) = connection.execute(select(answer)).all()
        following = connection.scalar(select(trial.c.served_at).where(trial.c.position == 1))
    assert served == stored.served_at <= stored.answered_at == following
    assert stored.answered_at.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - stored.answered_at) < timedelta(minutes=1)
    times = (stored.client_shown_at, stored.client_answered_at, stored.duration_ms)
    assert times == (1000.0, 2500.5, 1500)
    assert (stored.focus_losses, stored.hidden_ms) == (1, 20)


def test_times_that_cannot_be_are_left_out_or_bounded(store, part):
    me, screen = begin(part, Ticket(publish(store)))
    wrong = ClientTimes(float("nan"), float("inf"), 10**12, -5, 10**12)
    part.answer(me, screen.trial.id, "A", "key", wrong)
    with store.database.reading() as connection:
        (stored,) = connection.execute(select(answer)).all()
    assert (stored.client_shown_at, stored.client_answered_at) == (None, None)
    assert (stored.duration_ms, stored.focus_losses, stored.hidden_ms) == (MOST_MS, 0, MOST_MS)


def test_the_question_names_a_class_that_no_model_has(store, part):
    plan = small.design(trials=1, practice=0, catches=0)
    odd = replace(plan.pictures[0], true_class="<b>space</b> rocket")
    _, screen = begin(part, Ticket(publish(store, replace(plan, pictures=(odd,)))))
    assert screen.trial.question == (
        "Which image best highlights the <b>space</b> rocket in the original image?"
    )


def test_the_same_invitation_leads_to_the_same_participant(store, part):
    slug = publish(store)
    ((_, token),) = store.invite(slug, 1, ["Ann"])
    ticket = Ticket(slug, invite=token)
    agreed = part.consent(ticket, True)
    assert part.look(ticket).kind == "background"
    again = part.consent(ticket, True)
    assert (again.kind, again.me, again.withdrawal) == ("background", "", agreed.withdrawal)
    assert part.look(Ticket(slug, me=agreed.me)).kind == "background"
    assert count(store, participant) == 1
    (known,) = store.invitations(slug)
    assert (known.label, known.used) == ("Ann", True)


def test_the_same_platform_id_leads_to_the_same_participant(store, part):
    slug, other = publish(store), publish(store)
    ticket = Ticket(slug, platform="prolific", platform_id="5f", platform_study="s")
    part.consent(ticket, True)
    assert part.look(replace(ticket, platform_session="new")).kind == "background"
    assert part.look(replace(ticket, platform_id="6f")).kind == "consent"
    assert part.look(replace(ticket, platform="other")).kind == "consent"
    assert part.look(replace(ticket, slug=other)).kind == "consent"
    (known,) = store.platform_ids(slug)
    assert known["platform_id"] == "5f"
    assert known["participant"] == 1
    assert store.platform_ids(other) == []


def test_expired_and_guessed_tokens(store, part):
    slug, other = publish(store), publish(store)
    past = datetime.now(UTC) - timedelta(seconds=1)
    ((_, expired),) = store.invite(slug, 1, expires_at=past)
    ((_, token),) = store.invite(slug, 1)
    me, _ = begin(part, Ticket(slug))
    assert part.look(Ticket(slug, invite=expired)).kind == "expired"
    assert part.consent(Ticket(slug, invite=expired), True).kind == "expired"
    for guess in (
        Ticket("nowhere"),
        Ticket(""),
        Ticket(slug, me="x" * 22),
        Ticket(slug, invite="guess"),
        Ticket(slug, me="'; --"),
        Ticket(slug, me="\0"),
        Ticket(slug, platform_id="\ud800"),
        Ticket(slug, platform_id="x" * 10_000),
        Ticket("\0" + slug),
        Ticket("\ud800"),
        Ticket("x" * 10_000),
        # Those of one study are nothing in another.
        Ticket(other, me=me.me),
        Ticket(other, invite=token),
    ):
        assert part.look(guess).kind == "unknown"
        assert part.look(guess).design is None
        assert part.consent(guess, True).kind == "unknown"
        with pytest.raises(StudyError, match="leads to no study"):
            part.answer(guess, 1, "A", "key", TIMES)
        assert not part.withdraw_me(guess)
    assert count(store, participant) == 1


def test_an_invitation_that_was_used_does_not_expire(store, part):
    slug = publish(store)
    soon = datetime.now(UTC) + timedelta(hours=1)
    ((_, token),) = store.invite(slug, 1, expires_at=soon)
    part.consent(Ticket(slug, invite=token), True)
    with store.database.writing() as connection:
        past = datetime.now(UTC) - timedelta(days=1)
        connection.execute(update(invitation).values(expires_at=past))
    assert part.look(Ticket(slug, invite=token)).kind == "background"


def test_dates_open_and_close(store, part):
    def at(hours):
        return (datetime.now(UTC) + timedelta(hours=hours)).isoformat()

    for dates, kind in (
        ({"opens_at": at(1)}, "not_open"),
        ({"opens_at": at(-1)}, "consent"),
        ({"closes_at": at(-1)}, "closed"),
        ({"opens_at": at(-1), "closes_at": at(1)}, "consent"),
        ({"closes_at": "2001-01-01"}, "closed"),
    ):
        slug = publish(store, **dates)
        assert part.look(Ticket(slug)).kind == kind
        expected = "background" if kind == "consent" else kind
        assert part.consent(Ticket(slug), True).kind == expected
    assert part.look(Ticket(store.create("a draft"))).kind == "not_open"


def test_who_has_begun_may_finish_a_closed_study(store, part):
    slug = publish(store)
    me, screen = begin(part, Ticket(slug))
    store.close(slug)
    assert part.look(Ticket(slug)).kind == "closed"
    assert part.consent(Ticket(slug), True).kind == "closed"
    assert finish(part, me, screen).kind == "ended"
    store.reopen(slug)
    assert part.look(Ticket(slug)).kind == "consent"


def test_a_new_version_is_for_newcomers(store, part):
    slug = publish(store)
    me, screen = begin(part, Ticket(slug))
    publish(store, small.design(trials=1, title="Second"), slug)
    assert part.look(Ticket(slug)).design.title == "Second"
    assert part.look(me) == screen
    assert finish(part, me, screen).design.title == "What do you see?"
    first, second = store.versions(slug)
    assert first.closed_at is not None
    assert second.closed_at is None
    assert first.counts == {"completed": 1} or first.counts == {"failed": 1}


def test_the_target_fills_the_study(store, part):
    slug = publish(store, target=1, catches=0)
    waiting = begin(part, Ticket(slug))
    assert finish(part, *begin(part, Ticket(slug))).ending == "completed"
    assert part.look(Ticket(slug)).kind == "full"
    assert part.consent(Ticket(slug), True).kind == "full"
    assert finish(part, *waiting).ending == "completed"


def test_screening_out(store, part):
    slug = publish(store, background=small.EYES)
    me = Ticket(slug, me=part.consent(Ticket(slug), True).me)
    screen = part.background(me, {"eyes": "no"})
    assert (screen.kind, screen.ending, screen.code) == ("ended", "screened_out", "OUT")
    assert screen.url == "https://example.org/?cc=OUT"
    # It cannot be taken back, and there is no way round.
    assert part.background(me, {"eyes": "yes"}) == part.instructed(me) == part.serve(me) == screen


@pytest.mark.parametrize(
    ("age", "kind"), [("17", "ended"), ("17.0", "ended"), ("18", "instructions")]
)
def test_a_number_screens_out_however_it_is_written(store, part, age, kind):
    question = BackgroundQuestion("age", "How old?", "number", screens_out=("16", "17.00"))
    slug = publish(store, background=(question,))
    me = Ticket(slug, me=part.consent(Ticket(slug), True).me)
    assert part.background(me, {"age": age}).kind == kind


@pytest.mark.parametrize(
    ("most", "ending", "code"), [(1, "failed", "FAILED"), (2, "completed", "DONE")]
)
def test_failed_checks(store, part, most, ending, code):
    slug = publish(store, trials=4, catches=2, most_failed=most)
    end = finish(part, *begin(part, Ticket(slug)))
    assert (end.ending, end.code) == (ending, code)
    people = store.records(slug).participants
    assert people.checks_failed.tolist() == [2]
    assert people.checks.tolist() == [2]


def test_the_sentence_of_an_instructed_trial_is_right(store, part):
    slug = publish(store, trials=3, catches=0, instructed_trials=3, most_failed=0, conditions=3)
    words = {"“Can't distinguish”": "cannot_distinguish", "“They look the same”": "same"}

    def obey(shown):
        word = shown.instruction.removeprefix("For this one, please choose ").rstrip(".")
        return words.get(word, word) or "C"

    for _ in range(8):
        me, screen = begin(part, Ticket(slug))
        assert finish(part, me, screen, obey).ending == "completed"
    assert store.records(slug).participants.checks.tolist() == [3] * 8


def test_background_answers_are_checked(store, part):
    questions = (
        BackgroundQuestion("yes", "Yes?", "yes_no"),
        BackgroundQuestion("one", "Which?", "choice", ("x", "y"), required=False),
        BackgroundQuestion("age", "How old?", "number", required=False),
        BackgroundQuestion("free", "And?", "text", required=False),
    )
    slug = publish(store, background=questions)
    me = Ticket(slug, me=part.consent(Ticket(slug), True).me)
    for wrong in (
        {},
        {"yes": " "},
        {"yes": "perhaps"},
        {"yes": "yes", "one": "z"},
        {"yes": "yes", "age": "old"},
        {"yes": "yes", "age": "nan"},
        {"yes": "yes", "free": "x" * 5001},
        {"yes": "yes", "free": "nul\0"},
        {"yes": "yes", "free": "\ud800"},
        {"yes": "yes", "more": "x"},
    ):
        with pytest.raises(StudyError):
            part.background(me, wrong)
        assert part.look(me).kind == "background"
    part.background(me, {"yes": "no", "age": "41.5", "one": ""})
    part.background(me, {"yes": "yes"})
    table = store.records(slug).background
    assert dict(zip(table.question, table.value, strict=True)) == {"yes": "no", "age": "41.5"}


@pytest.mark.parametrize("text", INJECTIONS)
def test_text_comes_back_as_it_was(store, part, text):
    free = BackgroundQuestion("free", text, "text")
    slug = store.create("x")
    store.rename(slug, text)
    pictures = small.design().pictures
    chosen = replace(
        small.design(title=text, instructions=text, background=(free,), completion_code=text),
        question=text,
        consent=Consent(text, 2),
        pictures=tuple(replace(each, name=text, true_class=text) for each in pictures),
    )
    store.save_draft(slug, chosen)
    assert store.draft(slug) == chosen
    publish(store, chosen, slug)
    ((label, _),) = store.invite(slug, 1, [text])
    assert store.invitations(slug)[0].label == label == text
    ticket = Ticket(
        slug, platform=text, platform_id=text, platform_study=text, platform_session=text
    )
    shown = part.look(ticket)
    assert (shown.design.title, shown.design.consent.text) == (text, text)
    me, screen = begin(part, ticket, {"free": text})
    assert screen.trial.question == text.replace("{class}", text)
    part.answer(me, screen.trial.id, "A", text, TIMES)
    (platform,) = store.platform_ids(slug)
    assert platform["platform_id"] == platform["platform_session"] == text
    records = store.records(slug)
    assert records.background.value.tolist() == [text]
    assert records.design == chosen
    assert [each.name for each in store.studies()] == [text.strip()]
    with store.database.reading() as connection:
        assert connection.scalar(select(answer.c.idempotency_key)) == text


def test_without_background_and_practice_the_way_is_shorter(store, part):
    slug = publish(store, background=(), practice=0)
    agreed = part.consent(Ticket(slug), True)
    assert agreed.kind == "instructions"
    screen = part.instructed(Ticket(slug, me=agreed.me))
    assert not screen.trial.practice
    assert store.versions(slug)[0].counts == {"trials": 1}
    person = store.records(slug).participants.iloc[0]
    assert person.practised_at == person.instructed_at


def test_a_preview_is_apart(store, part):
    slug = publish(store, preview=True)
    assert part.look(Ticket(slug)).kind == "not_open"
    me, screen = begin(part, Ticket(slug, preview=True, platform_id="ignored"))
    assert screen.kind == "trial"
    assert store.studies()[0].participants == 0
    assert len(store.records(slug, preview=True).participants) == 1
    with pytest.raises(StudyError):
        store.records(slug)
    publish(store, small.design(title="Later"), slug, preview=True)
    assert part.look(me).kind == "unknown"
    assert part.look(Ticket(slug, preview=True)).design.title == "Later"
    store.close_all()
