// This script decodes a record, whose words `runtime/engine/record/format.rs` describes. The result has the
// definitions as objects and the events as columns of typed arrays.

const KIND = {
  Meta: 1,
  Place: 2,
  UnitAlive: 3,
  SocketAlive: 4,
  TimerAlive: 5,
  Turn: 16,
  Spawned: 17,
  PollBegins: 18,
  PollPending: 19,
  PollReady: 20,
  PollPanicked: 21,
  Aborted: 22,
  Woken: 23,
  WokenForeign: 24,
  Parks: 25,
  Unparks: 26,
  TimerSet: 27,
  TimerFired: 28,
  TimerDropped: 29,
  Registered: 30,
  Unregistered: 31,
  Readiness: 32,
  NotReady: 33,
  WaitsForSocket: 34,
  WaitsForTask: 35,
  BudgetSpent: 36,
  MessageTaken: 37,
  UnblockBegins: 38,
  UnblockEnds: 39,
  ChildStarted: 40,
  ChildEnded: 41,
  Signal: 42,
  EventTaken: 43,
  EventHandled: 44,
};

const UNIT = {
  Task: 1,
  Main: 2,
  Messages: 3,
  Socket: 4,
  Listener: 5,
  Connect: 6,
  Timer: 7,
  Signal: 8,
  Source: 9,
};
const CAUSE = { Outside: 1, Unit: 2, Socket: 3, Timer: 4, Thread: 5, Task: 6, Shutdown: 7 };
const READY = { Readable: 1, Writable: 2, ReadClosed: 4, WriteClosed: 8, Urgent: 16 };

const MAGIC_LOW = 0x6c656e6f; // "onel"
const MAGIC_HIGH = 0x00706f6f; // "oop\0"
const VERSION = 1;
const FLAG_OVERWRITTEN = 1; // A flag of the half word above the version.
const NONE = 2 ** 48 - 1; // The id that stands for no id.
const NEVER = 2 ** 62; // A deadline of at least this value never passes.

/** The least number of words of an entry of each kind, its head included. */
const WORDS_MIN = new Uint8Array(256);
/** The kinds whose first word after the head is a time. */
const HAS_TIME = new Uint8Array(256);
for (const [names, words] of [
  ["Meta TimerDropped Unregistered BudgetSpent UnblockEnds ChildStarted ChildEnded Signal", 1],
  ["Place PollBegins PollPending PollReady PollPanicked Aborted Woken WokenForeign", 2],
  ["TimerFired Readiness NotReady WaitsForTask MessageTaken UnblockBegins EventHandled", 2],
  ["SocketAlive TimerAlive Turn Spawned Parks Unparks TimerSet Registered", 3],
  ["WaitsForSocket EventTaken", 3],
  ["UnitAlive", 4],
]) {
  for (const name of names.split(" ")) WORDS_MIN[KIND[name]] = words;
}
for (const name of [
  "Turn PollBegins PollPending PollReady PollPanicked Aborted",
  "Parks Unparks EventTaken EventHandled",
]
  .join(" ")
  .split(" ")) {
  HAS_TIME[KIND[name]] = 1;
}

