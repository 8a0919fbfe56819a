// This script draws the visible rows and times of the timeline. Polls that are narrower than a pixel
// become one bar for the pixel. The bar's height shows the busy share of the pixel.

const HEAD_PX = 60; // The height of the axis and the loop's lane, above the rows.
const AXIS_PX = 22;
const ARROWS_MAX = 60; // Arrows are drawn for at most this number of visible polls.

const COLORS = [
  "bg",
  "panel",
  "line",
  "text",
  "quiet",
  "poll",
  "poll-text",
  "queued",
  "slow",
  "slow-text",
];
const MORE_COLORS = ["park", "turn", "read", "write", "timer", "wake", "select", "life", "head"];

/** Returns the colours of the style sheet, which follow the user's light or dark scheme. */
function readColors() {
  const style = getComputedStyle(document.documentElement);
  const colors = {};
  for (const name of [...COLORS, ...MORE_COLORS])
    colors[name] = style.getPropertyValue(`--${name}`).trim();
  return colors;
}

/** Cuts a text in its middle to fit, because names often differ at their end. */
function fitText(context, text, width) {
  const plain = [...text.slice(0, 200)];
  const cut = (kept) => {
    const tail = Math.floor(kept / 2);
    return `${plain.slice(0, kept - tail).join("")}…${tail > 0 ? plain.slice(-tail).join("") : ""}`;
  };
  if (context.measureText(text.slice(0, 200)).width <= width) return text.slice(0, 200);
  let low = 0;
  let high = plain.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (context.measureText(cut(middle)).width <= width) low = middle;
    else high = middle - 1;
  }
  return cut(low);
}

/**
 * Calls `bar(x0, x1, first, last)` for the visible polls of a list. Polls that share a pixel are one
 * bar. A binary search skips them, so the number of pixels bounds the number of calls.
 */
function eachBar(view, list, begin, end, bar) {
  const right = view.left + view.width;
  let i = Math.max(0, lowerBound(list, view.from, (poll) => begin[poll]) - 1);
  while (i < list.length) {
    const x0 = view.x(begin[list[i]]);
    if (x0 > right) return;
    const x1 = view.x(end[list[i]]);
    let next = i + 1;
    if (x1 - x0 < 1) {
      const pixelEnd = view.time(Math.floor(x0) + 1);
      next = Math.max(
        next,
        lowerBound(list, pixelEnd, (poll) => begin[poll]),
      );
      // Only the last of them can be wider than the pixel, so it has a bar of its own.
      if (next - i > 1 && view.x(end[list[next - 1]]) > x0 + 2) next--;
    }
    if (x1 >= view.left) bar(Math.max(x0, view.left), Math.min(x1, right), i, next - 1);
    i = next;
  }
}

function drawPollBar(t, y, height, poll, x0, x1) {
  const { context, colors, model } = t;
  const { polls } = model;
  const time = polls.end[poll] - polls.begin[poll];
  const slow = time >= SLOW_POLL_NS;
  const width = Math.max(x1 - x0, 1.5);
  context.fillStyle = slow ? colors.slow : colors.poll;
  context.fillRect(x0, y, width, height);
  const how = polls.how[poll];
  if (width > 5 && how === KIND.PollReady) context.fillRect(x0 + width - 2, y - 3, 2, height + 6);
  const ended = how === KIND.PollPanicked ? "× panicked " : "";
  const label = ended + formatTime(time);
  if (width > 40 && context.measureText(label).width <= width - 8) {
    context.fillStyle = slow ? colors["slow-text"] : colors["poll-text"];
    context.fillText(label, x0 + 4, y + height / 2 + 4);
  } else if (ended) {
    context.fillStyle = colors.slow;
    context.fillText("×", x0 + width + 1, y + height / 2 + 4);
  }
}

/** Draws the polls of a list as bars in one row. */
function drawPolls(t, list, y, rowHeight) {
  const { context, colors, model, view } = t;
  const { polls } = model;
  const height = rowHeight - 8;
  let seen = 0;
  eachBar(view, list, polls.begin, polls.end, (x0, x1, first, last) => {
    seen += last - first + 1;
    if (first === last) {
      drawPollBar(t, y + 4, height, list[first], x0, x1);
      return;
    }
    let busy = 0;
    const step = Math.max(1, Math.floor((last - first) / 16));
    let looked = 0;
    for (let i = first; i <= last; i += step, looked++)
      busy += polls.end[list[i]] - polls.begin[list[i]];
    const share = Math.min(1, ((busy / looked) * (last - first + 1)) / view.nsPerPixel);
    const tall = Math.max(3, height * share);
    context.fillStyle = colors.poll;
    context.fillRect(Math.floor(x0), y + 4 + (height - tall), 1, tall);
  });
  return seen;
}

