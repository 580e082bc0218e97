// Frames: the same tiles at several depths, a slider between them, and a play button.
//
// All of it happens here; Python is told where the slider came to rest.

import { fetchFrames } from "./fetching.js";
import { labelOf, showFrame } from "./tiles.js";

const STEP_MS = 500; // while playing
const SETTLED_MS = 250; // after the last movement Python is told

export function createFrames(state) {
  const find = (name) => state.root.querySelector(`.${name}`);
  Object.assign(state, {
    frame: null, // index of the present frame
    asked: null, // the last request of Python that was followed
    reported: null, // what Python knows
    playing: 0, // timer of the next step, 0 when paused
    reporting: 0, // timer; 0 when Python knows
    held: false, // the slider is being dragged
    coming: new Set(), // addresses that were asked for
    failed: new Set(), // addresses that could not be fetched
    frameRow: find("frames"),
    play: find("play"),
    slider: find("slider"),
    ticks: find("ticks"),
    label: find("label"),
  });
  state.play.onclick = () => (state.playing ? pause(state) : play(state));
  state.slider.onpointerdown = () => {
    pause(state);
    state.held = true;
  };
  const release = () => {
    state.held = false;
    if (state.reporting) reportSoon(state);
  };
  for (const name of ["pointerup", "pointercancel", "change"]) {
    state.slider.addEventListener(name, release);
  }
  state.slider.oninput = () => {
    pause(state);
    goTo(state, Number(state.slider.value));
  };
}

// Takes over what Python sent, before the tiles are filled.
export function updateFrames(state) {
  const { frames, frameTitle, frameTicks, frameAsked, frame } = state.data;
  state.frameRow.hidden = !frames;
  if (!frames) {
    pause(state);
    return;
  }
  state.failed.clear();
  state.frameRow.querySelector(".frame-title").textContent = frameTitle || "";
  state.slider.setAttribute("aria-label", frameTitle || "Frame");
  makeTicks(state, frameTicks || frames);
  state.slider.max = frames.length - 1;
  if (state.frame === null || frameAsked !== state.asked) {
    pause(state);
    state.frame = frame || 0;
    if (state.reported !== null) reportSoon(state);
  }
  state.asked = frameAsked;
  state.frame = Math.min(state.frame, frames.length - 1);
  showPosition(state);
}

function makeTicks(state, names) {
  const widest = Math.max(...state.data.frames.map((label) => label.length));
  state.label.style.minWidth = `${widest + 1}ch`; // so that the slider stays where it is
  const text = JSON.stringify(names);
  if (state.tickNames === text) return;
  state.tickNames = text;
  const ticks = names.map((name, index) => {
    const tick = document.createElement("span");
    tick.textContent = name;
    tick.style.setProperty("--place", index / Math.max(1, names.length - 1));
    tick.onclick = () => {
      pause(state);
      goTo(state, index);
    };
    return tick;
  });
  state.ticks.replaceChildren(...ticks);
  showTicks(state);
}

// All names under the slider where there is room for all, else none.
export function showTicks(state) {
  const ticks = [...state.ticks.children];
  const widest = Math.max(0, ...ticks.map((tick) => tick.offsetWidth));
  const step = state.slider.clientWidth / Math.max(1, ticks.length - 1);
  state.ticks.classList.toggle("crowded", widest + 8 > step);
}

// ---------------------------------------------------------------- position

function goTo(state, index) {
  if (index === state.frame) return;
  state.frame = index;
  state.failed.clear(); // who comes back tries again
  showPosition(state);
  showFrame(state);
  fetchFrames(state);
  reportSoon(state);
}

function showPosition(state) {
  const label = labelOf(state);
  state.slider.value = state.frame;
  state.slider.setAttribute("aria-valuetext", label);
  state.label.textContent = label;
  state.label.title = label;
  [...state.ticks.children].forEach((tick, i) => tick.classList.toggle("now", i === state.frame));
}

function reportSoon(state) {
  clearTimeout(state.reporting);
  state.reporting = setTimeout(() => {
    if (state.playing || state.held || !state.root.isConnected) return;
    state.reporting = 0;
    if (state.reported === state.frame) return;
    state.reported = state.frame;
    state.report("frame", state.frame);
  }, SETTLED_MS);
}

// ---------------------------------------------------------------- play

function play(state) {
  state.playing = setTimeout(() => {
    if (!state.root.isConnected) return;
    goTo(state, nextFrame(state));
    play(state);
  }, STEP_MS);
  showPlaying(state);
}

function pause(state) {
  if (!state.playing) return;
  clearTimeout(state.playing);
  state.playing = 0;
  showPlaying(state);
  reportSoon(state);
}

function showPlaying(state) {
  const word = state.playing ? "Pause" : "Play";
  state.play.classList.toggle("playing", Boolean(state.playing));
  state.play.title = word;
  state.play.setAttribute("aria-label", word);
}

// The next frame with something to show; from the last one on to the first.
function nextFrame(state) {
  const { frames, tiles } = state.data;
  const all = tiles.flat();
  for (let step = 1; step < frames.length; step += 1) {
    const index = (state.frame + step) % frames.length;
    if (all.some(({ frames: own }) => own && own[index] && !own[index].waiting)) return index;
  }
  return state.frame;
}
