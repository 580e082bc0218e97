"""Every page is open to those who hear it, see little or use no pointer: axe, and the Tab key.

axe-core judges a finished page in the light and in the dark theme. What it calls serious or
critical must not be there, in our own parts or in Streamlit's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.test_compare import GRID, wait_drawn
from tests.browser.test_take_part import at, choose
from tests.pages import little_study
from tests.pages.test_study_design import full, sample_png
from tests.study.synthetic import fill
from xai_core.study.storage.store import open_store

GRAVE = {"serious", "critical"}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
PEOPLE = 4
BODY = "[data-testid=stPopoverBody], [role=dialog]"
RESTING = """document.getAnimations().every((one) =>
    one.playState !== "running" || one.effect.getComputedTiming().iterations === Infinity
)"""
# Nothing is being computed, drawn anew or on its way from one colour to another, and everything
# that has a ground has that of the theme.
SETTLED = f"""([dark, body]) => {{
  const darkness = (element) => {{
    const colour = getComputedStyle(element).backgroundColor;
    const [red, green, blue, alpha = 1] = colour.match(/[\\d.]+/g);
    return Number(alpha) === 0 || (Number(red) + Number(green) + Number(blue) < 384) === dark;
  }};
  const grounds = ["[data-testid=stApp]", body, `:is(${{body}}) [data-testid=stExpander] details`];
  return !document.querySelector(
      "[data-testid=stStatusWidget], [data-testid=stSpinner], [data-stale=true]"
    ) && {RESTING} && [...document.querySelectorAll(grounds.join())].every(darkness);
}}"""


@dataclass(frozen=True)
class Places:
    """Addresses: of a server, and of the studies on it."""

    server: str
    draft: str
    answered: str
    open: str


@pytest.fixture(scope="module")
def places(server: str, folder: Path) -> Iterator[Places]:
    """A study that is being written, one with answers and one to take part in."""
    store = open_store(f"sqlite:///{folder / 'studies' / 'studies.sqlite'}")
    draft = store.create("Being written")
    store.save_draft(draft, full(store))
    answered = little_study.publish(store, little_study.design(trials=4))
    fill(store, answered, PEOPLE)
    begun = little_study.publish(store, little_study.design(trials=1))
    yield Places(server, draft, answered, begun)
    for slug in (draft, answered, begun):
        store.delete(slug)
    store.close_all()


def findings(page: Page) -> list[str]:
    """What is grave, in both themes: rule, element, and what is wrong.

    Of a page on which a popover or a dialog is open, that alone is looked at.
    """
    found = []
    within = BODY if page.locator(BODY).count() else None
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function(SETTLED, arg=[scheme == "dark", BODY])
        # Only colours differ in the dark.
        only = {} if scheme == "light" else {"runOnly": ["color-contrast"]}
        answer = Axe().run(page, within, {"resultTypes": ["violations"]} | only).response
        for rule in answer["violations"]:
            if rule["impact"] in GRAVE:
                found += [f"{scheme}: {rule['id']}: {told(node)}" for node in rule["nodes"]]
    return found


def told(node: dict[str, Any]) -> str:
    wrong = [check["message"] for kind in ("any", "all", "none") for check in node[kind]]
    return f"{node['html'][:200]} {' '.join(wrong)}"


def opened(page: Page, name: str) -> str:
    """A popover or dialog, by its button; its name."""
    page.get_by_role("button", name=name, exact=True).first.click()
    expect(page.locator(BODY).first).to_be_visible()
    return name


def closed(page: Page) -> None:
    page.keyboard.press("Escape")
    expect(page.locator(BODY)).to_have_count(0)


# Each page in its states; a state is named when it is there.


def compare(page: Page, places: Places) -> Iterator[str]:
    query = "samples=Cat&samples=Coffee&methods=smoothgrad,gradcam&param=smoothgrad.samples=2"
    page.goto(f"{places.server}/?{query}")
    wait_drawn(page, "drawn.ready === 4")
    expect(page.get_by_role("button", name="run.json")).to_be_enabled()
    yield "two pictures"
    for name in ("Session", "Methods", "Settings", "Display"):
        yield opened(page, name)
        closed(page)
    page.get_by_test_id("stFileUploaderDropzoneInput").first.set_input_files(
        {"name": "cat.png", "mimeType": "image/png", "buffer": sample_png("cat")}
    )
    wait_drawn(page, "drawn.ready === 2")
    expect(page.get_by_role("option", name="cat.png")).to_be_visible()
    for name in ("Unnamed session", "Delete"):
        yield opened(page, name)
        closed(page)


def dialogs(page: Page, places: Places) -> Iterator[str]:
    page.goto(f"{places.server}/?methods=edges")
    wait_drawn(page, "drawn.ready === 1")
    opened(page, "Data sets")
    expect(page.get_by_role("listbox", name="Pictures of the data set")).to_be_visible()
    yield "Data sets"
    closed(page)
    opened(page, "Find another model")
    expect(page.get_by_role("dialog").get_by_test_id("stDataFrame")).to_be_visible()
    yield "Find another model"


def sanity(page: Page, places: Places) -> Iterator[str]:
    page.goto(f"{places.server}/sanity?methods=saliency&seeds=1")
    expect(page.get_by_role("button", name="run.json")).to_be_enabled()
    yield "finished"


def reliability(page: Page, places: Places) -> Iterator[str]:
    query = "samples=Astronaut&methods=saliency,input_x_gradient&shuffles=1&eps_max=15"
    page.goto(f"{places.server}/reliability?{query}")
    expect(page.get_by_role("slider", name="Steps ε")).to_be_visible()
    expect(page.get_by_text("Everything is computed.")).to_be_visible()
    yield "one picture"
    page.get_by_text("Many pictures", exact=True).click()
    expect(page.get_by_role("button", name="run.json")).to_be_visible()
    yield "many pictures"


def class_sensitivity(page: Page, places: Places) -> Iterator[str]:
    query = "samples=Cat&samples=Coffee&methods=saliency,gradcam"
    classes = "classes=tabby&classes=espresso&classes=school+bus"
    page.goto(f"{places.server}/class-sensitivity?{query}&{classes}")
    expect(page.get_by_role("button", name="run.json")).to_be_enabled()
    expect(page.get_by_test_id("stPlotlyChart")).to_have_count(3)
    yield "two pictures put together, three classes"
    page.get_by_text("Many pictures", exact=True).click()
    expect(page.get_by_text("on average over pictures")).to_be_visible()
    expect(page.get_by_role("button", name="run.json")).to_be_enabled()
    yield "many pictures"


def localisation(page: Page, places: Places) -> Iterator[str]:
    page.goto(f"{places.server}/localisation?samples=Rocket&methods=saliency,gradcam")
    expect(page.get_by_role("button", name="All tables (ZIP)")).to_be_enabled()
    yield "one picture"
    yield opened(page, "Boxes from a file")
    closed(page)


def design(page: Page, places: Places) -> Iterator[str]:
    page.goto(f"{places.server}/study_design")
    expect(page.get_by_label("New study")).to_be_visible()
    yield "all studies"
    page.goto(f"{places.server}/study_design?design={places.draft}")
    for name, word in STEPS.items():
        page.get_by_test_id("stButtonGroup").first.get_by_text(name, exact=True).click()
        expect(page.get_by_test_id("stMain").get_by_text(word).first).to_be_visible()
        yield name


# What can be read in each step when it is there.
STEPS = {
    "Question": "Question of every trial",
    "Compared": "1. Name in your results",
    "Pictures": "2 pictures",
    "Look": "predicts",
    "Trials": "Checks of attention",
    "Participants": "Consent text",
    "Ending": "Code at the end",
    "Publish": "Nothing is missing",
}


def results(page: Page, places: Places) -> Iterator[str]:
    page.goto(f"{places.server}/study_results?results={places.answered}")
    for name, word in PARTS.items():
        page.get_by_test_id("stButtonGroup").first.get_by_text(name, exact=True).click()
        expect(page.get_by_text(word).first).to_be_visible()
        yield name


# What can be read in each part when it is there.
PARTS = {
    "Cases": "Pictures by case",
    "Pictures": "Agreement is the share of pairs",
    "Comparison": "Exact McNemar test",
    "Participants": "How far they got",
    "Background": "Each group alone",
    "Places": "Against equal shares",
    "Files": "Participants are numbers in these files",
}


def taking_part(page: Page, places: Places) -> Iterator[str]:
    page.goto(f"{places.server}/take-part?study={places.open}")
    for name in ("I agree and take part", "Continue", "Begin"):
        button = page.get_by_role("button", name=name)
        expect(button).to_be_visible()
        yield name
        if name == "Continue":
            page.get_by_role("radiogroup").get_by_text("Yes", exact=True).click()
        button.click()
    at(page, "Practice")
    yield "Practice"
    choose(page, "Heatmap A")
    at(page, "Trial 1 of 1")
    page.get_by_role("button", name="Withdraw from the study").click()
    expect(page.get_by_role("button", name="Go on taking part")).to_be_visible()
    yield "Withdraw"
    page.get_by_role("button", name="Go on taking part").click()
    at(page, "Trial 1 of 1")
    choose(page, "They look the same")
    expect(page.get_by_role("heading", name="Thank you!")).to_be_visible()
    yield "the end"


def sign_in(page: Page, places: Places) -> Iterator[str]:
    page.goto(f"{places.server}/sign-in")
    page.get_by_role("button", name="Sign in").click()
    yield "the form"


PAGES = (
    compare,
    dialogs,
    sanity,
    reliability,
    class_sensitivity,
    localisation,
    design,
    results,
    taking_part,
    sign_in,
)


# The name of what has the focus, through the shadow roots; and what had it before, if that looks
# the same now: it, what holds it, and what stands beside it and cannot have the focus.
STOP = """() => {
    const controls = "a[href], button, input, select, textarea, summary, [tabindex]";
    const inert = (one) => !one.matches(controls) && !one.querySelector(controls);
    const style = (one) => {
        const it = getComputedStyle(one);
        return [it.outline, it.boxShadow, it.borderColor, it.backgroundColor, it.color];
    };
    const look = (elements) => elements.map(style).join();
    let focused = document.activeElement;
    while (focused.shadowRoot?.activeElement) focused = focused.shadowRoot.activeElement;
    const around = [];
    for (let one = focused; one && around.length < 20; one = one.parentElement) {
        around.push(one, ...[...(one.parentElement?.children ?? [])].filter(inert));
        if (one.childElementCount > 3) break;
    }
    const table = focused.closest("[data-testid=stDataFrame]");
    if (table) around.push(table);
    const before = window.lastStop;
    // A table is a canvas, which draws the cell that has the focus.
    const within = table && table === before?.focused.closest("[data-testid=stDataFrame]");
    const compared = before && before.focused !== document.body && !within;
    const hidden = compared && look(before.around) === before.look;
    window.lastStop = { focused, around, look: look(around) };
    const named = focused.matches("a, button, summary");
    const name = focused.getAttribute("aria-label") || (named ? focused.innerText : "");
    return [name, hidden ? before.focused.outerHTML.slice(0, 200) : ""];
}"""
FAR = 60  # stops
NEAR = 20  # from a popover's button to somewhere in it


def tab_to(page: Page, name: str, stops: int = FAR) -> None:
    """Press Tab until the focus is on the control with that in its name; it is seen all the way."""
    for _ in range(stops):
        page.keyboard.press("Tab")
        page.wait_for_function(RESTING)
        there, hidden = page.evaluate(STOP)
        assert not hidden, f"That this has the focus cannot be seen: {hidden}"
        if name in there:
            return
    pytest.fail(f"Tab does not reach {name}.")


# Controls of a page in a state, in the order in which the Tab key comes to them.
REACHED: dict[tuple[Callable[[Page, Places], Iterator[str]], str], tuple[str, ...]] = {
    (sanity, "finished"): ("Model", "What is destroyed", "Seeds", "Saliency, Cat", "CSV"),
    (reliability, "one picture"): ("Methods", "Metric", "Map of", "Steps ε", "CSV"),
    (class_sensitivity, "many pictures"): ("Model", "Methods", "CSV"),
    (localisation, "one picture"): ("Boxes from a file", "New box", "Box 1", "CSV"),
    (design, "all studies"): ("New study", "Begin", "Open"),
    (design, "Publish"): ("Publish",),
    (results, "Files"): ("Codebook",),
    (taking_part, "I agree and take part"): ("I agree and take part",),
    (sign_in, "the form"): ("Sign in",),
}


@pytest.mark.parametrize("shown", PAGES, ids=lambda one: one.__name__)
def test_axe_finds_nothing_grave_and_tab_reaches_everything_with_a_focus_that_is_seen(
    page: Page, places: Places, shown: Callable[[Page, Places], Iterator[str]]
) -> None:
    found = []
    for state in shown(page, places):
        found += [f"{state}: {one}" for one in findings(page)]
        for name in REACHED.get((shown, state), ()):
            tab_to(page, name)
    assert not found, "\n".join(found)


def test_compare_by_the_keyboard_alone_with_a_focus_that_is_seen(
    page: Page, places: Places
) -> None:
    page.goto(f"{places.server}/?samples=Cat&methods=saliency")
    wait_drawn(page, "drawn.ready === 1")
    expect(page.get_by_role("button", name="run.json")).to_be_enabled()
    tab_to(page, "Cat, ")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    wait_drawn(page, "drawn.ready === 2")

    for control, word in (("Model", "permuted"), ("Class", "goldfish")):
        before = page.evaluate(f"() => JSON.parse({GRID}.dataset.drawn).maps")
        tab_to(page, control)
        page.keyboard.type(word)
        expect(page.get_by_role("option", name=re.compile(word))).to_have_count(1)
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        wait_drawn(page, f"drawn.ready === 2 && drawn.maps !== '{before}'")

    tab_to(page, "Methods")
    page.keyboard.press("Enter")
    tab_to(page, "Edges", NEAR)
    page.keyboard.press("Space")
    page.keyboard.press("Escape")
    wait_drawn(page, "drawn.ready === 4")

    tab_to(page, "Over the picture")
    page.keyboard.press("Space")
    expect(page.get_by_role("slider", name="Opacity")).to_be_enabled()
    tab_to(page, "Opacity")
    page.keyboard.press("ArrowRight")
    wait_drawn(page, "drawn.opacity === 0.65")

    tab_to(page, "Saliency, Cat")
    expect(page.locator(".readout")).to_contain_text("Saliency · Cat")
    page.keyboard.press("+")
    wait_drawn(page, "drawn.scale === 1.5")

    tab_to(page, "CSV")
    with page.expect_download() as caught:
        page.keyboard.press("Enter")
    assert caught.value.suggested_filename.endswith(".csv")
