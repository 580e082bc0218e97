"""Taking part in a study in a real Chromium, on a server for participants alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import (
    BrowserContext,
    ConsoleMessage,
    Page,
    Route,
    WebSocket,
    WebSocketRoute,
    expect,
)

from bots import Server
from tests.pages import little_study
from tests.pages.little_study import CODE, SECRETS
from xai_core.study.storage.store import Store, open_store

Visitor = Callable[[], BrowserContext]


class Participants(Server):
    """A server for participants alone, which can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.database = f"sqlite:///{folder / 'studies.sqlite'}"
        super().__init__({"XAI_DATABASE_URL": self.database, "XAI_SERVE": "participants"})

    def link(self, slug: str, **query: str) -> str:
        rest = "".join(f"&{name}={value}" for name, value in query.items())
        return f"{self.url}/take-part?study={slug}{rest}"


@pytest.fixture(scope="module")
def participants(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Participants]:
    with Participants(tmp_path_factory.mktemp("studies")) as made:
        yield made


@pytest.fixture(scope="module")
def store(participants: Participants) -> Iterator[Store]:
    made = open_store(participants.database)
    yield made
    made.close_all()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[tuple[Participants, Store]]:
    """A server that a test may kill, and its database."""
    with Participants(tmp_path) as server:
        store = open_store(server.database)
        yield server, store
        store.close_all()


@pytest.fixture
def complaints(page: Page) -> list[str]:
    """What the browser complained of, but for Streamlit, which looks for itself under each path."""
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error)))

    def listen(line: ConsoleMessage) -> None:
        if line.type == "error" and "/take-part/_stcore/" not in line.location["url"]:
            said.append(f"{line.text} {line.location['url']}")

    page.on("console", listen)
    return said


def begin(page: Page, address: str, first: str = "Practice") -> None:
    """From the link to the first trial."""
    page.goto(address)
    page.get_by_role("button", name="I agree and take part").click()
    page.get_by_role("radiogroup").get_by_text("Yes", exact=True).click()
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Begin").click()
    at(page, first)


def at(page: Page, place: str) -> None:
    """Wait until that trial can be answered."""
    expect(page.locator(".place")).to_have_text(place)
    expect(page.locator("input[name=choice]").first).to_be_enabled()


def choose(page: Page, name: str) -> None:
    page.get_by_role("radio", name=name).check()
    page.get_by_role("button", name="Next").click()


def answers(store: Store, slug: str) -> Any:
    return store.records(slug).answers


def test_the_whole_journey_by_mouse(
    page: Page, participants: Participants, store: Store, complaints: list[str]
) -> None:
    slug = little_study.publish(store, little_study.design())
    begin(page, participants.link(slug))
    assert "me=" in page.url
    expect(page.get_by_text("this one does not count")).to_be_visible()
    page.get_by_role("img", name="Heatmap B").click()
    page.get_by_role("img", name="Heatmap A").click()
    expect(page.get_by_role("radio", name="Heatmap B")).not_to_be_checked()
    page.get_by_role("button", name="Next").click()
    at(page, "Trial 1 of 3")
    expect(page.get_by_text("this one does not count")).to_be_hidden()
    expect(page.locator(".saved")).to_have_text("Saved.")
    page.get_by_role("button", name="Next").click()
    expect(page.locator(".status")).to_have_text("Choose one of the answers first.")
    choose(page, "They look the same")
    at(page, "Trial 2 of 3")
    choose(page, "Can't distinguish")
    at(page, "Trial 3 of 3")
    choose(page, "Heatmap B")
    expect(page.get_by_role("heading", name="Thank you!")).to_be_visible()
    expect(page.get_by_text(CODE)).to_be_visible()
    back = page.get_by_role("link", name="Finish")
    assert back.get_attribute("href") == little_study.FINISH.format(code=CODE)
    assert "noreferrer" in (back.get_attribute("rel") or "")
    stored = answers(store, slug).sort_values("position")
    assert list(stored.choice[1:3]) == ["same", "cannot_distinguish"]
    assert (stored.duration_ms > 0).all()
    assert complaints == []


