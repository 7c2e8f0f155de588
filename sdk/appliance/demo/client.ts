/** Simulated clients: TCP connections to one VIP that are opened, used, and judged broken or whole. */
import { TCP_ACK, TCP_PSH, TCP_SYN, type TcpSegment } from '../../packet/index.js';
import { CLIENT_MAC, ROUTER_CLIENT_MAC, type SimulatedFabric } from './simulated-fabric.js';
import { advanced, type ReceivedSegment, receiveSegment, segmentFrame } from './tcp-frame.js';

/** What became of one attempt to use a connection. */
export type Attempt = 'answered' | 'unanswered' | 'reset';

/** The VIP and port to talk to. */
export interface Target {
  readonly address: string;
  readonly port: number;
}

const REQUEST = new TextEncoder().encode('GET / HTTP/1.1\r\nhost: demo\r\n\r\n');
const PORT_MIN = 10_000;
const PORTS_PER_ADDRESS = 50_000;
const SEQUENCE_START = 1;

/** One TCP connection of a client. */
export class Connection {
  readonly #fabric: SimulatedFabric;
  readonly #source: Target;
  readonly #target: Target;
  #sendNext = SEQUENCE_START;
  #receiveNext = 0;
  #isReset = false;
  /** The body of the last answer: the name of the VM that gave it. */
  answeredBy: string | undefined;

  /** @param number any; connections with different numbers have different addresses or ports */
  constructor(fabric: SimulatedFabric, target: Target, number: number) {
    this.#fabric = fabric;
    this.#target = target;
    this.#source = {
      // RFC 5737 TEST-NET-2 is for examples.
      address: `198.51.100.${1 + (Math.floor(number / PORTS_PER_ADDRESS) % 254)}`,
      port: PORT_MIN + ((number * 7919) % PORTS_PER_ADDRESS),
    };
  }

  /** The handshake. */
  open(): Attempt {
    return this.#attempt({ flags: TCP_SYN, sequence: SEQUENCE_START }, (answer) => {
      if (!answer.isSyn || !answer.isAck) return false;
      this.#receiveNext = advanced(answer.sequence, 1);
      this.#sendNext = advanced(SEQUENCE_START, 1);
      return true;
    });
  }

  /** A request and its answer; a request that was not answered is sent again as it was. */
  exchange(): Attempt {
    const request = { flags: TCP_PSH | TCP_ACK, sequence: this.#sendNext, payload: REQUEST };
    return this.#attempt(request, (answer) => {
      if (answer.sequence !== this.#receiveNext || answer.payload.length === 0) return false;
      this.#receiveNext = advanced(this.#receiveNext, answer.payload.length);
      this.#sendNext = advanced(this.#sendNext, REQUEST.length);
      this.answeredBy = new TextDecoder().decode(answer.payload).split('\r\n\r\n')[1]?.trim();
      return true;
    });
  }

  #attempt(
    segment: Pick<TcpSegment, 'flags' | 'sequence' | 'payload'>,
    accept: (answer: ReceivedSegment) => boolean,
  ): Attempt {
    if (this.#isReset) return 'reset';
    const answer = this.#send(segment);
    if (!answer || !this.#isMine(answer)) return 'unanswered';
    if (answer.isReset) {
      this.#isReset = true;
      return 'reset';
    }
    if (!accept(answer)) return 'unanswered';
    this.#send({ flags: TCP_ACK, sequence: this.#sendNext });
    return 'answered';
  }

  #send(segment: Pick<TcpSegment, 'flags' | 'sequence' | 'payload'>): ReceivedSegment | undefined {
    const frame = segmentFrame(
      { source: this.#source, destination: this.#target, acknowledgment: this.#receiveNext, ...segment },
      { source: CLIENT_MAC, destination: ROUTER_CLIENT_MAC },
    );
    const answer = this.#fabric.fromClient(frame);
    return answer && receiveSegment(answer);
  }

  /** Only an answer from the very VIP and port the client talks to is one. */
  #isMine({ source, destination }: ReceivedSegment): boolean {
    return (
      source.address === this.#target.address &&
      source.port === this.#target.port &&
      destination.address === this.#source.address &&
      destination.port === this.#source.port
    );
  }
}
