import htmx from "htmx.org";

import { startKeyboard } from "./keyboard";
import { startTimes } from "./times";

const token = () => document.querySelector<HTMLMetaElement>('meta[name="csrf-token"]')?.content ?? "";

// Every request of htmx carries the token; islands take it from here as well.
document.addEventListener("htmx:config:request", (event: any) => {
  event.detail.ctx.request.headers["X-CSRF-Token"] = token();
});
(window as any).htmx = htmx;
(window as any).towpathToken = token;

// Islands: each is loaded when a page has its element, also after a swap.
const islands: Record<string, () => Promise<unknown>> = {
  "tp-form": () => import("./islands/form"),
  "tp-graph": () => import("./islands/graph"),
  "tp-log": () => import("./islands/log"),
  "tp-live": () => import("./islands/live"),
};
const load = () => {
  for (const [name, get] of Object.entries(islands)) {
    if (!customElements.get(name) && document.querySelector(name)) void get();
  }
};
new MutationObserver(load).observe(document.documentElement, { childList: true, subtree: true });
load();

document.addEventListener("click", async (event) => {
  const target = event.target as HTMLElement;
  const copy = target.closest<HTMLElement>("[data-copy]");
  if (copy) {
    event.preventDefault();
    await navigator.clipboard.writeText(copy.dataset.copy ?? "");
    copy.dataset.copied = "true";
    announce("Copied");
    setTimeout(() => delete copy.dataset.copied, 1200);
  }
  if (target.closest("[data-theme-toggle]")) {
    const dark = document.documentElement.dataset.theme !== "towpath-dark";
    document.documentElement.dataset.theme = dark ? "towpath-dark" : "towpath-light";
    localStorage.setItem("towpath-theme", dark ? "dark" : "light");
    document.dispatchEvent(new CustomEvent("themechange"));
  }
  // A menu closes when something else is clicked.
  for (const menu of document.querySelectorAll<HTMLDetailsElement>("details[data-menu][open]")) {
    if (!menu.contains(target)) menu.open = false;
  }
});

// A destructive form opens its button once the name is typed.
document.addEventListener("input", (event) => {
  const field = event.target as HTMLInputElement;
  if (!field.dataset?.confirm) return;
  const button = field.form?.querySelector<HTMLButtonElement>("[data-confirm-button]");
  if (button) button.disabled = field.value !== field.dataset.confirm;
});
for (const field of document.querySelectorAll<HTMLInputElement>("[data-confirm]")) {
  const button = field.form?.querySelector<HTMLButtonElement>("[data-confirm-button]");
  if (button) button.disabled = true;
}

export function announce(text: string): void {
  const region = document.getElementById("announcer");
  if (region) region.textContent = text;
}

startKeyboard();
startTimes();
