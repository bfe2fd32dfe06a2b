// Compares any two releases: what lies between the two ends, and the releases on the way. Without
// this script all of the way is there.

const form = document.querySelector("[data-compare]");
const from = form.querySelector("[data-from]");
const to = form.querySelector("[data-to]");
const result = form.querySelector("[data-result]");
const ends = document.querySelector("[data-ends]");
const difference = document.querySelector("[data-difference]");
const stretches = [...document.querySelectorAll("[data-bump]")];
// Greatest first, as the page lists them.
const versions = [...to.options].map((option) => option.value);
const GROUPS = [
  [3, "Breaks callers", "badge-bad", "major"],
  [2, "Adds", "badge-info", "minor"],
  [1, "Changes nothing for callers", "badge-good", "patch"],
];
const BUMPS = ["the same for callers", "a patch", "a minor change", "a major change"];
const MOST = 200;
let comparisons = null;

function element(tag, className, ...children) {
  const made = document.createElement(tag);
  made.className = className;
  made.append(...children);
  return made;
}

function asked(name, otherwise) {
  const value = new URLSearchParams(location.search).get(name);
  // Only what the page itself lists is ever used.
  return versions.includes(value) ? value : otherwise;
}

// The rows from one release to another: bump, step, place, message, value before, value after.
function rowsBetween({ rows, judged, texts }, old, next) {
  const found = judged.flatMap(({ variants, changes }) =>
    (changes[`${variants[old]}>${variants[next]}`] ?? []).map((number) => rows[number]));
  for (const { row, variants, values } of texts) {
    const [before, after] = [variants[old], variants[next]];
    if (before !== after && before >= 0 && after >= 0) {
      found.push([...rows[row].slice(0, 4), values[before], values[after]]);
    }
  }
  return found;
}

function item([, step, place, message, before, after]) {
  const line = element("li", "");
  if (step) {
    line.append(element("code", "", step), " ");
  }
  line.append(element("span", "", message));
  if (place) {
    line.append(" ", element("code", "diff-where", place));
  }
  const values = element("span", "diff-values");
  for (const [word, value] of [["was", before], ["is", after]]) {
    if (value !== null) {
      values.append(element("span", "",
        element("span", "diff-word", word), " ", element("code", "", value)));
    }
  }
  if (values.childElementCount) {
    line.append(values);
  }
  return line;
}

function drawEnds(rows) {
  const parts = GROUPS.flatMap(([bump, title, badge, word]) => {
    const own = rows.filter((row) => row[0] === bump);
    if (!own.length) {
      return [];
    }
    const head = element("h3", "diff-head", title, " ", element("span", `badge ${badge}`, word));
    const list = element("ul", `diff diff-${word}`, ...own.slice(0, MOST).map(item));
    const more = own.length - MOST;
    return [head, list, ...more > 0 ? [element("p", "quiet", `And ${more} more.`)] : []];
  });
  if (!parts.length) {
    parts.push(element("p", "quiet", "Steps, parameters, permissions and dependencies are the same;"
      + " other files may differ."));
  }
  difference.replaceChildren(...parts);
}

// Shows the releases on the way alone; returns the greatest of their bumps.
function showWay(newest, oldest) {
  let bump = 0;
  for (const stretch of stretches) {
    const isBetween = versions.indexOf(stretch.dataset.new) < oldest
      && versions.indexOf(stretch.dataset.old) > newest;
    stretch.hidden = !isBetween;
    bump = isBetween ? Math.max(bump, Number(stretch.dataset.bump)) : bump;
  }
  return bump;
}

function show() {
  const [old, next] = [versions.indexOf(from.value), versions.indexOf(to.value)];
  const [newest, oldest] = [Math.min(old, next), Math.max(old, next)];
  const bump = showWay(newest, oldest);
  for (const [name, version] of [["old", from.value], ["new", to.value]]) {
    for (const place of document.querySelectorAll(`[data-${name}-version]`)) {
      place.textContent = version;
    }
  }
  const isSame = old === next;
  if (ends) {
    ends.hidden = isSame || !comparisons;
  }
  const what = `${from.value} to ${to.value}`;
  if (isSame) {
    result.textContent = "These are the same release.";
  } else if (comparisons) {
    const rows = rowsBetween(comparisons, old, next);
    drawEnds(rows);
    result.textContent = `${what}: ${BUMPS[Math.max(0, ...rows.map((row) => row[0]))]}.`;
  } else {
    const back = old < next ? " Going back undoes what is listed here." : "";
    const most = oldest - newest === 1 ? ":" : ", together at most:";
    result.textContent = `${what}${most} ${BUMPS[bump]}.${back}`;
  }
}

function choose() {
  const address = new URL(location.href);
  address.search = new URLSearchParams({ from: from.value, to: to.value }).toString();
  address.hash = "";
  history.replaceState(null, "", address);
  show();
}

async function load(address) {
  try {
    const answer = await fetch(address);
    const data = await answer.json();
    // Of another build than this page: then the way alone is shown.
    return data.versions.join() === versions.join() ? data : null;
  } catch {
    return null;
  }
}

// A release that the address names by its fragment is opened, with the whole way around it.
function reveal() {
  const version = location.hash.slice(2);
  const place = versions.includes(version) ? document.getElementById(`v${version}`) : null;
  const stretch = place?.closest("[data-bump]");
  if (!stretch) {
    return;
  }
  if (stretch.hidden) {
    [from.value, to.value] = [versions.at(-1), versions[0]];
    show();
  }
  stretch.open = true;
  place.scrollIntoView();
}

from.value = asked("from", versions[1]);
to.value = asked("to", versions[0]);
from.addEventListener("change", choose);
to.addEventListener("change", choose);
addEventListener("hashchange", reveal);
form.addEventListener("submit", (event) => event.preventDefault());
form.hidden = false;
if (form.dataset.all) {
  comparisons = await load(form.dataset.all);
}
// The page itself compares the last two: nothing moves where nothing else is asked for.
if (from.selectedIndex === 1 && to.selectedIndex === 0 && comparisons) {
  showWay(0, 1);
} else {
  show();
}
reveal();
