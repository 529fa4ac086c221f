// The tension map made explorable: zoom, pan, neighbors, filters, and an address for each view.
// Without it the map is a drawing with links, and the tables say the same. What a reader can
// filter by stands in the rows of the tables, so nothing is fetched and nothing is said twice.
(() => {
  const frame = document.getElementById("map");
  const form = document.querySelector(".map-tools");
  if (!frame || !form) return;
  const view = frame.querySelector(".map-view");
  const panel = frame.querySelector(".map-panel");
  const count = form.querySelector(".map-count");
  const linkField = form.querySelector(".map-link");
  const FILTERS = ["strand", "stance", "review", "facet", "from", "to"];
  const MOST = 8; // times larger than the whole map
  const words = (text) => new Set((text || "").split(" ").filter(Boolean));

  // -- what is on the map ------------------------------------------------------------------

  const nodes = new Map();
  for (const row of document.querySelectorAll("tr[data-node]")) {
    const { node, strand, years, facets, reviews } = row.dataset;
    nodes.set(node, {
      id: node, row, strand, marks: [], lines: [], near: new Set(),
      years: [...words(years)].map(Number), facets: words(facets), reviews: words(reviews),
    });
  }
  const sheets = [...view.querySelectorAll("svg.map")].map((svg) => {
    const [, , width, height] = svg.getAttribute("viewBox").split(" ").map(Number);
    return { svg, width, height, scale: 1, x: width / 2, y: height / 2 };
  });
  const lines = [];
  for (const { svg } of sheets) {
    for (const mark of svg.querySelectorAll("[data-node]")) {
      nodes.get(mark.dataset.node)?.marks.push(mark);
    }
    for (const path of svg.querySelectorAll("path[data-from]")) {
      const line = {
        path, stance: path.parentNode.dataset.stance,
        from: nodes.get(path.dataset.from), to: nodes.get(path.dataset.to),
      };
      if (!line.from || !line.to) continue;
      lines.push(line);
      for (const [one, other] of [[line.from, line.to], [line.to, line.from]]) {
        one.lines.push(line);
        one.near.add(other.id);
      }
    }
  }
  const visible = (node) => node.marks.find((mark) => mark.getClientRects().length) || node.marks[0];
  const shown = () => sheets.find(({ svg }) => svg.getBoundingClientRect().width) || sheets[0];
  const reduced = matchMedia("(prefers-reduced-motion: reduce)");

  // -- the state, and its address ----------------------------------------------------------

  const state = { focus: "" };
  for (const name of FILTERS) state[name] = "";

  function read() {
    const given = new URLSearchParams(location.hash.slice(1));
    for (const name of FILTERS) {
      const field = form.elements[name];
      const value = given.get(name) || "";
      // A value that is no choice of this map is as good as none.
      state[name] = field && [...field.options].some((o) => o.value === value) ? value : "";
      if (field) field.value = state[name];
    }
    const years = /^(\d{4})?-(\d{4})?$/.exec(given.get("year") || "");
    for (const [name, value] of [["from", years?.[1]], ["to", years?.[2]]]) {
      const field = form.elements[name];
      if (!field) continue;
      state[name] = [...field.options].some((o) => o.value === value) ? value : "";
      field.value = state[name];
    }
    const focus = given.get("focus") || "";
    state.focus = nodes.has(focus) ? focus : "";
    const at = /^(\d{1,2}(?:\.\d{1,2})?)x(\d{1,4}),(\d{1,4})$/.exec(given.get("at") || "");
    for (const sheet of sheets) {
      if (at) place(sheet, Number(at[1]), (at[2] / 1000) * sheet.width, (at[3] / 1000) * sheet.height);
      else place(sheet, 1, sheet.width / 2, sheet.height / 2);
    }
  }

  function address() {
    const told = [];
    for (const name of ["strand", "stance", "review", "facet"]) {
      if (state[name]) told.push(`${name}=${encodeURIComponent(state[name])}`);
    }
    if (state.from || state.to) told.push(`year=${state.from}-${state.to}`);
    if (state.focus) told.push(`focus=${encodeURIComponent(state.focus)}`);
    const { scale, x, y, width, height } = shown();
    if (scale > 1.01) {
      const [left, top] = [(x / width) * 1000, (y / height) * 1000].map(Math.round);
      told.push(`at=${Number(scale.toFixed(2))}x${left},${top}`);
    }
    return `${location.pathname}${location.search}${told.length ? `#${told.join("&")}` : ""}`;
  }

  // A choice is a step that the back button undoes; moving about is not.
  const step = () => address() !== location.pathname + location.search + location.hash
    && history.pushState(null, "", address());
  let moving = 0;
  const moved = () => {
    clearTimeout(moving);
    moving = setTimeout(() => history.replaceState(null, "", address()), 250);
  };

  // -- what is lit -------------------------------------------------------------------------

  /** Whether a claim has such a line, or a tension one between two of its claims. */
  const speaks = (node, stance) => node.lines.some((line) => line.stance === stance)
    || lines.some((k) => k.stance === stance && node.near.has(k.from.id) && node.near.has(k.to.id)
      && node.lines.every((own) => own.stance === "pole"));

  function passes(node) {
    if (state.strand && node.strand !== state.strand) return false;
    if (state.review && !node.reviews.has(state.review)) return false;
    if (state.facet && !node.facets.has(state.facet)) return false;
    if (state.stance && !speaks(node, state.stance)) return false;
    if (!state.from && !state.to) return true;
    const [low, high] = [Number(state.from) || 0, Number(state.to) || 9999];
    return node.years.some((year) => low <= year && year <= high);
  }

  function filter() {
    let passed = 0;
    const filtered = FILTERS.some((name) => state[name]);
    for (const node of nodes.values()) {
      node.out = !passes(node);
      passed += !node.out;
      node.row.hidden = node.out;
      for (const mark of node.marks) mark.classList.toggle("out", node.out);
    }
    for (const line of lines) {
      const other = state.stance && line.stance !== state.stance;
      line.path.classList.toggle("out", Boolean(other || line.from.out || line.to.out));
    }
    count.textContent = filtered ? `${passed} of ${nodes.size} shown` : "";
    form.querySelector("[data-do=clear]").disabled = !filtered && !state.focus;
  }

  function light(id) {
    const chosen = nodes.get(id);
    view.classList.toggle("lit", Boolean(chosen));
    for (const node of nodes.values()) {
      const near = Boolean(chosen && (node === chosen || chosen.near.has(node.id)));
      for (const mark of node.marks) {
        mark.classList.toggle("near", near);
        mark.classList.toggle("chosen", node === chosen);
      }
    }
    for (const line of lines) {
      line.path.classList.toggle("near", Boolean(chosen) && (line.from === chosen || line.to === chosen));
    }
  }

  function tell() {
    const node = nodes.get(state.focus);
    panel.hidden = !node;
    panel.replaceChildren();
    if (!node) return;
    const mark = visible(node);
    const [all, own] = [frame.getBoundingClientRect(), mark.getBoundingClientRect()];
    panel.parentNode.classList.toggle("left", own.left + own.width / 2 > all.left + all.width * 0.45);
    const close = document.createElement("button");
    close.type = "button";
    close.className = "map-close";
    close.textContent = "Close";
    close.addEventListener("click", () => choose(""));
    panel.append(close);
    for (const cell of node.row.cells) {
      if (!cell.textContent.trim() && !cell.querySelector("svg")) continue;
      const part = document.createElement("div");
      const label = document.createElement("p");
      label.className = "label";
      label.textContent = cell.dataset.label;
      part.append(label);
      for (const child of cell.childNodes) part.append(child.cloneNode(true));
      panel.append(part);
    }
    const open = document.createElement("a");
    open.className = "map-open";
    open.href = node.marks[0].getAttribute("href");
    open.textContent = "Open its page";
    panel.append(open);
  }

  function choose(id) {
    state.focus = id;
    tell();
    light(id);
    filter();
    if (id) reveal(visible(nodes.get(id)));
    step();
  }

  const update = () => {
    filter();
    light(state.focus);
    tell();
  };

  // -- zoom and pan ------------------------------------------------------------------------

  function place(sheet, scale, x, y) {
    sheet.scale = Math.min(MOST, Math.max(1, scale));
    const [w, h] = [sheet.width / sheet.scale, sheet.height / sheet.scale];
    sheet.x = Math.min(sheet.width - w / 2, Math.max(w / 2, x));
    sheet.y = Math.min(sheet.height - h / 2, Math.max(h / 2, y));
    const box = [sheet.x - w / 2, sheet.y - h / 2, w, h].map((n) => Number(n.toFixed(1)));
    sheet.svg.setAttribute("viewBox", box.join(" "));
    view.classList.toggle("zoomed", sheet.scale > 1.01);
  }

  function spot(sheet, event) {
    const box = sheet.svg.getBoundingClientRect();
    const [left, top] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    return {
      x: sheet.x + (left - 0.5) * (sheet.width / sheet.scale),
      y: sheet.y + (top - 0.5) * (sheet.height / sheet.scale),
    };
  }

  /** Zoom by a factor so that a point of the map stays where it is. */
  function zoom(factor, about) {
    const sheet = shown();
    const scale = Math.min(MOST, Math.max(1, sheet.scale * factor));
    const at = about || { x: sheet.x, y: sheet.y };
    const share = sheet.scale / scale;
    place(sheet, scale, at.x + (sheet.x - at.x) * share, at.y + (sheet.y - at.y) * share);
    moved();
  }

  function fit() {
    const sheet = shown();
    place(sheet, 1, sheet.width / 2, sheet.height / 2);
    moved();
  }

  function pan(right, down) {
    const sheet = shown();
    const reach = 0.18 / sheet.scale;
    place(sheet, sheet.scale, sheet.x + right * reach * sheet.width, sheet.y + down * reach * sheet.width);
    moved();
  }

  /** Bring a mark into sight where it is not. */
  function reveal(mark) {
    const sheet = sheets.find(({ svg }) => svg.contains(mark));
    const [box, all] = [mark.getBoundingClientRect(), sheet.svg.getBoundingClientRect()];
    const inside = box.left >= all.left && box.right <= all.right && box.top >= all.top && box.bottom <= all.bottom;
    if (!inside) {
      const own = mark.getBBox();
      place(sheet, sheet.scale, own.x + own.width / 2, own.y + own.height / 2);
    }
    const now = mark.getBoundingClientRect();
    // On a phone the sheet with the words covers the lower half.
    if (now.top < 0 || now.bottom > (panel.hidden || innerWidth > 719 ? 1 : 0.5) * innerHeight) {
      const behavior = reduced.matches ? "auto" : "smooth";
      scrollTo({ top: scrollY + now.top - innerHeight / 4, behavior });
    }
  }

  view.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return; // the page scrolls
    event.preventDefault();
    zoom(Math.exp(-event.deltaY / 300), spot(shown(), event));
  }, { passive: false });

  const fingers = new Map();
  let dragged = false;
  view.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    fingers.set(event.pointerId, event);
    if (fingers.size === 1) dragged = false;
  });
  view.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const sheet = shown();
    if (fingers.size === 2) {
      const [other] = [...fingers.values()].filter((f) => f.pointerId !== event.pointerId);
      const gap = (f) => Math.hypot(f.clientX - other.clientX, f.clientY - other.clientY) || 1;
      zoom(gap(event) / gap(before), spot(sheet, {
        clientX: (event.clientX + other.clientX) / 2, clientY: (event.clientY + other.clientY) / 2,
      }));
      dragged = true;
    } else if (sheet.scale > 1.01) {
      const [right, down] = [event.clientX - before.clientX, event.clientY - before.clientY];
      if (!dragged && Math.hypot(right, down) < 5) return;
      if (!dragged) view.setPointerCapture(event.pointerId);
      dragged = true;
      const unit = sheet.width / sheet.scale / sheet.svg.getBoundingClientRect().width;
      place(sheet, sheet.scale, sheet.x - right * unit, sheet.y - down * unit);
      moved();
    }
    if (dragged || fingers.size > 1) fingers.set(event.pointerId, event);
  });
  for (const name of ["pointerup", "pointercancel"]) {
    addEventListener(name, (event) => fingers.delete(event.pointerId));
  }
  view.addEventListener("dragstart", (event) => event.preventDefault());

  // -- choosing ----------------------------------------------------------------------------

  view.addEventListener("click", (event) => {
    if (dragged) {
      dragged = false;
      event.preventDefault();
      return;
    }
    const mark = event.target.closest("[data-node]");
    if (!mark) {
      if (state.focus && !event.target.closest("a")) choose("");
      return;
    }
    const elsewhere = event.ctrlKey || event.metaKey || event.shiftKey || event.altKey;
    const id = mark.dataset.node;
    // The second time, and where a cluster opens a map of its own, the link is a link.
    if (elsewhere || id === state.focus || mark.classList.contains("cluster")) return;
    event.preventDefault();
    choose(id);
  });
  view.addEventListener("pointerover", (event) => {
    if (event.pointerType === "touch") return;
    const mark = event.target.closest("[data-node]");
    light(mark ? mark.dataset.node : state.focus);
  });
  view.addEventListener("pointerleave", () => light(state.focus));
  view.addEventListener("focusin", (event) => {
    const mark = event.target.closest("[data-node]");
    if (!mark || !mark.matches(":focus-visible")) return;
    light(mark.dataset.node);
    if (shown().scale > 1.01) reveal(mark);
  });
  view.addEventListener("focusout", () => light(state.focus));

  frame.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const zoomed = shown().scale > 1.01;
    const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (event.key === "+" || event.key === "=") zoom(1.4);
    else if (event.key === "-") zoom(1 / 1.4);
    else if (event.key === "0") fit();
    else if (zoomed && arrows[event.key]) pan(...arrows[event.key]);
    else if (event.key === "Escape" && state.focus) {
      const mark = visible(nodes.get(state.focus));
      const inPanel = panel.contains(document.activeElement);
      choose("");
      if (inPanel) mark.focus();
    } else return;
    event.preventDefault();
    event.stopPropagation(); // the theme has single-key shortcuts of its own
  });
  frame.querySelector(".map-zoom").addEventListener("click", ({ target }) => {
    const what = target.dataset.zoom;
    if (what === "fit") fit();
    else if (what) zoom(what === "in" ? 1.4 : 1 / 1.4);
  });

  // -- the form ----------------------------------------------------------------------------

  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", (event) => {
    const { name, value } = event.target;
    if (!FILTERS.includes(name)) return;
    state[name] = value;
    if (state.from && state.to && Number(state.from) > Number(state.to)) {
      const other = name === "from" ? "to" : "from";
      state[other] = value;
      form.elements[other].value = value;
    }
    update();
    step();
  });
  form.addEventListener("click", async ({ target }) => {
    if (target.dataset.do === "clear") {
      for (const name of FILTERS) {
        state[name] = "";
        if (form.elements[name]) form.elements[name].value = "";
      }
      choose("");
    } else if (target.dataset.do === "link") {
      history.replaceState(null, "", address());
      try {
        await navigator.clipboard.writeText(location.href);
        count.textContent = "Link copied";
      } catch {
        // No clipboard for a page from the file system, or the reader refused.
        linkField.hidden = false;
        linkField.value = location.href;
        linkField.select();
      }
    }
  });

  const again = () => {
    read();
    update();
  };
  addEventListener("popstate", again);
  addEventListener("hashchange", again);
  again();
  if (state.focus) reveal(visible(nodes.get(state.focus)));
})();
