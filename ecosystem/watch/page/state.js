// This script computes the state of the loop after each event, for study mode. A step forward applies
// an event. A step back starts at the nearest checkpoint and applies events again.

const BOX = { Inbox: 0, Ready: 1, Timers: 2, Driver: 3 };
const CHECKPOINTS_MAX = 100;
const CHECKPOINT_EVENTS_MIN = 256;

/** Values of the maps are replaced, never changed, so a copy of a map is a copy of the state. */
function firstState(model) {
  const state = {
    event: -1,
    turn: -1,
    turnKnown: !model.record.overwritten,
    box: BOX.Inbox,
    changed: -1,
    running: -1,
    parked: false,
    inbox: [],
    queue: new Set(),
    queueKnown: !model.record.overwritten && model.units.every(isDefined),
    timers: new Map(),
    sockets: new Map(),
    waits: new Map(),
  };
  for (const timer of model.timers) {
    if (timer.before) state.timers.set(timer.key, { deadline: timer.deadline, unit: timer.unit });
  }
  for (const socket of model.sockets) {
    if (!socket.before) continue;
    state.sockets.set(socket.index, {
      bits: socket.firstBits,
      known: socket.firstKnown,
      waiters: [],
    });
  }
  if (!model.record.overwritten) {
    for (const unit of model.readyFirst) {
      if (model.units[unit].spawnEvent < 0) state.queue.add(unit);
    }
  }
  return state;
}

/** Returns whether the record has the state of a unit before its first event. */
function isDefined(unit) {
  return unit.defined || unit.type !== UNIT.Task;
}

function copyState(state) {
  return {
    ...state,
    inbox: [...state.inbox],
    queue: new Set(state.queue),
    timers: new Map(state.timers),
    sockets: new Map(state.sockets),
    waits: new Map(state.waits),
  };
}

function makeReplay(model) {
  const every = Math.max(CHECKPOINT_EVENTS_MIN, Math.ceil(model.record.count / CHECKPOINTS_MAX));
  return {
    model,
    every,
    checkpoints: [firstState(model)],
    state: firstState(model),
    lookups: makeLookups(model),
  };
}

/** Returns the unit, socket or timer of each event. One id may have had several in turn. */
function makeLookups(model) {
  const lookups = {
    unit: new Int32Array(model.record.count).fill(-1),
    source: new Int32Array(model.record.count).fill(-1),
  };
  const { wakes, polls } = model;
  for (let i = 0; i < wakes.unit.length; i++) {
    lookups.unit[wakes.event[i]] = wakes.unit[i];
    lookups.source[wakes.event[i]] = wakes.source[i];
  }
  for (let i = 0; i < polls.unit.length; i++) {
    lookups.unit[polls.event[i]] = polls.unit[i];
    if (polls.endEvent[i] >= 0) lookups.unit[polls.endEvent[i]] = polls.unit[i];
  }
  for (const unit of model.units) {
    if (unit.spawnEvent >= 0) lookups.unit[unit.spawnEvent] = unit.index;
  }
  return lookups;
}

/** Returns the state after event `event`. */
function seek(replay, event) {
  const { checkpoints, every, model } = replay;
  const target = Math.max(-1, Math.min(event, model.record.count - 1));
  const nearest = Math.min(Math.floor((target + 1) / every), checkpoints.length - 1);
  if (replay.state.event > target || replay.state.event < checkpoints[nearest].event) {
    replay.state = copyState(checkpoints[nearest]);
  }
  while (replay.state.event < target) {
    applyEvent(replay, replay.state.event + 1);
    const next = replay.state.event + 1;
    if (next % every === 0 && next / every === checkpoints.length)
      checkpoints.push(copyState(replay.state));
  }
  return replay.state;
}

function applyEvent(replay, event) {
  const { state, model } = replay;
  const { record } = model;
  state.event = event;
  state.changed = -1;
  const box = boxOfEvent(model, event);
  if (box >= 0) state.box = box;
  const apply = STATE_STEPS[record.kind[event]];
  if (apply) apply(state, replay, event, record.at[event]);
}