/** Draws the time between a wake and its poll as a thin line before the poll. */
function drawQueued(t, list, y) {
  const { context, colors, model, view } = t;
  const { polls, wakes } = model;
  context.fillStyle = colors.queued;
  eachBar(view, list, polls.begin, polls.end, (x0, _x1, first, last) => {
    const wake = polls.wake[list[first]];
    if (first !== last || wake < 0) return;
    const from = Math.max(view.left, view.x(wakes.time[wake]));
    if (x0 - from >= 1) context.fillRect(from, y + ROW_PX / 2 - 2, x0 - from, 4);
  });
}

function drawUnitRow(t, row, y) {
  const { context, colors, model, view } = t;
  const unit = model.units[row.index];
  const from = Math.max(view.left, view.x(unit.first));
  const to = Math.min(view.left + view.width, view.x(unit.last));
  context.fillStyle = colors.life;
  if (to > from) context.fillRect(from, y + ROW_PX / 2 - 0.5, to - from, 1);
  drawQueued(t, unit.polls, y);
  drawPolls(t, unit.polls, y, ROW_PX);
  if (unit.endKind === KIND.Aborted && to >= view.left && to < view.left + view.width) {
    context.fillStyle = colors.slow;
    context.fillText("×", to - 3, y + ROW_PX / 2 + 4);
  }
}

/** Draws a socket: the upper strip while it is readable, the lower one while it is writable. */
function drawSocketRow(t, row, y) {
  const { context, colors, model, view } = t;
  const socket = model.sockets[row.index];
  const right = Math.min(view.left + view.width, view.x(socket.last));
  const left = Math.max(view.left, view.x(socket.first));
  context.fillStyle = colors.life;
  if (right > left) context.fillRect(left, y + ROW_PX / 2 - 0.5, right - left, 1);
  const { times, bits } = socket;
  let i = Math.max(0, lowerBound(times, view.from, (time) => time) - 1);
  while (i < times.length && view.x(times[i]) <= right) {
    const x0 = Math.max(view.left, view.x(times[i]));
    let next = i + 1;
    if (next < times.length && view.x(times[next]) - x0 < 1) {
      const pixelEnd = view.time(Math.floor(x0) + 1);
      next = Math.max(
        next,
        lowerBound(times, pixelEnd, (time) => time),
      );
    }
    const x1 = next < times.length ? Math.min(view.x(times[next]), right) : right;
    drawReadiness(context, colors, bits[next - 1], x0, Math.max(x1 - x0, 1), y);
    i = next;
  }
}

function drawReadiness(context, colors, bits, x, width, y) {
  if (bits & READY.Readable) {
    context.fillStyle = colors.read;
    context.fillRect(x, y + 4, width, 7);
  }
  if (bits & READY.Writable) {
    context.fillStyle = colors.write;
    context.fillRect(x, y + 14, width, 5);
  }
  if (width > 16 && bits & READY.Readable) {
    context.fillStyle = colors.text;
    context.fillText(bits & READY.ReadClosed ? "closed" : "R", x + 2, y + 12, width - 3);
  }
}

/** Draws the timers of one key: a line to the end, a diamond if it fired, a cross if dropped. */
function drawTimerRow(t, row, y) {
  const { context, colors, model, view } = t;
  const right = view.left + view.width;
  const middle = y + ROW_PX / 2;
  const begin = (timer) => model.timers[timer].set;
  let i = Math.max(0, lowerBound(row.timers, view.from, begin) - 1);
  while (i < row.timers.length) {
    const timer = model.timers[row.timers[i]];
    const x0 = view.x(timer.set);
    if (x0 > right) break;
    const x1 = Math.min(right, view.x(timer.end));
    context.fillStyle = colors.timer;
    if (x1 >= view.left)
      context.fillRect(
        Math.max(x0, view.left),
        middle - 1.5,
        Math.max(1, x1 - Math.max(x0, view.left)),
        3,
      );
    if (x1 >= view.left && x1 < right && x1 - x0 > 3) drawTimerEnd(context, timer, x1, middle);
    const pixelEnd = view.time(Math.floor(Math.max(x0, view.left)) + 1);
    const last = lowerBound(row.timers, pixelEnd, begin) - 1; // This one may be wider than the pixel.
    i = Math.max(i + 1, x1 - x0 < 1 ? last : 0);
  }
}

