export default (input) => {
