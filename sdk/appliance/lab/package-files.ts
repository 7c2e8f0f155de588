/** Files of this package that run as processes of their own. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const BUILT = join(dirname(createRequire(import.meta.url).resolve('edgemux/package.json')), 'dist/sdk/appliance');

/** Path of the command line, for `node`. */
export const COMMAND_LINE: string = join(BUILT, 'edgemux.js');

/** Path of a program of the lab, for `node`: `web-server`, `client`, … */
export function programPath(name: string): string {
  return join(BUILT, 'lab/programs', `${name}.js`);
}
