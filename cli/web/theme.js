"use strict";
// The theme: kept where the browser lets us, so that a page opens as it was left.
(() => {
  const root = document.documentElement;
  const buttons = [...document.querySelectorAll("[data-choose-theme]")];
  const kept = () => { try { return localStorage.getItem("zcc-theme"); } catch { return null; } };
  const choose = (theme) => {
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    else delete root.dataset.theme;
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.chooseTheme === theme));
    try { localStorage.setItem("zcc-theme", theme); } catch { /* a page from disk may keep nothing */ }
  };
  for (const button of buttons) button.addEventListener("click", () => choose(button.dataset.chooseTheme));
  choose(kept() || "auto");
})();
