/** What the roles need of the machine they run on. Tests give them another one. */
import type { SpeakerEvent, SpeakerOptions } from '../../bgp/index.js';
import type { DataPlaneOptions, DataPlaneThread, SpeakerThread } from '../../node/index.js';
import type { NextHops } from '../../runtime/next-hops.js';
import type { AttachOptions, PortAttachment, PortSpec } from '../../runtime/node/ports/types.js';
import type { PortInterface } from '../../runtime/packet-port.js';

/** A data plane on a thread of its own. */
export type LiveDataPlane = Pick<
  DataPlaneThread,
  'ended' | 'stats' | 'beatCount' | 'subscribe' | 'program' | 'openPort' | 'closePort' | 'route' | 'stop'
>;

/** A speaker on a thread of its own. */
export type LiveSpeaker = Pick<SpeakerThread, 'ended' | 'status' | 'announce' | 'setPeers' | 'stop'>;

/** The interfaces of the machine, followed as they come and go. */
export interface LiveInterfaces {
  /** `undefined` as long as there is none of that name. */
  named(name: string): (PortInterface & { readonly isUp: boolean }) | undefined;
  /** Called after interfaces have come, gone or changed; what is returned ends that. */
  subscribe(listener: () => void): () => void;
  close(): void;
}

/** The machine. */
export interface LiveSystem {
  /** @throws EdgemuxError `ERR_PORT` with one line for people */
  attachPort(spec: PortSpec, options: AttachOptions): PortAttachment | Promise<PortAttachment>;
  /**
   * A device that gives packets to the kernel as if they had arrived.
   *
   * @throws EdgemuxError `ERR_PORT`
   */
  openPassDevice(): PortAttachment | Promise<PortAttachment>;
  openNextHops(): NextHops | Promise<NextHops>;
  openInterfaces(): LiveInterfaces | Promise<LiveInterfaces>;
  /** As `DataPlaneThread.start`. */
  startDataPlane(options: DataPlaneOptions): Promise<LiveDataPlane>;
  /** As `SpeakerThread.start`. */
  startSpeaker(options: SpeakerOptions, listener: (event: SpeakerEvent) => void): Promise<LiveSpeaker>;
}
