/** Fastpath: connections between two VMs leave the MUX out once it has told both hosts. */
import { describe as describePacket, layers } from 'edgemux/packet';
import { describe, expect, it } from 'vitest';
import { sipHash } from '../model/siphash.js';
import { fromHex, toHex } from '../support/bytes.js';
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
  type Journey,
  macOf,
  Network,
  providerAddress,
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

describe('which packets of a connection go straight', () => {
  it('nothing does without Fastpath in the program', async () => {
    const talk = await Talk.of({ enableFastpath: false });
    talk.open();
    for (const tick of [2, 3, 4]) expect(talk.ask(tick)).toMatchObject({ path: ASK_BY_MUX, redirects: [] });
  });

  it('a client of the outside is no VM: nobody is told', async () => {
    const { muxes } = await Network.of();
    const mux = muxes.get('mux-1')!;
    for (let tick = 0; tick < 6; tick++) {
      const packet = eth()
        .ipv4('192.0.2.7', IPV4.vip)
        .tcp(40000, 80, tick === 0 ? SYN : ACK);
      expect(mux.process(packet.bytes(), tick * TICK_MS)).toMatchObject({ verdict: 'forward', produced: [] });
    }
  });

  it('neither are two VMs of one host, nor UDP', async () => {
    const neighbours = await Talk.of({ calledHost: 'host-1' });
    const opened = neighbours.ask(0, SYN, '');
    expect(opened.path).toEqual(['host-1', 'mux-1', 'host-1']);
    for (const tick of [1, 2, 3, 4]) expect(neighbours.ask(tick).redirects).toEqual([]);
  });

  it('another MUX tells them too, when the connection arrives there', async () => {
    const talk = await Talk.of();
    talk.open();
    talk.network.mux = 'mux-2';
    for (const tick of [2, 3]) expect(talk.ask(tick).redirects).toEqual([]);
    expect(talk.ask(4).redirects).toHaveLength(2);
    expect([talk.ask(4).path, talk.answer(4).path]).toEqual([ASK_STRAIGHT, ANSWER_STRAIGHT]);
  });

  it('nobody is told where the batch has no room for both messages', async () => {
    const talk = await Talk.of();
    talk.open();
    const mux = talk.network.muxes.get('mux-1')!;
    const frame = talk.network.host('host-1').process(fromCaller(IPV4).tcp(CALLER_PORT, 80, ACK).bytes(), 2048, {
      port: 'vm',
    }).bytes!;
    for (let count = 0; count < 255; count++) mux.batch.add(frame);
    mux.processBatch(2 * TICK_MS);
    expect(mux.batch.count).toBe(255);
    mux.batch.clear();
    expect(mux.process(frame, 3 * TICK_MS).produced).toHaveLength(2);
  });

  it('a packet that is too big for the provider network goes by the gateway', async () => {
    const talk = await Talk.of({ mtuBytes: 1400 });
    talk.redirect();
    const fits = 1400 - 50 - 40;
    expect(talk.ask(2, ACK, 'x'.repeat(fits)).path).toEqual(ASK_STRAIGHT);
    expect(talk.ask(2, ACK, 'x'.repeat(fits + 1)).path).toEqual([...ASK_BY_MUX.slice(0, 2), 'reply ']);
  });

  it.each([
    ['FIN', FIN | ACK],
    ['RST', RST | ACK],
    ['a new SYN', SYN],
  ])('%s is for the MUX to see, and so is all behind it', async (_name, flags) => {
    const caller = await Talk.of();
    caller.redirect();
    expect(caller.ask(3, flags, '').path).toEqual(ASK_BY_MUX);
    expect([caller.ask(3).path, caller.answer(3).path]).toEqual([ASK_BY_MUX, ANSWER_BY_MUX]);
    const called = await Talk.of();
    called.redirect();
    // A called VM has no SYN to send: it stands for the FIN it has.
    expect(called.answer(3, flags === SYN ? FIN | ACK : flags, '').path).toEqual(ANSWER_BY_MUX);
    expect([called.answer(3).path, called.ask(3).path]).toEqual([ANSWER_BY_MUX, ASK_BY_MUX]);
  });

  it('a VM that moves away is found again by way of the MUX, three seconds after the first data without an answer', async () => {
    const talk = await Talk.of();
    talk.redirect();
    expect(talk.answer(3).path).toEqual(ANSWER_STRAIGHT);
    talk.network.become({ calledHost: 'host-3' });
    for (const tick of [4, 5, 6]) expect(talk.ask(tick).path).toEqual([...ASK_STRAIGHT, 'drop nic-unknown']);
    const found = talk.ask(7);
    expect([found.path, found.redirects.length]).toEqual([['host-1', 'mux-1', 'host-3'], 2]);
    expect(talk.answer(7, ACK, 'answer', 'host-3').path).toEqual(['host-3', 'host-1']);
    expect(talk.ask(7).path).toEqual(['host-1', 'host-3']);
  });

  it('acknowledgments alone wait for no answer', async () => {
    const talk = await Talk.of();
    talk.redirect();
    for (const tick of [3, 8, 20, 31]) expect(talk.ask(tick, ACK, '').path).toEqual(ASK_STRAIGHT);
  });

  it('a connection of a VM that has left its host ends there', async () => {
    const talk = await Talk.of();
    talk.redirect();
    talk.network.become({ calledHost: 'host-3' });
    talk.network.become({});
    expect(talk.answer(2).path[1]).not.toBe('host-1');
  });

  it('another program of the same fabric changes nothing, one without Fastpath ends it', async () => {
    const talk = await Talk.of();
    talk.redirect();
    talk.network.become({});
    expect(talk.ask(3).path).toEqual(ASK_STRAIGHT);
    talk.network.become({ enableFastpath: false });
    expect([talk.ask(3).path, talk.answer(3).path]).toEqual([ASK_BY_MUX, ANSWER_BY_MUX]);
    talk.network.become({});
    expect(talk.ask(3).path).toEqual(ASK_BY_MUX);
  });

  it('so does one without the peer', async () => {
    const talk = await Talk.of();
    talk.redirect();
    const host = talk.network.host('host-1');
    const { fastpath, ...program } = host.current!;
    host.apply({ ...program, fastpath: { ...fastpath!, peers: fastpath!.peers.slice(1) } });
    expect(talk.ask(3).path).toEqual(ASK_BY_MUX);
  });

  it('more connections than there are entries: those told last go straight', async () => {
    const network = await Network.of();
    const ports = Array.from({ length: 200 }, (_, at) => 6000 + at);
    const ask = (port: number, tick: number, flags = ACK) =>
      network.send('host-1', fromCaller(IPV4).tcp(port, 80, flags), tick * TICK_MS);
    const opened = ports.filter((port) => ask(port, 0, SYN).delivered !== undefined);
    for (const tick of [1, 2, 3]) for (const port of opened) ask(port, tick);
    // Eight leased ports, one VIP and port to call.
    expect(opened).toHaveLength(8);
    expect(opened.map((port) => ask(port, 3).path)).toEqual(opened.map(() => ASK_STRAIGHT));
  });
});

