// This script builds the model of a record: units (tasks and other entries of the ready queue), their
// polls, wakes, timers, sockets, turns and parks. All references are indices.

const MESSAGE = 1; // The event whose source is the queue of messages.
const STATE_READY = 2; // The state of a unit in the ready queue.
// The ids of the units that stand for events without a source.
const NO_SOURCE = -1;
const MESSAGES = -2;
const END_OPEN = 0; // The record ended before the poll.

function emptyModel(record) {
  return {
    record,
    start: record.start,
    end: record.end,
    units: [],
    unitById: new Map(),
    sockets: [],
    socketById: new Map(),
    timers: [],
    timerByKey: new Map(),
    timersAlive: new Map(),
    readyFirst: [],
    messages: -1,
    pending: [],
    turns: { time: [], number: [], event: [] },
    parks: { begin: [], end: [], limit: [], taken: [], event: [] },
    polls: { unit: [], begin: [], end: [], how: [], event: [], endEvent: [], wake: [], taken: [] },
    wakes: { unit: [], time: [], cause: [], source: [], event: [], poll: [] },
    runningPoll: -1,
    parked: false,
  };
}

function buildModel(record) {
  const model = emptyModel(record);
  for (const definition of record.definitions) addDefinition(model, definition);
  addFirstState(model);
  for (let event = 0; event < record.count; event++) {
    const step = MODEL_STEPS[record.kind[event]];
    if (step) step(model, event, record.at[event]);
  }
  finishModel(model);
  return model;
}

function addUnit(model, id, fields) {
  const unit = {
    index: model.units.length,
    id,
    name: "",
    place: "",
    type: UNIT.Task,
    defined: false,
    parent: -1,
    spawnEvent: -1,
    endEvent: -1,
    endKind: 0,
    first: Number.POSITIVE_INFINITY,
    last: model.end,
    busy: 0,
    polls: [],
    wakes: [],
    pendingWake: -1,
    ...fields,
  };
  model.units.push(unit);
  model.unitById.set(id, unit.index);
  return unit;
}

/** Returns the unit with this id. One without a definition existed before the record and has ended. */
function unitOf(model, id, event) {
  const index = model.unitById.get(id);
  const unit = index === undefined ? addUnit(model, id, {}) : model.units[index];
  if (unit.first === Number.POSITIVE_INFINITY) {
    unit.first = unit.spawnEvent < 0 ? model.start : model.record.time[event];
  }
  return unit;
}

function addSocket(model, id, fields) {
  const socket = {
    index: model.sockets.length,
    id,
    text: "",
    descriptor: -1,
    defined: false,
    definitions: 0,
    firstBits: 0,
    firstKnown: 0,
    before: true,
    first: model.start,
    last: model.end,
    times: [],
    bits: [],
    known: [],
    events: [],
    waiters: new Set(),
    ...fields,
  };
  model.sockets.push(socket);
  model.socketById.set(id, socket.index);
  return socket;
}

function socketOf(model, id) {
  const index = model.socketById.get(id);
  return index === undefined ? addSocket(model, id, {}) : model.sockets[index];
}

function addTimer(model, id, fields) {
  const timer = {
    index: model.timers.length,
    key: id,
    deadline: Number.NaN,
    unit: -1,
    set: model.start,
    end: model.end,
    how: 0,
    event: -1,
    before: true,
    ...fields,
  };
  model.timers.push(timer);
  model.timerByKey.set(id, timer.index);
  return timer;
}

function timerOf(model, key) {
  const index = model.timerByKey.get(key);
  return index === undefined ? addTimer(model, key, {}) : model.timers[index];
}

function placeText(record, number) {
  const place = record.places.get(number);
  return place ? `${place.file}:${place.line}` : "";
}

/**
 * A definition describes an object that existed when the record was started or written. If an id has
 * two definitions, the first is that of the start.
 */
