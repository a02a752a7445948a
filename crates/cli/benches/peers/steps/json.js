export default items => items.map(({ id, name, price, tags }) => ({ id, name: name.toUpperCase(), price: price * 2, tags }))
