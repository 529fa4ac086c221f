/* Filters above a list of works, by strand and by stance, made of what the rows themselves say.
   What is chosen stands in the address, so that a view can be shared. Without a script the list
   is whole. */
(() => {
  "use strict";
  const list = document.querySelector("ul[data-filter]");
  const rows = list ? [...list.querySelectorAll(":scope > li[data-strands]")] : [];
  if (rows.length < 8) return;
  const words = (row, name) => (row.dataset[name] ?? "").split(" ").filter(Boolean);
  const plain = (word) => word.replaceAll("-", " ");
  const groups = [["strand", "strands", "All strands"], ["stance", "stances", "All stances"]];
  const picked = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));

  const form = document.createElement("form");
  form.className = "pick";
  form.setAttribute("aria-label", "Filter the list");
  form.addEventListener("submit", (event) => event.preventDefault());
  const fields = groups.map(([name, data, all]) => {
    const counts = new Map();
    for (const row of rows) for (const word of words(row, data)) counts.set(word, (counts.get(word) ?? 0) + 1);
    const label = document.createElement("label");
    const select = document.createElement("select");
    select.name = name;
    select.append(new Option(`${all} (${rows.length})`, ""));
    for (const word of [...counts.keys()].sort()) select.append(new Option(`${plain(word)} (${counts.get(word)})`, word));
    const said = document.createElement("span");
    said.className = "vh";
    said.textContent = name;
    label.append(said, select);
    form.append(label);
    return { name, data, select };
  });
  const told = document.createElement("span");
  told.className = "n";
  told.setAttribute("role", "status");
  form.append(told);
  list.before(form);

  const show = () => {
    let left = 0;
    for (const row of rows) {
      row.hidden = !fields.every(({ data, select }) => !select.value || words(row, data).includes(select.value));
      left += !row.hidden;
    }
    told.textContent = left === rows.length ? "" : `${left} of ${rows.length}`;
  };
  const read = (chosen) => {
    for (const { name, select } of fields) {
      select.value = chosen[name] ?? "";
      if (select.selectedIndex < 0) select.value = "";
    }
    show();
  };
  form.addEventListener("change", () => {
    const state = new URLSearchParams();
    for (const { name, select } of fields) if (select.value) state.set(name, select.value);
    history.pushState(null, "", `${location.pathname}${location.search}${state.size ? `#${state}` : ""}`);
    show();
  });
  addEventListener("popstate", () => read(Object.fromEntries(new URLSearchParams(location.hash.slice(1)))));
  read(picked);
})();
