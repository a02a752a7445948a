import { defineStep } from "@lockstep/step";
import { Rate } from "./rate.ts";

interface Order {
  net: number;
}

export default defineStep<Order, { gross: number }>(({ net }) => {
  if (net < 0) {
    throw new RangeError(`the order is worth ${net}`, { cause: new Error("it was read wrongly") });
  }
  return { gross: net * Rate.of("DE").factor };
});
