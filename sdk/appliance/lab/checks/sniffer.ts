/**
 * Counts packets of a sort on a link, with tcpdump at the router's end of it: at the other end a program that takes packets
 * by AF_XDP has them before anybody can look.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { parseIp } from '../../../net/address.js';
import { environment } from '../namespaces.js';
import { VIP4, VIP6 } from '../places.js';
import { sleep } from '../wait.js';

/** VXLAN over IPv4: UDP header, VXLAN header and Ethernet header stand in front of the inner packet. */
const INNER_OFFSET = 8 + 8 + 14;
const INNER_SOURCE4 = INNER_OFFSET + 12;
const INNER_SOURCE6 = INNER_OFFSET + 8;

/** TCP and UDP that has a VIP as its source, in a tunnel or not. */
export const FROM_A_VIP: string = [
  `((src host ${VIP4} or src host ${VIP6}) and (tcp or udp))`,
  `(udp dst port 4789 and (${innerSource(INNER_SOURCE4, VIP4)} or (${innerSource(INNER_SOURCE6, VIP6)})))`,
].join(' or ');

/** The first segment of a TCP connection to a VIP. */
export const NEW_CONNECTION: string = [
  `(dst host ${VIP4} and tcp[tcpflags] & (tcp-syn|tcp-ack) = tcp-syn)`,
  // tcpdump knows no TCP header behind one of IPv6: 40 bytes of that, and the flags are in byte 13.
  `(dst host ${VIP6} and ip6[6] = 6 and ip6[53] & 18 = 2)`,
].join(' or ');

function innerSource(offset: number, address: string): string {
  const { bytes } = parseIp(address);
  const words = Array.from({ length: bytes.length / 4 }, (_, i) => Buffer.from(bytes).readUInt32BE(4 * i));
  return words.map((word, i) => `udp[${offset + 4 * i}:4] = ${word}`).join(' and ');
}

/** What tcpdump has not read when it is ended, it does not count. */
const LATE_MS = 100;

/** A count that goes on; `Sniffer.start` begins it. */
export class Sniffer {
  readonly #child: ChildProcess;
  #said = '';

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Counts what an interface of a namespace sends and receives, from when this resolves. */
  static async start(namespace: string, name: string, filter: string): Promise<Sniffer> {
    const options = ['--immediate-mode', '-Z', 'root', '-n', '-s', '128', '-w', '/dev/null', '-i', name];
    const child = spawn('ip', ['netns', 'exec', namespace, 'tcpdump', ...options, filter], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: environment(),
    });
    const sniffer = new Sniffer(child);
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      sniffer.#said += text;
    });
    while (!sniffer.#said.includes('listening on')) {
      if (child.exitCode !== null) throw new Error(`tcpdump on ${name}: ${sniffer.#said.trim()}`);
      await Promise.race([once(child.stderr as NodeJS.ReadableStream, 'data'), once(child, 'close')]);
    }
    return sniffer;
  }

  /** Ends it, if it still goes on, without a count. */
  abandon(): void {
    this.#child.kill('SIGKILL');
  }

  /** Ends it and gives the count. */
  async end(): Promise<number> {
    await sleep(LATE_MS);
    const closed = once(this.#child, 'close');
    this.#child.kill('SIGINT');
    await closed;
    const count = /(\d+) packets? captured/.exec(this.#said)?.[1];
    if (count === undefined) throw new Error(`tcpdump: ${this.#said.trim()}`);
    return Number(count);
  }
}
