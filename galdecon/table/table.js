for (const sheet of document.querySelectorAll(".galdecon-table table:not([data-sortable])")) {
  sheet.dataset.sortable = "yes";
  const bodies = Array.from(sheet.querySelectorAll("tbody.rows"));
  const initial = bodies.map((body) => Array.from(body.querySelectorAll("tr:not(.section)")));
  const heads = sheet.querySelectorAll("th[data-column]");
  const key = (row, column) => {
    const text = row.cells[column].dataset.sort;
    return { text, number: text === undefined || text === "" ? NaN : Number(text) };
  };
  const compare = (a, b) => {
    // What isn't there, or isn't a number among numbers, comes last whatever the order.
    if (a.text === undefined || b.text === undefined) {
      return { order: (a.text === undefined) - (b.text === undefined), fixed: true };
    }
    if (isNaN(a.number) !== isNaN(b.number)) {
      return { order: isNaN(a.number) - isNaN(b.number), fixed: true };
    }
    if (isNaN(a.number)) {
      return { order: a.text.localeCompare(b.text, undefined, { numeric: true }) };
    }
    return { order: a.number - b.number };
  };
  const sort = (head) => {
    const before = head.getAttribute("aria-sort");
    const next = before === "descending" ? "ascending" : before === "ascending" ? "none" :
      "descending";
    const column = Number(head.dataset.column);
    heads.forEach((other) => other.setAttribute("aria-sort", "none"));
    head.setAttribute("aria-sort", next);
    bodies.forEach((body, i) => {
      const rows = Array.from(initial[i]);
      if (next !== "none") {
        rows.sort((a, b) => {
          const { order, fixed } = compare(key(a, column), key(b, column));
          return fixed || next === "ascending" ? order : -order;
        });
      }
      rows.forEach((row) => body.appendChild(row));
    });
  };
  heads.forEach((head) => {
    head.dataset.sorts = "yes";
    head.tabIndex = 0;
    head.setAttribute("aria-sort", "none");
    head.title = "sort by this column";
    head.addEventListener("click", () => sort(head));
    head.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        event.stopPropagation();
        sort(head);
      }
    });
  });
}
