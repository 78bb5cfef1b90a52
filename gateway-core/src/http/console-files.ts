import { createReadStream, statSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { extname, join, normalize, resolve, sep } from "node:path";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".ico": "image/x-icon",
  ".png": "image/png",
  ".woff2": "font/woff2",
  ".txt": "text/plain; charset=utf-8",
};

/** Nothing from elsewhere runs in the console, and nothing may frame it. */
const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy":
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'self'; form-action 'self'",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "same-origin",
};

/**
 * Serves the built console. Paths without a file ending are pages of the console and get its index.html.
 *
 * @param directory where index.html is; empty: there is no console here
 */
export function createConsoleFiles(
  directory: string,
): (request: IncomingMessage, response: ServerResponse, path: string) => boolean {
  return (request, response, path) => {
    if (directory === "" || (request.method !== "GET" && request.method !== "HEAD")) return false;
    // Paths of the API that fit nothing are errors, not pages.
    if (path.startsWith("/v1/") || path.startsWith("/gatewayops.") || path.startsWith("/internal/"))
      return false;
    const file = fileOf(directory, path);
    if (file === undefined) return false;
    const isHashed = /[-.][A-Z0-9]{8}\.(js|css|woff2)$/.test(file);
    response.writeHead(200, {
      ...SECURITY_HEADERS,
      "content-type": TYPES[extname(file)] ?? "application/octet-stream",
      "cache-control": isHashed ? "public, max-age=31536000, immutable" : "no-cache",
    });
    if (request.method === "HEAD") response.end();
    else
      createReadStream(file)
        .on("error", () => response.destroy())
        .pipe(response);
    return true;
  };
}

function fileOf(directory: string, path: string): string | undefined {
  const root = resolve(directory);
  const wanted = join(root, normalize(decodePath(path)));
  if (wanted.startsWith(root + sep) && isFile(wanted)) return wanted;
  const index = join(directory, "index.html");
  return extname(path) === "" && isFile(index) ? index : undefined;
}

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return "/"; // a broken percent escape names no file
  }
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false; // not there, or no name a file can have
  }
}
