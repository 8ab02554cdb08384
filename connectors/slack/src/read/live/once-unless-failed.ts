/** Does the work once for all who ask, and again only where it failed. */
export function onceUnlessFailed<Result>(work: () => Promise<Result>): () => Promise<Result> {
  let result: Promise<Result> | undefined;
  return () => {
    if (result) return result;
    const started = work();
    result = started;
    started.catch(() => (result = undefined));
    return started;
  };
}
