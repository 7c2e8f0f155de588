/** Pools of many members, made from the example. */
import { type Json, lb, ref } from '../resources/example.js';

export const VIP = '80.80.80.80';
const POOL = '/loadBalancers/web/backendAddressPools/vms';

/** Canonical reference of the ipConfiguration of the member `name`. */
export function keyOf(name: string): string {
  return `/networkInterfaces/${name}/ipConfigurations/ip1`;
}

/** `count` names in the order of their keys. */
export function names(count: number): string[] {
  return Array.from({ length: count }, (_, at) => `vm-${String(at).padStart(4, '0')}`);
}

/** Puts members of these names into the pool, instead of those of the example; all on host-1. */
export function withMembers(fabric: Json, members: readonly string[], pools: readonly string[] = [POOL]): void {
  const web = fabric.virtualNetworks[0].properties.subnets[0].properties;
  web.addressPrefix = '10.0.0.0/16';
  fabric.networkInterfaces = members.map((resourceId, at) => ({
    resourceId,
    properties: {
      privateMacAddress: `02:00:00:01:${hexByte(at >> 8)}:${hexByte(at & 255)}`,
      server: ref('/servers/host-1'),
      ipConfigurations: [
        {
          resourceId: 'ip1',
          properties: {
            privateIPAddress: `10.0.${1 + (at >> 8)}.${at & 255}`,
            subnet: ref('/virtualNetworks/tenant-a/subnets/web'),
            loadBalancerBackendAddressPools: pools.map(ref),
          },
        },
      ],
    },
  }));
}

/** Adds an outbound rule with these settings for the frontends of these names, for the pool of the example. */
export function addOutboundRule(
  fabric: Json,
  resourceId: string,
  { protocol = 'All', frontends = ['fe'], pool = POOL, ...edgemux }: Json = {},
): void {
  lb(fabric).outboundNatRules.push({
    resourceId,
    properties: {
      frontendIPConfigurations: frontends.map((name: string) =>
        ref(`/loadBalancers/web/frontendIPConfigurations/${name}`),
      ),
      backendAddressPool: ref(pool),
      protocol,
      edgemux,
    },
  });
}

function hexByte(value: number): string {
  return value.toString(16).padStart(2, '0');
}
