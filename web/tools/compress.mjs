// A .gz beside every text asset, made once here instead of at every request.
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const folder = "../src/towpath/ui/static/assets";
for (const name of readdirSync(folder)) {
  if (/\.(js|css|svg)$/.test(name)) writeFileSync(`${folder}/${name}.gz`, gzipSync(readFileSync(`${folder}/${name}`), { level: 9 }));
}
