import { AnsiUp } from "ansi_up";

import { stream } from "../stream";

const KEPT = 5000;

// <tp-log src>: a live log. Follows the end until the reader scrolls up; shows one step when one is chosen.
class Log extends HTMLElement {
  private source?: { close(): void };
  private lines!: HTMLElement;
  private follow = true;
  private seen = new Set<string>();
  private ansi = new AnsiUp();
  private pending: HTMLElement[] = [];
  private button!: HTMLButtonElement;
  private onStep = (event: Event) => this.choose((event as CustomEvent).detail);

  connectedCallback(): void {
    this.ansi.use_classes = true;
    this.innerHTML = `<div class="lines" tabindex="0" role="log" aria-live="off" aria-label="Log"><p class="muted" data-empty>Waiting for the first line …</p></div>
      <button type="button" class="follow btn btn-xs" hidden>Follow the end</button>`;
    this.lines = this.querySelector(".lines")!;
    this.button = this.querySelector(".follow")!;
    this.button.addEventListener("click", () => this.toEnd());
    this.lines.addEventListener("scroll", () => {
      this.follow = this.lines.scrollHeight - this.lines.scrollTop - this.lines.clientHeight < 40;
      this.button.hidden = this.follow;
    });
    document.addEventListener("logstep", this.onStep);
    this.source = stream(this.getAttribute("src")!, { log: (line) => this.add(line), end: () => this.done() });
  }
  disconnectedCallback(): void {
    this.source?.close();
    document.removeEventListener("logstep", this.onStep);
  }
  private add(line: { id: string; step: string; at: string; text: string }): void {
    if (this.seen.has(line.id)) return;
    this.seen.add(line.id);
    const row = document.createElement("div");
    row.className = "line";
    row.dataset.step = line.step;
    const number = document.createElement("span");
    number.className = "n";
    number.textContent = line.at ? line.at.slice(11, 19) : "";
    number.title = line.at ?? "";
    const text = document.createElement("span");
    text.innerHTML = this.ansi.ansi_to_html(line.text).replaceAll(' style="', ' data-style="'); // escapes what it gets
    // Set through the DOM: the page's policy refuses style attributes in markup.
    for (const one of text.querySelectorAll<HTMLElement>("[data-style]")) one.style.cssText = one.dataset.style!;
    row.append(number, text);
    const only = this.dataset.step;
    row.hidden = Boolean(only && only !== line.step);
    if (!this.pending.length) requestAnimationFrame(() => this.flush());
    this.pending.push(row);
  }
  private flush(): void {
    this.querySelector("[data-empty]")?.remove();
    this.lines.append(...this.pending.splice(0));
    while (this.lines.childElementCount > KEPT) this.lines.firstElementChild!.remove();
    if (this.follow) this.toEnd();
  }
  private done(): void {
    const empty = this.querySelector("[data-empty]");
    if (empty && !this.pending.length) empty.textContent = "This run wrote no log.";
  }
  private choose(step: string): void {
    this.dataset.step = step;
    for (const row of this.lines.querySelectorAll<HTMLElement>(".line")) row.hidden = Boolean(step && row.dataset.step !== step);
    this.toEnd();
  }
  private toEnd(): void {
    this.follow = true;
    this.button.hidden = true;
    this.lines.scrollTop = this.lines.scrollHeight;
  }
}
customElements.define("tp-log", Log);

document.addEventListener("click", (event) => {
  const link = (event.target as HTMLElement).closest<HTMLElement>("[data-log-step]");
  if (!link) return;
  const chosen = link.getAttribute("aria-pressed") === "true";
  for (const one of document.querySelectorAll("[data-log-step]")) one.setAttribute("aria-pressed", "false");
  link.setAttribute("aria-pressed", String(!chosen));
  document.dispatchEvent(new CustomEvent("logstep", { detail: chosen ? "" : link.dataset.logStep }));
});
