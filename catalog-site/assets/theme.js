// Runs before the page is drawn, so that a remembered choice never flashes the other one, and what
// is only for browsers without scripts never shows.
(() => {
  document.documentElement.dataset.scripts = "";
  let chosen = null;
  try {
    chosen = localStorage.getItem("theme");
  } catch {
    // Storage can be forbidden; the system's preference then decides.
  }
  if (chosen === "light" || chosen === "dark") {
    document.documentElement.dataset.theme = chosen;
  }
})();