function drawTimerEnd(context, timer, x, middle) {
  if (timer.how === KIND.TimerFired) {
    context.beginPath();
    context.moveTo(x - 5, middle);
    context.lineTo(x, middle - 5);
    context.lineTo(x + 5, middle);
    context.lineTo(x, middle + 5);
    context.fill();
  } else if (timer.how === KIND.TimerDropped) {
    context.fillText("×", x - 3, middle + 4);
  }
}

function drawHeadRow(t, row, y) {
  const { context, colors, size } = t;
  context.fillStyle = colors.head;
  context.fillRect(0, y, size.width, ROW_PX);
  context.fillStyle = colors.text;
  context.font = t.fonts.bold;
  context.fillText(`${row.closed ? "▸" : "▾"} ${row.name}`, 8, y + 16);
  const width = context.measureText(`▾ ${row.name}`).width;
  context.font = t.fonts.plain;
  context.fillStyle = colors.quiet;
  context.fillText(formatCount(row.count), 16 + width, y + 16);
}

const DRAW_ROW = { unit: drawUnitRow, socket: drawSocketRow, timer: drawTimerRow };

function drawRows(t) {
  const { context, lanes, size, top, view } = t;
  const first = Math.max(0, Math.floor(top / ROW_PX));
  const last = Math.min(lanes.rows.length, Math.ceil((top + size.height - HEAD_PX) / ROW_PX));
  context.save();
  context.beginPath();
  context.rect(0, HEAD_PX, size.width, size.height - HEAD_PX);
  context.clip();
  for (let i = first; i < last; i++) {
    const row = lanes.rows[i];
    const y = HEAD_PX + i * ROW_PX - top;
    if (row.kind === "head") {
      drawHeadRow(t, row, y);
      continue;
    }
    if (isSelectedRow(t, row)) {
      context.fillStyle = t.colors.select;
      context.fillRect(0, y, size.width, ROW_PX);
    }
    DRAW_ROW[row.kind](t, row, y);
    context.fillStyle = t.colors.text;
    context.fillText(fitText(context, row.label, view.left - 20), 12, y + 16);
  }
  drawArrows(t, first, last);
  context.restore();
}

function isSelectedRow(t, row) {
  const { selected, model } = t;
  if (!selected) return false;
  if (selected.kind === "poll")
    return row.kind === "unit" && row.index === model.polls.unit[selected.index];
  if (selected.kind === "timer")
    return row.kind === "timer" && row.index === model.timers[selected.index].key;
  return row.kind === selected.kind && row.index === selected.index;
}

/** Returns the row of a wake's source: a unit, a socket, a timer, or the loop for the rest. */
function sourceY(t, wake) {
  const { model, lanes } = t;
  const { cause, source } = model.wakes;
  const from = source[wake];
  let row = -1;
  if (from >= 0 && cause[wake] === CAUSE.Socket) row = lanes.rowOfSocket[from];
  else if (from >= 0 && cause[wake] === CAUSE.Timer) row = lanes.rowOfTimer[from];
  else if (from >= 0) row = lanes.rowOfUnit[from];
  if (row < 0) return HEAD_PX - 8;
  return HEAD_PX + row * ROW_PX - t.top + ROW_PX / 2;
}

function drawArrow(t, poll, strong) {
  const { context, colors, model, lanes, view, size } = t;
  const wake = model.polls.wake[poll];
  const row = lanes.rowOfUnit[model.polls.unit[poll]];
  if (wake < 0 || row < 0) return;
  const x0 = view.x(model.wakes.time[wake]);
  const x1 = view.x(model.polls.begin[poll]);
  const y0 = Math.min(Math.max(sourceY(t, wake), HEAD_PX - 8), size.height + 8);
  const y1 = HEAD_PX + row * ROW_PX - t.top + ROW_PX / 2;
  context.save();
  context.beginPath();
  context.rect(view.left, 0, view.width, size.height);
  context.clip();
  context.strokeStyle = colors.wake;
  context.fillStyle = colors.wake;
  context.globalAlpha = strong ? 1 : 0.55;
  context.lineWidth = strong ? 2 : 1;
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x0, y1);
  context.lineTo(x1, y1);
  context.stroke();
  drawArrowHead(context, x0, y0, x1, y1);
  context.beginPath();
  context.arc(x0, y0, strong ? 3.5 : 2.5, 0, 7);
  context.fill();
  context.restore();
}

