const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Calls `run` once at the first SIGINT, SIGTERM or SIGHUP; a second one ends the process at once with 130.
 * The process is not ended otherwise: `run` or its caller does that. Returns a function that stops listening.
 */
export function onShutdown(run: (signal: NodeJS.Signals) => void): () => void {
  let asked = false;
  const heard = (signal: NodeJS.Signals): void => {
    if (asked) process.exit(130);
    asked = true;
    run(signal);
  };
  for (const signal of SIGNALS) process.on(signal, heard);
  return () => {
    for (const signal of SIGNALS) process.removeListener(signal, heard);
  };
}
