/** Clients whose connections fall into one bucket of the flow table: what an attacker who knew the key would look for. */
import type { MuxProgram } from '../../sdk/program/types.js';
import { flowHash } from '../model/flow-hash.js';

export interface Client {
  readonly address: string;
  readonly port: number;
}

/** The first clients of 192.0.2.0/24 and their ports that fall into a bucket when they talk to (VIP, port, protocol). */
export function clientsOfBucket(
  { flowHashKey }: MuxProgram,
  service: { readonly vip: string; readonly port: number; readonly protocol: number },
  { bucket, bucketCount, count }: { bucket: number; bucketCount: number; count: number },
): Client[] {
  const clients: Client[] = [];
  for (let number = 0; clients.length < count; number++) {
    const client = { address: `192.0.2.${1 + (number % 200)}`, port: 1024 + Math.floor(number / 200) };
    const tuple = {
      source: client.address,
      sourcePort: client.port,
      destination: service.vip,
      destinationPort: service.port,
      protocol: service.protocol,
    };
    const hash = flowHash(flowHashKey, tuple, 'Default');
    if (Number(hash & BigInt(bucketCount - 1)) === bucket) clients.push(client);
  }
  return clients;
}
