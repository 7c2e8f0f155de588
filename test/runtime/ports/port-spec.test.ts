/** The text of packet ports: what it means, and the one line each mistake gets. */
import { describe, expect, it } from 'vitest';
import { parsePortSpec, portName, queuesOf } from '../../../sdk/runtime/node/ports/port-spec.js';

describe('the text of a port', () => {
  it.each([
    ['xdp:up0', 'xdp', 'up0', {}],
    [
      'af_xdp:up0,mode=generic,zerocopy=no,queues=0-3',
      'xdp',
      'up0',
      { mode: 'generic', zerocopy: 'no', queues: '0-3' },
    ],
    ['packet:br-lan.100', 'packet', 'br-lan.100', {}],
    ['af_packet:up0', 'packet', 'up0', {}],
    ['tun:mux0', 'tun', 'mux0', {}],
    ['tap:vm0,mtu=9000', 'tap', 'vm0', { mtu: '9000' }],
    ['udp', 'udp', '', {}],
    ['udp,port=14789', 'udp', '', { port: '14789' }],
    ['pcap:in.pcap', 'pcap', 'in.pcap', {}],
    ['pcap:C:/in.pcap,out=a=b.pcap', 'pcap', 'C:/in.pcap', { out: 'a=b.pcap' }],
    ['pcap:,out=out.pcap', 'pcap', '', { out: 'out.pcap' }],
  ])('%s', (text, kind, target, options) => {
    expect(parsePortSpec(text)).toEqual({ text, kind, target, options });
  });

  it.each([
    ['xpd:up0', 'xpd is no kind of port: xdp, packet, tun, tap, udp, pcap'],
    ['up0', 'up0 is no kind of port: xdp, packet, tun, tap, udp, pcap'],
    ['constructor:up0', 'constructor is no kind of port: xdp, packet, tun, tap, udp, pcap'],
    [':up0', 'it has no kind: one of xdp, packet, tun, tap, udp, pcap'],
    ['', 'it has no kind: one of xdp, packet, tun, tap, udp, pcap'],
    ['xdp', 'it names no interface: KIND:eth0'],
    ['tun:,mtu=1500', 'it names no interface: KIND:eth0'],
    [
      'packet:an-interface-of-16',
      'an-interface-of-16 is no name of an interface: 1..15 characters without blanks, / : %',
    ],
    ['packet:a b', 'a b is no name of an interface: 1..15 characters without blanks, / : %'],
    ['tun:mux%d', 'mux%d is no name of an interface: 1..15 characters without blanks, / : %'],
    ['packet:..', '.. is no name of an interface: 1..15 characters without blanks, / : %'],
    ['udp:up0', 'it names no interface: udp or udp,port=4789'],
    ['pcap', 'it names no capture: pcap:in.pcap'],
    ['pcap:', 'it neither reads a capture nor writes one: pcap:in.pcap,out=out.pcap'],
    ['xdp:up0,mod=native', 'xdp has no option mod: it takes mode, zerocopy, queues'],
    ['xdp:up0,toString=1', 'xdp has no option toString: it takes mode, zerocopy, queues'],
    ['packet:up0,mode=native', 'packet has no option mode: it takes none'],
    ['xdp:up0,mode', 'option mode has no value: mode=…'],
    ['xdp:up0,mode=fast', 'mode is native or generic, not fast'],
    ['xdp:up0,mode=', 'mode is native or generic, not nothing'],
    ['xdp:up0,queues=3-1', 'queues is one queue or a range of them, 0 or 0-3, not 3-1'],
    ['xdp:up0,queues=all', 'queues is one queue or a range of them, 0 or 0-3, not all'],
    ['tun:mux0,mtu=9', 'mtu is 68..65521, not 9'],
    ['udp,port=0', 'port is 1..65535, not 0'],
    ['udp,port=1,port=2', 'option port is there twice'],
    ['pcap:a,out=', 'out is a file to write, not nothing'],
  ])('%s: refused in one line', (text, why) => {
    expect(() => parsePortSpec(text)).toThrow(
      expect.objectContaining({ code: 'ERR_PORT', message: `${text}: ${why}` }),
    );
  });

  it('names and queues', () => {
    expect(portName(parsePortSpec('xdp:up0,mode=generic'))).toBe('xdp:up0');
    expect(portName(parsePortSpec('udp,port=1'))).toBe('udp');
    expect(queuesOf(parsePortSpec('xdp:up0,queues=1-3'))).toEqual([1, 2, 3]);
    expect(queuesOf(parsePortSpec('xdp:up0,queues=2'))).toEqual([2]);
    expect(queuesOf(parsePortSpec('xdp:up0'))).toBeUndefined();
  });
});
