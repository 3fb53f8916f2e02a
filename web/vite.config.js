import tailwindcss from "@tailwindcss/vite";
import { defineConfig } from "vite";

// Islands are chunks of their own, loaded by the page that has their element; names carry a hash and never change.
export default defineConfig({
  plugins: [tailwindcss()],
  base: "/static/",
  publicDir: "public",
  resolve: {
    alias: {
      "react-dom/client": "preact/compat/client",
      "react-dom": "preact/compat",
      "react/jsx-runtime": "preact/jsx-runtime",
      react: "preact/compat",
      "@rjsf/validator-ajv8": new URL("src/form/no-ajv.ts", import.meta.url).pathname,
    },
  },
  build: {
    outDir: "../src/towpath/ui/static",
    emptyOutDir: true,
    manifest: "manifest.json",
    target: "es2022",
    chunkSizeWarningLimit: 700,
    rolldownOptions: { input: { app: "src/app.ts", style: "src/style.css", theme: "src/theme.ts" } },
  },
});
