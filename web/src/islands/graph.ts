import cytoscape from "cytoscape";
import dagre from "cytoscape-dagre";

cytoscape.use(dagre as any);

// <tp-graph>: JSON {nodes: [{id,label,kind,state,href}], edges: [{source,target,label}]} in a child script.
class Graph extends HTMLElement {
  private graph?: cytoscape.Core;
  private redraw = () => this.draw();
  connectedCallback(): void {
    const script = this.querySelector('script[type="application/json"]');
    if (!script) return;
    const data = JSON.parse(script.textContent || "{}");
    this.setAttribute("role", "img");
    const canvas = document.createElement("div");
    canvas.style.height = this.dataset.height ?? `${Math.min(420, Math.max(200, data.nodes.length * 52))}px`;
    this.append(canvas);
    this.graph = cytoscape({
      container: canvas,
      elements: [
        ...data.nodes.map((node: any) => ({ data: { ...node, title: `${node.label}\n${node.kind ?? ""}` }, classes: `${node.state ?? node.status ?? ""} ${node.focus ? "focus" : ""}` })),
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
    // Positions need the sizes that the style gives.
    this.graph.layout({ name: "dagre", rankDir: "LR", nodeSep: 22, rankSep: 90, edgeSep: 16, padding: 16 } as any).run();
    this.graph.fit(undefined, 20);
  }
  disconnectedCallback(): void {
    document.removeEventListener("themechange", this.redraw);
    this.graph?.destroy();
  }
  private draw(): void {
    const color = colors(this);
    const state = { success: color("--color-success"), error: color("--color-error"), warning: color("--color-warning"), info: color("--color-info") };
    const states: Record<string, string> = { ready: state.success, succeeded: state.success, healthy: state.success, failed: state.error, destroy: state.error, applying: state.info, running: state.info, create: state.success, update: state.warning, pending: color("--color-base-300") };
    this.graph?.style([
      { selector: "node", style: { shape: "round-rectangle", width: 150, height: 40, "background-color": color("--color-base-100"), "border-width": 1, "border-color": color("--color-base-300"), label: "data(title)", color: color("--color-base-content"), "font-family": "Inter Variable, sans-serif", "font-size": 10, "text-valign": "center", "text-halign": "center", "text-wrap": "wrap", "text-max-width": "138px", "line-height": 1.35 } },
      ...Object.entries(states).map(([name, value]) => ({ selector: `node.${name}`, style: { "border-color": value, "border-width": 1.5 } })),
      { selector: "node.focus", style: { "border-color": color("--color-primary"), "border-width": 2 } },
      { selector: "edge", style: { width: 1.2, "line-color": color("--color-base-300"), "target-arrow-color": color("--color-base-300"), "target-arrow-shape": "triangle", "arrow-scale": 0.8, "curve-style": "bezier", label: "data(label)", color: color("--color-base-content"), "font-size": 8.5, "text-background-color": color("--color-base-100"), "text-background-opacity": 1, "text-background-padding": "2px", "text-rotation": "autorotate", "text-opacity": 0.75 } },
      { selector: ".dim", style: { opacity: 0.25 } },
    ] as any);
    this.graph?.fit(undefined, 20);
  }
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