def test_by_the_keyboard_alone_on_a_page_without_menu_and_toolbar(
    page: Page, participants: Participants, store: Store
) -> None:
    slug = little_study.publish(store, little_study.design(options=3))
    page.goto(participants.link(slug))
    expect(page.get_by_role("button", name="I agree and take part")).to_be_visible()
    for name in ("stHeader", "stToolbar", "stSidebar", "stMainMenu"):
        expect(page.get_by_test_id(name)).not_to_be_visible()
    assert page.get_by_role("link").all_inner_texts() == ["Skip to main content"]
    box = page.get_by_test_id("stMainBlockContainer").bounding_box()
    assert box is not None
    assert box["width"] <= 60 * 16
    tab_to(page, "I agree and take part")
    page.keyboard.press("Enter")
    expect(page.get_by_role("radio").first).to_be_visible()
    tab_to(page, "")  # the first radio, which is named by its label
    page.keyboard.press("Space")
    tab_to(page, "Continue")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Begin")).to_be_visible()
    expect(page.get_by_text("with the keys shown beside the answers")).to_be_visible()
    expect(page.get_by_text("Tap the answer")).to_be_hidden()
    tab_to(page, "Begin")
    page.keyboard.press("Enter")
    at(page, "Practice")
    expect(page.locator("kbd")).to_have_text(["1", "2", "3", "0", "=", "Enter"])
    expect(page.locator("kbd").last).to_be_visible()
    focused = page.evaluate(f"() => {ACTIVE}.className")
    assert focused == "question", "the focus moves to the question"
    page.keyboard.press("3")
    expect(page.get_by_role("radio", name="Heatmap C")).to_be_checked()
    page.keyboard.press("c")  # not Streamlit's own key
    page.keyboard.press("a")
    page.keyboard.press("Enter")
    at(page, "Trial 1 of 3")
    page.keyboard.press("=")
    page.keyboard.press("0")
    expect(page.get_by_role("radio", name="Can't distinguish")).to_be_checked()
    page.keyboard.press("Enter")
    at(page, "Trial 2 of 3")
    page.keyboard.press("Tab")  # into the group
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("radio", name="Heatmap B")).to_be_checked()
    outline = "() => getComputedStyle(%s.closest('label')).outlineStyle" % ACTIVE  # noqa: UP031
    assert page.evaluate(outline) == "solid", "the focus can be seen"
    page.keyboard.press("Tab")
    page.keyboard.press("Space")  # on "Next"
    at(page, "Trial 3 of 3")
    page.keyboard.press("=")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Thank you!")).to_be_visible()
    stored = answers(store, slug).sort_values("position")
    assert list(stored.choice[[1, 3]]) == ["cannot_distinguish", "same"]
    assert list(stored.shown_position[[0, 2]]) == [0, 1]


ACTIVE = "(document.activeElement.shadowRoot ?? document).activeElement"


def tab_to(page: Page, name: str) -> None:
    """Press Tab until the focus is on the control of that name; "" stands for a radio."""
    for _ in range(30):
        page.keyboard.press("Tab")
        here = page.evaluate(
            f"() => {{ const it = {ACTIVE}; return [it.type, it.innerText || '']; }}"
        )
        if here[0] == "radio" if not name else here[1].strip() == name:
            return
    pytest.fail(f"Tab does not reach {name or 'a radio'}.")


@pytest.mark.browser_context_args(
    viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True
)
def test_on_a_phone(page: Page, participants: Participants, store: Store) -> None:
    slug = little_study.publish(store, little_study.design(trials=1, options=4))
    page.goto(participants.link(slug))
    for name in ("I agree and take part", "Continue", "Begin"):
        button = page.get_by_role("button", name=name)
        expect(button).to_be_visible()
        fits(page)
        if name == "Continue":
            page.get_by_role("radiogroup").get_by_text("Yes", exact=True).tap()
        if name == "Begin":
            expect(page.get_by_text("Tap the answer")).to_be_visible()
            expect(page.get_by_text("with the keys shown")).to_be_hidden()
        button.tap()
    for place in ("Practice", "Trial 1 of 1"):
        at(page, place)
        fits(page)
        assert not any(key.is_visible() for key in page.locator("kbd").all()), "there are no keys"
        targets = page.locator(".option, .escape, .next").all()
        boxes = [target.bounding_box() for target in targets]
        assert len(boxes) == 7
        assert all(box and box["height"] >= 44 and box["width"] >= 44 for box in boxes)
        pictures = [image.bounding_box() for image in page.locator(".box").all()]
        assert len({(round(box["width"]), round(box["height"])) for box in pictures if box}) == 1
        page.get_by_role("img", name="Heatmap D").tap()
        page.get_by_role("button", name="Next").tap()
    expect(page.get_by_text(CODE)).to_be_visible()
    fits(page)


def fits(page: Page) -> None:
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 360
    inner = "[...document.querySelectorAll('[data-testid=stMain]')].map(e => e.scrollWidth)"
    assert max(page.evaluate(f"() => {inner}")) <= 360


