import { greet } from "greeter";
import { credential as secret } from "@lockstep/step";

export default (input: { name: string }) => ({ text: greet(input.name), length: secret("TOKEN").length });
