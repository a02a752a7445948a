export default async ({ bytes }) => {
  const { sha256 } = await import('@noble/hashes/sha2.js')
  const digest = sha256(new Uint8Array(bytes).fill(7))
  return Array.from(digest, byte => byte.toString(16).padStart(2, '0')).join('')
}
