export default i => ({ n: i.n + 1, s: credential('KEY').length })
