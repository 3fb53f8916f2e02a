import { defineConfig } from "vite";

// The template language runs in V8 without Node: one classic script that puts `nunjitsu` on the global object.
const beside = (name) => new URL(`src/nunjitsu/${name}`, import.meta.url).pathname;

export default defineConfig({
  resolve: { alias: { "node:util": beside("node-util.js"), "node:crypto": beside("node-crypto.js") } },
  build: {
    outDir: "../src/towpath/golden_paths/templating",
    emptyOutDir: false,
    copyPublicDir: false,
    target: "es2022",
    lib: { entry: "src/nunjitsu/index.js", formats: ["iife"], name: "nunjitsu", fileName: () => "nunjitsu.js" },
  },
});
