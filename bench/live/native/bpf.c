#include "bpf.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

void fail(const char *what) {
  perror(what);
  exit(1);
}

long bpf(enum bpf_cmd command, union bpf_attr *attributes) {
  return syscall(SYS_bpf, command, attributes, sizeof *attributes);
}

int bpf_map(enum bpf_map_type type, uint32_t value_bytes, uint32_t entry_count) {
  union bpf_attr attributes = bpf_nothing();
  attributes.map_type = type;
  attributes.key_size = 4;
  attributes.value_size = value_bytes;
  attributes.max_entries = entry_count;
  attributes.map_flags = type == BPF_MAP_TYPE_ARRAY ? BPF_F_MMAPABLE : 0;
  const int map = (int)bpf(BPF_MAP_CREATE, &attributes);
  if (map < 0) fail("BPF_MAP_CREATE");
  return map;
}

void bpf_map_put(int map, uint32_t key, const void *value) {
  union bpf_attr attributes = bpf_nothing();
  attributes.map_fd = (uint32_t)map;
  attributes.key = (uintptr_t)&key;
  attributes.value = (uintptr_t)value;
  if (bpf(BPF_MAP_UPDATE_ELEM, &attributes) != 0) fail("BPF_MAP_UPDATE_ELEM");
}

int bpf_shared(size_t bytes, void **value) {
  const int map = bpf_map(BPF_MAP_TYPE_ARRAY, (uint32_t)bytes, 1);
  *value = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);
  if (*value == MAP_FAILED) fail("map");
  return map;
}

int bpf_program(enum bpf_prog_type type, enum bpf_attach_type attach_type, insn *instructions, size_t count) {
  for (size_t at = 0; at < count; at++) {
    if (BPF_CLASS(instructions[at].code) == BPF_JMP && instructions[at].off == GIVE_UP)
      instructions[at].off = (int16_t)(count - 2 - (at + 1));
  }
  static char log[1 << 16];
  union bpf_attr attributes = bpf_nothing();
  attributes.prog_type = type;
  attributes.expected_attach_type = attach_type;
  attributes.insns = (uintptr_t)instructions;
  attributes.insn_cnt = (uint32_t)count;
  attributes.license = (uintptr_t) "GPL";
  attributes.log_level = 1;
  attributes.log_size = sizeof log;
  attributes.log_buf = (uintptr_t)log;
  const int program = (int)bpf(BPF_PROG_LOAD, &attributes);
  if (program >= 0) return program;
  fputs(log, stderr);
  fail("BPF_PROG_LOAD");
}

int bpf_attach(int program, uint32_t interface, enum bpf_attach_type type) {
  union bpf_attr attributes = bpf_nothing();
  attributes.link_create.prog_fd = (uint32_t)program;
  attributes.link_create.target_ifindex = interface;
  attributes.link_create.attach_type = type;
  const int link = (int)bpf(BPF_LINK_CREATE, &attributes);
  if (link < 0) fail("BPF_LINK_CREATE");
  return link;
}
