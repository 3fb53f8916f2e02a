import { stream } from "../stream";

// <tp-live src>: lets live cards and tabs load again at `changed` events, and morphs the elements that the server's `fragment` events name; focus, scroll, what is open or chosen, and the
// bodies of cards, which load themselves, stay.
class Live extends HTMLElement {
  private source?: { close(): void };
  connectedCallback(): void {
    this.source = stream(this.getAttribute("src")!, {
      fragment: (data) => {
        const target = document.querySelector(data.target);
        if (!target || target.outerHTML === data.html) return;
        for (const card of target.querySelectorAll("[data-card][data-refresh]")) (window as any).htmx.trigger(card, "refresh");
        void (window as any).htmx.swap({ text: data.html, target, sourceElement: target, swap: "outerMorph" });
      },
      changed: () => {
        for (const one of document.querySelectorAll("[data-refresh]")) (window as any).htmx.trigger(one, "refresh");
      },
      end: () => document.dispatchEvent(new CustomEvent("runended")),
    });
  }
  disconnectedCallback(): void {
    this.source?.close();
  }
}
customElements.define("tp-live", Live);
