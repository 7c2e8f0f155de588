/*
 * The talk with the harness, which is the same for both yardsticks.
 */
#include "commands.h"

#include <string.h>

static const struct command *find_command(const struct command *commands, size_t count, const char *name) {
  for (size_t at = 0; at < count; at++) {
    if (strcmp(commands[at].name, name) == 0) return &commands[at];
  }
  return NULL;
}

int serve_commands(const struct command *commands, size_t count) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  char *line = NULL;
  size_t capacity = 0;
  while (getline(&line, &capacity, stdin) > 0) {
    line[strcspn(line, "\n")] = '\0';
    char *arguments = line + strcspn(line, " ");
    if (*arguments != '\0') *arguments++ = '\0';
    const struct command *command = find_command(commands, count, line);
    if (command == NULL) return 1;
    command->run(arguments);
  }
  free(line);
  return 0;
}

uint32_t read_frame(const char *hex, uint8_t *frame) {
  const size_t length = strlen(hex) / 2;
  for (size_t at = 0; at < length; at++) sscanf(hex + 2 * at, "%2hhx", &frame[at]);
  return (uint32_t)length;
}

FILE *open_frames(char *arguments, unsigned long *batches) {
  char *path;
  *batches = strtoul(arguments, &path, 10);
  FILE *file = fopen(path + strspn(path, " "), "wb");
  if (file == NULL) exit(1);
  return file;
}

void write_outcome(FILE *file, uint8_t verdict, uint8_t reason, const uint8_t *frame, uint32_t length) {
  fwrite(&verdict, 1, 1, file);
  fwrite(&reason, 1, 1, file);
  fwrite(&length, 4, 1, file);
  fwrite(frame, 1, length, file);
}
