// Writes the files of a built page as a C++ table (src/serve/web_assets.h).
// usage: node cmake/web_embed.mjs FOLDER FILE.cpp
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { extname, join, relative, sep } from "node:path";

const kTypes = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".json": "application/json",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".woff2": "font/woff2",
  ".txt": "text/plain; charset=utf-8",
};
// Literals are joined from lines of this many bytes: readable, and far below any compiler's limit on a line.
const kLineBytes = 96;

function files_below(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => (entry.isDirectory() ? files_below(join(folder, entry.name)) : [join(folder, entry.name)]))
    .sort();
}

/// Bytes as string literals. Octal escapes have three digits at most, so that what follows cannot join them.
function literal(bytes) {
  const lines = [];
  for (let at = 0; at < bytes.length; at += kLineBytes) {
    let line = "";
    for (const byte of bytes.subarray(at, at + kLineBytes)) {
      const plain = byte >= 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c && byte !== 0x3f;
      line += plain ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, "0")}`;
    }
    lines.push(`    "${line}"`);
  }
  return lines.length === 0 ? '    ""' : lines.join("\n");
}

const [folder, output] = process.argv.slice(2);
if (output === undefined) throw new Error("usage: node cmake/web_embed.mjs FOLDER FILE.cpp");
const files = files_below(folder).map((file) => {
  const type = kTypes[extname(file)];
  if (type === undefined) throw new Error(`${file}: cmake/web_embed.mjs knows no content type for '${extname(file)}'; add it there`);
  return { path: `/${relative(folder, file).split(sep).join("/")}`, type, bytes: readFileSync(file) };
});
if (!files.some((f) => f.path === "/index.html")) throw new Error(`${folder} holds no index.html`);

const literals = files.map((f, i) => `constexpr char kBytes${i}[] =\n${literal(f.bytes)};\n`);
const rows = files.map((f, i) => `    {"${f.path}", "${f.type}", {kBytes${i}, ${f.bytes.length}}},`);
writeFileSync(
  output,
  `// Generated from web/ by cmake/web_embed.mjs.
#include "serve/web_assets.h"

namespace sobre {

namespace {

${literals.join("\n")}
constexpr WebAsset kAssets[] = {
${rows.join("\n")}
};

}  // namespace

std::span<const WebAsset> web_assets() { return kAssets; }

}  // namespace sobre
`,
);
