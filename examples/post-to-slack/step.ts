// Posts a message to a Slack channel with a sealed token: this step never holds it.

import { credential, defineStep } from "@lockstep/step";

interface Input {
  api: string;
  channel: string;
  text: string;
}

interface Answer {
  ok: boolean;
  error?: string;
  channel: string;
  ts: string;
}

export default defineStep(async ({ api, channel, text }: Input) => {
  // Of a sealed credential this is a placeholder. The host puts the token in its place when the request leaves.
  const token = credential("SLACK_BOT_TOKEN");
  const response = await fetch(`${api}/chat.postMessage`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json; charset=utf-8" },
    body: JSON.stringify({ channel, text }),
  });
  const answer = (await response.json()) as Answer;
  if (!answer.ok) throw new Error(`Slack refused the message: ${answer.error}`);
  return { channel: answer.channel, ts: answer.ts };
});
