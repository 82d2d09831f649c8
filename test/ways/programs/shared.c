// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A shared object, linked and loaded at run time: the same file is both (shared_part.c).
#include <dlfcn.h>
#include <stdio.h>

unsigned shared_work(unsigned seed, unsigned rounds);
extern _Thread_local unsigned shared_calls;

int main(int count, char **words) {
  unsigned x = shared_work(1, 2000000);
  for (int i = 1; i < count; ++i)
    for (int again = 0; again != 20; ++again) {
      void *const library = dlopen(words[i], RTLD_NOW | RTLD_LOCAL);
      unsigned (*work)(unsigned, unsigned) = library ? (unsigned (*)(unsigned, unsigned))dlsym(library, "shared_work") : 0;
      if (!work) {
        puts(dlerror());
        return 1;
      }
      x ^= work(x, 50000);
      dlclose(library);
    }
  printf("shared %u %u\n", x, shared_calls);
  return 0;
}
