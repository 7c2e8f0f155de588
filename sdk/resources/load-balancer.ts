/**
 * loadBalancers: which VIP and port goes to which pool, and how members reach out. MS-NCNBI; ranges from the Azure
 * Resource Manager schema of Microsoft.Network/loadBalancers.
 *
 * A pool does not list its members: each network interface names the pools it is in.
 */
import * as v from 'valibot';
import {
  boolean,
  integer,
  ipAddress,
  list,
  nonEmptyList,
  object,
  oneOf,
  properties,
  reference,
  resource,
  words,
} from './schema.js';

/** Ring sizes a rule may choose: primes (Maglev needs one), each just below the next power of two, then the default. */
export const RING_SLOT_COUNTS = [251, 509, 1021, 2039, 4093, 8191, 16381, 32749, 65521, 65537] as const;

/** The ports of a VIP that may be leased for outbound connections are these many, up to 65535. */
export const SNAT_PORT_COUNT = 64_512;

/** Ports are leased in blocks of these many, as Ananta and Azure do. */
export const SNAT_BLOCK_PORT_COUNT = 8;

const OUTBOUND_PORTS_EXPECTED = `multiple of ${SNAT_BLOCK_PORT_COUNT}, 0..${SNAT_PORT_COUNT}`;

const frontends = nonEmptyList(reference('frontendIPConfiguration'), 'reference to a frontendIPConfiguration');

// Minutes; the range and default of Azure and of Windows Admin Center.
const idleTimeoutInMinutes = v.optional(integer(4, 30), 4);

const FrontendIPConfigurationSchema = resource(
  properties(
    {
      privateIPAddress: v.exactOptional(ipAddress()),
      privateIPAllocationMethod: v.exactOptional(oneOf(['Dynamic', 'Static', 'Unmanaged'])),
      subnet: v.exactOptional(reference('logicalNetworkSubnet', 'virtualNetworkSubnet')),
      publicIPAddress: v.exactOptional(reference('publicIPAddress')),
    },
    ['loadBalancingRules', 'inboundNatRules', 'outboundNatRules'],
  ),
);

const BackendAddressPoolSchema = resource(
  v.optional(properties({}, ['backendIPConfigurations', 'loadBalancingRules', 'outboundNatRules']), {}),
);

const ProbeSchema = resource(
  properties(
    {
      protocol: oneOf(['Tcp', 'Http', 'Https']),
      port: integer(1, 65535),
      requestPath: v.exactOptional(words()),
      // The longest interval a JavaScript timer can wait is 2^31 - 1 milliseconds.
      intervalInSeconds: v.optional(integer(5, 2_147_483), 15),
      numberOfProbes: v.optional(integer(1, 65535), 2),
    },
    ['loadBalancingRules'],
  ),
);

// An edgemux extension, see `LoadBalancingRule`.
const RuleExtensionSchema = object({
  ringSlotCount: v.optional(
    v.pipe(integer(0, 65537), v.picklist(RING_SLOT_COUNTS, `one of ${RING_SLOT_COUNTS.join(', ')}`)),
    65537,
  ),
  enableTcpReset: v.optional(boolean(), false),
});

const LoadBalancingRuleSchema = resource(
  properties({
    frontendIPConfigurations: frontends,
    backendAddressPool: reference('backendAddressPool'),
    probe: v.exactOptional(reference('probe')),
    protocol: oneOf(['Tcp', 'Udp', 'All', 'GRE', 'ESP']),
    frontendPort: integer(0, 65534),
    backendPort: integer(0, 65535),
    loadDistribution: v.optional(oneOf(['Default', 'SourceIP', 'SourceIPProtocol']), 'Default'),
    idleTimeoutInMinutes,
    enableFloatingIP: v.optional(boolean(), false),
    edgemux: v.optional(RuleExtensionSchema, {}),
  }),
);

// An edgemux extension, see `InboundNatRule`.
const InboundNatExtensionSchema = object({ enableTcpReset: v.optional(boolean(), false) });

