"""The participants' page without a browser: every screen and every bad input."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import pytest
from sqlalchemy import update
from starlette.requests import Request
from starlette.responses import Response
from streamlit import dataframe_util
from streamlit.testing.v1 import AppTest

from pages.components.study import stimuli
from pages.components.study.taking_part import ends, leaving, page, trials
from pages.components.study.taking_part import visit as visit_of
from tests.apart import apart
from tests.pages import little_study
from tests.pages.little_study import CODE, DEGREE, SECRETS
from tests.pages.opening import ROOT, address, press, words
from tests.pages.opening import page as page_at
from tests.pages.waiting import checked
from xai_core.errors import StudyUnavailableError
from xai_core.study.design import BackgroundQuestion, Consent
from xai_core.study.participation.taking_part import TakingPart
from xai_core.study.storage.schema import participant
from xai_core.study.storage.store import Store
from xai_core.study.storage.tokens import token_hash

KEY = "0123456789abcdef"
AWAY = "The database cannot be reached now. Nothing was lost."


@pytest.fixture
def slug(store: Store) -> str:
    return little_study.publish(store, little_study.design())


def visit(slug: str, **query: str) -> AppTest:
    return page_at("pages/take_part.py", {"study": slug, **query}).run()


def token(app: AppTest) -> str:
    """The participant's own, which the page has written into the address."""
    (found,) = address(app, "me")
    return found


def begun(slug: str, **query: str) -> AppTest:
    """At the first trial."""
    app = press(visit(slug, **query), "agree")
    app.radio(key="background:degree").set_value("yes")
    return press(app, "background_submit", "begin")


def shown(app: AppTest) -> dict[str, Any]:
    """What the browser is told of the present trial."""
    found: dict[str, Any] = json.loads(app.get("bidi_component")[0].proto.json)
    return found


def answer(app: AppTest, choice: str = "A", **changes: Any) -> AppTest:
    number = shown(app)["trial"]
    sent = {"trial": number, "choice": choice, "key": f"{KEY}-{number}", "attempt": 1}
    times = {"shown_at": 1.7e12, "answered_at": 1.7e12 + 900, "duration_ms": 900}
    sent |= times | {"focus_losses": 1, "hidden_ms": 20} | changes
    app.session_state["trial"] = {"answer": sent}
    return checked(app.run())


def answers(store: Store, slug: str) -> Any:
    return store.records(slug).answers


# ---------------------------------------------------------------- the journey


def test_from_the_consent_to_the_code(store: Store, slug: str) -> None:
    app = visit(slug)
    assert "You take part of your own free will." in words(app)
    press(app, "agree")
    assert app.query_params["me"]
    app.radio(key="background:degree").set_value("yes")
    press(app, "background_submit")
    assert "Look at the picture.\nThen choose." in words(app)
    press(app, "begin")
    first = shown(app)
    assert first["practice"]
    assert first["saved"] is None
    answer(app)
    for number in (1, 2, 3):
        data = shown(app)
        assert (data["practice"], data["number"], data["total"]) == (False, number, 3)
        assert data["saved"] is not None
        assert data["problem"] is None
        assert [letter for letter, _ in data["options"]] == ["A", "B"]
        assert data["question"] == "Which image best highlights the goldfish in the original image?"
        answer(app, ["A", "same", "cannot_distinguish"][number - 1])
    assert "Thank you!" in words(app)
    assert CODE in words(app)
    link = app.get("link_button")[0].proto
    assert link.url == little_study.FINISH.format(code=CODE)
    stored = answers(store, slug)
    counted = stored[stored.kind == "trial"]
    assert set(counted.choice) >= {"same", "cannot_distinguish"}
    assert len(counted) == 3
    assert set(stored.duration_ms) == {900}
    assert set(stored.focus_losses) == {1}
    assert set(stored.hidden_ms) == {20}


def test_through_the_application(slug: str) -> None:
    app = press(page_at("app.py", {"study": slug}).run(), "agree")
    assert [radio.key for radio in app.radio] == ["background:degree"]
    assert not app.sidebar.children


