import { stream } from "../stream";

// <tp-live src>: replaces the elements that the server's `fragment` events name; keeps scroll, open menus and focus.
class Live extends HTMLElement {
  private source?: { close(): void };
  connectedCallback(): void {
    this.source = stream(this.getAttribute("src")!, {
      fragment: (data) => {
        const target = document.querySelector(data.target);
        if (!target || target.outerHTML === data.html) return;
        const template = document.createElement("template");
        template.innerHTML = data.html;
        const next = template.content.firstElementChild as HTMLElement;
        if (!next || keepCards(target, next)) return;
        target.replaceWith(next);
        (window as any).htmx.process(next);
      },
      end: () => document.dispatchEvent(new CustomEvent("runended")),
    });
  }
  disconnectedCallback(): void {
    this.source?.close();
  }
}

// Cards load themselves: a new frame would throw away what they show, so only their number matters.
function keepCards(target: Element, next: Element): boolean {
  if (!target.hasAttribute("data-keep")) return false;
  const ids = (one: Element) => [...one.querySelectorAll("[data-card]")].map((card) => card.getAttribute("data-card")).join();
  for (const card of target.querySelectorAll("[data-card][data-refresh]")) (window as any).htmx.trigger(card, "refresh");
  return ids(target) === ids(next);
}
customElements.define("tp-live", Live);
