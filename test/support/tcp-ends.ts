/** Two ends of a TCP connection that write down what they are told. */
import type { TcpConnection, TcpConnectOptions, TcpHandlers, TcpListenPeer } from '../../sdk/runtime/index.js';
import { type SimulatedHost, SimulatedNetwork } from '../../sdk/runtime/simulated/index.js';

/** An end: its connection, what it was told in order, and the bytes it received as text. */
export class RecordedEnd implements TcpHandlers {
  connection!: TcpConnection;
  readonly told: string[] = [];
  text = '';
  pieceCount = 0;

  opened(): void {
    this.told.push('opened');
  }

  received(bytes: Uint8Array): void {
    this.text += new TextDecoder().decode(bytes);
    this.pieceCount += 1;
  }

  drained(): void {
    this.told.push('drained');
  }

  closed({ how, text }: { how: string; text: string }): void {
    this.told.push(`${how}: ${text}`);
  }

  write(text: string): void {
    this.connection.write(new TextEncoder().encode(text));
  }
}

/** A client and a server host, a listener on port 179, and the ends of connections between them. */
export class Pair {
  readonly network: SimulatedNetwork;
  readonly client: SimulatedHost;
  readonly server: SimulatedHost;
  readonly accepted: RecordedEnd[] = [];

  constructor({ seed = 1, latencyMs = 1 } = {}) {
    this.network = new SimulatedNetwork({ seed, latencyMs });
    this.client = this.network.host('10.0.0.1', '2001:db8::1');
    this.server = this.network.host('10.0.0.2', '2001:db8::2');
  }

  listen(peer: Partial<TcpListenPeer> = {}, localAddress = '10.0.0.2') {
    const peers = [{ address: '10.0.0.1', ...peer }];
    return this.server.tcp.listen({ localAddress, port: 179, peers }, (connection) => {
      const end = new RecordedEnd();
      end.connection = connection;
      this.accepted.push(end);
      return end;
    });
  }

  connect(options: Partial<TcpConnectOptions> = {}): RecordedEnd {
    const end = new RecordedEnd();
    end.connection = this.client.tcp.connect({ remote: { address: '10.0.0.2', port: 179 }, ...options }, end);
    return end;
  }

  /** A connection that is open on both sides. */
  async open(): Promise<{ near: RecordedEnd; far: RecordedEnd }> {
    await this.listen();
    const near = this.connect();
    await this.network.clock.runFor(20);
    return { near, far: this.accepted[0]! };
  }
}
