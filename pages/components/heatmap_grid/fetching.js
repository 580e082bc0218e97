// Maps of the depths around the present one, fetched before they are wanted.

import { BYTES_KEPT, heatmap, maps } from "./held.js";
import { showFrame } from "./tiles.js";

const REQUESTS = 6; // at a time
const FETCHED_AHEAD = 0.75; // share of what the browser may hold; the rest is for other views

// The present frame first, then its neighbours, then the others.
export function fetchFrames(state) {
  if (!state.root.isConnected || !state.data.frames) return;
  for (const address of wantedMaps(state)) {
    const held = maps.get(address);
    if (held && held.value) heatmap(address); // what is near is the last to leave
    else if (state.coming.has(address) || state.failed.has(address)) continue;
    else if (state.coming.size < REQUESTS) request(state, address);
  }
}

function request(state, address) {
  state.coming.add(address);
  heatmap(address).ready.catch(() => state.failed.add(address)).then(() => {
    state.coming.delete(address);
    if (!state.data.frames) return;
    if (isShown(state, address)) showFrame(state);
    fetchFrames(state);
  });
}

function isShown(state, address) {
  return [...state.tiles.values()].some((view) => view.tile.map === address);
}

// Nearest depth first, as many as fit beside what else is held.
function* wantedMaps(state) {
  const { frames, tiles } = state.data;
  let bytes = 0;
  for (let distance = 0; distance < frames.length; distance += 1) {
    for (const index of new Set([state.frame + distance, state.frame - distance])) {
      for (const tile of tiles.flat()) {
        const at = tile.frames && tile.frames[index];
        if (!at || !at.map) continue;
        bytes += 2 * at.planes * at.width * at.height;
        if (distance && bytes > FETCHED_AHEAD * BYTES_KEPT) return;
        yield at.map;
      }
    }
  }
}