const BOX_OF_CAUSE = {
  [CAUSE.Socket]: BOX.Driver,
  [CAUSE.Timer]: BOX.Timers,
  [CAUSE.Thread]: BOX.Inbox,
  [CAUSE.Unit]: BOX.Ready,
  [CAUSE.Task]: BOX.Ready,
};
const BOX_OF_KIND = {
  [KIND.Turn]: BOX.Inbox,
  [KIND.MessageTaken]: BOX.Inbox,
  [KIND.TimerFired]: BOX.Timers,
  [KIND.Parks]: BOX.Driver,
  [KIND.Unparks]: BOX.Driver,
  [KIND.Readiness]: BOX.Driver,
};
for (const name of [
  "PollBegins",
  "PollPending",
  "PollReady",
  "PollPanicked",
  "Aborted",
  "NotReady",
]) {
  BOX_OF_KIND[KIND[name]] = BOX.Ready;
}
for (const name of [
  "WaitsForSocket",
  "WaitsForTask",
  "BudgetSpent",
  "EventTaken",
  "EventHandled",
]) {
  BOX_OF_KIND[KIND[name]] = BOX.Ready;
}

/** Returns the box of the loop in which an event happens, or -1 for the box of the event before. */
function boxOfEvent(model, event) {
  const { record } = model;
  const kind = record.kind[event];
  if (kind === KIND.Woken) return BOX_OF_CAUSE[record.words.byte(record.at[event] + 1)] ?? -1;
  return BOX_OF_KIND[kind] ?? -1;
}

function enqueue(state, unit) {
  if (unit < 0 || state.queue.has(unit)) return;
  state.queue.add(unit);
  state.changed = BOX.Ready;
}

function dequeue(state, unit) {
  state.queue.delete(unit);
  state.changed = BOX.Ready;
}

/** Removes a unit and the units before it: the queue is first in, first out, so the loop passed them. */
function dequeueFirst(state, unit) {
  if (state.queue.has(unit)) {
    for (const first of state.queue) {
      state.queue.delete(first);
      if (first === unit) break;
    }
  }
  state.changed = BOX.Ready;
}

function socketIndex(replay, event) {
  const { model } = replay;
  const { times, index } = socketTimes(model, model.record.id[event]);
  const at = lowerBound(times, event + 1, (value) => value) - 1;
  return index[Math.max(0, at)] ?? -1;
}

/** Returns the sockets that have had an id, by the event of their registration. */
function socketTimes(model, id) {
  model.socketsOfId ??= new Map();
  if (model.socketsOfId.size === 0) {
    for (const socket of model.sockets) {
      if (!model.socketsOfId.has(socket.id))
        model.socketsOfId.set(socket.id, { times: [], index: [] });
      const entry = model.socketsOfId.get(socket.id);
      entry.times.push(socket.before ? -1 : socket.events[0]);
      entry.index.push(socket.index);
    }
  }
  return model.socketsOfId.get(id) ?? { times: [], index: [] };
}

function changeSocket(state, replay, event, change) {
  const index = socketIndex(replay, event);
  if (index < 0) return;
  const before = state.sockets.get(index) ?? { bits: 0, known: 0, waiters: [] };
  state.sockets.set(index, change(before));
  state.changed = BOX.Driver;
}

/** Removes the waits of a unit that has ended. */
function forgetUnit(state, unit) {
  dequeue(state, unit);
  for (const index of state.waits.get(unit) ?? []) {
    const socket = state.sockets.get(index);
    if (!socket) continue;
    state.sockets.set(index, {
      ...socket,
      waiters: socket.waiters.filter((waiter) => waiter.unit !== unit),
    });
  }
  state.waits.delete(unit);
}

function unitOfCause(model, at) {
  const { words } = model.record;
  const kind = words.byte(at);
  if (kind !== CAUSE.Unit && kind !== CAUSE.Task) return -1;
  return model.unitById.get(words.id(at)) ?? -1;
}

function endRunning(state) {
  state.running = -1;
}

function endAndForget(state, replay, event) {
  if (replay.model.record.kind[event] !== KIND.Aborted) endRunning(state);
  forgetUnit(state, unitOfEvent(replay, event));
}

