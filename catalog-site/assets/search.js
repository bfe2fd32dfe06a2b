// The search page: results while one types, facets that combine, and all of it in the address.

import { SearchIndex } from "./search-index.js";

const PAGE_SIZE = 10;
const FEW_VALUES = 8;
const MOST_VALUES = 100;
const FACETS = [
  ["category", "Category"], ["platform", "Platform"], ["premium", "Price"], ["license", "Licence"],
  ["author", "Author"], ["deprecated", "State"], ["executor", "Executor"],
];
const TITLES = {
  platform: { linux: "Linux", macos: "macOS", windows: "Windows" },
  premium: { no: "Free", yes: "Premium" },
  deprecated: { no: "Maintained", yes: "Deprecated" },
  executor: { no: "Definitions only", yes: "Has an executor" },
};
const SORTS = ["relevance", "name", "newest", "quality"];
const WAIT = 10;

const root = new URL(document.documentElement.dataset.root, location.href);
const find = (name) => document.querySelector(`[data-${name}]`);
const [input, form, area, list, status] = ["search-input", "search-form", "search-area", "results", "status"].map(find);
const [more, facetsPlace, sorting, hints, box] = ["more", "facets", "sort", "hints", "filter-box"].map(find);

const chosen = new Map(FACETS.map(([key]) => [key, new Set()]));
const opened = new Set();
let index = null;
let latest = 0;
let sort = "";
let wanted = PAGE_SIZE;
let shown = 0;
let answer = null;

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function counted(number, one, many) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

function titleOf(key, value) {
  return TITLES[key]?.[value] ?? value;
}

// --- the address

function readAddress() {
  const state = new URLSearchParams(location.search);
  input.value = state.get("q")?.slice(0, 200) ?? "";
  for (const [key] of FACETS) {
    chosen.set(key, new Set(state.getAll(key)));
  }
  sort = SORTS.includes(state.get("sort")) ? state.get("sort") : "";
  wanted = Math.min(Math.max(Number.parseInt(state.get("n") ?? "", 10) || PAGE_SIZE, PAGE_SIZE), 20 * PAGE_SIZE);
}

function addressOf({ words = input.value.trim(), filters = true } = {}) {
  const state = new URLSearchParams();
  if (words) {
    state.set("q", words);
  }
  for (const [key] of filters ? FACETS : []) {
    chosen.get(key).forEach((value) => state.append(key, value));
  }
  if (sort) {
    state.set("sort", sort);
  }
  if (wanted > PAGE_SIZE) {
    state.set("n", wanted);
  }
  const address = new URL(location.href);
  address.search = state.toString();
  return address;
}

function showAddress({ isStep = false } = {}) {
  const address = addressOf();
  if (address.href !== location.href) {
    history[isStep ? "pushState" : "replaceState"](null, "", address);
  }
}

// --- results

function card(data) {
  const address = new URL(`libraries/${encodeURIComponent(data.name)}/`, root);
  const [premium, deprecated] = data.flags;
  const text = element("div", { className: "card-text" },
    element("h3", {}, element("a", { href: address.href, textContent: data.title })),
    element("p", { className: "card-name" }, element("code", { textContent: data.name }), ` ${data.version}`),
    element("p", { className: "card-summary", textContent: data.summary }));
  const steps = index.language.bestSteps(data.steps, answer.parsed);
  // A library of one step is that step.
  if (steps.length && data.count > 1) {
    text.append(element("p", { className: "card-steps" }, ...steps.map(([name, title]) => element("a", {
      href: new URL(`steps/${encodeURIComponent(name)}/`, address).href, textContent: title || name,
    }))));
  }
  const facts = element("p", { className: "card-facts" });
  if (deprecated) {
    facts.append(element("span", { className: "badge badge-warn", textContent: "Deprecated" }));
  }
  if (premium) {
    facts.append(element("span", { className: "badge badge-premium", textContent: "Premium" }));
  }
  const platforms = data.platforms.map((value) => titleOf("platform", value)).join(", ");
  for (const fact of [counted(data.count, "step", "steps"), platforms, data.license, data.newest]) {
    if (fact) {
      facts.append(element("span", { textContent: fact }));
    }
  }
  text.append(facts);
  const hue = /^[0-7]$/.test(data.hue) ? data.hue : "0";
  const tile = element("span", { className: `tile hue-${hue}`, textContent: data.initials });
  tile.setAttribute("aria-hidden", "true");
  return element("li", { className: "card" }, tile, text);
}

