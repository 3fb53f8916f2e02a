import htmx from "htmx.org";

import { startKeyboard } from "./keyboard";
import { startTimes } from "./times";

const token = () => document.querySelector<HTMLMetaElement>('meta[name="csrf-token"]')?.content ?? "";

// Every request of htmx carries the token; islands take it from here as well.
document.addEventListener("htmx:config:request", (event: any) => {
  event.detail.ctx.request.headers["X-CSRF-Token"] = token();
});
(window as any).htmx = htmx;
// What a person opened, chose or marked stays when a live fragment is morphed into place.
htmx.config.morphIgnore = [...htmx.config.morphIgnore, "open", "aria-pressed", "aria-selected", "data-copied"];
(window as any).towpathToken = token;

// Islands: each is loaded when a page has its element, also after a swap.
const islands: Record<string, () => Promise<unknown>> = {
  "tp-form": () => import("./islands/form"),
  "tp-graph": () => import("./islands/graph"),
  "tp-log": () => import("./islands/log"),
  "tp-live": () => import("./islands/live"),
};
// A destructive form is closed until the name is typed, also when htmx brought it.
const guard = () => {
  for (const field of document.querySelectorAll<HTMLInputElement>("[data-confirm]")) confirm(field);
};
const load = () => {
  guard();
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
    localStorage.setItem("towpath-theme", dark ? "dark" : "light");
    paint(dark);
  }
  // A menu closes when something else is clicked.
  for (const menu of document.querySelectorAll<HTMLDetailsElement>("details[data-menu][open]")) {
    if (!menu.contains(target)) menu.open = false;
  }
});

document.addEventListener("input", (event) => {
  if ((event.target as HTMLElement).matches("[data-confirm]")) confirm(event.target as HTMLInputElement);
});

function confirm(field: HTMLInputElement): void {
  const button = field.form?.querySelector<HTMLButtonElement>("[data-confirm-button]");
  if (button) button.disabled = field.value !== field.dataset.confirm;
}

// The system's theme is followed until the person chose one.
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", (event) => {
  if (!localStorage.getItem("towpath-theme")) paint(event.matches);
});

function paint(dark: boolean): void {
  document.documentElement.dataset.theme = dark ? "towpath-dark" : "towpath-light";
  document.dispatchEvent(new CustomEvent("themechange"));
}

export function announce(text: string): void {
  const region = document.getElementById("announcer");
  if (region) region.textContent = text;
}

// On a narrow screen the chosen tab may stand outside its row.
document.querySelector('.tab-link[aria-current="page"]')?.scrollIntoView({ block: "nearest", inline: "nearest" });
startKeyboard();
startTimes();
