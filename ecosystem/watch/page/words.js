// The page's texts: times, names and sentences. Each is plain text.

const HELD_NS = 100e3; // A wait of at least this time has a sentence about its reason.

const UNIT_WORDS = {
  0: "Event without a source",
  1: "Task",
  2: "Main future",
  3: "Messages",
  4: "Watched socket",
  5: "Listener",
  6: "Connect",
  7: "Timer source",
  8: "Signal source",
  9: "Source",
};
const HOW_WORDS = {
  [END_OPEN]: "and the record ends before the poll does",
  [KIND.PollPending]: "and then waits",
  [KIND.PollReady]: "and is then complete",
  [KIND.PollPanicked]: "and then panicked",
  [KIND.EventHandled]: "",
};
const EVENT_WORDS = {
  1: "Message",
  2: "Readable",
  3: "Writable",
  4: "Accepted",
  5: "Connected",
  6: "Timer",
  7: "Signal",
  8: "TimedOut",
};
const READY_WORDS = [
  [READY.Readable, "readable"],
  [READY.Writable, "writable"],
  [READY.ReadClosed, "closed for reading"],
  [READY.WriteClosed, "closed for writing"],
  [READY.Urgent, "urgent data"],
];

/** Formats a duration with three digits and a unit. */
function formatTime(ns) {
  if (!Number.isFinite(ns)) return "without a limit";
  const [value, unit] =
    Math.abs(ns) < 1e3
      ? [ns, "ns"]
      : Math.abs(ns) < 1e6
        ? [ns / 1e3, "µs"]
        : Math.abs(ns) < 1e9
          ? [ns / 1e6, "ms"]
          : [ns / 1e9, "s"];
  const digits = unit === "ns" || Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  const text = value.toFixed(digits);
  return `${digits > 0 ? text.replace(/\.?0+$/, "") : text} ${unit}`;
}

function formatCount(count) {
  return count.toLocaleString("en-US");
}

