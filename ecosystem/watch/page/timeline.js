// The timeline has a canvas, its size, its selection, and the moves that keys, buttons and the pointer
// share. `draw.js` draws it.

const LABELS_PX = 190;
const LABELS_NARROW_PX = 104;

function makeTimeline(model, scroller, canvas, spacer) {
  const count = (length) => Int32Array.from({ length }, (_, i) => i);
  return {
    model,
    scroller,
    canvas,
    spacer,
    context: canvas.getContext("2d", { alpha: false }),
    colors: readColors(),
    fonts: { plain: "12px system-ui, sans-serif", bold: "600 12px system-ui, sans-serif" },
    view: new View(model.start, model.end),
    options: { order: "busy", closed: new Set(), only: -1 },
    lanes: null,
    allPolls: count(model.polls.unit.length),
    allParks: count(model.parks.begin.length),
    size: { width: 1, height: 1, ratio: 1 },
    top: 0,
    hovered: null,
    selected: null,
    drawMs: 0,
    frame: 0,
    onChange: () => {},
    onHover: () => {},
    onSelect: () => {},
  };
}

/** Draws with the next frame. Several changes share one frame. */
function redraw(t) {
  if (t.frame !== 0) return;
  t.frame = requestAnimationFrame(() => {
    t.frame = 0;
    drawTimeline(t);
    t.onChange();
  });
}

function resizeTimeline(t) {
  const { scroller, canvas, size, view } = t;
  size.width = Math.max(1, scroller.clientWidth);
  size.height = Math.max(1, scroller.clientHeight);
  size.ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(size.width * size.ratio);
  canvas.height = Math.round(size.height * size.ratio);
  canvas.style.height = `${size.height}px`;
  view.left = size.width < 600 ? LABELS_NARROW_PX : LABELS_PX;
  view.width = Math.max(50, size.width - view.left);
  redraw(t);
}

/** Makes the lanes again, after an option has changed. */
function arrangeLanes(t) {
  t.lanes = makeLanes(t.model, t.options);
  t.spacer.style.height = `${HEAD_PX + t.lanes.height}px`;
  t.top = t.scroller.scrollTop;
  redraw(t);
}

function rowOfItem(t, item) {
  const { lanes, model } = t;
  if (item.kind === "poll") return lanes.rowOfUnit[model.polls.unit[item.index]];
  if (item.kind === "unit") return lanes.rowOfUnit[item.index];
  if (item.kind === "socket") return lanes.rowOfSocket[item.index];
  if (item.kind === "timer") return lanes.rowOfTimer[item.index];
  return -1;
}

/** Returns the begin and the end of an item. */
function timesOfItem(model, item) {
  const { polls, wakes, units, sockets, timers, parks } = model;
  switch (item.kind) {
    case "poll": {
      const wake = polls.wake[item.index];
      const begin = polls.begin[item.index];
      return [wake < 0 ? begin : wakes.time[wake], polls.end[item.index]];
    }
    case "unit":
      return [units[item.index].first, units[item.index].last];
    case "socket":
      return [sockets[item.index].first, sockets[item.index].last];
    case "timer":
      return [timers[item.index].set, timers[item.index].end];
    default:
      return [parks.begin[item.index], parks.end[item.index]];
  }
}

/** Scrolls so that the item's row is visible. It opens the row's group if the group is closed. */
function scrollToItem(t, item) {
  if (rowOfItem(t, item) < 0 && (t.options.only >= 0 || t.options.closed.size > 0)) {
    t.options.only = -1;
    t.options.closed.clear();
    arrangeLanes(t);
  }
  const row = rowOfItem(t, item);
  if (row < 0) return;
  const y = row * ROW_PX;
  const room = t.size.height - HEAD_PX - ROW_PX;
  if (y < t.top || y > t.top + room) t.scroller.scrollTop = Math.max(0, y - room / 3);
  t.top = t.scroller.scrollTop;
}

function selectItem(t, item) {
  t.selected = item;
  t.onSelect(item);
  redraw(t);
}

/** Selects an item, and zooms and scrolls so that it fills a part of the timeline. */
function goTo(t, item) {
  const [from, to] = timesOfItem(t.model, item);
  const margin = Math.max((to - from) * 0.75, 500);
  t.view.show(from - margin, to + margin);
  scrollToItem(t, item);
  selectItem(t, item);
}

/** Selects the poll before or after the selected one in the same lane. */
function stepPoll(t, by) {
  const { model, selected, view } = t;
  let list = t.allPolls;
  let at = lowerBound(list, view.from, (poll) => model.polls.begin[poll]);
  if (selected?.kind === "poll") {
    list = model.units[model.polls.unit[selected.index]].polls;
    at = lowerBound(list, selected.index, (poll) => poll) + by;
  } else if (selected?.kind === "unit") {
    list = model.units[selected.index].polls;
    at = 0;
  }
  if (at < 0 || at >= list.length) return;
  const item = { kind: "poll", index: list[at] };
  const [from, to] = timesOfItem(model, item);
  if (from < view.from || to > view.to) view.pan((from + to) / 2 - (view.from + view.to) / 2);
  scrollToItem(t, item);
  selectItem(t, item);
}

/** The moves of each key, which the help line lists. */
const TIMELINE_KEYS = {
  ArrowLeft: (t) => t.view.pan(-t.view.span * 0.15),
  ArrowRight: (t) => t.view.pan(t.view.span * 0.15),
  ArrowUp: (t) => scrollLanes(t, -ROW_PX * 3),
  ArrowDown: (t) => scrollLanes(t, ROW_PX * 3),
  PageUp: (t) => scrollLanes(t, HEAD_PX - t.size.height),
  PageDown: (t) => scrollLanes(t, t.size.height - HEAD_PX),
  "+": (t) => t.view.zoom(1.5),
  "=": (t) => t.view.zoom(1.5),
  "-": (t) => t.view.zoom(1 / 1.5),
  Home: (t) => t.view.show(t.view.start, t.view.start + t.view.span),
  End: (t) => t.view.show(t.view.end - t.view.span, t.view.end),
  0: (t) => t.view.show(t.view.start, t.view.end),
  n: (t) => stepPoll(t, 1),
  p: (t) => stepPoll(t, -1),
  Escape: (t) => selectItem(t, null),
};

function scrollLanes(t, pixels) {
  t.scroller.scrollTop += pixels;
  t.top = t.scroller.scrollTop;
}

/** Makes the move of a key on the timeline. Returns whether the key has a move. */
function timelineKey(t, event) {
  const move = TIMELINE_KEYS[event.key];
  if (!move || event.ctrlKey || event.metaKey || event.altKey) return false;
  move(t);
  redraw(t);
  return true;
}