function addDefinition(model, { kind, at, end, id }) {
  const { words } = model.record;
  if (kind === KIND.UnitAlive) {
    const place = placeText(model.record, words.low(at + 1));
    const type = (words.high(at + 1) >>> 8) & 0xff;
    if (model.unitById.has(id)) return;
    const unit = addUnit(model, id, { name: words.text(at + 4, end), place, type, defined: true });
    if ((words.high(at + 1) & 0xff) === STATE_READY) model.readyFirst.push(unit.index);
  } else if (kind === KIND.SocketAlive) {
    const descriptor = words.isNone(at + 1) ? -1 : words.number(at + 1);
    const fields = { text: words.text(at + 3, end), descriptor, defined: true };
    if (!model.socketById.has(id))
      addSocket(model, id, { ...fields, firstBits: words.low(at + 2) });
    socketOf(model, id).definitions++;
  } else if (kind === KIND.TimerAlive) {
    if (!model.timersAlive.has(id)) model.timersAlive.set(id, at);
  }
}

/** Adds the timers and the readiness before the first event, which no event of the record has made. */
function addFirstState(model) {
  const { record } = model;
  const { words } = record;
  const ended = new Set();
  const set = new Set(); // The keys of timers whose definition is that of the end.
  for (let event = 0; event < record.count; event++) {
    const id = record.id[event];
    if (record.kind[event] === KIND.Unregistered) ended.add(id);
    if (record.kind[event] !== KIND.TimerSet || !model.timersAlive.has(id)) continue;
    const deadline = words.number(model.timersAlive.get(id) + 1);
    if (words.number(record.at[event] + 1) === deadline) set.add(id);
  }
  for (const socket of model.sockets) {
    const ofStart = socket.definitions > 1 || ended.has(socket.id);
    if (ofStart && !record.overwritten) socket.firstKnown = 31;
    else socket.firstBits = 0;
  }
  for (const [id, at] of model.timersAlive) {
    const deadline = words.deadline(at + 1);
    const stale = record.overwritten && deadline < record.start;
    if (stale || set.has(id)) continue;
    const unit = words.byte(at + 2) === CAUSE.Unit ? sourceOf(model, at + 2, 0) : -1;
    addTimer(model, id, { deadline, unit });
  }
}

/** Returns the index of a cause's unit, socket or timer, or -1 for other causes. */
function sourceOf(model, at, event) {
  const { words } = model.record;
  const id = words.id(at);
  switch (words.byte(at)) {
    case CAUSE.Unit:
    case CAUSE.Task:
      return unitOf(model, id, event).index;
    case CAUSE.Socket:
      return socketOf(model, id).index;
    case CAUSE.Timer:
      return timerOf(model, id).index;
    default:
      return -1;
  }
}

function addWake(model, unit, event, cause, source) {
  const { wakes } = model;
  const index = wakes.unit.length;
  wakes.unit.push(unit.index);
  wakes.time.push(model.record.time[event]);
  wakes.cause.push(cause);
  wakes.source.push(source);
  wakes.event.push(event);
  wakes.poll.push(-1);
  unit.wakes.push(index);
  if (unit.pendingWake >= 0) return;
  unit.pendingWake = index;
  model.pending.push(unit);
}

function addSpawned(model, event, at) {
  const { words } = model.record;
  const id = model.record.id[event];
  const type = (words.high(at + 1) >>> 8) & 0xff;
  const source = words.byte(at + 2) === CAUSE.Unit ? sourceOf(model, at + 2, event) : -1;
  const fields = {
    name: textOfEntry(words, at, 3),
    place: placeText(model.record, words.low(at + 1)),
    type,
    defined: true,
    parent: source,
    spawnEvent: event,
    first: model.record.time[event],
  };
  const alive = model.unitById.get(id);
  const fresh =
    alive !== undefined && model.units[alive].spawnEvent < 0 && !model.units[alive].polls.length;
  const unit = fresh ? Object.assign(model.units[alive], fields) : addUnit(model, id, fields);
  if (type === UNIT.Task) addWake(model, unit, event, words.byte(at + 2), source);
  if (type === UNIT.Messages) model.messages = unit.index;
}

