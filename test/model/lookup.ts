/**
 * Which service or translation takes a packet: the exact port first, then any port of the protocol, then anything.
 */

export function mostSpecific<T extends { readonly vip: string; readonly protocol: number; readonly port: number }>(
  entries: readonly T[],
  destination: string,
  protocol: number,
  port: number,
): T | undefined {
  const find = (wantedProtocol: number, wantedPort: number): T | undefined =>
    entries.find(
      (entry) => entry.vip === destination && entry.protocol === wantedProtocol && entry.port === wantedPort,
    );
  return find(protocol, port) ?? find(protocol, 0) ?? find(0, 0);
}
