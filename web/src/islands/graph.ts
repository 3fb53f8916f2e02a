import cytoscape from "cytoscape";
import dagre from "cytoscape-dagre";

cytoscape.use(dagre as any);
// Cytoscape adds a style element unless one of this name is there; the policy of our pages allows none.
const taken = document.createElement("meta");
taken.id = "__________cytoscape_stylesheet";
document.head.append(taken);

// <tp-graph>: JSON {nodes: [{id,label,kind,state,href}], edges: [{source,target,label}]} in a child script or at `data-src`.
class Graph extends HTMLElement {
  private graph?: cytoscape.Core;
  private redraw = () => this.draw();
  async connectedCallback(): Promise<void> {
    const script = this.querySelector('script[type="application/json"]');
    if (!script && !this.dataset.src) return;
    const data = script ? JSON.parse(script.textContent || "{}") : await (await fetch(this.dataset.src!)).json();
    if (!this.isConnected) return;
    if (!this.querySelector("ul")) this.append(list(data));
    const canvas = document.createElement("div");
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `Graph of ${data.nodes.length} ${data.nodes.length === 1 ? "node" : "nodes"}; the list beside it says the same`);
    // What cytoscape's own style element would say, which the page's policy refuses.
    canvas.style.position = "relative";
    this.append(canvas);
    this.graph = cytoscape({
      container: canvas,
      elements: [
        ...data.nodes.map((node: any) => ({ data: { ...node, title: `${short(node.label)}\n${node.kind ?? ""}` }, classes: `${node.state ?? node.status ?? ""} ${node.focus ? "focus" : ""}` })),
        ...data.edges.map((edge: any) => ({ data: edge })),
      ],
      layout: { name: "preset" },
      userZoomingEnabled: false, boxSelectionEnabled: false, autoungrabify: true, maxZoom: 1.15, minZoom: 0.3,
    });
    this.graph.on("tap", "node", (event) => event.target.data("href") && (location.href = event.target.data("href")));
    this.graph.on("mouseover", "node", (event) => {
      this.graph!.elements().addClass("dim");
      event.target.closedNeighborhood().removeClass("dim");
      canvas.style.cursor = event.target.data("href") ? "pointer" : "default";
    });
    this.graph.on("mouseout", "node", () => { this.graph!.elements().removeClass("dim"); canvas.style.cursor = "default"; });
    document.addEventListener("themechange", this.redraw);
    this.draw();
    // Positions need the sizes that the style gives; the picture is as high as what it shows.
    this.graph.layout({ name: "dagre", fit: false, rankDir: this.narrow() ? "TB" : "LR", nodeSep: 22, rankSep: this.narrow() ? 48 : 76, edgeSep: 16 } as any).run();
    const box = this.graph.elements().boundingBox();
    const scale = Math.min(1.15, (canvas.clientWidth - 40) / box.w);
    canvas.style.height = this.dataset.height ?? `${Math.round(Math.min(640, Math.max(96, box.h * scale + 40)))}px`;
    this.graph.resize();
    this.graph.fit(undefined, 20);
  }
  disconnectedCallback(): void {
    document.removeEventListener("themechange", this.redraw);
    this.graph?.destroy();
  }
  private narrow = () => this.clientWidth < 480;
  private draw(): void {
    const color = colors(this);
    const line = color("--graph-line");
    const state = { success: color("--color-success"), error: color("--color-error"), warning: color("--color-warning"), info: color("--color-info") };
    const states: Record<string, string> = { ready: state.success, succeeded: state.success, healthy: state.success, failed: state.error, destroy: state.error, applying: state.info, running: state.info, create: state.success, update: state.warning, pending: line };
    this.graph?.style([
      { selector: "node", style: { shape: "round-rectangle", width: 150, height: 40, "background-color": color("--color-base-100"), "border-width": 1, "border-color": line, label: "data(title)", color: color("--color-base-content"), "font-family": "Inter Variable, sans-serif", "font-size": 11, "text-valign": "center", "text-halign": "center", "text-wrap": "wrap", "text-max-width": "138px", "line-height": 1.35 } },
      ...Object.entries(states).map(([name, value]) => ({ selector: `node.${name}`, style: { "border-color": value, "border-width": 1.5 } })),
      { selector: "node.focus", style: { "border-color": color("--color-primary"), "border-width": 2 } },
      { selector: "edge", style: { width: 1.2, "line-color": line, "target-arrow-color": line, "target-arrow-shape": "triangle", "arrow-scale": 0.8, "curve-style": "bezier", label: "data(label)", color: color("--color-base-content"), "font-size": 9.5, "text-background-color": color("--color-base-100"), "text-background-opacity": 1, "text-background-padding": "2px", "text-rotation": this.narrow() ? "none" : "autorotate", "text-opacity": 0.75 } },
      { selector: ".dim", style: { opacity: 0.25 } },
    ] as any);
    this.graph?.fit(undefined, 20);
  }
}

const short = (label: string) => (label.length > 22 ? `${label.slice(0, 11)}…${label.slice(-10)}` : label);

// The same for those who do not see the picture.
function list(data: any): HTMLElement {
  const made = document.createElement("ul");
  made.className = "sr-only";
  for (const node of data.nodes) {
    const out = data.edges.filter((edge: any) => edge.source === node.id).map((edge: any) => `; ${edge.label ?? "to"} ${edge.target}`);
    const item = document.createElement("li");
    item.textContent = `${node.kind ?? ""} ${node.label}${out.join("")}`;
    made.append(item);
  }
  return made;
}

// Canvas does not know oklch: one pixel translates.
function colors(element: Element): (name: string) => string {
  const pixel = document.createElement("canvas").getContext("2d", { willReadFrequently: true })!;
  const style = getComputedStyle(element);
  return (name) => {
    pixel.fillStyle = style.getPropertyValue(name).trim() || "#888";
    pixel.fillRect(0, 0, 1, 1);
    const [r, g, b] = pixel.getImageData(0, 0, 1, 1).data;
    return `rgb(${r},${g},${b})`;
  };
}
customElements.define("tp-graph", Graph);
