// Regions drawn on a picture. Python says what is there at first, or is to replace it; the browser
// says what is there when a gesture has ended.

import { addInTheMiddle, clear, redo, removeSelected, replace, show, tell, undo } from "./changes.js";
import { followKeys } from "./keys.js";
import { mounted, newKey } from "./mounted.js";
import { createLayers, paint } from "./painting.js";
import { followPointer } from "./pointer.js";

const PAUSES_MS = [500, 2000]; // before another try: a connection may fail for a moment
const DEEDS = { new: addInTheMiddle, undo, redo, delete: removeSelected, clear };

export default mounted(create, update);

function create(parent) {
  const find = (name) => parent.querySelector(`.${name}`);
  const state = {
    root: find("root"),
    frame: find("frame"),
    image: find("picture"),
    surface: find("surface"),
    said: find("said"),
    unseen: find("unseen"),
    tools: Object.fromEntries(["box", "outline", ...Object.keys(DEEDS)].map((name) => [name, find(name)])),
    tool: "box",
    address: "",
    picture: "", // what Python calls its content
    put: 0, // how often Python has set the regions, as far as is known here
    size: [1, 1],
    crop: null,
    regions: [],
    past: [], // for Undo, the latest last
    future: [], // for Redo
    ids: 0,
    selected: null, // the id of a region
    gesture: null, // what is being drawn, moved or resized
    views: new Map(), // id -> elements
  };
  createLayers(state);
  describeKeys(state, find("keys"));
  for (const name of ["box", "outline"]) state.tools[name].onclick = () => choose(state, name);
  for (const [name, deed] of Object.entries(DEEDS)) {
    state.tools[name].onclick = () => {
      if (!state.gesture) deed(state);
    };
  }
  followPointer(state);
  followKeys(state);
  new ResizeObserver(() => paint(state)).observe(state.surface);
  return state;
}

function describeKeys(state, keys) {
  keys.id = newKey();
  state.surface.setAttribute("aria-describedby", keys.id);
}

function choose(state, tool) {
  state.tool = tool;
  for (const name of ["box", "outline"]) state.tools[name].setAttribute("aria-pressed", String(name === tool));
}

function update(state, data) {
  const isAnother = data.picture !== state.picture;
  Object.assign(state, { picture: data.picture, size: data.size, crop: data.crop, most: data.most });
  state.frame.style.setProperty("--aspect", data.size[0] / data.size[1]);
  state.surface.setAttribute("aria-label", data.label);
  showPicture(state, data.address);
  if (isAnother || data.put > state.put) replace(state, data, isAnother);
  else if (data.put < state.put) tell(state); // a server that has been started since
  show(state);
}

function showPicture(state, address) {
  if (address === state.address) return;
  state.address = address;
  let failed = 0;
  state.image.onerror = () => {
    if (failed < PAUSES_MS.length) setTimeout(() => load(state, address), PAUSES_MS[failed]);
    else state.said.textContent = "The picture could not be loaded. Reload the page.";
    failed += 1;
  };
  load(state, address);
}

function load(state, address) {
  if (address === state.address) state.image.src = new URL(address, document.baseURI);
}