/** Returns the unit of an event's id. */
function unitOfEvent(replay, event) {
  const found = replay.lookups.unit[event];
  return found >= 0 ? found : (replay.model.unitById.get(replay.model.record.id[event]) ?? -1);
}

function beginRunning(state, replay, event) {
  state.running = unitOfEvent(replay, event);
  dequeueFirst(state, state.running);
}

const STATE_STEPS = {
  [KIND.Turn](state) {
    state.turn++;
    state.turnKnown = true;
    state.inbox = [];
    state.changed = BOX.Inbox;
  },
  [KIND.Spawned](state, replay, event, at) {
    const type = (replay.model.record.words.high(at + 1) >>> 8) & 0xff;
    if (type === UNIT.Task) enqueue(state, unitOfEvent(replay, event));
  },
  [KIND.PollBegins]: beginRunning,
  [KIND.EventTaken]: beginRunning,
  [KIND.EventHandled]: endRunning,
  [KIND.PollPending]: endRunning,
  [KIND.PollReady]: endAndForget,
  [KIND.PollPanicked]: endAndForget,
  [KIND.Aborted]: endAndForget,
  [KIND.Woken](state, replay, event) {
    const unit = unitOfEvent(replay, event);
    dequeueFirst(state, unit); // A source that is queued again had no event when the loop polled it.
    enqueue(state, unit);
  },
  [KIND.Parks](state) {
    state.parked = true;
    state.queue = new Set(); // The loop parks only if no unit is ready.
    state.queueKnown = true;
  },
  [KIND.Unparks](state) {
    state.parked = false;
  },
  [KIND.TimerSet](state, replay, event, at) {
    const { record } = replay.model;
    const unit = unitOfCause(replay.model, at + 2);
    state.timers.set(record.id[event], { deadline: record.words.deadline(at + 1), unit });
    state.changed = BOX.Timers;
  },
  [KIND.TimerFired](state, replay, event) {
    state.timers.delete(replay.model.record.id[event]);
    state.changed = BOX.Timers;
  },
  [KIND.TimerDropped](state, replay, event) {
    state.timers.delete(replay.model.record.id[event]);
    state.changed = BOX.Timers;
  },
  [KIND.Registered](state, replay, event, at) {
    const bits = replay.model.record.words.low(at + 2);
    changeSocket(state, replay, event, () => ({ bits, known: 31, waiters: [] }));
  },
  [KIND.Unregistered](state, replay, event) {
    state.sockets.delete(socketIndex(replay, event));
    state.changed = BOX.Driver;
  },
  [KIND.Readiness](state, replay, event, at) {
    const more = replay.model.record.words.low(at + 1);
    changeSocket(state, replay, event, ({ bits, known, waiters }) => ({
      bits: bits | more,
      known: known | more,
      waiters: waiters
        .map(({ unit, wants }) => ({ unit, wants: wants & ~more }))
        .filter(({ wants }) => wants !== 0),
    }));
  },
  [KIND.NotReady](state, replay, event, at) {
    const less = replay.model.record.words.low(at + 1);
    changeSocket(state, replay, event, ({ bits, known, waiters }) => ({
      bits: bits & ~less,
      known: known | less,
      waiters,
    }));
  },
  [KIND.WaitsForSocket](state, replay, event, at) {
    const { words } = replay.model.record;
    const unit = unitOfCause(replay.model, at + 2);
    const wants = words.low(at + 1);
    changeSocket(state, replay, event, ({ bits, known, waiters }) => {
      const before = waiters.find((waiter) => waiter.unit === unit)?.wants ?? 0;
      const others = waiters.filter((waiter) => waiter.unit !== unit);
      return { bits, known, waiters: [...others, { unit, wants: wants | before }] };
    });
    const index = socketIndex(replay, event);
    const waits = state.waits.get(unit) ?? [];
    if (!waits.includes(index)) state.waits.set(unit, [...waits, index]);
  },
  [KIND.MessageTaken](state, replay, event, at) {
    const message = replay.model.record.words.number(at + 1);
    const unit = message === 1 ? unitOfEvent(replay, event) : -1;
    state.inbox.push({ message, unit });
    state.changed = BOX.Inbox;
  },
};
