// Puts an object into S3, or into what speaks its language, with a request that is signed by a key the step never holds.

import { credential, defineStep, sign } from "@lockstep/step";

interface Upload {
  /** The URL of the bucket, such as `https://reports.s3.eu-central-1.amazonaws.com`. */
  bucket: string;
  region: string;
  name: string;
  type: string;
  text: string;
}

interface Stored {
  url: string;
  etag: string | null;
}

export default defineStep<Upload, Stored>(async ({ bucket, region, name, type, text }, ctx) => {
  const url = `${bucket}/${name.split("/").map(encodeURIComponent).join("/")}`;
  const request = { method: "PUT", url, headers: { "content-type": type }, body: text };
  // The id is no secret; it is kept as a credential so that it is rotated together with its key.
  const account = { accessKeyId: credential("AWS_ACCESS_KEY_ID"), region, service: "s3" };
  const signature = sign.awsV4("AWS_SECRET_ACCESS_KEY", request, account);
  const answer = await fetch(url, { ...request, headers: { ...request.headers, ...signature }, signal: ctx.signal });
  if (!answer.ok) {
    const error = new Error(`the bucket answered ${answer.status}: ${(await answer.text()).slice(0, 500)}`);
    throw Object.assign(error, { retryable: answer.status >= 500 });
  }
  return { url, etag: answer.headers.get("etag") };
});