async function showCards(turn) {
  const next = answer.found.slice(shown, wanted);
  const loaded = await Promise.all(next.map((document) => index.card(document)));
  if (turn !== latest) {
    return;
  }
  const cards = loaded.map(card);
  if (shown === 0) {
    list.replaceChildren(...cards);
  } else {
    list.append(...cards);
  }
  const first = cards[0];
  if (shown > 0) {
    first?.querySelector("a").focus();
  }
  shown += next.length;
  more.hidden = shown >= answer.found.length;
}

function wordsLink(words) {
  const link = element("a", { href: addressOf({ words }).href, textContent: words });
  link.addEventListener("click", (event) => {
    event.preventDefault();
    input.value = words;
    input.focus();
    search({ isStep: true });
  });
  return link;
}

function listed(links) {
  return links.flatMap((link, place) => (place ? [", ", link] : [link]));
}

function showHints(words) {
  const lines = [];
  if (answer.corrected) {
    lines.push(element("p", {}, "Shown is what ", wordsLink(answer.corrected), ` finds: “${words}” stands nowhere as it is written.`));
  }
  if (answer.found.length && answer.unknown.length) {
    const unknown = answer.unknown.map((word) => `“${word}”`).join(", ");
    lines.push(element("p", { textContent: `No library has ${unknown}: shown is what the other words find.` }));
  }
  const others = answer.suggestions.filter((suggestion) => suggestion !== answer.corrected && suggestion !== words);
  if (others.length) {
    lines.push(element("p", {}, "Also try: ", ...listed(others.map(wordsLink))));
  }
  if (!answer.found.length) {
    if ([...chosen.values()].some((values) => values.size)) {
      const clear = element("button", { type: "button", className: "button", textContent: "Search without filters" });
      clear.addEventListener("click", clearFilters);
      lines.push(element("p", {}, clear));
    }
    const categories = [...answer.everywhere].sort((one, other) => other[1] - one[1]).slice(0, FEW_VALUES);
    if (categories.length) {
      const links = categories.map(([value]) => element("a", {
        href: new URL(`search/?${new URLSearchParams({ category: value })}`, root).href, textContent: value,
      }));
      lines.push(element("p", {}, "Or look into a category: ", ...listed(links), "."));
    }
    const browse = element("a", { href: new URL("browse/", root).href, textContent: "Browse all libraries" });
    lines.push(element("p", {}, "Try fewer or more general words. ", browse, "."));
  }
  hints.replaceChildren(...lines);
  hints.hidden = !lines.length;
}

// --- facets

function facet(key, title) {
  const values = [...answer.counts[key]].filter(([value, count]) => count || chosen.get(key).has(value));
  for (const value of chosen.get(key)) {
    if (!answer.counts[key].has(value)) {
      values.push([value, 0]);
    }
  }
  if (!values.length) {
    return null;
  }
  const rank = ([value]) => (chosen.get(key).has(value) ? 0 : 1);
  values.sort((one, other) => rank(one) - rank(other) || other[1] - one[1] || one[0].localeCompare(other[0]));
  const isLong = values.length > FEW_VALUES;
  const visible = values.slice(0, isLong && !opened.has(key) ? FEW_VALUES : MOST_VALUES);
  const labels = visible.map(([value, count]) => {
    const tick = element("input", { type: "checkbox", checked: chosen.get(key).has(value) });
    tick.dataset.facet = `${key}:${value}`;
    tick.addEventListener("change", () => {
      chosen.get(key)[tick.checked ? "add" : "delete"](value);
      search({ isStep: true });
    });
    return element("label", {}, tick,
      element("span", { textContent: titleOf(key, value) }),
      element("span", { className: "count", textContent: count.toLocaleString("en") }));
  });
  const group = element("fieldset", {}, element("legend", { textContent: title }), ...labels);
  if (isLong) {
    const isOpen = opened.has(key);
    const button = element("button", {
      type: "button", className: "facet-more", textContent: isOpen ? "Show fewer" : `Show all ${values.length}`,
    });
    button.setAttribute("aria-label", `${button.textContent}: ${title}`);
    button.dataset.facet = `${key}:`;
    button.addEventListener("click", () => {
      opened[isOpen ? "delete" : "add"](key);
      showFacets();
    });
    group.append(button);
  }
  return group;
}

