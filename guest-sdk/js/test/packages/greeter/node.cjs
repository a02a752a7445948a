exports.host = () => require("os").hostname();
exports.greet = (name) => `Hello ${name}, from Node.js`;