function plural(count, noun) {
  return `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;
}

function idText(id) {
  return `${Math.floor(id / 0x1000000)}.${id % 0x1000000}`;
}

/** Returns the short name of a unit, for lanes and lists. */
function unitName(model, index) {
  if (index < 0) return "an unknown unit";
  const unit = model.units[index];
  if (unit.name) return unit.name;
  if (unit.id < 0) return "no source";
  const word =
    unit.type === UNIT.Main ? "block_on" : `${UNIT_WORDS[unit.type] || "Unit"} ${idText(unit.id)}`;
  return unit.defined ? word : `${word} (name unknown)`;
}

/** Returns a unit's phrase for a sentence: its type, its name, and its place if `withPlace`. */
function unitPhrase(model, index, withPlace = false) {
  if (index < 0) return "an unknown unit";
  const unit = model.units[index];
  const word = UNIT_WORDS[unit.type] || "Unit";
  const name = unit.name
    ? `${word} '${unit.name}'`
    : unit.id < 0
      ? word
      : `${word} ${idText(unit.id)}`;
  return withPlace && unit.place ? `${name} (${unit.place})` : name;
}

function socketName(socket) {
  if (socket.text) return socket.text;
  return socket.descriptor >= 0
    ? `descriptor ${socket.descriptor}`
    : `${idText(socket.id)} (address unknown)`;
}

function timerPhrase(model, timer) {
  if (!timer) return "a timer";
  const unit = timer.unit >= 0 ? ` of ${lowerFirst(unitPhrase(model, timer.unit))}` : "";
  return `timer ${timer.key}${unit}`;
}

function lowerFirst(text) {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

function upperFirst(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Describes a readiness. Bits whose state is unknown are described as unknown. */
function readyText(bits, known = 31) {
  const words = READY_WORDS.filter(([bit]) => bits & known & bit).map(([, word]) => word);
  const rest = READY.Readable | READY.Writable;
  if ((known & rest) === 0 && words.length === 0) return "unknown";
  const unknown = READY_WORDS.slice(0, 2).filter(([bit]) => !(known & bit));
  for (const [, word] of unknown) words.push(`${word}: unknown`);
  return words.length > 0 ? words.join(", ") : "not ready";
}

/** Returns a cause as the object of "by". */
function causePhrase(model, cause, source) {
  switch (cause) {
    case CAUSE.Outside:
      return "code outside any poll";
    case CAUSE.Unit:
      return lowerFirst(unitPhrase(model, source));
    case CAUSE.Socket:
      return `socket ${socketName(model.sockets[source])}`;
    case CAUSE.Timer:
      return timerPhrase(model, model.timers[source]);
    case CAUSE.Thread:
      return "another thread";
    case CAUSE.Task:
      return `the end of ${lowerFirst(unitPhrase(model, source))}`;
    case CAUSE.Shutdown:
      return "the end of the runtime";
    default:
      return "an unknown cause";
  }
}

/** Returns the sentence about a poll: the unit, its place, the duration and the result. */
function pollSentence(model, poll) {
  const { polls } = model;
  const unit = unitPhrase(model, polls.unit[poll], true);
  const time = formatTime(polls.end[poll] - polls.begin[poll]);
  if (polls.taken[poll] > 0) {
    const event = EVENT_WORDS[polls.taken[poll]] || "of an unknown kind";
    return `The program handled event ${event} of ${lowerFirst(unit)} for ${time}.`;
  }
  const how = HOW_WORDS[polls.how[poll]];
  return `${unit} was polled for ${time}${how ? `, ${how}` : ""}.`;
}

function wakeSentence(model, wake, before) {
  if (wake < 0) return "The record does not have the wake before this poll.";
  const { wakes } = model;
  const verb = model.record.kind[wakes.event[wake]] === KIND.Spawned ? "spawned" : "woken";
  const by = causePhrase(model, wakes.cause[wake], wakes.source[wake]);
  return `It was ${verb} ${formatTime(before - wakes.time[wake])} earlier by ${by}.`;
}

/** Returns the longest poll between a wake and the poll that it caused, or -1. */
function longestBetween(model, poll) {
  const { polls, wakes } = model;
  const wake = polls.wake[poll];
  if (wake < 0) return -1;
  let longest = -1;
  for (let other = poll - 1; other >= 0 && polls.end[other] > wakes.time[wake]; other--) {
    const time = polls.end[other] - polls.begin[other];
    if (longest < 0 || time > polls.end[longest] - polls.begin[longest]) longest = other;
  }
  return longest;
}

/** Returns the sentence about the poll that made a unit wait for long, or an empty text. */
function heldSentence(model, poll) {
  const { polls, wakes } = model;
  const longest = longestBetween(model, poll);
  if (longest < 0) return "";
  const waited = polls.begin[poll] - wakes.time[polls.wake[poll]];
  const time = polls.end[longest] - polls.begin[longest];
  if (waited < HELD_NS || time * 4 < waited) return "";
  return `Meanwhile ${lowerFirst(unitPhrase(model, polls.unit[longest], true))} held the loop for ${formatTime(time)}.`;
}

function lifeSentence(model, unit) {
  const spawned =
    unit.spawnEvent < 0
      ? "It existed before the record."
      : `It was spawned at ${formatTime(unit.first - model.start)}${
          unit.parent >= 0 ? ` by ${lowerFirst(unitPhrase(model, unit.parent))}` : ""
        }.`;
  const ends = {
    [KIND.PollReady]: "It completed",
    [KIND.PollPanicked]: "It panicked",
    [KIND.Aborted]: "It was aborted",
  };
  const end =
    unit.endEvent < 0 ? "" : ` ${ends[unit.endKind]} at ${formatTime(unit.last - model.start)}.`;
  return spawned + end;
}

function timerSentence(model, timer) {
  const length = Number.isNaN(timer.deadline)
    ? ""
    : ` for ${formatTime(timer.deadline - timer.set)}`;
  const set = timer.before
    ? `${upperFirst(timerPhrase(model, timer))} was set before the record.`
    : `${upperFirst(timerPhrase(model, timer))} was set${length}.`;
  const late = timer.end - timer.deadline;
  if (timer.how === KIND.TimerFired) {
    return `${set} It fired ${late > 0 ? `${formatTime(late)} after its deadline` : "at its deadline"}.`;
  }
  if (timer.how === KIND.TimerDropped) {
    return `${set} It was dropped before its deadline, after ${formatTime(timer.end - timer.set)}.`;
  }
  return `${set} The record ends before its deadline.`;
}
