// The search finds units by name and place, and sockets by address. Enter moves to the next hit.

const HITS_MAX = 5000;

function findHits(model, text) {
  const wanted = text.trim().toLowerCase();
  if (!wanted) return [];
  const hits = [];
  for (const unit of model.units) {
    if (hits.length >= HITS_MAX) break;
    const holds = `${unitName(model, unit.index)}\n${unit.place}`.toLowerCase();
    if (holds.includes(wanted)) hits.push({ kind: "unit", index: unit.index });
  }
  for (const socket of model.sockets) {
    if (hits.length >= HITS_MAX) break;
    if (socketName(socket).toLowerCase().includes(wanted))
      hits.push({ kind: "socket", index: socket.index });
  }
  return hits;
}

/** Connects the field and its line of text. `go` shows a hit. */
function listenToSearch(model, field, output, go) {
  let hits = [];
  let at = -1;
  const say = () => {
    if (!field.value.trim()) output.textContent = "";
    else if (hits.length === 0) output.textContent = "No hit";
    else
      output.textContent =
        at < 0 ? `${plural(hits.length, "hit")}: Enter` : `Hit ${at + 1} of ${hits.length}`;
  };
  field.addEventListener("input", () => {
    hits = findHits(model, field.value);
    at = -1;
    say();
  });
  field.addEventListener("keydown", (event) => {
    if (event.key === "Escape") field.blur();
    if (event.key !== "Enter" || hits.length === 0) return;
    event.preventDefault();
    at = (at + (event.shiftKey ? hits.length - 1 + (at < 0 ? 1 : 0) : 1)) % hits.length;
    say();
    go(hits[at]);
  });
}