/** Returns the bytes of a base64 text. Throws if the text is not base64. */
function bytesOfBase64(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

/** Access to the 64-bit words of a record as numbers. Numbers below 2^53 are exact. */
class Words {
  constructor(bytes) {
    this.bytes = bytes;
    this.count = Math.floor(bytes.length / 8);
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  low(at) {
    return this.view.getUint32(at * 8, true);
  }

  high(at) {
    return this.view.getUint32(at * 8 + 4, true);
  }

  number(at) {
    return this.low(at) + this.high(at) * 0x100000000;
  }

  /** Returns a deadline, or infinity for one that never passes. */
  deadline(at) {
    const ns = this.number(at);
    return ns < NEVER ? ns : Number.POSITIVE_INFINITY;
  }

  /** Returns whether all bits are set, which stands for "none". */
  isNone(at) {
    return this.low(at) === 0xffffffff && this.high(at) === 0xffffffff;
  }

  /** Returns the 48 bits of an id in a head or in a cause. */
  id(at) {
    return (this.low(at) >>> 16) + this.high(at) * 0x10000;
  }

  byte(at) {
    return this.bytes[at * 8];
  }

  text(from, to) {
    let end = to * 8;
    while (end > from * 8 && this.bytes[end - 1] === 0) end--;
    return printable(new TextDecoder().decode(this.bytes.subarray(from * 8, end)));
  }
}

/** Escapes control characters and marks of direction, because a name must not reorder other text. */
function printable(text) {
  const acts = /[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069]/gu;
  return text.replace(acts, (character) => `\\u{${character.codePointAt(0).toString(16)}}`);
}

/** Returns the record in `bytes`, or an object with `error`, a message for the user. */
function decodeRecord(bytes) {
  const words = new Words(bytes);
  if (words.count < 2) return { error: "The record is empty and has no header." };
  if (words.low(0) !== MAGIC_LOW || words.high(0) !== MAGIC_HIGH) {
    return { error: "The record is damaged, because it does not begin with the word `oneloop`." };
  }
  const version = words.low(1) & 0xffff;
  if (version !== VERSION) {
    return { error: `The record has version ${version}, and this page reads version ${VERSION}.` };
  }
  const record = {
    words,
    overwritten: ((words.low(1) >>> 16) & FLAG_OVERWRITTEN) !== 0,
    meta: new Map(),
    places: new Map(),
    definitions: [],
    damaged: false,
    skipped: 0,
  };
  readEntries(record);
  return record;
}

/** Finds the entries, reads the definitions, and makes the columns of the events. */
function readEntries(record) {
  const { words } = record;
  const starts = [];
  let at = 2;
  while (at < words.count) {
    const kind = words.byte(at);
    const length = (words.low(at) >>> 8) & 0xff;
    if (length === 0 || at + length > words.count) break;
    if (WORDS_MIN[kind] === 0 || length < WORDS_MIN[kind]) record.skipped++;
    else if (kind < KIND.Turn) readDefinition(record, kind, at, at + length);
    else starts.push(at);
    at += length;
  }
  record.damaged = at < words.count || words.bytes.length % 8 !== 0;
  makeColumns(record, starts);
}

function readDefinition(record, kind, at, end) {
  const { words } = record;
  if (kind === KIND.Meta) {
    const [key, ...rest] = words.text(at + 1, end).split("=");
    record.meta.set(key, rest.join("="));
  } else if (kind === KIND.Place) {
    const place = { file: words.text(at + 2, end), line: words.low(at + 1) };
    record.places.set(words.id(at), place);
  } else {
    record.definitions.push({ kind, at, end, id: words.id(at) });
  }
}

/** Makes the columns. An event without a time gets the time before it, or within a park its end. */
function makeColumns(record, starts) {
  const { words } = record;
  const count = starts.length;
  record.count = count;
  record.at = Uint32Array.from(starts);
  record.kind = new Uint8Array(count);
  record.id = new Float64Array(count);
  record.time = new Float64Array(count);
  const firstTimed = starts.find((at) => HAS_TIME[words.byte(at)] === 1);
  let last = firstTimed === undefined ? 0 : words.number(firstTimed + 1);
  record.start = last;
  for (let event = 0; event < count; event++) {
    const at = starts[event];
    const kind = words.byte(at);
    if (HAS_TIME[kind] === 1) last = Math.max(last, words.number(at + 1));
    record.kind[event] = kind;
    record.id[event] = words.id(at);
    record.time[event] = last;
    if (kind === KIND.Parks) last = endOfPark(words, starts, event) ?? last;
  }
  const written = Number(record.meta.get("end_ns"));
  record.end = Math.max(last, Number.isFinite(written) ? written : 0, record.start + 1);
}

/** Returns the end of the park that begins at `event`. The driver's reports come before `Unparks`. */
function endOfPark(words, starts, event) {
  for (let next = event + 1; next < starts.length; next++) {
    const kind = words.byte(starts[next]);
    if (HAS_TIME[kind] === 0) continue;
    return kind === KIND.Unparks ? words.number(starts[next] + 1) : undefined;
  }
  return undefined;
}

/** Returns the text of an entry whose fixed words end before `offset`. */
function textOfEntry(words, at, offset) {
  return words.text(at + offset, at + ((words.low(at) >>> 8) & 0xff));
}
