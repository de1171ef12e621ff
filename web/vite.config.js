import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

// A chosen theme must stand before the first paint, so its script blocks; a policy of default-src 'self' rules out an inline one.
function early_theme() {
  const source = readFileSync(new URL("./src/theme_early.js", import.meta.url), "utf8");
  const name = `assets/theme-${createHash("sha256").update(source).digest("hex").slice(0, 8)}.js`;
  return {
    name: "early-theme",
    apply: "build",
    generateBundle() {
      this.emitFile({ type: "asset", fileName: name, source });
    },
    transformIndexHtml: () => [{ tag: "script", attrs: { src: `./${name}` }, injectTo: "head" }],
  };
}

export default defineConfig({
  base: "./",
  plugins: [svelte(), early_theme()],
  build: {
    outDir: process.env.SOBRE_WEB_OUT || "dist",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
  },
  // `npm run dev` shows the sources against a server that runs beside it.
  server: { proxy: { "/v1": process.env.SOBRE_SERVER || "http://localhost:8080" } },
});