/** Draws an arrow's head at the start of the poll, or at its edge if no space is before it. */
function drawArrowHead(context, x0, y0, x1, y1) {
  context.beginPath();
  if (x1 - x0 >= 9) {
    context.moveTo(x1, y1);
    context.lineTo(x1 - 7, y1 - 4);
    context.lineTo(x1 - 7, y1 + 4);
  } else {
    const down = y0 < y1 ? -1 : 1;
    context.moveTo(x1, y1 + down * 4);
    context.lineTo(x1 - 4, y1 + down * 11);
    context.lineTo(x1 + 4, y1 + down * 11);
  }
  context.fill();
}

/** Draws the arrows of the hovered and the selected poll, and of all visible polls if they are few. */
function drawArrows(t, first, last) {
  const { lanes, model, view } = t;
  const { polls } = model;
  const from = lowerBound(t.allPolls, view.from, (poll) => polls.begin[poll]);
  const to = lowerBound(t.allPolls, view.to, (poll) => polls.begin[poll]);
  if (to - from <= ARROWS_MAX) {
    for (let poll = from; poll < to; poll++) {
      const row = lanes.rowOfUnit[polls.unit[poll]];
      if (row >= first && row < last) drawArrow(t, poll, false);
    }
  }
  for (const item of [t.hovered, t.selected]) {
    if (item?.kind === "poll") drawArrow(t, item.index, true);
  }
}

function drawAxis(t) {
  const { context, colors, view, size } = t;
  const step = tickStep(view.span, view.width / 110);
  context.fillStyle = colors.quiet;
  const first = Math.ceil((view.from - view.start) / step);
  const last = Math.floor((view.to - view.start) / step);
  for (let i = first; i <= last && i - first < 100; i++) {
    const x = Math.round(view.x(view.start + i * step));
    context.fillStyle = colors.line;
    context.fillRect(x, AXIS_PX - 5, 1, size.height);
    context.fillStyle = colors.quiet;
    const label = i === 0 ? "0" : formatTick(i * step, step);
    if (x + 4 + context.measureText(label).width < size.width) context.fillText(label, x + 4, 15);
  }
}

/** Formats a time with as many digits as the distance of the ticks needs. */
function formatTick(ns, step) {
  const [scale, unit] =
    ns < 1e3 ? [1, "ns"] : ns < 1e6 ? [1e3, "µs"] : ns < 1e9 ? [1e6, "ms"] : [1e9, "s"];
  const digits = Math.max(0, Math.min(9, Math.ceil(-Math.log10(step / scale))));
  return `${(ns / scale).toFixed(digits)} ${unit}`;
}

/** Draws the lane of the loop: its parks, its turns, and all polls. */
function drawLoop(t) {
  const { context, colors, model, view } = t;
  const { parks, turns } = model;
  const y = AXIS_PX + 2;
  const height = HEAD_PX - AXIS_PX - 6;
  context.fillStyle = colors.park;
  eachBar(view, t.allParks, parks.begin, parks.end, (x0, x1) => {
    context.fillRect(x0, y + height - 5, Math.max(x1 - x0, 1), 5);
  });
  drawPolls(t, t.allPolls, y - 1, height - 2);
  let i = lowerBound(turns.time, view.from, (time) => time);
  context.fillStyle = colors.turn;
  while (i < turns.time.length && turns.time[i] <= view.to) {
    const x = view.x(turns.time[i]);
    context.fillRect(Math.floor(x), y - 2, 1, 5);
    i = Math.max(
      i + 1,
      lowerBound(turns.time, view.time(Math.floor(x) + 3), (time) => time),
    );
  }
}

/** Draws the whole timeline, and measures the time for that. */
function drawTimeline(t) {
  const begin = performance.now();
  const { context, colors, size, view } = t;
  context.setTransform(size.ratio, 0, 0, size.ratio, 0, 0);
  context.font = t.fonts.plain;
  context.fillStyle = colors.bg;
  context.fillRect(0, 0, size.width, size.height);
  drawAxis(t);
  drawRows(t);
  context.save();
  context.beginPath();
  context.rect(view.left, 0, view.width, HEAD_PX);
  context.clip();
  drawLoop(t);
  context.restore();
  context.fillStyle = colors.text;
  context.font = t.fonts.bold;
  context.fillText("Loop", 12, AXIS_PX + 20);
  context.font = t.fonts.plain;
  context.fillStyle = colors.line;
  context.fillRect(0, HEAD_PX - 1, size.width, 1);
  context.fillRect(view.left - 1, 0, 1, size.height);
  t.drawMs = performance.now() - begin;
}
