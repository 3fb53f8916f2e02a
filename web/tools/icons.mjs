// One JSON of the icons that the pages use, for the Jinja macro `icon(name)`; unknown names fail the build's own list only.
import { readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const root = "../src/towpath";
const names = new Set(readFileSync("src/icons.txt", "utf8").split(/\s+/).filter(Boolean));
const walk = (folder) => readdirSync(folder).flatMap((name) => {
  const path = join(folder, name);
  if (name === "static" || name.startsWith("__")) return [];
  return statSync(path).isDirectory() ? walk(path) : /\.(html|py)$/.test(name) ? [path] : [];
});
for (const path of walk(root)) {
  const text = readFileSync(path, "utf8");
  for (const [, name] of text.matchAll(/\bicon(?:=|\()\s*["']([a-z0-9-]+)["']/g)) names.add(name);
}
const icons = {};
for (const name of [...names].sort()) {
  try {
    const svg = readFileSync(`node_modules/lucide-static/icons/${name}.svg`, "utf8");
    icons[name] = svg.replace(/<!--.*?-->/gs, "").replace(/^[\s\S]*?<svg[\s\S]*?>/, "").replace("</svg>", "").replace(/\s+/g, " ").trim();
  } catch {
    console.warn(`icon "${name}" is not in lucide`);
  }
}
writeFileSync("../src/towpath/ui/static/icons.json", JSON.stringify(icons));
