// Small pictures to choose from. Python says which are chosen; a click is shown at once and told.
//
// One of the pictures can be reached by the Tab key, the others from it by the arrow keys.

import { mounted, newKey } from "./mounted.js";
import { takeFiles } from "./files.js";
import { followTab } from "./popovers.js";

const SEARCHED = 24; // pictures, from which on there is a field to find one

export default mounted(create, update);

function create(parent) {
  const root = parent.querySelector(".root");
  const state = {
    root,
    items: root.querySelector(".items"),
    search: root.querySelector(".search"),
    count: root.querySelector(".count"),
    none: root.querySelector(".none"),
    views: new Map(), // id -> element
    order: [],
    by: newKey(),
    number: 0,
    told: [], // changes of which it is not known that Python has taken them
    last: null, // the picture that was clicked last, where a range begins
  };
  state.none.onclick = () => choose(state, state.order.filter(isChosen).map(idOf), false);
  state.search.oninput = () => find(state);
  state.items.onclick = (event) => {
    const item = event.target.closest(".item");
    if (item) press(state, item, event.shiftKey);
  };
  state.items.onkeydown = (event) => onKey(state, event);
  takeFiles();
  followTab();
  return state;
}

function update(state, data) {
  state.root.classList.toggle("large", data.large);
  state.items.setAttribute("aria-label", data.label);
  const ids = new Set(data.items.map((item) => item.id));
  for (const [id, element] of state.views) {
    if (ids.has(id)) continue;
    element.remove();
    state.views.delete(id);
  }
  state.order = data.items.map((item, place) => {
    let element = state.views.get(item.id);
    if (!element) {
      element = createItem(item.id);
      state.views.set(item.id, element);
    }
    fill(element, item);
    const there = state.items.children[place];
    if (there !== element) state.items.insertBefore(element, there || null);
    return element;
  });
  const applied = data.applied[state.by] || 0;
  state.told = state.told.filter((change) => change.number > applied);
  for (const { ids, chosen } of state.told) mark(state, ids, chosen);
  if (state.told.length) tell(state);
  state.search.hidden = state.order.length < SEARCHED;
  if (state.search.hidden) state.search.value = "";
  find(state);
  if (!state.order.some((item) => item.tabIndex === 0) && state.order[0]) state.order[0].tabIndex = 0;
  sayCount(state);
}

function createItem(id) {
  const element = document.createElement("li");
  element.className = "item";
  element.dataset.id = id;
  element.setAttribute("role", "option");
  element.tabIndex = -1;
  const frame = document.createElement("span");
  frame.className = "frame";
  element.append(frame, ...["title", "said", "note"].map(line));
  return element;
}

function line(name) {
  const element = document.createElement("span");
  element.className = `line ${name}`;
  return element;
}

function fill(element, item) {
  for (const name of ["title", "said", "note"]) {
    element.querySelector(`.${name}`).textContent = item[name];
  }
  const words = [item.title, item.said, item.note].filter(Boolean);
  element.title = words.join("\n");
  element.setAttribute("aria-label", words.join(", "));
  element.setAttribute("aria-selected", String(item.chosen));
  const frame = element.querySelector(".frame");
  let image = frame.firstElementChild;
  if (!item.thumbnail) image?.remove();
  else if (!image) {
    image = document.createElement("img");
    image.loading = "lazy";
    image.alt = "";
    image.draggable = false;
    frame.append(image);
  }
  if (item.thumbnail && image.dataset.of !== item.thumbnail) {
    image.dataset.of = item.thumbnail;
    image.src = new URL(item.thumbnail, document.baseURI);
  }
}

function press(state, item, range) {
  const wanted = !isChosen(item);
  let items = [item];
  if (range && state.last && state.views.has(idOf(state.last))) {
    const [from, to] = [state.last, item].map((one) => state.order.indexOf(one)).sort((a, b) => a - b);
    items = state.order.slice(from, to + 1).filter((one) => !one.hidden);
  }
  state.last = item;
  focus(state, item);
  choose(state, items.map(idOf), range || wanted);
}

function choose(state, ids, chosen) {
  if (!ids.length) return;
  mark(state, ids, chosen);
  state.number += 1;
  state.told.push({ number: state.number, ids, chosen });
  sayCount(state);
  tell(state);
}

function mark(state, ids, chosen) {
  for (const id of ids) state.views.get(id)?.setAttribute("aria-selected", String(chosen));
}

// Told once more it must be another value: an equal one is no news.
function tell(state) {
  state.report("changes", { by: state.by, list: state.told, at: Date.now() });
}

function onKey(state, event) {
  const item = event.target.closest(".item");
  if (!item) return;
  if (event.key === " " || event.key === "Enter") {
    event.preventDefault();
    press(state, item, event.shiftKey);
    return;
  }
  const seen = state.order.filter((one) => !one.hidden);
  const place = seen.indexOf(item);
  const steps = {
    ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns(state), ArrowUp: -columns(state),
    Home: -place, End: seen.length - 1 - place,
  };
  const next = event.key in steps && seen[place + steps[event.key]];
  if (!next) return;
  event.preventDefault();
  focus(state, next);
}

function focus(state, item) {
  for (const one of state.order) one.tabIndex = one === item ? 0 : -1;
  item.focus();
}

function columns(state) {
  return getComputedStyle(state.items).gridTemplateColumns.split(" ").length;
}

function find(state) {
  const wanted = state.search.value.trim().toLowerCase();
  for (const item of state.order) item.hidden = !item.title.toLowerCase().includes(wanted);
}

function sayCount(state) {
  const chosen = state.order.filter(isChosen).length;
  state.count.textContent = `${chosen} of ${state.order.length} chosen`;
  state.none.disabled = chosen === 0;
}

function isChosen(item) {
  return item.getAttribute("aria-selected") === "true";
}

function idOf(item) {
  return item.dataset.id;
}
