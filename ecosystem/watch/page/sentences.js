// A sentence describes an event. `READ_AT` has the function in the source that makes the event. A
// test compares `READ_AT` with the sources.

const READ_AT = {
  Turn: ["Core::turn", "runtime/engine/core.rs"],
  Spawned: ["Tasks::insert", "runtime/engine/tasks.rs"],
  Added: ["EventSources::insert", "runtime/event_loop/sources.rs"],
  PollBegins: ["Core::run", "runtime/engine/core.rs"],
  MainBegins: ["Runtime::block_on", "runtime/runtime.rs"],
  PollPending: ["Tasks::end_poll", "runtime/engine/tasks.rs"],
  PollReady: ["Core::finish", "runtime/engine/core.rs"],
  PollPanicked: ["cell::poll", "runtime/engine/cell.rs"],
  Aborted: ["Core::cancel", "runtime/engine/ending.rs"],
  Woken: ["Tasks::wake", "runtime/engine/tasks.rs"],
  WokenBySocket: ["Tasks::wake_all", "runtime/engine/tasks.rs"],
  WokenByTimer: ["Core::wake", "runtime/engine/core.rs"],
  WokenByThread: ["Core::read_messages", "runtime/engine/messages.rs"],
  WokenForeign: ["wake_foreign", "runtime/engine/wait_list.rs"],
  Parks: ["Core::poll_or_park", "runtime/engine/core.rs"],
  Unparks: ["Core::take_events", "runtime/engine/core.rs"],
  TimerSet: ["Wheel::insert", "runtime/engine/wheel.rs"],
  TimerFired: ["Wheel::fire", "runtime/engine/wheel.rs"],
  TimerDropped: ["Wheel::remove", "runtime/engine/wheel.rs"],
  Registered: ["Registration::open", "runtime/engine/registration.rs"],
  Unregistered: ["Registration::release", "runtime/engine/registration.rs"],
  Readiness: ["Reactor::mark", "runtime/engine/reactor.rs"],
  NotReady: ["IoSlot::clear", "runtime/engine/reactor.rs"],
  WaitsForSocket: ["Registration::wait", "runtime/engine/registration.rs"],
  WaitsForTask: ["Tasks::add_joiner", "runtime/engine/joins.rs"],
  BudgetSpent: ["Budget::deny", "runtime/engine/budget.rs"],
  MessageTaken: ["Core::read_messages", "runtime/engine/messages.rs"],
  UnblockBegins: ["start", "runtime/unblock/mod.rs"],
  UnblockEnds: ["Pool::work", "runtime/unblock/pool.rs"],
  ChildStarted: ["Process::new", "runtime/process/reap.rs"],
  ChildEnded: ["Process::wait", "runtime/process/reap.rs"],
  Signal: ["Signal::poll_recv", "runtime/signal/unix.rs"],
  EventTaken: ["EventLoop::take", "runtime/event_loop/mod.rs"],
  EventHandled: ["EventLoop::next_event", "runtime/event_loop/mod.rs"],
};

const KIND_NAMES = Object.fromEntries(Object.entries(KIND).map(([name, number]) => [number, name]));
const WOKEN_AT = {
  [CAUSE.Socket]: "WokenBySocket",
  [CAUSE.Timer]: "WokenByTimer",
  [CAUSE.Thread]: "WokenByThread",
};

/** Returns the row of `READ_AT` for an event. */
function readAt(replay, event) {
  const { record, units } = replay.model;
  const kind = record.kind[event];
  if (kind === KIND.Woken)
    return READ_AT[WOKEN_AT[record.words.byte(record.at[event] + 1)] ?? "Woken"];
  const unit = units[unitOfEvent(replay, event)];
  if (kind === KIND.Spawned && unit && unit.type > UNIT.Main) return READ_AT.Added;
  if (kind === KIND.PollBegins && unit?.type === UNIT.Main) return READ_AT.MainBegins;
  return READ_AT[KIND_NAMES[kind]] ?? ["Core::turn", "runtime/engine/core.rs"];
}

/** Returns the names that the sentences need. */
function namesAt(replay, event) {
  const { model } = replay;
  const { words } = model.record;
  const at = model.record.at[event];
  return {
    model,
    words,
    at,
    event,
    now: model.record.time[event],
    id: model.record.id[event],
    unit: () => unitPhrase(model, unitOfEvent(replay, event)),
    socket: () => {
      const index = socketIndex(replay, event);
      return index < 0 ? "a socket" : `socket ${socketName(model.sockets[index])}`;
    },
    waiter: (offset) =>
      words.byte(at + offset) === CAUSE.Outside
        ? "a waker of another crate"
        : lowerFirst(unitPhrase(model, unitOfCause(model, at + offset))),
    source: () => replay.lookups.source[event],
  };
}

const MESSAGE_WORDS = { 1: "a wake", 2: "a call of a closure", 3: "the request to stop" };