const InboundNatRuleSchema = resource(
  properties({
    frontendIPConfigurations: frontends,
    backendIPConfiguration: v.exactOptional(reference('ipConfiguration')),
    protocol: oneOf(['Tcp', 'Udp']),
    frontendPort: integer(1, 65534),
    backendPort: integer(1, 65535),
    idleTimeoutInMinutes,
    enableFloatingIP: v.optional(boolean(), false),
    edgemux: v.optional(InboundNatExtensionSchema, {}),
  }),
);

// An edgemux extension, see `OutboundNatRule`.
const OutboundNatExtensionSchema = object({
  allocatedOutboundPorts: v.optional(
    v.pipe(
      integer(0, SNAT_PORT_COUNT, OUTBOUND_PORTS_EXPECTED),
      v.multipleOf(SNAT_BLOCK_PORT_COUNT, OUTBOUND_PORTS_EXPECTED),
    ),
    0,
  ),
  // Minutes; the range of Azure's outbound rules.
  idleTimeoutInMinutes: v.optional(integer(4, 120), 4),
  enableTcpReset: v.optional(boolean(), false),
});

const OutboundNatRuleSchema = resource(
  properties({
    frontendIPConfigurations: frontends,
    backendAddressPool: reference('backendAddressPool'),
    protocol: oneOf(['Tcp', 'Udp', 'All']),
    edgemux: v.optional(OutboundNatExtensionSchema, {}),
  }),
);

/** Schema of `LoadBalancer`. */
export const LoadBalancerSchema = resource(
  properties(
    {
      frontendIPConfigurations: list(FrontendIPConfigurationSchema),
      backendAddressPools: list(BackendAddressPoolSchema),
      probes: list(ProbeSchema),
      loadBalancingRules: list(LoadBalancingRuleSchema),
      inboundNatRules: list(InboundNatRuleSchema),
      outboundNatRules: list(OutboundNatRuleSchema),
    },
    ['updateBackendAddressPools'],
  ),
);

/** A load balancer: frontends, pools, probes and the rules that join them. */
export type LoadBalancer = v.InferOutput<typeof LoadBalancerSchema>;

/** A VIP: a publicIPAddress, or a privateIPAddress of its own, which then lies in `subnet` if that is given. */
export type FrontendIPConfiguration = v.InferOutput<typeof FrontendIPConfigurationSchema>;

/** A pool; its members are the ipConfigurations that refer to it. */
export type BackendAddressPool = v.InferOutput<typeof BackendAddressPoolSchema>;

/** How the members of a pool are asked whether they are well; `intervalInSeconds` 5 and up, default 15. */
export type Probe = v.InferOutput<typeof ProbeSchema>;

/**
 * A rule that spreads connections to a VIP and port over a pool.
 *
 * frontendPort 0..65534, 0 is any port; backendPort 0..65535, 0 keeps the port. Protocols All, GRE and ESP need both to
 * be 0. The extension `edgemux` has `ringSlotCount`, one of `RING_SLOT_COUNTS`, default 65537, and `enableTcpReset`, default
 * false: whether both ends of an idle connection are told that it is gone.
 */
export type LoadBalancingRule = v.InferOutput<typeof LoadBalancingRuleSchema>;

/**
 * A rule that sends a VIP and port to one ipConfiguration, named here or by the ipConfiguration.
 *
 * The extension `edgemux` has `enableTcpReset`, default false, as a load balancing rule's.
 */
export type InboundNatRule = v.InferOutput<typeof InboundNatRuleSchema>;

/**
 * A rule that lets a pool's members reach out under its VIPs, each member under all of them of its family.
 *
 * The extension `edgemux` has `allocatedOutboundPorts`, a multiple of 8 up to 64512: the ports each member gets of each
 * VIP, 0 (the default) for as many as pools of this size get; `idleTimeoutInMinutes` 4..120, default 4; and
 * `enableTcpReset`, default false.
 */
export type OutboundNatRule = v.InferOutput<typeof OutboundNatRuleSchema>;
