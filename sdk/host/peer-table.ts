/** The other hosts a running host agent may send to, and the MUXes it believes: Fastpath. */
import * as abi from '../../assembly/abi.js';
import { writeFastpathConfig } from '../dataplane/config.js';
import type { DataPlane } from '../dataplane/instance.js';
import { address6Net, addressNet } from '../dataplane/network-order.js';
import { encapsulationTemplate, encapsulatorOf, writeTemplate } from '../dataplane/template.js';
import { parseIp } from '../net/address.js';
import type { HostProgram } from '../program/types.js';

/** Which VM of the host a packet is for belongs to the connection: the data plane fills it in. */
const ANY_VM = { vni: 0, macAddress: '00:00:00:00:00:00' };

/** The peers of one host agent. */
export class PeerTable {
  readonly #dataPlane: DataPlane;
  /** What the records were made of; empty without Fastpath. */
  #applied = '';

  constructor(dataPlane: DataPlane) {
    this.#dataPlane = dataPlane;
  }

  /** Brings the records to a program. When any change, every connection goes through the MUX again and is told anew. */
  apply(program: HostProgram): void {
    const { attachment, encapsulation, fastpath } = program;
    const wanted = fastpath === undefined ? '' : JSON.stringify([attachment, encapsulation, fastpath]);
    if (wanted === this.#applied) return;
    this.#applied = wanted;
    const { exports } = this.#dataPlane;
    exports.fastpathClear();
    exports.peerClear();
    writeFastpathConfig(this.#dataPlane, fastpath);
    for (const address of fastpath?.muxes ?? []) this.#insert(address, abi.PEER_MUX);
    const encapsulator = encapsulatorOf(program);
    for (const { providerAddress, nextHopMacAddress } of fastpath?.peers ?? []) {
      const target = { ...ANY_VM, hostProviderAddress: providerAddress, nextHopMacAddress };
      const record = this.#insert(providerAddress, abi.PEER_HOST);
      writeTemplate(this.#dataPlane, record, encapsulationTemplate(encapsulator, target));
    }
  }

  /** Answers the address of the record. */
  #insert(address: string, role: number): number {
    const { exports } = this.#dataPlane;
    const { family } = parseIp(address);
    return family === 6
      ? exports.peerInsert(family, ...address6Net(address), role)
      : exports.peerInsert(family, addressNet(address), 0, 0, 0, role);
  }
}

/** Records a program needs; a MUX that is a host too needs one. */
export function peerCountOf({ fastpath }: HostProgram): number {
  return fastpath === undefined ? 0 : fastpath.muxes.length + fastpath.peers.length;
}
