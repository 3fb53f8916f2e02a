// `/` and ⌘K jump, `g c` catalog, `g d` deployments, `c` create, `?` help, `j k` walk lists, Enter opens.
const jumps: Record<string, string> = { c: "/catalog", d: "/deployments", e: "/environments", h: "/", p: "/pipelines" };

export function startKeyboard(): void {
  let waiting = false;
  document.addEventListener("keydown", (event) => {
    const target = event.target as HTMLElement;
    if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      openJump();
      return;
    }
    if (event.key === "Escape") closeMenus();
    if (target.closest("input, textarea, select, [contenteditable]") || event.metaKey || event.ctrlKey || event.altKey) return;
    if (waiting) {
      waiting = false;
      if (jumps[event.key]) location.href = jumps[event.key];
      return;
    }
    const actions: Record<string, () => void> = {
      "/": openJump,
      "?": () => (document.getElementById("help") as HTMLDialogElement | null)?.showModal(),
      c: () => (location.href = "/create"),
      g: () => {
        waiting = true;
        setTimeout(() => (waiting = false), 1200);
      },
      j: () => walk(1),
      k: () => walk(-1),
    };
    if (actions[event.key]) {
      event.preventDefault();
      actions[event.key]();
    }
  });
  document.querySelector("[data-open-jump]")?.addEventListener("click", openJump);
  document.getElementById("jump-input")?.addEventListener("input", filter);
  document.getElementById("jump-input")?.addEventListener("keydown", choose);
}

function closeMenus(): void {
  for (const menu of document.querySelectorAll<HTMLDetailsElement>("details[data-menu][open]")) {
    const inside = menu.contains(document.activeElement);
    menu.open = false;
    if (inside) menu.querySelector("summary")?.focus();
  }
}

function walk(step: number): void {
  const rows = [...document.querySelectorAll<HTMLElement>("[data-row]")];
  if (!rows.length) return;
  const at = rows.findIndex((row) => row.getAttribute("aria-selected") === "true");
  const next = rows[Math.min(Math.max(at + step, 0), rows.length - 1)];
  rows[at]?.removeAttribute("aria-selected");
  next.setAttribute("aria-selected", "true");
  (next.querySelector("a") ?? next).focus();
}

function openJump(): void {
  const dialog = document.getElementById("jump") as HTMLDialogElement | null;
  if (!dialog || dialog.open) return;
  dialog.showModal();
  const input = document.getElementById("jump-input") as HTMLInputElement;
  input.value = "";
  filter();
  input.focus();
}

type Place = { label: string; hint: string; href: string };

// Pages answer at once, entities when the catalog does.
async function filter(): Promise<void> {
  const input = document.getElementById("jump-input") as HTMLInputElement;
  const wanted = input.value.trim().toLowerCase();
  const pages = [...document.querySelectorAll<HTMLAnchorElement>("[data-nav]")].map((a) => ({ label: a.dataset.nav!, hint: "Page", href: a.getAttribute("href")! }));
  const found: Place[] = pages.filter((page) => page.label.toLowerCase().includes(wanted));
  show(found);
  if (wanted.length > 1) {
    const query = new URLSearchParams({ fullTextFilterTerm: wanted, fullTextFilterFields: "metadata.name,metadata.title", limit: "8", fields: "kind,metadata.name,metadata.namespace,metadata.title" });
    const reply = await fetch(`/api/catalog/entities/by-query?${query}`);
    if (reply.ok) {
      const items: any[] = (await reply.json()).items;
      // What people look for most stands first among equals.
      items.sort((a, b) => Number(b.kind === "Component") - Number(a.kind === "Component"));
      for (const one of items) {
        const space = one.metadata.namespace ?? "default";
        found.push({ label: one.metadata.title ?? one.metadata.name, hint: one.kind, href: `/catalog/${space}/${one.kind.toLowerCase()}/${one.metadata.name}` });
      }
      // A slow answer to an older question is dropped.
      if (input.value.trim().toLowerCase() === wanted) show(found);
    }
  }
}

function show(found: Place[]): void {
  const list = document.getElementById("jump-list")!;
  list.replaceChildren(
    ...found.slice(0, 12).map((one, index) => {
      const item = document.createElement("a");
      item.href = one.href;
      item.id = `jump-${index}`;
      item.className = "flex items-center justify-between gap-4 px-4 h-10 text-sm aria-selected:bg-primary/10";
      item.setAttribute("role", "option");
      item.setAttribute("aria-selected", String(index === 0));
      const hint = document.createElement("span");
      hint.className = "muted text-xs";
      hint.textContent = one.hint;
      item.append(one.label, hint);
      return item;
    }),
  );
  document.getElementById("jump-input")!.setAttribute("aria-activedescendant", found.length ? "jump-0" : "");
  document.getElementById("jump-empty")!.hidden = found.length > 0;
}

function choose(event: KeyboardEvent): void {
  const items = [...document.querySelectorAll<HTMLAnchorElement>("#jump-list a")];
  const at = items.findIndex((item) => item.getAttribute("aria-selected") === "true");
  if (event.key === "Enter" && items[at]) location.href = items[at].href;
  const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
  if (!step || !items.length) return;
  event.preventDefault();
  items[at]?.setAttribute("aria-selected", "false");
  const next = items[(at + step + items.length) % items.length];
  next.setAttribute("aria-selected", "true");
  next.scrollIntoView({ block: "nearest" });
  document.getElementById("jump-input")!.setAttribute("aria-activedescendant", next.id);
}
