/** Instance-level public IPs: one VM's alone, in and out. */
import { compile, parseFabric } from 'edgemux';
import { describe, expect, it } from 'vitest';
import { example, ipConfiguration, type Json, lb, ref } from '../resources/example.js';

const ADDRESS = '80.80.80.90';
const PIP = '/publicIPAddresses/vm-1';
const DIP_1 = '/networkInterfaces/vm-1-nic/ipConfigurations/ip1';

function compiled(change: (fabric: Json) => void = () => {}) {
  return compile(
    parseFabric(
      example((fabric) => {
        const properties = { ipAddress: ADDRESS, idleTimeoutInMinutes: 30 };
        fabric.publicIPAddresses.push({ resourceId: 'vm-1', properties });
        ipConfiguration(fabric).publicIPAddress = ref(PIP);
        change(fabric);
      }),
    ),
  );
}

const whole = {
  vip: ADDRESS,
  protocol: 0,
  port: 0,
  backendPort: 0,
  floatingIp: false,
  idleTimeoutMs: 1_800_000,
  rule: PIP,
  isInstanceAddress: true,
};

describe('instance address', () => {
  it('is a VIP whose one backend is the VM', () => {
    const { vips, services, backends } = compiled().forMux('mux-1');
    const service = services.find(({ vip }) => vip === ADDRESS);
    expect(vips).toEqual(['80.80.80.80', ADDRESS]);
    expect(service).toEqual({ key: `${ADDRESS}:*/*`, distribution: 'Default', target: { backend: 0 }, ...whole });
    expect(backends[0].key).toBe(DIP_1);
  });

  it('is translated to the DIP, and back, on the VM’s host alone', () => {
    const translationsOf = (host: string) =>
      compiled()
        .forHost(host)
        .translations.filter(({ vip }) => vip === ADDRESS);
    expect(translationsOf('host-1')).toEqual([{ nic: 0, dip: '10.0.0.4', ...whole }]);
    expect(translationsOf('host-2')).toEqual([]);
  });

  it('makes a backend of a VM that is in no pool', () => {
    const program = compiled((fabric) => {
      Object.assign(ipConfiguration(fabric), { loadBalancerBackendAddressPools: [], loadBalancerInboundNatRules: [] });
      lb(fabric).inboundNatRules = [];
      ipConfiguration(fabric, 1).loadBalancerInboundNatRules = [];
    });
    expect(program.forMux('mux-1').backends.map(({ key }) => key)).toContain(DIP_1);
    expect(program.forHost('host-1').nics).toHaveLength(1);
  });

  it('and the rules of the pool it is in go on', () => {
    const { translations } = compiled().forHost('host-1');
    expect(translations.map(({ vip, port }) => `${vip}:${port}`)).toEqual([
      '80.80.80.80:33891',
      '80.80.80.80:53',
      '80.80.80.80:80',
      `${ADDRESS}:0`,
    ]);
  });
});
