/** The jobs of the client that have an end of their own. */
import { createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { type IncomingMessage, request } from 'node:http';
import { Readable } from 'node:stream';
import { byteStream, DOWNLOAD_SEED, digestOfStream } from './byte-stream.js';
import type { Answers, EchoJob, RequestsJob, Transfer, TransferJob } from './jobs.js';

const UPLOAD_SEED = 'upload';
const DATAGRAM_EVERY_MS = 2;

/** Counts of words. */
export class Tally {
  readonly counts: Record<string, number> = {};

  add(word: string): void {
    this.counts[word] = (this.counts[word] ?? 0) + 1;
  }
}

/** The word for why a request failed: `ECONNRESET`, or what the error says. */
export function reasonOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? (error as Error).message;
}

/** Runs `requests`. */
export async function runRequests({ url, count, atOnce, timeoutMs }: RequestsJob): Promise<Answers> {
  const [byVm, reasons, seenAs] = [new Tally(), new Tally(), new Set<string>()];
  let [made, failed] = [0, 0];
  const askInTurn = async (): Promise<void> => {
    while (made < count) {
      made++;
      try {
        const [vm = '', client = ''] = (await getText(url, timeoutMs)).split(' ');
        byVm.add(vm);
        seenAs.add(client);
      } catch (error) {
        failed++;
        reasons.add(reasonOf(error));
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, askInTurn));
  return { made, failed, reasons: reasons.counts, byVm: byVm.counts, seenAs: [...seenAs] };
}

/** The body of a GET on a new connection. */
async function getText(url: string, timeoutMs: number): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of await ask(url, 'GET', timeoutMs)) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

function ask(url: string, method: string, timeoutMs: number, body?: Readable, length = 0): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = body ? { 'content-length': length } : {};
    const asking = request(
      url,
      { method, agent: false, headers, signal: AbortSignal.timeout(timeoutMs) },
      (response) => {
        if (response.statusCode === 200) resolve(response);
        else reject(new Error(`HTTP ${response.statusCode}`));
      },
    );
    asking.on('error', (error) =>
      reject(error.name === 'AbortError' ? new Error(`no answer in ${timeoutMs} ms`) : error),
    );
    if (body) body.pipe(asking);
    else asking.end();
  });
}

/** Runs `download` or `upload`. */
export async function runTransfer({ kind, url, byteCount, timeoutMs }: TransferJob): Promise<Transfer> {
  const startMs = performance.now();
  const sinceMs = (): number => Math.round(performance.now() - startMs);
  try {
    const isIntact =
      kind === 'download' ? await download(url, byteCount, timeoutMs) : await upload(url, byteCount, timeoutMs);
    return { isIntact, byteCount, ms: sinceMs(), ...(isIntact ? {} : { reason: 'the digests differ' }) };
  } catch (error) {
    return { isIntact: false, byteCount, ms: sinceMs(), reason: reasonOf(error) };
  }
}

async function download(url: string, byteCount: number, timeoutMs: number): Promise<boolean> {
  const hash = createHash('sha256');
  for await (const chunk of await ask(`${url}bytes/${byteCount}`, 'GET', timeoutMs)) hash.update(chunk);
  return hash.digest('hex') === digestOfStream(DOWNLOAD_SEED, byteCount);
}

async function upload(url: string, byteCount: number, timeoutMs: number): Promise<boolean> {
  const body = Readable.from(byteStream(UPLOAD_SEED, byteCount));
  const chunks: Buffer[] = [];
  for await (const chunk of await ask(url, 'POST', timeoutMs, body, byteCount)) chunks.push(chunk);
  return Buffer.concat(chunks).toString() === `${byteCount} ${digestOfStream(UPLOAD_SEED, byteCount)}\n`;
}

/** Runs `echo`: a datagram from each port, and the wait for the last answer. */
export async function runEcho({ address, port, count, timeoutMs }: EchoJob): Promise<Answers> {
  const byVm = new Tally();
  const family = address.includes(':') ? 'udp6' : 'udp4';
  const sockets = await Promise.all(
    Array.from({ length: count }, async (_, i) => {
      await new Promise((resolve) => setTimeout(resolve, i * DATAGRAM_EVERY_MS));
      const socket = createSocket(family);
      socket.on('error', () => {});
      const sent = `datagram ${i} `;
      const answered = new Promise<boolean>((resolve) => {
        setTimeout(() => resolve(false), timeoutMs);
        socket.on('message', (datagram, from) => {
          const text = datagram.toString();
          if (!text.startsWith(sent) || from.address !== address || from.port !== port) return;
          byVm.add(text.slice(sent.length));
          resolve(true);
        });
      });
      socket.send(sent, port, address, () => {});
      const isAnswered = await answered;
      socket.close();
      return isAnswered;
    }),
  );
  const failed = sockets.filter((isAnswered) => !isAnswered).length;
  const reasons = failed > 0 ? { [`no answer in ${timeoutMs} ms`]: failed } : {};
  return { made: count, failed, reasons, byVm: byVm.counts, seenAs: [] };
}