def test_reload_and_another_device_lead_to_the_same_trial(
    page: Page, new_context: Visitor, participants: Participants, store: Store
) -> None:
    slug = little_study.publish(store, little_study.design(trials=5))
    begin(page, participants.link(slug))
    choose(page, "Heatmap A")
    at(page, "Trial 1 of 5")
    seen = pictures(page)
    page.reload()
    at(page, "Trial 1 of 5")
    assert pictures(page) == seen
    other = new_context().new_page()
    other.goto(page.url)
    at(other, "Trial 1 of 5")
    assert pictures(other) == seen
    choose(other, "Heatmap B")
    at(other, "Trial 2 of 5")
    choose(page, "Heatmap A")  # too late: the other device has answered this one
    at(page, "Trial 2 of 5")
    expect(page.locator(".notice")).to_contain_text("answered in another window")
    choose(page, "Heatmap A")
    at(page, "Trial 3 of 5")
    expect(page.locator(".notice")).to_be_hidden()
    assert list(answers(store, slug).sort_values("position").shown_position[1:]) == [1, 0]
    page.go_back()
    at(page, "Trial 3 of 5")


def test_the_withdrawal_code_is_there_after_a_reload_and_at_the_end(
    page: Page, participants: Participants, store: Store
) -> None:
    slug = little_study.publish(store, little_study.design(trials=1, practice=0))
    begin(page, participants.link(slug), "Trial 1 of 1")
    code = kept(page)
    page.reload()
    at(page, "Trial 1 of 1")
    assert kept(page) == code
    choose(page, "Heatmap A")
    for _ in range(2):
        expect(page.get_by_role("heading", name="Thank you!")).to_be_visible()
        expect(page.get_by_text(code, exact=True)).to_be_visible()
        page.reload()
    page.get_by_text("Thank you!").wait_for()
    page.goto(participants.link(slug))
    page.get_by_role("button", name="I took part before").click()
    page.get_by_label("Your withdrawal code").fill(code)
    page.get_by_role("button", name="Delete my data and leave").click()
    expect(page.get_by_text("has been deleted")).to_be_visible()
    assert store.records(slug).participants.empty


def kept(page: Page) -> str:
    """The code that a participant is to keep, which is folded up."""
    page.get_by_text("To keep: your personal address").click()
    code = page.get_by_test_id("stCode").last
    expect(code).to_be_visible()
    return code.inner_text().strip()


def pictures(page: Page) -> list[str]:
    return [str(image.get_attribute("src")) for image in page.locator(".box img").all()]


def test_a_double_click_is_one_answer(page: Page, participants: Participants, store: Store) -> None:
    slug = little_study.publish(store, little_study.design())
    begin(page, participants.link(slug))
    page.get_by_role("radio", name="Heatmap A").check()
    page.get_by_role("button", name="Next").dblclick()
    at(page, "Trial 1 of 3")
    page.get_by_role("radio", name="Heatmap A").check()
    page.evaluate("() => {}")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    at(page, "Trial 2 of 3")
    # The server hears messages in their order: a second answer would come before this one.
    choose(page, "Heatmap A")
    at(page, "Trial 3 of 3")
    expect(page.locator(".notice")).to_be_hidden()
    assert len(answers(store, slug)) == 3


def test_an_answer_outlives_the_server(page: Page, fresh: tuple[Participants, Store]) -> None:
    """Killed with an answer under way: it is said, kept, sent again, and stored once."""
    participants, store = fresh
    slug = little_study.publish(store, little_study.design())
    begin(page, participants.link(slug))
    participants.kill()
    choose(page, "Heatmap B")
    expect(page.locator(".status")).to_have_text("Saving…")
    expect(page.locator(".saved")).to_have_text("")
    expect(page.locator(".status")).to_contain_text("Not saved yet")
    for _ in range(3):  # Streamlit's dialog would come, and cover everything
        page.wait_for_event("requestfailed")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".status")).to_have_text("Saving…")
    assert answers(store, slug).empty
    participants.start()
    expect(page.locator(".place")).to_have_text("Trial 1 of 3")
    assert len(answers(store, slug)) == 1
    choose(page, "Heatmap A")
    at(page, "Trial 2 of 3")
    participants.kill()
    with page.expect_websocket():
        participants.start()
    choose(page, "Heatmap A")
    expect(page.locator(".place")).to_have_text("Trial 3 of 3")
    assert len(answers(store, slug)) == 3


