export default async ({ bytes }) => {
  const digest = await crypto.subtle.digest('SHA-256', new Uint8Array(bytes).fill(7))
  return Array.from(new Uint8Array(digest), byte => byte.toString(16).padStart(2, '0')).join('')
}