def test_the_personal_address_goes_on_at_the_same_trial_in_the_same_order(store: Store) -> None:
    slug = little_study.publish(store, little_study.design(trials=5))
    app = answer(answer(begun(slug)), "B")
    data = shown(app)
    other = visit(slug, me=token(app))
    again = shown(other)
    same = ("trial", "number", "question", "original", "options", "next")
    assert {name: again[name] for name in same} == {name: data[name] for name in same}
    assert again["saved"] is None, "this browser has sent nothing"


def test_an_answer_given_in_another_tab_stays_and_this_one_goes_on(store: Store, slug: str) -> None:
    one = answer(begun(slug))
    two = visit(slug, me=token(one))
    number = shown(one)["trial"]
    answer(one, "A")
    answer(two, "B", key="f" * 16)
    assert shown(two)["trial"] == shown(one)["trial"] != number
    assert shown(two)["saved"] == "f" * 16
    assert shown(two)["notice"] == trials.ELSEWHERE
    assert len(answers(store, slug)) == 2
    answer(two, "B")
    assert shown(two)["notice"] == ""


def withdrawal_codes(app: AppTest) -> list[str]:
    """What the page shows that could be a withdrawal code."""
    return [str(one.value) for one in app.code if len(str(one.value)) == 23]


def test_the_code_and_the_address_are_shown_on_every_screen_and_after_a_reload(slug: str) -> None:
    app = press(visit(slug), "agree")
    assert app.expander[0].label.startswith("To keep")
    address, code = [element.value for element in app.code]
    me = token(app)
    assert address.endswith(f"?study={slug}&me={me}")
    assert withdrawal_codes(visit(slug, me=me)) == [code]
    app.radio(key="background:degree").set_value("yes")
    for key in ("background_submit", "begin"):
        press(app, key)
        assert withdrawal_codes(app) == withdrawal_codes(visit(slug, me=me)) == [code]
    while app.get("bidi_component"):
        assert withdrawal_codes(app) == withdrawal_codes(visit(slug, me=me)) == [code]
        answer(app)
    assert "Thank you!" in words(app)
    assert withdrawal_codes(app) == withdrawal_codes(visit(slug, me=me)) == [code]


def test_the_code_that_was_shown_again_deletes_everything(store: Store, slug: str) -> None:
    me = token(begun(slug))
    (code,) = withdrawal_codes(visit(slug, me=me))
    other = token(begun(slug))
    app = press(visit(slug), "withdraw")
    app.text_input(key="withdraw_code").set_value(code).run()
    press(app, "withdraw_confirm")
    assert ends.QUIET["unknown"][0] in words(visit(slug, me=me))
    assert withdrawal_codes(visit(slug, me=other)), "somebody else's stay"


@pytest.mark.parametrize("way", ["invitation", "platform"])
def test_by_every_link_the_code_is_found_again(store: Store, slug: str, way: str) -> None:
    if way == "invitation":
        [(_, own)] = store.invite(slug, 1)
        query = {"invite": own}
    else:
        query = {"PROLIFIC_PID": "5f0c", "STUDY_ID": "77", "SESSION_ID": "88"}
    codes = withdrawal_codes(begun(slug, **query))
    assert len(codes) == 1
    assert withdrawal_codes(visit(slug, **query)) == codes


def test_a_code_of_an_earlier_version_of_the_program_is_not_guessed(
    store: Store, slug: str
) -> None:
    me = token(begun(slug))
    with store.database.writing() as connection:
        connection.execute(update(participant).values(withdrawal_hash=token_hash("a random one")))
    app = visit(slug, me=me)
    assert shown(app)["number"] == 1
    assert not app.code


def test_the_instructions_say_what_the_two_other_answers_mean(slug: str) -> None:
    app = press(visit(slug), "agree")
    app.radio(key="background:degree").set_value("yes")
    said = words(press(app, "background_submit"))
    assert "**Can't distinguish**: You see that the coloured versions differ, but" in said
    assert "**They look the same**: You see no difference" in said


