/** What becomes of a command when nobody reads its standard output any more. */

type Lost = (error: NodeJS.ErrnoException) => void;

let lost: Lost = endProcess;

/** Looks after standard output; by default a command ends with it. */
export function watchStandardOutput(): void {
  process.stdout.on('error', (error) => lost(error));
}

/**
 * Has the command go on without its output: a speaker must not leave its routers because a reader of its log has died.
 * It is said once, on standard error.
 */
export function outliveStandardOutput(): void {
  lost = ({ message }) => {
    lost = () => {};
    // Standard error may be gone as well.
    process.stderr.on('error', () => {});
    process.stderr.write(`warning: cannot write standard output any more, going on without: ${message}\n`);
  };
}

function endProcess(error: NodeJS.ErrnoException): never {
  // A reader that has seen enough (`edgemux … | head`) is no failure.
  if (error.code === 'EPIPE') process.exit(0);
  process.stderr.write(`error: cannot write standard output: ${error.message}\n`);
  process.exit(1);
}
