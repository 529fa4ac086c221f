/* A button to copy each text that is there to be copied. Without a script, or where the browser
   keeps the clipboard to itself (a page opened as a file), the text is there to be selected. */
(() => {
  "use strict";
  if (!navigator.clipboard) return;
  for (const text of document.querySelectorAll("pre[data-copy]")) {
    const button = document.createElement("button");
    const name = `Copy ${text.dataset.copy}`;
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.setAttribute("aria-label", name);
    const said = document.createElement("span");
    said.className = "vh";
    said.setAttribute("role", "status");
    button.addEventListener("click", async () => {
      let told = "Copied";
      try {
        await navigator.clipboard.writeText(text.querySelector("code").textContent);
      } catch {
        const all = document.createRange();
        all.selectNodeContents(text.querySelector("code"));
        getSelection().removeAllRanges();
        getSelection().addRange(all);
        told = "Selected";
      }
      button.textContent = told;
      said.textContent = `${text.dataset.copy}: ${told.toLowerCase()}`;
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    });
    text.before(said);
    text.parentElement.append(button);
    text.parentElement.classList.add("copied-from");
  }
})();
