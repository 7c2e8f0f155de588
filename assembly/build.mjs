/**
 * Builds the data plane: assembly/*.ts → two modules, each as bytes and as two modules of JavaScript that hand it to a program.
 *
 *   dist/mux.wasm               the bytes, for whoever brings their own loader
 *   dist/mux-module.js          the bytes inlined: Node, Deno, Bun, browsers, every bundler
 *   dist/mux-module.import.js   an import of mux.wasm: workerd and edge-light, which refuse to compile bytes
 *
 *   dist/appliance.wasm         the same and packet ports, whose rings are read and written by atomic instructions
 *   dist/appliance-module.js
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = `${root}dist/`;

mkdirSync(dist, { recursive: true });
await compile('assembly/index.ts', 'mux');
writeModule('mux', 'muxModule', 'The data plane, compiled: pass it to `Mux.load` or `HostAgent.load`.');
writeFileSync(`${dist}mux-module.import.js`, `export { default } from './mux.wasm';\n`);
await compile('assembly/appliance.ts', 'appliance', '--enable', 'threads');
writeModule(
  'appliance',
  'applianceModule',
  'The data plane with packet ports, compiled: pass it to `Mux.load` or `HostAgent.load`, with a `portCountMax`.',
);

async function compile(entry, name, ...options) {
  const { error, stderr } = await asc.main([
    entry,
    ...['--config', 'asconfig.json', '--baseDir', root, '--outFile', `dist/${name}.wasm`],
    ...options,
  ]);
  const messages = stderr.toString();
  if (messages !== '') process.stderr.write(messages);
  if (error) process.exit(1);
}

function writeModule(name, variable, says) {
  const base64 = readFileSync(`${dist}${name}.wasm`).toString('base64');
  const inlined = `const bytes = Uint8Array.from(atob('${base64}'), (character) => character.charCodeAt(0));
export default new WebAssembly.Module(bytes);
`;
  writeFileSync(`${dist}${name}-module.js`, inlined);
  const declaration = `/** ${says} */
declare const ${variable}: WebAssembly.Module;
export default ${variable};
`;
  writeFileSync(`${dist}${name}-module.d.ts`, declaration);
}
