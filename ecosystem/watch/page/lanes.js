// The timeline has one lane for each unit, socket and timer key, in groups with a head.

const ROW_PX = 24;

/** Returns the lanes whose units, sockets and timers wake the unit or are woken by it. */
function relatedTo(model, unit) {
  const related = { units: new Set([unit]), sockets: new Set(), timers: new Set() };
  const { wakes } = model;
  for (const wake of model.units[unit].wakes) {
    const source = wakes.source[wake];
    if (source < 0) continue;
    if (wakes.cause[wake] === CAUSE.Socket) related.sockets.add(source);
    else if (wakes.cause[wake] === CAUSE.Timer) related.timers.add(model.timers[source].key);
    else related.units.add(source);
  }
  for (let wake = 0; wake < wakes.unit.length; wake++) {
    const byUnit = wakes.cause[wake] === CAUSE.Unit || wakes.cause[wake] === CAUSE.Task;
    if (byUnit && wakes.source[wake] === unit) related.units.add(wakes.unit[wake]);
  }
  for (const timer of model.timers) if (timer.unit === unit) related.timers.add(timer.key);
  for (const socket of model.sockets) {
    if (socket.waiters.has(unit)) related.sockets.add(socket.index);
  }
  return related;
}

/** Returns the timers of each key, in the order of their setting. They never overlap. */
function timersByKey(model) {
  const keys = new Map();
  for (const timer of model.timers) {
    if (!keys.has(timer.key)) keys.set(timer.key, []);
    keys.get(timer.key).push(timer.index);
  }
  for (const list of keys.values()) list.sort((a, b) => model.timers[a].set - model.timers[b].set);
  return keys;
}

function sortedUnits(model, order) {
  const units = model.units.filter((unit) => unit.polls.length > 0 || unit.defined);
  const compare = {
    busy: (a, b) => b.busy - a.busy || a.first - b.first,
    first: (a, b) => a.first - b.first || a.index - b.index,
    name: (a, b) =>
      unitName(model, a.index).localeCompare(unitName(model, b.index), "en", { numeric: true }),
  };
  return units.sort(compare[order] || compare.busy);
}

/**
 * Makes the rows with these options: `order`, `closed` (the groups that show their head alone), and
 * `only` (the unit to whose relations the rows are restricted, or -1).
 */
function makeLanes(model, { order, closed, only }) {
  const related = only >= 0 ? relatedTo(model, only) : null;
  const rows = [];
  const rowOfUnit = new Int32Array(model.units.length).fill(-1);
  const rowOfSocket = new Int32Array(model.sockets.length).fill(-1);
  const rowOfTimer = new Int32Array(model.timers.length).fill(-1);
  const group = (name, members, add) => {
    if (members.length === 0) return;
    rows.push({ kind: "head", name, count: members.length, closed: closed.has(name) });
    if (!closed.has(name)) members.forEach(add);
  };
  const units = sortedUnits(model, order).filter(
    (unit) => !related || related.units.has(unit.index),
  );
  const hasSources = model.units.some((unit) => unit.type > UNIT.Main);
  group(hasSources ? "Tasks and sources" : "Tasks", units, (unit) => {
    rowOfUnit[unit.index] = rows.length;
    rows.push({ kind: "unit", index: unit.index, label: unitName(model, unit.index) });
  });
  const sockets = model.sockets.filter((socket) => !related || related.sockets.has(socket.index));
  group("Sockets", sockets, (socket) => {
    rowOfSocket[socket.index] = rows.length;
    rows.push({ kind: "socket", index: socket.index, label: socketName(socket) });
  });
  const timers = [...timersByKey(model)].filter(([key]) => !related || related.timers.has(key));
  timers.sort(([a], [b]) => a - b);
  group("Timers", timers, ([key, list]) => {
    for (const timer of list) rowOfTimer[timer] = rows.length;
    rows.push({ kind: "timer", index: key, label: `timer ${key}`, timers: list });
  });
  return { rows, rowOfUnit, rowOfSocket, rowOfTimer, height: rows.length * ROW_PX };
}

/** Returns the first index in `list` whose value is at least `limit`. */
function lowerBound(list, limit, value) {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (value(list[middle]) < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