function beginPoll(model, unit, event, taken) {
  const { polls, wakes } = model;
  if (model.runningPoll >= 0) endPoll(model, event, END_OPEN);
  const poll = polls.unit.length;
  polls.unit.push(unit.index);
  polls.begin.push(model.record.time[event]);
  polls.end.push(model.end);
  polls.how.push(END_OPEN);
  polls.event.push(event);
  polls.endEvent.push(-1);
  polls.wake.push(unit.pendingWake);
  polls.taken.push(taken);
  if (unit.pendingWake >= 0) wakes.poll[unit.pendingWake] = poll;
  unit.pendingWake = -1;
  unit.polls.push(poll);
  model.runningPoll = poll;
}

function endPoll(model, event, how) {
  const { polls } = model;
  const poll = model.runningPoll;
  model.runningPoll = -1;
  if (poll < 0) return;
  polls.end[poll] = model.record.time[event];
  polls.how[poll] = how;
  polls.endEvent[poll] = event;
}

function endUnit(model, event) {
  const unit = unitOf(model, model.record.id[event], event);
  unit.endEvent = event;
  unit.endKind = model.record.kind[event];
  unit.last = model.record.time[event];
}

/** Returns the unit of an `EventTaken`: its source, or the unit for events without a source. */
function takerOf(model, event, taken) {
  const id = model.record.id[event];
  if (id !== NONE) return unitOf(model, id, event);
  const first = model.record.time[event];
  if (taken === MESSAGE) {
    if (model.messages >= 0) return model.units[model.messages];
    const fields = { name: "messages", type: UNIT.Messages, defined: true, first };
    model.messages = addUnit(model, MESSAGES, fields).index;
    return model.units[model.messages];
  }
  const index = model.unitById.get(NO_SOURCE);
  if (index !== undefined) return model.units[index];
  return addUnit(model, NO_SOURCE, { name: "no source", type: 0, defined: true, first });
}

function mark(model, event, change) {
  const socket = socketOf(model, model.record.id[event]);
  const last = socket.bits.length - 1;
  const before = last < 0 ? socket.firstBits : socket.bits[last];
  const known =
    last < 0
      ? socket.before
        ? socket.firstKnown
        : READY.Readable | READY.Writable
      : socket.known[last];
  const { bits, touched } = change(before);
  socket.times.push(model.record.time[event]);
  socket.bits.push(bits);
  socket.known.push(known | touched);
  socket.events.push(event);
}

