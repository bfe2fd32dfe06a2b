// What every page does: the `/` key, light and dark, the list of releases, copy buttons.

const page = document.documentElement;

function isTyping(target) {
  return target instanceof HTMLElement
    && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) {
    return;
  }
  const input = document.querySelector("[data-focus]");
  if (input) {
    event.preventDefault();
    input.focus();
    input.select();
  }
});

const toggle = document.querySelector("[data-theme-toggle]");
const systemDark = matchMedia("(prefers-color-scheme: dark)");

function isDark() {
  return page.dataset.theme ? page.dataset.theme === "dark" : systemDark.matches;
}

toggle.hidden = false;
toggle.addEventListener("click", () => {
  const chosen = isDark() ? "light" : "dark";
  page.dataset.theme = chosen;
  try {
    localStorage.setItem("theme", chosen);
  } catch {
    // Not remembered then; the page still changes.
  }
});

// Commands name the address that people look at: the same files may be served anywhere.
if (location.protocol.startsWith("http")) {
  const address = new URL(page.dataset.root, location.href).href.replace(/\/$/, "");
  for (const place of document.querySelectorAll("[data-site]")) {
    place.textContent = address;
  }
}

// The list of releases opens by itself; here it also closes as people expect of a menu.
for (const menu of document.querySelectorAll("[data-switch]")) {
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && menu.open) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });
  document.addEventListener("click", (event) => {
    if (!menu.contains(event.target)) {
      menu.open = false;
    }
  });
}

async function copy(button, text) {
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Press Ctrl+C";
    getSelection().selectAllChildren(button.previousElementSibling);
  }
  button.classList.add("done");
  setTimeout(() => {
    button.textContent = "Copy";
    button.classList.remove("done");
  }, 1600);
}

for (const block of document.querySelectorAll(".code, .prose pre")) {
  let frame = block;
  if (block.tagName === "PRE") {
    frame = document.createElement("div");
    frame.className = "code";
    block.replaceWith(frame);
    frame.append(block);
  }
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = "Copy";
  button.addEventListener("click", () => copy(button, frame.querySelector("code").textContent));
  frame.append(button);
}
