"""The researcher's side: studies, versions, links, pictures, records."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from tests.study import small
from tests.study.small import TIMES, begin, count, finish, publish
from xai_core.errors import StudyError
from xai_core.study import (
    Prediction,
    Rendered,
    TakingPart,
    Ticket,
    open_store,
    shared_store,
)
from xai_core.study.storage.schema import asset, stimulus, trial
from xai_core.study.storage.tokens import new_token


def test_a_study_begins_as_a_draft(store):
    slug = store.create("  My study ")
    (found,) = store.studies()
    assert (found.slug, found.name, found.published, found.is_open) == (slug, "My study", 0, False)
    assert found.created_at.utcoffset() == timedelta(0)
    assert "study" not in slug
    assert store.versions(slug) == []
    chosen = small.design()
    store.save_draft(slug, chosen)
    assert store.draft(slug) == chosen
    store.rename(slug, "Other")
    assert store.studies()[0].name == "Other"


def test_a_draft_that_was_changed_meanwhile_stays(store):
    slug = store.create("x")
    empty, first, second = store.draft(slug), small.design(), small.design(catches=0)
    assert store.save_draft(slug, first, seen=empty)
    assert not store.save_draft(slug, second, seen=empty)
    assert store.draft(slug) == first
    assert store.save_draft(slug, second, seen=first)
    assert store.draft(slug) == second


def test_a_token_is_no_option_of_a_command_line():
    tokens = [new_token() for _ in range(2000)]
    assert len(set(tokens)) == 2000
    assert not [token for token in tokens if token.startswith("-")]
    assert all(len(token) == 23 for token in tokens)


def test_the_package_gives_what_it_promises():
    from xai_core.study import Study, case_table

    assert (Study.__name__, case_table.__name__) == ("Study", "case_table")
    with pytest.raises(ImportError):
        from xai_core.study import nothing  # noqa: F401


def test_studies_come_newest_first_with_their_numbers(store):
    first, second = publish(store), store.create("second")
    publish(store, small.design(catches=0), first)
    part = TakingPart(store)
    begin(part, Ticket(first))
    finish(part, *begin(part, Ticket(first)))
    store.close(first)
    found = store.studies()
    assert [each.slug for each in found] == [second, first]
    known = found[1]
    assert (known.published, known.is_open, known.participants, known.completed) == (2, False, 2, 1)


@pytest.mark.parametrize("name", ["", "  ", "x" * 201, "nul\0"])
def test_a_study_needs_a_name(store, name):
    with pytest.raises(StudyError, match="needs a name"):
        store.create(name)


def test_a_study_that_is_not_there(store):
    for step in (
        lambda: store.draft("no"),
        lambda: store.save_draft("no", small.design()),
        lambda: store.rename("no", "x"),
        lambda: store.delete_draft_study("no"),
        lambda: store.delete("no"),
        lambda: store.close("no"),
        lambda: store.invite("no", 1),
        lambda: store.records("no"),
        lambda: publish(store, slug="no"),
    ):
        with pytest.raises(StudyError, match="no such study"):
            step()
    assert store.versions("no") == store.invitations("no") == store.platform_ids("no") == []
    assert not store.withdraw_participant("no", 1, 1)


def test_only_a_draft_can_be_dropped(store):
    slug = store.create("x")
    publish(store, slug=slug, preview=True)
    store.delete_draft_study(slug)
    assert store.studies() == []
    slug = publish(store)
    with pytest.raises(StudyError, match="was published"):
        store.delete_draft_study(slug)
    with pytest.raises(StudyError, match="not published yet"):
        store.close(store.create("y"))


def test_publishing_counts_up_and_closes_the_version_before(store):
    slug = publish(store)
    publish(store, slug=slug)
    publish(store, slug=slug, preview=True)
    preview, first, second = store.versions(slug)
    assert [preview.number, first.number, second.number] == [0, 1, 2]
    assert first.closed_at is not None
    assert (second.closed_at, preview.closed_at) == (None, None)
    assert second.design == small.design()
    publish(store, slug=slug, preview=True)
    assert store.versions(slug)[0].id != preview.id
    assert count(store, stimulus) == 3 * 5 * 3


def test_publishing_refuses_what_is_not_ready(store):
    slug = store.create("x")
    with pytest.raises(StudyError, match="at least two models"):
        store.publish(slug, small.design(conditions=1), [], [])
    plan = small.design()
    lacking = [each for each in small.rendered(plan) if (each.image, each.model) != ("p2", "c2")]
    with pytest.raises(StudyError, match="1 pictures were not drawn, first of p2: its heatmap"):
        store.publish(slug, plan, lacking, [])
    assert store.versions(slug) == []


def test_what_belongs_to_no_picture_is_left_out(store):
    slug, plan = store.create("x"), small.design()
    extra = [Rendered("p99", None, b"x", "image/png"), *small.rendered(plan)]
    known = [Prediction("p1", "c1", "fish", 0.5, True), Prediction("p1", "c9", "fish", 0.5, True)]
    store.publish(slug, plan, iter(extra), iter([*known, known[0]]))
    assert len(store.records(slug).predictions) == 1


def test_pictures_have_names_that_tell_nothing(store):
    publish(store)
    with store.database.reading() as connection:
        names = connection.scalars(select(stimulus.c.name)).all()
    assert len(set(names)) == len(names) == 15
    assert all(len(name) == 23 for name in names)
    assert store.stimulus(names[0])[1] == "image/png"
    assert store.stimulus("p1") is store.stimulus("\0") is store.stimulus("") is None


def test_an_original_is_kept_once_and_goes_with_its_last_study(store):
    name = store.keep_asset(b"\x89PNG", "image/png")
    assert store.keep_asset(b"\x89PNG", "image/png") == name
    assert store.asset(name) == (b"\x89PNG", "image/png")
    with pytest.raises(StudyError, match="is missing"):
        store.asset("0" * 64)
    plan = small.design()
    used = plan.to_json()
    for picture in used["pictures"]:
        picture["asset"] = name
    slugs = [store.create("one"), store.create("two")]
    for slug in slugs:
        store.save_draft(slug, type(plan).from_json(used))
    store.delete(slugs[0])
    assert store.asset(name)
    store.delete_draft_study(slugs[1])
    assert count(store, asset) == 0


def test_invitations_show_their_secret_once(store):
    slug = publish(store)
    soon = datetime.now(UTC) + timedelta(days=1)
    made = store.invite(slug, 2, ["Ann", "Ben"], soon) + store.invite(slug, 1)
    assert [label for label, _ in made] == ["Ann", "Ben", ""]
    assert len({token for _, token in made}) == 3
    known = store.invitations(slug)
    assert [each.label for each in known] == ["Ann", "Ben", ""]
    assert [each.expires_at for each in known] == [soon, soon, None]
    assert not any(token in repr(known) for _, token in made)
    for number, labels in ((0, None), (10_001, None), (2, ["x"]), (1, ["x" * 201]), (1, ["\0"])):
        with pytest.raises(StudyError):
            store.invite(slug, number, labels)


def test_researchers_sessions_end(store):
    sessions = store.researcher_session
    token, short = sessions.start(1), sessions.start(0)
    assert sessions.is_valid(token)
    assert not any(sessions.is_valid(wrong) for wrong in (short, "", "guess", "\0", "\ud800"))
    sessions.end(token)
    sessions.end("guess")
    assert not sessions.is_valid(token)


def test_records_tell_all_but_who(store):
    plan = small.design(background=small.EYES, instructed_trials=1, most_failed=9)
    slug = publish(store, plan)
    part = TakingPart(store)
    ticket = Ticket(slug, platform="prolific", platform_id="secret-id")
    end = finish(part, *begin(part, ticket, {"eyes": "yes"}))
    assert end.ending == "completed"
    out = Ticket(slug, me=part.consent(Ticket(slug), True).me)
    part.background(out, {"eyes": "no"})
    part.consent(Ticket(slug), True)
    part.consent(Ticket(slug), False)
    records = store.records(slug)
    assert (records.version, records.declined, records.visits) == (1, 1, 0)
    people = records.participants
    assert people.participant.tolist() == [1, 2, 3]
    assert people.source.tolist() == ["platform", "shared", "shared"]
    assert people.ending.fillna("").tolist() == ["completed", "screened_out", ""]
    assert people.answered.tolist() == [3, 0, 0]
    assert people.checks.tolist() == [2, 0, 0]
    assert people.checks_failed.iloc[0] == (~records.answers.passed).sum()
    assert str(people.ended_at.dtype).endswith("UTC]")
    answers = records.answers
    assert answers.position.tolist() == list(range(6))
    assert set(answers.kind) == {"practice", "trial", "catch", "instructed"}
    assert (answers.true_class == "fish").all()
    assert (answers.shown_position == 0).all()
    for row in answers.itertuples():
        assert row.choice == row.arrangement.split()[0]
    assert answers.passed.isna().sum() == 4
    assert (answers.duration_ms == TIMES.duration_ms).all()
    assert records.background.value.tolist() == ["yes", "no"]
    assert len(records.predictions) == 10
    assert records.predictions.correct.dtype == bool
    assert "secret-id" not in repr(vars(records))
    for table in (people, records.background, answers, records.predictions):
        assert not {"id", "token_hash", "platform_id", "seed"} & set(table.columns)


def test_records_of_a_study_without_participants(store):
    slug = publish(store)
    publish(store, small.design(trials=1), slug)
    newest, first = store.records(slug), store.records(slug, 1)
    assert (newest.version, first.version) == (2, 1)
    full = publish(store)
    part = TakingPart(store)
    finish(part, *begin(part, Ticket(full)))
    for name in ("participants", "background", "answers", "predictions"):
        empty, filled = getattr(newest, name), getattr(store.records(full), name)
        assert list(empty.columns) == list(filled.columns)
        assert list(empty.dtypes) == list(filled.dtypes)
    with pytest.raises(StudyError, match="no such version"):
        store.records(slug, 3)


def test_escapes_have_no_position(store):
    slug = publish(store, catches=0)
    part = TakingPart(store)
    finish(part, *begin(part, Ticket(slug)), lambda shown: "cannot_distinguish")
    answers = store.records(slug).answers
    assert answers.shown_position.isna().all()
    assert set(answers.choice) == {"cannot_distinguish"}


def test_places_left_free_are_given_to_others(store):
    slug = publish(store, small.design(2, 3, catches=0, background=small.EYES))
    part = TakingPart(store)
    codes = []
    for number in range(9):
        agreed = part.consent(Ticket(slug), True)
        codes.append(agreed.withdrawal)
        eyes = "no" if number % 3 == 0 else "yes"
        part.background(Ticket(slug, me=agreed.me), {"eyes": eyes})
        if number == 4:
            part.withdraw(agreed.withdrawal)
    with store.database.reading() as connection:
        rows = connection.execute(select(trial.c.image, trial.c.slot, trial.c.participant_id)).all()
    # 1, 4 and 7 were screened out, 5 withdrew: the places of the other five are 0 to 4.
    stayed = sorted(slot for image, slot, who in rows if image == "p1" and who in (2, 3, 6, 8, 9))
    assert stayed == [0, 1, 2, 3, 4]


def test_the_shared_store_is_one(store_url, monkeypatch):
    monkeypatch.setenv("XAI_DATABASE_URL", store_url)
    one = shared_store()
    assert shared_store() is one
    one.create("x")
    again = open_store()
    assert [each.name for each in again.studies()] == ["x"]
    again.close_all()
    one.close_all()


def test_participants_pages_import_neither_torch_nor_pandas():
    code = (
        "import sys; from xai_core.study import TakingPart, shared_store; "
        "print([name for name in ('torch', 'pandas', 'streamlit', 'scipy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
