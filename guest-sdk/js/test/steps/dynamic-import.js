export default async (input) => (await import(input.name)).default;
