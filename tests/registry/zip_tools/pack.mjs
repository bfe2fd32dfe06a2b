// Packs a directory with one of the Node libraries: node pack.mjs WAY DIRECTORY ZIP
import { createWriteStream, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { pipeline } from "node:stream/promises";

const [way, directory, target] = process.argv.slice(2);

function* walk(folder) {
  for (const name of readdirSync(folder).sort()) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) {
      yield { path, name: `${relative(directory, path)}/`, isFolder: true };
      yield* walk(path);
    } else {
      yield { path, name: relative(directory, path), isFolder: false };
    }
  }
}

const entries = [...walk(directory)];
const listed = entries.filter((entry) => !entry.isFolder);

async function archive(options) {
  const { default: archiver } = await import("archiver");
  const packer = archiver("zip", options);
  packer.directory(directory, false);
  const done = pipeline(packer, createWriteStream(target));
  await packer.finalize();
  await done;
}

async function jszip(options) {
  const { default: JSZip } = await import("jszip");
  const zip = new JSZip();
  for (const entry of listed) zip.file(entry.name, readFileSync(entry.path));
  writeFileSync(target, await zip.generateAsync({ type: "nodebuffer", ...options }));
}

async function yazl() {
  const { default: library } = await import("yazl");
  const zip = new library.ZipFile();
  for (const entry of entries) {
    if (entry.isFolder) zip.addEmptyDirectory(entry.name);
    else zip.addFile(entry.path, entry.name);
  }
  zip.end();
  await pipeline(zip.outputStream, createWriteStream(target));
}

async function fflate(level) {
  const { zipSync } = await import("fflate");
  const contents = listed.map((entry) => [entry.name, new Uint8Array(readFileSync(entry.path))]);
  writeFileSync(target, zipSync(Object.fromEntries(contents), { level }));
}

async function fflateStream() {
  const { Zip, ZipDeflate } = await import("fflate");
  const pieces = [];
  const zip = new Zip((error, piece) => {
    if (error) throw error;
    pieces.push(piece);
  });
  for (const entry of listed) {
    const file = new ZipDeflate(entry.name);
    zip.add(file);
    file.push(new Uint8Array(readFileSync(entry.path)), true);
  }
  zip.end();
  writeFileSync(target, Buffer.concat(pieces));
}

async function zipJs(options) {
  const { BlobReader, BlobWriter, ZipWriter } = await import("@zip.js/zip.js");
  const writer = new ZipWriter(new BlobWriter(), { useWebWorkers: false, ...options });
  for (const entry of entries) {
    if (entry.isFolder) await writer.add(entry.name, null, { directory: true });
    else await writer.add(entry.name, new BlobReader(new Blob([readFileSync(entry.path)])));
  }
  writeFileSync(target, Buffer.from(await (await writer.close()).arrayBuffer()));
}

const ways = {
  "adm-zip": async () => {
    const { default: AdmZip } = await import("adm-zip");
    const zip = new AdmZip();
    zip.addLocalFolder(directory);
    zip.writeZip(target);
  },
  archiver: () => archive({}),
  "archiver, stored": () => archive({ store: true }),
  "archiver, ZIP64": () => archive({ forceZip64: true }),
  jszip: () => jszip({}),
  "jszip, streamed": () => jszip({ compression: "DEFLATE", streamFiles: true, platform: "UNIX" }),
  yazl,
  fflate: () => fflate(6),
  "fflate, stored": () => fflate(0),
  "fflate, streamed": fflateStream,
  "zip-lib": async () => {
    const { archiveFolder } = await import("zip-lib");
    await archiveFolder(directory, target);
  },
  "zip.js": () => zipJs({}),
  "zip.js, ZIP64": () => zipJs({ zip64: true }),
};
await ways[way]();
