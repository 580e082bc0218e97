// From the answer that was given to the answer that is in the database.
//
// An answer is kept here, and over a reload of the page, until the server says by its key that
// it is saved. Until then it is sent again and again: the key makes that harmless.

import { announce, say, setSaving } from "./words.js";

const LATE_MS = 6000; // without a word of the server
const AGAIN_MS = 5000; // after the server said that it cannot save now
const STORED = "take-part-answer"; // its place in the tab's own storage
const SAVING = "Saving…";
const LATE = "Not saved yet: the server does not answer. Your answer is kept here and is sent again by itself.";

function store(pending) {
  try {
    if (pending) sessionStorage.setItem(STORED, JSON.stringify(pending));
    else sessionStorage.removeItem(STORED);
  } catch {
    // Storage may be forbidden; then only a reload at this very moment asks again.
  }
}

export function storedAnswer() {
  try {
    return JSON.parse(sessionStorage.getItem(STORED));
  } catch {
    return null;
  }
}

export function give(state, answer) {
  state.pending = answer;
  store(answer);
  setSaving(state, true);
  sendAgain(state);
}

export function sendAgain(state) {
  if (!state.pending) return;
  state.pending.attempt += 1;
  if (!state.late) say(state, SAVING);
  state.again.hidden = true;
  state.report("answer", { ...state.pending });
  sendLater(state, LATE_MS, LATE);
}

// Sends again after a while unless the server has spoken; then, not before, says `sentence`.
function sendLater(state, delay, sentence) {
  clearTimeout(state.timer);
  state.timer = setTimeout(() => {
    if (!state.pending || !state.root.isConnected) return;
    complain(state, sentence);
    sendAgain(state);
    state.again.hidden = false;
  }, delay);
}

function complain(state, sentence) {
  state.late = true;
  say(state, sentence);
  announce(state, sentence);
  state.again.hidden = false;
}

// What new data says of the answer under way.
export function settle(state, data) {
  const { pending } = state;
  if (!pending) return;
  const { saved, problem } = data;
  const refused = problem && problem.key === pending.key && problem.attempt === pending.attempt;
  if (saved === pending.key || data.trial !== pending.trial) {
    forget(state); // a trial that is no longer the present one has its answer
    say(state, "");
  } else if (refused && problem.final) {
    forget(state);
    say(state, problem.text);
    announce(state, problem.text);
  } else if (refused) {
    complain(state, problem.text);
    sendLater(state, AGAIN_MS, problem.text);
  }
}

function forget(state) {
  clearTimeout(state.timer);
  state.pending = null;
  state.late = false;
  store(null);
  state.again.hidden = true;
  setSaving(state, false);
}

// Streamlit opens a dialog of its own when the server does not answer, and nothing beside it can
// be used; what is to be said of the answer is said here.
export function closeForeignDialogs(state) {
  const observer = new MutationObserver(() => {
    if (!state.root.isConnected) observer.disconnect();
    else {
      const close = ["Dismiss", "Close"].map((name) => `[data-testid="stDialog"] [aria-label="${name}"]`);
      document.querySelector(close.join())?.click();
    }
  });
  observer.observe(document.body, { childList: true });
}
