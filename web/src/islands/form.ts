import Form from "@rjsf/core";
import { h, render } from "preact";
import { useState } from "preact/hooks";

import { fields } from "../form/fields";
import { type Complaint, complaints, errorSchema, pageOf } from "../form/refusals";
import { declared, uiSchema } from "../form/schema";
import { validator } from "../form/validator";

type Page = { title: string; description?: string; schema: any };

// <tp-form data-schema-url data-template data-action data-next>: pages, a review, one POST. No eval, so strict CSP holds.
class FormIsland extends HTMLElement {
  async connectedCallback(): Promise<void> {
    const inline = this.querySelector('script[type="application/json"]');
    const schema = inline ? JSON.parse(inline.textContent!) : await (await fetch(this.dataset.schemaUrl!)).json();
    const prefill = new URLSearchParams(location.search).get("formData");
    this.replaceChildren();
    render(h(Wizard, { host: this, pages: schema.steps, start: prefill ? JSON.parse(prefill) : {}, labels: schema.presentation?.buttonLabels ?? {} }), this);
  }
}

function Wizard({ host, pages, start, labels }: { host: HTMLElement; pages: Page[]; start: any; labels: any }) {
  const [at, setAt] = useState(0);
  const [data, setData] = useState<any>(start);
  const [refused, setRefused] = useState<Complaint[]>([]);
  const [busy, setBusy] = useState(false);
  // Secrets never join the answers, which are kept and shown: they travel beside them.
  const [secrets] = useState<Record<string, string>>({});
  const review = at === pages.length;
  const change = (next: any) => { setData(next); preview(next); files(pages, next); };
  const go = (to: number) => { setAt(to); setTimeout(() => host.querySelector<HTMLElement>("input, select, textarea, button")?.focus()); };
  const create = async () => {
    setBusy(true);
    setRefused([]);
    const found = await send(host, data, secrets);
    if (!found) return;
    setBusy(false);
    setRefused(found);
    const page = pageOf(found, pages);
    if (page >= 0) go(page);
  };
  const page = pages[at];
  return h("div", {}, [
    stepper([...pages.map((one) => one.title), "Review"], at),
    refused.length ? refusal(refused) : null,
    review
      ? h("div", {}, [
          h("dl", { class: "grid grid-cols-[minmax(8rem,auto)_1fr] gap-x-6 gap-y-2.5 text-sm mb-6" }, rows(pages, data).flatMap(([label, value]) => [h("dt", { class: "muted" }, label), h("dd", { class: "break-words" }, value)])),
          buttons(labels, () => go(at - 1), h("button", { class: "btn btn-primary btn-sm px-5", type: "button", disabled: busy, onClick: create, "data-create": "" }, busy ? "Creating …" : (labels.createButtonText ?? "Create"))),
        ])
      : h(Form as any, {
          key: at, schema: strip(page.schema), uiSchema: uiSchema(page.schema), formData: data, validator, fields, idPrefix: `page${at}`,
          extraErrors: errorSchema(refused), formContext: { secrets },
          onError: () => {}, showErrorList: false, noHtml5Validate: true, focusOnFirstError: true, omitExtraData: false,
          onChange: (event: any) => change(event.formData), onSubmit: (event: any) => { change(event.formData); setRefused([]); go(at + 1); },
        }, buttons(labels, at ? () => go(at - 1) : null, h("button", { class: "btn btn-primary btn-sm px-5", type: "submit" }, at + 1 === pages.length ? (labels.reviewButtonText ?? "Review") : "Next"))),
  ]);
}

// Follows the new run, or returns what the server complains about.
async function send(host: HTMLElement, values: any, secrets: Record<string, string>): Promise<Complaint[] | null> {
  const reply = await fetch(host.dataset.action!, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRF-Token": (window as any).towpathToken() },
    body: JSON.stringify({ templateRef: host.dataset.template, values, secrets }),
  }).catch(() => null);
  if (!reply) return [{ path: [], message: "The portal does not answer. Nothing was created; try again." }];
  const body = await reply.json().catch(() => ({}));
  if (!reply.ok) return complaints(body);
  location.href = host.dataset.next!.replace("{id}", body.id);
  return null;
}