def test_a_personal_invitation_resumes_and_stays_in_the_address(store: Store, slug: str) -> None:
    [(_, token)] = store.invite(slug, 1)
    app = begun(slug, invite=token)
    assert "me" not in app.query_params
    assert shown(visit(slug, invite=token))["trial"] == shown(app)["trial"]


def test_prolific_comes_back_by_its_id_and_goes_back_by_its_link(store: Store) -> None:
    made = little_study.design(trials=1, practice=0)
    slug = little_study.publish(store, made)
    ids = {"PROLIFIC_PID": "5f0c", "STUDY_ID": "77", "SESSION_ID": "88"}
    app = begun(slug, **ids)
    assert "me" not in app.query_params
    answer(app)
    assert app.get("link_button")[0].proto.label == "Back to Prolific"
    assert "Thank you!" in words(visit(slug, **ids | {"SESSION_ID": "99"}))
    assert store.platform_ids(slug)[0]["platform_id"] == "5f0c"


def test_visitors_are_counted_once(store: Store, slug: str) -> None:
    app = visit(slug)
    app.run()
    press(app, "agree")
    visit(slug)
    assert store.versions(slug)[-1].visits == 2


# ---------------------------------------------------------------- other ends


def test_declining_stores_nothing_and_can_be_taken_back(store: Store, slug: str) -> None:
    app = press(visit(slug), "decline")
    assert "Nothing about you has been stored." in words(app)
    assert store.versions(slug)[-1].declined == 1
    assert store.records(slug).participants.empty
    press(app, "reconsider", "agree")
    assert app.radio(key="background:degree")


def test_a_screening_answer_ends_it(store: Store) -> None:
    question = BackgroundQuestion("degree", DEGREE.text, "yes_no", screens_out=("no",))
    made = little_study.design(background=(question,), screen_out_code="OUT-1")
    app = press(visit(little_study.publish(store, made)), "agree")
    app.radio(key="background:degree").set_value("no")
    press(app, "background_submit")
    assert ends.ENDED["screened_out"][0] in words(app)
    assert "OUT-1" in words(app)


def test_an_unanswered_question_is_asked_for(slug: str) -> None:
    app = press(visit(slug), "agree")
    press(app, "background_submit")
    assert app.error
    assert app.radio(key="background:degree")


def test_every_kind_of_question_is_stored_as_it_was_answered(store: Store) -> None:
    asked = (
        BackgroundQuestion("few", "Which?", "choice", ("*red*", "blue")),
        BackgroundQuestion("many", "Which of many?", "choice", tuple("abcdefgh")),
        BackgroundQuestion("age", "How old?", "number"),
        BackgroundQuestion("share", "How much?", "number"),
        BackgroundQuestion("words", "What else?", "text"),
        BackgroundQuestion("none", "Anything?", "text", required=False),
    )
    slug = little_study.publish(store, little_study.design(background=asked))
    app = press(visit(slug), "agree")
    app.radio(key="background:few").set_value("*red*")
    app.selectbox(key="background:many").set_value("g")
    app.number_input(key="background:age").set_value(41)
    app.number_input(key="background:share").set_value(0.25)
    app.text_area(key="background:words").set_value(" =1+1 <b>x</b> ")
    press(app, "background_submit")
    assert app.button(key="begin")
    table = store.records(slug).background
    assert dict(zip(table.question, table.value, strict=True)) == {
        "few": "*red*", "many": "g", "age": "41", "share": "0.25", "words": "=1+1 <b>x</b>"
    }  # fmt: skip


def test_failed_checks_end_it(store: Store) -> None:
    made = little_study.design(
        trials=2, practice=0, instructed_trials=1, most_failed=0, failed_code="BAD-1"
    )
    app = begun(little_study.publish(store, made))
    seen = 0
    while app.get("bidi_component"):
        told = shown(app)["instruction"]
        seen += bool(told)
        wrong = "same" if "look the same" not in told else "cannot_distinguish"
        answer(app, wrong)
    assert seen == 1
    assert ends.ENDED["failed"][0] in words(app)
    assert "BAD-1" in words(app)


