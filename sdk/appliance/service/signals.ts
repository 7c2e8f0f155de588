/** The signals that a speaker obeys. */

/** What is done on a signal; each may come again. */
export interface SignalHandlers {
  /** SIGTERM and SIGINT; the second one ends the process at once, with the exit code a shell gives it. */
  drain(signal: string): void;
  /** SIGHUP. */
  reload(): void;
  /** SIGUSR2; left out: it ends the process, as it does any other. */
  restart?(): void;
}

const ENDING = { SIGINT: 2, SIGTERM: 15 } as const;

/** Obeys from now on; what is returned gives the signals back. */
export function obeySignals({ drain, reload, restart }: SignalHandlers): () => void {
  let isEnding = false;
  const end = (signal: keyof typeof ENDING) => {
    if (isEnding) process.exit(128 + ENDING[signal]);
    isEnding = true;
    drain(signal);
  };
  const handlers = { SIGINT: end, SIGTERM: end, SIGHUP: reload, ...(restart && { SIGUSR2: restart }) } as const;
  for (const [signal, handler] of Object.entries(handlers)) process.on(signal, handler);
  return () => {
    for (const [signal, handler] of Object.entries(handlers)) process.off(signal, handler);
  };
}
