// One trial: a question, a picture, its heatmaps under letters, and the answer.
//
// Python sends what to show; the browser sends the answer (see the docstring of
// pages/take_part.py). Texts from Python are set as text, never as markup.

import { followFocus, readClock, startClock } from "./clock.js";
import { mounted, newKey } from "./mounted.js";
import { fetchAhead, place } from "./pictures.js";
import { closeForeignDialogs, give, sendAgain, settle, storedAnswer } from "./sending.js";
import { announce, say, showText } from "./words.js";

const SWAP_MS = 150; // so long the last trial stays while the next pictures are decoded
const CHOOSE = "Choose one of the answers first.";
const ESCAPE_KEYS = ["0", "="]; // never those of a heatmap: these have letters, and 1 to 9

export default mounted(create, update);

function create(parent) {
  const find = (name) => parent.querySelector(`.${name}`);
  const state = { trial: null, clock: null, pending: storedAnswer(), late: false, timer: 0, keys: new Map() };
  for (const name of [
    "root", "place", "saved", "progress", "practice", "notice", "question", "instruction",
    "pictures", "escapes", "next", "again", "status", "live",
  ]) state[name] = find(name);
  state.form = parent.querySelector("form");
  state.fieldset = parent.querySelector("fieldset");
  state.form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit(state);
  });
  state.again.onclick = () => {
    state.late = false;
    sendAgain(state);
  };
  followFocus(() => (state.pending ? null : state.clock));
  followKeys(state);
  closeForeignDialogs(state);
  return state;
}

// ---------------------------------------------------------------- what Python sent

function update(state, data) {
  const first = state.trial === null;
  settle(state, data);
  showText(state.notice, data.notice);
  if (data.trial === state.trial) return;
  state.trial = data.trial;
  state.clock = null;
  const tiles = draw(data);
  const all = Promise.all(tiles.map((tile) => tile.ready));
  const pause = new Promise((resume) => setTimeout(resume, first ? 0 : SWAP_MS));
  Promise.race([all, pause]).then(() => {
    if (state.trial === data.trial) show(state, data, tiles, first);
  });
  all.then(() => {
    if (state.trial === data.trial) begin(state, data);
  });
}

function draw(data) {
  const original = tile("figure", "original", place(data.original, "Original image"), "Original image");
  const options = data.options.map(([letter, address], index) => {
    const key = index < 9 ? String(index + 1) : "";
    const made = tile("label", "option", place(address, `Heatmap ${letter}`), letter, key);
    made.input = radio(letter, [key, letter.toLowerCase()]);
    made.element.querySelector(".name").prepend(made.input);
    return made;
  });
  return [original, ...options];
}

function tile(tag, name, { box, ready }, title, key = "") {
  const element = document.createElement(tag);
  element.className = `tile ${name}`;
  const caption = document.createElement("span");
  caption.className = "name";
  const words = document.createElement("span");
  words.textContent = title;
  words.setAttribute("aria-hidden", "true"); // the picture's description says it
  caption.append(words);
  if (key) caption.append(keyCap(key));
  element.append(box, caption);
  return { element, ready, input: null };
}

function keyCap(key) {
  const cap = document.createElement("kbd");
  cap.textContent = key;
  cap.setAttribute("aria-hidden", "true");
  return cap;
}

function radio(value, keys) {
  const input = document.createElement("input");
  input.type = "radio";
  input.name = "choice";
  input.value = value;
  input.disabled = true; // until the pictures are there
  input.keys = keys.filter(Boolean);
  input.setAttribute("aria-keyshortcuts", input.keys.join(" "));
  return input;
}

function escapes(data) {
  return data.escapes.map(([value, title], index) => {
    const key = ESCAPE_KEYS[index];
    const element = document.createElement("label");
    element.className = "escape";
    const words = document.createElement("span");
    words.textContent = title;
    const input = radio(value, [key]);
    element.append(input, words, keyCap(key));
    return { element, input };
  });
}

