import { credential } from "@lockstep/step";

const token = credential("TOKEN");
console.log("loaded with", token);

export default () => token.length;
