// Filters beside a list are open where there is room for them beside it.

for (const box of document.querySelectorAll("[data-filter-box]")) {
  box.open = !matchMedia("(width < 52rem)").matches;
}
