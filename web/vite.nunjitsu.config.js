import { defineConfig } from "vite";

// The template language runs in V8 without Node: one classic script that puts `nunjitsu` on the global object.
export default defineConfig({
  build: {
    outDir: "../src/towpath/golden_paths/templating",
    emptyOutDir: false,
    copyPublicDir: false,
    target: "es2022",
    lib: { entry: "src/nunjitsu/index.js", formats: ["iife"], name: "nunjitsu", fileName: () => "nunjitsu.js" },
  },
});
