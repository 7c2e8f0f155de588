/** A simulated VM: a TCP stack with one request handler, which knows its connections and resets all others. */
import { TCP_ACK, TCP_PSH, TCP_RST, TCP_SYN } from '../../packet/index.js';
import { advanced, type ReceivedSegment, receiveSegment, segmentFrame } from './tcp-frame.js';

interface Session {
  /** Next byte expected of the client. */
  receiveNext: number;
  /** Next byte of ours. */
  sendNext: number;
  /** The last answer and the sequence number it was sent with, for a client that did not get it. */
  lastAnswer: { sequence: number; payload: Uint8Array } | undefined;
}

export class VirtualMachine {
  readonly name: string;
  readonly #sessions = new Map<string, Session>();
  readonly #answer: Uint8Array;

  constructor(name: string) {
    this.name = name;
    this.#answer = new TextEncoder().encode(`HTTP/1.1 200 OK\r\ncontent-length: ${name.length + 1}\r\n\r\n${name}\n`);
  }

  /** Takes a frame in; answers with the frame that goes back, if any. */
  receive(frame: Uint8Array): Uint8Array | undefined {
    const segment = receiveSegment(frame);
    if (!segment || segment.isReset) return undefined;
    const key = `${segment.source.address}:${segment.source.port}>${segment.destination.address}:${segment.destination.port}`;
    if (segment.isSyn) return this.#open(key, segment);
    const session = this.#sessions.get(key);
    if (!session) return reply(segment, TCP_RST, segment.acknowledgment, 0);
    return segment.payload.length === 0 ? undefined : this.#respond(session, segment);
  }

  #open(key: string, segment: ReceivedSegment): Uint8Array {
    // Any number does for a first sequence number here; this one is easy to recognize in a capture.
    const session = { receiveNext: advanced(segment.sequence, 1), sendNext: 1_000_000, lastAnswer: undefined };
    this.#sessions.set(key, session);
    const synAck = reply(segment, TCP_SYN | TCP_ACK, session.sendNext, session.receiveNext);
    session.sendNext = advanced(session.sendNext, 1);
    return synAck;
  }

  #respond(session: Session, segment: ReceivedSegment): Uint8Array {
    if (segment.sequence === session.receiveNext) {
      session.receiveNext = advanced(session.receiveNext, segment.payload.length);
      session.lastAnswer = { sequence: session.sendNext, payload: this.#answer };
      session.sendNext = advanced(session.sendNext, this.#answer.length);
    }
    const { sequence, payload } = session.lastAnswer ?? { sequence: session.sendNext, payload: undefined };
    return reply(segment, TCP_PSH | TCP_ACK, sequence, session.receiveNext, payload);
  }
}

function reply(
  { source, destination, macs }: ReceivedSegment,
  flags: number,
  sequence: number,
  acknowledgment: number,
  payload: Uint8Array = new Uint8Array(0),
): Uint8Array {
  return segmentFrame(
    { source: destination, destination: source, flags, sequence, acknowledgment, payload },
    { source: macs.destination, destination: macs.source },
  );
}
