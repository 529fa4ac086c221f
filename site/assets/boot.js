// What the theme's script expects on window. In a file of its own, because the content policy
// of the site allows no inline script.
var __md_scope = new URL(document.currentScript.dataset.base, location);
var __md_hash = (text) => [...text].reduce((h, c) => (h << 5) - h + c.charCodeAt(0), 0);
var __md_get = (key, store = localStorage, scope = __md_scope) => {
  try {
    return JSON.parse(store.getItem(scope.pathname + "." + key));
  } catch {
    return null; // storage is closed to pages opened from the file system in some browsers
  }
};
var __md_set = (key, value, store = localStorage, scope = __md_scope) => {
  try {
    store.setItem(scope.pathname + "." + key, JSON.stringify(value));
  } catch {
    // As above: the choice of light or dark is then not remembered.
  }
};