const SENTENCES = {
  Turn: ({ words, at }) =>
    `Turn ${formatCount(words.number(at + 2))} begins: the loop drains its inbox first.`,
  Spawned: ({ unit, model, words, at }) => {
    const by = causePhrase(model, words.byte(at + 2), unitOfCause(model, at + 2));
    return ((words.high(at + 1) >>> 8) & 0xff) === UNIT.Task
      ? `${unit()} is spawned by ${by} and goes to the back of the ready queue.`
      : `${unit()} is added by ${by}.`;
  },
  PollBegins: ({ unit }) => `${unit()} leaves the ready queue, and its poll begins.`,
  PollPending: ({ unit }) =>
    `The poll of ${lowerFirst(unit())} ends with \`Pending\`, so it waits for a wake.`,
  PollReady: ({ unit }) =>
    `The poll of ${lowerFirst(unit())} ends with \`Ready\`, so it is complete.`,
  PollPanicked: ({ unit }) =>
    `The poll of ${lowerFirst(unit())} ends with a panic, which the loop catches.`,
  Aborted: ({ unit }) => `The future of ${lowerFirst(unit())} is dropped before it is complete.`,
  Woken: ({ unit, model, words, at, source }) =>
    `${unit()} is woken by ${causePhrase(model, words.byte(at + 1), source())} and goes to the back of the ready queue.`,
  WokenForeign: ({ model, words, at }) =>
    `A waker of another crate is called by ${causePhrase(model, words.byte(at + 1), -1) || "an unknown cause"}.`,
  Parks: ({ words, at }) =>
    words.isNone(at + 2)
      ? "No unit is ready and no timer is set: the loop parks in the driver until the driver reports an event."
      : `No unit is ready: the loop parks in the driver for ${formatTime(words.number(at + 2))} at most.`,
  Unparks: ({ words, at }) =>
    `The loop unparks, and the driver has reported ${plural(words.number(at + 2), "event")}.`,
  TimerSet: ({ words, at, now, waiter, id }) => {
    const left = words.deadline(at + 1) - now;
    const due = Number.isFinite(left) ? `is due in ${formatTime(left)}` : "never fires";
    return `Timer ${id} is set: it ${due}, and ${waiter(2)} waits for it.`;
  },
  TimerFired: ({ id }) =>
    `The deadline of timer ${id} has passed. The timer fires and leaves the wheel.`,
  TimerDropped: ({ id }) => `Timer ${id} is dropped. If it has not fired, it leaves the wheel.`,
  Registered: ({ socket }) => `The driver registers ${socket()}, once and for both directions.`,
  Unregistered: ({ socket }) => `The registration of ${socket()} ends.`,
  Readiness: ({ socket, words, at }) =>
    `The driver reports ${socket()}: ${readyText(words.low(at + 1))}. The reactor marks the slot.`,
  NotReady: ({ socket, words, at }) =>
    `An operation finds ${socket()} no longer ${readyText(words.low(at + 1))}: the slot is cleared.`,
  WaitsForSocket: ({ socket, waiter, words, at }) =>
    `${upperFirst(waiter(2))} waits until ${socket()} is ${readyText(words.low(at + 1))}.`,
  WaitsForTask: ({ unit, waiter }) =>
    `${upperFirst(waiter(1))} waits for the end of ${lowerFirst(unit())}.`,
  BudgetSpent: ({ unit }) =>
    `${unit()} has used its budget in this poll, so it goes to the back of the ready queue.`,
  MessageTaken: ({ unit, words, at }) => {
    const message = words.number(at + 1);
    const what = MESSAGE_WORDS[message] ?? "a message of an unknown kind";
    return `The loop takes ${what}${message === 1 ? ` of ${lowerFirst(unit())}` : ""} from the inbox.`;
  },
  UnblockBegins: ({ id, model, words, at }) => {
    const caller = causePhrase(model, words.byte(at + 1), unitOfCause(model, at + 1));
    return `${upperFirst(caller)} passes closure ${id} to the pool of threads.`;
  },
  UnblockEnds: ({ id }) => `The pool of threads returns the result of closure ${id}.`,
  ChildStarted: ({ id }) => `Child process ${id} starts.`,
  ChildEnded: ({ id }) => `Child process ${id} has ended.`,
  Signal: ({ id }) => `Signal ${id} arrives.`,
  EventTaken: ({ unit, words, at, id }) => {
    const event = EVENT_WORDS[words.number(at + 2)] ?? "of an unknown kind";
    return `The program takes event ${event}${id !== NONE ? ` of ${lowerFirst(unit())}` : ""}.`;
  },
  EventHandled: () => "The program has handled the event, and requests the next one.",
};

/** Returns the sentence about an event. */
function sentenceOf(replay, event) {
  if (event < 0) return "The record begins.";
  const sentence = SENTENCES[KIND_NAMES[replay.model.record.kind[event]]];
  return sentence
    ? sentence(namesAt(replay, event))
    : "This page does not know the kind of this event.";
}
