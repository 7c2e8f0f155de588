/** Bytes that look random and are the same for everybody: AES-128-CTR of zeros under a seed. */
import { createCipheriv, createHash } from 'node:crypto';

const CHUNK_BYTES = 1 << 16;
const KEY_BYTES = 16;

/** The first `byteCount` bytes of the stream of a seed, in chunks. */
export function* byteStream(seed: string, byteCount: number): Generator<Buffer> {
  const key = createHash('sha256').update(seed).digest().subarray(0, KEY_BYTES);
  const cipher = createCipheriv('aes-128-ctr', key, Buffer.alloc(KEY_BYTES));
  const zeros = Buffer.alloc(CHUNK_BYTES);
  for (let left = byteCount; left > 0; left -= CHUNK_BYTES)
    yield cipher.update(zeros.subarray(0, Math.min(left, CHUNK_BYTES)));
}

/** SHA-256 of what `byteStream` gives, in hexadecimal. */
export function digestOfStream(seed: string, byteCount: number): string {
  const hash = createHash('sha256');
  for (const chunk of byteStream(seed, byteCount)) hash.update(chunk);
  return hash.digest('hex');
}

/** Seed of what a web server of the lab sends under /bytes/N. */
export const DOWNLOAD_SEED = 'download';
