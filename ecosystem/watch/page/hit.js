// This script finds the item under a point of the timeline, and describes it.

const NEAR_PX = 4; // A poll at most this far away counts as under the pointer.

/** Returns the poll of a list at this time, else the nearest one within `slack`, else -1. */
function pollAt(model, list, time, slack) {
  const { polls } = model;
  const next = lowerBound(list, time, (poll) => polls.begin[poll]);
  let best = -1;
  let distance = slack;
  for (const at of [next - 1, next]) {
    if (at < 0 || at >= list.length) continue;
    const poll = list[at];
    const away = Math.max(polls.begin[poll] - time, time - polls.end[poll], 0);
    if (away <= distance) {
      best = poll;
      distance = away;
    }
  }
  return best;
}

function parkAt(model, allParks, time) {
  const at = lowerBound(allParks, time, (park) => model.parks.begin[park]) - 1;
  return at >= 0 && model.parks.end[at] >= time ? at : -1;
}

/** Returns the item at `x`, `y`, which has a kind and an index, or null. */
function itemAt(t, x, y) {
  const { model, view, lanes } = t;
  const time = view.time(x);
  const slack = NEAR_PX * view.nsPerPixel;
  if (y < HEAD_PX) {
    const poll = x < view.left ? -1 : pollAt(model, t.allPolls, time, slack);
    if (poll >= 0) return { kind: "poll", index: poll };
    const park = x < view.left ? -1 : parkAt(model, t.allParks, time);
    return park >= 0 ? { kind: "park", index: park } : null;
  }
  const row = lanes.rows[Math.floor((y - HEAD_PX + t.top) / ROW_PX)];
  if (!row) return null;
  if (row.kind === "head") return { kind: "head", name: row.name };
  if (x < view.left) return row.kind === "timer" ? null : { kind: row.kind, index: row.index };
  if (row.kind === "unit") {
    const poll = pollAt(model, model.units[row.index].polls, time, slack);
    return poll >= 0 ? { kind: "poll", index: poll } : { kind: "unit", index: row.index, time };
  }
  if (row.kind === "socket") return { kind: "socket", index: row.index, time };
  const at = lowerBound(row.timers, time + slack, (timer) => model.timers[timer].set) - 1;
  return at >= 0 ? { kind: "timer", index: row.timers[at] } : null;
}

function socketWords(model, index, time) {
  const socket = model.sockets[index];
  const lines = [];
  if (time !== undefined) {
    const at = lowerBound(socket.times, time, (value) => value) - 1;
    const known = at >= 0 ? socket.known[at] : 0;
    const ready =
      time < socket.first ? "not registered" : readyText(at >= 0 ? socket.bits[at] : 0, known);
    lines.push(`At ${formatTime(time - model.start)}: ${ready}.`);
  }
  lines.push(
    socket.before
      ? "It was registered before the record."
      : `It was registered at ${formatTime(socket.first - model.start)}.`,
  );
  if (socket.last < model.end)
    lines.push(`It was unregistered at ${formatTime(socket.last - model.start)}.`);
  lines.push(`The record has ${plural(socket.events.length, "change")} of its readiness.`);
  return { title: `Socket ${socketName(socket)}`, lines, event: socket.events[0] ?? -1 };
}

function unitWords(model, index, time) {
  const unit = model.units[index];
  const { polls } = model;
  const lines = [lifeSentence(model, unit)];
  lines.push(
    `It was polled ${plural(unit.polls.length, "time")}, for ${formatTime(unit.busy)} in all.`,
  );
  const next = time === undefined ? -1 : lowerBound(unit.polls, time, (poll) => polls.begin[poll]);
  if (next > 0 && next < unit.polls.length) {
    const waits = polls.begin[unit.polls[next]] - polls.end[unit.polls[next - 1]];
    lines.push(`At this point it waits ${formatTime(waits)} from one poll to the next.`);
  }
  const event = unit.spawnEvent >= 0 ? unit.spawnEvent : (polls.event[unit.polls[0]] ?? -1);
  return { title: unitPhrase(model, index, true), lines, event };
}

function parkWords(model, index) {
  const { parks } = model;
  const taken = parks.taken[index];
  return {
    title: "The loop is parked in the driver",
    lines: [
      `The park took ${formatTime(parks.end[index] - parks.begin[index])}. Its limit was ${formatTime(parks.limit[index])}.`,
      taken < 0
        ? "The record ends before the park does."
        : `The driver then reported ${plural(taken, "event")}.`,
    ],
    event: parks.event[index],
  };
}

/** Returns a title, sentences, and the event at which study mode shows the item. */
function wordsOf(model, item) {
  switch (item.kind) {
    case "poll": {
      const { polls } = model;
      const held = heldSentence(model, item.index);
      const wake = wakeSentence(model, polls.wake[item.index], polls.begin[item.index]);
      const at = `The poll began at ${formatTime(polls.begin[item.index] - model.start)}.`;
      const title = unitPhrase(model, polls.unit[item.index], true);
      return {
        title,
        lines: [pollSentence(model, item.index), wake, held, at].filter((line) => line),
        event: polls.event[item.index],
      };
    }
    case "unit":
      return unitWords(model, item.index, item.time);
    case "socket":
      return socketWords(model, item.index, item.time);
    case "timer": {
      const timer = model.timers[item.index];
      return {
        title: upperFirst(timerPhrase(model, timer)),
        lines: [timerSentence(model, timer)],
        event: timer.event,
      };
    }
    case "park":
      return parkWords(model, item.index);
    default:
      return { title: "", lines: [], event: -1 };
  }
}