@pytest.mark.parametrize("kind", ["not_open", "closed", "full", "expired"])
def test_newcomers_are_turned_away_quietly(store: Store, kind: str) -> None:
    now = datetime.now(UTC)
    changes: dict[str, Any] = {
        "not_open": {"opens_at": (now + timedelta(days=1)).isoformat()},
        "full": {"target": 1},
    }.get(kind, {})
    slug = little_study.publish(store, little_study.design(trials=1, practice=0, **changes))
    query = {}
    if kind == "closed":
        store.close(slug)
    elif kind == "full":
        answer(begun(slug))
    elif kind == "expired":
        query = {"invite": store.invite(slug, 1, expires_at=now - timedelta(hours=1))[0][1]}
    app = visit(slug, **query)
    assert ends.QUIET[kind][0] in words(app)
    assert not app.button


def test_who_has_begun_may_finish_a_closed_study(store: Store) -> None:
    slug = little_study.publish(store, little_study.design(trials=1, practice=0))
    app = begun(slug)
    store.close(slug)
    answer(app)
    assert CODE in words(app)


@pytest.mark.parametrize(
    "query",
    [
        {"study": "no-such-study"},
        {"study": ""},
        {"study": "x" * 5000},
        {"study": "a\x00b"},
        {"study": "<script>alert(1)</script>"},
        {"study": "' OR 1=1 --"},
        {"me": "guessed-token-guessed-token"},
        {"me": "\ud800".encode("utf-8", "replace").decode() + "\x00"},
        {"invite": "guessed"},
        {"invite": "y" * 300},
        {"PROLIFIC_PID": "z" * 300},
        {"me": "../../etc/passwd"},
    ],
)
def test_an_address_that_leads_nowhere(store: Store, slug: str, query: dict[str, str]) -> None:
    app = visit(**{"slug": slug, **query} if "study" not in query else {"slug": query["study"]})
    assert not app.exception
    assert ends.QUIET["unknown"][0] in words(app)
    assert store.records(slug).participants.empty