function show(state, data, tiles, first) {
  const others = escapes(data);
  state.inputs = [...tiles, ...others].map((made) => made.input).filter(Boolean);
  state.keys = new Map(state.inputs.flatMap((input) => input.keys.map((key) => [key, input])));
  for (const input of state.inputs) input.onchange = () => say(state, "");
  const count = tiles.length;
  const across = count <= 4 ? count : Math.min(4, Math.ceil(count / 2));
  state.pictures.style.setProperty("--across", across);
  state.pictures.style.setProperty("--rows", Math.min(2, Math.ceil(count / across)));
  state.pictures.classList.toggle("odd", count % 2 === 1);
  state.pictures.replaceChildren(...tiles.map((made) => made.element));
  state.escapes.replaceChildren(...others.map((made) => made.element));
  showText(state.question, data.question);
  showText(state.instruction, data.instruction);
  state.practice.hidden = !data.practice;
  showProgress(state, data, first);
  if (!state.pending) say(state, "");
  if (state.root.getBoundingClientRect().top < 0) state.root.scrollIntoView({ block: "start" });
  state.question.focus({ preventScroll: true });
}

function showProgress(state, data, first) {
  const { number, total } = data;
  const where = data.practice && total === 1 ? "Practice" : `${data.practice ? "Practice" : "Trial"} ${number} of ${total}`;
  const saved = first || !data.saved ? "" : "Saved.";
  const done = data.practice ? 0 : number - 1;
  state.place.textContent = where;
  state.saved.textContent = saved;
  state.progress.setAttribute("aria-valuemax", total);
  state.progress.setAttribute("aria-valuenow", done);
  state.progress.setAttribute("aria-valuetext", where);
  state.progress.firstElementChild.style.width = `${(100 * done) / Math.max(1, total)}%`;
  announce(state, `${saved} ${where}. ${data.notice || ""}`);
}

// All pictures are there: the trial begins.
function begin(state, data) {
  requestAnimationFrame(() => {
    if (state.trial !== data.trial) return;
    for (const input of state.inputs) input.disabled = false;
    state.clock = startClock();
    state.shownKey = newKey();
    state.root.dataset.trial = data.trial;
    fetchAhead(data.next, [data.original, ...data.options.map(([, address]) => address)]);
    if (state.pending) resume(state);
  });
}

// An answer from before a reload: given, but not known to be saved.
function resume(state) {
  const input = state.inputs.find(({ value }) => value === state.pending.choice);
  if (input) input.checked = true;
  give(state, state.pending);
}

// ---------------------------------------------------------------- what the participant does

function submit(state) {
  if (state.pending || !state.clock) return; // one answer a trial, however often it is pressed
  const chosen = state.inputs.find((input) => input.checked);
  if (!chosen) {
    say(state, CHOOSE);
    announce(state, CHOOSE);
    return;
  }
  give(state, {
    trial: state.trial, choice: chosen.value, key: state.shownKey, attempt: 0, ...readClock(state.clock),
  });
}

// Keys work wherever the focus is, except where somebody types.
function followKeys(state) {
  const follow = (event) => {
    if (!state.root.isConnected) {
      window.removeEventListener("keydown", follow, true);
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const target = event.composedPath()[0];
    if (target.closest?.("input:not([type=radio]), textarea, select, [contenteditable], [role=dialog]")) return;
    const key = event.key.toLowerCase();
    const input = state.keys.get(key);
    if (input && !input.matches(":disabled")) {
      input.checked = true;
      input.focus();
      say(state, "");
    } else if (key === "enter" && !event.repeat && !target.closest?.("button, a, summary")) submit(state);
    else if (!input && key !== "r" && key !== "c") return; // those two are Streamlit's own
    event.preventDefault();
    event.stopPropagation();
  };
  window.addEventListener("keydown", follow, true);
}
