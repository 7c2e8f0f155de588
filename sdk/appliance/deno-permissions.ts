/**
 * What Deno has to permit, and why:
 *
 *   --allow-ffi    the C library, through koffi: packet ports, the tables of the kernel, settings of our own devices
 *   --allow-read   the fabric file, and the files of the package: threads and koffi are loaded while it runs
 *   --allow-net    the speaker: it listens on TCP port 179 and connects to the routers. A host agent needs none, nor does --no-bgp
 *
 * A capture that is written takes --allow-write beside them. Neither the environment nor other programs are asked for anything.
 */
export const DENO_PERMISSIONS = ['--allow-ffi', '--allow-read', '--allow-net'] as const;
