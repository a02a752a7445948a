// What the types promise, and what they refuse.

import {
  credential,
  defineStep,
  MissingCredentialError,
  requireCredentials,
  sign,
  verify,
  type Context,
  type Step,
} from "@lockstep/step";

/** Compiles if both are the same type. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(..._same: Same<A, B> extends true ? [] : [never]): void {}

interface Order {
  id: number;
  email: string;
}

// Credentials are strings, and keys are.
same<ReturnType<typeof credential>, string>();
const _token: string = credential("TOKEN");
// @ts-expect-error a key is a string
credential(1);
// @ts-expect-error a key is needed
credential();
same<ReturnType<typeof requireCredentials>, void>();
requireCredentials("A", "B");
// @ts-expect-error keys are strings
requireCredentials(["A", "B"]);

// What is signed is text, and so are the keys.
same<ReturnType<typeof sign.jwt>, string>();
sign.hmac("KEY", new Uint8Array(1), { hash: "SHA-512", encoding: "base64" });
// @ts-expect-error there is no such hash
sign.hmac("KEY", "data", { hash: "MD5" });
// @ts-expect-error claims are an object
sign.jwt("KEY", "claims");
// @ts-expect-error the region and the service are needed
sign.awsV4("KEY", { url: "https://a.test" }, { accessKeyId: "A" });
// @ts-expect-error a URL holds for so long
sign.awsV4Url("KEY", { url: "https://a.test" }, { accessKeyId: "A", region: "r", service: "s3" });
const _genuine: boolean = verify.slack("KEY", "body", new Headers(), { tolerance: 60 });
// @ts-expect-error nothing of it can be assigned
sign.hmac = () => "";

// `defineStep` gives input, context and output their types.
const step = defineStep<Order, { sent: boolean }>((order, ctx) => {
  same<typeof order, Order>();
  same<typeof ctx, Context<Order>>();
  return { sent: order.email.includes("@") };
});
same<typeof step, Step<Order, { sent: boolean }>>();
defineStep<Order, { sent: boolean }>(async () => ({ sent: true }));
// @ts-expect-error not the output that was promised
defineStep<Order, { sent: boolean }>(() => ({ sent: "yes" }));
// @ts-expect-error the input has no such property
defineStep<Order, number>((order) => order.total);
// @ts-expect-error a step is a function
defineStep({ run: () => 1 });

// Without type arguments the output is inferred, and the input is to be looked at.
const counted = defineStep((input) => (Array.isArray(input) ? input.length : 0));
same<typeof counted, Step<unknown, number>>();
// @ts-expect-error the input may be anything
defineStep((input) => input.name);
defineStep((input: Order) => input.id);

// What a step knows of its run.
defineStep((_, ctx) => {
  same<typeof ctx.runId, string>();
  same<typeof ctx.step, string | null>();
  same<typeof ctx.attempt, number>();
  same<typeof ctx.deadline, number>();
  same<typeof ctx.signal, AbortSignal>();
  same<ReturnType<typeof ctx.credential>, string>();
  ctx.requireCredentials("A");
  // @ts-expect-error it is not the step's to change
  ctx.attempt = 2;
  // @ts-expect-error there is no such thing
  ctx.secrets;
});

// The error of what is missing, as an import and as a global.
try {
  credential("TOKEN");
} catch (error) {
  if (error instanceof MissingCredentialError) {
    same<typeof error.code, "missing_credential" | "sealing_required">();
    same<typeof error.key, string>();
    same<typeof error.keys, readonly string[]>();
  }
}
const _errors: MissingCredentialError[] = [new MissingCredentialError("A"), new globalThis.MissingCredentialError(["A", "B"])];
