// The wheel zooms the timeline, a drag pans it, two fingers zoom it, and a click selects an item.

const CLICK_PX = 4; // A pointer that moves further is a drag.

function pointOf(t, event) {
  const box = t.canvas.getBoundingClientRect();
  return { x: event.clientX - box.left, y: event.clientY - box.top };
}

function onWheel(t, event) {
  const { x, y } = pointOf(t, event);
  const lines = event.deltaMode === 1 ? ROW_PX : 1;
  const across = Math.abs(event.deltaX) > Math.abs(event.deltaY);
  if (event.shiftKey || (x < t.view.left && y > HEAD_PX)) {
    scrollLanes(t, (event.deltaY || event.deltaX) * lines);
  } else if (across) {
    t.view.pan(event.deltaX * lines * t.view.nsPerPixel);
  } else {
    t.view.zoom(Math.exp(-event.deltaY * lines * 0.002), Math.max(x, t.view.left));
  }
  event.preventDefault();
  redraw(t);
}

function onDrag(t, drag, event) {
  const point = pointOf(t, event);
  const pointers = drag.pointers;
  const before = pointers.get(event.pointerId);
  if (!before) return;
  if (pointers.size === 2) {
    const other = [...pointers].find(([id]) => id !== event.pointerId)[1];
    const apart = Math.max(20, Math.abs(point.x - other.x));
    const apartBefore = Math.max(20, Math.abs(before.x - other.x));
    t.view.zoom(apart / apartBefore, (point.x + other.x) / 2);
  } else {
    t.view.pan((before.x - point.x) * t.view.nsPerPixel);
    scrollLanes(t, before.y - point.y);
  }
  drag.moved += Math.abs(point.x - before.x) + Math.abs(point.y - before.y);
  pointers.set(event.pointerId, point);
  redraw(t);
}

function hover(t, item) {
  const same =
    item?.kind === t.hovered?.kind &&
    item?.index === t.hovered?.index &&
    item?.time === t.hovered?.time;
  if (same) return;
  t.hovered = item;
  t.canvas.style.cursor = item ? "pointer" : "grab";
  t.onHover(item);
  redraw(t);
}

function click(t, point) {
  const item = itemAt(t, point.x, point.y);
  if (item?.kind === "head") {
    const { closed } = t.options;
    if (!closed.delete(item.name)) closed.add(item.name);
    arrangeLanes(t);
    return;
  }
  selectItem(t, item);
}

function listenToPointer(t) {
  const { canvas, scroller } = t;
  const drag = { pointers: new Map(), moved: 0 };
  const end = (event) => {
    const point = drag.pointers.get(event.pointerId);
    drag.pointers.delete(event.pointerId);
    if (point && event.type === "pointerup" && drag.moved < CLICK_PX) click(t, point);
  };
  scroller.addEventListener("wheel", (event) => onWheel(t, event), { passive: false });
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    if (drag.pointers.size === 0) drag.moved = 0;
    drag.pointers.set(event.pointerId, pointOf(t, event));
  });
  canvas.addEventListener("pointermove", (event) => {
    if (drag.pointers.size > 0) return onDrag(t, drag, event);
    const { x, y } = pointOf(t, event);
    hover(t, itemAt(t, x, y));
  });
  canvas.addEventListener("pointerup", end);
  canvas.addEventListener("pointercancel", end);
  canvas.addEventListener("pointerleave", () => hover(t, null));
  canvas.addEventListener(
    "dblclick",
    () => t.selected && t.selected.kind !== "head" && goTo(t, t.selected),
  );
  scroller.addEventListener("scroll", () => {
    t.top = scroller.scrollTop;
    redraw(t);
  });
}