def test_an_answer_outlives_a_reload(page: Page, participants: Participants, store: Store) -> None:
    """The message with the answer is lost, and the page is loaded anew."""
    slug = little_study.publish(store, little_study.design())
    lost: list[bool] = []

    def pass_on(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        socket.on_message(lambda message: None if lost else server.send(message))

    page.route_web_socket(re.compile("_stcore/stream"), pass_on)
    begin(page, participants.link(slug))
    lost.append(True)
    choose(page, "Heatmap B")
    expect(page.locator(".status")).to_contain_text("Not saved yet")
    assert answers(store, slug).empty
    lost.clear()
    page.reload()
    at(page, "Trial 1 of 3")
    assert list(answers(store, slug).shown_position) == [1]


def test_pictures_are_fetched_early_and_again_when_lost(
    new_context: Visitor, participants: Participants, store: Store
) -> None:
    page = new_context().new_page()
    slug = little_study.publish(store, little_study.design())
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    begin(page, participants.link(slug))
    page.wait_for_function(
        "() => performance.getEntriesByType('resource')"
        ".filter(entry => entry.name.includes('/stimuli/')).length >= 6"
    )
    early = {url for url in asked if "/stimuli/" in url}
    choose(page, "Heatmap A")
    at(page, "Trial 1 of 3")
    assert {f"{participants.url}/{path}" for path in pictures(page)} <= early
    lost: list[Route] = []
    page.route(re.compile("/stimuli/"), lambda route: (lost.append(route), route.abort()))
    page.reload()
    expect(page.locator(".lost").first).to_be_visible()
    expect(page.locator("input[name=choice]").first).to_be_disabled()
    page.unroute(re.compile("/stimuli/"))
    at(page, "Trial 1 of 3")
    expect(page.locator(".lost")).to_have_count(0)


def test_what_a_screen_reader_is_told(page: Page, participants: Participants, store: Store) -> None:
    slug = little_study.publish(store, little_study.design(practice=0))
    begin(page, participants.link(slug), first="Trial 1 of 3")
    expect(page.locator(".root")).to_match_aria_snapshot(
        """
        - paragraph: Trial 1 of 3
        - progressbar "Progress"
        - group "Which image best highlights the goldfish in the original image?":
          - heading "Which image best highlights the goldfish in the original image?" [level=2]
          - figure:
            - img "Original image"
          - radio "Heatmap A"
          - radio "Heatmap B"
          - radio "Can't distinguish"
          - radio "They look the same"
        - button "Next"
        - status: Trial 1 of 3.
        """
    )
    choose(page, "Heatmap A")
    at(page, "Trial 2 of 3")
    expect(page.get_by_role("status").filter(has_text="Saved. Trial 2 of 3.")).to_have_count(1)


def test_leaving_the_window_is_counted(
    page: Page, participants: Participants, store: Store
) -> None:
    slug = little_study.publish(store, little_study.design())
    begin(page, participants.link(slug))
    page.evaluate(
        """() => {
            for (const name of ["blur", "focus", "blur"]) window.dispatchEvent(new Event(name));
            const hide = (hidden) => {
                Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
                document.dispatchEvent(new Event("visibilitychange"));
            };
            hide(true);
            return new Promise((resume) => setTimeout(() => { hide(false); resume(); }, 400));
        }"""
    )
    choose(page, "Heatmap A")
    at(page, "Trial 1 of 3")
    choose(page, "Heatmap A")
    at(page, "Trial 2 of 3")
    stored = answers(store, slug).sort_values("position")
    assert list(stored.focus_losses) == [2, 0]
    assert 400 <= stored.hidden_ms.iloc[0] <= stored.duration_ms.iloc[0]
    assert stored.hidden_ms.iloc[1] == 0


def test_withdrawal_at_any_time(page: Page, participants: Participants, store: Store) -> None:
    slug = little_study.publish(store, little_study.design())
    begin(page, participants.link(slug))
    choose(page, "Heatmap A")
    at(page, "Trial 1 of 3")
    page.get_by_role("button", name="Withdraw from the study").click()
    page.get_by_role("button", name="Go on taking part").click()
    at(page, "Trial 1 of 3")
    page.get_by_role("button", name="Withdraw from the study").click()
    page.get_by_role("button", name="Delete my data and leave").click()
    expect(page.get_by_text("has been deleted")).to_be_visible()
    assert answers(store, slug).empty
    page.reload()
    expect(page.get_by_text("This address leads to no study")).to_be_visible()


def test_no_byte_tells_models_methods_conditions_or_files(
    page: Page, participants: Participants, store: Store
) -> None:
    slug = little_study.publish(store, little_study.design())
    sent: list[bytes] = []

    def listen(socket: WebSocket) -> None:
        for event in ("framereceived", "framesent"):
            socket.on(event, lambda frame: sent.append(raw(frame)))

    page.on("websocket", listen)
    found: list[Any] = []
    page.on("response", lambda response: found.append(response))
    begin(page, participants.link(slug))
    for place in ("Practice", "Trial 1 of 3", "Trial 2 of 3", "Trial 3 of 3"):
        at(page, place)
        choose(page, "Heatmap A")
    expect(page.get_by_text(CODE)).to_be_visible()
    for response in found:
        if "/static/" not in response.url and response.ok:
            sent.append(response.body() + str(response.headers).encode())
        sent.append(response.url.encode())
    everything = b"\n".join(sent)
    assert b"goldfish" in everything, "the frames can be read"
    assert everything.count(b"\x89PNG") >= 12
    for word in (*SECRETS, "cond-hush", "pic-hush"):
        assert word.encode() not in everything, word


def raw(frame: str | bytes) -> bytes:
    return frame if isinstance(frame, bytes) else frame.encode()