const stepper = (names: string[], at: number) =>
  h("ol", { class: "flex flex-wrap gap-x-6 gap-y-2 mb-6 text-sm", "aria-label": "Steps" }, names.map((name, index) =>
    h("li", { class: `flex items-center gap-2 ${index === at ? "font-medium" : "muted"}`, "aria-current": index === at ? "step" : undefined }, [
      h("span", { class: `grid place-items-center size-6 rounded-full text-xs ${index < at ? "bg-primary text-primary-content" : index === at ? "border-2 border-primary" : "border border-base-300"}` }, index < at ? "✓" : String(index + 1)),
      name,
    ])));

const refusal = (refused: Complaint[]) =>
  h("div", { class: "border border-error/50 bg-error/5 rounded-box p-3 mb-4 text-sm", role: "alert" }, [
    h("p", { class: "font-medium" }, "This cannot be created yet"),
    h("ul", { class: "list-disc pl-5 mt-1" }, refused.map((one) => h("li", {}, `${one.path.join(".")} ${one.message}`.trim()))),
  ]);

const buttons = (labels: any, back: (() => void) | null, next: any) =>
  h("div", { class: "flex items-center gap-2 pt-2" }, [next, back ? h("button", { class: "btn btn-ghost btn-sm", type: "button", onClick: back }, labels.backButtonText ?? "Back") : null]);

function strip(schema: any): any {
  const { title: _title, description: _description, ...rest } = schema;
  return { type: "object", ...rest };
}

function rows(pages: Page[], data: any): [string, string][] {
  return pages.flatMap((page) => Object.entries<any>(declared(page.schema)).filter(([key]) => data[key] !== undefined).map(([key, field]) => {
    const value = data[key];
    const shown = secret(field) ? "******" : masked(field, value, "******");
    const text = typeof shown === "boolean" ? (shown ? "Yes" : "No") : typeof shown === "object" ? JSON.stringify(shown) : String(shown);
    return [field.title ?? key, text] as [string, string];
  }));
}

const secret = (field: any): boolean => field?.["ui:widget"] === "password" || field?.["ui:options"]?.widget === "password" || field?.["ui:field"] === "Secret";

// A value with what is secret in it, however deep, left out, or a word in its place.
function masked(schema: any, value: any, word?: string): any {
  if (Array.isArray(value)) return value.map((one) => masked(schema?.items, one, word));
  if (!value || typeof value !== "object") return value;
  const known = declared(schema ?? {});
  return Object.fromEntries(Object.entries<any>(value).flatMap(([key, one]) =>
    !secret(known[key]) ? [[key, masked(known[key], one, word)]] : word ? [[key, word]] : []));
}

// The panel beside the form: what will be made, as the answers stand.
function preview(data: any): void {
  for (const slot of document.querySelectorAll<HTMLElement>("[data-preview]")) {
    const pattern = slot.dataset.preview!;
    const open = (key: string) => (pattern === `{${key}}` ? "…" : `‹${key}›`);
    slot.textContent = pattern.replace(/\{(\w+)\}/g, (_, key) => (data[key] === undefined || data[key] === "" ? open(key) : String(data[key])));
  }
  for (const slot of document.querySelectorAll<HTMLElement>("[data-preview-if]")) slot.hidden = !data[slot.dataset.previewIf!];
}

// The files that these answers would make, asked of the server once the typing pauses. What is secret stays out of the address.
let pause = 0;
function files(pages: Page[], data: any): void {
  const body = document.querySelector<HTMLElement>('[data-card^="files:"] .card-body');
  const shown = pages.reduce((left, page) => masked(page.schema, left), data);
  const query = new URLSearchParams({ formData: JSON.stringify(shown) }).toString();
  if (!body || query.length > 6000) return;
  const address = body.closest<HTMLElement>("[data-card]")!.dataset.card!.slice("files:".length).split("?")[0];
  clearTimeout(pause);
  pause = window.setTimeout(() => void (window as any).htmx.ajax("GET", `${address}?${query}`, { target: body, swap: "innerHTML" }), 400);
}
customElements.define("tp-form", FormIsland);
