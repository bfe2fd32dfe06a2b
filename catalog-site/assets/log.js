// Filters the log by library, actor and operation, over all of its pages. Without this script the
// pages are there, one after the other.

const form = document.querySelector("[data-log-form]");
const root = new URL(document.documentElement.dataset.root, location.href);
const list = document.querySelector("[data-log-days]");
const pages = document.querySelector("[data-log-pages]");
const status = document.querySelector("[data-log-status]");
const own = list.innerHTML;
let all = null;
let latest = 0;

// A page's rows, their links as they are meant there.
async function rowsOf(number) {
  const address = new URL(number > 1 ? `log/page/${number}/` : "log/", root);
  const answer = await fetch(address);
  if (!answer.ok) {
    throw new Error(`${address}: ${answer.status}`);
  }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const link of page.querySelectorAll("[data-entry] [href]")) {
    link.setAttribute("href", new URL(link.getAttribute("href"), address).href);
  }
  return [...page.querySelectorAll("[data-entry]")].map((row) => ({
    row,
    section: row.closest("[data-day]"),
    libraries: row.dataset.libraries.toLowerCase().split(" "),
  }));
}

async function everything() {
  const numbers = Array.from({ length: Number(form.dataset.pages) }, (_, index) => index + 1);
  return (await Promise.all(numbers.map(rowsOf))).flat();
}

function wanted() {
  return Object.fromEntries([...new FormData(form)]
    .map(([name, value]) => [name, value.trim()])
    .filter(([, value]) => value));
}

function matches({ row, libraries }, { library, actor, operation }) {
  return (!library || libraries.some((name) => name.includes(library.toLowerCase())))
    && (!actor || row.dataset.actor === actor)
    && (!operation || row.dataset.operation === operation);
}

function draw(rows) {
  const sections = new Map();
  for (const { row, section } of rows) {
    const { day } = section.dataset;
    if (!sections.has(day)) {
      const empty = section.cloneNode(true);
      empty.querySelector("ul").replaceChildren();
      sections.set(day, empty);
    }
    sections.get(day).querySelector("ul").append(row.cloneNode(true));
  }
  list.replaceChildren(...sections.values());
}

async function show() {
  const turn = ++latest;
  const filters = wanted();
  const isFiltered = Object.keys(filters).length > 0;
  if (isFiltered && !all) {
    try {
      all = await everything();
    } catch {
      status.textContent = "The other pages of the log could not be loaded.";
      return;
    }
  }
  if (turn !== latest) {
    return;
  }
  if (pages) {
    pages.hidden = isFiltered;
  }
  if (!isFiltered) {
    list.innerHTML = own;
    status.textContent = "";
    return;
  }
  const found = all.filter((entry) => matches(entry, filters));
  draw(found);
  showCount(found.length, filters);
}

const LOOSENED = [
  ["library", "another library"], ["actor", "anyone"], ["operation", "any operation"],
];

// Says what was searched: the log keeps the latest operations, a library's feed all its releases.
function showCount(number, filters) {
  const isCut = "cut" in form.dataset;
  const searched = `${isCut ? "the latest " : ""}${all.length} operations`;
  status.textContent = `${number} of ${searched}.`;
  const ways = LOOSENED.filter(([name]) => name in filters).map(([, words]) => words);
  if (!number) {
    status.append(` Choose ${ways.join(" or ")}.`);
  }
  if (isCut && filters.library) {
    const link = document.createElement("a");
    link.href = new URL(`search/?${new URLSearchParams({ q: filters.library })}`, root).href;
    link.textContent = "Find the library";
    status.append(" ", link, " to see all its releases.");
  }
}

function remember() {
  const address = new URL(location.href);
  address.search = new URLSearchParams(wanted()).toString();
  history.replaceState(null, "", address);
}

if (form) {
  for (const [name, value] of new URLSearchParams(location.search)) {
    const control = form.elements.namedItem(name);
    if (control instanceof HTMLInputElement || control instanceof HTMLSelectElement) {
      control.value = value.slice(0, 200);
      if (control.selectedIndex === -1) {
        control.value = "";
      }
    }
  }
  form.addEventListener("input", () => {
    remember();
    show();
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  show();
}
