export default ({ turns }) => {
  let sum = 0
  for (let turn = 0; turn < turns; turn++) sum = (sum * 31 + turn) | 0
  return sum
}
