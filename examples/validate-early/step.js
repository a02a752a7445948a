// Which customers of a shop to add to a mailing list. A plain script, as it is typed into an editor.

// First of all: without any of them nothing is done, and all that are missing are named at once.
requireCredentials("SHOP_USER", "SHOP_PASSWORD", "MAILING_LIST_KEY");

const { since, customers } = input;
if (!Number.isFinite(Date.parse(since))) throw new TypeError(`\`since\` is no date: ${since}`);

const chosen = customers.filter((customer) => customer.consent && customer.joined >= since);
const authorization = `Basic ${btoa(`${credential("SHOP_USER")}:${credential("SHOP_PASSWORD")}`)}`;
console.log(`${chosen.length} of ${customers.length} customers, run ${ctx.attempt}; ${authorization}`);

return {
  list: "news",
  members: chosen.map(({ email }) => email.toLowerCase()),
  signed: credential("MAILING_LIST_KEY").length > 0,
};
