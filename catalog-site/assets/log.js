// Filters the log as one types. Without this script all of it is there.

const form = document.querySelector("[data-log-form]");
const input = form.querySelector("[data-log-filter]");
const status = document.querySelector("[data-log-status]");
const days = [...document.querySelectorAll("[data-day]")].map((day) => ({
  day,
  entries: [...day.querySelectorAll("[data-entry]")]
    .map((entry) => ({ entry, text: entry.textContent.toLowerCase() })),
}));

function show() {
  const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const { day, entries } of days) {
    let here = 0;
    for (const { entry, text } of entries) {
      entry.hidden = !words.every((word) => text.includes(word));
      here += entry.hidden ? 0 : 1;
    }
    day.hidden = here === 0;
    shown += here;
  }
  const number = `${shown} operation${shown === 1 ? "" : "s"}`;
  status.textContent = words.length ? `${number} with “${input.value.trim()}”` : "";
}

function remember() {
  const address = new URL(location.href);
  const text = input.value.trim();
  address.search = text ? new URLSearchParams({ filter: text }).toString() : "";
  history.replaceState(null, "", address);
}

input.value = new URLSearchParams(location.search).get("filter")?.slice(0, 200) ?? "";
input.addEventListener("input", () => {
  show();
  remember();
});
form.addEventListener("submit", (event) => event.preventDefault());
form.hidden = false;
show();
