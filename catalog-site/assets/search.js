// Search as one types, in the browser: Pagefind over one small record a library.

const PAGE_SIZE = 12;
const FACETS = [["category", "Category"], ["platform", "Platform"], ["premium", "Premium"]];
const FACET_VALUES = 40;

const root = new URL(document.documentElement.dataset.root, location.href);
const input = document.querySelector("[data-search-input]");
const form = document.querySelector("[data-search-form]");
const area = document.querySelector("[data-search-area]");
const list = document.querySelector("[data-results]");
const status = document.querySelector("[data-status]");
const more = document.querySelector("[data-more]");
const facets = document.querySelector("[data-facets]");

const chosen = new Map(FACETS.map(([key]) => [key, new Set()]));
let pagefind = null;
let latest = 0;
let hits = [];
let shown = 0;

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function words(query) {
  return query.toLowerCase().split(/[^\p{L}\p{N}]+/u).filter((word) => word.length > 1);
}

function matchingSteps(meta, query) {
  const wanted = words(query).map((word) => word.slice(0, Math.max(3, word.length - 2)));
  if (!wanted.length || !meta.steps) {
    return [];
  }
  return JSON.parse(meta.steps)
    .map(([name, title]) => ({
      name, title: title || name,
      score: wanted.filter((word) => `${name} ${title}`.toLowerCase().includes(word)).length,
    }))
    .filter((step) => step.name && step.score)
    .sort((one, other) => other.score - one.score)
    .slice(0, 4);
}

function card(data, query) {
  const { meta } = data;
  const address = new URL(`libraries/${encodeURIComponent(meta.name)}/`, root);
  const hue = /^[0-7]$/.test(meta.hue) ? meta.hue : "0";
  const text = element("div", { className: "card-text" },
    element("h3", {}, element("a", { href: address.href, textContent: meta.title })),
    element("p", { className: "card-name" }, element("code", { textContent: meta.name }), ` ${meta.version ?? ""}`),
    element("p", { className: "card-summary", textContent: meta.summary ?? "" }));
  const steps = matchingSteps(meta, query);
  if (steps.length) {
    text.append(element("p", { className: "card-steps" }, ...steps.map((step) => element("a", {
      href: new URL(`steps/${encodeURIComponent(step.name)}/`, address).href, textContent: step.title,
    }))));
  }
  const facts = element("p", { className: "card-facts" });
  if (meta.premium === "yes") {
    facts.append(element("span", { className: "badge badge-premium", textContent: "Premium" }));
  }
  facts.append(element("span", { textContent: `${meta.count} step${meta.count === "1" ? "" : "s"}` }));
  text.append(facts);
  const tile = element("span", { className: `tile hue-${hue}`, textContent: meta.initials ?? "" });
  tile.setAttribute("aria-hidden", "true");
  return element("li", { className: "card" }, tile, text);
}

async function showMore(query, turn) {
  const next = hits.slice(shown, shown + PAGE_SIZE);
  const loaded = await Promise.all(next.map((hit) => hit.data()));
  if (turn !== latest) {
    return;
  }
  const cards = loaded.map((data) => card(data, query));
  if (shown === 0) {
    list.replaceChildren(...cards);
  } else {
    list.append(...cards);
  }
  shown += next.length;
  more.hidden = shown >= hits.length;
}

function activeFilters() {
  return Object.fromEntries([...chosen].filter(([, values]) => values.size)
    .map(([key, values]) => [key, { any: [...values] }]));
}

function facetTitle(key, value) {
  return key === "premium" ? { yes: "Premium", no: "Free" }[value] ?? value : value;
}

function showFacets(counts) {
  const focused = document.activeElement?.dataset?.facet;
  const groups = FACETS.map(([key, title]) => {
    const values = Object.entries(counts[key] ?? {})
      .filter(([value, count]) => count || chosen.get(key).has(value))
      .sort((one, other) => other[1] - one[1] || one[0].localeCompare(other[0]))
      .slice(0, FACET_VALUES);
    if (!values.length) {
      return null;
    }
    const labels = values.map(([value, count]) => {
      const box = element("input", { type: "checkbox", checked: chosen.get(key).has(value) });
      box.dataset.facet = `${key}:${value}`;
      box.addEventListener("change", () => {
        chosen.get(key)[box.checked ? "add" : "delete"](value);
        search();
      });
      return element("label", {}, box,
        element("span", { textContent: facetTitle(key, value) }),
        element("span", { className: "count", textContent: count }));
    });
    return element("fieldset", {}, element("legend", { textContent: title }), ...labels);
  });
  facets.replaceChildren(...groups.filter(Boolean));
  if (focused) {
    facets.querySelector(`[data-facet="${CSS.escape(focused)}"]`)?.focus();
  }
}

async function search() {
  const turn = ++latest;
  const query = input.value.trim();
  const address = new URL(location.href);
  address.search = query ? new URLSearchParams({ q: query }).toString() : "";
  history.replaceState(null, "", address);
  const found = await pagefind.search(query || null, { filters: activeFilters() });
  if (turn !== latest) {
    return;
  }
  hits = found.results;
  shown = 0;
  const number = `${hits.length} ${hits.length === 1 ? "library" : "libraries"}`;
  status.textContent = query ? `${number} for “${query}”` : number;
  if (!hits.length) {
    status.textContent = `Nothing found${query ? ` for “${query}”` : ""}. Try fewer or other words.`;
  }
  showFacets(query ? found.filters : found.totalFilters ?? found.filters);
  await showMore(query, turn);
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
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  list.querySelector("h3 a")?.focus();
});
more.addEventListener("click", () => showMore(input.value.trim(), latest));
document.addEventListener("keydown", moveFocus);

input.value = new URLSearchParams(location.search).get("q")?.slice(0, 200) ?? "";
area.hidden = false;
input.focus();
try {
  pagefind = await import(new URL("pagefind/pagefind.js", root).href);
  await pagefind.options({ baseUrl: root.pathname });
  await pagefind.init();
  await pagefind.filters();
  let waiting = 0;
  input.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(search, 60);
  });
  await search();
} catch {
  status.textContent = "The search index could not be loaded. You can browse all libraries instead.";
}
