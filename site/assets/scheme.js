// Applies the remembered choice of light or dark before the page is drawn.
(() => {
  const kept = __md_get("__palette");
  const known = ["default", "slate"];
  const color = (kept && kept.color) || {};
  const follow = !color.media || color.media === "(prefers-color-scheme)";
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const scheme = follow ? (dark ? "slate" : "default") : color.scheme;
  if (known.includes(scheme)) document.body.setAttribute("data-md-color-scheme", scheme);
})();
