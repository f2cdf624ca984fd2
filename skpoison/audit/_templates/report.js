"use strict";
(() => {
  const table = document.getElementById("all");
  if (!table) return;
  const body = table.tBodies[0];
  const rows = Array.from(body.rows);
  const heads = Array.from(table.tHead.rows[0].cells);
  const find = document.getElementById("find");
  const sure = document.getElementById("sure");
  const shown = document.getElementById("shown");
  const collator = new Intl.Collator("en", { numeric: true });

  const key = (row, column) => row.cells[column].dataset.value;

  // What was not measured stays at the end, whatever the direction.
  const compare = (a, b, sign, words) => {
    if (a === "" || b === "") return (a === "") - (b === "");
    return sign * (words ? collator.compare(a, b) : Number(a) - Number(b));
  };

  const sort = (column, direction) => {
    const sign = direction === "ascending" ? 1 : -1;
    const words = column === 0;
    heads.forEach((head, i) => {
      if (i === column) head.setAttribute("aria-sort", direction);
      else head.removeAttribute("aria-sort");
    });
    rows
      .slice()
      .sort((a, b) => compare(key(a, column), key(b, column), sign, words))
      .forEach((row) => body.append(row));
  };

  const filter = () => {
    const text = find.value.trim().toLowerCase();
    let count = 0;
    for (const row of rows) {
      const name = row.cells[0].dataset.value.toLowerCase();
      row.hidden = !name.includes(text) || (sure.checked && !("sure" in row.dataset));
      count += !row.hidden;
    }
    shown.textContent = `${count} of ${rows.length} shown`;
  };

  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const now = head.getAttribute("aria-sort");
      const first = column === 0 ? "ascending" : "descending";
      const other = first === "ascending" ? "descending" : "ascending";
      sort(column, now === first ? other : first);
    });
  });
  find.addEventListener("input", filter);
  sure.addEventListener("change", filter);
  document.getElementById("controls").hidden = false;
  filter();
})();
