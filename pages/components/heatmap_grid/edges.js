// With several pictures a row is a picture and a column a method. What has no room is reached by
// scrolling: titles and pictures stay in sight, and what lies beyond an edge is told.

const ROUNDING = 1; // pixels that count as nothing

export function createEdges(state) {
  const { root, grid } = state;
  Object.assign(state, {
    head: root.querySelector(".head"),
    titles: root.querySelector(".titles"),
    more: root.querySelector(".more"),
    count: root.querySelector(".count"),
    earlier: root.querySelector(".earlier"),
    later: root.querySelector(".later"),
  });
  grid.addEventListener("scroll", () => showEdges(state), { passive: true });
  state.earlier.onclick = () => turn(state, -1);
  state.later.onclick = () => turn(state, 1);
}

// The titles of the columns, in a row of their own above the grid.
export function updateTitles(state) {
  const { columns, rows } = state.data;
  const cells = [titleCell("Picture", "", ""), ...columns.map(columnCell)];
  state.titles.replaceChildren(...cells);
  state.titles.hidden = rows.length === 1;
}

function columnCell({ title, note, words }) {
  return titleCell(title, note, words);
}

function titleCell(title, note, words) {
  const cell = document.createElement("div");
  const name = document.createElement("b");
  const more = document.createElement("span");
  name.textContent = title;
  more.textContent = words || "";
  cell.title = note;
  cell.append(name, more);
  return cell;
}

// Shadows, buttons and the count of what is in sight; the titles follow the columns.
export function showEdges(state) {
  const { root, grid, titles } = state;
  const reach = grid.scrollWidth - grid.clientWidth;
  const moves = !titles.hidden && reach > ROUNDING;
  const before = moves && grid.scrollLeft > ROUNDING;
  const after = moves && grid.scrollLeft < reach - ROUNDING;
  titles.scrollLeft = grid.scrollLeft;
  root.classList.toggle("before", before);
  root.classList.toggle("after", after);
  state.more.hidden = !moves;
  state.earlier.disabled = !before;
  state.later.disabled = !after;
  if (moves) grid.tabIndex = 0; // so that the arrow keys scroll it
  else grid.removeAttribute("tabindex");
  grid.setAttribute("aria-label", moves ? "Heatmaps; scrolls sideways" : "Heatmaps");
  // What the keyboard reaches is not hidden behind what stays in sight.
  root.style.setProperty("--head", `${state.head.offsetHeight}px`);
  if (moves) showCount(state);
}

function showCount(state) {
  const { grid, titles } = state;
  const [corner, ...cells] = titles.children;
  const pinned = corner.offsetWidth;
  grid.style.scrollPaddingLeft = `${pinned}px`;
  const seen = cells.map((cell) => {
    const left = cell.offsetLeft - grid.scrollLeft;
    return left >= pinned - ROUNDING && left + cell.offsetWidth <= grid.clientWidth + ROUNDING;
  });
  const [first, last] = [seen.indexOf(true) + 1, seen.lastIndexOf(true) + 1];
  const span = first === last ? first : `${first}–${last}`;
  state.count.textContent = first ? `Methods ${span} of ${cells.length}` : `${cells.length} methods`;
}

// As far as there is room beside the pictures.
function turn(state, direction) {
  const { grid, titles } = state;
  const room = grid.clientWidth - titles.firstChild.offsetWidth;
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  grid.scrollBy({ left: direction * room, behavior: calm ? "auto" : "smooth" });
}
