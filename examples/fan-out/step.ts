// Asks several servers at the same time, takes the first good answer, and lets go of the others.

import { defineStep } from "@lockstep/step";

interface Input {
  mirrors: string[];
}

export default defineStep(async ({ mirrors }: Input) => {
  const others = new AbortController();
  const ask = async (url: string) => {
    const response = await fetch(url, { signal: others.signal });
    if (!response.ok) throw new Error(`${new URL(url).hostname} answered ${response.status}`);
    return { from: new URL(url).hostname, bytes: (await response.bytes()).length };
  };
  try {
    return await Promise.any(mirrors.map(ask));
  } finally {
    others.abort();
  }
});
