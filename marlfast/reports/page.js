// Tables are sorted by the column whose name is clicked; a second click turns the order round.
"use strict";
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") !== "descending" && head.dataset.first === "descending"
      || head.getAttribute("aria-sort") === "ascending";
    const key = row => {
      const cell = row.cells[column], value = cell.dataset.v === undefined ? cell.textContent : cell.dataset.v;
      const number = Number(value);
      return value === "" || value === "\u2013" ? null : Number.isNaN(number) ? value : number;
    };
    const rows = [...table.tBodies[0].rows].map((row, place) => [key(row), place, row]);
    rows.sort(([a, i], [b, j]) => {
      if (a === null || b === null) return (a === null) - (b === null) || i - j;      // what is missing comes last
      const order = typeof a === typeof b ? (a < b ? -1 : a > b ? 1 : 0) : typeof a === "number" ? -1 : 1;
      return (down ? -order : order) || i - j;
    });
    heads.forEach(other => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    table.tBodies[0].append(...rows.map(([, , row]) => row));
  }));
}
