/** What the new connections of a flood send: `npm run bench -- --only flood` and test/mux/flood.test.ts run the same. */

/** TCP with only SYN or only ACK set, or UDP. */
export type PacketKind = 'syn' | 'ack' | 'udp';

/** The packets of one new connection: what, and how many seconds after the first. */
export type PacketsPerConnection = readonly (readonly [kind: PacketKind, second: number])[];

/** A flood, by what each of its connections sends. */
export interface FloodVariant {
  readonly name: string;
  readonly packets: PacketsPerConnection;
}

/** In the order the bench reports them. */
export const FLOODS: readonly FloodVariant[] = [
  { name: 'one SYN each', packets: [['syn', 0]] },
  {
    name: 'SYN and ACK each, in the same second',
    packets: [
      ['syn', 0],
      ['ack', 0],
    ],
  },
  {
    name: 'SYN and ACK each, a second apart',
    packets: [
      ['syn', 0],
      ['ack', 1],
    ],
  },
  {
    name: 'two UDP packets each, in the same second',
    packets: [
      ['udp', 0],
      ['udp', 0],
    ],
  },
  {
    name: 'two UDP packets each, a second apart',
    packets: [
      ['udp', 0],
      ['udp', 1],
    ],
  },
];
