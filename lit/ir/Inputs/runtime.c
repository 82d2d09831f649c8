// A runtime that only says what it was given, for the tests of registration. Maps are the reader's business.
// identity: flags -DTABLE_VERSION=0
#include <stdint.h>
#include <stdio.h>

struct descriptor {
  uint64_t magic;
  uint32_t version, size;
  const unsigned char *records_begin, *records_end, *maps_begin, *maps_end, *globals_begin, *globals_end;
  unsigned char *marking_begin, *marking_end;
  const unsigned char *copies_begin, *copies_end;
};

static int module_count;

// The functions that the records name, each looked for among those that the program says it has (see names below).
__attribute__((weak)) extern const struct { const void *address; const char *name; } managed_names[];

static void print_records(const struct descriptor *d) {
  for (const unsigned char *r = d->records_begin; r != d->records_end; r += 8) {
    const unsigned char *start = r + *(const int32_t *)r;
    for (unsigned i = 0; managed_names && managed_names[i].name; ++i)
      if (managed_names[i].address == start)
        printf("  table of %s\n", managed_names[i].name);
  }
}

void __stillpoint_register_tables(const struct descriptor *d) {
  int sound = d->magic == 0x0054504c4c495453 && d->version == TABLE_VERSION && d->size == sizeof *d && (d->records_end - d->records_begin) % 8 == 0;
  printf("register module %d: %s, %s\n", ++module_count, sound ? "sound" : "broken",
         d->records_begin == d->records_end ? "no tables" : "tables");
  print_records(d);
}

void __stillpoint_unregister_tables(const struct descriptor *d) {
  (void)d;
  printf("unregister module\n");
  fflush(stdout);
}
