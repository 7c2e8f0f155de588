/** Fastpath: connections between two VMs leave the MUX out once it has told both hosts. */
import { layers } from 'edgemux/packet';
import { describe, expect, it } from 'vitest';
import { toHex } from '../support/bytes.js';
import { verifyFrame } from '../support/checksum.js';
import { ACK, eth, FIN, type Packet, PSH, RST, SYN } from '../support/packet.js';
import {
  CALLED_MAC,
  CALLER_MAC,
  CALLER_PORT,
  type Ends,
  fromCalled,
  fromCaller,
  IPV4,
  IPV6,
  ip,
  type Journey,
  macOf,
  Network,
  TICK_MS,
  type Wishes,
} from '../support/two-tenants.js';

/** A connection, step by step; it goes on as long as the test likes. */
class Talk {
  readonly network: Network;
  readonly ends: Ends;
  /** The port the called VM sees. */
  port = CALLER_PORT;
  #sequence = 1;

  constructor(network: Network) {
    this.network = network;
    this.ends = network.wishes.ends ?? IPV4;
  }

  static async of(wishes: Wishes = {}): Promise<Talk> {
    return new Talk(await Network.of(wishes));
  }

  ask(tick: number, flags = ACK | PSH, payload = 'data'): Journey {
    const segment = fromCaller(this.ends).tcp(CALLER_PORT, 80, flags, { seq: this.#sequence++, payload });
    return this.network.send('host-1', segment, tick * TICK_MS);
  }

  answer(tick: number, flags = ACK | PSH, payload = 'answer', host = 'host-2'): Journey {
    const segment = fromCalled(this.ends).tcp(8080, this.port, flags, { seq: this.#sequence++, payload });
    return this.network.send(host, segment, tick * TICK_MS);
  }

  /** Opens it at tick 0 and talks in the ticks 0 and 1, which is not yet enough for the MUX to say something. */
  open(): void {
    const opened = this.ask(0, SYN, '');
    this.port = Number(layers(opened.delivered!).find(({ name }) => name === 'tcp')?.fields.sourcePort);
    expect(this.answer(0, SYN | ACK, '').delivered).toBeDefined();
    for (const tick of [0, 1]) {
      expect(this.ask(tick).redirects).toEqual([]);
      expect(this.answer(tick).redirects).toEqual([]);
    }
  }

  /** The same, and the redirects of tick 2. */
  redirect(): readonly Uint8Array[] {
    this.open();
    const { redirects } = this.ask(2);
    expect(redirects).toHaveLength(2);
    return redirects;
  }
}

const ASK_STRAIGHT = ['host-1', 'host-2'];
const ASK_BY_MUX = ['host-1', 'mux-1', 'host-2'];
const ANSWER_STRAIGHT = ['host-2', 'host-1'];
const ANSWER_BY_MUX = ['host-2', 'mux-1', 'host-1'];

const fabrics: Wishes[] = (['Vxlan', 'Nvgre'] as const).flatMap((encapsulation) =>
  ([4, 6] as const).flatMap((underlay) =>
    [IPV4, IPV6].flatMap((ends) =>
      [false, true].map((hasPublicIp) => ({ encapsulation, underlay, ends, hasPublicIp })),
    ),
  ),
);
const title = ({ encapsulation, underlay, ends, hasPublicIp }: Wishes) =>
  `IPv${ends?.family} in ${encapsulation} over IPv${underlay}, from ${hasPublicIp ? 'a public IP' : 'a leased port'}`;

describe.each(fabrics.map((wishes) => [title(wishes), wishes] as const))('%s', (_title, wishes) => {
  it('both directions go straight, and the VMs do not notice', async () => {
    const [straight, slow] = [await Talk.of(wishes), await Talk.of({ ...wishes, enableFastpath: false })];
    for (const talk of [straight, slow]) talk.open();
    expect(slow.ask(2).redirects).toEqual([]);
    const { redirects } = straight.ask(2);
    expect(redirects).toHaveLength(2);
    for (const redirect of redirects) expect(verifyFrame(redirect, 'ethernet')).toEqual([]);
    for (const tick of [2, 3, 4, 29]) {
      const [asked, askedSlowly] = [straight.ask(tick), slow.ask(tick)];
      expect([asked.path, askedSlowly.path]).toEqual([ASK_STRAIGHT, ASK_BY_MUX]);
      expect(toHex(asked.delivered!)).toBe(toHex(askedSlowly.delivered!));
      const [answered, answeredSlowly] = [straight.answer(tick), slow.answer(tick)];
      expect([answered.path, answeredSlowly.path]).toEqual([ANSWER_STRAIGHT, ANSWER_BY_MUX]);
      expect(toHex(answered.delivered!)).toBe(toHex(answeredSlowly.delivered!));
    }
  });

  it('the tunnel is the one the MUX makes, but for who sends it', async () => {
    const [straight, slow] = [await Talk.of(wishes), await Talk.of({ ...wishes, enableFastpath: false })];
    const last = [straight, slow].map((talk) => {
      talk.open();
      talk.ask(2);
      return fromCaller(talk.ends).tcp(CALLER_PORT, 80, ACK, { seq: 9, payload: 'same' }).bytes();
    });
    const own = straight.network.host('host-1').process(last[0]!, 2 * TICK_MS, { port: 'vm' });
    const routed = slow.network.host('host-1').process(last[1]!, 2 * TICK_MS, { port: 'vm' });
    const ofMux = slow.network.muxes.get('mux-1')!.process(routed.bytes!, 2 * TICK_MS);
    expect(own.verdict).toBe('forward');
    expect(verifyFrame(own.bytes!, 'ethernet')).toEqual([]);
    const [mine, theirs] = [own.bytes!, ofMux.bytes!].map((bytes) =>
      layers(bytes).map(({ name, fields: { source, checksum, ...rest }, depth }) =>
        (depth === 0 && (name === 'ethernet' || name.startsWith('ipv'))) || name === 'ethernet'
          ? { name, ...rest }
          : { name, source, checksum, ...rest },
      ),
    );
    expect(mine).toEqual(theirs);
  });

  it('after half a minute one packet through the MUX renews it', async () => {
    const talk = await Talk.of(wishes);
    talk.redirect();
    for (let tick = 3; tick < 32; tick++) {
      expect([talk.ask(tick).path, talk.answer(tick).path]).toEqual([ASK_STRAIGHT, ANSWER_STRAIGHT]);
    }
    const renewed = talk.ask(32);
    expect([renewed.path, renewed.redirects.length]).toEqual([ASK_BY_MUX, 2]);
    expect([talk.answer(32).path, talk.ask(32).path]).toEqual([ANSWER_STRAIGHT, ASK_STRAIGHT]);
    const { redirectsSent } = talk.network.muxes.get('mux-1')!.counters().fastpath;
    expect(redirectsSent).toBe(4);
    for (const id of ['host-1', 'host-2']) {
      expect(talk.network.host(id).counters()).toMatchObject({
        fastpath: { redirectsObeyed: 2, packets: 30 },
        verdicts: { consume: 2, forward: 30 },
      });
    }
  });
});
