// Search: a field in the header of every page and a page of its own, over the index that
// Pagefind makes when the site is built. Nothing typed leaves the browser.
(() => {
  const root = new URL("../", document.currentScript.src);
  const slots = [...document.querySelectorAll("[data-find]")];
  if (!slots.length) return;

  const KINDS = {
    tension: "Tension", claim: "Claim", work: "Work", voice: "Voice", event: "Event",
    strand: "Strand", topic: "Topic", term: "Term", talk: "Talk", digest: "Digest", cycle: "Cycle", about: "About",
  };
  const GROUPS = { kind: "Kind", strand: "Strand", year: "Year", stance: "Stance to theses" };
  // Words of a question that say nothing about its subject.
  const EMPTY = new Set(
    ("a about all also an and any are as at be been but by can cannot cant could did do does " +
      "doesnt dont else explain explains find for from give had has have help helps how i if in " +
      "is isnt it its itself just make makes many may me might more most much no not of on one or our " +
      "paper papers say says saying said shall should show shows so some tell than that the their them then " +
      "there these they think thinks this to us use was we were what when where whether which " +
      "who whom whose why will with wont work works would you your").split(" "),
  );
  // What the field shortens, written out.
  const LONG = {
    cot: "chain of thought", dmft: "dynamical mean field theory", erm: "empirical risk minimization",
    gd: "gradient descent", icl: "in context learning", llm: "language model",
    llms: "language models", mup: "maximal update parametrization", ntk: "neural tangent kernel",
    ood: "out of distribution", pinn: "physics informed", relu: "rectified linear",
    sam: "sharpness aware minimization", sgd: "stochastic gradient descent",
    slt: "singular learning theory", ssl: "self supervised learning",
  };
  // Among equal hits a page that people wrote for its subject goes before one harvested.
  const WEIGHT = {
    tension: 1.5, claim: 1.3, strand: 1.25, topic: 1.25, term: 1.2, voice: 1.1, work: 1, event: 0.9,
    about: 0.7, talk: 0.6, digest: 0.5, cycle: 0.4,
  };
  const HARVESTED = 0.55;
  const IN_A_ROW = 1.8; // the words as they were typed, one after the other
  const A_TITLE = 3; // four words or more in a row, within the title
  const READ = 12; // titles read to see whether they hold what was typed
  const IN_THE_TITLE = 0.8; // more for a page whose title holds all the words, less for some
  const WRITTEN_OUT = 0.9; // of a synonym or a mended word against the word itself
  const COVERAGE = 1.6; // exponent: pages that hold more of the words go first
  const EXCERPT = 30; // words
  const served = location.protocol !== "file:";

  // The index ------------------------------------------------------------------------------
  const got = async (path) => {
    const answer = await fetch(new URL(path, root), { cache: "no-cache" });
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    return answer;
  };
  // Which pages each value of a filter lets through, and what a page weighs.
  const facets = async () => {
    const { values, pages } = await (await got("pagefind/facets.json")).json();
    const groups = Object.keys(values);
    const sets = Object.fromEntries(
      groups.map((group) => [group, Object.fromEntries(values[group].map((value) => [value, new Set()]))]),
    );
    const weight = new Map();
    for (const [id, told] of Object.entries(pages)) {
      groups.forEach((group, place) => {
        for (const number of told[place]) sets[group][values[group][number]].add(id);
      });
      const kind = values.kind[told[groups.indexOf("kind")][0]];
      weight.set(id, told[groups.length] ? (WEIGHT[kind] ?? 1) : HARVESTED);
    }
    return { sets, weight };
  };
  let opened = null;
  const open = () => {
    opened ??= (async () => {
      const [pagefind, text, { sets, weight }] = await Promise.all([
        import(new URL("pagefind/pagefind.js", root).href),
        got("assets/words.txt").then((answer) => answer.text()),
        facets(),
      ]);
      await pagefind.options({ baseUrl: root.pathname });
      await pagefind.init();
      const list = text.split("\n").filter(Boolean);
      return { pagefind, list, known: new Set(list), asked: new Map(), sets, weight };
    })();
    opened.catch(() => (opened = null)); // the next word typed tries again
    return opened;
  };

  const ask = (index, text) => {
    if (!index.asked.has(text)) index.asked.set(text, index.pagefind.search(text));
    return index.asked.get(text);
  };

  // Words ----------------------------------------------------------------------------------
  const split = (text) => {
    const plain = text.normalize("NFC").toLowerCase().replace(/['’]/g, "")
      .replace(/\b(?:https?:\/\/)?(?:www\.)?arxiv(?:\.org)?[:/\s]\s*(?:abs\/|pdf\/)?(?=\d)/g, "")
      .replace(/\b(\d{4}\.\d{4,5})(?:v\d+)?(?:\.pdf)?\b/g, "$1")
      .replace(/\b(?:https?:\/\/)?(?:dx\.)?doi(?:\.org)?[:/]\s*(?=10\.)/g, "");
    const words = plain.match(/[\p{L}\p{N}\p{M}]+(?:[./:_][\p{L}\p{N}]+)*/gu) ?? [];
    // A letter or digit alone, as of a formula, is on every page.
    const telling = words.filter((word) => !EMPTY.has(word) && !/^[\p{L}\p{N}]$/u.test(word));
    return [...new Set(telling.length ? telling : words)].slice(0, 12);
  };

  const flat = (text) =>
    ` ${(text.toLowerCase().replace(/['’]/g, "").match(/[\p{L}\p{N}]+/gu) ?? []).join(" ")} `;

  // Edits between two words, swaps of neighbors among them; Infinity above `most`.
  const edits = (a, b, most) => {
    if (Math.abs(a.length - b.length) > most) return Infinity;
    let older = [];
    let old = [...Array(b.length + 1).keys()];
    for (let i = 1; i <= a.length; i += 1) {
      const row = [i];
      for (let j = 1; j <= b.length; j += 1) {
        row[j] = Math.min(old[j] + 1, row[j - 1] + 1, old[j - 1] + (a[i - 1] !== b[j - 1]));
        if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
          row[j] = Math.min(row[j], older[j - 2] + 1);
      }
      if (Math.min(...row) > most) return Infinity;
      [older, old] = [old, row];
    }
    return old[b.length] <= most ? old[b.length] : Infinity;
  };

  const mended = (index, word) => {
    if (!/^[a-z]{5,}$/.test(word) || index.known.has(word)) return "";
    const near = (other) =>
      other.startsWith(word) || (word.startsWith(other) && word.length - other.length < 4);
    if (index.list.some(near)) return ""; // still being typed, or another form of a known word
    const most = word.length < 8 ? 1 : 2;
    let best = "";
    let least = Infinity;
    for (const other of index.list) {
      const count = edits(word, other, Math.min(most, least - 1));
      if (count < least) [best, least] = [other, count];
    }
    return best;
  };

  // Ranking --------------------------------------------------------------------------------
  const rank = async (text) => {
    const index = await open();
    const words = split(text);
    if (!words.length) return { words, marks: [], hits: [], also: [] };
    const also = [];
    const terms = words.map((word) => {
      const forms = [word];
      const whole = mended(index, word);
      if (whole) forms.push(whole);
      if (LONG[word]) forms.push(LONG[word]);
      also.push(...forms.slice(1));
      return forms;
    });
    const typed = text.toLowerCase().replace(/["“”]/g, " ").trim();
    const phrase = /\s/.test(typed) ? ask(index, `"${typed}"`) : null;
    const answers = await Promise.all(
      terms.map((forms) => Promise.all(forms.map((form) => ask(index, form)))),
    );
    const hits = new Map();
    let every = 0;
    const named = new Set();
    answers.forEach((found, place) => {
      const scores = new Map();
      found.forEach(({ results }, form) => {
        for (const result of results) {
          const score = result.score * (form ? WRITTEN_OUT : 1);
          if (score > (scores.get(result.id)?.score ?? 0)) scores.set(result.id, { score, result });
          // An arXiv number or the id of a claim is typed by somebody who wants that page.
          if (/\d/.test(words[place]) && result.matchedMetaFields?.includes("id")) named.add(result.id);
        }
      });
      const rare = Math.log(1 + (index.weight.size + 1) / (scores.size + 1));
      every += rare;
      for (const [id, { score, result }] of scores) {
        const hit = hits.get(id) ?? { id, score: 0, held: 0, titled: 0, result };
        hit.score += score;
        hit.held += rare;
        if (result.matchedMetaFields?.includes("title")) hit.titled += rare;
        hits.set(id, hit);
      }
    });
    const held = (await phrase)?.results ?? [];
    const inARow = new Set(held.map((result) => result.id));
    const titles = new Set();
    if (typed.split(/\s+/).length > 3) {
      const likely = held.filter(({ id }) => hits.get(id)?.titled === every).slice(0, READ);
      const pages = await Promise.all(likely.map((result) => result.data()));
      pages.forEach(({ meta }, place) => {
        if (flat(meta.title ?? "").includes(flat(typed))) titles.add(likely[place].id);
      });
    }
    for (const hit of hits.values()) {
      const titled = hit.titled / every;
      hit.score *= (hit.held / every) ** COVERAGE * (index.weight.get(hit.id) ?? 1);
      hit.score *= 1 + IN_THE_TITLE * titled ** 2;
      if (inARow.has(hit.id)) hit.score *= IN_A_ROW * (titles.has(hit.id) ? A_TITLE : 1);
      if (named.has(hit.id)) hit.score += 1000;
    }
    const ranked = [...hits.values()].sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1));
    const marks = [...new Set(terms.flat().flatMap(split))];
    return { words, marks, hits: ranked, also };
  };

  // Counts and filters ------------------------------------------------------------------------
  const passes = (sets, id, chosen, but) =>
    Object.keys(GROUPS).every(
      (group) => group === but || !chosen[group] || sets[group]?.[chosen[group]]?.has(id),
    );
  const counts = (hits, sets, chosen, group) => {
    const rest = hits.filter((hit) => passes(sets, hit.id, chosen, group));
    const told = Object.entries(sets[group] ?? {}).map(([value, pages]) => [
      value,
      rest.reduce((sum, hit) => sum + pages.has(hit.id), 0),
    ]);
    const order = Object.keys(KINDS);
    if (group === "kind") told.sort((a, b) => order.indexOf(a[0]) - order.indexOf(b[0]));
    else if (group === "year") told.sort((a, b) => (a[0] < b[0] ? 1 : -1));
    else told.sort((a, b) => (a[0] < b[0] ? -1 : 1));
    return told.filter(([value, count]) => count || chosen[group] === value);
  };

  // Drawing ----------------------------------------------------------------------------------
  // Text from pages is set as text, never as markup.
  const make = (tag, values = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(values)) {
      if (name === "class") element.className = value;
      else if (name in element && typeof value !== "string") element[name] = value;
      else element.setAttribute(name, value);
    }
    element.append(...children);
    return element;
  };
  const stem = (word) => word.replace(/(?:izations?|isations?|izes?|ises?|ations?|ings?|ness|ed|es|s|e)$/, "");
  const isHit = (word, marks) => {
    const low = word.normalize("NFC").toLowerCase().replace(/['’]/g, "");
    return marks.some((mark) => {
      const root = stem(mark);
      return root.length < 4 ? low === mark || stem(low) === root : low.startsWith(root);
    });
  };
  const wordsOf = (text) => text.match(/[\p{L}\p{N}\p{M}'’.]*[\p{L}\p{N}\p{M}]/gu) ?? [];
  const marked = (text, marks) =>
    text.split(/([\p{L}\p{N}\p{M}'’.]*[\p{L}\p{N}\p{M}])/u).filter(Boolean).map((piece) =>
      isHit(piece, marks) ? make("mark", {}, piece) : piece);

  // The sentence that holds most of the words, the earlier of two; a short one with the next.
  const excerpt = (data, title, marks) => {
    const all = data.content.split(/(?<=[.?!])\s+/).filter((sentence) => !title.includes(sentence.replace(/\.$/, "")));
    const hitsOf = (words) => words.map((word) => marks.findIndex((mark) => isHit(word, [mark])));
    let best = 0;
    let most = 0;
    all.forEach((sentence, place) => {
      const inside = hitsOf(wordsOf(sentence)).filter((mark) => mark >= 0);
      const worth = new Set(inside).size * 10 + Math.min(inside.length, 4);
      if (worth > most) [best, most] = [place, worth];
    });
    const words = all.slice(best, best + 2).join(" ").split(/\s+/);
    const first = hitsOf(words.map((word) => wordsOf(word)[0] ?? "")).findIndex((mark) => mark >= 0);
    const start = Math.max(0, Math.min(first - 8, words.length - EXCERPT));
    const end = start + EXCERPT;
    return (start ? "… " : "") + words.slice(start, end).join(" ") + (end < words.length ? " …" : "");
  };

  const drawn = async (hit, marks) => {
    const data = await hit.result.data();
    const { meta } = data;
    const title = meta.title ?? "";
    const number = /^[A-Z]\d+[a-z]?$/.test(meta.id ?? "") ? ` ${meta.id}` : "";
    const label = meta.label ?? KINDS[meta.kind] ?? meta.kind;
    const facts = [label[0].toUpperCase() + label.slice(1) + number, meta.date].filter(Boolean).join(" · ");
    const item = make(
      "li", { class: `find-hit ${meta.kind}` },
      make("p", { class: "find-facts" }, facts),
      make("a", { href: data.url, class: "find-title" }, ...marked(title, marks)),
    );
    if (meta.by) item.append(make("p", { class: "find-by" }, ...marked(meta.by, marks)));
    const text = excerpt(data, title, marks);
    if (text) item.append(make("p", { class: "find-text" }, ...marked(text, marks)));
    return item;
  };

  const count = (number, one, many) => `${number.toLocaleString("en")} ${number === 1 ? one : many}`;

  // One field with its results: in the header, or as a page -------------------------------------
  const fields = [];
  const build = (slot, place) => {
    const whole = slot.dataset.find === "page";
    const id = `find-${place}`;
    const size = whole ? 15 : 6;
    const state = { q: "", chosen: {}, shown: size, turn: 0 };
    const input = make("input", {
      type: "search", id, class: "find-input", autocomplete: "off", autocapitalize: "off",
      spellcheck: "false", placeholder: slot.dataset.find === "bar" ? "Search" : "Search the debate", "aria-controls": `${id}-results`,
      maxlength: "200", enterkeyhint: "search", "aria-label": "Search the debate",
    });
    const told = make("p", { class: "find-told", role: "status" });
    const filters = make("div", { class: "find-filters", role: "group", "aria-label": "Filters" });
    const list = make("ol", { class: "find-hits" });
    const more = make("p", { class: "find-more" });
    const panel = make(
      whole ? "div" : "section",
      { class: "find-panel", id: `${id}-results`, "aria-label": "Search results", hidden: true },
      told, filters, list, more,
    );
    if (whole) panel.removeAttribute("aria-label");
    const key = make("kbd", { class: "find-key", "aria-hidden": "true" }, "/");
    const frame = make("div", { class: "find", role: "search" }, make("div", { class: "find-field" }, input, key), panel);
    slot.replaceChildren(frame);

    const address = () => {
      const query = new URLSearchParams();
      if (state.q) query.set("q", state.q);
      for (const group of Object.keys(GROUPS)) if (state.chosen[group]) query.set(group, state.chosen[group]);
      const page = new URL("search.html", root);
      page.search = query;
      return page.href;
    };
    const show = (on) => {
      panel.hidden = !on;
      frame.classList.toggle("open", on);
    };

    const drawFilters = (hits, sets) => {
      const held = document.activeElement?.closest?.(".find-filters") === filters
        ? document.activeElement.id : "";
      filters.replaceChildren(...Object.entries(GROUPS).flatMap(([group, name]) => {
        const values = counts(hits, sets, state.chosen, group);
        if (!values.length) return [];
        const select = make("select", { id: `${id}-${group}` },
          make("option", { value: "" }, `any`),
          ...values.map(([value, n]) =>
            make("option", { value, selected: state.chosen[group] === value },
              `${group === "kind" ? KINDS[value] ?? value : value} (${n.toLocaleString("en")})`)),
        );
        select.classList.toggle("chosen", Boolean(state.chosen[group]));
        select.addEventListener("change", () => {
          state.chosen[group] = select.value;
          state.shown = size;
          update();
        });
        return [make("span", { class: "find-filter" }, make("label", { for: select.id }, name), select)];
      }));
      if (held) document.getElementById(held)?.focus();
    };

    const update = async (keep = true) => {
      const turn = (state.turn += 1);
      if (whole && keep && location.href !== address()) history.replaceState(null, "", address());
      const any = Object.values(state.chosen).some(Boolean);
      if (!state.q.trim() && !(whole && any)) {
        told.textContent = whole && served ? "Type a question, a name, an arXiv number or the id of a claim." : "";
        for (const part of [filters, list, more]) part.replaceChildren();
        show(whole);
        return;
      }
      show(true);
      if (!served) {
        told.textContent = "Search works once the site is served over http: from the file system a browser lets no script read the index. The lists above hold everything.";
        if (whole) told.textContent = told.textContent.replace("above", "in the header");
        return;
      }
      if (!list.children.length) told.textContent = "Searching …";
      try {
        const found = await rank(state.q);
        if (!found.words.length && any) {
          // No words but a filter: everything that it lets through, in the index's order.
          const every = await (await open()).pagefind.search(null);
          found.hits = every.results.map((result) => ({ id: result.id, result }));
        }
        const { sets } = await open();
        const passing = found.hits.filter((hit) => passes(sets, hit.id, state.chosen));
        const items = await Promise.all(passing.slice(0, state.shown).map((hit) => drawn(hit, found.marks)));
        if (turn !== state.turn) return; // something else was typed meanwhile
        const also = found.also.length ? `; looked for “${found.also.join("”, “")}” too` : "";
        told.textContent = `${passing.length ? count(passing.length, "result", "results") : "Nothing found"}${also}.`;
        drawFilters(found.hits, sets);
        list.replaceChildren(...items);
        more.replaceChildren();
        if (passing.length > items.length || !whole) {
          if (whole) {
            const button = make("button", { type: "button" }, "Show more");
            button.addEventListener("click", async () => {
              const at = list.children.length;
              state.shown += size;
              await update();
              list.children[at]?.querySelector("a").focus();
            });
            more.append(button);
          } else if (passing.length) {
            more.append(make("a", { href: address() }, `All ${count(passing.length, "result", "results")} on one page`));
          }
        }
      } catch (error) {
        if (turn !== state.turn) return;
        told.textContent = "The search index could not be read. Try again, or use the lists.";
        list.replaceChildren();
        console.info(error);
      }
    };

    let waiting = 0;
    input.addEventListener("input", () => {
      state.q = input.value;
      state.shown = size;
      clearTimeout(waiting);
      waiting = setTimeout(update, 120);
    });
    input.addEventListener("focus", () => {
      if (served) open().catch(() => {}); // the index is on its way while the reader types
      if (state.q.trim()) show(true);
    });

    const stops = () => [...panel.querySelectorAll(".find-title, .find-more a, .find-more button")];
    frame.addEventListener("keydown", (event) => {
      const { key: pressed, target } = event;
      if (pressed === "Escape" && !whole) {
        event.preventDefault();
        event.stopPropagation();
        if (panel.hidden) input.blur();
        show(false);
        if (target !== input) {
          input.focus();
          show(false);
        }
      } else if (pressed === "Enter" && target === input) {
        event.preventDefault();
        clearTimeout(waiting);
        state.q = input.value;
        if (!whole && state.q.trim() && served) location.assign(address());
        else update();
      } else if ((pressed === "ArrowDown" || pressed === "ArrowUp") && target.tagName !== "SELECT") {
        const all = stops();
        const next = all.indexOf(target) + (pressed === "ArrowDown" ? 1 : -1);
        if (next === -2 || !all.length || panel.hidden) return;
        event.preventDefault();
        if (next < 0) input.focus();
        else all[Math.min(next, all.length - 1)].focus();
      }
    });
    if (!whole) {
      document.addEventListener("click", (event) => {
        // A filter redraws itself, so its old element may be gone by now.
        if (!event.composedPath().includes(frame)) show(false);
      });
      frame.addEventListener("focusout", (event) => {
        if (event.relatedTarget && !frame.contains(event.relatedTarget)) show(false);
      });
    } else {
      const read = () => {
        const query = new URLSearchParams(location.search);
        state.q = input.value = (query.get("q") ?? "").slice(0, 200);
        for (const group of Object.keys(GROUPS)) state.chosen[group] = query.get(group) ?? "";
        update(false);
      };
      addEventListener("popstate", read);
      read();
      if (!state.q) input.focus();
    }
    fields.push({ input });
  };

  // A page with a field of its own needs none in its header.
  const bars = slots.filter((slot) => slot.dataset.find === "bar");
  if (bars.length < slots.length) bars.forEach((slot) => slot.remove());
  slots.filter((slot) => slot.isConnected).forEach(build);

  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
    const { target } = event;
    if (target.closest?.("input, textarea, select, [contenteditable]")) return;
    event.preventDefault();
    const field = fields[0];
    field.input.focus();
    field.input.select();
  });
})();
