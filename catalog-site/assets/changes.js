// Shows only the steps between two releases. Without this script all of them are there.

const form = document.querySelector("[data-compare]");
const from = form.querySelector("[data-from]");
const to = form.querySelector("[data-to]");
const result = form.querySelector("[data-result]");
const sections = [...document.querySelectorAll("[data-new]")];
// Greatest first, as the page lists them.
const versions = [...to.options].map((option) => option.value);
const BUMPS = ["no change of the interface", "a patch", "a minor change", "a major change"];

function asked(name, otherwise) {
  const value = new URLSearchParams(location.search).get(name);
  // Only what the page itself lists is ever used.
  return versions.includes(value) ? value : otherwise;
}

function show() {
  const ends = [versions.indexOf(from.value), versions.indexOf(to.value)];
  const [newest, oldest] = [Math.min(...ends), Math.max(...ends)];
  let bump = 0;
  let steps = 0;
  sections.forEach((section, index) => {
    const isBetween = index >= newest && index < oldest;
    section.hidden = !isBetween;
    if (isBetween) {
      steps += 1;
      bump = Math.max(bump, Number(section.dataset.bump));
    }
  });
  if (!steps) {
    result.textContent = "These are the same release.";
    return;
  }
  const way = steps === 1 ? "One step" : `${steps} steps, together at most`;
  const back = ends[0] < ends[1] ? " Going back undoes what is listed here." : "";
  result.textContent = `${way}${steps === 1 ? ":" : ""} ${BUMPS[bump]}.${back}`;
}

function choose() {
  const address = new URL(location.href);
  address.search = new URLSearchParams({ from: from.value, to: to.value }).toString();
  address.hash = "";
  history.replaceState(null, "", address);
  show();
}

from.value = asked("from", versions.at(-1));
to.value = asked("to", versions[0]);
from.addEventListener("change", choose);
to.addEventListener("change", choose);
form.addEventListener("submit", (event) => event.preventDefault());
form.hidden = false;
show();
