// The timeline's filters, its two clocks, its zoom by year, and marks one by one. All of it is
// an addition: without script the page shows the same entries as a drawing and a list. The state
// lies behind the # of the address, so that a view can be shared and the back button works.
(() => {
  const root = document.querySelector(".timeline[data-entries]");
  if (!root) return;
  const frame = root.querySelector(".lanes-frame");
  const still = root.querySelector(".timeline-list");
  const controls = root.querySelector(".timeline-controls");
  const DAY = 86400000;
  const MOST_YEARS = 14; // as in the drawing that the page brings
  const DOT = 7;
  const ROW = 8;
  const ONE = 9; // pixels of a count of one at most
  const CHUNK = 60; // entries of a list shown at once
  const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
  const FACETS = ["strand", "tension", "claim", "voice"];
  const CLOCKS = { so: "When it was so", learnt: "When we learnt it" };
  const PRECISION = {
    day: "known to the day", month: "known to the month", year: "known to the year",
    interval: "some time within this span", unknown: "not known",
  };

  // Only texts are set, never markup: titles come from outside.
  const make = (name, attributes = {}, ...children) => {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (value === true) element.setAttribute(key, "");
      else if (value !== false && value !== null) element.setAttribute(key, value);
    }
    element.append(...children);
    return element;
  };
  const draw = (name, attributes = {}, ...children) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children);
    return element;
  };
  const number = (n) => n.toLocaleString("en");
  const yearOf = (day) => new Date(day * DAY).getUTCFullYear();
  const firstDay = (year, month = 0) => Date.UTC(year, month, 1) / DAY;
  const percent = (part) => `${+(part * 100).toFixed(3)}%`;

  let data, form, card, chart, found, years, count;
  let state = {};
  let width = 0;

  // -- the state in the address --------------------------------------------------------------

  const read = () => {
    const text = location.hash.slice(1);
    const fresh = { strand: "", tension: "", claim: "", voice: "", from: 0, to: 0, clock: "so",
      machine: true, hide: new Set(), at: "" };
    if (!text.includes("=")) return { ...fresh, at: text };
    const values = new URLSearchParams(text);
    for (const facet of FACETS) {
      const value = values.get(facet) || "";
      if (data.numbers[facet].has(value)) fresh[facet] = value;
    }
    const span = /^(\d{4})(?:-(\d{4}))?$/.exec(values.get("years") || "");
    if (span) [fresh.from, fresh.to] = [+span[1], +(span[2] || span[1])].sort((a, b) => a - b);
    if (values.get("clock") === "learnt") fresh.clock = "learnt";
    if (values.get("machine") === "no") fresh.machine = false;
    for (const lane of (values.get("hide") || "").split(" ")) {
      if (data.lanes.some(([id]) => id === lane)) fresh.hide.add(lane);
    }
    fresh.at = values.get("at") || "";
    return fresh;
  };
  const write = (change) => {
    const next = { ...state, ...change };
    const parts = [];
    for (const facet of FACETS) if (next[facet]) parts.push([facet, next[facet]]);
    if (next.from) parts.push(["years", next.from === next.to ? next.from : `${next.from}-${next.to}`]);
    if (next.clock !== "so") parts.push(["clock", next.clock]);
    if (!next.machine) parts.push(["machine", "no"]);
    if (next.hide.size) parts.push(["hide", [...next.hide].join("+")]);
    if (next.at) parts.push(["at", next.at]);
    return `#${parts.map((pair) => pair.join("=")).join("&")}`;
  };
  const go = (change) => {
    const hash = write(change);
    if (hash !== "#") location.hash = hash;
    else history.pushState(null, "", location.pathname + location.search);
    update("asked"); // at once; the browser tells of the new address later
  };
  const plain = () => !FACETS.some((f) => state[f]) && !state.from && state.clock === "so" &&
    state.machine && !state.hide.size;

  // -- what is shown -------------------------------------------------------------------------

  const when = (entry) => (state.clock === "so" ? entry.date : entry.learnt);
  const wanted = {
    // 2: a person read or said so; 1: a machine proposes it; 0: no.
    strand: (e, i) => (e.strands.includes(i) ? 2 : e.maybe.includes(i) ? 1 : 0),
    claim: (e, i) => (e.claims.includes(i) ? 2 : e.proposed.includes(i) ? 1 : 0),
    tension: (e, i) => {
      const claims = data.tensions[i][2];
      if (e.claims.some((c) => claims.includes(c))) return 2;
      return e.proposed.some((c) => claims.includes(c)) ? 1 : 0;
    },
    voice: (e, i) => (e.voices.includes(i) ? 2 : 0),
  };
  // How sure an entry belongs to the view: 2, 1 or 0. One of the filters may be left out.
  const fits = (e, without = "") => {
    let sure = e.curated ? 2 : 1;
    for (const facet of FACETS) {
      if (facet === without || !state[facet]) continue;
      sure = Math.min(sure, wanted[facet](e, data.numbers[facet].get(state[facet])));
    }
    if (sure === 1 && !state.machine && without !== "machine") return 0;
    if (without !== "lane" && state.hide.has(e.lane)) return 0;
    if (state.from) {
      const at = when(e);
      if (!at.text || (at.low ?? -1e9) >= firstDay(state.to + 1)) return 0;
      if ((at.high ?? 1e9) < firstDay(state.from)) return 0;
    }
    return sure;
  };

  const fitting = () => data.entries.map((entry) => ({ entry, sure: fits(entry) })).filter((p) => p.sure);

  // The years of the whole timeline on the chosen clock, the last MOST_YEARS of them.
  const span = () => {
    const known = data.entries.map(when).filter((at) => at.low !== null && at.high !== null && at.text)
      .map((at) => [yearOf(at.low), yearOf(at.high)]).filter(([low, high]) => low === high)
      .map(([low]) => low);
    if (!known.length) return [0, 0];
    const last = Math.max(...known);
    return [Math.max(Math.min(...known), last - MOST_YEARS + 1), last];
  };

  // -- drawing -------------------------------------------------------------------------------

  const axis = () => {
    const [first, last] = state.from ? [state.from, state.to] : years;
    const start = firstDay(first);
    const length = firstDay(last + 1) - start;
    const at = (day) => Math.min(Math.max((day - start) / length, 0), 1);
    return { first, last, at, one: first === last };
  };
  const extent = (at, line) => {
    if (!at.text) return null;
    if (at.high !== null && at.high < firstDay(line.first)) return null;
    if (at.low !== null && at.low >= firstDay(line.last + 1)) return null;
    return {
      left: at.low === null ? 0 : line.at(at.low),
      right: at.high === null ? 1 : line.at(at.high + 1),
      day: at.low !== null && at.low === at.high,
      openLeft: at.low === null,
      openRight: at.high === null,
      about: /[~?%]$|^[[{]|X/.test(at.text),
    };
  };
  const monthOf = (at) => {
    if (!at.text || at.low === null || at.high === null) return "";
    const [low, high] = [at.low, at.high].map((day) => new Date(day * DAY).toISOString().slice(0, 7));
    return low === high ? low : "";
  };
  const monthWords = (part) => new Date(`${part}-01`)
    .toLocaleString("en", { month: "long", year: "numeric", timeZone: "UTC" });
  const pack = (placed) => {
    const rows = [];
    const order = [...placed].sort((a, b) => a.at.left - b.at.left || a.at.right - b.at.right);
    for (const p of order) {
      let [left, right] = [p.at.left * width, p.at.right * width];
      if (p.at.day) [left, right] = [(left + right - DOT) / 2, (left + right + DOT) / 2];
      let row = rows.findIndex((free) => free <= left + 1e-6);
      if (row < 0) row = rows.length;
      rows[row] = right;
      p.row = row;
    }
    return rows.length;
  };
  const shape = (at, y, height) => {
    const css = at.about ? { class: "about" } : {};
    const [left, right] = [percent(at.left), percent(at.right)];
    if (at.day) {
      return [draw("circle", { ...css, cx: percent((at.left + at.right) / 2), cy: y + height / 2, r: 3 })];
    }
    if (!at.openLeft && !at.openRight) {
      return [draw("rect", { ...css, x: left, width: percent(at.right - at.left), y, height })];
    }
    const middle = y + height / 2;
    const parts = [draw("line", { class: "open", x1: left, x2: right, y1: middle, y2: middle })];
    for (const [end, open, sign, anchor] of [
      [left, at.openLeft, "‹", "start"], [right, at.openRight, "›", "end"],
    ]) {
      parts.push(open
        ? draw("text", { class: "open", x: end, y: middle + 4, "text-anchor": anchor }, sign)
        : draw("line", { class: "open", x1: end, x2: end, y1: y, y2: y + height }));
    }
    return parts;
  };
  const pointing = (href, css, label, ...shapes) => draw(
    "a", { href, class: css, tabindex: -1, "aria-label": label }, draw("title", {}, label), ...shapes,
  );
  const label = (e) => `${when(e).words}: ${e.title}${e.detail ? ` · ${e.detail}` : ""}`;
  const mark = (p, y, height = 6) => {
    const css = `mark ${when(p.entry).precision}${p.sure < 2 ? " machine" : ""}`;
    const link = pointing(write({ at: p.entry.id }), css, label(p.entry), ...shape(p.at, y, height));
    link.dataset.id = p.entry.id;
    return link;
  };
  const counted = (placed, top, tall, line) => {
    const months = new Map();
    const vague = new Map();
    for (const p of placed) {
      const part = monthOf(when(p.entry));
      const [group, key] = part ? [months, part] : [vague, when(p.entry).text];
      if (!group.has(key)) group.set(key, []);
      group.get(key).push(p);
    }
    const most = Math.max(...[...months.values(), ...vague.values()].map((group) => group.length));
    const unit = Math.min(tall / Math.sqrt(most), ONE);
    const highest = Math.max(0, ...[...months.values()].map((group) => group.length));
    const room = line.one && highest ? 13 : 0; // for the numbers above the bars
    const base = top + room + unit * Math.sqrt(highest);
    const parts = [draw("line", { class: "base", x1: 0, x2: "100%", y1: base, y2: base })];
    for (const part of [...months.keys()].sort()) {
      const group = months.get(part);
      const [year, month] = part.split("-").map(Number);
      const [left, right] = [line.at(firstDay(year, month - 1)), line.at(firstDay(year, month))];
      const sure = group.filter((p) => p.sure === 2).length;
      const told = `${monthWords(part)}: ${number(group.length)}` +
        (sure < group.length ? `, ${number(sure)} of them curated` : "");
      const shapes = [];
      for (const [n, css] of [[sure < group.length ? group.length : 0, "all"], [sure, "sure"]]) {
        if (!n) continue;
        const height = unit * Math.sqrt(n);
        shapes.push(draw("rect", { class: css, x: percent(left), width: percent(right - left), y: base - height, height }));
      }
      if (line.one) {
        shapes.push(draw("text", { class: "in", x: percent((left + right) / 2), y: base - unit * Math.sqrt(group.length) - 3 }, number(group.length)));
      }
      const href = line.one ? write({ at: `m${part}` }) : write({ from: year, to: year, at: "" });
      parts.push(pointing(href, "count", told, ...shapes));
    }
    const groups = [...vague.values()].map((group) => ({ group, at: group[0].at }));
    const used = pack(groups);
    let below = base + 2;
    for (let row = 0; row < used; row += 1) {
      let high = 0;
      for (const { group, at } of groups.filter((g) => g.row === row)) {
        const height = Math.max(unit * Math.sqrt(group.length), 5);
        high = Math.max(high, height);
        if (group.length === 1) {
          const one = mark(group[0], below, height);
          one.classList.add("vague");
          parts.push(one);
          continue;
        }
        const shapes = shape(at, below, height);
        if (height > 9 && at.right - at.left > 0.05) {
          shapes.push(draw("text", { class: "in", x: percent((at.left + at.right) / 2), y: below + height / 2 + 3.5 }, number(group.length)));
        }
        const first = when(group[0].entry);
        const year = yearOf(first.low ?? first.high);
        const href = line.one ? write({ at: `y${year}` }) : write({ from: year, to: year, at: "" });
        parts.push(pointing(href, "vague", `${first.words}: ${number(group.length)}, known no better`, ...shapes));
      }
      below += high + 1.5;
    }
    return [parts, below];
  };
  const lane = (placed, top, line) => {
    const rows = pack(placed);
    const single = placed.length <= 200 && rows <= (line.one ? 16 : 6);
    if (!single) {
      // What no person read is counted; of one year, the rest is still shown one by one.
      const sure = line.one ? placed.filter((p) => p.sure === 2 && p.at.day) : [];
      const used = sure.length && sure.length <= 200 ? pack(sure) : 0;
      if (used && used <= 16) {
        const rest = placed.filter((p) => !sure.includes(p));
        const parts = sure.map((p) => mark(p, top + p.row * ROW));
        if (!rest.length) return [parts, top + used * ROW];
        const [more, bottom] = counted(rest, top + used * ROW + 4, 34, line);
        return [[...parts, ...more], bottom];
      }
      return counted(placed, top, 34, line);
    }
    return [placed.map((p) => mark(p, top + p.row * ROW)), top + rows * ROW];
  };

  const redraw = (shown) => {
    const line = axis();
    const svg = draw("svg", { class: "lanes", width: "100%", role: "group", "aria-label": "The timeline. Arrow keys move between marks, Enter shows one." });
    chart.replaceChildren(svg);
    width = svg.getBoundingClientRect().width || 1000;
    const body = [];
    let y = line.one ? 4 : 2;
    for (const [index, [id, name]] of data.lanes.entries()) {
      const placed = shown.filter(({ entry }) => entry.number === index)
        .map((p) => ({ ...p, at: extent(when(p.entry), line) })).filter((p) => p.at);
      if (!placed.length) continue;
      let [parts, bottom] = lane(placed, y + 16, line);
      if (id === "works" && !state.strand && placed.length > CHUNK) {
        bottom += 2;
        for (const [i, [, title]] of data.strands.entries()) {
          const mine = placed.filter(({ entry }) => entry.strands.includes(i) || entry.maybe.includes(i))
            .map((p) => ({ ...p, sure: Math.min(p.sure, p.entry.strands.includes(i) ? 2 : 1) }));
          if (!mine.length) continue;
          const text = draw("text", { x: 0, y: bottom + 11 }, draw("tspan", { class: "key" }, "■"), ` ${title} `, draw("tspan", { class: "n" }, number(mine.length)));
          const [row, end] = counted(mine, bottom + 13, 12, line);
          parts.push(draw("g", { class: `strand-row s${i % 10}` }, text, ...row));
          bottom = end + 2;
        }
      }
      body.push(draw("g", { class: `lane ${id}` },
        draw("line", { class: "rule", x1: 0, x2: "100%", y1: y, y2: y }),
        draw("text", { x: 0, y: y + 12 }, `${name} `, draw("tspan", { class: "n" }, number(placed.length))),
        ...parts));
      y = bottom + 8;
    }
    const ticks = [];
    const starts = line.one
      ? MONTHS.map((_, month) => firstDay(line.first, month))
      : Array.from({ length: line.last - line.first + 1 }, (_, i) => firstDay(line.first + i));
    for (const day of starts) {
      const x = percent(line.at(day));
      ticks.push(draw("line", { class: "tick", x1: x, x2: x, y1: 0, y2: y }));
    }
    svg.setAttribute("height", y);
    svg.append(...ticks, ...body);
    const first = svg.querySelector("a");
    if (first) first.setAttribute("tabindex", 0);
    heads(line);
    brush(svg, line);
  };

  // The years above the drawing are buttons: one year, and back to all of them.
  const heads = (line) => {
    const row = make("div", { class: "timeline-years", role: "group", "aria-label": line.one ? "Months" : "Years: choose one" });
    const place = (element, at) => {
      element.style.left = percent(at);
      row.append(element);
    };
    if (line.one) {
      MONTHS.forEach((name, month) => place(make("span", {}, name), line.at(firstDay(line.first, month))));
    } else {
      for (let year = line.last; year >= line.first; year -= 1) {
        const many = line.last - line.first > 7 && (line.last - year) % 2;
        const button = make("button", { type: "button", class: many ? "other" : false, "aria-label": `Only ${year}` }, String(year));
        button.addEventListener("click", () => go({ from: year, to: year, at: "" }));
        place(button, line.at(firstDay(year)));
      }
      row.replaceChildren(...[...row.children].reverse());
    }
    const bar = make("div", { class: "timeline-zoom" });
    if (state.from) {
      const name = state.from === state.to ? String(state.from) : `${state.from} to ${state.to}`;
      const step = (by, text) => {
        const button = make("button", { type: "button" }, text);
        button.disabled = state.from + by < years[0] || state.to + by > years[1];
        button.addEventListener("click", () => go({ from: state.from + by, to: state.to + by, at: "" }));
        return button;
      };
      const all = make("button", { type: "button" }, "All years");
      all.addEventListener("click", () => go({ from: 0, to: 0, at: "" }));
      bar.append(step(-1, "‹ Earlier"), make("b", {}, name), step(1, "Later ›"), all);
    }
    chart.prepend(bar, row);
  };

  // Drag with a mouse over years to see only them; the selects do the same from the keyboard.
  const brush = (svg, line) => {
    if (line.one) return;
    const year = (event) => {
      const box = svg.getBoundingClientRect();
      const part = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 0.9999);
      return yearOf(Math.floor(firstDay(line.first) + part * (firstDay(line.last + 1) - firstDay(line.first))));
    };
    let from = null;
    let band = null;
    svg.addEventListener("pointerdown", (event) => {
      if (event.pointerType === "touch" || event.button) return;
      from = { x: event.clientX, year: year(event) };
    });
    svg.addEventListener("pointermove", (event) => {
      if (!from || Math.abs(event.clientX - from.x) < 8) return;
      if (!band) {
        band = draw("rect", { class: "band", y: 0, height: "100%" });
        svg.prepend(band);
        svg.setPointerCapture(event.pointerId);
      }
      const [low, high] = [from.year, year(event)].sort((a, b) => a - b);
      const [left, right] = [line.at(firstDay(low)), line.at(firstDay(high + 1))];
      band.setAttribute("x", percent(left));
      band.setAttribute("width", percent(right - left));
    });
    svg.addEventListener("pointerup", (event) => {
      const start = from;
      from = null;
      if (!band) return;
      band.remove();
      band = null;
      // The click that follows a drag is none of a mark.
      svg.addEventListener("click", (click) => click.preventDefault(), { once: true, capture: true });
      const [low, high] = [start.year, year(event)].sort((a, b) => a - b);
      go({ from: low, to: high, at: "" });
    });
    svg.addEventListener("pointercancel", () => {
      from = null;
      if (band) band.remove();
      band = null;
    });
  };

  const keys = (event) => {
    const here = event.target.closest("svg.lanes a");
    if (!here) return;
    const all = [...chart.querySelectorAll("svg.lanes a")];
    const box = (mark) => mark.getBoundingClientRect();
    const mine = box(here);
    const sorted = (group) => group.sort((a, b) => box(a).left - box(b).left);
    const lanes = [...chart.querySelectorAll(".lane")];
    const lane = here.closest(".lane");
    let next = null;
    if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
      const row = sorted([...lane.querySelectorAll("a")]);
      next = row[row.indexOf(here) + (event.key === "ArrowRight" ? 1 : -1)];
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const other = lanes[lanes.indexOf(lane) + (event.key === "ArrowDown" ? 1 : -1)];
      if (other) {
        next = [...other.querySelectorAll("a")]
          .sort((a, b) => Math.abs(box(a).left - mine.left) - Math.abs(box(b).left - mine.left))[0];
      }
    } else if (event.key === "Home") next = all[0];
    else if (event.key === "End") next = all[all.length - 1];
    else if (event.key === "Escape" && state.at) {
      go({ at: "" });
      return;
    } else return;
    event.preventDefault();
    if (!next) return;
    for (const mark of all) mark.setAttribute("tabindex", -1);
    next.setAttribute("tabindex", 0);
    next.focus();
  };

  // -- one entry in words --------------------------------------------------------------------

  const page = (e) => e.href || (e.id.startsWith("w-") ? `works/${e.id.slice(2)}.html` : "");
  const title = (e) => {
    const href = page(e);
    if (!href) return make("span", { class: "title" }, e.title);
    const outside = /^https?:/.test(href);
    return make("a", { class: "title", href, rel: outside ? "noopener noreferrer" : null }, e.title);
  };
  const dated = (at) => (at.text ? `${at.words} (written ${at.text}: ${PRECISION[at.precision]})` : "not known");
  const show = (e) => {
    card.classList.toggle("full", !!e);
    card.classList.toggle("kept", !!e && e.id === state.at);
    if (!e) {
      card.replaceChildren(make("p", { class: "aside" }, "Point at a mark or move to one with the arrow keys to read it here; choose it to keep it."));
      return;
    }
    const link = make("a", { href: write({ at: e.id }) }, "Link to this entry");
    card.replaceChildren(
      make("p", { class: "card-title" }, make("span", { class: "label" }, data.lanes[e.number][2]), " ", title(e)),
      make("p", { class: "by" }, [e.detail, e.curated ? "" : "harvested, not read by a person"].filter(Boolean).join(" · ")),
      make("p", { class: "by" }, `It was so: ${dated(e.date)}. We learnt it: ${e.learnt.text ? e.learnt.words : "not recorded"}. `, link),
    );
  };
  const preview = (event) => {
    const mark = event.target.closest("svg.lanes a");
    const left = event.type === "pointerout" || event.type === "focusout";
    if (left || !mark) show(data.byId.get(state.at));
    else if (mark.dataset.id) show(data.byId.get(mark.dataset.id));
    else {
      card.classList.add("full");
      card.classList.remove("kept");
      card.replaceChildren(make("p", {}, mark.getAttribute("aria-label")), make("p", { class: "by" }, "Choose it to see more of that time."));
    }
  };

  // -- the list ------------------------------------------------------------------------------

  const item = ({ entry: e, sure }) => {
    const row = make("li", { class: `${e.lane}${sure < 2 ? " machine" : ""}`, "data-id": e.id });
    const tags = e.strands.map((i) => make("span", { class: `strand-tag s${i % 10}` }, make("i"), data.strands[i][1]));
    row.append(
      make("a", { class: "when", href: write({ at: e.id }) }, when(e).words),
      make("div", {}, make("span", { class: "label" }, data.lanes[e.number][2]), " ", title(e), " ",
        make("span", { class: "by" }, [e.detail, e.curated ? "" : "harvested"].filter(Boolean).join(" · ")), ...tags),
    );
    // Here because a machine ties it to what was chosen: the work's page has score and sentence.
    if (sure < 2 && (state.strand || state.tension || state.claim) && page(e).startsWith("works/")) {
      row.lastElementChild.append(" ", make("a", { class: "ref", href: `${page(e)}#bears-on` }, "proposed: score and sentence"));
    }
    return row;
  };
  const longer = (box, items, from = 0) => {
    box.append(...items.slice(from, from + CHUNK).map(item));
    const left = items.length - from - CHUNK;
    if (left <= 0) return;
    const button = make("button", { type: "button", class: "more" }, `Show ${number(Math.min(left, CHUNK))} more of ${number(left)}`);
    button.addEventListener("click", () => {
      button.remove();
      const before = box.children.length;
      longer(box, items, from + CHUNK);
      box.children[before].querySelector("a").focus();
    });
    box.after(button);
  };
  const group = (items, name) => {
    const groups = new Map();
    for (const entry of items) {
      const key = name(entry);
      if (!groups.has(key)) groups.set(key, []);
      groups.get(key).push(entry);
    }
    return [...groups].sort((a, b) => (a[0] < b[0] ? 1 : -1));
  };
  const yearKey = (at) => (at.text ? String(yearOf(at.low ?? at.high)) : "");
  const list = (shown) => {
    still.hidden = !plain();
    found.hidden = plain();
    found.replaceChildren();
    if (plain()) return;
    const order = (a, b) => (when(b.entry).low ?? 0) - (when(a.entry).low ?? 0) || b.sure - a.sure;
    const parts = group([...shown].sort(order), ({ entry }) => yearKey(when(entry)));
    if (!parts.length) {
      found.append(make("p", { class: "none" }, "Nothing fits all of this. "));
      return;
    }
    parts.forEach(([year, items], index) => {
      const box = make("details", { class: "list-year", "data-year": year },
        make("summary", {}, make("h2", {}, year || "No date known"), " ", make("span", { class: "n" }, number(items.length))));
      const fill = () => {
        if (box.dataset.full) return;
        box.dataset.full = "yes";
        for (const [part, some] of group(items, ({ entry }) => monthOf(when(entry)))) {
          const section = make("section", { class: "list-month", "data-part": part });
          const words = part ? monthWords(part) : `${year}, not within one month`;
          if (year) section.append(make("h3", {}, words, " ", make("span", { class: "n" }, number(some.length))));
          const rows = make("ol", { class: "entries" });
          section.append(rows);
          box.append(section);
          longer(rows, some);
        }
      };
      box.fill = fill;
      box.addEventListener("toggle", () => box.open && fill());
      if (parts.length === 1 || shown.length <= CHUNK || index === 0) {
        fill();
        box.open = true;
      }
      found.append(box);
    });
  };
  // Mark what the address names, and bring a month or a year of the list into view.
  const reveal = (id, arriving) => {
    for (const one of root.querySelectorAll("li.at, a.at")) one.classList.remove("at");
    if (!id) return;
    if (data.byId.has(id)) {
      for (const one of root.querySelectorAll("[data-id]")) one.classList.toggle("at", one.dataset.id === id);
      const row = plain() && document.getElementById(id);
      if (row) {
        row.closest("details").open = true;
        row.classList.add("at");
      }
      if (arriving) (row || card).scrollIntoView({ block: row ? "center" : "nearest" });
      return;
    }
    const part = /^[ym](\d{4})(-\d\d)?$/.exec(id);
    if (!part) return;
    const box = plain() ? document.getElementById(`y${part[1]}`) : found.querySelector(`[data-year="${part[1]}"]`);
    if (!box) return;
    if (box.fill) box.fill();
    box.open = true;
    const month = part[2] && box.querySelector(`[data-part="${part[1]}${part[2]}"], #m${part[1]}${part[2]}`);
    (month || box).scrollIntoView({ block: "start" });
  };
  // The still list only counts what no person read; these buttons list it.
  const fillable = () => {
    for (const note of still.querySelectorAll("p.more")) {
      const part = note.dataset.part;
      const button = make("button", { type: "button", class: "more" }, "List here");
      button.addEventListener("click", () => {
        const items = data.entries.filter((e) => !e.curated && (monthOf(e.date) ? monthOf(e.date) === part
          : yearKey(e.date) === part)).map((entry) => ({ entry, sure: 1 }));
        const rows = make("ol", { class: "entries" });
        note.replaceWith(rows);
        longer(rows, items);
        rows.querySelector("a").focus();
      });
      note.append(" ", button);
    }
  };

  // -- the form ------------------------------------------------------------------------------

  const option = (value, text) => make("option", { value }, text);
  const choice = (name, words) => make("div", {},
    make("label", { for: `timeline-${name}` }, words), make("select", { id: `timeline-${name}`, name }));
  const build = () => {
    form = make("form", { class: "timeline-form", "aria-label": "What the timeline shows" });
    const clocks = make("fieldset", { class: "clocks" }, make("legend", {}, "Clock"));
    for (const [value, words] of Object.entries(CLOCKS)) {
      clocks.append(make("label", {}, make("input", { type: "radio", name: "clock", value }), ` ${words}`));
    }
    const lanes = make("fieldset", { class: "kinds" }, make("legend", {}, "Kinds"));
    for (const [id] of data.lanes) {
      lanes.append(make("label", { class: id }, make("input", { type: "checkbox", name: "lane", value: id }), make("span")));
    }
    lanes.append(make("label", {}, make("input", { type: "checkbox", name: "machine" }), make("span")));
    count = make("output", { class: "count", "aria-live": "polite" });
    form.append(
      make("div", { class: "choices" }, choice("strand", "Strand"), choice("tension", "Tension"),
        choice("claim", "Claim"), choice("voice", "Voice"), choice("from", "From"), choice("to", "To")),
      make("div", { class: "switches" }, clocks, lanes),
    );
    const reset = make("button", { type: "button" }, "Show everything");
    reset.addEventListener("click", () => {
      go({ strand: "", tension: "", claim: "", voice: "", from: 0, to: 0, clock: "so", machine: true, hide: new Set(), at: "" });
    });
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("change", () => {
      const clock = form.elements.clock.value;
      // The years of one clock mean nothing on the other.
      let [from, to] = clock === state.clock ? [+form.elements.from.value, +form.elements.to.value] : years;
      if (from > to) [from, to] = [to, from];
      const whole = clock !== state.clock || (from <= years[0] && to >= years[1]);
      const hide = new Set([...form.querySelectorAll("[name=lane]")].filter((b) => !b.checked).map((b) => b.value));
      const change = { clock, hide, machine: form.elements.machine.checked, from: whole ? 0 : from, to: whole ? 0 : to, at: "" };
      for (const facet of FACETS) change[facet] = form.elements[facet].value;
      go(change);
    });
    const box = make("details", { class: "timeline-filters" }, make("summary", {}, "Filters and clock"), form);
    box.open = matchMedia("(min-width: 45em)").matches;
    controls.append(box, make("p", { class: "result" }, count, " ", reset));
  };
  const fillForm = () => {
    const all = { strand: "All strands", tension: "All tensions", claim: "All claims", voice: "All voices" };
    const lists = { strand: data.strands, tension: data.tensions, claim: data.claims, voice: data.voices };
    for (const facet of FACETS) {
      const others = data.entries.filter((e) => fits(e, facet));
      const options = [option("", all[facet])];
      lists[facet].forEach(([id, words], i) => {
        const n = others.filter((e) => wanted[facet](e, i) >= (state.machine ? 1 : 2)).length;
        if (!n && state[facet] !== id) return;
        const name = facet === "strand" || facet === "voice" ? words : `${id} · ${words}`;
        options.push(option(id, `${name} (${number(n)})`));
      });
      form.elements[facet].replaceChildren(...options);
      form.elements[facet].value = state[facet];
    }
    for (const name of ["from", "to"]) {
      const options = [];
      for (let year = years[0]; year <= years[1]; year += 1) options.push(option(year, year));
      form.elements[name].replaceChildren(...options);
    }
    form.elements.from.value = state.from || years[0];
    form.elements.to.value = state.to || years[1];
    form.elements.clock.value = state.clock;
    for (const box of form.querySelectorAll("[name=lane]")) {
      const n = data.entries.filter((e) => e.lane === box.value && fits(e, "lane")).length;
      box.checked = !state.hide.has(box.value);
      const name = data.lanes.find(([id]) => id === box.value)[1];
      box.nextElementSibling.textContent = `${name} (${number(n)})`;
    }
    const guesses = data.entries.filter((e) => fits(e, "machine") === 1).length;
    form.elements.machine.checked = state.machine;
    form.elements.machine.nextElementSibling.textContent = `Harvested or proposed by a machine (${number(guesses)})`;
  };

  const update = (cause) => {
    const before = root.dataset.ready ? write({ at: "" }) : null;
    state = read();
    if (before === write({ at: "" })) {
      show(data.byId.get(state.at));
      reveal(state.at, false);
      return;
    }
    const focus = chart.contains(document.activeElement) ? document.activeElement : null;
    years = span();
    if (state.from) {
      state.from = Math.min(Math.max(state.from, years[0]), years[1]);
      state.to = Math.min(Math.max(state.to, years[0]), years[1]);
    }
    const shown = fitting();
    fillForm();
    const undated = shown.filter(({ entry }) => !when(entry).text).length;
    const early = state.from ? 0 : shown.filter(({ entry }) => {
      const at = when(entry);
      return at.text && at.high !== null && at.high < firstDay(years[0]);
    }).length;
    count.textContent = `${number(shown.length)} ${shown.length === 1 ? "entry" : "entries"}` +
      (undated ? `, ${number(undated)} without a date` : "") + (early ? `, ${number(early)} before ${years[0]}` : "");
    controls.querySelector(".result button").hidden = plain();
    redraw(shown);
    list(shown);
    show(data.byId.get(state.at));
    reveal(state.at, !cause);
    if (focus) (chart.querySelector(".timeline-zoom button:not(:disabled):last-child") || chart.querySelector("button, a")).focus();
  };

  const start = (json) => {
    const date = ([text, words, precision, low, high]) => ({ text, words, precision, low, high });
    const [dates, learnt] = [json.dates.map(date), json.learnt.map(date)];
    data = json;
    data.entries = json.entries.map(
      ([id, lane, day, told, curated, title, detail, href, strands, maybe, claims, proposed, voices]) => ({
        id, number: lane, lane: json.lanes[lane][0], date: dates[day], learnt: learnt[told],
        curated: !!curated, title, detail, href, strands, maybe, claims, proposed, voices,
      }),
    );
    data.byId = new Map(data.entries.map((e) => [e.id, e]));
    data.numbers = {};
    for (const [facet, values] of [["strand", json.strands], ["tension", json.tensions], ["claim", json.claims], ["voice", json.voices]]) {
      data.numbers[facet] = new Map(values.map(([id], i) => [id, i]));
    }
    chart = make("div", { class: "timeline-chart" });
    frame.querySelector("svg").replaceWith(chart);
    card = make("div", { class: "timeline-card" });
    chart.after(card);
    found = make("div", { class: "timeline-found" });
    still.before(found);
    build();
    fillable();
    chart.addEventListener("keydown", keys);
    for (const name of ["pointerover", "pointerout", "focusin", "focusout"]) chart.addEventListener(name, preview);
    addEventListener("hashchange", update);
    let last = innerWidth;
    addEventListener("resize", () => {
      if (innerWidth === last) return;
      last = innerWidth;
      redraw(fitting());
      reveal(state.at, false);
    });
    update();
    root.dataset.ready = "yes";
  };

  const without = (reason) => {
    controls.append(make("p", { class: "aside" }, reason));
  };
  if (location.protocol === "file:") {
    without("Filters and the second clock need this page to come from a web server.");
    return;
  }
  fetch(root.dataset.entries).then((answer) => (answer.ok ? answer.json() : null), () => null)
    .then((json) => (json ? start(json) : without("The filters could not be loaded; everything below is there.")));
})();