const REDIRECT_AT = 14 + 20 + 8;

/** A redirect with one byte changed, and the checksums of the headers around it mended, so that only we notice. */
function withByte(frame: Uint8Array, at: number, change: (byte: number) => number): Uint8Array {
  const changed = frame.slice();
  changed[REDIRECT_AT + at] = change(changed[REDIRECT_AT + at]!);
  changed.fill(0, REDIRECT_AT - 2, REDIRECT_AT);
  return changed;
}

/** The same message from and to other addresses and ports. */
function resent(frame: Uint8Array, start: Packet, ports: [number, number] = [8571, 8571]): Packet {
  return start.udp(...ports).payload(frame.slice(REDIRECT_AT));
}

describe('a redirect is refused', () => {
  const mux = providerAddress('mux-1');
  const host = providerAddress('host-1');

  it('with any byte of the message changed', async () => {
    const talk = await Talk.of();
    talk.open();
    const { redirects } = talk.network.route(fromCaller(IPV4).tcp(CALLER_PORT, 80, ACK), 2 * TICK_MS);
    for (const redirect of redirects) {
      expect(redirect).toHaveLength(REDIRECT_AT + 88);
      for (let at = 0; at < 88; at++) {
        for (const change of [(byte: number) => byte ^ 1, (byte: number) => byte ^ 0x80]) {
          const { verdict, reason } = talk.network.tell(withByte(redirect, at, change), 2 * TICK_MS);
          expect([at, verdict, reason]).toEqual([at, 'drop', 'redirect']);
        }
      }
    }
    expect(talk.ask(2, ACK).path).toEqual(ASK_BY_MUX);
    for (const redirect of redirects) expect(talk.network.tell(redirect, 2 * TICK_MS).verdict).toBe('consume');
  });

  type Row = [name: string, frame: (redirect: Uint8Array) => Packet, port: 'underlay' | 'vm', outcome: string];
  const rows: Row[] = [
    ['from another address than a MUX', (m) => resent(m, eth().ipv4('10.0.0.99', host)), 'underlay', 'drop redirect'],
    ['from another host', (m) => resent(m, eth().ipv4(providerAddress('host-2'), host)), 'underlay', 'drop redirect'],
    ['from another port', (m) => resent(m, eth().ipv4(mux, host), [8572, 8571]), 'underlay', 'drop redirect'],
    [
      'one byte shorter',
      (m) => eth().ipv4(mux, host).udp(8571, 8571).payload(m.slice(REDIRECT_AT, -1)),
      'underlay',
      'drop redirect',
    ],
    [
      'one byte longer',
      (m) =>
        eth()
          .ipv4(mux, host)
          .udp(8571, 8571)
          .payload(Uint8Array.of(...m.slice(REDIRECT_AT), 0)),
      'underlay',
      'drop redirect',
    ],
    ['empty', () => eth().ipv4(mux, host).udp(8571, 8571), 'underlay', 'drop redirect'],
    [
      'with a UDP length past the packet',
      (m) => eth().ipv4(mux, host).udp(8571, 8571, { udpLength: 97 }).payload(m.slice(REDIRECT_AT)),
      'underlay',
      'drop redirect',
    ],
    ['in IPv4 fragments', (m) => resent(m, eth().ipv4(mux, host, { mf: true })), 'underlay', 'pass '],
    ['for another port', (m) => resent(m, eth().ipv4(mux, host), [8571, 8572]), 'underlay', 'pass '],
    ['for another host', (m) => resent(m, eth().ipv4(mux, '10.0.0.98')), 'underlay', 'pass '],
    ['from a VM', (m) => resent(m, eth({ src: CALLER_MAC }).ipv4(mux, host)), 'vm', 'pass '],
    ['as it is', (m) => resent(m, eth().ipv4(mux, host)), 'underlay', 'consume '],
    ['from the other MUX', (m) => resent(m, eth().ipv4(providerAddress('mux-2'), host)), 'underlay', 'consume '],
  ];
  it.each(rows)('%s', async (_name, frame, port, outcome) => {
    const talk = await Talk.of();
    talk.open();
    const { redirects } = talk.network.route(fromCaller(IPV4).tcp(CALLER_PORT, 80, ACK), 2 * TICK_MS);
    const agent = talk.network.host('host-1');
    const { verdict, reason } = agent.process(frame(redirects[0]!).bytes(), 2 * TICK_MS, { port });
    expect(`${verdict} ${reason ?? ''}`).toBe(outcome);
    expect(talk.ask(2, ACK).path).toEqual(verdict === 'consume' ? ASK_STRAIGHT : ASK_BY_MUX);
  });

  it('where the host has no Fastpath it is a datagram like any', async () => {
    const talk = await Talk.of();
    const [redirect] = talk.redirect();
    talk.network.become({ enableFastpath: false });
    expect(talk.network.tell(redirect!, 2 * TICK_MS).verdict).toBe('pass');
  });

  it('from a fabric with another key', async () => {
    const talk = await Talk.of();
    const [redirect] = talk.redirect();
    const agent = talk.network.host('host-1');
    const { fastpath, ...program } = agent.current!;
    agent.apply({ ...program, fastpath: { ...fastpath!, key: '00'.repeat(16) } });
    expect(talk.network.tell(redirect!, 2 * TICK_MS).reason).toBe('redirect');
  });

  it('towards a host the program does not know, or about a VM that is not here', async () => {
    const talk = await Talk.of();
    const [redirect] = talk.redirect();
    const agent = talk.network.host('host-1');
    const { fastpath, ...program } = agent.current!;
    agent.apply({ ...program, fastpath: { ...fastpath!, peers: [] } });
    expect(talk.network.tell(redirect!, 2 * TICK_MS).reason).toBe('redirect');
    agent.apply({
      ...program,
      fastpath: fastpath!,
      nics: program.nics.map((nic) => ({ ...nic, macAddress: macOf('host-9') })).slice(0, 1),
      translations: [],
      snatRules: [],
    });
    expect(talk.network.tell(redirect!, 2 * TICK_MS).reason).toBe('redirect');
  });

  it.each([
    ['the connection was closed', FIN | ACK, 3],
    ['the connection was reset', RST | ACK, 3],
    ['the connection has timed out', undefined, 400],
  ])('again, after %s', async (_name, flags, tick) => {
    const talk = await Talk.of();
    const redirects = talk.redirect();
    if (flags !== undefined) {
      talk.ask(3, flags);
      talk.answer(3, flags);
    }
    for (const redirect of redirects) expect(talk.network.tell(redirect, tick * TICK_MS).reason).toBe('redirect');
  });

  it('again, at a host that has not seen the connection', async () => {
    const [talk, other] = [await Talk.of(), await Talk.of()];
    for (const redirect of talk.redirect()) expect(other.network.tell(redirect, 0).reason).toBe('redirect');
  });
});

