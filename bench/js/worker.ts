/** The MUX in a Cloudflare-style worker, one command per request; bench/workerd.ts sends them. */
import muxModule from 'mux.wasm';
import { edgemux } from './edgemux.js';
import { Subject } from './subject.js';

let subject: Subject | undefined;

export default {
  async fetch(request: Request): Promise<Response> {
    subject ??= new Subject(await edgemux(muxModule));
    const [command, first, second] = (await request.text()).split(' ');
    switch (command) {
      case 'workload':
        subject.useWorkload(Number(first), bytesOf(second));
        return new Response('ok');
      case 'fill':
        subject.fill(Number(first));
        return new Response('ok');
      case 'frames': {
        const frames = subject.frames(Number(first));
        return new Response(frames as BodyInit, { headers: { counters: subject.counters() } });
      }
      case 'run':
        subject.run(Number(first));
        return new Response('ok');
      case 'generate':
        subject.generate(Number(first));
        return new Response('ok');
      default:
        return new Response(`unknown command ${command}`, { status: 400 });
    }
  },
};

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from({ length: hex.length / 2 }, (_, at) => Number.parseInt(hex.slice(2 * at, 2 * at + 2), 16));
}
