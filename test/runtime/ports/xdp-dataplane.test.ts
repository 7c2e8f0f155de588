/** `xdp:` ports with the data plane behind them: what a client sends to a VIP leaves as a tunnel, by way of linear memory. */
import { HostAgent, Mux } from 'edgemux';
import applianceModule from 'edgemux/appliance-module';
import { describe, expect, test } from 'vitest';
import { parsePortSpec } from '../../../sdk/runtime/node/ports/port-spec.js';
import type { AttachOptions, XdpPlan } from '../../../sdk/runtime/node/ports/types.js';
import { attachXdp } from '../../../sdk/runtime/node/ports/xdp-attachment.js';
import { openXdp } from '../../../sdk/runtime/node/ports/xdp-port.js';
import { type PacketPort, SELECT_NOTHING } from '../../../sdk/runtime/packet-port.js';
import { answer, request, tunnel } from '../../dataplane/ports/planes.js';
import { eth } from '../../support/packet.js';
import { HOST_A, hostProgram, muxProgram, VIP, WEB_A, WEB_A_MAC } from '../../support/programs.js';
import { enterQuietNamespace, isReadable, link, Wire } from './veth.js';

const whyNot = await enterQuietNamespace();
if (whyNot) console.warn(`skipped: ${whyNot}`);

const OPTIONS: AttachOptions = { side: 'underlay', queueCount: 1, providerAddresses: [], mtuBytesMin: 0 };
const ROOM = { portCountMax: 4, chunkCount: 4096, chunkBytes: 2048, flowCountMax: 4096 };

const attach = (text: string, side: AttachOptions['side'] = 'underlay') => {
  const attachment = attachXdp(parsePortSpec(text), { ...OPTIONS, side });
  return { ...attachment, plan: attachment.plans[0] as XdpPlan, [Symbol.dispose]: () => attachment.close() };
};

/** Carries until nothing has come for a while. */
function carry(plane: { processPorts(nowMs: number): number }, ...ports: readonly PacketPort[]): void {
  let isQuiet = false;
  while (!isQuiet) {
    const count = ports.reduce((sum, port) => sum + port.receive(), 0);
    plane.processPorts(Date.now());
    for (const port of ports) port.send();
    isQuiet = count === 0 && !ports.some((port) => isReadable(port.descriptor, 100));
  }
}

describe.skipIf(whyNot)('a data plane on xdp ports', () => {
  test.each(['native', 'generic'])('MUX, %s: every request leaves as a tunnel to a host', async (mode) => {
    using up = link('up0');
    using far = new Wire(up.far);
    using attachment = attach(`xdp:${up.name},mode=${mode}`);
    const mux = await Mux.load(applianceModule, ROOM);
    mux.program(muxProgram);
    const freeCount = mux.ports.freeChunkCount;
    const port = openXdp(attachment.plan, mux.ports);
    attachment.select({ ...SELECT_NOTHING, destinations: [VIP] });
    let tunnelCount = 0;
    for (let round = 0; round < 10; round++) {
      far.send(...Array.from({ length: 100 }, (_, i) => request(i).bytes()));
      carry(mux, port);
      for (const frame of far.pending()) {
        expect(Buffer.from(frame.subarray(-request(0).bytes().length + 14)).toString('latin1')).toContain('hello');
        expect(frame.length).toBe(request(0).bytes().length + 50);
        tunnelCount++;
      }
    }
    expect(tunnelCount).toBe(1_000);
    expect(port.counters()).toMatchObject({ received: 1_000, sent: 1_000, sendDropped: 0, tooLong: 0 });
    port.close();
    expect(mux.ports.freeChunkCount).toBe(freeCount);
  });

  test('host agent: a tunnel in by one interface is a packet to the VM by another, and the answer goes straight out', async () => {
    using up = link('up0');
    using vm = link('vm0');
    using far = new Wire(up.far);
    using guest = new Wire(vm.far);
    using upAttachment = attach(`xdp:${up.name}`);
    using vmAttachment = attach(`xdp:${vm.name}`, 'vm');
    const host = await HostAgent.load(applianceModule, ROOM);
    host.apply(hostProgram);
    const upPort = openXdp(upAttachment.plan, host.ports);
    const vmPort = openXdp(vmAttachment.plan, host.ports);
    upAttachment.select({ ...SELECT_NOTHING, tunnelEnds: [HOST_A], local: [HOST_A] });
    vmAttachment.select({ ...SELECT_NOTHING, sources: [WEB_A], local: [HOST_A] });
    far.send(...Array.from({ length: 50 }, (_, i) => tunnel(i).bytes()));
    carry(host, upPort, vmPort);
    const delivered = guest.pending();
    expect(delivered).toHaveLength(50);
    expect(delivered[0]!.subarray(0, 6)).toEqual(eth({ dst: WEB_A_MAC }).payload('').bytes().subarray(0, 6));
    guest.send(...Array.from({ length: 50 }, (_, i) => answer(i).bytes()));
    carry(host, upPort, vmPort);
    const answers = far.pending();
    expect(answers).toHaveLength(50);
    // From the VIP, as if the VM had it.
    expect([...answers[0]!.subarray(26, 30)].join('.')).toBe(VIP);
    upPort.close();
    vmPort.close();
  });
});