const MODEL_STEPS = {
  [KIND.Turn](model, event, at) {
    model.turns.time.push(model.record.time[event]);
    model.turns.number.push(model.record.words.number(at + 2));
    model.turns.event.push(event);
  },
  [KIND.Spawned]: addSpawned,
  [KIND.PollBegins](model, event) {
    beginPoll(model, unitOf(model, model.record.id[event], event), event, 0);
  },
  [KIND.PollPending](model, event) {
    endPoll(model, event, KIND.PollPending);
  },
  [KIND.PollReady](model, event) {
    endPoll(model, event, KIND.PollReady);
    endUnit(model, event);
  },
  [KIND.PollPanicked](model, event) {
    endPoll(model, event, KIND.PollPanicked);
    endUnit(model, event);
  },
  [KIND.Aborted]: endUnit,
  [KIND.Woken](model, event, at) {
    const unit = unitOf(model, model.record.id[event], event);
    addWake(model, unit, event, model.record.words.byte(at + 1), sourceOf(model, at + 1, event));
  },
  [KIND.Parks](model, event, at) {
    const { parks, record } = model;
    parks.begin.push(record.time[event]);
    parks.end.push(model.end);
    parks.limit.push(
      record.words.isNone(at + 2) ? Number.POSITIVE_INFINITY : record.words.number(at + 2),
    );
    parks.taken.push(-1);
    parks.event.push(event);
    model.parked = true;
    // The loop parks only if no unit is ready, so a queued unit has left the queue without a poll.
    for (const unit of model.pending) unit.pendingWake = -1;
    model.pending = [];
  },
  [KIND.Unparks](model, event, at) {
    const { parks, record } = model;
    if (!model.parked) return;
    model.parked = false;
    parks.end[parks.end.length - 1] = record.time[event];
    parks.taken[parks.taken.length - 1] = record.words.number(at + 2);
  },
  [KIND.TimerSet](model, event, at) {
    const { record } = model;
    const unit = record.words.byte(at + 2) === CAUSE.Unit ? sourceOf(model, at + 2, event) : -1;
    const deadline = record.words.deadline(at + 1);
    const fields = { deadline, unit, set: record.time[event], event, before: false };
    addTimer(model, record.id[event], fields);
  },
  [KIND.TimerFired](model, event, at) {
    const timer = timerOf(model, model.record.id[event]);
    timer.deadline = model.record.words.deadline(at + 1);
    Object.assign(timer, { end: model.record.time[event], how: KIND.TimerFired });
  },
  [KIND.TimerDropped](model, event) {
    const timer = timerOf(model, model.record.id[event]);
    if (timer.how === 0)
      Object.assign(timer, { end: model.record.time[event], how: KIND.TimerDropped });
  },
  [KIND.Registered](model, event, at) {
    const { record } = model;
    const descriptor = record.words.isNone(at + 1) ? -1 : record.words.number(at + 1);
    const text = textOfEntry(record.words, at, 3);
    const fields = { text, descriptor, defined: true, before: false, first: record.time[event] };
    const known = model.socketById.get(record.id[event]);
    const fresh =
      known !== undefined && model.sockets[known].before && !model.sockets[known].times.length;
    if (fresh) Object.assign(model.sockets[known], fields);
    else addSocket(model, record.id[event], fields);
    mark(model, event, () => ({ bits: record.words.low(at + 2), touched: 31 }));
  },
  [KIND.Unregistered](model, event) {
    socketOf(model, model.record.id[event]).last = model.record.time[event];
  },
  [KIND.Readiness](model, event, at) {
    const more = model.record.words.low(at + 1);
    mark(model, event, (bits) => ({ bits: bits | more, touched: more }));
  },
  [KIND.NotReady](model, event, at) {
    const less = model.record.words.low(at + 1);
    mark(model, event, (bits) => ({ bits: bits & ~less, touched: less }));
  },
  [KIND.WaitsForSocket](model, event, at) {
    const socket = socketOf(model, model.record.id[event]);
    if (model.record.words.byte(at + 2) === CAUSE.Unit)
      socket.waiters.add(sourceOf(model, at + 2, event));
  },
  [KIND.EventTaken](model, event, at) {
    const taken = model.record.words.number(at + 2);
    beginPoll(model, takerOf(model, event, taken), event, taken);
  },
  [KIND.EventHandled](model, event) {
    if (model.runningPoll >= 0) endPoll(model, event, KIND.EventHandled);
  },
};

/** Computes the values that need the whole record. */
function finishModel(model) {
  const { polls, units } = model;
  let busy = 0;
  model.busyBefore = new Float64Array(polls.unit.length + 1);
  for (let poll = 0; poll < polls.unit.length; poll++) {
    const time = polls.end[poll] - polls.begin[poll];
    units[polls.unit[poll]].busy += time;
    busy += time;
    model.busyBefore[poll + 1] = busy;
  }
  for (const unit of units) {
    if (unit.first === Number.POSITIVE_INFINITY) unit.first = model.start;
    // The unit of `block_on`'s future exists also before the first `block_on`.
    if (unit.type === UNIT.Main && unit.spawnEvent < 0 && !unit.polls.length) unit.defined = false;
  }
  model.busy = busy;
  model.parkedTime = model.parks.begin.reduce(
    (sum, begin, i) => sum + model.parks.end[i] - begin,
    0,
  );
}
