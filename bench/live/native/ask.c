/*
 * The latency of requests: one connection, one request at a time, and nothing else in the way.
 *
 *   ask ADDRESS PORT COUNT      prints nanoseconds of every request, one a line
 */
#include "bpf.h"
#include "../../native/traffic.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* A request that takes longer has failed. */
#define LATE_SECONDS 3

static const char REQUEST[] = "GET / HTTP/1.1\r\nHost: lab\r\n\r\n";

static int connect_to(const char *address, uint16_t port) {
  struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons(port)};
  if (inet_pton(AF_INET, address, &server.sin_addr) != 1) fail(address);
  const int connection = socket(AF_INET, SOCK_STREAM, 0);
  if (connection < 0 || connect(connection, (struct sockaddr *)&server, sizeof server) != 0) fail("connect");
  const int one = 1;
  const struct timeval late = {.tv_sec = LATE_SECONDS};
  setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &late, sizeof late);
  setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return connection;
}

/* An answer is so short that it comes in one piece. */
static uint64_t ask(int connection) {
  char answer[4096];
  const uint64_t start = now_ns();
  if (send(connection, REQUEST, sizeof REQUEST - 1, 0) < 0) fail("send");
  if (recv(connection, answer, sizeof answer, 0) <= 0) fail("recv");
  return now_ns() - start;
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  const int connection = connect_to(argv[1], (uint16_t)atoi(argv[2]));
  const long count = atol(argv[3]);
  for (long at = 0; at < count; at++) printf("%llu\n", (unsigned long long)ask(connection));
}