/** A message signed as a MUX signs it, with some bytes of it changed first. */
function signed(frame: Uint8Array, key: string, changes: readonly [at: number, bytes: readonly number[]][]): Packet {
  const message = frame.slice(REDIRECT_AT);
  for (const [at, bytes] of changes) message.set(bytes, at);
  new DataView(message.buffer).setBigUint64(80, sipHash(fromHex(key), message.subarray(0, 80), 2, 4), true);
  return eth().ipv4(providerAddress('mux-1'), providerAddress('host-1')).udp(8571, 8571).payload(message);
}

describe('a redirect whose tag is right', () => {
  type Row = [name: string, changes: [at: number, bytes: number[]][], verdict: string];
  const rows: Row[] = [
    ['as the MUX has made it: SipHash-2-4', [], 'consume'],
    ['another magic', [[0, [0]]], 'drop'],
    ['another version', [[4, [2]]], 'drop'],
    ['the other family', [[5, [6]]], 'drop'],
    ['UDP', [[6, [17]]], 'drop'],
    ['the other side', [[7, [1]]], 'drop'],
    ['another client port', [[40, [0, 1]]], 'drop'],
    ['another VIP port', [[42, [0, 81]]], 'drop'],
    ['another VIP', [[24, [80, 80, 80, 99]]], 'drop'],
    ['no host of ours', [[48, [10, 0, 0, 99]]], 'drop'],
    ['a MUX in place of a host', [[48, [10, 0, 0, 11]]], 'drop'],
    ['ourselves', [[48, [10, 0, 0, 21]]], 'drop'],
    ['no family of the host', [[70, [0]]], 'drop'],
    ['the MAC address of no VM here', [[72, [2, 0, 0, 0, 0, 9]]], 'drop'],
    ['a neighbour of the VM', [[72, [2, 0, 0, 0, 0x0b, 2]]], 'drop'],
    [
      'another VM at the other end',
      [
        [44, [0, 0, 0, 9]],
        [64, [2, 0, 0, 0, 0, 8]],
      ],
      'consume',
    ],
  ];
  it.each(rows)('%s', async (_name, changes, verdict) => {
    const talk = await Talk.of();
    talk.open();
    const { redirects } = talk.network.route(fromCaller(IPV4).tcp(CALLER_PORT, 80, ACK), 2 * TICK_MS);
    const agent = talk.network.host('host-1');
    const frame = signed(redirects[0]!, agent.current!.fastpath!.key, changes);
    if (changes.length === 0)
      expect(toHex(frame.bytes().slice(REDIRECT_AT))).toBe(toHex(redirects[0]!.slice(REDIRECT_AT)));
    expect(agent.process(frame.bytes(), 2 * TICK_MS).verdict).toBe(verdict);
  });
});

