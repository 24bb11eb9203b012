// The table sorts and filters, charts follow it, hints show what a mark is; without a script the page still reads.
(() => {
  const $ = (all) => [...document.querySelectorAll(all)];
  const rows = $("table.variants tbody tr");

  // Sorting: what nobody measured stays last either way.
  const value = (row, column) => row.cells[column].dataset.value;
  const order = (column, number, sign) => (one, other) => {
    const [a, b] = [value(one, column), value(other, column)];
    if (a === "" || b === "") return (a === "") - (b === "");
    return sign * (number ? a - b : a.localeCompare(b));
  };
  for (const button of $("[data-sort]")) button.addEventListener("click", () => {
    const head = button.closest("th");
    const falling = head.getAttribute("aria-sort") === "ascending";
    for (const other of $("table.variants thead th")) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", falling ? "descending" : "ascending");
    rows.sort(order(head.cellIndex, head.hasAttribute("data-number"), falling ? -1 : 1));
    document.querySelector("table.variants tbody").append(...rows);
  });

  // Filtering: by words, by precision, by what runs here.
  const text = document.querySelector("[data-filter-text]");
  const here = document.querySelector("[data-filter-here]");
  const count = document.querySelector("[data-count]");
  const filter = () => {
    const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    const dtypes = new Set($("[data-filter-dtype]:checked").map((box) => box.value));
    const shown = new Set();
    for (const row of rows) {
      const told = row.textContent.toLowerCase();
      const fits = dtypes.has(row.dataset.dtype) && (!here.checked || row.dataset.here === "true")
        && words.every((word) => told.includes(word));
      if (fits) shown.add(row.dataset.variant);
    }
    for (const part of $("[data-variant]")) part.toggleAttribute("data-hidden", !shown.has(part.dataset.variant));
    count.textContent = shown.size === rows.length ? `${rows.length} variant${rows.length === 1 ? "" : "s"}`
      : `${shown.size} of ${rows.length} variants`;
    fit();
  };
  text.addEventListener("input", filter);
  for (const box of [...$("[data-filter-dtype]"), here]) box.addEventListener("change", filter);

  // One map of kernels at a time.
  for (const choice of $("[data-show]")) choice.addEventListener("change", () => {
    for (const map of $(`.${choice.dataset.show}`)) map.hidden = map.dataset.map !== choice.value;
    fit();
  });

  // Texts that their tile is too small for, and names of marks that would lie on others, are not shown.
  const fit = () => {
    // All sizes first, then all changes: one layout instead of hundreds.
    const fits = $(".kernel-map:not([hidden]) .tile text").map((word) => {
      const room = word.parentNode.firstElementChild.getBoundingClientRect();
      return [word, word.getComputedTextLength() + 14 < room.width && Number(word.getAttribute("y")) + 5 < room.height];
    });
    for (const [word, fit] of fits) word.classList.toggle("cut", !fit);
    for (const chart of $(".chart")) {
      const taken = [...chart.querySelectorAll(".shape, .way")].map((mark) => mark.getBoundingClientRect());
      const edge = chart.getBoundingClientRect().right;
      const free = (word) => {
        const place = word.getBoundingClientRect();
        const apart = taken.every((other) => place.left > other.right || other.left > place.right
          || place.top > other.bottom || other.top > place.bottom);
        return apart && place.right <= edge;
      };
      for (const word of chart.querySelectorAll("text.named")) {
        const side = ["", "before", "below", "before below"].find((side) => {
          word.setAttribute("class", `named ${side}`);
          return free(word);
        });
        if (side === undefined) word.classList.add("cut");
        else taken.push(word.getBoundingClientRect());
      }
    }
  };
  addEventListener("resize", fit);
  fit();

  // Hints: what a mark, a tile or a box is, beside the pointer or the focus.
  const hint = document.getElementById("hint");
  const show = (mark, x, y) => {
    hint.textContent = mark.dataset.hint;
    hint.classList.add("shown");
    const { width, height } = hint.getBoundingClientRect();
    hint.style.left = `${Math.max(8, Math.min(x + 14, innerWidth - width - 8))}px`;
    hint.style.top = `${y + 18 + height > innerHeight ? y - height - 12 : y + 18}px`;
  };
  const hide = () => hint.classList.remove("shown");
  addEventListener("pointermove", (event) => {
    const mark = event.target.closest?.("[data-hint]");
    if (mark) show(mark, event.clientX, event.clientY); else hide();
  });
  addEventListener("focusin", (event) => {
    const mark = event.target.closest?.("[data-hint]");
    if (!mark) return hide();
    const { right, bottom } = mark.getBoundingClientRect();
    show(mark, right, bottom);
  });
  addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
  addEventListener("scroll", hide, { passive: true });

  // On paper everything that is folded is open.
  const folded = [];
  addEventListener("beforeprint", () => {
    for (const fold of $("details:not([open])")) { fold.open = true; folded.push(fold); }
  });
  addEventListener("afterprint", () => { for (const fold of folded.splice(0)) fold.open = false; });
})();
