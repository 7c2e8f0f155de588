/**
 * Builds the data plane: assembly/*.ts → dist/mux.wasm, and the two modules that hand it to a program.
 *
 *   dist/mux.wasm               the bytes, for whoever brings their own loader
 *   dist/mux-module.js          the bytes inlined: Node, Deno, Bun, browsers, every bundler
 *   dist/mux-module.import.js   an import of mux.wasm: workerd and edge-light, which refuse to compile bytes
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = `${root}dist/`;

mkdirSync(dist, { recursive: true });
const { error, stderr } = await asc.main(['--config', 'asconfig.json', '--baseDir', root]);
const messages = stderr.toString();
if (messages !== '') process.stderr.write(messages);
if (error) process.exit(1);

const base64 = readFileSync(`${dist}mux.wasm`).toString('base64');
const inlined = `const bytes = Uint8Array.from(atob('${base64}'), (character) => character.charCodeAt(0));
export default new WebAssembly.Module(bytes);
`;
writeFileSync(`${dist}mux-module.js`, inlined);
writeFileSync(`${dist}mux-module.import.js`, `export { default } from './mux.wasm';\n`);
const declaration = `/** The data plane, compiled: pass it to \`Mux.load\` or \`HostAgent.load\`. */
declare const muxModule: WebAssembly.Module;
export default muxModule;
`;
writeFileSync(`${dist}mux-module.d.ts`, declaration);