describe('what is said about it', () => {
  it('a redirect, by describe', async () => {
    const talk = await Talk.of();
    const [first, second] = talk.redirect().map((bytes) => describePacket(bytes));
    expect(first).toMatch(
      /^02:00:00:00:56:01 > 02:00:00:00:57:01: IP \(ttl 64, flags \[DF\]\) 10\.0\.0\.11:8571 > 10\.0\.0\.21:8571: UDP, length 88, /,
    );
    const connection = `80.80.80.81:${talk.port} > 80.80.80.80:80`;
    expect(first!.split(', ').slice(-2).join(', ')).toBe(
      `Fastpath redirect of ${connection}: caller ${CALLER_MAC}, called VM ${CALLED_MAC} in vni 5001 at 10.0.0.22`,
    );
    expect(second!.split(', ').slice(-2).join(', ')).toBe(
      `Fastpath redirect of ${connection}: called VM ${CALLED_MAC}, caller ${CALLER_MAC} in vni 5002 at 10.0.0.21`,
    );
  });

  it('an IPv6 one, one cut short, one of another version, and another datagram for its port', async () => {
    const talk = await Talk.of({ ends: IPV6, underlay: 6 });
    const redirect = talk.redirect()[0]!;
    expect(describePacket(redirect)).toContain(`[2001:db8:80::81]:${talk.port} > [2001:db8:80::80]:80: caller`);
    expect(describePacket(redirect)).toContain('at 2001:db8:56::22');
    expect(describePacket(redirect.slice(0, -1))).toContain('[truncated-redirect 87 of 88 bytes]');
    const message = redirect.slice(-88);
    message[4] = 2;
    const start = eth().ipv4('10.0.0.1', '10.0.0.2').udp(8571, 8571);
    expect(describePacket(start.payload(message).bytes())).toContain('[malformed-redirect version 2]');
    expect(describePacket(start.payload('EMRE').bytes())).toMatch(/UDP, length 4$/);
  });

  it('by the MUX and the hosts that are asked, and nothing changes', async () => {
    const talk = await Talk.of();
    talk.open();
    const segment = fromCaller(IPV4).tcp(CALLER_PORT, 80, ACK);
    const caller = talk.network.host('host-1');
    const mux = talk.network.muxes.get('mux-1')!;
    expect(caller.explain(segment.bytes(), 2 * TICK_MS, { port: 'vm' }).fields).toMatchObject({
      verdict: 'reply',
      straightTo: undefined,
    });
    const { routed, redirects } = talk.network.route(segment, 2 * TICK_MS, (frame) => {
      const explanation = mux.explain(frame, 2 * TICK_MS);
      expect(explanation.fields).toMatchObject({ backendSource: 'flow', isRedirected: true });
      expect(explanation.text).toMatch(/VXLAN 5001 to 10\.0\.0\.22; both hosts are told to talk directly$/);
    });
    expect(routed.verdict).toBe('forward');
    expect(caller.explain(redirects[0]!).text).toBe(
      'consume: redirect of a MUX, the connection goes straight to the other host',
    );
    expect(caller.explain(segment.bytes(), 2 * TICK_MS, { port: 'vm' }).fields.verdict).toBe('reply');
    talk.network.tell(redirects[0]!, 2 * TICK_MS);
    const { fields, text } = caller.explain(segment.bytes(), 2 * TICK_MS, { port: 'vm' });
    expect(fields).toMatchObject({
      verdict: 'forward',
      decision: 'outbound',
      straightTo: { encapsulation: 'vxlan', vni: 5001, providerAddress: '10.0.0.22' },
    });
    expect(text).toMatch(/, known connection, idle for 0 s, straight in VXLAN 5001 to 10\.0\.0\.22$/);
    const end = fromCaller(IPV4).tcp(CALLER_PORT, 80, FIN | ACK);
    expect(caller.explain(end.bytes(), 2 * TICK_MS, { port: 'vm' }).fields).toMatchObject({
      verdict: 'reply',
      straightTo: undefined,
    });
    expect(caller.counters().fastpath.packets).toBe(0);
  });
});
