/** What serves in a lab: in every VM, and at the client for VMs that call out. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { programPath } from './package-files.js';
import { CLIENT_HTTP_PORT, ECHO_PORT, HTTP_PORT, type LabPlaces, NAT_BACKEND_PORT, type VmPlace } from './places.js';

/** Starts a command under a name in a namespace. */
export type Start = (name: string, namespace: string, command: readonly string[]) => unknown;

/** Starts the servers of a lab, whose run folder is `folder`. */
export async function startServers(
  { client, vms }: LabPlaces,
  web: 'node' | 'nginx',
  folder: string,
  start: Start,
): Promise<void> {
  start('web-client', client.namespace, ourServer('client', [CLIENT_HTTP_PORT]));
  for (const vm of vms) {
    // Behind an nginx ours has the other port alone.
    const ports = web === 'node' ? [HTTP_PORT, NAT_BACKEND_PORT] : [NAT_BACKEND_PORT];
    start(`web-${vm.number}`, vm.namespace, [...ourServer(vm.id, ports), String(ECHO_PORT)]);
    if (web === 'nginx') start(`nginx-${vm.number}`, vm.namespace, ['nginx', '-c', await writeNginx(vm, folder)]);
  }
}

function ourServer(name: string, ports: readonly number[]): string[] {
  return [process.execPath, programPath('web-server'), name, ports.join()];
}

/** nginx answers `/` itself, and hands on what takes a program: streams by length, digests of uploads. */
async function writeNginx({ number, id }: VmPlace, folder: string): Promise<string> {
  const path = join(folder, `nginx-${number}.conf`);
  const own = (name: string): string => join(folder, `nginx-${number}.${name}`);
  const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  await writeFile(
    path,
    `daemon off;
user root;
worker_processes 1;
pid ${own('pid')};
error_log ${own('error')};
events { worker_connections 1024; }
http {
  access_log off;
  keepalive_requests 100000000;
  client_max_body_size 0;
  ${kinds.map((kind) => `${kind}_temp_path ${own(kind)};`).join(' ')}
  server {
    listen ${HTTP_PORT} reuseport;
    listen [::]:${HTTP_PORT} reuseport;
    location = / {
      if ($request_method = POST) { rewrite ^ /post last; }
      default_type text/plain;
      return 200 "${id} $remote_addr $server_addr\\n";
    }
    location / { proxy_pass http://127.0.0.1:${NAT_BACKEND_PORT}; proxy_request_buffering off; proxy_buffering off; }
  }
}
`,
  );
  return path;
}
