/*
 * Programs for the kernel, written as instructions, and the system call that takes them: no library and no second
 * compiler. What goes wrong ends the process.
 */
#pragma once

#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct bpf_insn insn;

enum { R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10 };

#define INSN(CODE, DST, SRC, OFF, IMM) {.code = (CODE), .dst_reg = (DST), .src_reg = (SRC), .off = (OFF), .imm = (int32_t)(IMM)}
#define LOAD(SIZE, DST, SRC, OFF) INSN(BPF_LDX | BPF_MEM | (SIZE), DST, SRC, OFF, 0)
#define STORE(SIZE, DST, OFF, SRC) INSN(BPF_STX | BPF_MEM | (SIZE), DST, SRC, OFF, 0)
#define MOVE(DST, SRC) INSN(BPF_ALU64 | BPF_MOV | BPF_X, DST, SRC, 0, 0)
#define SET(DST, IMM) INSN(BPF_ALU64 | BPF_MOV | BPF_K, DST, 0, 0, IMM)
#define ALU64(OP, DST, SRC) INSN(BPF_ALU64 | (OP) | BPF_X, DST, SRC, 0, 0)
#define ALU64_IMM(OP, DST, IMM) INSN(BPF_ALU64 | (OP) | BPF_K, DST, 0, 0, IMM)
/* On 32 bits: the upper half of the register becomes 0. */
#define ALU32(OP, DST, SRC) INSN(BPF_ALU | (OP) | BPF_X, DST, SRC, 0, 0)
#define ALU32_IMM(OP, DST, IMM) INSN(BPF_ALU | (OP) | BPF_K, DST, 0, 0, IMM)
/* Over as many instructions as `OFF` says. */
#define JUMP(OP, DST, SRC, OFF) INSN(BPF_JMP | (OP) | BPF_X, DST, SRC, OFF, 0)
#define JUMP_IMM(OP, DST, IMM, OFF) INSN(BPF_JMP | (OP) | BPF_K, DST, 0, OFF, IMM)
#define CALL(FUNCTION) INSN(BPF_JMP | BPF_CALL, 0, 0, 0, FUNCTION)
#define EXIT() INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
/* Two instructions: the map of a descriptor, or the address of the value of an array of one. */
#define LOAD_MAP(DST, FD) INSN(BPF_LD | BPF_DW | BPF_IMM, DST, BPF_PSEUDO_MAP_FD, 0, FD), INSN(0, 0, 0, 0, 0)
#define LOAD_VALUE(DST, FD) INSN(BPF_LD | BPF_DW | BPF_IMM, DST, BPF_PSEUDO_MAP_VALUE, 0, FD), INSN(0, 0, 0, 0, 0)

/* Prints what failed and why, and ends the process. */
void fail(const char *what) __attribute__((noreturn));

/* Attributes to be filled in: the kernel wants zeros in all of the union, which an initializer of one member need not write. */
static inline union bpf_attr bpf_nothing(void) {
  union bpf_attr attributes;
  memset(&attributes, 0, sizeof attributes);
  return attributes;
}

long bpf(enum bpf_cmd command, union bpf_attr *attributes);

/* A map of 4-byte keys. */
int bpf_map(enum bpf_map_type type, uint32_t value_bytes, uint32_t entry_count);
void bpf_map_put(int map, uint32_t key, const void *value);

/* An array of one, and that one in our own memory. */
int bpf_shared(size_t bytes, void **value);

/* Where a jump goes that gives the frame up: to the last two instructions. */
#define GIVE_UP 0x7fff

/* Loads a program, whose jumps to GIVE_UP it resolves. */
int bpf_program(enum bpf_prog_type type, enum bpf_attach_type attach_type, insn *instructions, size_t count);

/* Ties a program to an interface until the descriptor is closed, or the process ends. */
int bpf_attach(int program, uint32_t interface, enum bpf_attach_type type);