def test_a_preview_is_for_researchers(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    slug = little_study.publish(store, little_study.design(), preview=True)
    monkeypatch.setattr(page, "is_researcher", lambda: True)
    app = begun(slug, preview="1")
    assert "Preview" in words(app)
    assert shown(visit(slug, preview="1", me=token(app)))["trial"] == shown(app)["trial"]
    assert len(store.records(slug, preview=True).participants) == 1
    monkeypatch.setattr(page, "is_researcher", lambda: False)
    stranger = visit(slug, preview="1")
    assert ends.QUIET["researchers"][0] in words(stranger)
    assert not stranger.button


# ---------------------------------------------------------------- withdrawal


def test_withdrawal_deletes_everything_at_once(store: Store, slug: str) -> None:
    app = answer(begun(slug))
    press(app, "withdraw")
    assert not app.get("bidi_component")
    press(app, "withdraw_cancel")
    assert shown(app)["number"] == 1
    press(app, "withdraw", "withdraw_confirm")
    assert "has been deleted" in words(app)
    assert store.records(slug).participants.empty
    assert answers(store, slug).empty
    assert ends.QUIET["unknown"][0] in words(visit(slug, me=token(app)))


def test_withdrawal_by_the_code_alone(store: Store, slug: str) -> None:
    code = press(visit(slug), "agree").code[1].value
    app = press(visit(slug), "withdraw")
    app.text_input(key="withdraw_code").set_value("guessed <b>").run()
    press(app, "withdraw_confirm")
    assert app.error[0].value == visit_of.plain(leaving.WRONG)
    assert len(store.records(slug).participants) == 1
    app.text_input(key="withdraw_code").set_value(f" {code} ").run()
    press(app, "withdraw_confirm")
    assert "has been deleted" in words(app)
    assert store.records(slug).participants.empty


# ---------------------------------------------------------------- answers from outside


@pytest.mark.parametrize(
    "changes",
    [
        {"trial": "1"},
        {"trial": True},
        {"trial": -1},
        {"trial": 10**400},
        {"trial": 2**31 - 1},
        {"trial": None},
        {"choice": "C"},
        {"choice": "cond-hush0"},
        {"choice": ""},
        {"choice": ["A"]},
        {"key": "short"},
        {"key": "x" * 65},
        {"key": "' OR 1=1 -- aaaaaaa"},
        {"key": 5},
    ],
)
def test_what_is_no_answer_is_refused_for_good(
    store: Store, slug: str, changes: dict[str, Any]
) -> None:
    app = begun(slug)
    before = shown(app)["trial"]
    answer(app, **changes)
    data = shown(app)
    assert data["trial"] == before
    assert data["saved"] is None
    assert data["problem"]["final"]
    assert data["problem"]["text"].endswith(".")
    assert answers(store, slug).empty
    answer(app, key="e" * 16)
    assert shown(app)["saved"] == "e" * 16


@pytest.mark.parametrize("sent", ["A", ["A"], 3, {"answer": 1}, {"answer": {}}])
def test_a_state_that_is_no_answer_at_all_harms_nothing(slug: str, sent: Any) -> None:
    app = begun(slug)
    app.session_state["trial"] = sent
    app.run()
    assert not app.exception
    assert shown(app)["saved"] is None


@pytest.mark.parametrize("value", [None, -5, 10**400, float("nan"), float("inf"), "5", [1], True])
def test_odd_times_do_not_lose_the_answer(store: Store, slug: str, value: Any) -> None:
    names = ("shown_at", "answered_at", "duration_ms", "focus_losses", "hidden_ms")
    app = answer(begun(slug), **dict.fromkeys(names, value))
    assert shown(app)["saved"]
    assert len(answers(store, slug)) == 1


def test_somebody_elses_trial_is_refused(store: Store, slug: str) -> None:
    other = shown(begun(slug))["trial"]
    app = answer(begun(slug), trial=other)
    assert shown(app)["problem"]["final"]
    assert answers(store, slug).empty


def test_a_later_trial_cannot_be_answered_first(store: Store, slug: str) -> None:
    app = begun(slug)
    answer(app, trial=shown(app)["trial"] + 1)
    assert shown(app)["problem"]["final"]
    assert answers(store, slug).empty


def test_the_same_answer_sent_again_is_stored_once(store: Store, slug: str) -> None:
    app = begun(slug)
    number = shown(app)["trial"]
    answer(app, "A", key="d" * 16)
    answer(app, "A", trial=number, key="d" * 16, attempt=2)
    assert shown(app)["saved"] == "d" * 16
    assert shown(app)["notice"] == ""
    assert len(answers(store, slug)) == 1


# ---------------------------------------------------------------- the database away


def gone(*_: Any) -> Any:
    raise StudyUnavailableError(AWAY)


def test_a_database_that_is_away_is_said_and_tried_again(
    slug: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(TakingPart, "serve", gone)
        app = visit(slug)
        assert AWAY.split(".")[0] in words(app)
        first = shown(app)
        press(app, "retry")
        assert shown(app) != first, "the browser tries again by itself only if the data differ"
    press(app, "retry")
    assert app.button(key="agree")


def test_an_answer_waits_for_the_database_and_is_then_saved(
    store: Store, slug: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = begun(slug)
    number = shown(app)["trial"]
    with monkeypatch.context() as patch:
        for name in ("answer", "serve", "look"):
            patch.setattr(TakingPart, name, gone)
        answer(app, key="c" * 16)
        data = shown(app)
        assert data["problem"] == {"key": "c" * 16, "attempt": 1, "text": AWAY, "final": False}
        assert (data["trial"], data["saved"]) == (number, None)
    answer(app, key="c" * 16, attempt=2)
    assert shown(app)["saved"] == "c" * 16
    assert len(answers(store, slug)) == 1


def test_consent_while_the_database_is_away_can_be_given_again(
    slug: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = visit(slug)
    with monkeypatch.context() as patch:
        patch.setattr(TakingPart, "consent", gone)
        patch.setattr(TakingPart, "serve", gone)
        press(app, "agree")
        assert AWAY.split(".")[0] in app.error[0].value.replace("\\", "")
    press(app, "agree")
    assert app.radio(key="background:degree")


# ---------------------------------------------------------------- what is sent


def test_text_from_outside_is_text(store: Store) -> None:
    evil = "<script>alert(1)</script> **bold** [a](javascript:alert(1)) $x$ :red[x] =1+1"
    question = BackgroundQuestion("degree", evil, "choice", (evil, "blue"))
    made = little_study.design(
        title=evil, instructions=evil, question=evil, consent=Consent(evil), background=(question,)
    )
    app = visit(little_study.publish(store, made))
    assert app.header[0].value == visit_of.plain(evil)
    assert app.text[0].value == evil
    press(app, "agree")
    assert app.radio[0].label == (
        r"\<script>alert(1)\</script> \*\*bold\*\* \[a\](javascript\:alert(1)) "
        r"\$x\$ \:red\[x\] =1+1"
    )
    app.radio[0].set_value(evil)
    press(app, "background_submit")
    assert app.text[0].value == evil
    press(app, "begin")
    assert shown(app)["question"] == evil, "set as text by the browser"


def test_nothing_of_models_methods_and_files_is_sent(slug: str) -> None:
    app = visit(slug)
    sent = [everything(app)]
    press(app, "agree")
    sent.append(everything(app))
    app.radio(key="background:degree").set_value("yes")
    for key in ("background_submit", "begin"):
        press(app, key)
        sent.append(everything(app))
    while app.get("bidi_component"):
        answer(app)
        sent.append(everything(app))
    for word in (*SECRETS, "cond-hush", "pic-hush"):
        assert not [each for each in sent if word in each], word


# ---------------------------------------------------------------- the pictures


def fetched(name: str) -> Response:
    request = Request({"type": "http", "path_params": {"name": name}, "headers": []})
    return apart(anyio.run, stimuli.serve, request)


def test_a_picture_is_kept_by_browsers_and_read_once(
    store: Store, slug: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = begun(slug)
    name = shown(app)["original"].rpartition("/")[2]
    first = fetched(name)
    assert (first.status_code, first.media_type) == (200, "image/png")
    assert "immutable" in first.headers["cache-control"]
    monkeypatch.setattr(Store, "stimulus", gone)
    assert fetched(name).body == first.body
    away = fetched("another-name")
    assert (away.status_code, away.headers["cache-control"]) == (503, "no-store")


@pytest.mark.parametrize("name", ["guessed-name", "a", "..", "x" * 500, "a\x00bcdefgh", "ä" * 9])
def test_a_picture_that_is_not_there(store: Store, name: str) -> None:
    assert fetched(name).status_code == 404


def test_what_was_longest_unused_leaves_first(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[str] = []

    def read(_: Store, name: str) -> tuple[bytes, str]:
        reads.append(name)
        return b"8 bytes!", "image/png"

    monkeypatch.setattr(Store, "stimulus", read)
    held = type(stimuli._held)(20, getsizeof=stimuli._held.getsizeof)
    monkeypatch.setattr(stimuli, "_held", held)
    names = [f"picture-{letter}" for letter in "abacab"]
    for name in names:
        fetched(name)
    assert [name[-1] for name in reads] == list("abcb")


def everything(app: AppTest) -> str:
    """All that the page told the browser, as text."""
    return "\n".join(str(element.proto) for element in app.main if hasattr(element, "proto"))


def test_a_trial_asks_nothing_of_pandas(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its import alone takes a second, and lists in a component's data would bring it about."""
    app = begun(little_study.publish(store, little_study.design(options=3)))
    asked: list[object] = []
    real = dataframe_util.determine_data_format
    monkeypatch.setattr(
        dataframe_util, "determine_data_format", lambda data: (asked.append(data), real(data))[1]
    )
    for _ in range(3):
        answer(app)
    assert asked == []


def test_the_page_needs_nothing_heavy() -> None:
    code = (
        "import sys, pages.components.study.taking_part.page, pages.components.study.stimuli;"
        "print([name for name in ('torch', 'captum', 'distributed') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
