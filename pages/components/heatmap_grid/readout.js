// The line above the grid: what is under the pointer, or in the tile that the keyboard has reached.

const FULL = 32767; // the int16 that stands for 1
const HINT = "Point at a heatmap to read its value; Ctrl and the wheel zoom.";

export function showReadout(state) {
  const { hovered, cursor, focused, data } = state;
  const view = hovered || focused;
  const value = hovered && cursor ? valueAt(hovered, cursor) : "";
  const text = view ? described(state, view, value).join(" · ") : `${data.shared || ""} ${HINT}`.trim();
  if (state.readout.textContent !== text) state.readout.textContent = text;
}

// All that is known of a tile, in words: first what it is, then its value at a place, if given.
export function described(state, view, value = "") {
  const { tile, row, column } = view;
  const depth = view.given.frames ? state.data.frames[state.frame] : "";
  const scale = tile.scale ? `1 is ${tile.scale.toPrecision(3)} raw` : "";
  const picture = column ? row.title : "";
  const own = tile.note === row.note ? "" : tile.note;
  const words = [view.name, value, picture, row.note, depth, scale, column && column.words, own];
  return [...words, tile.said].filter(Boolean);
}

function valueAt({ tile, map }, cursor) {
  if (!tile.map || !map || tile.planes !== 1) return "";
  const column = Math.min(tile.width - 1, Math.floor(cursor.x * tile.width));
  const line = Math.min(tile.height - 1, Math.floor(cursor.y * tile.height));
  if (column < 0 || line < 0) return "";
  const value = map[line * tile.width + column] / FULL;
  const raw = tile.scale ? ` (raw ${(value * tile.scale).toPrecision(3)})` : "";
  return `column ${column + 1}, row ${line + 1}: ${value.toFixed(3)}${raw}`;
}
