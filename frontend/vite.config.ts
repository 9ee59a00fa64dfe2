import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// The server serves what is built; in development Vite serves the page and passes the rest on.
const server = process.env.MUSTER_URL ?? "http://127.0.0.1:8000";

export default defineConfig({
  plugins: [react()],
  build: {
    outDir: "../server/src/muster_server/console",
    emptyOutDir: true,
    // Nothing inline: the content security policy takes fonts and pictures from the server only.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 800,
  },
  server: {
    host: "127.0.0.1",
    proxy: { "/api": server, "/ws": { target: server, ws: true } },
  },
});
