/** Whether a file has changed, however it was changed: written, replaced, or a symbolic link to it turned elsewhere. */
import { unwatchFile, watchFile } from 'node:fs';

/** Looks at the file this often; notification by the kernel knows neither network file systems nor links. */
const LOOK_EVERY_MS = 500;
/** Who writes a file may do so in several steps. */
const SETTLED_AFTER_MS = 200;

/**
 * Calls `changed` each time a file has changed and then been left alone for a moment. Keeps no process alive.
 *
 * @returns ends it
 */
export function watchForChange(path: string, changed: () => void): () => void {
  let settling: NodeJS.Timeout | undefined;
  const look = () => {
    clearTimeout(settling);
    settling = setTimeout(changed, SETTLED_AFTER_MS).unref();
  };
  watchFile(path, { interval: LOOK_EVERY_MS, persistent: false }, look);
  return () => {
    unwatchFile(path, look);
    clearTimeout(settling);
  };
}
