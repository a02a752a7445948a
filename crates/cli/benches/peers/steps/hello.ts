type Greeting = { name: string }

const greeting: Greeting = { name: 'world' }
console.log(`Hello, ${greeting.name}!`)
