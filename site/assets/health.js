// How long ago each source was last read, by the reader's own clock: the page was made on the
// day of a run and does not know today.
(() => {
  const day = 86400000;
  const days = (text) => Math.floor((Date.now() - Date.parse(text)) / day);
  for (const span of document.querySelectorAll(".since[data-since]")) {
    const ago = days(span.dataset.since);
    if (!(ago >= 0)) continue; // a clock that is wrong, or a date that is none
    const note = document.createElement("span");
    note.className = "by";
    note.textContent = ago === 0 ? "today" : ago === 1 ? "yesterday" : `${ago} days ago`;
    const row = span.closest("tr[data-staleness]");
    if (!row) note.textContent = `(${note.textContent})`; // within a sentence
    span.after(" ", note);
    if (!row || row.dataset.staleness !== "fresh" || ago <= 2 * row.dataset.every) continue;
    const badge = row.querySelector(".badge");
    badge.classList.replace("fresh", "late");
    badge.textContent = "late";
  }
})();