function showFacets() {
  const focused = document.activeElement?.dataset?.facet;
  const count = [...chosen.values()].reduce((sum, values) => sum + values.size, 0);
  const groups = FACETS.map(([key, title]) => facet(key, title)).filter(Boolean);
  if (count) {
    const clear = element("button", { type: "button", className: "facet-more", textContent: "Clear all filters" });
    clear.addEventListener("click", clearFilters);
    groups.unshift(clear);
  }
  facetsPlace.replaceChildren(...groups);
  box.querySelector("summary").textContent = count ? `Filters (${count})` : "Filters";
  if (focused) {
    facetsPlace.querySelector(`[data-facet="${CSS.escape(focused)}"]`)?.focus();
  }
}

function clearFilters() {
  chosen.forEach((values) => values.clear());
  input.focus();
  search({ isStep: true });
}

// --- searching

async function search({ isStep = false, keeps = false } = {}) {
  const turn = ++latest;
  const words = input.value.trim();
  if (!keeps) {
    wanted = PAGE_SIZE;
    showAddress({ isStep });
  }
  const order = sort || (words ? "relevance" : "quality");
  const found = await index.search(words, chosen, order);
  if (turn !== latest) {
    return;
  }
  answer = found;
  shown = 0;
  sorting.value = order;
  sorting.querySelector('[value="relevance"]').disabled = !words;
  const number = counted(found.found.length, "library", "libraries");
  const what = words ? ` for “${words}”` : "";
  sorting.parentElement.hidden = !found.found.length;
  status.textContent = found.found.length ? `${number}${what}` : `Nothing found${what}.`;
  showHints(words);
  showFacets();
  await showCards(turn);
  if (turn === latest) {
    list.dataset.answered = words;
  }
}

function moveFocus(event) {
  const links = [...list.querySelectorAll("h3 a")];
  const at = links.indexOf(document.activeElement);
  const inInput = document.activeElement === input;
  if (event.key === "ArrowDown" && (inInput || at >= 0)) {
    event.preventDefault();
    links[Math.min(at + 1, links.length - 1)]?.focus();
  } else if (event.key === "ArrowUp" && at >= 0) {
    event.preventDefault();
    (at === 0 ? input : links[at - 1]).focus();
  } else if (event.key === "Escape" && at >= 0) {
    input.focus();
  } else if (event.key === "Escape" && inInput) {
    // A field for searching would be emptied, and the address with it.
    event.preventDefault();
    input.blur();
  }
}

// The place in the list is kept with the address, for whoever comes back from a library.
function keepPlace() {
  history.replaceState({ place: scrollY }, "", location.href);
}

function goToPlace() {
  const place = history.state?.place;
  if (Number.isFinite(place)) {
    scrollTo({ top: place, behavior: "instant" });
  }
}

function listen() {
  let waiting = 0;
  input.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(search, WAIT);
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    clearTimeout(waiting);
    await search({ isStep: true });
    list.querySelector("h3 a")?.focus();
  });
  sorting.addEventListener("change", () => {
    sort = sorting.value;
    search({ isStep: true });
  });
  more.addEventListener("click", () => {
    wanted = shown + PAGE_SIZE;
    showAddress();
    showCards(latest);
  });
  document.addEventListener("keydown", moveFocus);
  addEventListener("popstate", () => {
    readAddress();
    search({ keeps: true });
  });
  list.addEventListener("click", keepPlace);
  addEventListener("pagehide", keepPlace);
}

readAddress();
area.hidden = false;
// On a narrow screen results come first; the filters open by a click.
box.open = !matchMedia("(width < 52rem)").matches;
input.focus({ preventScroll: true });
try {
  index = await SearchIndex.open(new URL("search-index/", root));
  listen();
  await search({ keeps: true });
  goToPlace();
} catch {
  status.textContent = "The search index could not be loaded. You can browse all libraries instead.";
}
